//! Text files: where their values begin and end, and what the values mean.

pub(crate) mod batches;
pub(crate) mod decoded;
pub(crate) mod delimited;
pub(crate) mod json_lines;
pub(crate) mod number_text;
pub(crate) mod parse;
pub(crate) mod separator;
pub(crate) mod value;
