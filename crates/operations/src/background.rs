//! What runs without a request: the scheduler, the runners, the deliverer of callbacks, the keeper of keys and the sweeper.

pub mod deliverer;
pub mod keeper;
pub mod runner;
pub mod scheduler;
pub mod sweeper;
