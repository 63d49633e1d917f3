//! One fault: what it meets, how often, and what happens then. Everything is checked when it is made.

use std::time::Duration;

use chrono::TimeDelta;
use insightgate_identity::tenant::Tenant;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_report::scheduled_report::ScheduledReport;
use uuid::Uuid;

/// The longest real wait.
pub const LONGEST_DELAY: Duration = Duration::from_secs(120);
/// The longest wait by the product's clock.
pub const LONGEST_HOLD: TimeDelta = TimeDelta::days(365);
/// Bytes of a body, and of a reason.
pub const LONGEST_BODY: usize = 64 << 10;
pub const LONGEST_REASON: usize = 1000;
/// Seconds.
pub const LONGEST_RETRY_AFTER: u32 = 86_400;
pub const MOST_TIMES: u32 = 1_000_000;
/// Callbacks that are sent in the reverse order together.
pub const MOST_REVERSED: u32 = 100;

/// What a fault meets. None: any.
#[derive(Debug, Clone, Default)]
pub struct Matching {
    /// In upper case.
    pub method: Option<String>,
    /// In lower case: the beginning of a path, or, with `*` for anything, all of it.
    pub path: Option<String>,
    pub tenant: Option<Tenant>,
    /// Without regard to case.
    pub dataset: Option<String>,
    pub report: Option<Uuid>,
}

impl Matching {
    /// `path` in lower case. `tenant`: an id or a domain, as the request has it.
    pub fn meets_request(&self, method: &str, path: &str, tenant: Option<&str>) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.path.as_ref().is_none_or(|pattern| fits(pattern, path))
            && self.tenant.as_ref().is_none_or(|wanted| {
                tenant.is_some_and(|sent| sent.eq_ignore_ascii_case(&wanted.id.to_string()) || sent.eq_ignore_ascii_case(&wanted.domain))
            })
    }

    pub(crate) fn meets_report(&self, report: &ScheduledReport) -> bool {
        self.tenant.as_ref().is_none_or(|wanted| wanted.id == report.tenant)
            && self.report.is_none_or(|wanted| wanted == report.id)
            && self.dataset.as_ref().is_none_or(|wanted| {
                insightgate_query::parse(&report.query).is_ok_and(|query| query.dataset.text.eq_ignore_ascii_case(wanted))
            })
    }
}

/// Whether the path begins so, or, where the pattern has a `*`, is so.
fn fits(pattern: &str, path: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return path.starts_with(pattern) };
    let Some(mut left) = path.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        let Some(at) = left.find(part) else { return false };
        left = left.get(at + part.len()..).unwrap_or_default();
    }
    true
}

/// How often a fault happens where it could.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Often {
    Always,
    Times(u32),
    /// Above 0, at most 1. Not by chance: of any ten, a share of 0.3 takes three, and every time the same.
    Share(f64),
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Request(RequestFault),
    Execution(ExecutionFault),
    Callback(CallbackFault),
}

/// A request waits, and then gets another answer.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestFault {
    pub delay: Duration,
    pub answer: OrderedAnswer,
}

#[derive(Debug, Clone, PartialEq)]
pub enum OrderedAnswer {
    /// Its own.
    Own,
    Status {
        status: u16,
        /// None: as the API writes it for this status.
        body: Option<String>,
        content_type: Option<String>,
        /// Seconds.
        retry_after: Option<u32>,
    },
    /// As if the token had ended.
    ExpiredToken,
    /// As if the link had ended.
    ExpiredLink,
    /// A refusal of the token endpoint, on version 1 and on version 2.
    Refusal(Box<[GrantRefusal; 2]>),
    /// Its own, of which the connection brings so many bytes. None: half of them.
    Cut(Option<u64>),
}

/// Holds are by the product's clock, delays by the real one.
#[derive(Debug, Clone, PartialEq)]
pub enum ExecutionFault {
    Pending(TimeDelta),
    Running(TimeDelta),
    Slow(Duration),
    Failed { reason: String },
}

#[derive(Debug, Clone, PartialEq)]
pub enum CallbackFault {
    Dropped,
    Doubled,
    Delayed(TimeDelta),
    /// So many wait for each other, and are then sent in the reverse order.
    Reversed(u32),
}

/// A fault as it was ordered.
#[derive(Debug, Clone)]
pub struct Fault {
    pub matching: Matching,
    pub often: Often,
    pub effect: Effect,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_beginning_or_a_pattern() {
        for (pattern, path, meets) in [
            ("/insights/", "/insights/v1/mpn/scheduledreport", true),
            ("/insights/", "/manage/v1/tenants", false),
            ("/insights/*/scheduledreport", "/insights/v1/mpn/scheduledreport", true),
            ("/insights/*/scheduledreport", "/insights/v1/mpn/scheduledreport/execution/1", false),
            ("/insights/*/execution/*", "/insights/v1/mpn/scheduledreport/execution/1", true),
            ("*/oauth2/*token", "/contoso.example/oauth2/v2.0/token", true),
            ("*/oauth2/*token", "/contoso.example/oauth2/token", true),
            ("*/token", "/contoso.example/oauth2/authorize", false),
            ("*", "/", true),
        ] {
            assert_eq!(fits(pattern, path), meets, "{pattern} {path}");
        }
    }
}
