//! The callback of a report: the address that is called when an execution has ended, and the backoff of its attempts. Nothing is sent here.

mod retry;
mod target;

use strum::{EnumString, IntoStaticStr, VariantArray};
use thiserror::Error;
use url::Url;

pub use retry::{AfterAttempt, GIVE_UP_DAYS, after_attempt, begun, give_up_after, next_attempt};
pub use target::target;

/// The most bytes of an address.
pub const URL_LIMIT: usize = 2048;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    pub url: String,
    pub method: CallbackMethod,
    /// Whether failed executions cause a callback too. The documented callback is only for completed ones.
    pub on_failure: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "UPPERCASE", ascii_case_insensitive)]
pub enum CallbackMethod {
    Get,
    /// The documented default.
    #[default]
    Post,
}

impl CallbackMethod {
    pub const ALL: &'static [CallbackMethod] = CallbackMethod::VARIANTS;

    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn from_name(name: &str) -> Option<CallbackMethod> {
        name.parse().ok()
    }
}

/// What the callback reports: how the execution ended. Each execution has at most one callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum CallbackEvent {
    Completed,
    Failed,
}

impl CallbackEvent {
    pub const ALL: &'static [CallbackEvent] = CallbackEvent::VARIANTS;

    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn from_name(name: &str) -> Option<CallbackEvent> {
        name.parse().ok()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum CallbackState {
    /// It will be sent, now or once its wait is over.
    Pending,
    Delivered,
    /// It was given up.
    Failed,
    /// It is not sent, since its report was deleted or the organisation's enrollment is not active.
    Cancelled,
}

impl CallbackState {
    pub const ALL: &'static [CallbackState] = CallbackState::VARIANTS;

    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn from_name(name: &str) -> Option<CallbackState> {
        name.parse().ok()
    }
}

/// What is wrong with the text of an address. Whether it may be connected to is checked elsewhere: for an IP address when the report is created, and for a
/// host name at each connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CallbackUrlFault {
    #[error("CallbackUrl should be an absolute http or https address of at most 2048 characters")]
    Form,
    #[error("CallbackUrl should not hold a user name or password")]
    Credentials,
    #[error("CallbackUrl should be an https address")]
    NotEncrypted,
}

/// Checks that the address is absolute, http or https, and has a host and no credentials, which would appear in lists and logs.
///
/// # Errors
/// When the address breaks a rule.
pub fn check_callback_url(text: &str, https_only: bool) -> Result<Url, CallbackUrlFault> {
    let url = Url::parse(text).ok().filter(|url| text.len() <= URL_LIMIT && matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or(CallbackUrlFault::Form)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(CallbackUrlFault::Credentials);
    }
    if https_only && url.scheme() != "https" {
        return Err(CallbackUrlFault::NotEncrypted);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_judged_by_their_text() {
        let long = format!("https://a.example/{}", "x".repeat(URL_LIMIT));
        for (text, https_only, expected) in [
            ("https://a.example/cb", true, Ok(())),
            ("http://a.example:8080/cb?code=1#f", false, Ok(())),
            ("http://a.example/cb", true, Err(CallbackUrlFault::NotEncrypted)),
            ("https://user@a.example/cb", false, Err(CallbackUrlFault::Credentials)),
            ("https://:secret@a.example/cb", false, Err(CallbackUrlFault::Credentials)),
            ("/relative", false, Err(CallbackUrlFault::Form)),
            ("a.example/cb", false, Err(CallbackUrlFault::Form)),
            ("ftp://a.example/cb", false, Err(CallbackUrlFault::Form)),
            ("file:///etc/passwd", false, Err(CallbackUrlFault::Form)),
            ("https://", false, Err(CallbackUrlFault::Form)),
            ("https://a b.example/", false, Err(CallbackUrlFault::Form)),
            (long.as_str(), false, Err(CallbackUrlFault::Form)),
        ] {
            assert_eq!(check_callback_url(text, https_only).map(drop), expected, "{text}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for &state in CallbackState::ALL {
            assert_eq!(CallbackState::from_name(&state.name().to_uppercase()), Some(state));
        }
        for event in [CallbackEvent::Completed, CallbackEvent::Failed] {
            assert_eq!(CallbackEvent::from_name(event.name()), Some(event));
        }
        assert_eq!((CallbackState::from_name("sent"), CallbackEvent::from_name("sent")), (None, None));
    }
}
