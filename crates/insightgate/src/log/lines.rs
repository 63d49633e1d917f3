//! Writes each event as one line: as text, or as a JSON object whose numbers are numbers. Whatever a value contains, a line has no second one in it, and
//! no character that would move a terminal.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};

use chrono::{DateTime, Utc};
use insightgate_operations::clock::Clock;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::LogFormat;
use super::sink::Sink;

thread_local! {
    static KEPT_LINE: RefCell<Kept> = const { RefCell::new(Kept { line: String::new(), rest: String::new(), second: i64::MIN, date: String::new() }) };
}

/// What a thread keeps from one line to the next, so that it is not made for each.
struct Kept {
    line: String,
    /// The fields that follow the message.
    rest: String,
    /// The last second, and what the lines of it begin with.
    second: i64,
    date: String,
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
        KEPT_LINE.with(|kept| match kept.try_borrow_mut() {
            Ok(mut kept) => {
                kept.write(self.format, event);
                self.sink.take(&kept.line, is_urgent);
                kept.line.shrink_to(KEPT);
                kept.rest.shrink_to(KEPT);
            }
            // A value that is written here writes an event itself.
            Err(_) => {
                let mut kept = Kept { line: String::new(), rest: String::new(), second: i64::MIN, date: String::new() };
                kept.write(self.format, event);
                self.sink.take(&kept.line, is_urgent);
            }
        });
    }
}

impl Kept {
    fn write(&mut self, format: LogFormat, event: &Event<'_>) {
        self.line.clear();
        self.rest.clear();
        let metadata = event.metadata();
        match format {
            LogFormat::Text => {
                self.write_time(Clock::of_system());
                begin_text(metadata, &mut self.line);
                event.record(&mut Text { message: &mut self.line, fields: &mut self.rest });
                self.line.push_str(&self.rest);
            }
            LogFormat::Json => {
                self.line.push_str("{\"time\":\"");
                self.write_time(Clock::of_system());
                begin_json(metadata, &mut self.line);
                event.record(&mut Json(&mut self.line));
                self.line.push('}');
            }
        }
        self.line.push('\n');
    }

    /// In UTC, with milliseconds. The date is made once a second.
    fn write_time(&mut self, now: DateTime<Utc>) {
        if now.timestamp() != self.second {
            self.second = now.timestamp();
            self.date.clear();
            let _ = write!(self.date, "{}", now.format("%Y-%m-%dT%H:%M:%S."));
        }
        self.line.push_str(&self.date);
        let milliseconds = now.timestamp_subsec_millis();
        for part in [100, 10, 1] {
            self.line.push(char::from(b'0' + u8::try_from(milliseconds / part % 10).unwrap_or_default()));
        }
        self.line.push('Z');
    }
}

fn begin_text(metadata: &Metadata<'_>, line: &mut String) {
    line.push(' ');
    let level = metadata.level().as_str();
    // Levels have the same width.
    if level.len() < 5 {
        line.push(' ');
    }
    line.push_str(level);
    line.push(' ');
    line.push_str(metadata.target());
    line.push(':');
}

fn begin_json(metadata: &Metadata<'_>, line: &mut String) {
    line.push_str("\",\"level\":\"");
    line.push_str(metadata.level().as_str());
    line.push_str("\",\"target\":");
    push_json(line, metadata.target());
}

/// A line that is no event, for programs: a message, and one more field if there is one.
pub fn object(level: &str, message: &str, more: Option<(&str, &str)>) -> String {
    let mut line = format!("{{\"time\":\"{}\",\"level\":\"{level}\",\"target\":\"insightgate\",\"message\":", now());
    push_json(&mut line, message);
    if let Some((name, value)) = more {
        line.push(',');
        push_json(&mut line, name);
        line.push(':');
        push_json(&mut line, value);
    }
    line.push_str("}\n");
    line
}

fn now() -> impl std::fmt::Display {
    Clock::of_system().format("%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// The line that says how often the next one was left out.
pub fn left_out(format: LogFormat, count: u64) -> String {
    let words = format!("the same was left out {count} times since it was last written:");
    match format {
        LogFormat::Text => words + "\n",
        LogFormat::Json => {
            let time = now();
            format!("{{\"time\":\"{time}\",\"level\":\"WARN\",\"message\":\"{words}\",\"left_out\":{count}}}\n")
        }
    }
}

/// The message comes first, without its name, and then the other fields.
struct Text<'a> {
    message: &'a mut String,
    fields: &'a mut String,
}

impl Text<'_> {
    /// Where the value of this field belongs, behind its name.
    fn begin(&mut self, field: &Field) -> &mut String {
        match field.name() {
            "message" => {
                self.message.push(' ');
                self.message
            }
            name => {
                self.fields.push(' ');
                self.fields.push_str(name);
                self.fields.push('=');
                self.fields
            }
        }
    }
}

impl Visit for Text<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let line = self.begin(field);
        if needs_care(value.as_bytes()) {
            let _ = write!(line, "{value:?}");
        } else {
            line.push('"');
            line.push_str(value);
            line.push('"');
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let line = self.begin(field);
        let start = line.len();
        let _ = write!(line, "{value:?}");
        if line.as_bytes().get(start..).is_some_and(needs_care) {
            let told = line.split_off(start);
            push_printable(line, &told);
        }
    }
}

/// Whether the text cannot be written as it is, since it may end a line, a text in quotes, or move a terminal. With 0xc2 begin a few control characters
/// beyond ASCII. All bytes are looked at, since many at once are faster than one after the other.
fn needs_care(text: &[u8]) -> bool {
    text.iter().fold(false, |found, byte| found | (*byte < 0x20) | matches!(byte, b'"' | b'\\' | 0x7f | 0xc2))
}

/// Without characters that end a line or move a terminal.
fn push_printable(line: &mut String, text: &str) {
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
}

struct Json<'a>(&'a mut String);

impl Json<'_> {
    fn name(&mut self, field: &Field) {
        self.0.push(',');
        push_json(self.0, field.name());
        self.0.push(':');
    }

    fn plain(&mut self, field: &Field, value: &dyn std::fmt::Display) {
        self.name(field);
        let _ = write!(self.0, "{value}");
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
        push_json(self.0, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.name(field);
        self.0.push('"');
        let start = self.0.len();
        let _ = write!(self.0, "{value:?}");
        if self.0.as_bytes().get(start..).is_some_and(needs_care) {
            let told = self.0.split_off(start);
            push_escaped(self.0, &told);
        }
        self.0.push('"');
    }
}

fn push_json(line: &mut String, text: &str) {
    line.push('"');
    match needs_care(text.as_bytes()) {
        true => push_escaped(line, text),
        false => line.push_str(text),
    }
    line.push('"');
}

fn push_escaped(line: &mut String, text: &str) {
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
        let told = object("ERROR", "no\n\"file\"\u{1b}", Some(("hint", "a\\b")));
        assert!(told.ends_with("}\n") && told.lines().count() == 1, "{told}");
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!((&told["level"], &told["message"], &told["hint"]), (&"ERROR".into(), &"no\n\"file\"\u{1b}".into(), &"a\\b".into()));
    }
}
