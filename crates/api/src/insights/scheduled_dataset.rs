//! `ScheduledDataset`.

use insightgate_operations::datasets::list::list_datasets;
use insightgate_query::datasets::catalog::Dataset;
use serde::Serialize;

use super::call::{Call, Given};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownDataset<'a> {
    dataset_name: &'a str,
    selectable_columns: Vec<&'a str>,
    available_metrics: Vec<&'a str>,
    available_date_ranges: Vec<&'static str>,
    /// In hours.
    minimum_recurrence_interval: u32,
}

pub(super) async fn list(call: Call) -> Given {
    let name = call.parameters.text("datasetName");
    let datasets = list_datasets(call.context(), &call.caller, name.as_deref())?;
    let shown: Vec<_> = datasets.iter().map(|dataset| show(dataset)).collect();
    Ok(call.success(&shown, Some("Dataset fetched successfully")))
}

fn show(dataset: &Dataset) -> ShownDataset<'_> {
    ShownDataset {
        dataset_name: &dataset.name,
        selectable_columns: dataset.columns.iter().filter(|column| column.selectable).map(|column| column.name.as_str()).collect(),
        available_metrics: dataset.metrics.iter().map(|metric| metric.name.as_str()).collect(),
        available_date_ranges: dataset.date_ranges.iter().map(|range| range.keyword()).collect(),
        minimum_recurrence_interval: dataset.minimum_interval_hours,
    }
}
