//! The headers that say how much a caller may still ask for: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers).
//!
//! Each limit is named by its holder and by what it counts. `r` is how many are left, and `t` after how many seconds all of them are; if none is left,
//! after how many seconds there is one.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use insightgate_operations::limits::{Allowance, whole_seconds};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// Adds the headers, if the request was counted.
pub(crate) fn tell(mut response: Response, seen: &[Allowance]) -> Response {
    if seen.is_empty() {
        return response;
    }
    let policy = seen.iter().map(|one| format!("{};q={};w=60", name(one), one.limit));
    let left = seen.iter().map(|one| {
        let wait = if one.left == 0 { one.wait } else { one.full_after };
        format!("{};r={};t={}", name(one), one.left, whole_seconds(wait))
    });
    for (header, value) in [(POLICY, policy.collect::<Vec<_>>().join(", ")), (LEFT, left.collect::<Vec<_>>().join(", "))] {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(header, value);
        }
    }
    response
}

fn name(allowance: &Allowance) -> String {
    format!("\"{}-{}\"", allowance.holder.name(), allowance.of.name())
}
