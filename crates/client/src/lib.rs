//! The HTTP client of the Insights API, of the token endpoint in front of it, and of the management API beside it: the command line and the
//! demo use it, against this server or, where Microsoft has the same API, Microsoft's own.
//!
//! Settings go in; every answer comes out with its status, envelope and headers, every failure as a [`ClientError`] that knows what to do about it.
//! It owns its wire types and knows nothing else of ours. It never writes a file, never asks the time itself and never shows a secret.

mod answer;
mod calls;
mod connection;
mod error;
pub mod manage;
mod settings;
mod token;
mod unzipped;
mod wire;

pub use answer::{Answer, Envelope, PreviewRow, PreviewValue};
pub use calls::Client;
pub use connection::Download;
pub use error::{ClientError, ManageRefusal, Refusal, TokenRefusal};
pub use settings::{ClientSettings, Clock, SignIn};
pub use token::Token;
pub use wire::{
    Dataset, Execution, ExecutionFilter, ExplainedQuery, NewQuery, NewReport, Query, QueryFilter, Report, ReportFilter, ReportUpdate,
    Subject,
};
