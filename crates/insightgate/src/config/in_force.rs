//! The settings that are in force, for operators to look at. No value that may hold a password or a key is shown whole.

use insightgate_api::SettingInForce;
use toml::Value;
use url::Url;

use super::{Given, SETTINGS, Setting, issuers};

/// Settings whose address may hold a secret anywhere behind its host.
const MASKED: [&str; 2] = ["data.database_url", "telemetry.traces_url"];

impl Given {
    /// Every setting with its value: the given one, or its default.
    pub fn in_force(&self) -> Vec<SettingInForce> {
        let settings = SETTINGS.iter().map(|Setting { key, about, default, .. }| {
            let given = self.0.get(*key).map(|value| shown(key, value));
            SettingInForce {
                key,
                about,
                is_given: given.as_deref().is_some_and(|given| default.ok() != Some(given)),
                value: given.or_else(|| default.ok().map(str::to_owned)),
            }
        });
        let trusted = self.0.get(issuers::NAME).and_then(Value::as_array).map(|all| {
            let urls = all.iter().filter_map(|issuer| issuer.get("url")).map(|url| shown(issuers::NAME, url));
            urls.collect::<Vec<_>>().join(", ")
        });
        let about = "External issuers whose tokens are trusted (docs/external-issuers.md).";
        let issuers = SettingInForce { key: issuers::NAME, about, is_given: trusted.is_some(), value: trusted };
        settings.chain([issuers]).collect()
    }
}

/// The value as TOML, without what may be secret.
fn shown(key: &str, value: &Value) -> String {
    match value {
        Value::String(text) => Value::String(masked(key, text)).to_string(),
        Value::Array(values) => format!("[{}]", values.iter().map(|value| shown(key, value)).collect::<Vec<_>>().join(", ")),
        _ => value.to_string(),
    }
}

fn masked(key: &str, text: &str) -> String {
    let url = text.parse::<Url>();
    match url {
        Ok(mut url) if MASKED.contains(&key) => match url.host_str().map(str::to_owned) {
            Some(host) => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                format!("{}://{host}{port}/…", url.scheme())
            }
            None => {
                url.set_query(None);
                url.set_fragment(None);
                url.to_string()
            }
        },
        Err(_) if MASKED.contains(&key) => "…".to_owned(),
        Ok(url) if !url.username().is_empty() || url.password().is_some() || url.query().is_some() => {
            format!("{}://{}/…", url.scheme(), url.host_str().unwrap_or_default())
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(key: &str, text: &str) -> Option<String> {
        let given = Given::of(text, |_| None);
        given.in_force().into_iter().find(|setting| setting.key == key).and_then(|setting| setting.value)
    }

    #[test]
    fn a_setting_is_shown_as_it_is_given_or_with_its_default() {
        let given =
            Given::of("[artifacts]\ndays = 7\nlinks = \"server\"\n", |name| (name == "INSIGHTGATE_LOG_LEVEL").then(|| "debug".to_owned()));
        let all = given.in_force();
        assert_eq!(all.len(), SETTINGS.len() + 1);
        let found = |key| all.iter().find(|setting| setting.key == key).map(|setting| (setting.value.as_deref(), setting.is_given));
        assert_eq!(found("artifacts.days"), Some((Some("7"), true)));
        assert_eq!(found("log.level"), Some((Some("\"debug\""), true)));
        assert_eq!(found("artifacts.links"), Some((Some("\"server\""), false)));
        assert_eq!(found("data.root"), Some((None, false)));
    }

    #[test]
    fn no_secret_is_shown() {
        for (key, text, shown) in [
            (
                "data.database_url",
                "[data]\ndatabase_url = \"postgres://me:pass@db.example:6432/x?password=pass\"",
                "\"postgres://db.example:6432/…\"",
            ),
            ("data.database_url", "[data]\ndatabase_url = \"pass\"", "\"…\""),
            ("data.root", "[data]\nroot = \"s3://key:pass@bucket/prefix\"", "\"s3://bucket/…\""),
            ("data.root", "[data]\nroot = \"s3://bucket/prefix\"", "\"s3://bucket/prefix\""),
            ("server.cors_origins", "[server]\ncors_origins = [\"https://a.example?pass\"]", "[\"https://a.example/…\"]"),
            ("issuer", "[[issuer]]\nurl = \"https://login.example/\"\naudiences = [\"pass\"]", "\"https://login.example/\""),
        ] {
            let value = value_of(key, text);
            assert_eq!(value.as_deref(), Some(shown), "{text}");
        }
    }
}
