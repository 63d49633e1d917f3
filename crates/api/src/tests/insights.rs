//! The Insights API: queries, reports, and whose rows they read.

mod creation_keys;
mod default_span;
mod explanations;
mod finite_reports;
mod locations;
mod names;
mod ownership;
mod prerequisites;
mod previews;
mod query_messages;
mod redaction;
mod report_requests;
mod reports;
mod usage;
