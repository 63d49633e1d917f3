//! What runs without a request: the scheduler, the runners and the deliverer.

pub mod deliverer;
pub mod runner;
pub mod scheduler;
