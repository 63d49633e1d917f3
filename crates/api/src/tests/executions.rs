//! From a report to its executions, and what becomes of them.

mod callbacks;
mod carried_out;
mod clocks;
mod polls;
mod retention;
mod sharing;
mod waiting_executions;
