//! `insightgate store check`: tries the places of rows and of the files of reports, step by step, and says what is missing.

use insightgate_engine::{DataRoot, EngineError, Tried, Use};
use insightgate_operations::random::Random;
use serde_json::json;

use crate::command_error::CommandError;
use crate::deployed::Deployed;
use crate::env_vars;
use crate::terminal::progress::Progress;
use crate::terminal::table::Table;
use crate::terminal::{print, print_json};
use crate::upkeep_arguments::StoreCheckArguments;

/// Every step is told; the first that failed decides about the exit code.
pub async fn check(arguments: &StoreCheckArguments) -> Result<(), CommandError> {
    let random = Random::default();
    let probe = random.uuid().map_err(|error| CommandError::failed(error.to_string()))?.to_string();
    let mut hints = Vec::new();
    let (mut table, mut all, mut failed) = (Table::new(&["SETTING", "STEP", "OUTCOME"]), Vec::new(), None);
    for (key, root, purpose) in places(arguments)? {
        let tried = Progress::during(&format!("trying {root}"), root.try_out(purpose, &probe)).await;
        eprintln!("{key}: {root}");
        let mut steps = Vec::new();
        for Tried { step, outcome, advice } in tried {
            let told = match &outcome {
                Ok(seen) => format!("ok: {seen}"),
                Err(error) => format!("failed: {error}"),
            };
            table.row([key, step.name(), &told]);
            let error = outcome.as_ref().err().map(EngineError::to_string);
            steps
                .push(json!({"step": step.name(), "ok": outcome.is_ok(), "seen": outcome.as_ref().ok(), "error": error, "advice": advice}));
            if let Err(error) = outcome {
                hints.extend(advice.filter(|advice| !hints.contains(advice)));
                let code = CommandError::from(error).code;
                let message = format!("{root} ({key}) cannot be used: {} failed", step.name());
                failed.get_or_insert(CommandError { message, hint: None, code });
            }
        }
        all.push(json!({"setting": key, "place": root.to_string(), "steps": steps}));
    }
    if arguments.json {
        print_json(&all)?
    } else {
        print(&table.text())?
    }
    match failed {
        None => Ok(()),
        // One line for each: what one permission lacks may be what another lacks too.
        Some(failed) if hints.is_empty() => Err(failed),
        Some(failed) => Err(failed.hint(hints.join("\nhint: "))),
    }
}

/// Those that flags name, or else those of the deployment.
fn places(arguments: &StoreCheckArguments) -> Result<Vec<(&'static str, DataRoot, Use)>, CommandError> {
    let (rows, files) = (&arguments.data_root, &arguments.artifact_root);
    if rows.is_none() && files.is_none() {
        let roots = Deployed::find(&arguments.place)?.roots;
        return Ok(vec![("data.root", roots.rows, Use::Reading), ("artifacts.root", roots.artifacts, Use::Writing)]);
    }
    let named = [("data.root", rows, Use::Reading), ("artifacts.root", files, Use::Writing)];
    let parsed = named.into_iter().filter_map(|(key, text, purpose)| {
        let root = DataRoot::parse(text.as_ref()?, env_vars::of_stores());
        Some(root.map(|root| (key, root, purpose)).map_err(|error| CommandError::usage(error.to_string())))
    });
    parsed.collect()
}
