//! What stands here for what was recorded: ids, links to files and next pages. Answers teach it, and requests are written by it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use serde_json::{Map, Value};
use url::form_urlencoded;
use uuid::Uuid;

/// Form of times in requests, with either character between date and time.
const TIMES: [&str; 3] = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%SZ", "%Y-%m-%dT%H:%M:%S"];
/// The field of a new report that is a time from now on.
const START_TIME: &str = "starttime";
/// Fields that would make the server call an address that a recording names.
const CALLBACKS: [&str; 2] = ["callbackurl", "callbackmethod"];

#[derive(Debug, Default)]
pub(super) struct Mapping {
    /// By the recorded id in lower case.
    ids: HashMap<String, String>,
    /// Ids of here that stand for a recorded one.
    taken: HashSet<String>,
    /// Ids of what the replay made: nothing else is changed.
    own: HashSet<String>,
    /// Whole addresses of files, by the recorded path.
    links: HashMap<String, String>,
    /// Queries, by the recorded path and query of a next page.
    pages: HashMap<String, String>,
}

impl Mapping {
    /// The id here; None if no answer has shown it.
    pub fn id(&self, recorded: &str) -> Option<&str> {
        self.ids.get(&recorded.to_ascii_lowercase()).map(String::as_str)
    }

    pub fn learn(&mut self, recorded: &str, here: &str) {
        self.ids.entry(recorded.to_ascii_lowercase()).or_insert_with(|| here.to_owned());
        self.taken.insert(here.to_ascii_lowercase());
    }

    pub fn is_taken(&self, here: &str) -> bool {
        self.taken.contains(&here.to_ascii_lowercase())
    }

    pub fn made(&mut self, here: &str) {
        self.own.insert(here.to_ascii_lowercase());
    }

    pub fn is_own(&self, here: &str) -> bool {
        self.own.contains(&here.to_ascii_lowercase())
    }

    /// An address with a permission in its query goes before one without.
    pub fn learn_link(&mut self, recorded: &str, here: &str) {
        let path = recorded.split('?').next().unwrap_or_default();
        if here.contains('?') || !self.links.contains_key(path) {
            self.links.insert(path.to_owned(), here.to_owned());
        }
    }

    pub fn link(&self, recorded_path: &str) -> Option<&str> {
        self.links.get(recorded_path).map(String::as_str)
    }

    /// Only the query of a next page is used, so that no answer leads elsewhere.
    pub fn learn_page(&mut self, recorded: &str, here: &str) {
        if let Some((_, query)) = here.split_once('?') {
            self.pages.insert(recorded.to_owned(), query.to_owned());
        }
    }

    pub fn path(&self, recorded: &str) -> String {
        let segments = recorded.split('/').map(|segment| self.id(segment).unwrap_or(segment));
        segments.collect::<Vec<_>>().join("/")
    }

    pub fn query(&self, path: &str, recorded: &str) -> String {
        if let Some(page) = self.pages.get(&format!("{path}?{recorded}")) {
            return page.clone();
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(recorded.as_bytes()) {
            query.append_pair(&name, self.id(&value).unwrap_or(&value));
        }
        query.finish()
    }

    /// A body with the ids of here, whose report starts as long from now as the recorded one did. `shift` is the time since the recording.
    pub fn body(&self, recorded: &Value, shift: Duration) -> Value {
        match recorded {
            Value::Object(fields) => {
                let mut body = Map::new();
                for (name, value) in fields {
                    let lower = name.to_ascii_lowercase();
                    match value {
                        _ if CALLBACKS.contains(&lower.as_str()) => continue,
                        Value::String(time) if lower == START_TIME => body.insert(name.clone(), shifted(time, shift).into()),
                        other => body.insert(name.clone(), self.body(other, shift)),
                    };
                }
                Value::Object(body)
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.body(item, shift)).collect()),
            Value::String(text) => self.id(text).unwrap_or(text).into(),
            other => other.clone(),
        }
    }

    /// A recorded text with the ids of here in it.
    pub fn text(&self, recorded: &str) -> String {
        let (mut shown, mut rest) = (String::with_capacity(recorded.len()), recorded);
        while let Some(dash) = rest.find('-') {
            // An id has 36 characters, and 8 before its first dash.
            let begin = dash.saturating_sub(8);
            let id = rest.get(begin..begin.saturating_add(36)).filter(|text| is_id(text));
            let (text, here, end) = match id.and_then(|id| self.id(id)) {
                Some(here) => (rest.get(..begin), here, begin + 36),
                None => (rest.get(..=dash), "", dash + 1),
            };
            shown.extend([text.unwrap_or_default(), here]);
            rest = rest.get(end..).unwrap_or_default();
        }
        shown + rest
    }
}

pub(super) fn is_id(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// What is no time stays as it is: the server says what is wrong with it.
fn shifted(text: &str, shift: Duration) -> String {
    let moved = TIMES.iter().find_map(|form| {
        let time = NaiveDateTime::parse_from_str(text, form).ok()?;
        Some(time.checked_add_signed(shift)?.format(form).to_string())
    });
    moved.unwrap_or_else(|| text.to_owned())
}

/// A time of the first line of a recording.
pub(super) fn time(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, TIMES.first()?).ok().map(|time| time.and_utc())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const THERE: &str = "72fa95ab-35f5-4d44-a1ee-503abbc88003";
    const HERE: &str = "0f0f0f0f-35f5-4d44-a1ee-503abbc88003";

    #[test]
    fn requests_name_what_is_here() {
        let mut mapping = Mapping::default();
        mapping.learn(&THERE.to_uppercase(), HERE);
        mapping.learn(THERE, "another");
        assert_eq!(
            mapping.path(&format!("/insights/v1/mpn/ScheduledReport/execution/{THERE}")),
            format!("/insights/v1/mpn/ScheduledReport/execution/{HERE}")
        );
        assert_eq!(mapping.query("/p", &format!("reportId={THERE}&a=b+c")), format!("reportId={HERE}&a=b+c"));
        assert_eq!(mapping.text(&format!("Report {THERE} is gone")), format!("Report {HERE} is gone"));
        assert_eq!(
            mapping.text(&format!("a-b-{}-ä-{HERE}-{THERE}{THERE}-", THERE.to_uppercase())),
            format!("a-b-{HERE}-ä-{HERE}-{HERE}{HERE}-")
        );
        let sent = json!({"QueryId": THERE, "StartTime": "2026-11-22T20:00:00Z", "CallbackUrl": "https://elsewhere.example", "QueryStartTime": "2026-01-01T00:00:00Z"});
        let expected = json!({"QueryId": HERE, "StartTime": "2026-11-24T20:00:00Z", "QueryStartTime": "2026-01-01T00:00:00Z"});
        assert_eq!(mapping.body(&sent, Duration::days(2)), expected);
        assert_eq!(shifted("2026-11-22 20:00:00Z", Duration::hours(1)), "2026-11-22 21:00:00Z");
        assert_eq!(shifted("soon", Duration::hours(1)), "soon");
    }

    #[test]
    fn links_and_pages_are_those_of_here() {
        let mut mapping = Mapping::default();
        mapping.learn_link("/link/1/c/f.csv?sig=***", "https://store.example/c/g.csv?sig=real");
        mapping.learn_link("/link/1/c/f.csv", "https://store.example/c/g.csv");
        assert_eq!(mapping.link("/link/1/c/f.csv"), Some("https://store.example/c/g.csv?sig=real"));
        mapping.learn_page("/insights/v1/mpn/ScheduledReport?skipToken=a", "https://elsewhere.example/x?skipToken=b");
        assert_eq!(mapping.query("/insights/v1/mpn/ScheduledReport", "skipToken=a"), "skipToken=b");
        assert_eq!(mapping.query("/insights/v1/mpn/ScheduledReport", "skipToken=c"), "skipToken=c");
    }
}
