//! The guard between a damaged file and the process: the Parquet library gets nothing of a file before the file's claims about sizes and places are checked.
//!
//! A claim that cannot be true, or that needs more memory than a query may use, is reported as an error. Values are not checked.

mod footer;
mod reader;
mod thrift;

pub(crate) use footer::{footer, plain_footer};
pub(crate) use reader::{GROUPS_READ, GuardedReaders, LARGEST_PAGE, PageFault, check_pages};
