//! Hands lines to stderr: a warning at once, with everything before it; other lines a few milliseconds later, many with one call, since a call for each
//! would cost a busy server more than to make them.
//!
//! A process that is killed loses the lines of these milliseconds. It does not know what a line says.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// How long a line may wait for others.
const WAIT: Duration = Duration::from_millis(5);
/// The bytes that wait at most; then they are written, by whoever brings the next line.
const MOST: usize = 64 << 10;

static STDERR: OnceLock<Sink> = OnceLock::new();

/// Where lines go. Clones share it.
#[derive(Clone)]
pub struct Sink(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Notified when the first line waits.
    waits: Condvar,
}

struct State {
    lines: Vec<u8>,
    out: Box<dyn Write + Send>,
}

impl Sink {
    /// The sink of the process, whose lines are written by a thread of its own.
    pub fn stderr() -> Sink {
        STDERR.get_or_init(|| Sink::started(Box::new(std::io::stderr()))).clone()
    }

    fn started(out: Box<dyn Write + Send>) -> Sink {
        let sink = Sink::over(out);
        let writer = sink.clone();
        // Without a thread, lines wait for a warning, for others, or for the end.
        let _ = std::thread::Builder::new().name("log".to_owned()).spawn(move || writer.write_what_waits());
        sink
    }

    pub(super) fn over(out: Box<dyn Write + Send>) -> Sink {
        Sink(Arc::new(Shared { state: Mutex::new(State { lines: Vec::new(), out }), waits: Condvar::new() }))
    }

    /// Takes a line with its end. `now`: it is written before this returns.
    pub fn take(&self, line: &str, now: bool) {
        let mut state = self.lock();
        let is_first = state.lines.is_empty();
        state.lines.extend_from_slice(line.as_bytes());
        if now || state.lines.len() >= MOST {
            state.write();
        } else if is_first {
            drop(state);
            self.0.waits.notify_one();
        }
    }

    fn write_what_waits(&self) {
        let mut state = self.lock();
        loop {
            while state.lines.is_empty() {
                state = self.0.waits.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            // Meanwhile others bring theirs; nobody notifies, since lines wait already.
            let waited = self.0.waits.wait_timeout_while(state, WAIT, |state| !state.lines.is_empty());
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.write();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self) {
        // Nobody reads it if stderr is gone.
        let _ = self.out.write_all(&self.lines);
        self.lines.clear();
        self.lines.shrink_to(MOST);
    }
}

/// Writes what still waits. To be called before the process ends.
pub fn finish() {
    if let Some(sink) = STDERR.get() {
        sink.lock().write();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    struct Told(Sender<String>);

    impl Write for Told {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn told() -> (Box<dyn Write + Send>, Receiver<String>) {
        let (sender, receiver) = channel();
        (Box::new(Told(sender)), receiver)
    }

    #[test]
    fn lines_wait_for_a_warning_or_until_they_are_many() {
        let (out, written) = told();
        let sink = Sink::over(out);
        sink.take("one\n", false);
        sink.take("two\n", false);
        assert!(written.try_recv().is_err());
        sink.take("warning\n", true);
        assert_eq!(written.try_recv().unwrap(), "one\ntwo\nwarning\n");
        let long = format!("{}\n", "x".repeat(MOST));
        sink.take(&long, false);
        assert_eq!(written.try_recv().unwrap(), long);
    }

    #[test]
    fn a_line_is_written_without_another() {
        let (out, written) = told();
        let sink = Sink::started(out);
        for line in ["one\n", "two\n"] {
            sink.take(line, false);
            assert_eq!(written.recv().unwrap(), line);
        }
    }
}
