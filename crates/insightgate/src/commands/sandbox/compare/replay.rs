//! Makes recorded requests once more, at the server of a profile and with its own token, and compares each answer. What the replay makes it remembers, so
//! that it can be taken away, whatever happened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use insightgate_client::{Client, Forwarder, Method, Token};
use insightgate_operations::clock::Clock;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::aligned::{aligned, field};
use super::allowed::{Effect, effect};
use super::differences::{Answer, Difference, Strictness, What, differences};
use super::mapping::{Mapping, is_id, time};
use super::patience::{Bounds, has_time};
use super::progress::{Progress, progress};
use crate::command_error::CommandError;
use crate::commands::sandbox::recording::content::{About, Content, is_packed, is_preview, of_answer, of_sample};
use crate::commands::sandbox::recording::redaction::Redactor;
use crate::commands::sandbox::recording::{Exchange, Kind, Recording, without_mark};

/// Between two polls.
const LOOK: Duration = Duration::from_millis(500);
/// The bytes of an answer that is no file.
const MOST_ANSWERED: usize = 32 << 20;
/// Queries and reports that a recording makes.
const MOST_MADE: usize = 200;
/// Headers of a request that are sent again.
const SENT_AGAIN: [&str; 5] = ["content-type", "accept", "range", "x-ms-range", "validatemfa"];
/// Fields of answers with addresses that later requests use.
const LINKS: [&str; 2] = ["reportAccessSecureLink", "reportLocation"];
const NEXT_PAGE: &str = "nextLink";

/// What the replay made and has not deleted: paths that a DELETE takes. A report comes before the query that it runs.
pub(super) type Made = Arc<Mutex<Vec<String>>>;

pub(super) struct Replay {
    pub client: Arc<Client>,
    pub forwarder: Forwarder,
    /// Of the API, such as `https://insights.example.com`.
    pub origin: String,
    pub strictness: Strictness,
    /// How long one exchange may be tried.
    pub patience: Duration,
    pub made: Made,
    /// Set when no further exchange is to begin.
    pub stop: watch::Receiver<bool>,
}

/// What became of the exchanges.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub compared: usize,
    pub differing: Vec<(Told, Vec<Difference>)>,
    /// Those that were not replayed, or not compared, and why.
    pub left_out: Vec<(Told, String)>,
    /// Those of the authority, which are never replayed.
    pub authority: usize,
}

/// An exchange as a person finds it in the recording.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub number: u64,
    pub method: String,
    pub path: String,
}

/// An answer of here.
struct Here {
    status: u16,
    headers: BTreeMap<String, String>,
    retry_after: Option<u64>,
    content: Option<Content>,
    /// With its links.
    raw: Value,
    /// Why it did not come whole.
    broken: Option<String>,
}

/// A request as it is sent here.
struct Request {
    method: Method,
    address: String,
    body: Bytes,
    headers: HeaderMap,
    /// The header that takes the token.
    token_in: Option<HeaderName>,
}

enum Ended {
    Compared(Box<Here>),
    /// What was recorded on the way is past here already.
    Past,
    LeftOut(String),
}

struct Playing<'a> {
    replay: &'a Replay,
    recording: &'a Recording,
    mapping: Mapping,
    redactor: Redactor,
    token: Token,
    bounds: Bounds,
    /// Queries and reports, those too that are deleted again.
    created: usize,
}

impl Replay {
    pub async fn run(self, recording: Recording) -> Result<Outcome, CommandError> {
        let token = self.client.token().await?;
        let mut playing = Playing {
            replay: &self,
            recording: &recording,
            mapping: Mapping::default(),
            redactor: Redactor::default(),
            token,
            bounds: Bounds::new(Instant::now(), self.patience),
            created: 0,
        };
        let mut outcome = Outcome::default();
        for (place, exchange) in recording.exchanges.iter().enumerate() {
            if *self.stop.borrow() {
                return Err(CommandError::failed("interrupted"));
            }
            if exchange.kind == Kind::Authority {
                outcome.authority += 1;
                continue;
            }
            let told = Told { number: exchange.number, method: exchange.method.clone(), path: exchange.path.clone() };
            match playing.play(place, exchange).await? {
                Ended::Compared(here) => {
                    outcome.compared += 1;
                    let found = playing.compare(exchange, &here);
                    if !found.is_empty() {
                        outcome.differing.push((told, found));
                    }
                }
                Ended::Past => outcome.left_out.push((told, "it is further here already".to_owned())),
                Ended::LeftOut(reason) => outcome.left_out.push((told, reason)),
            }
        }
        Ok(outcome)
    }

    /// Deletes what is left, and says how many could not be.
    pub async fn clean(client: &Client, forwarder: &Forwarder, origin: &str, made: &Made) -> Result<(), CommandError> {
        let left: Vec<String> = std::mem::take(&mut *made.lock().unwrap_or_else(PoisonError::into_inner));
        if left.is_empty() {
            return Ok(());
        }
        let token = client.token().await?;
        let mut kept = Vec::new();
        // What was made last first: a query cannot go before its reports.
        for path in left.iter().rev() {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, bearer(&token)?);
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let deleted = forwarder.send(Method::DELETE, &format!("{origin}{path}"), headers, Bytes::new()).await;
            if !deleted.is_ok_and(|answer| answer.status < 300 || answer.status == 404) {
                kept.push(path.rsplit('/').next().unwrap_or_default().to_owned());
            }
        }
        if kept.is_empty() {
            return Ok(());
        }
        let failed = CommandError::failed(format!("these were made and could not be deleted: {}", kept.join(", ")));
        Err(failed.hint("`insightgate report delete` and `insightgate query delete` take them away"))
    }
}

impl Playing<'_> {
    async fn play(&mut self, place: usize, exchange: &Exchange) -> Result<Ended, CommandError> {
        if let Some(reason) = not_replayed(exchange) {
            return Ok(Ended::LeftOut(reason));
        }
        let (request, effect) = match self.request(exchange) {
            Ok(request) => request,
            Err(reason) => return Ok(Ended::LeftOut(reason)),
        };
        let Some(until) = self.bounds.until(Instant::now()) else {
            return Ok(Ended::LeftOut("the replay has taken all its time; a longer --timeout gives it more".to_owned()));
        };
        let recorded = recorded_progress(exchange);
        let mut renewed = false;
        loop {
            let here = self.send(&request, exchange).await?;
            if here.status == 401 && exchange.status != 401 && !renewed && request.token_in.is_some() {
                renewed = true;
                self.token = self.replay.client.new_token().await?;
                continue;
            }
            // Turned away for a moment, as the recorded client was not.
            if matches!(here.status, 429 | 503) && here.status != exchange.status {
                let wait = Duration::from_secs(here.retry_after.unwrap_or(1));
                if has_time(Instant::now(), until, wait) && self.waited(wait).await {
                    continue;
                }
            }
            self.remember(effect, exchange, &here);
            let now = if exchange.is_get() { progress(&exchange.path, here.status, &here.raw) } else { None };
            match (recorded, now) {
                (Some(recorded), Some(now)) if now > recorded && self.goes_on(place, exchange, recorded) => {
                    self.learn(exchange, &here);
                    return Ok(Ended::Past);
                }
                (recorded, now) => {
                    let is_behind = recorded.is_some() && now.is_some() && now < recorded;
                    if is_behind && Instant::now() < until && self.waited(LOOK).await {
                        continue;
                    }
                }
            }
            return Ok(Ended::Compared(Box::new(here)));
        }
    }

    /// False if the replay is to end.
    async fn waited(&self, wait: Duration) -> bool {
        let mut stop = self.replay.stop.clone();
        tokio::select! {
            () = sleep(wait) => true,
            _ = stop.wait_for(|stop| *stop) => false,
        }
    }

    /// Whether a later poll of the recording found more.
    fn goes_on(&self, place: usize, exchange: &Exchange, recorded: Progress) -> bool {
        let later = self.recording.exchanges.iter().skip(place + 1);
        later.filter(|other| other.path.eq_ignore_ascii_case(&exchange.path)).any(|other| recorded_progress(other) > Some(recorded))
    }

    /// What is sent here for a recorded request; else the reason why nothing is.
    fn request(&self, exchange: &Exchange) -> Result<(Request, Effect), String> {
        let method: Method = exchange.method.parse().map_err(|_| "its method is none".to_owned())?;
        let mut headers = HeaderMap::new();
        for (name, value) in &exchange.request.headers {
            let again = SENT_AGAIN.contains(&name.as_str()) || (name == "accept-encoding" && exchange.kind == Kind::Link);
            if let (true, Ok(name), Ok(value)) = (again, name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        }
        if exchange.kind == Kind::Link {
            if !exchange.is_get() && exchange.method != "HEAD" {
                return Err("a link takes no such request".to_owned());
            }
            let address = self.mapping.link(&exchange.path).ok_or("no answer here has linked to this file")?.to_owned();
            return Ok((Request { method, address, body: Bytes::new(), headers, token_in: None }, Effect::Reads));
        }
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let path = self.mapping.path(&exchange.path);
        let effect = effect(&exchange.method, &path, &self.mapping)?;
        if effect == Effect::Makes && self.created >= MOST_MADE {
            return Err(format!("the replay makes at most {MOST_MADE} queries and reports"));
        }
        let body = match &exchange.request.body {
            None => Bytes::new(),
            Some(Content::Json(body)) => Bytes::from(self.mapping.body(body, self.shift(exchange)).to_string()),
            Some(_) => return Err("its body was not recorded".to_owned()),
        };
        let query = exchange.query.as_deref().map(|query| self.mapping.query(&exchange.path, query));
        let query = query.filter(|query| !query.is_empty()).map(|query| format!("?{query}")).unwrap_or_default();
        let had = |name: &HeaderName| exchange.request.headers.contains_key(name.as_str());
        let token_in = [header::AUTHORIZATION, HeaderName::from_static("x-aaduserticket")].into_iter().find(had);
        Ok((Request { method, address: format!("{}{path}{query}", self.replay.origin), body, headers, token_in }, effect))
    }

    /// How long ago the request was recorded.
    fn shift(&self, exchange: &Exchange) -> chrono::Duration {
        let recorded = time(&self.recording.heading.started_at)
            .and_then(|started| started.checked_add_signed(chrono::Duration::try_milliseconds(i64::try_from(exchange.at).ok()?)?));
        recorded.map(|recorded| Clock::System.now() - recorded).unwrap_or_default()
    }

    async fn send(&mut self, request: &Request, exchange: &Exchange) -> Result<Here, CommandError> {
        let mut headers = request.headers.clone();
        match &request.token_in {
            Some(name) if *name == header::AUTHORIZATION => {
                headers.insert(name.clone(), bearer(&self.token)?);
            }
            Some(name) => {
                headers.insert(name.clone(), secret(&self.token.access_token)?);
            }
            None => {}
        }
        let mut answer = self.replay.forwarder.send(request.method.clone(), &request.address, headers, request.body.clone()).await?;
        let content_type =
            answer.headers.get(header::CONTENT_TYPE).map(|kind| String::from_utf8_lossy(kind.as_bytes()).to_ascii_lowercase());
        let about = About {
            kind: exchange.kind,
            path: &exchange.path,
            status: answer.status,
            content_type: content_type.as_deref().unwrap_or_default(),
            values: self.replay.strictness.values,
            packed: is_packed(&answer.headers),
        };
        let retry_after = answer.headers.get(header::RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse().ok());
        let (status, shown) = (answer.status, self.redactor.answer_headers(&answer.headers));
        let mut here = Here { status, headers: shown, retry_after, content: None, raw: Value::Null, broken: None };
        if exchange.kind == Kind::Link {
            let now = Instant::now();
            let until = self.bounds.until(now).unwrap_or(now);
            loop {
                match timeout_at(until, answer.next()).await {
                    Ok(Ok(Some(_))) => {}
                    Ok(Ok(None)) => break,
                    Ok(Err(error)) => {
                        here.broken = Some(error.to_string());
                        break;
                    }
                    Err(_) => {
                        here.broken = Some(format!("not whole after {} s", self.replay.patience.as_secs()));
                        break;
                    }
                }
            }
            here.content = of_sample(&answer.sample(), about, &mut self.redactor);
            return Ok(here);
        }
        match answer.whole(MOST_ANSWERED).await {
            Ok(Some(body)) => {
                here.raw = serde_json::from_slice(without_mark(&body)).unwrap_or_default();
                here.content = of_answer(&body, about, &mut self.redactor);
            }
            Ok(None) => here.broken = Some("longer than 32 MiB".to_owned()),
            Err(error) => here.broken = Some(error.to_string()),
        }
        Ok(here)
    }

    /// What was made, so that it can be taken away.
    fn remember(&mut self, effect: Effect, exchange: &Exchange, here: &Here) {
        if here.status >= 300 {
            return;
        }
        let mut made = self.replay.made.lock().unwrap_or_else(PoisonError::into_inner);
        match effect {
            Effect::Reads => {}
            Effect::Makes => {
                let of_reports = exchange.path.trim_end_matches('/').to_ascii_lowercase().ends_with("/scheduledreport");
                let name = if of_reports { "reportId" } else { "queryId" };
                let items = field(&here.raw, "value").and_then(Value::as_array).into_iter().flatten();
                for id in items.filter_map(|item| field(item, name)?.as_str()).filter(|id| is_id(id)) {
                    self.mapping.made(id);
                    self.created += 1;
                    made.push(format!("{}/{id}", exchange.path.trim_end_matches('/')));
                }
            }
            Effect::Changes if exchange.method == "DELETE" => {
                let path = self.mapping.path(&exchange.path);
                made.retain(|made| !made.eq_ignore_ascii_case(path.trim_end_matches('/')));
            }
            Effect::Changes => {}
        }
    }

    fn compare(&mut self, exchange: &Exchange, here: &Here) -> Vec<Difference> {
        if let Some(broken) = &here.broken {
            let (recorded, here) = ("a whole answer".into(), broken.as_str().into());
            return vec![Difference { field: "answer".to_owned(), kind: What::Value, recorded, here }];
        }
        let recorded = Answer { status: exchange.status, headers: &exchange.answer.headers, body: exchange.answer.body.as_ref() };
        let answered = Answer { status: here.status, headers: &here.headers, body: here.content.as_ref() };
        let strictness = &self.replay.strictness;
        let found = differences(recorded, answered, is_preview(&exchange.path), strictness, &mut self.mapping);
        self.learn(exchange, here);
        found
    }

    /// Ids, links and pages that later requests use.
    fn learn(&mut self, exchange: &Exchange, here: &Here) {
        let Some(Content::Json(recorded)) = &exchange.answer.body else { return };
        // Data rows may have any words in them.
        if is_preview(&exchange.path) {
            return;
        }
        // Executions of a report that the replay made are its own too.
        let path = self.mapping.path(&exchange.path);
        let of_own = path.split('/').any(|segment| is_id(segment) && self.mapping.is_own(segment));
        self.learn_of(recorded, &here.raw, of_own);
    }

    fn learn_of(&mut self, recorded: &Value, here: &Value, of_own: bool) {
        match (recorded, here) {
            (Value::Object(one), Value::Object(_)) => {
                for (name, recorded) in one {
                    let Some(here) = field(here, name) else { continue };
                    match (recorded, here) {
                        (Value::String(recorded), Value::String(here)) if is_any(&LINKS, name) => self.mapping.learn_link(recorded, here),
                        (Value::String(recorded), Value::String(here)) if name.eq_ignore_ascii_case(NEXT_PAGE) => {
                            self.mapping.learn_page(recorded, here);
                        }
                        (Value::String(recorded), Value::String(here)) if is_id(recorded) && is_id(here) => {
                            if self.mapping.id(recorded).is_none() {
                                self.mapping.learn(recorded, here);
                            }
                            if of_own && name.eq_ignore_ascii_case("executionId") {
                                self.mapping.made(here);
                            }
                        }
                        (recorded, here) => self.learn_of(recorded, here, of_own),
                    }
                }
            }
            (Value::Array(one), Value::Array(other)) => {
                for (item, place) in one.iter().zip(aligned(one, other, &self.mapping)) {
                    if let Some(here) = place.and_then(|place| other.get(place)) {
                        self.learn_of(item, here, of_own);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Why an exchange says nothing about the server here.
fn not_replayed(exchange: &Exchange) -> Option<String> {
    if let Some(broken) = &exchange.broken {
        return Some(format!("its answer is not whole: {broken}"));
    }
    let with_token = ["authorization", "x-aaduserticket"].iter().any(|name| exchange.request.headers.contains_key(*name));
    match exchange.status {
        401 if with_token => Some("its token was not accepted, and tokens are not recorded".to_owned()),
        429 | 500..=599 => Some(format!("a status {} depends on the moment; `insightgate sandbox fault add` orders one", exchange.status)),
        _ => None,
    }
}

fn recorded_progress(exchange: &Exchange) -> Option<Progress> {
    if !exchange.is_get() {
        return None;
    }
    let nothing = Value::Null;
    let body = match &exchange.answer.body {
        Some(Content::Json(body)) => body,
        _ => &nothing,
    };
    progress(&exchange.path, exchange.status, body)
}

fn is_any(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn bearer(token: &Token) -> Result<HeaderValue, CommandError> {
    secret(&format!("Bearer {}", token.access_token))
}

fn secret(text: &str) -> Result<HeaderValue, CommandError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| CommandError::failed("the token cannot be sent in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}
