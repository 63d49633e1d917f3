//! Where a caller wants to hear of a finished run.

use url::Url;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    pub url: String,
    pub method: CallbackMethod,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CallbackMethod {
    Get,
    /// The documented default.
    #[default]
    Post,
}

impl CallbackMethod {
    pub fn name(self) -> &'static str {
        match self {
            CallbackMethod::Get => "GET",
            CallbackMethod::Post => "POST",
        }
    }

    pub fn from_name(name: &str) -> Option<CallbackMethod> {
        [CallbackMethod::Get, CallbackMethod::Post].into_iter().find(|method| method.name().eq_ignore_ascii_case(name))
    }
}

/// Absolute, http or https, with a host. Whether the address may be reached is decided when it is connected to.
pub fn is_callback_url(text: &str) -> bool {
    text.len() <= 2048 && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
