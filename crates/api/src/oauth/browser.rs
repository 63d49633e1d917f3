//! The cookies of a browser: the sessions of the sign-in pages and of the console, and one that its forms are bound to (against CSRF).

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use insightgate_operations::credentials::password::secret_digest;
use insightgate_operations::sign_in::SessionChange;

use crate::state::ApiState;

const SESSION: &str = "insightgate-session";
/// The console's session.
const CONSOLE: &str = "insightgate-console";
/// A sign-in to the console that has begun: the proof key and the page to go on to.
const BEGUN: &str = "insightgate-console-begun";
/// A random cookie that only the browser knows, so that no other site can make a form that matches it.
const BROWSER: &str = "insightgate-browser";

#[derive(Clone)]
pub(crate) struct Browser {
    /// Whether the address is https. Cookies are then bound to this host and never sent unencrypted.
    secure: bool,
    session: Option<String>,
    console: Option<String>,
    begun: Option<String>,
    known: Option<String>,
    fresh: String,
}

impl Browser {
    pub(crate) fn of(state: &ApiState, headers: &HeaderMap) -> Browser {
        let secure = state.base_url.starts_with("https://");
        let cookie = |name: &str| {
            let name = full_name(secure, name);
            let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
            let mut values = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(known, _)| *known == name);
            values.next().map(|(_, value)| value.to_owned())
        };
        let secret = |name: &str| cookie(name).filter(|value| (20..=100).contains(&value.len()));
        // Without randomness no form matches, so nobody can sign in.
        let fresh = state.context.random.secret().unwrap_or_default();
        Browser { secure, session: secret(SESSION), console: secret(CONSOLE), begun: cookie(BEGUN), known: secret(BROWSER), fresh }
    }

    pub(crate) fn session(&self) -> Option<String> {
        self.session.clone()
    }

    /// The cookie of the console's session.
    pub(crate) fn console(&self) -> Option<&str> {
        self.console.as_deref()
    }

    /// What was remembered when a sign-in to the console began.
    pub(crate) fn begun(&self) -> Option<&str> {
        self.begun.as_deref()
    }

    /// The CSRF token for the forms of this browser.
    pub(crate) fn form_token(&self) -> String {
        token(self.known.as_ref().unwrap_or(&self.fresh))
    }

    /// Whether a form came from a page that was sent to this browser. Digests are compared, so that the time reveals nothing.
    pub(crate) fn owns(&self, sent: Option<&str>) -> bool {
        let expected = self.known.as_deref().map(token);
        expected.zip(sent).is_some_and(|(expected, sent)| secret_digest(&expected) == secret_digest(sent))
    }

    /// Sets the cookies that the answer needs.
    pub(crate) fn answered(&self, mut response: Response, change: &SessionChange) -> Response {
        self.make_known(&mut response);
        self.change(&mut response, SESSION, change);
        response
    }

    /// Sets the cookies that an answer of the console needs.
    pub(crate) fn answered_by_console(&self, mut response: Response, session: &SessionChange, begun: &SessionChange) -> Response {
        self.make_known(&mut response);
        self.change(&mut response, CONSOLE, session);
        self.change(&mut response, BEGUN, begun);
        response
    }

    fn make_known(&self, response: &mut Response) {
        if self.known.is_none() && !self.fresh.is_empty() {
            self.set(response, BROWSER, &self.fresh, "");
        }
    }

    fn change(&self, response: &mut Response, name: &str, change: &SessionChange) {
        match change {
            SessionChange::Keep => {}
            SessionChange::Set(value) => self.set(response, name, value, ""),
            SessionChange::End => self.set(response, name, "", "; Max-Age=0"),
        }
    }

    fn set(&self, response: &mut Response, name: &str, value: &str, more: &str) {
        let secure = if self.secure { "; Secure" } else { "" };
        let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}", full_name(self.secure, name));
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
}

fn full_name(secure: bool, name: &str) -> String {
    if secure { format!("__Host-{name}") } else { name.to_owned() }
}

fn token(browser: &str) -> String {
    secret_digest(&format!("form {browser}"))
}
