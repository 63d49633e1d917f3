//! Downloads.

mod damaged_downloads;
mod downloads;
mod links;
mod repair;
mod stalled_downloads;
