//! What is executed when: saved queries, reports and their schedules, and executions.
//!
//! Pure: no IO, no clock, no randomness. Every rule about a report is here, and none in a handler.

pub mod callback;
pub mod execution;
pub mod file_name;
pub mod instant;
pub mod next_execution;
pub mod quotas;
pub mod report_query;
pub mod schedule;
pub mod scheduled_report;

#[cfg(test)]
mod names_tests;
