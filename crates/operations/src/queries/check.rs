//! Checks a text while it is written: what is wrong with it, or what it means in words. No file is looked at and nothing is stored, so that it costs no
//! more than the text is long.

use insightgate_query::Diagnostics;
use insightgate_query::words::words;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::queries::explain::{meaning, rows_of};

#[derive(Debug, Clone, Default)]
pub struct CheckedQuery {
    /// Everything that is wrong, each with its place. Empty if the query can run.
    pub diagnostics: Diagnostics,
    /// What the query means to this caller; empty if it is wrong.
    pub sentences: Vec<String>,
    /// What the caller should know although it is not an error.
    pub notes: Vec<String>,
}

/// Checks the text against the datasets of the caller's program, and says whose rows it would read.
pub fn check_query(context: &Context, caller: &Caller, text: &str) -> CheckedQuery {
    let plan = match insightgate_query::plan(text, &context.catalogs.of(caller.program)) {
        Ok(plan) => plan,
        Err(diagnostics) => return CheckedQuery { diagnostics, ..CheckedQuery::default() },
    };
    let sentences = match caller.scope.within(&plan.dataset.name) {
        Ok(scope) => {
            let words = words(&plan, plan.window(context.clock.now(), None, None), plan.window_source(None, None));
            meaning(&scope, &words, &rows_of(&scope, &plan))
        }
        Err(refusal) => vec![refusal.to_string()],
    };
    CheckedQuery { diagnostics: Diagnostics::default(), sentences, notes: plan.notes }
}
