//! Metric expressions → aggregates, and expressions over those.

use datafusion::arrow::datatypes::DataType;
use datafusion::functions_aggregate::expr_fn::{avg, count, count_distinct, max, min, sum};
use datafusion::logical_expr::{Expr, cast, lit};
use insightgate_query::catalog::{ColumnType, Dataset};
use insightgate_query::metric::{MetricExpression, RowExpression};

use super::number::{Typed, arithmetic, concatenated, decimal_type, first_not_null};
use crate::error::EngineError;
use crate::numbers::digest;
use crate::redaction;
use crate::scan::column;

/// Up to so many digits, 128 bits hold the sum of ten thousand million values.
const NARROW_SUM_PRECISION: u8 = 28;

/// What one metric reads of the rows.
pub(crate) struct Inputs<'a> {
    pub(crate) dataset: &'a Dataset,
    /// Whether the rows are as [`redaction`] leaves them.
    pub(crate) redacted: bool,
    /// Whether the metric is sensitive, whatever its columns are.
    pub(crate) sensitive: bool,
}

impl Inputs<'_> {
    fn row(&self, expression: &RowExpression) -> Result<Typed, EngineError> {
        let typed = row(self.dataset, expression)?;
        Ok(Typed { expression: self.guarded(typed.expression)?, ..typed })
    }

    /// The values that are counted, each once.
    fn distinct(&self, expression: &RowExpression) -> Result<Typed, EngineError> {
        if let RowExpression::Column(index) = expression
            && let Some(known) = self.dataset.columns.get(*index)
            && self.redacted
            && known.sensitive
            && !self.sensitive
        {
            return Ok(Typed::of_column(redaction::counted(known), known.kind));
        }
        self.row(expression)
    }

    fn guarded(&self, expression: Expr) -> Result<Expr, EngineError> {
        if self.redacted && self.sensitive { redaction::where_clear(expression) } else { Ok(expression) }
    }
}

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
    pub(crate) fn metric(&mut self, inputs: &Inputs<'_>, expression: &MetricExpression) -> Result<Typed, EngineError> {
        Ok(match expression {
            MetricExpression::CountRows => {
                let one = inputs.guarded(lit(1_i64))?;
                self.counted(count(one))
            }
            MetricExpression::Count { distinct: true, of } => {
                let of = inputs.distinct(of)?;
                let told_apart = if of.kind == ColumnType::String { digest(of.expression) } else { of.expression };
                self.counted(count_distinct(told_apart))
            }
            MetricExpression::Count { distinct: false, of } => {
                let of = inputs.row(of)?.expression;
                self.counted(count(of))
            }
            MetricExpression::Sum(of) => self.sum(inputs.row(of)?)?,
            MetricExpression::Average(of) => self.average(inputs.row(of)?)?,
            MetricExpression::Minimum(of) => self.extreme(min, inputs.row(of)?),
            MetricExpression::Maximum(of) => self.extreme(max, inputs.row(of)?),
            MetricExpression::Arithmetic(left, operator, right) => {
                arithmetic(self.metric(inputs, left)?, *operator, self.metric(inputs, right)?)?
            }
            MetricExpression::Coalesce(items) => {
                first_not_null(items.iter().map(|item| self.metric(inputs, item)).collect::<Result<_, _>>()?)?
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
