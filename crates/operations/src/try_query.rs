//! A preview: the first rows of a query, without keeping anything.

use insightgate_engine::Preview;

use crate::absent_values::{absent_values, joined};
use crate::asked_query::{AskedQuery, answered};
use crate::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;

/// Rows of a preview, in both programs.
pub const PREVIEW_ROWS: usize = 100;

/// The rows, and what the caller should know about them.
pub struct TriedQuery {
    pub preview: Preview,
    pub message: Option<String>,
}

/// A refusal of the dataset is audited.
pub async fn try_query(context: &Context, caller: &Caller, asked: AskedQuery, correlation: &str) -> Result<TriedQuery, Failure> {
    let _seat = context.engine.seat(caller.scope.tenant())?;
    let question = asked.read(context, caller).await?;
    let plan = &question.plan;
    let running = context.engine.preview(&caller.scope, plan, question.window, PREVIEW_ROWS);
    let preview = answered(context, caller, plan, ("preview", correlation), running).await?;
    let mut notes = plan.notes.clone();
    if preview.no_files {
        notes.push(no_files_note(&plan.dataset.name));
    } else if preview.rows.is_empty() {
        notes.extend(absent_values(&context.engine, &caller.scope, plan).await);
    }
    Ok(TriedQuery { preview, message: joined(&notes) })
}

pub(crate) fn no_files_note(dataset: &str) -> String {
    format!("{dataset} holds no data of your organisation yet")
}
