//! Redaction: a caller without access to sensitive data reads nulls instead, which are set before anything else can see the values.
//!
//! A row is unredacted when its location is one of the scope's unredacted ones; the sensitive columns of other rows are null. Filters, order, groups
//! and metrics stand above, so that none of them can reveal the values. A sensitive metric counts only the values of unredacted rows; distinct counts
//! are not sensitive (source: the partner program's sensitive data) and give the same result to everybody.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit, when};
use insightgate_identity::role::Locations;
use insightgate_identity::scope::TenantScope;
use insightgate_query::datasets::catalog::{Column, Dataset, Metric};
use insightgate_query::metric::{MetricExpression, RowExpression};

use crate::error::EngineError;
use crate::rows::columns::{FILE_COLUMN, ROW_COLUMN, column};
use crate::rows::owner::of_locations;
use crate::types;

/// The column that says whether a row is unredacted. Definitions cannot use names with a colon.
const UNREDACTED: &str = ":unredacted";

/// Whether the scope hides some values of the dataset.
pub(crate) fn applies(scope: &TenantScope, dataset: &Dataset) -> bool {
    let sensitive = dataset.columns.iter().any(|column| column.sensitive) || dataset.metrics.iter().any(|metric| metric.sensitive);
    sensitive && scope.is_redacted()
}

/// The scope's rows, under the same names, with nulls for the values that the scope may not see.
pub(crate) fn redacted(rows: LogicalPlanBuilder, scope: &TenantScope, dataset: &Dataset) -> Result<LogicalPlanBuilder, EngineError> {
    let unredacted = match scope.unredacted() {
        Locations::Organization => lit(true),
        // Rows of a dataset without locations belong to none of the given locations.
        Locations::Only(locations) => of_locations(dataset, locations).unwrap_or_else(|| lit(false)),
    };
    let nothing_unredacted = unredacted == lit(false);
    let mut columns = Vec::with_capacity(dataset.columns.len() + 1);
    for (index, known) in dataset.columns.iter().enumerate() {
        if !known.sensitive {
            columns.push(column(&known.name));
            continue;
        }
        let null = lit(ScalarValue::try_from(&types::arrow(known.kind)).map_err(EngineError::Query)?);
        let shown = if nothing_unredacted {
            null
        } else {
            when(unredacted.clone(), column(&known.name)).otherwise(null).map_err(EngineError::Query)?
        };
        columns.push(shown.alias(&known.name));
        if dataset.metrics.iter().any(|metric| counts_openly(metric, index)) {
            columns.push(column(&known.name).alias(counted_name(known)));
        }
    }
    columns.push(unredacted.alias(UNREDACTED));
    let places = [FILE_COLUMN, ROW_COLUMN].into_iter().filter(|place| rows.schema().has_column_with_unqualified_name(place));
    columns.extend(places.map(column));
    rows.project(columns).map_err(EngineError::Query)
}

/// `expression` where the row is unredacted, and null elsewhere.
pub(crate) fn where_unredacted(expression: Expr) -> Result<Expr, EngineError> {
    when(column(UNREDACTED), expression).end().map_err(EngineError::Query)
}

/// The column that a distinct count reads instead of a sensitive one, if the count itself is not sensitive.
pub(crate) fn counted(known: &Column) -> Expr {
    column(&counted_name(known))
}

fn counted_name(known: &Column) -> String {
    format!(":counted {}", known.name)
}

/// Whether the metric is not sensitive and counts the distinct values of the column somewhere.
fn counts_openly(metric: &Metric, index: usize) -> bool {
    !metric.sensitive && counts(&metric.expression, index)
}

fn counts(expression: &MetricExpression, index: usize) -> bool {
    match expression {
        MetricExpression::Count { distinct: true, of: RowExpression::Column(of) } => *of == index,
        MetricExpression::Arithmetic(left, _, right) => counts(left, index) || counts(right, index),
        MetricExpression::Coalesce(items) => items.iter().any(|item| counts(item, index)),
        _ => false,
    }
}
