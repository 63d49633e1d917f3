//! What every handler gets.

use std::sync::Arc;

use insightgate_operations::context::SharedContext;
use ipnet::IpNet;

use crate::http::intake::Intake;

/// One per listener: two listeners of a sandbox have addresses of their own. Every layer and handler takes a copy for every request, so that
/// nothing in it may cost a copy of its content.
#[derive(Clone)]
pub struct ApiState {
    pub context: SharedContext,
    /// The address by which clients reach this listener, without a final slash: what issuers and links begin with. Never taken from a request.
    pub base_url: Arc<str>,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Origins whose scripts may read answers, as browsers write them.
    pub cors_origins: Arc<[String]>,
    /// How long browsers are told to use https alone; 0: they are told nothing.
    pub hsts_seconds: u32,
    /// Shared by all listeners.
    pub intake: Arc<Intake>,
    /// None: there is no sandbox API.
    pub sandbox: Option<SandboxAccess>,
}

/// Who may use the sandbox API, which needs no token.
#[derive(Debug, Clone)]
pub struct SandboxAccess {
    /// Values of the Host header that are answered, without their port, in lower case: a page of another site cannot reach it by a name of its own.
    pub hosts: Arc<[String]>,
    /// Whether only callers on this machine are answered.
    pub loopback_only: bool,
}
