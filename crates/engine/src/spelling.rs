//! Columns of files match the definition without regard to case.
//!
//! Used only for files that spell a column otherwise than the definition: all other scans are stock and travel as they are.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr_adapter::{DefaultPhysicalExprAdapter, PhysicalExprAdapter, PhysicalExprAdapterFactory};
use insightgate_query::catalog::same_name;

#[derive(Debug)]
pub(crate) struct IgnoreCase;

/// Whether a file spells any of the wanted columns in its own way.
pub(crate) fn differs(wanted: &Schema, file: &Schema) -> bool {
    wanted
        .fields()
        .iter()
        .any(|field| file.index_of(field.name()).is_err() && file.fields().iter().any(|other| same_name(other.name(), field.name())))
}

impl PhysicalExprAdapterFactory for IgnoreCase {
    fn create(&self, logical: SchemaRef, physical: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let renamed =
            physical.fields().iter().map(|field| match logical.fields().iter().find(|wanted| same_name(wanted.name(), field.name())) {
                Some(wanted) => field.as_ref().clone().with_name(wanted.name()),
                None => field.as_ref().clone(),
            });
        let renamed = Arc::new(Schema::new_with_metadata(renamed.collect::<Vec<_>>(), physical.metadata().clone()));
        Ok(Arc::new(IgnoreCaseAdapter { stock: DefaultPhysicalExprAdapter::new(logical, renamed), physical }))
    }
}

#[derive(Debug)]
struct IgnoreCaseAdapter {
    stock: DefaultPhysicalExprAdapter,
    physical: SchemaRef,
}

impl PhysicalExprAdapter for IgnoreCaseAdapter {
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
