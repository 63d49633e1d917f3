//! The first rows of an answer, as JSON.

use futures::TryStreamExt;
use insightgate_identity::scope::TenantScope;
use insightgate_query::plan::Plan;
use insightgate_query::timespan::Window;
use serde_json::value::RawValue;

use crate::encode;
use crate::error::EngineError;
use crate::run::budget::Room;
use crate::run::engine::{Engine, Question, Running};
use crate::run::turns::Lane;

#[derive(Debug)]
pub struct Preview {
    /// One JSON object each, ready to be sent.
    pub rows: Vec<Box<RawValue>>,
    /// There are no files of this tenant's yet: the answer is empty for that reason.
    pub no_files: bool,
}

impl Engine {
    /// At most so many rows. Waits for its turn.
    ///
    /// # Errors
    ///
    /// [`EngineError::Crowded`] when its turn does not come in time; else what stands against the query or its files.
    pub async fn preview(&self, scope: &TenantScope, plan: &Plan, window: Window, limit_rows: usize) -> Result<Preview, EngineError> {
        let desk = self.inner.workers.desk(scope.tenant())?;
        let (engine, scope, plan) = (self.clone(), scope.clone(), plan.clone());
        let work = async move {
            let question = Question { scope: &scope, plan: &plan, window, at_most: Some(limit_rows) };
            match engine.first_rows(question, Room::AsLikely).await {
                // It took a small share, where its rows were fewer than what became of them.
                Err(EngineError::Budget { .. }) => engine.first_rows(question, Room::Whole).await,
                answer => answer,
            }
        };
        desk.run(work).await?
    }

    async fn first_rows(&self, question: Question<'_>, room: Room) -> Result<Preview, EngineError> {
        let Running { share: _share, mut stream, outputs, snapshot } = self.start(question, Lane::Preview, room).await?;
        let mut rows = Vec::new();
        loop {
            match stream.try_next().await {
                Ok(Some(batch)) => encode::json_rows(&batch, &outputs, &mut rows)?,
                Ok(None) => break,
                Err(error) => return Err(self.named(self.query_error(error), &question.plan.dataset, &snapshot).await),
            }
        }
        Ok(Preview { rows, no_files: snapshot.is_empty() })
    }
}
