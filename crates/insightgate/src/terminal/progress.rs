//! How far a command has come, on a terminal alone: in a pipe or a file there is no trace of it. It takes its line away before anything else is shown.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often the line changes while nothing happens.
const TICK: Duration = Duration::from_millis(120);

/// One line on stderr. Clones are of the same line.
#[derive(Clone)]
pub struct Progress(ProgressBar);

impl Progress {
    pub fn new() -> Progress {
        if !std::io::stderr().is_terminal() {
            return Progress(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(TICK);
        Progress(bar)
    }

    /// Says so while the work goes on.
    pub async fn during<T>(doing: &str, work: impl Future<Output = T>) -> T {
        let progress = Progress::new();
        progress.say(doing);
        let done = work.await;
        progress.end();
        done
    }

    /// What is done now, with the time that it has taken.
    pub fn say(&self, doing: &str) {
        self.0.set_style(style("{spinner} {msg} ({elapsed})"));
        self.0.set_message(doing.to_owned());
    }

    /// Bytes from now on, of so many if that is known.
    pub fn bytes(&self, doing: &str, total: Option<u64>) {
        self.0.set_style(style(match total {
            Some(_) => "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}",
            None => "{spinner} {msg} {bytes}, {bytes_per_sec}",
        }));
        if let Some(total) = total {
            self.0.set_length(total);
        }
        self.0.set_message(doing.to_owned());
        self.0.reset();
    }

    /// Rows from now on, of so many.
    pub fn rows(&self, doing: &str, total: u64) {
        self.0.set_style(style("{msg} [{bar:30}] {human_pos} of {human_len} rows"));
        self.0.set_length(total);
        self.0.set_message(doing.to_owned());
        self.0.reset();
    }

    /// So many more bytes or rows.
    pub fn advance(&self, more: u64) {
        self.0.inc(more);
    }

    /// So many bytes in all, as far as it has come.
    pub fn reached(&self, bytes: u64) {
        self.0.set_position(bytes);
    }

    /// Takes the line away for good.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}

/// Without colours, so that NO_COLOR has nothing to forbid.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_one() {
        for template in [
            "{spinner} {msg} ({elapsed})",
            "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}",
            "{spinner} {msg} {bytes}, {bytes_per_sec}",
            "{msg} [{bar:30}] {human_pos} of {human_len} rows",
        ] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
