//! The columns that rows are grouped by, as what they are told apart by and as what is shown of each group.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast};
use insightgate_query::plan::Plan;

use super::selected_columns;
use crate::error::EngineError;
use crate::functions::codes::coded;
use crate::rows::dictionary;
use crate::rows::scan::{TENANT_COLUMN, column};

/// For each key the expression that is grouped by, and the one that is shown.
pub(super) struct Keys(Vec<(Expr, Expr)>);

impl Keys {
    /// The keys of a plan, and its rows with texts for all else. Columns whose different texts fit into memory are grouped by numbers in their
    /// place: `room` says how many bytes those may take.
    pub(super) fn of(
        rows: LogicalPlanBuilder,
        plan: &Plan,
        room: impl Fn(&str) -> Option<usize>,
    ) -> Result<(LogicalPlanBuilder, Keys), EngineError> {
        let mut columns = Vec::new();
        let mut keys = Vec::new();
        let wanted = selected_columns(plan);
        for field in rows.schema().fields() {
            let name = field.name();
            let is_dictionary = *field.data_type() == dictionary::arrow() && name != TENANT_COLUMN;
            columns.push(if is_dictionary { cast(column(name), DataType::Utf8).alias(name) } else { column(name) });
            if is_dictionary
                && wanted.contains(name)
                && let Some(room) = room(name)
            {
                let number = format!(":number {name}");
                let (code, text) = coded(column(name), room);
                columns.push(code.alias(&number));
                keys.push((name.clone(), (column(&number), text(column(&number)).alias(name))));
            }
        }
        let in_order = wanted.iter().map(|name| {
            let coded = keys.iter().find(|(known, _)| known == name).map(|(_, pair)| pair.clone());
            coded.unwrap_or_else(|| (column(name), column(name)))
        });
        let in_order = Keys(in_order.collect());
        Ok((rows.project(columns).map_err(EngineError::Query)?, in_order))
    }

    pub(super) fn grouped(&self) -> impl Iterator<Item = Expr> {
        self.0.iter().map(|(grouped, _)| grouped.clone())
    }

    /// The numbers that rows are told apart by, where all keys are such.
    pub(super) fn codes(&self) -> Option<Vec<Expr>> {
        self.0.iter().map(|(grouped, shown)| (grouped != shown).then(|| grouped.clone())).collect()
    }

    pub(super) fn shown(&self) -> impl Iterator<Item = Expr> {
        self.0.iter().map(|(_, shown)| shown.clone())
    }
}
