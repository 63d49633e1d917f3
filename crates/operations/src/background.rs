//! What runs without a request: the scheduler and the runners.

pub mod runner;
pub mod scheduler;
