//! A preview: the first rows of a query. Nothing is stored.

use insightgate_engine::Preview;
use insightgate_query::datasets::catalog::{ColumnType, Field};
use insightgate_query::plan::{Plan, Selected};

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::queries::absent_values::{absent_values, joined};
use crate::queries::asked::{AskedQuery, answered};
use crate::queries::left_out_rows::left_out_rows;
use crate::usage;
use crate::usage::event::{Access, Event, Status};

/// The most rows of a preview, in both programs.
pub const PREVIEW_ROWS: usize = 100;

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriedColumn {
    pub name: String,
    pub kind: ColumnType,
    pub is_metric: bool,
}

/// The rows, and the notes about them.
pub struct TriedQuery {
    pub preview: Preview,
    /// In the order of SELECT. A name that stands twice there appears once, as in the rows.
    pub columns: Vec<TriedColumn>,
    pub message: Option<String>,
    /// Notes that are not in the message, which is documented to be empty if there are rows.
    pub notes: Vec<String>,
}

/// Previews the query. If the engine refuses the dataset, that is audited.
///
/// # Errors
/// When the query is wrong or not found, the dataset is not open to the caller, there is no room, or it takes too long.
pub async fn try_query(context: &Context, caller: &Caller, asked: AskedQuery, correlation: &str) -> Result<TriedQuery, Failure> {
    let _seat = context.engine.seat(caller.scope.tenant())?;
    let query_id = asked.query_id.clone();
    let question = asked.read(context, caller).await?;
    let plan = &question.plan;
    let running = context.engine.preview(&caller.scope, plan, question.window, PREVIEW_ROWS);
    let answer = answered(context, caller, plan, ("preview", correlation), running).await;
    note(context, caller, query_id, plan, answer.as_ref());
    let preview = answer?;
    let mut notes = plan.notes.clone();
    let is_empty = preview.rows.is_empty();
    if preview.no_files {
        notes.push(no_files_note(&plan.dataset.name));
    } else if is_empty {
        notes.extend(absent_values(&context.engine, &caller.scope, plan).await);
    }
    let left_out = match preview.no_files {
        true => None,
        false => left_out_rows(&context.engine, &caller.scope, plan, (question.window, question.source), is_empty).await,
    };
    let beside = if is_empty {
        notes.extend(left_out);
        Vec::new()
    } else {
        Vec::from_iter(left_out)
    };
    Ok(TriedQuery { preview, columns: columns(plan), message: joined(&notes), notes: beside })
}

fn columns(plan: &Plan) -> Vec<TriedColumn> {
    let mut columns: Vec<TriedColumn> = Vec::with_capacity(plan.outputs.len());
    for Selected { field, name } in &plan.outputs {
        if !columns.iter().any(|known| known.name == *name) {
            let (kind, is_metric) = (plan.dataset.field_type(*field), matches!(field, Field::Metric(_)));
            columns.push(TriedColumn { name: name.clone(), kind, is_metric });
        }
    }
    columns
}

/// A refusal is an event already.
fn note(context: &Context, caller: &Caller, query_id: Option<String>, plan: &Plan, answer: Result<&Preview, &Failure>) {
    let asked = usage::asked(Event::Preview, caller.program, &caller.origin).by(&caller.principal);
    let asked = Access { dataset: Some(plan.dataset.name.clone()), query_id, ..asked };
    let access = match answer {
        Ok(Preview { rows, .. }) => {
            let bytes = rows.iter().map(|row| row.get().len() as u64).sum();
            Access { rows: Some(rows.len() as u64), bytes: Some(bytes), ..asked }
        }
        Err(Failure::Forbidden(_)) => return,
        Err(_) => Access { status: Status::Failed, ..asked },
    };
    usage::record(context, caller.scope.tenant(), access);
}

pub(crate) fn no_files_note(dataset: &str) -> String {
    format!("{dataset} holds no data of your organisation yet")
}
