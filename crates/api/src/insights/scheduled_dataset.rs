//! `ScheduledDataset`.

use insightgate_operations::datasets::list::list_datasets;
use insightgate_query::datasets::catalog::Dataset;
use schemars::JsonSchema;
use serde::Serialize;

use super::call::{Call, Given};
use crate::openapi::parameter_set::parameter_set;

parameter_set! {
    DatasetParameters {
        dataset_name: Option<String> = "datasetName", "Only this dataset, without regard to letter case.";
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Dataset", extend("additionalProperties" = false))]
pub(super) struct ShownDataset {
    dataset_name: String,
    selectable_columns: Vec<String>,
    available_metrics: Vec<String>,
    /// The time spans that the dataset takes.
    available_date_ranges: Vec<&'static str>,
    /// In hours.
    minimum_recurrence_interval: u32,
}

pub(super) async fn list(call: Call<DatasetParameters>) -> Given<ShownDataset> {
    let datasets = list_datasets(call.context(), &call.caller, call.query.dataset_name.as_deref())?;
    let shown: Vec<_> = datasets.iter().map(|dataset| show(dataset)).collect();
    Ok(call.success(&shown, Some("Dataset fetched successfully")))
}

fn show(dataset: &Dataset) -> ShownDataset {
    ShownDataset {
        dataset_name: dataset.name.clone(),
        selectable_columns: dataset.columns.iter().filter(|column| column.selectable).map(|column| column.name.clone()).collect(),
        available_metrics: dataset.metrics.iter().map(|metric| metric.name.clone()).collect(),
        available_date_ranges: dataset.date_ranges.iter().map(|range| range.keyword()).collect(),
        minimum_recurrence_interval: dataset.minimum_interval_hours,
    }
}
