//! Downloads.

mod damaged_downloads;
mod downloads;
mod links;
mod stalled_downloads;
