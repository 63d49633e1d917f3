//! What operators see: the log, metrics and health.

mod log;
mod telemetry;
