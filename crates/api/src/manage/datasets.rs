//! The datasets that are served.

use insightgate_identity::program::Program;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::datasets::list_datasets;
use insightgate_query::datasets::catalog::{Column, Dataset};
use insightgate_wire::answers::{self, Listed};
use insightgate_wire::parameters::DatasetQuery;

use super::call::Call;
use super::given::{Given, Query, Shown};

pub(super) async fn list(call: Call, Query(query): Query<DatasetQuery>) -> Given<Listed<answers::Dataset>> {
    let datasets = list_datasets(call.context(), &call.administrator, query.program.as_deref(), None).await?;
    Ok(Listed::whole(datasets.iter().map(|(program, dataset)| shown(*program, dataset)).collect()))
}

/// Of both programs' the first: their names differ.
pub(super) async fn show(call: Call, Query(query): Query<DatasetQuery>) -> Given<Shown<answers::Dataset>> {
    let datasets = list_datasets(call.context(), &call.administrator, query.program.as_deref(), Some(call.path("name"))).await?;
    let (program, dataset) = datasets.first().ok_or(Failure::NotFound)?;
    Ok(Shown(shown(*program, dataset)))
}

fn shown(program: Program, dataset: &Dataset) -> answers::Dataset {
    let column =
        |column: &Column| answers::Column { name: column.name.clone(), sensitive: column.sensitive, selectable: column.selectable };
    answers::Dataset {
        name: dataset.name.clone(),
        program: program.name().to_owned(),
        title: dataset.title.clone(),
        columns: dataset.columns.iter().map(column).collect(),
        metrics: dataset.metrics.iter().map(|metric| metric.name.clone()).collect(),
        minimum_recurrence_interval: dataset.minimum_interval_hours,
        location_column: dataset.location_column.and_then(|index| dataset.columns.get(index)).map(|column| column.name.clone()),
        more: answers::More::new(),
    }
}
