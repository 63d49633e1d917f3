//! How an answer closes its connection. If the client does not read the body of an answer, the body is not polled, so it cannot do that by itself.

use std::fmt;
use std::sync::Arc;

/// Closes a connection. The listener adds one to every request of the connection; without it, nothing is closed.
#[derive(Clone)]
pub struct ConnectionEnd(Arc<dyn Fn() + Send + Sync>);

impl ConnectionEnd {
    pub fn new(end: impl Fn() + Send + Sync + 'static) -> ConnectionEnd {
        ConnectionEnd(Arc::new(end))
    }

    pub(crate) fn end(&self) {
        (self.0)();
    }
}

impl fmt::Debug for ConnectionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionEnd")
    }
}
