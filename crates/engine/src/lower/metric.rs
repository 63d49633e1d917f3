//! Lowers metric expressions to aggregates, and to expressions over these.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::{avg, count, count_distinct, max, min, sum};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlanBuilder, cast, lit};
use insightgate_query::datasets::catalog::{ColumnType, Dataset};
use insightgate_query::metric::{MetricExpression, RowExpression};

use super::number::{Typed, arithmetic, concatenated, decimal_type, first_not_null};
use crate::error::EngineError;
use crate::functions::digest::digest;
use crate::rows::columns::column;
use crate::rows::redaction;

/// For values of up to this many digits, 128 bits hold the sum of ten thousand million values.
const NARROW_SUM_PRECISION: u8 = 28;

/// The values that one metric reads.
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

    /// The values that are counted once each.
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
        if self.redacted && self.sensitive { redaction::where_unredacted(expression) } else { Ok(expression) }
    }
}

/// A value that is computed from a group's rows.
#[derive(Debug, Clone, PartialEq)]
enum Aggregate {
    Count(Expr),
    CountDistinct(Expr),
    Sum(Expr),
    /// An average of floats; other averages are computed from a sum and a count.
    Average(Expr),
    Minimum(Expr),
    Maximum(Expr),
}

impl Aggregate {
    fn expression(&self) -> Expr {
        match self.clone() {
            Aggregate::Count(of) => count(of),
            Aggregate::CountDistinct(of) => count_distinct(of),
            Aggregate::Sum(of) => sum(of),
            Aggregate::Average(of) => avg(of),
            Aggregate::Minimum(of) => min(of),
            Aggregate::Maximum(of) => max(of),
        }
    }

    /// The aggregate that combines the results of parts of the rows.
    fn of_parts(&self, parts: Expr) -> Expr {
        match self {
            Aggregate::Minimum(_) => min(parts),
            Aggregate::Maximum(_) => max(parts),
            _ => sum(parts),
        }
    }
}

/// The aggregates of a query. Each is computed once, however many metrics use it.
#[derive(Default)]
pub(crate) struct Aggregates {
    used: Vec<Aggregate>,
    /// Whether a float's value could depend on the order of rows.
    pub(crate) order_matters: bool,
}

impl Aggregates {
    /// Groups the rows by `keys`, which are columns, and computes the aggregates under their names.
    pub(crate) fn over(mut self, rows: LogicalPlanBuilder, keys: Vec<Expr>) -> Result<LogicalPlanBuilder, EngineError> {
        if self.used.is_empty() {
            // A group exists even without aggregates.
            self.used.push(Aggregate::Count(lit(1_i64)));
        }
        let counts_distinct = self.used.iter().any(|aggregate| matches!(aggregate, Aggregate::CountDistinct(_)));
        let grouped = if counts_distinct && !self.order_matters { self.in_two_steps(rows, keys) } else { self.at_once(rows, keys) };
        grouped.map_err(EngineError::Query)
    }

    fn at_once(self, rows: LogicalPlanBuilder, keys: Vec<Expr>) -> Result<LogicalPlanBuilder, DataFusionError> {
        rows.aggregate(keys, self.used.iter().enumerate().map(|(index, aggregate)| aggregate.expression().alias(name(index))))
    }

    /// Groups by the keys and a counted value, and then counts those groups: these can spill to the disk, which a set of values within an aggregate
    /// cannot. The rows are read once for each expression whose values are counted.
    fn in_two_steps(self, rows: LogicalPlanBuilder, keys: Vec<Expr>) -> Result<LogicalPlanBuilder, DataFusionError> {
        let mut steps: Option<LogicalPlanBuilder> = None;
        for (counted, aggregate) in self.used.iter().enumerate() {
            let Aggregate::CountDistinct(of) = aggregate else { continue };
            let is_first = steps.is_none();
            let others = self.used.iter().enumerate().filter(|(_, other)| is_first && !matches!(other, Aggregate::CountDistinct(_)));
            let others = others.map(|(index, other)| other.expression().alias(name(index)));
            let values = keys.iter().cloned().chain([of.clone().alias(name(counted))]);
            let schema = rows.schema();
            let mut columns = keys.clone();
            for (index, other) in self.used.iter().enumerate() {
                let is_here = index == counted || (is_first && !matches!(other, Aggregate::CountDistinct(_)));
                let kind = match other {
                    Aggregate::CountDistinct(of) => of.get_type(schema)?,
                    other => other.expression().get_type(schema)?,
                };
                columns.push(if is_here { column(&name(index)) } else { lit(ScalarValue::try_from(&kind)?).alias(name(index)) });
            }
            let step = rows.clone().aggregate(values, others.collect::<Vec<_>>())?.project(columns)?;
            steps = Some(match steps {
                Some(before) => before.union(step.build()?)?,
                None => step,
            });
        }
        let Some(steps) = steps else { return self.at_once(rows, keys) };
        let whole = self.used.iter().enumerate().map(|(index, aggregate)| {
            let parts = column(&name(index));
            let whole = if matches!(aggregate, Aggregate::CountDistinct(_)) { count(parts) } else { aggregate.of_parts(parts) };
            whole.alias(whole_name(index))
        });
        let grouped = steps.aggregate(keys.clone(), whole.collect::<Vec<_>>())?;
        let named = self.used.iter().enumerate().map(|(index, aggregate)| {
            let whole = column(&whole_name(index));
            // The sum of no counts is null, but a count is 0.
            let whole = if matches!(aggregate, Aggregate::Count(_)) { coalesce(vec![whole, lit(0_i64)]) } else { whole };
            whole.alias(name(index))
        });
        grouped.project(keys.iter().cloned().chain(named).collect::<Vec<_>>())
    }

    /// The metric as an expression over the named aggregates.
    pub(crate) fn metric(&mut self, inputs: &Inputs<'_>, expression: &MetricExpression) -> Result<Typed, EngineError> {
        Ok(match expression {
            MetricExpression::CountRows => {
                let one = inputs.guarded(lit(1_i64))?;
                self.counted(Aggregate::Count(one))
            }
            MetricExpression::Count { distinct: true, of } => {
                let of = inputs.distinct(of)?;
                let told_apart = if of.kind == ColumnType::String { digest(of.expression) } else { of.expression };
                self.counted(Aggregate::CountDistinct(told_apart))
            }
            MetricExpression::Count { distinct: false, of } => {
                let of = inputs.row(of)?.expression;
                self.counted(Aggregate::Count(of))
            }
            MetricExpression::Sum(of) => self.sum(inputs.row(of)?)?,
            MetricExpression::Average(of) => self.average(inputs.row(of)?)?,
            MetricExpression::Minimum(of) => self.extreme(Aggregate::Minimum, inputs.row(of)?),
            MetricExpression::Maximum(of) => self.extreme(Aggregate::Maximum, inputs.row(of)?),
            MetricExpression::Arithmetic(left, operator, right) => {
                arithmetic(self.metric(inputs, left)?, *operator, self.metric(inputs, right)?)?
            }
            MetricExpression::Coalesce(items) => {
                first_not_null(items.iter().map(|item| self.metric(inputs, item)).collect::<Result<_, _>>()?)?
            }
            MetricExpression::Literal(value) => Typed::literal(value)?,
        })
    }

    fn counted(&mut self, aggregate: Aggregate) -> Typed {
        Typed::of_column(self.add(aggregate), ColumnType::Int64)
    }

    /// The sum of no values is null.
    fn sum(&mut self, of: Typed) -> Result<Typed, EngineError> {
        if of.kind == ColumnType::Float64 {
            self.order_matters = true;
            let expression = self.add(Aggregate::Sum(of.expression));
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
        let aggregate = self.add(Aggregate::Sum(of.into_decimal(&summed)));
        Ok(Typed { expression: cast(aggregate, arrow.clone()), kind, arrow })
    }

    fn average(&mut self, of: Typed) -> Result<Typed, EngineError> {
        let expression = if of.kind == ColumnType::Float64 {
            self.order_matters = true;
            self.add(Aggregate::Average(of.expression))
        } else {
            // An exact sum makes the quotient independent of the rows' order.
            let number = self.add(Aggregate::Count(of.expression.clone()));
            self.sum(of)?.into_float() / cast(number, DataType::Float64)
        };
        Ok(Typed { expression, kind: ColumnType::Float64, arrow: DataType::Float64 })
    }

    fn extreme(&mut self, aggregate: fn(Expr) -> Aggregate, of: Typed) -> Typed {
        self.order_matters |= of.kind == ColumnType::Float64;
        let expression = self.add(aggregate(of.expression));
        Typed { expression, kind: of.kind, arrow: of.arrow }
    }

    fn add(&mut self, aggregate: Aggregate) -> Expr {
        let index = self.used.iter().position(|known| *known == aggregate).unwrap_or_else(|| {
            self.used.push(aggregate);
            self.used.len() - 1
        });
        column(&name(index))
    }
}

fn name(index: usize) -> String {
    format!(":aggregate{index}")
}

fn whole_name(index: usize) -> String {
    format!(":whole{index}")
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
