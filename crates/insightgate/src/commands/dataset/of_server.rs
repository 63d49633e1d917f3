//! The datasets that a server offers, by the documented call alone: names of columns and metrics, without their types.

use std::path::Path;

use insightgate_client::{Client, Dataset};

use crate::cli::{DEFAULT_DATA_DIR, DatasetPlace};
use crate::command_error::CommandError;
use crate::commands::named;
use crate::env_vars;
use crate::profiles;
use crate::session::insights_of_program;
use crate::terminal::table::{Table, fields};
use crate::terminal::{print, print_json};

/// A connection, if a server is to be asked: a folder that is named goes before a profile that is named, and the usual folder before the usual profile.
pub fn asked(profile: Option<&str>, place: &DatasetPlace) -> Result<Option<Client>, CommandError> {
    let folder_is_named = place.data_dir.is_some() || place.data_root.is_some();
    let profile_is_named = profiles::is_named(profile);
    let usual_profile = || !Path::new(DEFAULT_DATA_DIR).is_dir() && profiles::load(None, env_vars::read).is_ok();
    if folder_is_named || !(profile_is_named || usual_profile()) {
        return Ok(None);
    }
    insights_of_program(profile, place.program).map(Some)
}

pub async fn list(client: &Client, as_json: bool) -> Result<(), CommandError> {
    let answer = client.datasets(None).await?;
    if as_json {
        return print_json(&answer.envelope);
    }
    let mut table = Table::new(&["name", "columns", "metrics", "hours", "spans"]);
    for dataset in &answer.envelope.value {
        table.row([
            dataset.dataset_name.clone(),
            dataset.selectable_columns.len().to_string(),
            dataset.available_metrics.len().to_string(),
            hours(dataset),
            dataset.available_date_ranges.len().to_string(),
        ]);
    }
    print(&table.text())
}

pub async fn show(client: &Client, name: &str, as_json: bool) -> Result<(), CommandError> {
    let found = named::or_none(client.datasets(Some(name)).await)?;
    let Some(dataset) = found.into_iter().next() else {
        let failed = CommandError::not_found(format!("the server offers no dataset '{name}'"));
        return Err(failed.hint("`insightgate dataset list` shows what there is; --program chooses mpn or cmp"));
    };
    if as_json {
        return print_json(&dataset);
    }
    let shown = fields(&[
        ("name", dataset.dataset_name.clone()),
        ("spans", dataset.available_date_ranges.join(", ")),
        ("hours between runs", hours(&dataset)),
    ]);
    let (mut columns, mut metrics) = (Table::new(&["column"]), Table::new(&["metric"]));
    dataset.selectable_columns.iter().for_each(|column| columns.row([column]));
    dataset.available_metrics.iter().for_each(|metric| metrics.row([metric]));
    print(&format!("{shown}\n{}\n{}", columns.text(), metrics.text()))
}

fn hours(dataset: &Dataset) -> String {
    dataset.minimum_recurrence_interval.map(|hours| hours.to_string()).unwrap_or_default()
}
