//! The console, visited by a browser without scripts.

mod addresses;
mod administrators;
mod applications;
mod datasets;
mod help;
mod labels;
mod matrix;
mod menu;
mod operators;
mod people;
mod places;
mod queries;
mod reports;
mod sign_in;

pub(super) use sign_in::{signed_in, signed_in_as_operator};
