//! Writes each event as one line: as text, or as a JSON object whose numbers are numbers. Whatever a value contains, a line has no second one in it, and
//! no character that would move a terminal.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::Context;

use super::LogFormat;
use super::sink::Sink;

thread_local! {
    /// The line that this thread writes, and the text of one value, so that neither is allocated for each event.
    static LINE: RefCell<(String, String)> = const { RefCell::new((String::new(), String::new())) };
}

/// Bytes that are kept for the next line.
const KEPT: usize = 4 << 10;

pub struct Lines {
    format: LogFormat,
    sink: Sink,
}

impl Lines {
    pub fn new(format: LogFormat, sink: Sink) -> Lines {
        Lines { format, sink }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let is_urgent = *event.metadata().level() <= Level::WARN;
        LINE.with(|line| match line.try_borrow_mut() {
            Ok(mut kept) => {
                let (line, value) = &mut *kept;
                write_line(self.format, event, line, value);
                self.sink.take(line, is_urgent);
                line.clear();
                line.shrink_to(KEPT);
                value.shrink_to(KEPT);
            }
            // A value that is written here writes an event itself.
            Err(_) => {
                let mut line = String::new();
                write_line(self.format, event, &mut line, &mut String::new());
                self.sink.take(&line, is_urgent);
            }
        });
    }
}

fn write_line(format: LogFormat, event: &Event<'_>, line: &mut String, value: &mut String) {
    line.clear();
    match format {
        LogFormat::Text => {
            begin_text(event.metadata(), line);
            // The message comes first, without its name.
            event.record(&mut Text { line, value, wants_message: true });
            event.record(&mut Text { line, value, wants_message: false });
        }
        LogFormat::Json => {
            begin_json(event.metadata(), line);
            event.record(&mut Json { line, value });
            line.push('}');
        }
    }
    line.push('\n');
}

fn write_time(line: &mut String) {
    // A line without its time is better than none.
    let _ = SystemTime.format_time(&mut Writer::new(line));
}

fn begin_text(metadata: &Metadata<'_>, line: &mut String) {
    write_time(line);
    let level = metadata.level().as_str();
    let _ = write!(line, " {level:>5} {}:", metadata.target());
}

fn begin_json(metadata: &Metadata<'_>, line: &mut String) {
    line.push_str("{\"time\":\"");
    write_time(line);
    let _ = write!(line, "\",\"level\":\"{}\",\"target\":", metadata.level());
    push_json(line, metadata.target());
}

/// The line that says how often the next one was left out.
pub fn left_out(format: LogFormat, count: u64) -> String {
    let words = format!("the same was left out {count} times since it was last written:");
    match format {
        LogFormat::Text => words + "\n",
        LogFormat::Json => {
            let mut line = String::from("{\"time\":\"");
            write_time(&mut line);
            let _ = writeln!(line, "\",\"level\":\"WARN\",\"message\":\"{words}\",\"left_out\":{count}}}");
            line
        }
    }
}

struct Text<'a> {
    line: &'a mut String,
    value: &'a mut String,
    wants_message: bool,
}

impl Text<'_> {
    /// Whether it is this field's turn; then its name is written.
    fn begins(&mut self, field: &Field) -> bool {
        let is_message = field.name() == "message";
        if is_message != self.wants_message {
            return false;
        }
        self.line.push(' ');
        if !is_message {
            self.line.push_str(field.name());
            self.line.push('=');
        }
        true
    }
}

impl Visit for Text<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if self.begins(field) {
            let _ = write!(self.line, "{value:?}");
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if self.begins(field) {
            self.value.clear();
            let _ = write!(self.value, "{value:?}");
            push_printable(self.line, self.value);
        }
    }
}

/// Without characters that end a line or move a terminal.
fn push_printable(line: &mut String, text: &str) {
    if !text.contains(char::is_control) {
        return line.push_str(text);
    }
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
}

struct Json<'a> {
    line: &'a mut String,
    value: &'a mut String,
}

impl Json<'_> {
    fn name(&mut self, field: &Field) {
        self.line.push(',');
        push_json(self.line, field.name());
        self.line.push(':');
    }

    fn plain(&mut self, field: &Field, value: &dyn std::fmt::Display) {
        self.name(field);
        let _ = write!(self.line, "{value}");
    }
}

impl Visit for Json<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no infinity.
        if value.is_finite() { self.plain(field, &value) } else { self.plain(field, &"null") }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        push_json(self.line, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.name(field);
        self.value.clear();
        let _ = write!(self.value, "{value:?}");
        push_json(self.line, self.value);
    }
}

fn push_json(line: &mut String, text: &str) {
    line.push('"');
    for character in text.chars() {
        match character {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            control if control.is_control() => {
                let _ = write!(line, "\\u{:04x}", u32::from(control));
            }
            other => line.push(other),
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(format: LogFormat, write: impl FnOnce()) -> Vec<String> {
        let written = Written::default();
        let subscriber = tracing_subscriber::registry().with(Lines::new(format, Sink::over(Box::new(written.clone()))));
        tracing::subscriber::with_default(subscriber, || {
            write();
            tracing::warn!("end");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        assert!(lines.pop().unwrap().contains("end"));
        lines
    }

    fn awkward() {
        let shown = "a\u{1b}[31mb\nc";
        tracing::info!(target: "part", path = "/x\"\n\u{1b}", error = %shown, count = 3_u64, took = 1.5, whole = true, none = None::<u64>, "hello {shown}");
    }

    #[test]
    fn text_is_one_line_for_an_event() {
        let told = lines(LogFormat::Text, awkward);
        assert_eq!(told.len(), 1, "{told:?}");
        let (time, rest) = told[0].split_once(' ').unwrap();
        assert!(time.ends_with('Z') && time.contains('T'), "{time}");
        let hello = r"hello a\u{1b}[31mb\nc";
        assert_eq!(rest, format!(r#" INFO part: {hello} path="/x\"\n\u{{1b}}" error=a\u{{1b}}[31mb\nc count=3 took=1.5 whole=true"#));
    }

    #[test]
    fn json_is_an_object_with_numbers_as_numbers() {
        let told = lines(LogFormat::Json, awkward);
        assert_eq!(told.len(), 1, "{told:?}");
        let mut read: serde_json::Value = serde_json::from_str(&told[0]).unwrap();
        assert!(read["time"].take().as_str().unwrap().ends_with('Z'));
        let shown = "a\u{1b}[31mb\nc";
        let expected = serde_json::json!({
            "time": null, "level": "INFO", "target": "part", "message": format!("hello {shown}"), "path": "/x\"\n\u{1b}", "error": shown,
            "count": 3, "took": 1.5, "whole": true,
        });
        assert_eq!(read, expected);
        let told: serde_json::Value = serde_json::from_str(&left_out(LogFormat::Json, 7)).unwrap();
        assert_eq!(told["left_out"], 7);
    }

    #[test]
    fn a_value_may_write_an_event_itself() {
        struct Tells;
        impl Debug for Tells {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                tracing::info!("inner");
                f.write_str("told")
            }
        }
        let told = lines(LogFormat::Text, || tracing::info!(value = ?Tells, "outer"));
        assert!(told.iter().any(|line| line.ends_with("outer value=told")) && told.iter().any(|line| line.ends_with("inner")), "{told:?}");
    }
}
