//! The HTTP client of the Insights API, of its token endpoint, and of the management API. The command line and the demo use it, against this server
//! or, where Microsoft has the same API, against Microsoft's.
//!
//! Settings go in. Every answer comes out with its status, envelope and headers, and every failure as a [`ClientError`] that says what to do about
//! it. The types of the management API are those that the server has, from `insightgate-wire`. Those of the Insights API are the client's own, since
//! it calls Microsoft's too. It never writes a file, never reads the clock and never shows a secret.
//!
//! A token is got when one is first needed, and renewed before it ends. A [`TokenStore`] keeps tokens between executions of a program, and lets several
//! processes share them. An [`Authority`] signs a person in, with a browser ([`CodeRequest`]) or with a device code ([`DeviceCode`]). [`Patience`] says
//! how long an answer is waited for. Calls are made again as [`Retries`] says: where the server turned them away, and where a connection broke off and
//! making the call twice does no harm. A [`Download`] goes on where its connection broke off. A [`Forwarder`] sends what another client asked, as it is.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use insightgate_client::{Client, ClientError, ClientSettings, ExecutionFilter, NewQuery, NewReport, Patience, SignIn};
//!
//! # async fn example() -> Result<(), ClientError> {
//! let settings = ClientSettings {
//!     authority_token_url: "https://login.microsoftonline.com/contoso.example/oauth2/token".into(),
//!     api_base: "https://api.partnercenter.microsoft.com/insights/v1/mpn".into(),
//!     resource: "https://api.partnercenter.microsoft.com".into(),
//!     client_id: "22d22f2a-0000-4000-8000-000000000001".into(),
//!     client_secret: std::env::var("SECRET").ok(),
//!     sign_in: SignIn::Application,
//!     ca_certificate: None,
//!     patience: Patience::default(),
//! };
//! // The time in Unix seconds, from wherever the program takes it.
//! let clock = Arc::new(|| 1_800_000_000);
//! let client = Client::new(settings, clock)?;
//!
//! let text = "SELECT CustomerName, TotalRevenue FROM CustomersAndTenants TIMESPAN LAST_MONTH";
//! let query = NewQuery { name: "Revenue".into(), description: None, query: text.into() };
//! let Some(query) = client.create_query(&query).await?.first().cloned() else { return Ok(()) };
//! let report = NewReport { report_name: "Revenue".into(), query_id: query.query_id, execute_now: true, ..NewReport::default() };
//! let Some(report) = client.create_report(&report).await?.first().cloned() else { return Ok(()) };
//!
//! // Until it is done the API answers 404.
//! let execution = loop {
//!     match client.executions(&report.report_id, &ExecutionFilter::default()).await {
//!         Ok(answer) if answer.first().is_some_and(|execution| execution.link().is_some()) => break answer.first().cloned(),
//!         Ok(_) => {}
//!         Err(ClientError::Refused(refusal)) if refusal.is_not_found() => {}
//!         Err(error) => return Err(error),
//!     }
//!     tokio::time::sleep(Duration::from_secs(5)).await;
//! };
//! let Some(execution) = execution else { return Ok(()) };
//! let mut download = client.download_execution(&execution).await?;
//! while let Some(piece) = download.next().await? {
//!     println!("{} bytes", piece.len());
//! }
//! # Ok(())
//! # }
//! ```

mod answer;
mod calls;
mod connection;
mod download;
mod error;
mod exchange;
mod first_call;
mod forward;
mod health;
mod http;
pub mod manage;
mod sandbox;
#[cfg(test)]
mod scripted;
mod settings;
mod token;
mod wire;

pub use answer::{Answer, Envelope, PreviewRow, PreviewValue};
pub use calls::Client;
pub use download::Download;
pub use error::{ClientError, ManageRefusal, Refusal, TokenRefusal};
pub use exchange::retries::Retries;
pub use first_call::{FirstAnswer, FirstCall};
pub use forward::{Forwarded, Forwarder, Sample};
pub use health::{Health, health};
pub use reqwest::Method;
pub use sandbox::SandboxClient;
pub use settings::{ClientSettings, Clock, Patience, SignIn};
pub use token::Token;
pub use token::code::{BroughtBack, CodeRequest};
pub use token::device::{DeviceCode, DevicePoll};
pub use token::kept::{Account, AccountUser, HeldTokens, Kept, KeptToken, StoreFault, TokenStore};
pub use token::signed_in::{Authority, SignedIn};
pub use wire::{
    Dataset, Execution, ExecutionFilter, ExplainedQuery, NewQuery, NewReport, Query, QueryFilter, Report, ReportFilter, ReportUpdate,
    Subject,
};
