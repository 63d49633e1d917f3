//! The real router over a real store, engine and manual clock, called in process. Nothing runs in the background and nothing sleeps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod artifacts;
mod console;
mod executions;
mod harness;
mod http;
mod insights;
mod manage;
mod oauth;
mod sandbox;
mod watched;
