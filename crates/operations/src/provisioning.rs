//! What `init` and the demo set up before anybody could have a token.

pub mod add_user;
pub mod enroll_tenant;
pub mod make_operator;
pub mod register_application;
