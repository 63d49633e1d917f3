//! Explains what a query would do, in words and in fields, without running it. It needs the same rights as a preview, and counts only the caller's rows.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use insightgate_engine::{Engine, Explanation};
use insightgate_identity::role::Locations;
use insightgate_identity::scope::TenantScope;
use insightgate_query::datasets::catalog::{Dataset, Field};
use insightgate_query::diagnostic;
use insightgate_query::plan::{Plan, WindowSource};
use insightgate_query::sheet;
use insightgate_query::timespan::Window;
use insightgate_query::words::{Words, counted, words};
use insightgate_report::instant;
use insightgate_wire::explained::{ExplainedMetric, ExplainedOrder, ExplainedQuery, ReadAndSkipped, RowsOf, TimeBounds};

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::datasets::catalogs::Catalogs;
use crate::failure::Failure;
use crate::queries::asked::{AskedQuery, Question, answered};
use crate::queries::preview::no_files_note;
use crate::queries::run_locally::RunFault;

/// Explains the query. If the engine refuses the dataset, that is audited.
///
/// # Errors
/// When the query is wrong or not found, the dataset is not open to the caller, there is no room, or it takes too long.
pub async fn explain_query(context: &Context, caller: &Caller, asked: AskedQuery, correlation: &str) -> Result<ExplainedQuery, Failure> {
    let _seat = context.engine.seat(caller.scope.tenant())?;
    let question = asked.read(context, caller).await?;
    let explaining = context.engine.explain(&caller.scope, &question.plan, question.window);
    let explanation = answered(context, caller, &question.plan, ("explanation", correlation), explaining).await?;
    Ok(explained(&caller.scope, &question, explanation))
}

/// Explains a query on local data, as [`crate::queries::run_locally`] would run it.
///
/// # Errors
/// When the query is wrong, or the files cannot be read.
pub async fn explain_local(
    engine: &Engine,
    catalogs: &Catalogs,
    scope: &TenantScope,
    text: &str,
    anchor: DateTime<Utc>,
) -> Result<ExplainedQuery, RunFault> {
    let plan = insightgate_query::plan(text, &catalogs.of(scope.program()))
        .map_err(|diagnostics| RunFault::Query { message: diagnostic::message(&diagnostics), diagnostics })?;
    let question = Question { window: plan.window(anchor, None, None), source: plan.window_source(None, None), plan };
    let explanation = engine.explain(scope, &question.plan, question.window).await?;
    Ok(explained(scope, &question, explanation))
}

fn explained(scope: &TenantScope, question: &Question, explanation: Explanation) -> ExplainedQuery {
    let Question { plan, window, source } = question;
    let dataset = &plan.dataset;
    // If this fails, the engine has already refused the dataset, so the fallback is never used.
    let scope = &scope.within(&dataset.name).unwrap_or_else(|_| scope.clone());
    let words = words(plan, *window, *source);
    let rows_of = rows_of(scope, plan);
    let names = |indices: Vec<usize>| indices.into_iter().map(|index| plan.name_of(Field::Column(index)).to_owned());
    let metrics = plan.metrics().into_iter().filter_map(|index| {
        let name = plan.name_of(Field::Metric(index)).to_owned();
        Some(ExplainedMetric { name, expression: dataset.metrics.get(index)?.text.clone() })
    });
    let mut notes = plan.notes.clone();
    if explanation.data_as_of.is_none() {
        notes.push(no_files_note(&dataset.name));
    }
    let (files, row_groups) = (explanation.files, explanation.row_groups);
    ExplainedQuery {
        sentences: sentences(scope, plan, &words, &rows_of, &explanation),
        dataset: dataset.name.clone(),
        time_bounds: time_bounds(dataset, *window, *source),
        rows_of,
        selected: plan.outputs.iter().map(|output| output.name.clone()).collect(),
        distinct: plan.distinct,
        conditions: words.conditions,
        grouped_by: plan.grouped.then(|| names(plan.group_columns()).collect()),
        metrics: metrics.collect(),
        group_conditions: words.group_conditions,
        ordered_by: ordered_by(plan),
        limit: plan.limit,
        visible_rows: explanation.visible_rows,
        estimated_rows: explanation.estimated_rows,
        estimated_bytes: explanation.estimated_bytes,
        files: ReadAndSkipped { read: files.read, skipped: files.skipped },
        row_groups: ReadAndSkipped { read: row_groups.read, skipped: row_groups.skipped },
        columns_read: explanation.columns,
        data_as_of: explanation.data_as_of.map(instant::format),
        notes,
    }
}

fn ordered_by(plan: &Plan) -> Vec<ExplainedOrder> {
    let name = |field| plan.name_of(field).to_owned();
    plan.order.iter().map(|key| ExplainedOrder { name: name(key.field), descending: key.descending }).collect()
}

fn time_bounds(dataset: &Dataset, window: Window, source: WindowSource) -> TimeBounds {
    let (from, to) = match window {
        Window::All => (None, None),
        Window::Between { start, end } => (start, Some(end)),
    };
    let (source, span) = match source {
        WindowSource::NoDates => ("none", None),
        WindowSource::Given => ("startAndEndTime", None),
        WindowSource::Span(span) => ("timespan", Some(span)),
        WindowSource::Default(span) => ("default", Some(span)),
    };
    let column = dataset.date_column.and_then(|index| dataset.columns.get(index));
    TimeBounds {
        column: column.map(|column| column.name.clone()),
        from: from.map(instant::format),
        to: to.map(instant::format),
        source,
        time_span: span.map(|span| span.keyword()),
    }
}

pub(crate) fn rows_of(scope: &TenantScope, plan: &Plan) -> RowsOf {
    let dataset = &plan.dataset;
    let (columns, metrics) = if scope.is_redacted() { (used_columns(plan), plan.metrics()) } else { Default::default() };
    let columns = columns.into_iter().filter_map(|index| dataset.columns.get(index)).filter(|column| column.sensitive);
    let metrics = metrics.into_iter().filter_map(|index| dataset.metrics.get(index)).filter(|metric| metric.sensitive);
    RowsOf {
        locations: match scope.locations() {
            Locations::Organization => None,
            Locations::Only(mpn_ids) => Some(mpn_ids.clone()),
        },
        redacted_columns: columns.map(|column| column.name.clone()).collect(),
        redacted_metrics: metrics.map(|metric| metric.name.clone()).collect(),
    }
}

/// The columns whose values the query uses, in the dataset's order. A plain count of a column's distinct values does not use them, since that count is
/// the same for everybody.
fn used_columns(plan: &Plan) -> BTreeSet<usize> {
    let conditions = plan.row_conditions.iter().map(|condition| condition.field);
    let fields = plan.outputs.iter().map(|output| output.field).chain(conditions).chain(plan.order.iter().map(|key| key.field));
    let named = fields.filter_map(|field| match field {
        Field::Column(index) => Some(index),
        Field::Metric(_) => None,
    });
    let metrics = plan.metrics().into_iter().filter_map(|index| plan.dataset.metrics.get(index));
    named.chain(metrics.flat_map(|metric| metric.expression.columns())).collect()
}

/// Said before the report is made, since it fails then.
const MAY_NOT_FIT: &str = "May return more rows than a sheet of Excel holds (1,048,575): a report in the format xlsx fails then.";

/// Whose rows are read, as a sentence; `None` for the whole organisation's.
pub fn whose_rows(locations: Option<&[String]>) -> String {
    match locations {
        None => "Sees the rows of your whole organisation.".to_owned(),
        Some([]) => "Sees no rows: you have no location.".to_owned(),
        Some([only]) => format!("Sees the rows of your location {only}."),
        Some(several) => format!("Sees the rows of your locations {}.", several.join(", ")),
    }
}

/// What the query means to the caller: all that can be said without a look at the files.
pub(crate) fn meaning(scope: &TenantScope, words: &Words, rows_of: &RowsOf) -> Vec<String> {
    let mut sentences = vec![words.dataset.clone(), whose_rows(rows_of.locations.as_deref())];
    if !rows_of.redacted_columns.is_empty() {
        let hidden = rows_of.redacted_columns.join(", ");
        sentences.push(match scope.unredacted() {
            Locations::Only(clear) if !clear.is_empty() => {
                format!("Sensitive columns are null, except in rows of {}: {hidden}.", clear.join(", "))
            }
            _ => format!("Sensitive columns are null: {hidden}."),
        });
    }
    if !rows_of.redacted_metrics.is_empty() {
        let hidden = rows_of.redacted_metrics.join(", ");
        sentences.push(format!("Sensitive metrics leave out rows whose sensitive data you may not see: {hidden}."));
    }
    sentences.extend(words.sentences());
    sentences
}

fn sentences(scope: &TenantScope, plan: &Plan, words: &Words, rows_of: &RowsOf, explanation: &Explanation) -> Vec<String> {
    let mut sentences = meaning(scope, words, rows_of);
    let Explanation { visible_rows, estimated_rows, estimated_bytes, files, row_groups, .. } = explanation;
    sentences.push(format!(
        "Looks at {} at most, of {visible_rows} that you can see: {} in {} of {} and {} of {}.",
        counted(*estimated_rows, "row"),
        counted(*estimated_bytes, "byte"),
        files.read,
        counted(files.read + files.skipped, "file"),
        row_groups.read,
        counted(row_groups.read + row_groups.skipped, "row group"),
    ));
    let most = plan.limit.map_or(*estimated_rows, |limit| limit.min(*estimated_rows));
    if !plan.grouped && !plan.distinct && sheet::fits_rows(most).is_err() {
        sentences.push(MAY_NOT_FIT.to_owned());
    }
    if let Some(written) = explanation.data_as_of {
        sentences.push(format!("The newest file was written at {}.", instant::format(written)));
    }
    sentences
}
