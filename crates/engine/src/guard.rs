//! What stands between a damaged file and the process: nothing of a file is handed to the Parquet library before what it claims of sizes
//! and places was looked at.
//!
//! A claim that cannot be true, or that would need more memory than a query may take, is an error that says so. Values are not looked at.

mod footer;
mod reader;
mod thrift;

pub(crate) use footer::footer;
pub(crate) use reader::{GuardedReaders, PageFault, check_pages};
