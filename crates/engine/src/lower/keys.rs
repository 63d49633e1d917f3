//! The columns that rows are grouped by: the values that are compared, and the values that are shown for each group.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast};
use insightgate_query::plan::Plan;

use super::selected_columns;
use crate::error::EngineError;
use crate::functions::codes::coded;
use crate::rows::columns::{TENANT_COLUMN, column};
use crate::rows::dictionary;
use crate::rows::held_texts::{HeldTexts, TextRoom};

pub(super) struct Keys {
    /// For each key, the expression to group by and the one to show.
    pairs: Vec<(Expr, Expr)>,
    /// Whether any key relies on a guess that its texts are few.
    pub(super) held: HeldTexts,
}

impl Keys {
    /// The keys of a plan, and its rows with texts for everything else. Columns whose distinct texts fit into memory are grouped by numbers.
    pub(super) fn of(rows: LogicalPlanBuilder, plan: &Plan, room: &TextRoom<'_>) -> Result<(LogicalPlanBuilder, Keys), EngineError> {
        let mut columns = Vec::new();
        let mut keys = Vec::new();
        let mut held = HeldTexts::Proven;
        let wanted = selected_columns(plan);
        for field in rows.schema().fields() {
            let name = field.name();
            let is_dictionary = *field.data_type() == dictionary::arrow() && name != TENANT_COLUMN;
            columns.push(if is_dictionary { cast(column(name), DataType::Utf8).alias(name) } else { column(name) });
            if is_dictionary
                && wanted.contains(name)
                && let Some((room, texts)) = room.of(name)
            {
                if texts == HeldTexts::Guessed {
                    held = texts;
                }
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
        let in_order = Keys { pairs: in_order.collect(), held };
        Ok((rows.project(columns).map_err(EngineError::Query)?, in_order))
    }

    pub(super) fn grouped(&self) -> impl Iterator<Item = Expr> {
        self.pairs.iter().map(|(grouped, _)| grouped.clone())
    }

    /// The numbers by which rows are compared, if all keys are numbers.
    pub(super) fn codes(&self) -> Option<Vec<Expr>> {
        self.pairs.iter().map(|(grouped, shown)| (grouped != shown).then(|| grouped.clone())).collect()
    }

    pub(super) fn shown(&self) -> impl Iterator<Item = Expr> {
        self.pairs.iter().map(|(_, shown)| shown.clone())
    }
}
