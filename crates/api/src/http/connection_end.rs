//! How an answer ends the connection that it goes out on: one that is not read is asked for nothing more, and cannot end itself.

use std::fmt;
use std::sync::Arc;

/// The listener puts it into every request of a connection; without one, nothing is ended.
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
