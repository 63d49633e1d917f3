//! Which answers the scripts of other origins may read (CORS). Every origin may read public answers; the origins that the operator names may read tokens,
//! the Insights API and artifacts; no other origin may read pages that use cookies, or the management API.
//!
//! tower-http's layer is not used, since it answers every OPTIONS, even for paths that no other origin may use. Cookies are never allowed (no
//! `Access-Control-Allow-Credentials`), so a script can do no more than its token allows.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::state::ApiState;

/// The headers of answers that scripts may read, beside those that they always may.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "accept-ranges, content-disposition, content-encoding, content-range, etag, ismfacompliant, ms-correlationid, ms-requestid, ratelimit, \
     ratelimit-policy, retry-after, www-authenticate",
);
/// For how many seconds a browser may cache the answer to a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The origins whose scripts may read the answers of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readers {
    Nobody,
    /// Discovery and keys, which are the same for everybody.
    Everybody,
    Named {
        methods: &'static str,
    },
}

impl Readers {
    /// The readers of a path. `path` is in lower case, as routes are matched.
    fn of(path: &str) -> Readers {
        let mut segments = path.split('/').skip(1);
        match [segments.next(), segments.next(), segments.next(), segments.next(), segments.next()] {
            [Some("artifacts"), ..] => Readers::Named { methods: "GET, HEAD" },
            [Some("insights"), Some(_), ..] => Readers::Named { methods: "GET, POST, PUT, DELETE" },
            [Some("manage" | "sandbox"), ..] => Readers::Nobody,
            [Some(_), Some("oauth2"), Some("token" | "devicecode"), None, _]
            | [Some(_), Some("oauth2"), Some("v2.0"), Some("token" | "devicecode"), None] => Readers::Named { methods: "POST" },
            [Some(_), Some(".well-known"), Some("openid-configuration"), None, _]
            | [Some(_), Some("v2.0"), Some(".well-known"), Some("openid-configuration"), None]
            | [Some(_), Some("discovery"), Some("keys"), None, _]
            | [Some(_), Some("discovery"), Some("v2.0"), Some("keys"), None]
            | [Some("common"), Some("discovery"), Some("instance"), None, _] => Readers::Everybody,
            _ => Readers::Nobody,
        }
    }
}

pub(crate) async fn attach(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let readers = Readers::of(request.uri().path());
    let origin = request.headers().get(header::ORIGIN);
    let (allowed, methods) = match readers {
        Readers::Nobody => return next.run(request).await,
        Readers::Everybody => (origin.map(|_| HeaderValue::from_static("*")), "GET"),
        Readers::Named { .. } if state.cors_origins.is_empty() => return next.run(request).await,
        Readers::Named { methods } => {
            let is_named = |origin: &HeaderValue| state.cors_origins.iter().any(|named| named.as_bytes() == origin.as_bytes());
            (origin.filter(|origin| is_named(origin)).cloned(), methods)
        }
    };
    let mut response = match preflight(request.method(), request.headers(), methods).filter(|_| allowed.is_some()) {
        Some(answer) => answer,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    if readers != Readers::Everybody {
        // A cached answer for one origin must not be used for another.
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    if let Some(allowed) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}

/// The answer to a preflight, if the request is one. All headers that it names are allowed, since no header gives access to anything by itself.
fn preflight(method: &Method, headers: &HeaderMap, methods: &'static str) -> Option<Response> {
    if method != Method::OPTIONS || !headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let set = response.headers_mut();
    set.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    set.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    if let Some(wanted) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        set.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    Some(response)
}
