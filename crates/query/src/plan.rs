//! A checked query, which the engine executes. Every name is resolved, every literal is converted, and every rule of the language is met.
//!
//! A plan contains no tenant and no time: the scope and the window are given when it is executed, so that one stored query serves every execution.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::column::{Comparison, Value};
use crate::datasets::catalog::{Dataset, Field};
use crate::timespan::{TimeSpan, Window};

#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub dataset: Arc<Dataset>,
    /// In SELECT's order; the same field may occur twice, under one name or under several.
    pub outputs: Vec<Selected>,
    /// False if the query is grouped, since groups differ already.
    pub distinct: bool,
    /// True if a metric is used anywhere: rows are then grouped by the columns in `outputs`.
    pub grouped: bool,
    /// Conditions on columns, all of which a row must meet.
    pub row_conditions: Vec<Condition>,
    /// Conditions on metrics, all of which a group must meet.
    pub group_conditions: Vec<Condition>,
    pub order: Vec<OrderKey>,
    pub limit: Option<u64>,
    /// `None` if the query has no TIMESPAN.
    pub span: Option<TimeSpan>,
    /// Fields to which the query refers by another name than the dataset's own, each once; see [`Plan::name_of`].
    pub aliased: Vec<(Field, String)>,
    /// What the caller should know although it is not an error, such as a literal that cannot be converted to its column's type.
    pub notes: Vec<String>,
}

/// A column of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    pub field: Field,
    /// The name that the query wrote, in the dataset's spelling: the header in artifacts and the key in previews.
    pub name: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub field: Field,
    pub predicate: Predicate,
}

/// A predicate follows SQL's three-valued logic: a null field meets no predicate.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    Compare(Comparison, Value),
    /// `values` is not empty.
    In {
        values: Vec<Value>,
        negated: bool,
    },
    /// `%` matches any text, `_` any one character, and `\` takes the next character literally. Case is folded. A field of another type than String
    /// is compared as CSV writes its value.
    Like {
        pattern: String,
        negated: bool,
    },
    /// What is left if no literal converts to the field's type: nothing matches.
    Nothing,
    /// The same for `!=` or NOT IN: every value that is not null matches.
    NotNull,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderKey {
    pub field: Field,
    /// Nulls come last in both directions.
    pub descending: bool,
}

/// The reason for the period that an execution reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowSource {
    /// The dataset has no date column, so that there is no period.
    NoDates,
    /// The caller gave a start, an end or both.
    Given,
    /// The query has a TIMESPAN.
    Span(TimeSpan),
    /// The query has no TIMESPAN, so that the default applies.
    Default(TimeSpan),
}

impl Plan {
    /// A plan that finds out whether any row meets the conditions, at any time: one field of one such row.
    pub(crate) fn any_row(dataset: &Arc<Dataset>, shown: Selected, row_conditions: Vec<Condition>) -> Plan {
        Plan {
            dataset: Arc::clone(dataset),
            outputs: vec![shown],
            distinct: false,
            grouped: false,
            row_conditions,
            group_conditions: Vec::new(),
            order: Vec::new(),
            limit: Some(1),
            span: None,
            aliased: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The period of the date column that an execution reads.
    ///
    /// `anchor` is the slot of a scheduled execution, and otherwise the time of creation. An explicit `start` or `end` (exclusive) overrides
    /// TIMESPAN: if only a start is given, the period reaches to the anchor, and if only an end is given, it begins with the first row. Without any
    /// of them the span is LAST_6_MONTHS, or everything for a dataset without dates.
    pub fn window(&self, anchor: DateTime<Utc>, start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>) -> Window {
        match self.window_source(start, end) {
            WindowSource::NoDates => Window::All,
            WindowSource::Given => Window::Between { start, end: end.unwrap_or(anchor) },
            WindowSource::Span(span) | WindowSource::Default(span) => span.window(anchor),
        }
    }

    /// Returns the rule that [`Plan::window`] follows.
    pub fn window_source(&self, start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>) -> WindowSource {
        match self.span {
            _ if self.dataset.date_column.is_none() => WindowSource::NoDates,
            _ if start.is_some() || end.is_some() => WindowSource::Given,
            Some(span) => WindowSource::Span(span),
            None => WindowSource::Default(TimeSpan::Last6Months),
        }
    }

    /// The first name that the query uses for a field, in the dataset's spelling; for a field that the query does not name, the dataset's own name.
    pub fn name_of(&self, field: Field) -> &str {
        let aliased = self.aliased.iter().find(|(known, _)| *known == field);
        aliased.map_or_else(|| self.dataset.field_name(field), |(_, name)| name)
    }

    /// Whether SELECT has the field, under any name.
    pub fn selects(&self, field: Field) -> bool {
        self.outputs.iter().any(|output| output.field == field)
    }

    /// The metrics that the query uses, selected or not, as indices in the dataset's metrics, each once.
    pub fn metrics(&self) -> Vec<usize> {
        let conditions = self.group_conditions.iter().map(|condition| condition.field);
        let fields = self.outputs.iter().map(|output| output.field).chain(conditions).chain(self.order.iter().map(|key| key.field));
        let mut used = Vec::new();
        for field in fields {
            if let Field::Metric(index) = field
                && !used.contains(&index)
            {
                used.push(index);
            }
        }
        used
    }

    /// The columns by which rows are grouped, as indices in the dataset's columns, each once. Empty if the plan is not grouped.
    pub fn group_columns(&self) -> Vec<usize> {
        let mut keys = Vec::new();
        for output in self.outputs.iter().filter(|_| self.grouped) {
            if let Field::Column(index) = output.field
                && !keys.contains(&index)
            {
                keys.push(index);
            }
        }
        keys
    }
}

#[cfg(test)]
mod tests;
