//! The first rows of an answer, as JSON.

use futures::TryStreamExt;
use insightgate_identity::scope::TenantScope;
use insightgate_query::plan::Plan;
use insightgate_query::timespan::Window;
use serde_json::value::RawValue;

use crate::budget::Lane;
use crate::encode;
use crate::engine::{Engine, Running};
use crate::error::EngineError;

#[derive(Debug)]
pub struct Preview {
    /// One JSON object each, ready to be sent.
    pub rows: Vec<Box<RawValue>>,
    /// There are no files of this tenant's yet: the answer is empty for that reason.
    pub no_files: bool,
}

impl Engine {
    pub async fn preview(&self, scope: &TenantScope, plan: &Plan, window: Window, limit_rows: usize) -> Result<Preview, EngineError> {
        let Running { mut stream, outputs, snapshot, share: _share } =
            self.start(scope, plan, window, Lane::Preview, Some(limit_rows)).await?;
        let mut rows = Vec::new();
        loop {
            match stream.try_next().await {
                Ok(Some(batch)) => encode::json_rows(&batch, &outputs, &mut rows)?,
                Ok(None) => break,
                Err(error) => return Err(self.named(self.query_error(error), &plan.dataset, &snapshot).await),
            }
        }
        Ok(Preview { rows, no_files: snapshot.is_empty() })
    }
}
