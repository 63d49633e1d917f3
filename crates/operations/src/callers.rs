//! Who calls: the token, the principal behind it, and what the caller may do.

pub mod authenticate;
pub mod caller;
pub mod challenge;
pub mod directory;
