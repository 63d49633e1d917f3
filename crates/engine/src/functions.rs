//! The functions that plans of this engine call, one a file.

pub(crate) mod codes;
pub(crate) mod digest;
pub(crate) mod may_be_first;
pub(crate) mod meets;
