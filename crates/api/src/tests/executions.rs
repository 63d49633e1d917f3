//! From a report to its executions, and what becomes of them.

mod callbacks;
mod clocks;
mod polls;
mod retention;
mod runs;
mod sharing;
mod waiting_runs;
