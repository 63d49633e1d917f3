//! Where a column of an answer stands in the stream of rows.

use insightgate_query::datasets::catalog::ColumnType;

/// `column` of the stream, under the name of the answer. The same column may stand twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) column: usize,
    pub(crate) kind: ColumnType,
}

impl Output {
    pub(crate) fn new(name: &str, column: usize, kind: ColumnType) -> Output {
        Output { name: name.to_owned(), column, kind }
    }
}
