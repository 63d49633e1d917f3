//! Matches columns of files with the definition by their name or an alias, ignoring case.
//!
//! Files that spell a column differently from the definition are read through an adapter of names. All other scans are stock, and can be sent to
//! another process as they are.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr_adapter::{DefaultPhysicalExprAdapter, PhysicalExprAdapter, PhysicalExprAdapterFactory};
use insightgate_query::datasets::catalog;
use insightgate_query::datasets::catalog::{ColumnType, Dataset, Tenancy, same_name};

use crate::reach::{PlanPart, Reach};
use crate::rows::snapshot::FileShape;
use crate::types;

/// A column that a scan wants from files.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The definition's own name, which plans use.
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) kind: ColumnType,
}

impl Wanted {
    fn of(column: &catalog::Column) -> Wanted {
        Wanted { name: column.name.clone(), aliases: column.aliases.clone(), kind: column.kind }
    }

    /// The definition's columns, and the tenant's column if it is not one of them.
    pub(crate) fn all(dataset: &Dataset) -> Vec<Wanted> {
        let mut wanted: Vec<_> = dataset.columns.iter().map(Wanted::of).collect();
        if let Tenancy::Column { name, .. } = &dataset.tenancy
            && !wanted.iter().any(|known| same_name(&known.name, name))
        {
            wanted.push(Wanted { name: name.clone(), aliases: Vec::new(), kind: ColumnType::String });
        }
        wanted
    }

    /// The position of the column in a file: by its name, or else by an alias.
    fn place(&self, file: &Schema) -> Option<usize> {
        place(&self.name, &self.aliases, self.kind, file)
    }
}

/// The position of a definition's column in a file.
pub(crate) fn place_of(column: &catalog::Column, file: &Schema) -> Option<usize> {
    place(&column.name, &column.aliases, column.kind, file)
}

/// A column of the file whose name is an alias but whose type does not fit is another column: it was never declared to fit.
fn place(name: &str, aliases: &[String], kind: ColumnType, file: &Schema) -> Option<usize> {
    let by_name = file.fields().iter().position(|field| same_name(field.name(), name));
    by_name.or_else(|| {
        let fits =
            |alias: &String| file.fields().iter().position(|field| same_name(field.name(), alias) && types::fits(field.data_type(), kind));
        aliases.iter().find_map(fits)
    })
}

/// The shapes of files, with the definition's names for the columns that it knows.
pub(crate) fn called(dataset: &Dataset, shapes: Vec<Arc<FileShape>>) -> Vec<Arc<FileShape>> {
    let wanted = Wanted::all(dataset);
    let called = |shape: Arc<FileShape>| match renamed(&wanted, &shape.schema) {
        None => shape,
        Some(schema) => {
            let (dictionaries, own) = (shape.dictionaries.clone(), Some(Arc::clone(&shape.schema)));
            Arc::new(FileShape { schema: Arc::new(schema), dictionaries, own })
        }
    };
    shapes.into_iter().map(called).collect()
}

/// `None` if each wanted column that the file has is already called by its wanted name.
fn renamed(wanted: &[Wanted], file: &Schema) -> Option<Schema> {
    let mut fields: Vec<_> = file.fields().iter().cloned().collect();
    let mut differs = false;
    for (index, column) in wanted.iter().enumerate() {
        // Nearly all files have the column in its place.
        if fields.get(index).is_some_and(|field| *field.name() == column.name) {
            continue;
        }
        let Some(field) = column.place(file).and_then(|index| fields.get_mut(index)) else { continue };
        if *field.name() != column.name {
            *field = Arc::new(field.as_ref().clone().with_name(&column.name));
            differs = true;
        }
    }
    differs.then(|| Schema::new_with_metadata(fields, file.metadata().clone()))
}

/// Reads the columns of each file under the wanted names.
#[derive(Debug)]
pub(crate) struct Respelled(pub(crate) Vec<Wanted>);

impl PlanPart for Respelled {
    const REACH: Reach = Reach::AnyProcess;
}

impl PhysicalExprAdapterFactory for Respelled {
    fn create(&self, logical: SchemaRef, physical: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let renamed = renamed(&self.0, &physical).map_or_else(|| Arc::clone(&physical), Arc::new);
        Ok(Arc::new(RespelledAdapter { stock: DefaultPhysicalExprAdapter::new(logical, renamed), physical }))
    }
}

#[derive(Debug)]
struct RespelledAdapter {
    stock: DefaultPhysicalExprAdapter,
    physical: SchemaRef,
}

impl PhysicalExprAdapter for RespelledAdapter {
    fn rewrite(&self, expression: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let adapted = self.stock.rewrite(expression)?;
        let spelled = adapted.transform(|node| match node.downcast_ref::<Column>() {
            Some(column) => {
                let name = self.physical.field(column.index()).name();
                Ok(Transformed::yes(Arc::new(Column::new(name, column.index())) as Arc<dyn PhysicalExpr>))
            }
            None => Ok(Transformed::no(node)),
        });
        spelled.data()
    }
}
