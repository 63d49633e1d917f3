//! Callbacks: what they say, and how a receiver knows that they come from here. The deliverer (`background`) sends them.

pub mod deliverer;
pub(crate) mod message;
pub mod received;
pub mod signature;

use insightgate_outbound::AddressRules;

/// How callbacks leave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallbackSettings {
    pub https_only: bool,
    /// Whether every callback tells of failed executions too, asked for or not.
    pub on_failure: bool,
    /// Where they may go beside public addresses.
    pub addresses: AddressRules,
    /// Certificates in PEM that are trusted beside the system's.
    pub ca_certificate: Option<Vec<u8>>,
}
