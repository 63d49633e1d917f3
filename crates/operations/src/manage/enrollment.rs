//! A tenant's way into the program: it is enrolled, and its application is reviewed.

pub mod enroll_tenant;
pub mod profile_input;
pub mod steps;
