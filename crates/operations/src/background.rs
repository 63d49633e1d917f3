//! What runs without a request: the scheduler, the runners, the keeper of keys and the sweeper.

pub mod keeper;
pub mod runner;
pub mod scheduler;
pub mod sweeper;
