//! Metric expressions → aggregates, and expressions over those.

use datafusion::arrow::datatypes::DataType;
use datafusion::functions_aggregate::expr_fn::{avg, count, count_distinct, max, min, sum};
use datafusion::logical_expr::{Expr, cast, lit};
use insightgate_query::catalog::{ColumnType, Dataset};
use insightgate_query::metric::{MetricExpression, RowExpression};

use super::number::{Typed, arithmetic, concatenated, decimal_type, first_not_null};
use crate::error::EngineError;
use crate::scan::column;

/// Up to so many digits, 128 bits hold the sum of ten thousand million values.
const NARROW_SUM_PRECISION: u8 = 28;

/// The aggregates of a query, each computed once however many metrics use it.
#[derive(Default)]
pub(crate) struct Aggregates {
    expressions: Vec<Expr>,
    /// Whether a float's value could depend on the order of rows.
    pub(crate) order_matters: bool,
}

impl Aggregates {
    /// As the aggregation needs them, under their names. Never empty: a group without aggregates still counts.
    pub(crate) fn named(mut self) -> Vec<Expr> {
        if self.expressions.is_empty() {
            self.expressions.push(count(lit(1_i64)));
        }
        self.expressions.into_iter().enumerate().map(|(index, expression)| expression.alias(name(index))).collect()
    }

    /// The metric over the named aggregates.
    pub(crate) fn metric(&mut self, dataset: &Dataset, expression: &MetricExpression) -> Result<Typed, EngineError> {
        Ok(match expression {
            MetricExpression::CountRows => self.counted(count(lit(1_i64))),
            MetricExpression::Count { distinct, of } => {
                let of = row(dataset, of)?.expression;
                self.counted(if *distinct { count_distinct(of) } else { count(of) })
            }
            MetricExpression::Sum(of) => self.sum(row(dataset, of)?)?,
            MetricExpression::Average(of) => self.average(row(dataset, of)?)?,
            MetricExpression::Minimum(of) => self.extreme(min, row(dataset, of)?),
            MetricExpression::Maximum(of) => self.extreme(max, row(dataset, of)?),
            MetricExpression::Arithmetic(left, operator, right) => {
                arithmetic(self.metric(dataset, left)?, *operator, self.metric(dataset, right)?)?
            }
            MetricExpression::Coalesce(items) => {
                first_not_null(items.iter().map(|item| self.metric(dataset, item)).collect::<Result<_, _>>()?)?
            }
            MetricExpression::Literal(value) => Typed::literal(value)?,
        })
    }

    fn counted(&mut self, aggregate: Expr) -> Typed {
        Typed::of_column(self.add(aggregate), ColumnType::Int64)
    }

    /// The sum of nothing is null.
    fn sum(&mut self, of: Typed) -> Result<Typed, EngineError> {
        if of.kind == ColumnType::Float64 {
            self.order_matters = true;
            let expression = self.add(sum(of.expression));
            return Ok(Typed { expression, kind: ColumnType::Float64, arrow: DataType::Float64 });
        }
        let Some((precision, scale)) = of.exact_type() else {
            return Err(EngineError::Plan(format!("SUM of {}", crate::types::spelled(of.kind))));
        };
        let summed =
            if precision <= NARROW_SUM_PRECISION { DataType::Decimal128(precision, scale) } else { DataType::Decimal256(precision, scale) };
        let kind = if of.kind == ColumnType::Int64 { ColumnType::Int64 } else { ColumnType::Decimal { precision: 38, scale } };
        let arrow = match summed {
            DataType::Decimal128(_, _) => decimal_type((precision + 10).min(38), scale),
            _ => decimal_type(precision.saturating_add(10).max(39), scale),
        };
        let aggregate = self.add(sum(of.into_decimal(&summed)));
        Ok(Typed { expression: cast(aggregate, arrow.clone()), kind, arrow })
    }

    fn average(&mut self, of: Typed) -> Result<Typed, EngineError> {
        let expression = if of.kind == ColumnType::Float64 {
            self.order_matters = true;
            self.add(avg(of.expression))
        } else {
            // An exact sum makes the quotient independent of the rows' order.
            let number = self.add(count(of.expression.clone()));
            self.sum(of)?.into_float() / cast(number, DataType::Float64)
        };
        Ok(Typed { expression, kind: ColumnType::Float64, arrow: DataType::Float64 })
    }

    fn extreme(&mut self, aggregate: fn(Expr) -> Expr, of: Typed) -> Typed {
        self.order_matters |= of.kind == ColumnType::Float64;
        let expression = self.add(aggregate(of.expression));
        Typed { expression, kind: of.kind, arrow: of.arrow }
    }

    fn add(&mut self, aggregate: Expr) -> Expr {
        let index = self.expressions.iter().position(|known| *known == aggregate).unwrap_or_else(|| {
            self.expressions.push(aggregate);
            self.expressions.len() - 1
        });
        column(&name(index))
    }
}

fn name(index: usize) -> String {
    format!(":aggregate{index}")
}

fn row(dataset: &Dataset, expression: &RowExpression) -> Result<Typed, EngineError> {
    Ok(match expression {
        RowExpression::Column(index) => {
            let known = dataset.columns.get(*index).ok_or_else(|| EngineError::Plan(format!("there is no column {index}")))?;
            Typed::of_column(column(&known.name), known.kind)
        }
        RowExpression::Literal(value) => Typed::literal(value)?,
        RowExpression::Arithmetic(left, operator, right) => arithmetic(row(dataset, left)?, *operator, row(dataset, right)?)?,
        RowExpression::Coalesce(items) => first_not_null(items.iter().map(|item| row(dataset, item)).collect::<Result<_, _>>()?)?,
        RowExpression::Concatenate(left, right) => concatenated(row(dataset, left)?, row(dataset, right)?),
    })
}
