//! `[[issuer]]`: the external issuers whose tokens are trusted. It is a list, so that it can be set only in the file and not in the environment.

use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use insightgate_operations::external_issuers::{ALGORITHMS, IssuerSettings, TenantSource};
use toml::{Table, Value};
use uuid::Uuid;

use super::Configuration;
use super::settings::Setting;
use super::values::{flag, number, text, texts};

pub const NAME: &str = "issuer";

/// Claims that people can change, or that another person may get later.
const CHANGING: [&str; 7] = ["email", "mail", "upn", "preferred_username", "unique_name", "username", "name"];

#[derive(Debug, Clone, PartialEq)]
pub struct IssuerConfiguration {
    /// The settings without the certificate, which is read when the server starts.
    pub settings: IssuerSettings,
    pub ca_certificate: Option<PathBuf>,
}

const SETTINGS: &[Setting<IssuerConfiguration>] = &[
    Setting {
        key: "url",
        about: "The issuer, exactly as in its tokens' iss. Its discovery document lies below it.",
        default: Err("\"https://login.microsoftonline.com/<tenant id>/v2.0\""),
        read: |c, v| url(v).map(|url| c.settings.url = url),
    },
    Setting {
        key: "audiences",
        about: "What aud of a token for the Insights API may be.",
        default: Err("[\"api://insightgate\"]"),
        read: |c, v| names(v).map(|names| c.settings.audiences = names),
    },
    Setting {
        key: "management_audiences",
        about: "What aud of a token for the management API may be; without it the issuer's tokens never open that.",
        default: Err("[\"api://insightgate-manage\"]"),
        read: |c, v| names(v).map(|names| c.settings.management_audiences = names),
    },
    Setting {
        key: "algorithms",
        about: "Signatures that are accepted, of RS256, RS384, RS512, PS256, PS384, PS512, ES256 and ES384.",
        default: Err("[\"RS256\"]"),
        read: |c, v| algorithms(v).map(|names| c.settings.algorithms = names),
    },
    Setting {
        key: "require_at_jwt",
        about: "Whether tokens must be marked as access tokens (typ at+jwt). Entra ID and older Keycloaks do not mark them.",
        default: Err("false"),
        read: |c, v| flag(v).map(|flag| c.settings.require_at_jwt = flag),
    },
    Setting {
        key: "tenant_claim",
        about: "The claim that holds the bearer's tenant. Instead of it, tenant names the one tenant of yours, by id, that all bearers belong to.",
        default: Err("\"tid\""),
        read: |c, v| text(v).map(|claim| c.settings.tenant = TenantSource::Claim(claim)),
    },
    Setting {
        key: "user_claim",
        about: "The claim that holds the user's id; one that never changes and is never given to another.",
        default: Err("\"oid\""),
        read: |c, v| user_claim(v).map(|claim| c.settings.user_claim = claim),
    },
    Setting {
        key: "application_claims",
        about: "Claims that may hold the application's id.",
        default: Err("[\"appid\", \"azp\", \"client_id\"]"),
        read: |c, v| names(v).map(|claims| c.settings.application_claims = claims),
    },
    Setting {
        key: "console_client_id",
        about: "The public client by which people sign in to the console at this issuer. Its redirect URI is /console/signed-in of this server.",
        default: Err("\"insightgate-console\""),
        read: |c, v| text(v).map(|id| c.settings.console_client_id = Some(id)),
    },
    Setting {
        key: "console_scope",
        about: "The scope that the console asks for, so that the access token is for one of management_audiences.",
        default: Err("\"openid api://insightgate-manage/.default\""),
        read: |c, v| text(v).map(|scope| c.settings.console_scope = scope),
    },
    Setting {
        key: "cache_seconds",
        about: "How long the issuer's keys serve before they are fetched again. A key that it takes back is accepted until then.",
        default: Err("600"),
        read: |c, v| number(v, 1, 86_400).map(|seconds| c.settings.cache = TimeDelta::seconds(seconds.into())),
    },
    Setting {
        key: "refetch_seconds",
        about: "The least time between two fetches, for tokens that name a key which is not known.",
        default: Err("30"),
        read: |c, v| number(v, 1, 3600).map(|seconds| c.settings.refetch = TimeDelta::seconds(seconds.into())),
    },
    Setting {
        key: "timeout_seconds",
        about: "How long the issuer may take to answer.",
        default: Err("5"),
        read: |c, v| number(v, 1, 30).map(|seconds| c.settings.timeout = Duration::from_secs(seconds.into())),
    },
    Setting {
        key: "ca_certificate",
        about: "Certificates to trust beside the system's when the issuer is asked, as a PEM file.",
        default: Err("\"/etc/insightgate/issuer-ca.pem\""),
        read: |c, v| text(v).map(|file| c.ca_certificate = Some(PathBuf::from(file))),
    },
];

/// Left out of the example, which can contain only one of two settings that exclude each other.
const TENANT: &str = "tenant";

/// Reads every `[[issuer]]` and appends its problems.
pub fn read(file: &Table, configuration: &mut Configuration, problems: &mut Vec<String>) {
    let listed = match file.get(NAME) {
        None => &[],
        Some(Value::Array(listed)) => listed.as_slice(),
        Some(_) => {
            problems.push(format!("{NAME}: should be a list: write each as [[{NAME}]]"));
            return;
        }
    };
    for (at, value) in listed.iter().enumerate() {
        let Value::Table(table) = value else {
            problems.push(format!("{NAME}: should be a list of tables: write each as [[{NAME}]]"));
            continue;
        };
        // An issuer is named by its URL if it has one, and otherwise by its place.
        let place =
            table.get("url").and_then(Value::as_str).map_or_else(|| format!("{NAME} {}", at + 1), |url| format!("{NAME} \"{url}\""));
        let found = one(table, configuration);
        match found {
            Ok(issuer) => configuration.issuers.push(issuer),
            Err(wrong) => problems.extend(wrong.into_iter().map(|problem| format!("{place}: {problem}"))),
        }
    }
    if !configuration.service.built_in_authority && listed.is_empty() {
        problems.push(format!("authority.built_in: without it nobody can sign in unless there is an [[{NAME}]]"));
    }
}

fn one(table: &Table, configuration: &Configuration) -> Result<IssuerConfiguration, Vec<String>> {
    let mut issuer = IssuerConfiguration { settings: IssuerSettings::new("", Vec::new()), ca_certificate: None };
    let known = || SETTINGS.iter().map(|setting| setting.key).chain([TENANT]);
    let unknown = table.keys().filter(|name| !known().any(|known| known == name.as_str()));
    let mut problems: Vec<String> =
        unknown.map(|name| format!("{name} is unknown; [[{NAME}]] has {}", known().collect::<Vec<_>>().join(", "))).collect();
    for setting in SETTINGS {
        if let Some(value) = table.get(setting.key)
            && let Err(problem) = (setting.read)(&mut issuer, value)
        {
            problems.push(format!("{} {problem}", setting.key));
        }
    }
    if let Some(value) = table.get(TENANT) {
        match value.as_str().and_then(|text| Uuid::try_parse(text).ok()) {
            Some(_) if table.contains_key("tenant_claim") => problems.push("give tenant or tenant_claim, not both".to_owned()),
            Some(id) => issuer.settings.tenant = TenantSource::Fixed(id),
            None => problems.push(format!("{TENANT} should be a tenant's id, but is {value}")),
        }
    }
    for required in ["url", "audiences"].into_iter().filter(|name| !table.contains_key(*name)) {
        problems.push(format!("{required} is missing"));
    }
    if issuer.settings.audiences.iter().any(|audience| issuer.settings.management_audiences.contains(audience)) {
        problems.push("audiences and management_audiences must not share a name: a token for one never opens the other".to_owned());
    }
    if configuration.issuers.iter().any(|other| other.settings.url == issuer.settings.url) {
        problems.push("is listed twice".to_owned());
    }
    if configuration.service.public_url.as_ref().is_some_and(|own| is_within(&issuer.settings.url, own)) {
        problems.push("is this server itself (server.public_url)".to_owned());
    }
    if problems.is_empty() { Ok(issuer) } else { Err(problems) }
}

/// Whether the issuer's URL is within our own origin, however the URL spells it.
fn is_within(issuer: &str, own: &str) -> bool {
    let scheme = issuer.find("://").map_or(0, |at| at + 3);
    let path = issuer.get(scheme..).and_then(|rest| rest.find('/')).map(|at| scheme + at);
    path.and_then(|at| issuer.get(..at)).is_some_and(|origin| crate::origin::public(origin).as_deref() == Ok(own))
}

/// The section is commented out: there is no issuer by default.
pub fn example() -> String {
    let mut text = format!(
        "\n# An issuer of tokens that is trusted beside, or instead of, this server: Entra ID, Keycloak or any other with OpenID Connect\n\
         # discovery (docs/external-issuers.md). May be repeated, in this file only; url and audiences are needed.\n# [[{NAME}]]\n"
    );
    for Setting { key, about, default, .. } in SETTINGS {
        let (Ok(value) | Err(value)) = default;
        text.push_str(&format!("# {about}\n# {key} = {value}\n"));
    }
    text
}

/// Each setting with its meaning and an example.
pub fn described() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let tenant = (
        TENANT,
        "Instead of tenant_claim: the one tenant of yours, by id, that all bearers belong to.",
        "\"11111111-2222-3333-4444-555555555555\"",
    );
    let listed = SETTINGS.iter().map(|Setting { key, about, default, .. }| {
        let (Ok(example) | Err(example)) = default;
        (*key, *about, *example)
    });
    listed.chain([tenant])
}

fn url(value: &Value) -> Result<String, String> {
    let text = text(value)?;
    match IssuerSettings::is_usable_url(&text) {
        true => Ok(text),
        false => Err(format!("should be an https address without a query (http on this machine alone), but is \"{text}\"")),
    }
}

fn names(value: &Value) -> Result<Vec<String>, String> {
    let names = texts(value)?;
    if names.is_empty() { Err("should name at least one".to_owned()) } else { Ok(names) }
}

fn algorithms(value: &Value) -> Result<Vec<String>, String> {
    let names = names(value)?;
    match names.iter().find(|name| !ALGORITHMS.contains(&name.as_str())) {
        Some(wrong) => Err(format!("should hold some of {}, but holds \"{wrong}\"", ALGORITHMS.join(", "))),
        None => Ok(names),
    }
}

fn user_claim(value: &Value) -> Result<String, String> {
    let claim = text(value)?;
    match CHANGING.contains(&claim.as_str()) {
        true => Err(format!("should be a claim that never changes, such as \"oid\" or \"sub\", but is \"{claim}\"")),
        false => Ok(claim),
    }
}
