//! The columns that a scan has besides the dataset's own, and how expressions name a column.

use datafusion::common::Column;
use datafusion::logical_expr::{Expr, lit};

/// The scan's column with the value of the `tenant=` folders. No column of a definition can have this name, since their names do not begin with a colon.
pub(crate) const TENANT_COLUMN: &str = ":tenant";

/// The place of a row: its file's position in the snapshot, and the row's number within the file.
pub(crate) const FILE_COLUMN: &str = ":file";
pub(crate) const ROW_COLUMN: &str = ":row";

pub(crate) fn column(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

pub(crate) fn text(value: &str) -> Expr {
    lit(value)
}
