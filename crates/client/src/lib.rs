//! The HTTP client of the Insights API, of its token endpoint, and of the management API. The command line and the demo use it, against this server
//! or, where Microsoft has the same API, against Microsoft's.
//!
//! Settings go in. Every answer comes out with its status, envelope and headers, and every failure as a [`ClientError`] that says what to do about
//! it. The crate has wire types of its own and uses no other crate of ours. It never writes a file, never reads the clock and never shows a secret.

mod answer;
mod calls;
mod connection;
mod error;
pub mod manage;
mod sandbox;
mod settings;
mod token;
mod unzipped;
mod wire;

pub use answer::{Answer, Envelope, PreviewRow, PreviewValue};
pub use calls::Client;
pub use connection::Download;
pub use error::{ClientError, ManageRefusal, Refusal, TokenRefusal};
pub use reqwest::Method;
pub use sandbox::SandboxClient;
pub use settings::{ClientSettings, Clock, SignIn};
pub use token::Token;
pub use wire::{
    Dataset, Execution, ExecutionFilter, ExplainedQuery, NewQuery, NewReport, Query, QueryFilter, Report, ReportFilter, ReportUpdate,
    Subject,
};
