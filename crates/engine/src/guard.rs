//! The guard between a damaged file and the process: the Parquet library gets nothing of a file before its claims about sizes and places were
//! checked.
//!
//! A claim that cannot be true, or that needs more memory than a query may use, is an error that says so. Values are not checked.

mod footer;
mod reader;
mod thrift;

pub(crate) use footer::footer;
pub(crate) use reader::{GuardedReaders, PageFault, check_pages};
