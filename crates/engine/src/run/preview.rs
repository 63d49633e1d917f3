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
use crate::run::how_far::HowFar;
use crate::run::turns::Lane;

#[derive(Debug)]
pub struct Preview {
    /// One JSON object for each row, ready to be sent.
    pub rows: Vec<Box<RawValue>>,
    /// This tenant has no files yet, so that the answer is empty.
    pub no_files: bool,
}

impl Engine {
    /// Returns at most `limit_rows` rows. Waits for its turn.
    ///
    /// # Errors
    ///
    /// [`EngineError::Crowded`] if its turn does not come in time; otherwise an error of the query or of its files.
    pub async fn preview(&self, scope: &TenantScope, plan: &Plan, window: Window, limit_rows: usize) -> Result<Preview, EngineError> {
        let desk = self.inner.workers.desk(scope.tenant())?;
        let (engine, scope, plan) = (self.clone(), scope.clone(), plan.clone());
        let work = async move {
            let question = Question { scope: &scope, plan: &plan, window, at_most: Some(limit_rows) };
            match engine.first_rows(question, Room::AsLikely).await {
                // The small share was too little: the query holds more than its few rows let expect.
                Err(EngineError::Budget { .. }) => engine.first_rows(question, Room::Whole).await,
                answer => answer,
            }
        };
        desk.run(work).await?
    }

    async fn first_rows(&self, question: Question<'_>, room: Room) -> Result<Preview, EngineError> {
        let Running { share: _share, mut stream, outputs, snapshot } =
            self.start(question, Lane::Preview, room, &HowFar::default()).await?;
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
