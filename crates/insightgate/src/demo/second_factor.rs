//! `--require-mfa`: shows how a client is refused because the real service requires a second factor, and what it does instead.

use std::path::Path;

use insightgate_client::ClientError;
use insightgate_operations::context::SharedContext;

use super::ready_file::{Addresses, Ready};
use super::walk::client;
use crate::command_error::CommandError;
use crate::files::shown;

/// Requests a token with the password alone, and shows how it is refused.
pub async fn run(context: &SharedContext, ready: &Ready, local: &Addresses) -> Result<(), CommandError> {
    let client = client(context, ready, local)?;
    println!("Insightgate demo, where everybody needs a second factor");
    println!("\n1. Token, with the password alone\n   POST {}", ready.token_url);
    match client.token().await {
        Err(ClientError::Token(refusal)) => println!("   {} {refusal}", refusal.status),
        Ok(_) => return Err(CommandError::failed("the password alone was enough")),
        Err(error) => return Err(error.into()),
    }
    println!("   The real service refuses so since April 2026, or gives a token that each call refuses (401, code 900421).");
    println!("   What helps is a sign-in with a second factor: in a browser, or with a device code, and a refresh token from then on.");
    Ok(())
}

/// Shows a device code, which a person approves in a browser, and the calls that follow.
pub fn print_curl(ready: &Ready) {
    let Ready { api, authority, public_client_id, resource, username, password, .. } = ready;
    let curl = format!("curl -s --cacert '{}'", shown(Path::new(&ready.ca_certificate)));
    println!("\nBy hand:\n");
    println!(
        "{curl} -w '\\n' {authority}/oauth2/v2.0/devicecode -d client_id={public_client_id} -d 'scope={resource}/.default offline_access'"
    );
    println!("# Open the page that the message names, and type the code. Sign in as {username} with the password {password};");
    println!("# the page shows the key for an authenticator app. Then, with the answer's device_code:");
    println!(
        "TOKEN=$({curl} {authority}/oauth2/v2.0/token -d grant_type=urn:ietf:params:oauth:grant-type:device_code \\\n    \
         -d client_id={public_client_id} -d \"device_code=$DEVICE_CODE\" | sed -n 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/p')"
    );
    println!("{curl} -w '\\n' -H \"Authorization: Bearer $TOKEN\" {api}/ScheduledDataset");
}
