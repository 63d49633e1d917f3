//! Lowers a checked plan to DataFusion's logical plan, on top of the tenant's rows.
//!
//! It uses only stock nodes, and besides the stock functions only those of [`crate::functions`]. It never makes SQL text or a scan of its own.

mod compare;
mod condition;
mod keys;
mod metric;
mod number;

use datafusion::arrow::datatypes::DataType;
use datafusion::functions_aggregate::expr_fn::min;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, SortExpr, lit};
use insightgate_query::column::Comparison;
use insightgate_query::datasets::catalog::{Dataset, Field};
use insightgate_query::plan::{Condition, OrderKey, Plan, Predicate, Selected};
use insightgate_query::timespan::Window;

use self::keys::Keys;
use self::number::Typed;
use crate::balanced;
use crate::encode::Output;
use crate::error::EngineError;
use crate::functions::may_be_first::may_be_first;
use crate::functions::unsplit_and::above;
use crate::rows::columns::{FILE_COLUMN, ROW_COLUMN, column};
use crate::rows::dictionary;
use crate::rows::held_texts::{HeldTexts, TextRoom};
use crate::rows::scan::Rows;
use crate::types;

/// The place where a distinct row first occurs, as one number. Definitions cannot use this name.
const FIRST: &str = ":first";

/// More rows than a file can have.
const FILE_STRIDE: i64 = 1 << 40;

/// A plan that can be executed, and how its columns form the answer.
pub(crate) struct Lowered {
    pub(crate) plan: LogicalPlan,
    pub(crate) outputs: Vec<Output>,
    /// Which texts the plan holds in memory.
    pub(crate) held: HeldTexts,
}

/// The metrics of a plan, ready to be computed on a scan.
pub(crate) struct Lowering<'a> {
    plan: &'a Plan,
    aggregates: metric::Aggregates,
    metrics: Vec<Metric>,
}

/// A metric that the plan uses.
struct Metric {
    /// The position of the metric in the dataset.
    index: usize,
    /// An expression over the aggregates before it is cast to the metric's type, which may be too narrow for it. Conditions are evaluated on this one.
    exact: Typed,
    /// The expression in the metric's type.
    shown: Expr,
}

impl<'a> Lowering<'a> {
    /// `redacted` says that the rows are as [`crate::rows::redaction`] leaves them.
    pub(crate) fn new(plan: &'a Plan, redacted: bool) -> Result<Self, EngineError> {
        let mut lowering = Lowering { plan, aggregates: metric::Aggregates::default(), metrics: Vec::new() };
        let ordered = plan.order.iter().map(|key| key.field);
        for field in plan
            .outputs
            .iter()
            .map(|output| output.field)
            .chain(plan.group_conditions.iter().map(|condition| condition.field))
            .chain(ordered)
        {
            if let Field::Metric(index) = field
                && !lowering.metrics.iter().any(|known| known.index == index)
            {
                let metric = plan.dataset.metrics.get(index).ok_or_else(|| no_field(field))?;
                let kind = plan.dataset.field_type(field);
                let inputs = metric::Inputs { dataset: &plan.dataset, redacted, sensitive: metric.sensitive };
                let exact = lowering.aggregates.metric(&inputs, &metric.expression)?;
                lowering.metrics.push(Metric { index, shown: exact.clone().finished(kind), exact });
            }
        }
        if !plan.grouped && !lowering.metrics.is_empty() {
            return Err(EngineError::Plan("a metric outside a grouped plan".to_owned()));
        }
        Ok(lowering)
    }

    /// Whether the order of rows affects a metric, since floats are added in the order in which they come.
    pub(crate) fn order_matters(&self) -> bool {
        self.aggregates.order_matters
    }

    /// Adds everything except the scope on top of the tenant's rows, which come in `order`.
    ///
    /// Without a `limit`, the caller that executes the plan counts the rows.
    pub(crate) fn onto(
        self,
        rows: LogicalPlanBuilder,
        window: Window,
        order: Rows,
        limit: Option<u64>,
        room: &TextRoom<'_>,
    ) -> Result<Lowered, EngineError> {
        let plan = self.plan;
        let mut held = HeldTexts::Proven;
        let rows = filtered(rows, plan, window)?;
        let rows = if plan.grouped {
            let (rows, keys) = Keys::of(rows, plan, room)?;
            held = keys.held;
            self.grouped(rows, &keys)?
        } else if plan.distinct {
            let (rows, keys) = Keys::of(rows, plan, room)?;
            held = keys.held;
            distinct(rows, plan, &keys, order == Rows::Numbered)?
        } else {
            plain(rows, plan)?
        };
        let rows = match limit {
            Some(limit) => rows.limit(0, Some(usize::try_from(limit).unwrap_or(usize::MAX))).map_err(EngineError::Query)?,
            None => rows,
        };
        let (names, outputs) = outputs(plan);
        let rows = rows.project(names.iter().map(|name| column(name))).map_err(EngineError::Query)?;
        Ok(Lowered { plan: rows.build().map_err(EngineError::Query)?, outputs, held })
    }

    fn grouped(self, rows: LogicalPlanBuilder, keys: &Keys) -> Result<LogicalPlanBuilder, EngineError> {
        let Lowering { plan, aggregates, metrics } = self;
        let rows = aggregates.over(rows, keys.grouped().collect())?;
        let is_asked_about =
            |metric: &&Metric| plan.group_conditions.iter().any(|condition| condition.field == Field::Metric(metric.index));
        let exact = metrics.iter().filter(is_asked_about).map(|metric| metric.exact.expression.clone().alias(exact_name(metric.index)));
        let named = metrics.iter().map(|metric| metric.shown.clone().alias(metric_name(metric.index))).chain(exact);
        let mut rows = rows.project(keys.shown().chain(named)).map_err(EngineError::Query)?;
        let mut asked_about = None;
        let mut filters = Vec::with_capacity(plan.group_conditions.len());
        for Condition { field, predicate } in &plan.group_conditions {
            let Some(Metric { index, exact, .. }) = metrics.iter().find(|metric| Field::Metric(metric.index) == *field) else {
                return Err(EngineError::Plan("a group is filtered by what is no metric".to_owned()));
            };
            let metric = column(&exact_name(*index));
            filters.push(condition::condition(metric.clone(), &exact.arrow, predicate));
            asked_about.get_or_insert(metric);
        }
        // The optimizer would move a condition that it finds false below the aggregation, which without keys makes one group even of no rows.
        if let Some((metric, filter)) = asked_about.zip(balanced::all(filters)) {
            rows = rows.filter(above(metric, filter)).map_err(EngineError::Query)?;
        }
        let keys = selected_columns(plan);
        let ties = keys.iter().filter(|key| !plan.order.iter().any(|used| internal_name(&plan.dataset, used.field).as_ref() == Some(*key)));
        let ties = ties.map(|key| column(key).sort(true, false)).collect::<Vec<_>>();
        sorted(rows, plan, ties)
    }
}

/// The rows whose date lies in the window; all rows of a dataset without dates.
pub(crate) fn in_window(rows: LogicalPlanBuilder, dataset: &Dataset, window: Window) -> Result<LogicalPlanBuilder, EngineError> {
    let date = dataset.date_column.and_then(|index| dataset.columns.get(index));
    match date.and_then(|date| condition::in_window(column(&date.name), &types::arrow(date.kind), window)) {
        Some(filter) => rows.filter(filter).map_err(EngineError::Query),
        None => Ok(rows),
    }
}

/// The rows of the window that meet the conditions.
fn filtered(rows: LogicalPlanBuilder, plan: &Plan, window: Window) -> Result<LogicalPlanBuilder, EngineError> {
    let dataset = &plan.dataset;
    let rows = in_window(rows, dataset, window)?;
    let mut filters = Vec::with_capacity(plan.row_conditions.len());
    for Condition { field, predicate } in &plan.row_conditions {
        let Field::Column(index) = field else { return Err(EngineError::Plan("a row is filtered by a metric".to_owned())) };
        let known = dataset.columns.get(*index).ok_or_else(|| no_field(*field))?;
        filters.push(condition::condition(column(&known.name), &types::arrow(known.kind), predicate));
    }
    match balanced::all(filters) {
        Some(filter) => rows.filter(filter).map_err(EngineError::Query),
        None => Ok(rows),
    }
}

/// Rows keep the order of the files, which also breaks the ties of ORDER BY.
fn plain(rows: LogicalPlanBuilder, plan: &Plan) -> Result<LogicalPlanBuilder, EngineError> {
    if plan.order.is_empty() {
        return Ok(rows);
    }
    sorted(dictionary::as_texts(rows)?, plan, [FILE_COLUMN, ROW_COLUMN].map(|place| column(place).sort(true, false)).to_vec())
}

/// Each distinct row at the place where it first occurs. Rows that are not `numbered` come in order, and groups are returned in the order of their first rows.
fn distinct(rows: LogicalPlanBuilder, plan: &Plan, keys: &Keys, numbered: bool) -> Result<LogicalPlanBuilder, EngineError> {
    if let Some(key) = plan.order.iter().find(|key| !plan.selects(key.field)) {
        return Err(EngineError::Plan(format!("DISTINCT is ordered by {:?}, which is not selected", key.field)));
    }
    if !numbered {
        let rows = rows.aggregate(keys.grouped(), Vec::<Expr>::new()).map_err(EngineError::Query)?;
        return rows.project(keys.shown()).map_err(EngineError::Query);
    }
    let place = column(FILE_COLUMN) * lit(FILE_STRIDE) + column(ROW_COLUMN);
    let rows = match keys.codes().and_then(|codes| may_be_first(codes, place.clone())) {
        Some(filter) => rows.filter(filter).map_err(EngineError::Query)?,
        None => rows,
    };
    let rows = rows.aggregate(keys.grouped(), [min(place).alias(FIRST)]).map_err(EngineError::Query)?;
    let rows = rows.project(keys.shown().chain([column(FIRST)])).map_err(EngineError::Query)?;
    sorted(rows, plan, vec![column(FIRST).sort(true, false)])
}

/// Nulls come last in either direction.
fn sorted(rows: LogicalPlanBuilder, plan: &Plan, ties: Vec<SortExpr>) -> Result<LogicalPlanBuilder, EngineError> {
    let mut keys = Vec::with_capacity(plan.order.len() + ties.len());
    for OrderKey { field, descending } in plan.order.iter().filter(|key| !has_one_value(plan, key.field)) {
        let name = internal_name(&plan.dataset, *field).ok_or_else(|| no_field(*field))?;
        keys.push(column(&name).sort(!descending, false));
    }
    keys.extend(ties);
    if keys.is_empty() {
        return Ok(rows);
    }
    rows.sort(keys).map_err(EngineError::Query)
}

/// Whether the conditions leave the field a single value, so that nothing can be ordered by it. The optimizer knows that too: it may remove such a
/// key from the sort but not from the node that merges the sorted parts, and then refuses its own plan. Texts that compare as equal can differ in case.
fn has_one_value(plan: &Plan, field: Field) -> bool {
    let is_text = types::arrow(plan.dataset.field_type(field)) == DataType::Utf8;
    let fixes = |condition: &Condition| match &condition.predicate {
        Predicate::Compare(Comparison::Equal, _) => true,
        Predicate::In { values, negated: false } => values.windows(2).all(|pair| pair.first() == pair.last()),
        _ => false,
    };
    !is_text && plan.row_conditions.iter().chain(&plan.group_conditions).any(|condition| condition.field == field && fixes(condition))
}

/// The distinct columns of SELECT, in its order.
fn selected_columns(plan: &Plan) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for Selected { field, .. } in &plan.outputs {
        if let (Field::Column(_), Some(name)) = (field, internal_name(&plan.dataset, *field))
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// The distinct columns of the stream, and the column that each output shows.
fn outputs(plan: &Plan) -> (Vec<String>, Vec<Output>) {
    let mut names: Vec<String> = Vec::new();
    let mut outputs = Vec::with_capacity(plan.outputs.len());
    for Selected { field, name: heading } in &plan.outputs {
        let Some(name) = internal_name(&plan.dataset, *field) else { continue };
        let column = names.iter().position(|known| *known == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
        outputs.push(Output::new(heading, column, plan.dataset.field_type(*field)));
    }
    (names, outputs)
}

fn internal_name(dataset: &Dataset, field: Field) -> Option<String> {
    match field {
        Field::Column(index) => dataset.columns.get(index).map(|column| column.name.clone()),
        Field::Metric(index) => Some(metric_name(index)),
    }
}

fn metric_name(index: usize) -> String {
    format!(":metric{index}")
}

fn exact_name(index: usize) -> String {
    format!(":exact{index}")
}

fn no_field(field: Field) -> EngineError {
    EngineError::Plan(format!("the dataset has no {field:?}"))
}
