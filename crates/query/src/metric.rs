//! Metric expressions: their own small grammar, so that a plan is checked as a whole.
//!
//! `SUM(COALESCE(BilledRevenueUSD,0) + COALESCE(AzureConsumedRevenueUSD,0))`, `COUNT(DISTINCT a || '|' || b)`, `COUNT(*)`.

mod parser;
#[cfg(test)]
mod tests;
mod types;

use crate::plan::Value;

pub use parser::parse;
pub(crate) use parser::{Columns, parse_over};
pub use types::metric_type;

/// Over the rows of one group.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricExpression {
    CountRows,
    /// Values that are not null; with `distinct`, different ones.
    Count {
        distinct: bool,
        of: RowExpression,
    },
    Sum(RowExpression),
    Average(RowExpression),
    Minimum(RowExpression),
    Maximum(RowExpression),
    /// Arithmetic over aggregates; division is exact (float) and null where the divisor is zero.
    Arithmetic(Box<MetricExpression>, Operator, Box<MetricExpression>),
    Coalesce(Vec<MetricExpression>),
    Literal(Value),
}

/// Over one row.
#[derive(Debug, Clone, PartialEq)]
pub enum RowExpression {
    /// Index into the dataset's columns.
    Column(usize),
    Literal(Value),
    Arithmetic(Box<RowExpression>, Operator, Box<RowExpression>),
    Coalesce(Vec<RowExpression>),
    /// `||`; null when either side is.
    Concatenate(Box<RowExpression>, Box<RowExpression>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}
