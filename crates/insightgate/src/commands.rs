//! One command a file.

pub mod dataset_add;
pub mod init;
pub mod run;
pub mod serve;
