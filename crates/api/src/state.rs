//! The state that every handler gets.

use std::sync::Arc;

use insightgate_operations::context::SharedContext;
use ipnet::IpNet;

use crate::http::intake::Intake;

/// The state of one listener. The two listeners of a sandbox have addresses of their own. Every layer and handler clones it for every request, so a clone
/// must be cheap.
#[derive(Clone)]
pub struct ApiState {
    pub context: SharedContext,
    /// The address by which clients reach this listener, without a final slash. Issuers and links begin with it. It is never taken from a request.
    pub base_url: Arc<str>,
    /// Networks whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Origins whose scripts may read answers, as browsers write them.
    pub cors_origins: Arc<[String]>,
    /// For how many seconds browsers are told to use only https. With 0, the header is not sent.
    pub hsts_seconds: u32,
    /// Whether `/metrics` is shown to programs on this machine. Not where a proxy may stand before the listener: it reaches it from this machine too.
    pub shows_telemetry: bool,
    /// Whether there is a console.
    pub shows_console: bool,
    /// The settings that are in force, for operators to look at; none if there is no configuration file.
    pub settings: Arc<[SettingInForce]>,
    /// Shared by all listeners.
    pub intake: Arc<Intake>,
    /// `None` if there is no sandbox API.
    pub sandbox: Option<SandboxAccess>,
}

/// A setting as it is in force. Its value holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingInForce {
    /// As `section.name`.
    pub key: &'static str,
    pub about: &'static str,
    /// As TOML; `None` for one that has no default and is not given.
    pub value: Option<String>,
    /// Whether the file or the environment gives it another value than its default.
    pub is_given: bool,
}

/// Who may use the sandbox API, which needs no token.
#[derive(Debug, Clone)]
pub struct SandboxAccess {
    /// The allowed values of the Host header, without the port, in lower case. Because of them, a page of another site cannot reach the sandbox under a name of
    /// its own (DNS rebinding).
    pub hosts: Arc<[String]>,
    /// Whether only callers on this machine are allowed.
    pub loopback_only: bool,
}
