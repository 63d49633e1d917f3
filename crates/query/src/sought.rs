//! The values that a query's conditions name. If the query finds no row, the user wants to know which of these values do not occur.

use crate::column::{Comparison, Value};
use crate::datasets::catalog::{Column, Field};
use crate::diagnostic::nearest::nearest;
use crate::diagnostic::{alternatives, quoted};
use crate::plan::{Condition, Plan, Predicate, Selected};

/// Further values are not looked for, since each takes a query of its own.
const MAXIMUM_SOUGHT: usize = 8;

/// A value in a condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Sought {
    /// A plan whose rows have the value, at any time and without the rest of the query. One row is enough.
    pub plan: Plan,
    /// The note if there is no such row.
    pub note: String,
    /// Whether the column is sensitive, so that a caller who may not see it gets no note.
    pub sensitive: bool,
}

/// The values of `=` and IN on columns, in the order of the query.
pub fn sought(plan: &Plan) -> Vec<Sought> {
    let mut all = Vec::new();
    for condition in &plan.row_conditions {
        let values = match &condition.predicate {
            Predicate::Compare(Comparison::Equal, value) => std::slice::from_ref(value),
            Predicate::In { values, negated: false } => values.as_slice(),
            _ => continue,
        };
        let Field::Column(index) = condition.field else { continue };
        let Some(column) = plan.dataset.columns.get(index) else { continue };
        for value in values.iter().take(MAXIMUM_SOUGHT - all.len()) {
            let test = Predicate::Compare(Comparison::Equal, value.clone());
            let name = plan.name_of(condition.field);
            let note = note(column, name, value);
            let shown = Selected { field: condition.field, name: name.to_owned() };
            let plan = Plan::any_row(&plan.dataset, shown, vec![Condition { field: condition.field, predicate: test }]);
            all.push(Sought { plan, note, sensitive: column.sensitive });
        }
    }
    all
}

fn note(column: &Column, name: &str, value: &Value) -> String {
    let text = text(value);
    let found = format!("{} occurs nowhere in {name}", quoted(&text));
    let allowed = column.allowed.iter().map(String::as_str);
    // A value of the closed list is spelled right; it just does not occur.
    match nearest(&text, allowed.clone()).filter(|near| !near.eq_ignore_ascii_case(&text)) {
        Some(near) => format!("{found}; did you mean {}?", quoted(near)),
        None if column.allowed.is_empty() || column.allowed.iter().any(|value| value.eq_ignore_ascii_case(&text)) => found,
        None => format!("{found}, whose values are {}", alternatives(&allowed.collect::<Vec<_>>())),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Decimal { unscaled, scale } => decimal(*unscaled, *scale),
        Value::Date(day) => day.to_string(),
        Value::Timestamp(instant) => instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        Value::Bool(is_so) => is_so.to_string(),
    }
}

fn decimal(unscaled: i128, scale: i8) -> String {
    let scale = usize::try_from(scale).unwrap_or(0);
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests;
