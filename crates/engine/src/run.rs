//! Turns a plan into rows or an artifact: decides how much memory it gets, when its turn comes, and on which threads it runs.

pub(crate) mod budget;
pub(crate) mod engine;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod how_far;
pub(crate) mod in_order;
pub(crate) mod ledger;
pub(crate) mod log_files;
pub(crate) mod preview;
pub(crate) mod stores;
pub(crate) mod strategy;
pub(crate) mod turns;
pub(crate) mod workers;
