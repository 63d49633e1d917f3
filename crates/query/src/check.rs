//! Checks a syntax tree and makes a plan: every name is looked up, every literal is converted, and every rule of the language is applied.

mod condition;
mod names;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use crate::datasets::catalog::{Catalog, Dataset, Field};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::plan::{Condition, OrderKey, Plan, Selected};
use crate::syntax::ast::{Name, Select, SpanClause};
use crate::syntax::{self, Reading};
use crate::timespan::TimeSpan;
use names::Names;

/// Parses the text of a query and checks it against the catalog.
///
/// # Errors
///
/// [`Diagnostics`] has everything that is wrong with the text, each with its place.
pub fn plan(text: &str, catalog: &Catalog) -> Result<Plan, Diagnostics> {
    let Reading { select, diagnostics } = syntax::read(text);
    match select {
        Some(select) if diagnostics.is_empty() => check(&select, catalog),
        Some(select) => {
            // The names in what was understood are looked up, so that wrong ones are reported at once with the syntax errors. Rules about the whole
            // query are not applied, since they would complain about a query that nobody wrote.
            let found = check_names(&select, catalog, false).err().unwrap_or_default();
            Err(diagnostics.and(found))
        }
        None => Err(diagnostics),
    }
}

/// Checks the tree of a query against the catalog.
///
/// # Errors
///
/// [`Diagnostics`] has everything that is wrong with the names, the values and the query as a whole.
pub fn check(select: &Select, catalog: &Catalog) -> Result<Plan, Diagnostics> {
    check_names(select, catalog, true)
}

/// `whole` says whether the rules about the whole query are applied too.
fn check_names(select: &Select, catalog: &Catalog, whole: bool) -> Result<Plan, Diagnostics> {
    let Some(dataset) = catalog.find(&select.dataset.text) else {
        let at = select.dataset.at;
        return Err(vec![Diagnostic::at(Code::UnknownDataset, at, names::unknown_dataset(&select.dataset, catalog))].into());
    };
    let mut checker = Checker {
        dataset,
        names: Names::of(dataset),
        called: HashMap::new(),
        whole,
        diagnostics: Diagnostics::default(),
        notes: Vec::new(),
    };
    let plan = checker.plan(select);
    if checker.diagnostics.is_empty() { Ok(plan) } else { Err(checker.diagnostics.in_order()) }
}

struct Checker<'a> {
    dataset: &'a Arc<Dataset>,
    names: Names<'a>,
    /// The name by which the query first refers to each field, in the dataset's spelling.
    called: HashMap<Field, &'a str>,
    whole: bool,
    diagnostics: Diagnostics,
    notes: Vec<String>,
}

impl<'a> Checker<'a> {
    /// The plan is meaningless if there are diagnostics.
    fn plan(&mut self, select: &Select) -> Plan {
        let outputs: Vec<(Field, &str)> = select.names.iter().filter_map(|name| self.field(name)).collect();
        let selected: Vec<Field> = outputs.iter().map(|(field, _)| *field).collect();
        let conditions: Vec<Condition> = select.conditions.iter().filter_map(|condition| self.condition(condition)).collect();
        let order: Vec<(Field, &Name, bool)> =
            select.order.iter().filter_map(|item| Some((self.field(&item.name)?.0, &item.name, item.descending))).collect();
        let fields = selected.iter().chain(conditions.iter().map(|c| &c.field)).chain(order.iter().map(|(field, ..)| field));
        let grouped = fields.into_iter().any(|field| matches!(field, Field::Metric(_)));
        // Groups differ in their key columns, all of which are outputs, so that DISTINCT has no further effect.
        let distinct = select.distinct && !grouped;
        for (field, name, _) in &order {
            self.check_order(*field, name, &selected, grouped, distinct);
        }
        if let Some(clause) = &select.span {
            self.check_span(clause);
        }
        let (row_conditions, group_conditions) = conditions.into_iter().partition(|c| matches!(c.field, Field::Column(_)));
        let mut keys: Vec<OrderKey> = Vec::new();
        for (field, _, descending) in order {
            // Rows that are equal in a field cannot be ordered by the same field again.
            if !keys.iter().any(|key| key.field == field) {
                keys.push(OrderKey { field, descending });
            }
        }
        Plan {
            dataset: Arc::clone(self.dataset),
            outputs: outputs.into_iter().map(|(field, name)| Selected { field, name: name.to_owned() }).collect(),
            distinct,
            grouped,
            row_conditions,
            group_conditions,
            order: keys,
            limit: select.limit,
            span: select.span.as_ref().map(|clause| clause.span),
            aliased: self.aliased(),
            notes: std::mem::take(&mut self.notes),
        }
    }

    /// Finds the field of a name, with the dataset's spelling of the name. Has to be called in the order of the text.
    fn field(&mut self, name: &Name) -> Option<(Field, &'a str)> {
        let found = self.names.find(&name.text);
        match found {
            Some((field, spelling)) => {
                self.called.entry(field).or_insert(spelling);
            }
            // The nearest name is expensive to find, and is only looked for if it will be reported.
            None if self.diagnostics.is_full() => self.diagnostics.count(),
            None => self.report(Code::UnknownName, name.at, names::unknown_field(name, self.dataset)),
        }
        found
    }

    fn aliased(&self) -> Vec<(Field, String)> {
        let aliased = self.called.iter().filter(|(field, name)| self.dataset.field_name(**field) != **name);
        let mut aliased: Vec<_> = aliased.map(|(field, name)| (*field, (*name).to_owned())).collect();
        aliased.sort_by_key(|(field, _)| *field);
        aliased
    }

    /// Ordering by a column that is not selected is only unambiguous while each row of the result is a row of the dataset.
    fn check_order(&mut self, field: Field, name: &Name, outputs: &[Field], grouped: bool, distinct: bool) {
        if matches!(field, Field::Metric(_)) || outputs.contains(&field) {
            return;
        }
        let column = self.names.find(&name.text).map_or_else(|| self.dataset.field_name(field), |(_, spelling)| spelling);
        let at = name.at;
        if grouped {
            let message = format!(
                "ORDER BY {column} at {at} has no meaning: with a metric, rows are grouped by the selected columns, and a group can hold several values of {column}; select {column} too, or order by a selected column or a metric"
            );
            self.report(Code::Rule, at, message);
        } else if distinct {
            let message = format!(
                "ORDER BY {column} at {at} has no meaning: DISTINCT merges rows that can differ in {column}; select {column} too, or order by a selected column"
            );
            self.report(Code::Rule, at, message);
        }
    }

    fn check_span(&mut self, clause: &SpanClause) {
        let SpanClause { span, at } = clause;
        let offered = &self.dataset.date_ranges;
        if *span == TimeSpan::Lifetime || (self.dataset.date_column.is_some() && offered.contains(span)) {
            return;
        }
        let name = &self.dataset.name;
        let message = if self.dataset.date_column.is_none() {
            format!("TIMESPAN {span} at {at} is not available: {name} has no date column; leave TIMESPAN out")
        } else {
            let mut offered: Vec<&str> = offered.iter().map(|span| span.keyword()).collect();
            if !offered.contains(&TimeSpan::Lifetime.keyword()) {
                offered.push(TimeSpan::Lifetime.keyword());
            }
            format!("TIMESPAN {span} at {at} is not available for {name}; it offers {}", offered.join(", "))
        };
        self.report(Code::TimeSpanNotAvailable, *at, message);
    }

    fn report(&mut self, code: Code, at: Span, message: String) {
        if self.whole || code != Code::Rule {
            self.diagnostics.add(Diagnostic::at(code, at, message));
        }
    }
}
