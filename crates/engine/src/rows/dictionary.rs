//! Reads texts that files store as dictionaries as dictionaries, so that a value is tested, copied and quoted once and not for each row.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::logical_expr::{LogicalPlanBuilder, cast};
use insightgate_query::datasets::catalog::same_name;

use crate::error::EngineError;
use crate::rows::columns::{TENANT_COLUMN, column};
use crate::rows::snapshot::FileShape;
use crate::types;

/// The Arrow type of such a column.
pub(crate) fn arrow() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Whether every file that has the column is best read as a dictionary.
pub(crate) fn is_best(name: &str, shapes: &[Arc<FileShape>]) -> bool {
    let mut found = false;
    shapes.iter().all(|shape| {
        let fields = shape.schema.fields().iter().zip(&shape.dictionaries).filter(|(field, _)| same_name(field.name(), name));
        fields.into_iter().all(|(field, dictionary)| {
            found = true;
            dictionary.is_some() && types::is_text(field.data_type())
        })
    }) && found
}

/// The stored bytes of all dictionaries of the column; `None` if some of its texts are stored outside dictionaries.
pub(crate) fn stored(name: &str, shapes: &[Arc<FileShape>]) -> Option<u64> {
    let fields = shapes.iter().flat_map(|shape| shape.schema.fields().iter().zip(&shape.dictionaries));
    fields.filter(|(field, _)| same_name(field.name(), name)).map(|(_, bytes)| *bytes).sum()
}

/// The file's own schema with dictionaries where the scan wants them; `None` if it wants none.
pub(crate) fn read_as(wanted: &Schema, shape: &FileShape) -> Option<SchemaRef> {
    let is_wanted = |field: &Field| {
        let mut wanted = wanted.fields().iter().filter(|wanted| same_name(wanted.name(), field.name()));
        wanted.any(|wanted| *wanted.data_type() == arrow())
    };
    let fields = shape.schema.fields();
    fields.iter().any(|field| is_wanted(field)).then(|| {
        let own = shape.own.as_ref().unwrap_or(&shape.schema).fields();
        let fields = fields
            .iter()
            .zip(own)
            .map(|(field, own)| if is_wanted(field) { Arc::new(own.as_ref().clone().with_data_type(arrow())) } else { Arc::clone(own) });
        Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), shape.schema.metadata().clone()))
    })
}

/// The rows with plain texts, for nodes that compare values of different files: each file has a dictionary of its own.
pub(crate) fn as_texts(rows: LogicalPlanBuilder) -> Result<LogicalPlanBuilder, EngineError> {
    let fields: Vec<(String, bool)> = rows
        .schema()
        .fields()
        .iter()
        .map(|field| (field.name().clone(), *field.data_type() == arrow() && field.name() != TENANT_COLUMN))
        .collect();
    if !fields.iter().any(|(_, is_dictionary)| *is_dictionary) {
        return Ok(rows);
    }
    let columns = fields.iter().map(|(name, is_dictionary)| match is_dictionary {
        true => cast(column(name), DataType::Utf8).alias(name),
        false => column(name),
    });
    rows.project(columns).map_err(EngineError::Query)
}
