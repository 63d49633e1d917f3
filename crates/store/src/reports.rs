//! Queries, reports and executions, with their artifacts and their retention.

pub(crate) mod artifact_blocks;
pub(crate) mod executions;
pub(crate) mod held_back;
pub(crate) mod idempotency;
pub(crate) mod next_executions;
pub(crate) mod overview;
pub(crate) mod pages;
pub(crate) mod published_artifacts;
pub(crate) mod queries;
pub(crate) mod queue;
pub(crate) mod replanning;
pub(crate) mod report_row;
pub(crate) mod retention;
pub(crate) mod run_control;
pub(crate) mod scheduled_reports;
