//! The functions that plans of this engine call, one a file.

pub(crate) mod balanced;
pub(crate) mod codes;
pub(crate) mod may_be_first;
pub(crate) mod meets;
pub(crate) mod numbers;
