//! The reference of the HTTP API, `docs/api.md`: its examples are sent to the real router from top to bottom, and its tables row by row, and each
//! answer is compared with the page.
//!
//! A block `http` that begins with a method is a request, and the block after it is its answer. `{name}` is a placeholder: its value is known before,
//! or is taken from the first answer that has it. A field of an answer that the page leaves out is an error of the page.

use std::collections::{BTreeSet, HashMap};

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::Value;

use super::every_route;
use crate::tests::harness::*;

const PAGE: &str = include_str!("../../../../../docs/api.md");
const FORM: &str = "application/x-www-form-urlencoded";

/// The parts of the page that are tested.
#[derive(Debug)]
enum Part {
    /// A request, and the answer that is shown after it.
    Example(Message, Message),
    /// The names of the columns, and the rows.
    Table(Vec<&'static str>, Vec<Vec<&'static str>>),
}

/// A request or an answer.
#[derive(Debug, Clone)]
struct Message {
    /// The line before the headers.
    first: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
}

impl Message {
    fn read(block: &'static str) -> Message {
        let (head, body) = block.split_once("\n\n").unwrap_or((block, ""));
        let mut lines = head.lines();
        let first = lines.next().unwrap();
        Message {
            first,
            headers: lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{line}"))).collect(),
            body: body.trim_end(),
        }
    }

    fn header(&self, name: &str) -> Option<&'static str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

fn parts() -> Vec<Part> {
    let (mut parts, mut asked) = (Vec::new(), None);
    for (at, text) in PAGE.split("```").enumerate() {
        if at % 2 == 1 {
            let block = text.strip_prefix("http\n").unwrap_or_else(|| panic!("another kind of block: {text}"));
            let message = Message::read(block);
            match asked.take() {
                Some(request) => parts.push(Part::Example(request, message)),
                None => asked = Some(message),
            }
            continue;
        }
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if line.starts_with('|') {
                let rows = std::iter::from_fn(|| lines.next_if(|line| line.starts_with('|'))).skip(1).map(cells).collect();
                parts.push(Part::Table(cells(line), rows));
            }
        }
    }
    assert!(asked.is_none(), "the last request has no answer");
    parts
}

fn cells(line: &'static str) -> Vec<&'static str> {
    line.trim_matches('|').split(" | ").map(str::trim).collect()
}

fn code(cell: &str) -> &str {
    cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap_or_else(|| panic!("{cell} is no code"))
}

/// The server on which the page is tested, and the values of its placeholders so far.
struct Reader {
    deployment: Deployment,
    known: HashMap<String, String>,
    wrong: Vec<String>,
    sent: BTreeSet<(String, String)>,
    report: Value,
    form: Vec<(&'static str, String)>,
}

impl Reader {
    async fn new() -> Reader {
        let known = [
            ("tenant", CONTOSO.to_string()),
            ("client_id", APP.to_string()),
            ("public_client_id", DESKTOP_APP.to_string()),
            ("client_secret", SECRET.to_owned()),
            ("username", "ana@contoso.example".to_owned()),
            ("password", PASSWORD.to_owned()),
        ];
        Reader {
            deployment: Deployment::sandbox().await,
            known: known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            wrong: Vec::new(),
            sent: BTreeSet::new(),
            report: Value::Null,
            form: Vec::new(),
        }
    }

    fn filled(&self, text: &str) -> String {
        self.known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// Sends a request after the pending work: an execution that an earlier request has queued is completed before the next request.
    async fn send(&mut self, first: &str, headers: &[(&str, &str)], body: String) -> Answer {
        self.deployment.work().await;
        let (method, address) = first.split_once(' ').unwrap();
        let path = address.split('?').next().unwrap();
        self.sent.insert((method.to_owned(), path.to_owned()));
        let address = self.filled(address).replace(' ', "%20").replace('<', "%3C").replace('>', "%3E");
        let request = headers
            .iter()
            .fold(Request::builder().method(method).uri(&address), |request, (name, value)| request.header(*name, self.filled(value)));
        self.deployment.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn example(&mut self, request: &Message, shown: &Message) {
        let is_form = request.header("content-type") == Some(FORM);
        let body = if is_form { self.encoded_form(request) } else { self.filled(request.body) };
        let answer = self.send(request.first, &request.headers, body).await;
        let status = shown.first.strip_prefix("HTTP/1.1 ").unwrap_or_else(|| panic!("{} is no status", shown.first));
        let mut differs = answer.status.as_str() != status;
        for (name, value) in &shown.headers {
            differs |= !answer.headers.get(*name).is_some_and(|found| self.fits(value, found.to_str().unwrap()));
        }
        differs |= match serde_json::from_str::<Value>(shown.body) {
            Ok(expected) => !serde_json::from_slice(&answer.body).is_ok_and(|found| self.fits_json(&expected, &found)),
            Err(_) => !self.fits(shown.body, answer.text().trim_end().replace("\r\n", "\n").trim_start_matches('\u{feff}')),
        };
        if differs {
            let found = match serde_json::from_slice::<Value>(&answer.body) {
                Ok(json) => serde_json::to_string_pretty(&json).unwrap(),
                Err(_) => answer.text(),
            };
            self.wrong.push(format!("{}\n{} {:?}\n\n{found}", request.first, answer.status, answer.headers));
        }
        // The fields that the tables change.
        if is_form && self.form.is_empty() {
            self.form = self.form_fields(request);
        }
        if self.report.is_null() && request.first.ends_with("/mpn/ScheduledReport") {
            self.report = serde_json::from_str(&self.filled(request.body)).unwrap();
        }
    }

    fn form_fields(&self, request: &Message) -> Vec<(&'static str, String)> {
        let pairs = request.body.lines().map(|line| line.trim_start_matches('&').split_once('=').unwrap());
        pairs.map(|(name, value)| (name, self.filled(value))).collect()
    }

    fn encoded_form(&self, request: &Message) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(self.form_fields(request)).finish()
    }

    /// Tests tables whose columns have these names; all other tables are only for readers.
    async fn table(&mut self, names: &[&str], rows: &[Vec<&'static str>]) {
        for row in rows {
            match names {
                ["changed", "status", "error", "number"] => {
                    let (name, value) = code(row[0]).split_once('=').unwrap();
                    let mut fields = self.form.clone();
                    fields.retain(|(known, _)| *known != name);
                    fields.extend((!value.is_empty()).then(|| (name, value.to_owned())));
                    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                    let answer = self.deployment.post_form(&format!("/{CONTOSO}/oauth2/token"), &fields).await;
                    let found = answer.json();
                    let found = format!("{} | {} | {}", answer.status.as_u16(), found["error"].as_str().unwrap(), found["error_codes"][0]);
                    self.compare(row, &found);
                }
                ["fields", "message"] => {
                    let body = with(self.report.clone(), serde_json::from_str(code(row[0])).unwrap());
                    let answer = self.deployment.call(ANA, Method::POST, "ScheduledReport", body).await;
                    self.compare(row, &answer.refused(400));
                }
                ["request", "status", "message"] => {
                    let request = code(row[0]);
                    let (method, rest) = request.split_once(' ').unwrap();
                    let (path, body) = match rest.find([' ']).filter(|_| method != "GET").map(|at| rest.split_at(at)) {
                        Some((path, body)) => (path, self.filled(body.trim())),
                        None => (rest, String::new()),
                    };
                    let first = format!("{method} /insights/v1/mpn/{path}");
                    let answer = self.send(&first, &[(header::AUTHORIZATION.as_str(), "Bearer {token}")], body).await;
                    let found = format!("{} | {}", answer.status.as_u16(), answer.envelope()["message"].as_str().unwrap_or_default());
                    self.compare(row, &found);
                }
                _ => {}
            }
        }
    }

    fn compare(&mut self, row: &[&str], found: &str) {
        if row[1..].join(" | ") != found {
            self.wrong.push(format!("| {} | {found} |", row[0]));
        }
    }

    /// Whether the text is as the page shows it. A placeholder that occurs for the first time takes the value that is found in its place.
    fn fits(&mut self, shown: &str, found: &str) -> bool {
        let Some((before, name, after)) = placeholder(shown) else { return shown == found };
        let Some(rest) = found.strip_prefix(before) else { return false };
        if let Some(known) = self.known.get(name) {
            return rest.strip_prefix(known.as_str()).is_some_and(|rest| self.fits(after, rest));
        }
        let next = placeholder(after).map_or(after, |(next, ..)| next);
        let end = if next.is_empty() { Some(rest.len()) } else { rest.find(next) };
        let Some((value, rest)) = end.filter(|end| *end > 0).map(|end| rest.split_at(end)) else { return false };
        self.known.insert(name.to_owned(), value.to_owned());
        self.fits(after, rest)
    }

    /// Whether both have the same fields, in any order.
    fn fits_json(&mut self, shown: &Value, found: &Value) -> bool {
        match (shown, found) {
            (Value::Object(shown), Value::Object(found)) => {
                shown.len() == found.len()
                    && shown.iter().all(|(name, shown)| found.get(name).is_some_and(|found| self.fits_json(shown, found)))
            }
            (Value::Array(shown), Value::Array(found)) => {
                shown.len() == found.len() && shown.iter().zip(found).all(|(shown, found)| self.fits_json(shown, found))
            }
            (Value::String(shown), Value::String(found)) => self.fits(shown, found),
            // A number that is chosen by the server.
            (Value::String(shown), Value::Number(found))
                if placeholder(shown).is_some_and(|(before, _, after)| before.is_empty() && after.is_empty()) =>
            {
                self.fits(shown, &found.to_string())
            }
            _ => shown == found,
        }
    }
}

/// The first placeholder, with the text before and after it.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some((before, name, after))
}

#[tokio::test]
async fn every_example_of_the_page_is_answered_as_it_shows() {
    let mut reader = Reader::new().await;
    let (mut examples, mut rows) = (0, 0);
    for part in parts() {
        match part {
            Part::Example(request, shown) => {
                examples += 1;
                reader.example(&request, &shown).await;
            }
            Part::Table(names, table) => {
                rows += table.len();
                reader.table(&names, &table).await;
            }
        }
    }
    assert!(examples > 20 && rows > 90, "{examples} examples, {rows} rows");
    assert!(reader.wrong.is_empty(), "{}", reader.wrong.join("\n\n"));
    // Each endpoint of the program is called.
    let template = |path: &str| path.split('/').map(|part| if part.contains('{') { "{}" } else { part }).collect::<Vec<_>>().join("/");
    let sent: BTreeSet<_> = reader.sent.iter().map(|(method, path)| (method.clone(), template(&path.to_ascii_lowercase()))).collect();
    let missing: Vec<_> = every_route::of_program(&reader.deployment, "mpn")
        .await
        .into_iter()
        .map(|(method, path)| (method.to_string(), template(&path.replace(every_route::ID, "{id}"))))
        .filter(|(_, path)| path.starts_with("/insights/v1/"))
        // With the parameter reportId: these have the same handlers, so that one example stands for all.
        .filter(|(method, path)| !(path.ends_with("/scheduledreport") && matches!(method.as_str(), "PUT" | "DELETE")))
        .filter(|(_, path)| !path.ends_with("/resume") && !path.ends_with("/execution"))
        .filter(|served| !sent.contains(served))
        .collect();
    assert!(missing.is_empty(), "not on the page: {missing:?}");
}

/// Endpoints that answer without a token are on the page too.
#[test]
fn every_open_address_is_named() {
    for (method, path, ..) in every_route::OPEN {
        assert!(PAGE.contains(path), "{method} {path}");
    }
}
