//! The pages of operators: the organisations, what runs for any of them, and the server itself.

mod runs;
mod server;
mod tenants;

use super::endpoint::Endpoint;

pub(super) fn endpoints() -> Vec<Endpoint> {
    [tenants::endpoints(), runs::endpoints(), server::endpoints()].into_iter().flatten().collect()
}
