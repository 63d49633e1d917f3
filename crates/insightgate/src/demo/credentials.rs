//! The credentials of the demo. They are in a file that only its owner can read, since the database has only digests.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::command_error::CommandError;
use crate::data_folder::DataFolder;
use crate::files::{fault, write_private};

#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    pub tenant_id: Uuid,
    pub tenant_domain: String,
    pub client_id: Uuid,
    pub client_secret: String,
    /// A public client, for signing in with a browser.
    pub public_client_id: Uuid,
    pub username: String,
    pub password: String,
    pub operator_id: Uuid,
    pub operator_secret: String,
    /// The tenant whose rows must never be shown.
    pub other_tenant_id: Uuid,
    /// Whether all of them are in the database; this is written last.
    #[serde(default)]
    pub enrolled: bool,
    /// Whether the marketplace is in the database too; folders of earlier versions do not have it.
    #[serde(default)]
    pub marketplace: bool,
}

fn file(folder: &DataFolder) -> PathBuf {
    folder.path().join("demo-credentials.json")
}

/// Returns `None` in a new folder.
pub fn load(folder: &DataFolder) -> Result<Option<Credentials>, CommandError> {
    let path = file(folder);
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            let failed = CommandError::failed(format!("{} cannot be read: {error}", path.display()));
            failed.hint("name another folder with --data-dir")
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault(&path, &error)),
    }
}

pub fn save(folder: &DataFolder, credentials: &Credentials) -> Result<(), CommandError> {
    let text = serde_json::to_vec_pretty(credentials).map_err(|error| CommandError::failed(error.to_string()))?;
    write_private(&file(folder), &text)
}
