//! Files on a disk or in an object store: the artifacts, and access to the files of rows.

pub(crate) mod advice;
pub(crate) mod artifact;
pub(crate) mod block_sums;
pub(crate) mod causes;
pub(crate) mod checked_store;
pub(crate) mod flush;
pub(crate) mod free_disk;
pub(crate) mod odd_names;
pub(crate) mod reachable;
pub(crate) mod store_check;
pub(crate) mod store_fault;
pub(crate) mod store_url;
pub(crate) mod timed_store;
pub mod unfinished_file;
pub(crate) mod upload;
