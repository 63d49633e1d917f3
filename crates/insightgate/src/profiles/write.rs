//! Writes profiles: a section of the profile file, or an operator's file of its own. Both are readable by their owner only.

use std::path::Path;

use serde::Serialize;
use toml_edit::{DocumentMut, Item};

use super::Profile;
use crate::command_error::CommandError;
use crate::files::read_private;
use crate::files::{fault, write_private};

/// How an operator connects, with the ready file's names.
#[derive(Clone, Serialize)]
pub struct OperatorProfile {
    pub authority: String,
    pub endpoint: String,
    pub client_id: String,
    pub client_secret: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_certificate: Option<String>,
}

impl OperatorProfile {
    /// Whether that profile leads to the same server and operator.
    pub fn is_in(&self, profile: &Profile) -> bool {
        let says = |field: &Option<String>, value: &str| field.as_deref() == Some(value);
        says(&profile.authority, &self.authority)
            && says(&profile.endpoint, &self.endpoint)
            && profile.ca_certificate == self.ca_certificate
    }
}

/// As JSON.
pub fn to_file(path: &Path, profile: &OperatorProfile) -> Result<(), CommandError> {
    let text = serde_json::to_vec_pretty(profile).map_err(|error| CommandError::failed(error.to_string()))?;
    write_private(path, &text)
}

/// Adds the section, or replaces it. Everything else in the file stays as it was written.
pub fn to_section(path: &Path, name: &str, profile: &impl Serialize) -> Result<(), CommandError> {
    let before = read_private(path)?.unwrap_or_default();
    let text = with_section(&before, name, profile).ok_or_else(|| {
        let message = format!("profile {name} could not be written into {}", path.display());
        CommandError::failed(message).hint("remove the section by hand, or use --operator-file FILE")
    })?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| fault(folder, &error))?;
    }
    write_private(path, text.as_bytes())
}

/// Comments and order stay. None where the file is no TOML.
fn with_section(before: &str, name: &str, profile: &impl Serialize) -> Option<String> {
    let mut document: DocumentMut = before.parse().ok()?;
    let mut section = toml_edit::ser::to_document(profile).ok()?.as_table().clone();
    match document.get(name).and_then(Item::as_table) {
        Some(old) => {
            *section.decor_mut() = old.decor().clone();
            section.set_position(old.position());
        }
        // What stands at the end of the file belongs to what is before it.
        None => {
            let end = document.trailing().as_str().unwrap_or_default().to_owned();
            let gap = if before.is_empty() { "" } else { "\n" };
            section.decor_mut().set_prefix(format!("{end}{gap}"));
            document.set_trailing("");
        }
    }
    document.insert(name, Item::Table(section));
    let text = document.to_string();
    Some(ended_as(before, text))
}

/// The library ends each line with one character.
fn ended_as(before: &str, text: String) -> String {
    if before.contains("\r\n") { text.replace('\n', "\r\n") } else { text }
}

/// Removes the section with its comments. Everything else in the file stays as it was written. Whether there was one.
pub fn remove_section(path: &Path, name: &str) -> Result<bool, CommandError> {
    let before = read_private(path)?.unwrap_or_default();
    let unreadable = |_| CommandError::usage(format!("{} is no TOML", path.display()));
    let mut document: DocumentMut = before.parse().map_err(unreadable)?;
    if document.remove(name).is_none() {
        return Ok(false);
    }
    write_private(path, ended_as(&before, document.to_string()).as_bytes())?;
    Ok(true)
}

/// Whether the profile is this operator's.
pub fn is_of(profile: &Profile, client_id: &str) -> bool {
    profile.client_id.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(client_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(secret: &str) -> OperatorProfile {
        OperatorProfile {
            authority: "https://127.0.0.1:7443/t".into(),
            endpoint: "https://127.0.0.1:7443".into(),
            client_id: "app".into(),
            client_secret: secret.into(),
            ca_certificate: None,
        }
    }

    #[test]
    fn a_section_is_added_and_replaced_and_the_rest_stays() {
        let before = "# mine\n[partner]\nauthority = \"https://login.example/t\" # there\n";
        let added = with_section(before, "operator", &profile("one")).unwrap();
        assert!(added.starts_with(before) && added.contains("client_secret = \"one\""), "{added}");
        let after = format!("{added}\n[other]\nusername = \"ada\"\n");
        let replaced = with_section(&after, "operator", &profile("two")).unwrap();
        assert!(replaced.starts_with(before) && replaced.contains("[other]\nusername = \"ada\"\n"), "{replaced}");
        assert!(replaced.contains("\"two\"") && !replaced.contains("\"one\""), "{replaced}");
        assert_eq!(with_section(&replaced, "operator", &profile("two")).unwrap(), replaced);
        assert!(with_section("", "operator", &profile("one")).unwrap().starts_with("[operator]\n"));
        for before in ["[partner]\nauthority = \"x\"\n# in the vault\n", "# mine\n", "[partner]\r\nauthority = \"x\"\r\n# there\r\n"] {
            let added = with_section(before, "operator", &profile("one")).unwrap();
            assert!(added.starts_with(before) && added.contains("client_secret = \"one\""), "{added:?}");
            assert_eq!(added.contains("\r\n"), before.contains("\r\n"), "{added:?}");
        }
    }

    #[test]
    fn a_section_is_removed_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profiles.toml");
        let (first, second) = ("# mine\r\n[partner]\r\nauthority = \"x\" # there\r\n", "\r\n# theirs\r\n[other]\r\nusername = \"ada\"\r\n");
        write_private(&path, format!("{first}{second}").as_bytes()).unwrap();
        assert!(!remove_section(&path, "operator").unwrap());
        assert!(remove_section(&path, "other").unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
        write_private(&path, b"[x").unwrap();
        assert_eq!(remove_section(&path, "x").unwrap_err().code, 2);
    }

    #[test]
    fn a_file_that_is_no_toml_is_left_and_a_text_is_no_header() {
        assert!(with_section("[operator", "operator", &profile("one")).is_none());
        let tricky = "[operator]\nclient_id = \"\"\"\n[x]\n\"\"\"\n\n[y]\nusername = \"ada\"\n";
        let replaced = with_section(tricky, "operator", &profile("one")).unwrap();
        let read: toml::Table = replaced.parse().unwrap();
        assert_eq!(read.keys().collect::<Vec<_>>(), ["operator", "y"]);
        assert!(replaced.ends_with("\n\n[y]\nusername = \"ada\"\n") && replaced.contains("\"one\""), "{replaced}");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_written_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (toml, json) = (folder.path().join("a/profiles.toml"), folder.path().join("operator.json"));
        to_section(&toml, "operator", &profile("one")).unwrap();
        to_file(&json, &profile("one")).unwrap();
        for path in [&toml, &json] {
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let section = super::super::section(&toml, "operator").unwrap().unwrap();
        assert!(is_of(&section, "APP") && section.client_secret.as_deref() == Some("one"));
    }
}
