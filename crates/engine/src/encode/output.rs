//! The place of an answer's column in the stream of rows.

use insightgate_query::datasets::catalog::ColumnType;

/// The stream's column number `column`, under its name in the answer. The same column may stand twice.
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
