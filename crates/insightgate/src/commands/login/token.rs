//! `insightgate token`: a token of the profile, for other programs.

use chrono::{DateTime, SecondsFormat};
use clap::Args;
use insightgate_client::Token;
use serde_json::{Value, json};

use crate::command_error::CommandError;
use crate::session::{Session, insights};
use crate::terminal::{print, print_json};

#[derive(Debug, Args)]
pub struct TokenArguments {
    /// A token for the management API instead of data
    #[arg(long)]
    management: bool,
    /// A new one, even if the last one is still good
    #[arg(long)]
    new: bool,
    /// Print the token with its end, its scope and what it says of itself as JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(profile: Option<&str>, arguments: &TokenArguments) -> Result<(), CommandError> {
    let token = match (arguments.management, arguments.new) {
        (false, false) => insights(profile)?.token().await,
        (false, true) => insights(profile)?.new_token().await,
        (true, false) => Session::open(profile)?.client.token().await,
        (true, true) => Session::open(profile)?.client.new_token().await,
    }?;
    if !arguments.json {
        return print(&format!("{}\n", token.access_token));
    }
    let expires = DateTime::from_timestamp(token.expires_at, 0).map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    print_json(&json!({
        "accessToken": token.access_token,
        "tokenType": "Bearer",
        "expiresAt": expires,
        "resource": token.resource,
        "scope": token.scope,
        "secondFactor": second_factor(&token),
        "claims": token.claims(),
    }))
}

/// Whether the user gave a second factor; None if the token does not say.
pub fn second_factor(token: &Token) -> Option<bool> {
    let claims = token.claims()?;
    let methods = claims.get("amr")?.as_array()?;
    Some(methods.iter().filter_map(Value::as_str).any(|method| method == "mfa"))
}
