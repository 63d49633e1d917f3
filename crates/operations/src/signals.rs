//! Signals within this process: whoever writes something wakes whoever waits for it. Other processes find out by polling.

use tokio::sync::Notify;

/// Wakes background work, and requests that wait for it, within this process.
#[derive(Debug, Default)]
pub struct Signals {
    /// An execution was queued.
    pub queued: Notify,
    /// An execution ended, or its report changed.
    pub finished: Notify,
    /// A schedule or the clock changed.
    pub rescheduled: Notify,
    /// A report was deleted or an execution cancelled. If this process runs it, it is to end.
    pub deleted: Notify,
    /// The sandbox's clock was moved.
    pub clock_moved: Notify,
    /// A callback may be due.
    pub callbacks: Notify,
    /// A mail may be due.
    pub mails: Notify,
}
