//! A report's executions, and what happens to them.

mod callbacks;
mod cancelled;
mod carried_out;
mod clocks;
mod mails;
mod polls;
mod retention;
mod sharing;
mod waiting_executions;
