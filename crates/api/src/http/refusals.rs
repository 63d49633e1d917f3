//! Log lines for refusals. Each refusal of an authenticated caller is logged. For strangers there is one line a minute for each network and status, with
//! the number of those left out, so that nobody can fill the disk by requesting what does not exist.
//!
//! This module keeps networks and numbers, never a request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use insightgate_identity::principal::Principal;
use tokio::time::Instant;
use uuid::Uuid;

use crate::http::network::share;

const PERIOD: Duration = Duration::from_secs(60);
/// The most networks and statuses that are kept apart. Beyond that, refusals are logged only by their status.
const MOST: usize = 1_000;
/// The most bytes of a client's text in a line.
const MOST_TEXT: usize = 200;

/// Whom a request was made for, by their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) tenant: Uuid,
    /// `None` for an application that acts alone.
    pub(crate) user: Option<Uuid>,
    pub(crate) application: Uuid,
}

impl From<&Principal> for Who {
    fn from(principal: &Principal) -> Who {
        Who { tenant: principal.tenant.id, user: principal.user.as_ref().map(|user| user.id), application: principal.application.id }
    }
}

/// What becomes known of a request on its way: which endpoint it reached, and its caller, once its token was accepted or the signature of its link.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proven(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    pattern: OnceLock<Arc<str>>,
    who: OnceLock<Who>,
}

impl Proven {
    /// The first holds: a request has one caller.
    pub(crate) fn found(&self, who: impl Into<Who>) {
        let _ = self.0.who.set(who.into());
    }

    pub(crate) fn who(&self) -> Option<&Who> {
        self.0.who.get()
    }

    /// The endpoint whose path has this pattern is called.
    pub(crate) fn reached(&self, pattern: &Arc<str>) {
        let _ = self.0.pattern.set(Arc::clone(pattern));
    }

    /// `None` if the request reached no endpoint.
    pub(crate) fn pattern(&self) -> Option<&str> {
        self.0.pattern.get().map(|pattern| &**pattern)
    }

    pub(crate) fn is_known(&self) -> bool {
        self.who().is_some()
    }
}

/// An extension of an answer: why a token was not accepted, for the log line.
#[derive(Debug, Clone)]
pub(crate) struct NotAccepted(pub(crate) String);

/// The refusals that were logged lately. All listeners share one.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<Kind, Told>>);

/// What is kept apart: the network, the status, and whether the refusal was about a token.
type Kind = (Option<IpAddr>, StatusCode, bool);

#[derive(Debug)]
struct Told {
    at: Instant,
    left_out: u64,
}

impl Refusals {
    /// `None` if the line of this minute was already written, and otherwise how many refusals were left out since the last line. Calls within the process have
    /// no address.
    ///
    /// Refused tokens are logged separately, so that a wrong secret, which has the same status, does not hide the reason.
    pub(crate) fn tell(&self, client: Option<IpAddr>, status: StatusCode, of_token: bool, now: Instant) -> Option<u64> {
        let is_fresh = |told: &Told| now.duration_since(told.at) < PERIOD;
        let mut key = (client.map(share), status, of_token);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST && !all.contains_key(&key) {
            all.retain(|_, told| is_fresh(told));
            if all.len() >= MOST {
                key.0 = None;
            }
        }
        match all.get_mut(&key) {
            Some(told) if is_fresh(told) => {
                told.left_out = told.left_out.saturating_add(1);
                None
            }
            _ => Some(all.insert(key, Told { at: now, left_out: 0 }).map_or(0, |told| told.left_out)),
        }
    }
}

/// Cuts a client's text to at most the length that a log line may have.
pub(crate) fn cut(text: &str) -> String {
    match text.get(..text.floor_char_boundary(MOST_TEXT)) {
        Some(start) if start.len() < text.len() => format!("{start}… ({} bytes)", text.len()),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> Option<IpAddr> {
        Some(IpAddr::from(number.to_be_bytes()))
    }

    #[test]
    fn a_network_has_one_line_a_minute_for_a_status() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let tell = |client, status, seconds| refusals.tell(client, status, false, start + Duration::from_secs(seconds));
        let (missing, wrong) = (StatusCode::NOT_FOUND, StatusCode::UNAUTHORIZED);
        assert_eq!(tell(address(1), missing, 0), Some(0));
        assert!((0..500).all(|number| tell(address(1), missing, number % 60).is_none()));
        assert_eq!((tell(address(1), wrong, 1), tell(address(2), missing, 1), tell(None, missing, 1)), (Some(0), Some(0), Some(0)));
        assert_eq!((tell(address(1), missing, 60), tell(address(1), missing, 61)), (Some(500), None));
        assert_eq!(refusals.tell(address(1), wrong, true, start), Some(0), "a token, and not a secret");
        let of_network = |text: &str| Some(text.parse().unwrap());
        assert_eq!(tell(of_network("2001:db8::1"), missing, 1), Some(0));
        assert_eq!(tell(of_network("2001:db8::ffff:1"), missing, 1), None);
    }

    #[test]
    fn many_networks_share_a_line_and_are_forgotten() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let lines = (0..20_000).filter(|number| refusals.tell(address(*number), StatusCode::NOT_FOUND, false, start).is_some()).count();
        assert_eq!((lines, refusals.0.lock().unwrap().len()), (MOST + 1, MOST + 1));
        let later = start + PERIOD;
        assert_eq!(refusals.tell(address(200_000), StatusCode::NOT_FOUND, false, later), Some(0));
        assert_eq!(refusals.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let fits = "x".repeat(MOST_TEXT);
        assert_eq!(cut(&fits), fits);
        assert_eq!(cut(&format!("{fits}y")), format!("{fits}… (201 bytes)"));
        assert_eq!(cut(&"ä€".repeat(13_000)), format!("{}… (65000 bytes)", "ä€".repeat(40)));
    }
}
