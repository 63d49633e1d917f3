//! The datasets that are served.

use insightgate_identity::program::Program;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::datasets::list_datasets;
use insightgate_query::datasets::catalog::Dataset;
use serde_json::{Value, json};

use super::answer;
use super::call::Call;
use super::endpoint::Given;

pub(super) async fn list(call: Call) -> Given {
    let program = call.parameters.text("program");
    let datasets = list_datasets(call.context(), &call.administrator, program.as_deref(), None).await?;
    Ok(Some(answer::list(datasets.iter().map(|(program, dataset)| shown(*program, dataset)).collect())))
}

/// Of both programs' the first: their names differ.
pub(super) async fn show(call: Call) -> Given {
    let program = call.parameters.text("program");
    let datasets = list_datasets(call.context(), &call.administrator, program.as_deref(), Some(call.path("name"))).await?;
    let (program, dataset) = datasets.first().ok_or(Failure::NotFound)?;
    Ok(Some(shown(*program, dataset)))
}

fn shown(program: Program, dataset: &Dataset) -> Value {
    let columns =
        dataset.columns.iter().map(|column| json!({"name": column.name, "sensitive": column.sensitive, "selectable": column.selectable}));
    json!({
        "name": dataset.name,
        "program": program,
        "title": dataset.title,
        "columns": columns.collect::<Vec<_>>(),
        "metrics": dataset.metrics.iter().map(|metric| metric.name.as_str()).collect::<Vec<_>>(),
        "minimumRecurrenceInterval": dataset.minimum_interval_hours,
        "locationColumn": dataset.location_column.and_then(|index| dataset.columns.get(index)).map(|column| column.name.as_str()),
    })
}
