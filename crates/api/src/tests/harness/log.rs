//! What the server writes into its log while a test listens.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, OnceLock};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

/// The lines of this project at all levels that the test's thread has written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<(Level, String)>>>);

/// Lets each test listen to its own thread, whichever thread reaches a statement first. While a process has one subscriber, tracing asks the thread that
/// reaches a statement first whether it listens, and keeps the answer for all (`tracing-core` 0.1.36, `Rebuilder::JustOne`): with two more, it asks each.
pub(crate) fn ask_each_thread() {
    static OTHERS: OnceLock<[Dispatch; 2]> = OnceLock::new();
    OTHERS.get_or_init(|| [Dispatch::new(Log::default()), Dispatch::new(Log::default())]);
}

impl Log {
    pub(crate) fn begin() -> (Log, DefaultGuard) {
        let log = Log::default();
        (log.clone(), set_default(log))
    }

    /// Returns the lines of a level that contain the text, and forgets all lines.
    pub(crate) fn take(&self, level: Level, text: &str) -> Vec<String> {
        let all = std::mem::take(&mut *self.0.lock().unwrap());
        all.into_iter().filter(|(of, line)| *of == level && line.contains(text)).map(|(_, line)| line).collect()
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("insightgate")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.0.lock().unwrap().push((*event.metadata().level(), line.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}
