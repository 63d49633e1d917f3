//! The executions of reports, from the slot that comes due to the artifact that is downloaded.

pub(crate) mod artifact_key;
pub mod artifact_room;
pub mod cancel;
pub mod download;
pub mod downloads;
pub mod held_polls;
pub mod link;
pub mod list;
pub mod move_clock;
pub(crate) mod named_executions;
pub mod places;
pub mod runner;
pub mod scheduler;
pub mod sweeper;
