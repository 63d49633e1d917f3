//! Checks whether the files of a dataset fit its definition, for all tenants. It reads footers and never rows.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, FieldRef};
use futures::StreamExt;
use insightgate_identity::program::Program;
use insightgate_query::datasets::catalog::{Dataset, Tenancy, same_name};
use uuid::Uuid;

use crate::error::EngineError;
use crate::rows::lake::Lake;
use crate::rows::layout;
use crate::rows::layout::TENANT_KEY;
use crate::rows::scan::{folder_columns, partitioned};
use crate::rows::snapshot;
use crate::rows::snapshot::{FileShape, PinnedFile, Snapshot};
use crate::types;

/// The number of files that are examined at once.
const CONCURRENCY: usize = 8;

/// The result of a check.
#[derive(Debug)]
pub struct FileCheck {
    pub files: usize,
    pub bytes: u64,
    /// What is wrong with the files: one fault for each file that does not fit, and one for each table none of whose files is looked at.
    pub faults: Vec<EngineError>,
    /// Files outside the tenants' folders, if folders say who owns the rows. Nobody sees the rows of these files.
    pub ownerless: Vec<String>,
}

impl Lake {
    /// Checks the footers of all files of the dataset.
    pub(crate) async fn check_files(&self, program: Program, dataset: &Dataset) -> Result<FileCheck, EngineError> {
        let folder = layout::dataset_folder(program, &dataset.name);
        let (files, unread) = if snapshot::is_table(dataset) {
            snapshot::every_table(self.store.as_ref(), dataset, &folder).await?
        } else {
            match snapshot::list(self.store.as_ref(), &folder, &folder).await {
                Err(fault @ EngineError::TableFound { .. }) => (Vec::new(), vec![fault]),
                listed => (listed?, Vec::new()),
            }
        };
        let bytes = files.iter().map(|file| file.meta.size).sum();
        let (owned, ownerless): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| has_owner(dataset, file));
        let ownerless: Vec<String> = ownerless.into_iter().map(|file| file.meta.location.to_string()).collect();
        let snapshot = Snapshot { files: owned, data_as_of: None, data_version: None };
        let shapes = snapshot.files.iter().map(|file| self.shape(dataset, file));
        // Collected first, since a lazily mapped borrow inside a stream keeps the callers' futures from being `Send`.
        let shapes: Vec<_> = shapes.collect();
        let shapes: Vec<Result<Vec<Arc<FileShape>>, EngineError>> = futures::stream::iter(shapes).buffered(CONCURRENCY).collect().await;
        let readable: Vec<Arc<FileShape>> = shapes.iter().flatten().flatten().cloned().collect();
        let in_folders = folder_columns(dataset, &snapshot, &readable);
        let outcomes = snapshot.files.iter().zip(shapes).map(|(file, shape)| check_file(dataset, &in_folders, file, &shape?));
        let faults = unread.into_iter().chain(outcomes.filter_map(Result::err)).collect();
        Ok(FileCheck { files: snapshot.files.len() + ownerless.len(), bytes, faults, ownerless })
    }

    /// The shape of this one file.
    async fn shape(&self, dataset: &Dataset, file: &PinnedFile) -> Result<Vec<Arc<FileShape>>, EngineError> {
        let alone = Snapshot { files: vec![file.clone()], data_as_of: None, data_version: None };
        self.named_shapes(dataset, &alone).await
    }
}

fn check_file(dataset: &Dataset, in_folders: &[String], file: &PinnedFile, shapes: &[Arc<FileShape>]) -> Result<(), EngineError> {
    for shape in shapes {
        snapshot::check_fit(dataset, in_folders, &file.meta.location, &shape.schema)?;
    }
    let columns = dataset.columns.iter().filter(|column| in_folders.iter().any(|name| same_name(name, &column.name)));
    let fields: Vec<FieldRef> = columns.map(|column| Arc::new(Field::new(&column.name, types::arrow(column.kind), true))).collect();
    partitioned(dataset, file, &fields).map(drop)
}

fn has_owner(dataset: &Dataset, file: &PinnedFile) -> bool {
    let names_tenant = |(key, value): &(String, Option<String>)| {
        key == TENANT_KEY && value.as_deref().is_some_and(|value| Uuid::try_parse(value).is_ok_and(|id| id.to_string() == value))
    };
    dataset.tenancy != Tenancy::Folder || file.folder_values.first().is_some_and(names_tenant)
}
