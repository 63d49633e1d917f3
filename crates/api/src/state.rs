//! What every handler gets.

use std::sync::Arc;

use insightgate_operations::context::SharedContext;
use ipnet::IpNet;

/// One per listener: two listeners of a sandbox have addresses of their own.
#[derive(Clone)]
pub struct ApiState {
    pub context: SharedContext,
    /// The address by which clients reach this listener, without a final slash: what issuers and links begin with. Never taken from a request.
    pub base_url: String,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// None: there is no sandbox API.
    pub sandbox: Option<SandboxAccess>,
}

/// Who may use the sandbox API, which needs no token.
#[derive(Debug, Clone)]
pub struct SandboxAccess {
    /// Values of the Host header that are answered, without their port, in lower case: a page of another site cannot reach it by a name of its own.
    pub hosts: Vec<String>,
    /// Whether only callers on this machine are answered.
    pub loopback_only: bool,
}
