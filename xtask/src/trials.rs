//! What lets the built server work for somebody who watches: an operator's drills, and a long soak.

pub mod drills;
pub mod soak;
