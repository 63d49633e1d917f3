//! The bodies, answers and parameters of the management API, each defined once: the server reads and writes these types, the client does too, and the
//! served document consists of their schemas.
//!
//! The crate holds types, limits and forms. It never sends anything and never checks anything: the operations check what a schema says of a field.

pub mod answers;
pub mod bodies;
mod error_code;
pub mod explained;
pub mod forms;
pub mod limits;
mod null;
pub mod parameters;
mod secret;
pub mod unseen;

pub use error_code::ErrorCode;
pub use secret::Secret;
