//! Describes in sentences what a query does, from its plan and the window of an execution.
//!
//! The sentences show people what their text means and implies. Whose rows are read, and how many, is not known here.

use chrono::{DateTime, Utc};

use crate::column::{Comparison, Value};
use crate::datasets::catalog::{ColumnType, Field};
use crate::diagnostic::shortened;
use crate::plan::{Condition, Plan, Predicate, WindowSource};
use crate::timespan::Window;

/// The number of values of a list that are named.
const NAMED: usize = 10;

/// The parts in the order in which they apply. Each is a sentence unless stated otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub dataset: String,
    pub time: String,
    /// The conditions on rows, one phrase for each; not sentences.
    pub conditions: Vec<String>,
    /// `None` if rows are not grouped.
    pub grouping: Option<String>,
    /// The conditions on groups, one phrase for each; not sentences.
    pub group_conditions: Vec<String>,
    pub output: String,
    /// The order, including that of ties and nulls.
    pub order: String,
    pub limit: Option<String>,
    /// The rules for the conditions, if there are any.
    rules: Option<&'static str>,
}

/// `window` is that of the execution, and `source` is the rule that it follows.
pub fn words(plan: &Plan, window: Window, source: WindowSource) -> Words {
    let dataset = &plan.dataset;
    let described = |conditions: &[Condition]| conditions.iter().map(|condition| met(plan, condition)).collect::<Vec<_>>();
    let title = if dataset.title == dataset.name { String::new() } else { format!(" ({})", dataset.title) };
    let conditions = || plan.row_conditions.iter().chain(&plan.group_conditions);
    let folds = conditions().any(|c| dataset.field_type(c.field) == ColumnType::String || matches!(c.predicate, Predicate::Like { .. }));
    let rules = match conditions().next() {
        None => None,
        Some(_) if folds => Some("Letter case makes no difference, and a null meets no condition."),
        Some(_) => Some("A null meets no condition."),
    };
    Words {
        dataset: format!("Reads the dataset {}{title}.", dataset.name),
        time: time(plan, window, source),
        conditions: described(&plan.row_conditions),
        grouping: grouping(plan),
        group_conditions: described(&plan.group_conditions),
        output: format!("Returns {}.", listed(plan.outputs.iter().map(|output| &output.name))),
        order: order(plan),
        limit: plan.limit.map(|limit| format!("Ends after {}.", counted(limit, "row"))),
        rules,
    }
}

impl Words {
    /// All sentences except that about the dataset, to be read after a sentence that says whose rows are read.
    pub fn sentences(&self) -> Vec<String> {
        let kept = |what: &str, conditions: &[String]| match conditions {
            [] => None,
            [only] => Some(format!("Keeps {what} where {only}.")),
            several => Some(format!("Keeps {what} where all of these hold: {}.", several.join("; "))),
        };
        let parts = [
            Some(self.time.clone()),
            kept("rows", &self.conditions),
            self.grouping.clone(),
            kept("groups", &self.group_conditions),
            self.rules.map(str::to_owned),
            Some(self.output.clone()),
            Some(self.order.clone()),
            self.limit.clone(),
        ];
        parts.into_iter().flatten().collect()
    }
}

fn time(plan: &Plan, window: Window, source: WindowSource) -> String {
    let column = plan.dataset.date_column.map_or("", |index| plan.name_of(Field::Column(index)));
    let because = match source {
        WindowSource::NoDates => return "Takes rows of all times: the dataset has no date column.".to_owned(),
        WindowSource::Given => "the start and end that were given go before TIMESPAN".to_owned(),
        WindowSource::Span(span) => format!("TIMESPAN {span}"),
        WindowSource::Default(span) => format!("{span}, since the query has no TIMESPAN"),
    };
    match window {
        Window::All => format!("Takes rows of all times, those without {column} too ({because})."),
        Window::Between { start: None, end } => format!("Takes rows with {column} before {} ({because}).", instant(end)),
        Window::Between { start: Some(start), end } => {
            format!("Takes rows with {column} from {} to before {} ({because}).", instant(start), instant(end))
        }
    }
}

fn grouping(plan: &Plan) -> Option<String> {
    let dataset = &plan.dataset;
    if plan.distinct {
        return Some("Takes each different row once, where it first occurs.".to_owned());
    }
    if !plan.grouped {
        return None;
    }
    let metrics =
        plan.metrics().into_iter().filter_map(|index| Some((plan.name_of(Field::Metric(index)), &dataset.metrics.get(index)?.text)));
    let metrics = metrics.map(|(name, text)| if text.is_empty() { name.to_owned() } else { format!("{name} = {text}") });
    let computed = listed(metrics);
    let keys = plan.group_columns();
    let keys = keys.iter().map(|index| plan.name_of(Field::Column(*index)));
    Some(match listed(keys) {
        keys if keys.is_empty() => format!("Makes one group of all rows, and computes {computed}."),
        keys => format!("Groups rows by {keys}, and computes {computed} for each group."),
    })
}

fn order(plan: &Plan) -> String {
    let what = if plan.grouped { "groups" } else { "rows" };
    let direction = |descending| if descending { "descending" } else { "ascending" };
    let keys: Vec<String> = plan.order.iter().map(|key| format!("{} {}", plan.name_of(key.field), direction(key.descending))).collect();
    let ties: Vec<&str> = plan
        .group_columns()
        .into_iter()
        .map(Field::Column)
        .filter(|field| !plan.order.iter().any(|key| key.field == *field))
        .map(|field| plan.name_of(field))
        .collect();
    let ties = match (plan.grouped, ties.is_empty()) {
        (false, _) => Some("in the order of the files".to_owned()),
        (true, false) => Some(format!("in ascending order of {}", listed(ties))),
        (true, true) => None,
    };
    match (keys.is_empty(), ties) {
        (true, None) => "There is one group.".to_owned(),
        (true, Some(ties)) => format!("The {what} come {ties}."),
        (false, None) => format!("Orders by {}, nulls last.", keys.join(", then ")),
        (false, Some(ties)) => format!("Orders by {}, nulls last; equal {what} come {ties}.", keys.join(", then ")),
    }
}

/// A phrase for a condition.
fn met(plan: &Plan, condition: &Condition) -> String {
    let (name, kind) = (plan.name_of(condition.field), plan.dataset.field_type(condition.field));
    match &condition.predicate {
        Predicate::Compare(comparison, value) => {
            let (comparison, value) = exact(kind, *comparison, value);
            format!("{name} {} {}", compared(kind, comparison), written(&value))
        }
        Predicate::In { values, negated } => {
            let mut items: Vec<String> = values.iter().take(NAMED).map(written).collect();
            if values.len() > NAMED {
                items.push(format!("{} more", values.len() - NAMED));
            }
            format!("{name} is {} of {}", if *negated { "none" } else { "one" }, listed(items))
        }
        Predicate::Like { pattern, negated } => {
            let as_text = if kind == ColumnType::String { "" } else { ", as CSV writes it," };
            let matches = if *negated { "does not match" } else { "matches" };
            format!("{name}{as_text} {matches} the pattern {}", text(pattern))
        }
        Predicate::Nothing => format!("{name} has a value that it cannot have, so that nothing is left"),
        Predicate::NotNull => format!("{name} has a value"),
    }
}

fn compared(kind: ColumnType, comparison: Comparison) -> &'static str {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    match (kind, comparison) {
        (_, Equal) => "is",
        (_, NotEqual) => "is not",
        (ColumnType::Date, Less) | (ColumnType::Timestamp, Less) => "is before",
        (ColumnType::Date, LessOrEqual) => "is on or before",
        (ColumnType::Date, Greater) | (ColumnType::Timestamp, Greater) => "is after",
        (ColumnType::Date, GreaterOrEqual) => "is on or after",
        (ColumnType::Timestamp, LessOrEqual) => "is at or before",
        (ColumnType::Timestamp, GreaterOrEqual) => "is at or after",
        (_, Less) => "is less than",
        (_, LessOrEqual) => "is at most",
        (_, Greater) => "is more than",
        (_, GreaterOrEqual) => "is at least",
    }
}

/// The same comparison with a value that the field can have: a plan represents a number between two of them by their middle.
fn exact(kind: ColumnType, comparison: Comparison, value: &Value) -> (Comparison, Value) {
    use Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};
    let scale = match kind {
        ColumnType::Int64 => 0,
        ColumnType::Decimal { scale, .. } => scale,
        _ => return (comparison, value.clone()),
    };
    let Value::Decimal { unscaled, scale: finer } = value else { return (comparison, value.clone()) };
    let power = u32::try_from(i32::from(*finer) - i32::from(scale)).ok().and_then(|digits| 10_i128.checked_pow(digits));
    let Some(power) = power.filter(|power| unscaled % power != 0) else { return (comparison, value.clone()) };
    let below = unscaled.div_euclid(power);
    match comparison {
        Less | LessOrEqual => (LessOrEqual, Value::Decimal { unscaled: below, scale }),
        Greater | GreaterOrEqual => (GreaterOrEqual, Value::Decimal { unscaled: below + 1, scale }),
        other => (other, value.clone()),
    }
}

/// The value as a query would write it.
fn written(value: &Value) -> String {
    match value {
        Value::String(value) => text(value),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Decimal { unscaled, scale } => decimal(*unscaled, *scale),
        Value::Date(day) => day.to_string(),
        Value::Timestamp(time) => time.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string(),
        Value::Bool(value) => value.to_string(),
    }
}

fn text(value: &str) -> String {
    format!("'{}'", shortened(value).replace('\'', "''"))
}

fn decimal(unscaled: i128, scale: i8) -> String {
    let Some(scale) = usize::try_from(scale).ok().filter(|scale| *scale > 0) else {
        return format!("{unscaled}{}", "0".repeat(scale.unsigned_abs().into()));
    };
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{}{whole}.{fraction}", if unscaled < 0 { "-" } else { "" })
}

fn instant(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Joins items as `a, b and c`.
fn listed(items: impl IntoIterator<Item = impl Into<String>>) -> String {
    let items: Vec<String> = items.into_iter().map(Into::into).collect();
    match items.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A number with its noun, such as `1 row` or `2 rows`.
pub fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
