//! Keys: those that sign tokens, the vault that encrypts secrets, and their rotation.

pub(crate) mod key_age;
pub mod reseal;
pub mod rotate;
pub mod signing;
pub mod vault;
