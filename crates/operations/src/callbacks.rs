//! Callbacks: their messages, and the signatures by which a receiver knows that they come from here. The [`deliverer`] sends them.

pub mod deliverer;
pub(crate) mod message;
pub mod received;
pub mod signature;

use insightgate_outbound::AddressRules;

/// How callbacks are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallbackSettings {
    pub https_only: bool,
    /// Whether callbacks are sent for failed executions too, even if the report does not request it.
    pub on_failure: bool,
    /// Which addresses they may be sent to beside public ones.
    pub addresses: AddressRules,
    /// Certificates in PEM that are trusted beside the system's.
    pub ca_certificate: Option<Vec<u8>>,
}
