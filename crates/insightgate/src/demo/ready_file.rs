//! The ready file: the demo's addresses and credentials, for programs that start it.

use std::path::Path;

use insightgate_operations::written_file;
use serde::Serialize;

use super::credentials::Credentials;
use crate::command_error::CommandError;
use crate::files::{fault, write_private};

const API: &str = "/insights/v1/mpn";

/// The addresses of the listeners on this machine.
pub struct Addresses {
    pub http: String,
    pub https: String,
}

/// The content of the ready file, whose field names do not change.
#[derive(Serialize)]
pub struct Ready {
    pub http: String,
    pub https: String,
    /// The path of a file.
    pub ca_certificate: String,
    pub authority: String,
    pub token_url: String,
    pub api: String,
    pub resource: String,
    pub tenant_id: String,
    pub tenant_domain: String,
    pub client_id: String,
    pub client_secret: String,
    /// A public client, for signing in with a browser.
    pub public_client_id: String,
    pub username: String,
    pub password: String,
    operator: Operator,
}

#[derive(Serialize)]
struct Operator {
    client_id: String,
    client_secret: String,
}

/// Removes the file. It is no error if there is none. A symbolic link is kept, and so is a pipe.
pub fn remove(path: &Path) -> Result<(), CommandError> {
    written_file::remove(path).map_err(|error| fault(path, &error))
}

impl Ready {
    /// `public` is the address that clients use, if it is not a listener's own.
    pub fn new(local: &Addresses, public: Option<&str>, ca_certificate: &Path, credentials: &Credentials) -> Ready {
        let tenant = credentials.tenant_id;
        let (mut http, mut https) = (local.http.as_str(), local.https.as_str());
        match public {
            Some(url) if url.starts_with("https:") => https = url,
            Some(url) => http = url,
            None => {}
        }
        let clients = public.unwrap_or(https);
        Ready {
            http: http.to_owned(),
            https: https.to_owned(),
            ca_certificate: ca_certificate.display().to_string(),
            authority: format!("{clients}/{tenant}"),
            token_url: format!("{clients}/{tenant}/oauth2/token"),
            api: format!("{clients}{API}"),
            resource: "https://api.partnercenter.microsoft.com".to_owned(),
            tenant_id: tenant.to_string(),
            tenant_domain: credentials.tenant_domain.clone(),
            client_id: credentials.client_id.to_string(),
            client_secret: credentials.client_secret.clone(),
            public_client_id: credentials.public_client_id.to_string(),
            username: credentials.username.clone(),
            password: credentials.password.clone(),
            operator: Operator { client_id: credentials.operator_id.to_string(), client_secret: credentials.operator_secret.clone() },
        }
    }

    /// The common beginning of links and issuers.
    pub fn clients(&self) -> &str {
        // The API's address begins with it too.
        self.api.strip_suffix(API).unwrap_or(&self.https)
    }

    /// Writes the file, which contains secrets, so that only its owner can read it.
    pub fn write(&self, path: &Path) -> Result<(), CommandError> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| CommandError::failed(error.to_string()))?;
        write_private(path, &text)
    }
}
