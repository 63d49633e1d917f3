//! The event of one download: what was handed over when it ended, however it ended.

use std::sync::Arc;

use super::OpenedArtifact;
use crate::context::SharedContext;
use crate::usage;
use crate::usage::event::{Access, Status};

/// Records the event when it is dropped.
pub(super) struct Served {
    context: SharedContext,
    opened: OpenedArtifact,
    wanted: u64,
    handed: u64,
}

impl Served {
    /// For a request that wants so many bytes.
    pub(super) fn new(context: &SharedContext, opened: &OpenedArtifact, wanted: u64) -> Served {
        Served { context: Arc::clone(context), opened: opened.clone(), wanted, handed: 0 }
    }

    pub(super) fn handed(&mut self, bytes: usize) {
        self.handed += bytes as u64;
    }

    /// The reader did not take all that was handed to it.
    pub(super) fn broke_off(&mut self) {
        self.wanted = u64::MAX;
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let status = if self.handed == self.wanted { Status::Succeeded } else { Status::Broken };
        // The rows of a part are not known.
        let rows = Some(self.opened.artifact.rows).filter(|_| self.handed == self.opened.artifact.bytes);
        let access = Access { status, rows, bytes: Some(self.handed), ..self.opened.access.clone() };
        usage::record(&self.context, self.opened.key.tenant, access);
    }
}
