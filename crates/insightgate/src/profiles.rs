//! Profiles: where commands connect, and as whom.
//!
//! A profile is a section of the profile file, a file of its own (a demo's ready file, or what `init` wrote with `--operator-file`), or the
//! environment, which overrides both. Secrets come from these only, and never from a flag, which a process list shows.

pub mod token_cache;
pub mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use insightgate_client::manage::RESOURCE as MANAGEMENT_RESOURCE;
use insightgate_client::{Account, ClientSettings, SignIn, TokenStore};
use insightgate_identity::program::Program;
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::command_error::CommandError;
use crate::env_vars::{self, EnvVar};
use crate::files::{read_named, read_private};
use crate::patience;
use crate::terminal::is_interactive;
use crate::terminal::secret_input::ask_password;
use token_cache::TokenCache;

/// What tokens for data are for, if the profile does not say.
const INSIGHTS_RESOURCE: &str = "https://api.partnercenter.microsoft.com";

/// The one that is used when none is named.
pub const DEFAULT: &str = "default";

/// The keys of a section: the environment's names in lower case, without the prefix.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    pub authority: Option<String>,
    pub tenant_id: Option<String>,
    pub endpoint: Option<String>,
    pub program: Option<String>,
    pub resource: Option<String>,
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    /// A PEM file.
    pub ca_certificate: Option<String>,
    /// A ready file's second application, for management.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// Where tokens are kept between commands, if there is a place.
    #[serde(skip)]
    pub tokens: Option<TokenCache>,
}

/// What a token is to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Data,
    Management,
}

/// An application that manages, and has no data.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Operator {
    client_id: String,
    client_secret: String,
}

/// A profile as JSON; a ready file has more fields, which are not needed here.
#[derive(Deserialize)]
struct ReadyFile {
    authority: Option<String>,
    endpoint: Option<String>,
    https: Option<String>,
    http: Option<String>,
    resource: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    username: Option<String>,
    password: Option<String>,
    ca_certificate: Option<String>,
    operator: Option<Operator>,
}

/// What `--profile` names.
#[derive(Debug, PartialEq, Eq)]
pub enum Named<'a> {
    Section(&'a str),
    File(&'a Path),
}

type Field = fn(&mut Profile) -> &mut Option<String>;

/// Each key with its variable.
const KEYS: [(&EnvVar, Field); 10] = [
    (&env_vars::AUTHORITY, |profile| &mut profile.authority),
    (&env_vars::TENANT_ID, |profile| &mut profile.tenant_id),
    (&env_vars::ENDPOINT, |profile| &mut profile.endpoint),
    (&env_vars::PROGRAM, |profile| &mut profile.program),
    (&env_vars::RESOURCE, |profile| &mut profile.resource),
    (&env_vars::CLIENT_ID, |profile| &mut profile.client_id),
    (&env_vars::CLIENT_SECRET, |profile| &mut profile.client_secret),
    (&env_vars::USERNAME, |profile| &mut profile.username),
    (&env_vars::PASSWORD, |profile| &mut profile.password),
    (&env_vars::CA_CERTIFICATE, |profile| &mut profile.ca_certificate),
];

/// Those that say who signs in.
const IDENTITY: [&EnvVar; 4] = [&env_vars::CLIENT_ID, &env_vars::CLIENT_SECRET, &env_vars::USERNAME, &env_vars::PASSWORD];

/// A name has no slash and no file extension of a profile.
pub fn named(text: &str) -> Named<'_> {
    let lower = text.to_ascii_lowercase();
    let is_file = text.contains(['/', '\\']) || lower.ends_with(".json") || lower.ends_with(".toml");
    if is_file { Named::File(Path::new(text)) } else { Named::Section(text) }
}

/// `~/.config/insightgate/profiles.toml`.
pub fn default_file(environment: impl Fn(&EnvVar) -> Option<String>) -> Result<PathBuf, CommandError> {
    // A relative folder is to be ignored, as the directory specification says.
    let configured = environment(&env_vars::XDG_CONFIG_HOME).map(PathBuf::from).filter(|path| path.is_absolute());
    let own = || environment(&env_vars::HOME).map(|home| Path::new(&home).join(".config"));
    let folder = configured.or_else(own).ok_or_else(|| CommandError::usage("neither HOME nor XDG_CONFIG_HOME is set"))?;
    Ok(folder.join("insightgate").join("profiles.toml"))
}

/// Whether a person named one: by the flag or its variable, or by the environment that takes its place.
pub fn is_named(name: Option<&str>) -> bool {
    name.is_some() || env_vars::read(&env_vars::AUTHORITY).is_some()
}

/// The profile of that name, overridden by the environment.
pub fn load(name: Option<&str>, environment: impl Fn(&EnvVar) -> Option<String>) -> Result<Profile, CommandError> {
    let mut profile = match name.map(named) {
        Some(Named::File(path)) => from_file(path)?,
        Some(Named::Section(name)) => {
            let file = default_file(&environment)?;
            section(&file, name)?.ok_or_else(|| unknown(&file, name))?
        }
        // The environment alone: one server's secrets must not go to another's address.
        None if environment(&env_vars::AUTHORITY).is_some() => Profile::default(),
        None => {
            let file = default_file(&environment)?;
            section(&file, DEFAULT)?.ok_or_else(|| none_named(&file))?
        }
    };
    for (variable, field) in KEYS {
        if let Some(value) = environment(variable) {
            *field(&mut profile) = Some(value);
        }
    }
    profile.tokens = TokenCache::of(&environment);
    if IDENTITY.iter().any(|variable| environment(variable).is_some()) {
        profile.operator = None;
    }
    Ok(profile)
}

impl Profile {
    /// For the Insights API: a user through an application, or the application alone. The operator of a ready file is not used.
    pub fn insights(&self) -> Result<ClientSettings, CommandError> {
        let program = self.program()?;
        let (authority, client_id) = self.authority_and(self.client_id.as_ref())?;
        let base = format!("{}/insights/v1/{program}", self.endpoint(&authority));
        // Program mpn needs a user. In cmp an application with a secret acts alone unless a user is named.
        let sign_in = self.sign_in(&authority, client_id, program == Program::Mpn)?;
        self.settings(&authority, base, self.data_resource(), (client_id, self.client_secret.as_ref(), sign_in))
    }

    /// An empty text says nothing, as an empty variable does.
    pub fn without_empty(mut self) -> Profile {
        for (_, field) in KEYS {
            let field = field(&mut self);
            *field = field.take().filter(|text| !text.trim().is_empty());
        }
        self
    }

    /// The keys without which no command can connect.
    pub fn lacks(&self) -> Vec<&'static str> {
        let authority = self.authority.as_deref().unwrap_or_default();
        let has_tenant =
            self.tenant_id.is_some() || authority.split_once("://").is_some_and(|(_, rest)| rest.trim_end_matches('/').contains('/'));
        let keys = [
            ("authority", authority.is_empty()),
            ("tenant_id", !authority.is_empty() && !has_tenant),
            ("client_id", self.client_id.is_none()),
        ];
        keys.into_iter().filter(|(_, lacking)| *lacking).map(|(key, _)| key).collect()
    }

    /// `mpn` if the profile does not say.
    pub fn program(&self) -> Result<Program, CommandError> {
        let refused = |error| CommandError::usage(format!("{error}")).hint("it is the profile's program (INSIGHTGATE_PROGRAM)");
        self.program.as_deref().map_or(Ok(Program::Mpn), |name| name.parse().map_err(refused))
    }

    /// To sign a person in, whatever password the profile has.
    pub fn person(&self, purpose: Purpose) -> Result<ClientSettings, CommandError> {
        let (authority, client_id) = self.authority_and(self.client_id.as_ref())?;
        let alone = self.username.is_none() && self.client_secret.is_some();
        if alone && (purpose == Purpose::Management || self.program()? != Program::Mpn) {
            let failed = CommandError::usage("with its secret and no user name, the application of this profile acts alone");
            return Err(failed.hint("name who signs in: username in the profile, or INSIGHTGATE_USERNAME"));
        }
        let endpoint = self.endpoint(&authority);
        let (base, resource) = match purpose {
            Purpose::Data => (format!("{endpoint}/insights/v1/{}", self.program()?), self.data_resource()),
            Purpose::Management => (format!("{endpoint}/manage/v1"), MANAGEMENT_RESOURCE.to_owned()),
        };
        let sign_in = SignIn::Before { username: self.username.clone() };
        self.settings(&authority, base, resource, (client_id, self.client_secret.as_ref(), sign_in))
    }

    /// Each application of the profile, with its token endpoint.
    pub fn applications(&self) -> Result<Vec<(String, String)>, CommandError> {
        let (authority, client_id) = self.authority_and(self.client_id.as_ref())?;
        let ids = std::iter::once(client_id).chain(self.operator.iter().map(|operator| &operator.client_id));
        Ok(ids.map(|id| (token_url(&authority), id.clone())).collect())
    }

    /// For connections that keep their tokens.
    pub fn token_store(&self) -> Option<Arc<dyn TokenStore>> {
        self.tokens.clone().map(|cache| Arc::new(cache) as Arc<dyn TokenStore>)
    }

    /// Whether a ready file's second application manages.
    pub fn has_operator(&self) -> bool {
        self.operator.is_some()
    }

    fn data_resource(&self) -> String {
        self.resource.clone().unwrap_or_else(|| INSIGHTS_RESOURCE.to_owned())
    }

    /// For the management API: an operator's application alone, or an administrator.
    pub fn management(&self) -> Result<ClientSettings, CommandError> {
        let (client_id, client_secret) = match &self.operator {
            Some(operator) => (Some(&operator.client_id), Some(&operator.client_secret)),
            None => (self.client_id.as_ref(), self.client_secret.as_ref()),
        };
        let (authority, client_id) = self.authority_and(client_id)?;
        let sign_in = if self.has_operator() { SignIn::Application } else { self.sign_in(&authority, client_id, false)? };
        let base = format!("{}/manage/v1", self.endpoint(&authority));
        self.settings(&authority, base, MANAGEMENT_RESOURCE.to_owned(), (client_id, client_secret, sign_in))
    }

    fn authority_and<'a>(&self, client_id: Option<&'a String>) -> Result<(String, &'a String), CommandError> {
        match (self.authority_url()?, client_id) {
            (Some(authority), Some(client_id)) => Ok((authority, client_id)),
            _ => Err(missing(&[("authority", self.authority.is_none()), ("client_id", client_id.is_none())])),
        }
    }

    fn settings(
        &self,
        authority: &str,
        api_base: String,
        resource: String,
        (client_id, client_secret, sign_in): (&String, Option<&String>, SignIn),
    ) -> Result<ClientSettings, CommandError> {
        if client_secret.is_none() && sign_in == SignIn::Application {
            return Err(or_login(missing(&[("client_secret", true)])));
        }
        let ca_certificate = self.ca_certificate.as_ref().map(|path| read_named(Path::new(path)));
        Ok(ClientSettings {
            authority_token_url: token_url(authority),
            api_base,
            resource,
            client_id: client_id.clone(),
            client_secret: client_secret.cloned(),
            sign_in,
            ca_certificate: ca_certificate.transpose()?,
            patience: patience::current(env_vars::read)?,
        })
    }

    /// The tenant of the user who signs in, which is the only one that an administrator manages. None for an application alone.
    pub fn own_tenant(&self) -> Option<String> {
        let username = self.username.as_deref().filter(|_| self.operator.is_none())?;
        let authority = self.authority_url().ok()??;
        match authority.rsplit('/').next()? {
            // Whichever tenant the user is of.
            "organizations" | "common" => username.rsplit_once('@').map(|(_, domain)| domain.to_owned()),
            tenant => Some(tenant.to_owned()),
        }
    }

    /// A person who signed in with `insightgate login` needs no password. Without a user name that is whoever did, where `by_person` says that a user
    /// is needed, or where the application has no secret to act alone with.
    fn sign_in(&self, authority: &str, client_id: &str, by_person: bool) -> Result<SignIn, CommandError> {
        let before = SignIn::Before { username: self.username.clone() };
        let account = Account::new(&token_url(authority), client_id, &before);
        let signed_in = || self.tokens.as_ref().is_some_and(|cache| cache.has_sign_in(&account));
        match (&self.username, &self.password) {
            (Some(username), Some(password)) => Ok(SignIn::User { username: username.clone(), password: password.clone() }),
            (Some(_), None) if signed_in() => Ok(before),
            (Some(_), None) if !is_interactive() => Err(or_login(missing(&[("password", true)]))),
            (Some(username), None) => {
                Ok(SignIn::User { username: username.clone(), password: ask_password(&format!("Password of {username}"))? })
            }
            (None, _) if (by_person || self.client_secret.is_none()) && signed_in() => Ok(before),
            (None, _) => Ok(SignIn::Application),
        }
    }

    /// With its tenant, without a final slash.
    fn authority_url(&self) -> Result<Option<String>, CommandError> {
        let Some(authority) = self.authority.as_deref().map(|authority| authority.trim_end_matches('/')) else { return Ok(None) };
        let has_tenant = authority.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
        match (&self.tenant_id, has_tenant) {
            (_, true) => Ok(Some(authority.to_owned())),
            (Some(tenant), false) => Ok(Some(format!("{authority}/{tenant}"))),
            (None, false) => Err(CommandError::usage(format!("the authority {authority} names no tenant"))
                .hint("write it as https://host/tenant, or set tenant_id (INSIGHTGATE_TENANT_ID)")),
        }
    }

    /// The authority's own host if none is given.
    fn endpoint(&self, authority: &str) -> String {
        let given = self.endpoint.as_deref().map(|endpoint| endpoint.trim_end_matches('/').to_owned());
        given.unwrap_or_else(|| authority.rsplit_once('/').map_or(authority, |(host, _)| host).to_owned())
    }
}

/// One section of a profile file. None if the file or the section does not exist.
pub fn section(file: &Path, name: &str) -> Result<Option<Profile>, CommandError> {
    let Some(mut table) = read_table(file)? else { return Ok(None) };
    table.remove(name).map(|section| read_section(file, name, section)).transpose()
}

/// All sections of a profile file, by name.
pub fn sections(file: &Path) -> Result<Vec<(String, Profile)>, CommandError> {
    let table = read_table(file)?.unwrap_or_default();
    table.into_iter().map(|(name, section)| Ok((name.clone(), read_section(file, &name, section)?))).collect()
}

fn read_section(file: &Path, name: &str, section: toml::Value) -> Result<Profile, CommandError> {
    section.try_into().map(Profile::without_empty).map_err(|error: toml::de::Error| {
        let message = format!("profile {name} in {}: {}", file.display(), error.message());
        CommandError::usage(message).hint("its keys are those of the environment: `insightgate --help` lists them")
    })
}

fn read_table(file: &Path) -> Result<Option<Table>, CommandError> {
    let Some(text) = read_private(file)? else { return Ok(None) };
    // A parser's own message would show the line, which may hold a secret.
    let read = text.parse::<Table>().map_err(|error| {
        let line = error.span().map(|span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
        let place = line.map(|line| format!(" in line {line}")).unwrap_or_default();
        CommandError::usage(format!("{} is no TOML{place}: {}", file.display(), error.message()))
    });
    read.map(Some)
}

/// A file that is one profile: JSON as a ready file, or TOML with the keys of a section.
pub fn from_file(path: &Path) -> Result<Profile, CommandError> {
    let nothing = || CommandError::not_found(format!("there is no profile at {}", path.display()));
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) {
        let table = read_table(path)?.ok_or_else(nothing)?;
        return read_section(path, "", toml::Value::Table(table));
    }
    let text = read_private(path)?.ok_or_else(nothing)?;
    let ready: ReadyFile = serde_json::from_str(&text).map_err(|error| {
        // Without the parser's words, which may repeat a secret.
        CommandError::usage(format!(
            "{} is not a profile: line {}, column {} is not as expected",
            path.display(),
            error.line(),
            error.column()
        ))
    })?;
    Ok(Profile {
        authority: ready.authority,
        endpoint: ready.endpoint.or(ready.https).or(ready.http),
        resource: ready.resource,
        client_id: ready.client_id,
        client_secret: ready.client_secret,
        username: ready.username,
        password: ready.password,
        ca_certificate: ready.ca_certificate,
        operator: ready.operator,
        ..Profile::default()
    }
    .without_empty())
}

pub fn unknown(file: &Path, name: &str) -> CommandError {
    let message = format!("there is no profile {name} in {}", file.display());
    CommandError::not_found(message).hint(there_are(file))
}

fn none_named(file: &Path) -> CommandError {
    let message = "no profile is named: neither --profile nor INSIGHTGATE_PROFILE nor INSIGHTGATE_AUTHORITY is set";
    CommandError::usage(message).hint(there_are(file))
}

fn there_are(file: &Path) -> String {
    let names: Vec<String> = read_table(file).ok().flatten().map(|table| table.keys().cloned().collect()).unwrap_or_default();
    match names.as_slice() {
        [] => "`insightgate profile add` adds one; `insightgate init` makes the first operator's; a demo's ready file can be named too"
            .to_owned(),
        names => format!("{} has {}: choose with --profile", file.display(), names.join(", ")),
    }
}

fn token_url(authority: &str) -> String {
    format!("{authority}/oauth2/token")
}

fn or_login(error: CommandError) -> CommandError {
    let hint = error.hint.clone().unwrap_or_default();
    error.hint(format!("{hint}; or sign in with `insightgate login`"))
}

fn missing(keys: &[(&str, bool)]) -> CommandError {
    let lacking: Vec<&str> = keys.iter().filter(|(_, lacking)| *lacking).map(|(key, _)| *key).collect();
    let variables: Vec<String> = lacking.iter().map(|key| format!("INSIGHTGATE_{}", key.to_ascii_uppercase())).collect();
    let message = format!("the profile lacks {}", lacking.join(" and "));
    CommandError::usage(message).hint(format!("write it into the profile, or set {}", variables.join(" and ")))
}

#[cfg(test)]
mod tests;
