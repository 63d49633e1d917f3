//! Metric expressions. They have a small grammar of their own, so that a plan is checked as a whole.
//!
//! Examples: `SUM(COALESCE(BilledRevenueUSD,0) + COALESCE(AzureConsumedRevenueUSD,0))`, `COUNT(DISTINCT a || '|' || b)`, `COUNT(*)`.

mod parser;
#[cfg(test)]
mod tests;
mod types;

use crate::column::Value;

pub use parser::parse;
pub(crate) use parser::{Columns, parse_over};
pub use types::metric_type;

/// An expression over the rows of one group.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricExpression {
    CountRows,
    /// Counts values that are not null; with `distinct`, different ones.
    Count {
        distinct: bool,
        of: RowExpression,
    },
    Sum(RowExpression),
    Average(RowExpression),
    Minimum(RowExpression),
    Maximum(RowExpression),
    /// Arithmetic over aggregates; division makes a float, and null where the divisor is zero.
    Arithmetic(Box<MetricExpression>, Operator, Box<MetricExpression>),
    Coalesce(Vec<MetricExpression>),
    Literal(Value),
}

/// An expression over one row.
#[derive(Debug, Clone, PartialEq)]
pub enum RowExpression {
    /// The index in the dataset's columns.
    Column(usize),
    Literal(Value),
    Arithmetic(Box<RowExpression>, Operator, Box<RowExpression>),
    Coalesce(Vec<RowExpression>),
    /// `||`; null if either side is null.
    Concatenate(Box<RowExpression>, Box<RowExpression>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl MetricExpression {
    /// The indices of the columns whose values the metric's value reveals, each once. A plain count of a column's distinct values does not reveal the
    /// column's values.
    pub fn columns(&self) -> Vec<usize> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    fn collect(&self, found: &mut Vec<usize>) {
        match self {
            MetricExpression::CountRows
            | MetricExpression::Literal(_)
            | MetricExpression::Count { distinct: true, of: RowExpression::Column(_) } => {}
            MetricExpression::Count { of, .. }
            | MetricExpression::Sum(of)
            | MetricExpression::Average(of)
            | MetricExpression::Minimum(of)
            | MetricExpression::Maximum(of) => of.collect(found),
            MetricExpression::Arithmetic(left, _, right) => {
                left.collect(found);
                right.collect(found);
            }
            MetricExpression::Coalesce(parts) => parts.iter().for_each(|part| part.collect(found)),
        }
    }
}

impl RowExpression {
    fn collect(&self, found: &mut Vec<usize>) {
        match self {
            RowExpression::Column(index) => found.push(*index),
            RowExpression::Literal(_) => {}
            RowExpression::Arithmetic(left, _, right) | RowExpression::Concatenate(left, right) => {
                left.collect(found);
                right.collect(found);
            }
            RowExpression::Coalesce(parts) => parts.iter().for_each(|part| part.collect(found)),
        }
    }
}
