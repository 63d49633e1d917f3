//! A preview: the first rows of a query. Nothing is stored.

use insightgate_engine::Preview;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::queries::absent_values::{absent_values, joined};
use crate::queries::asked::{AskedQuery, answered};
use crate::queries::left_out_rows::left_out_rows;

/// The most rows of a preview, in both programs.
pub const PREVIEW_ROWS: usize = 100;

/// The rows, and the notes about them.
pub struct TriedQuery {
    pub preview: Preview,
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
    let question = asked.read(context, caller).await?;
    let plan = &question.plan;
    let running = context.engine.preview(&caller.scope, plan, question.window, PREVIEW_ROWS);
    let preview = answered(context, caller, plan, ("preview", correlation), running).await?;
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
    Ok(TriedQuery { preview, message: joined(&notes), notes: beside })
}

pub(crate) fn no_files_note(dataset: &str) -> String {
    format!("{dataset} holds no data of your organisation yet")
}
