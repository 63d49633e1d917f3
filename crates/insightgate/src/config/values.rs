//! Reads values of settings from TOML. A refusal says which values are possible.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use insightgate_engine::DataRoot;
use insightgate_outbound::{MailSecurity, check_sender};
use insightgate_report::schedule::{CatchUp, MAXIMUM_INTERVAL_HOURS, MINIMUM_INTERVAL_HOURS};
use ipnet::IpNet;
use toml::Value;
use url::Url;
use uuid::Uuid;

use crate::log::LogFormat;

pub fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        other => Err(format!("should be a text that is not empty, but is {other}")),
    }
}

/// The value is checked here, so that it is reported with the other problems. It is opened later, with the store's settings from the environment.
pub fn data_root(value: &Value) -> Result<String, String> {
    let text = text(value).map_err(|_| "should be a folder or a URL".to_owned())?;
    DataRoot::parse(&text, []).map(|_| text).map_err(|error| error.to_string())
}

pub fn database_url(value: &Value) -> Result<String, String> {
    let text = value.as_str().map(str::trim).unwrap_or_default();
    match text.split_once(':') {
        Some(("postgres" | "postgresql", _)) => Ok(text.to_owned()),
        // The value may contain a password, so that it is not shown.
        _ => {
            Err("should be like \"postgres://user@host/database\"; without it the database is a SQLite file in the data folder".to_owned())
        }
    }
}

pub fn catch_up(value: &Value) -> Result<CatchUp, String> {
    let found = value.as_str().and_then(CatchUp::from_name);
    found.ok_or_else(|| format!("should be \"latest\", \"all\" or \"none\", but is {value}"))
}

pub fn log_format(value: &Value) -> Result<LogFormat, String> {
    match value.as_str() {
        Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        _ => Err(format!("should be \"text\" or \"json\", but is {value}")),
    }
}

pub fn mail_security(value: &Value) -> Result<MailSecurity, String> {
    let found = value.as_str().and_then(MailSecurity::from_name);
    found.ok_or_else(|| format!("should be \"starttls\", \"tls\" or \"none\", but is {value}"))
}

/// Reads who mail is from.
pub fn mail_sender(value: &Value) -> Result<String, String> {
    let text = text(value)?;
    match check_sender(&text) {
        Ok(()) => Ok(text),
        Err(_) => Err(format!("should be like \"insightgate@example.com\" or \"Insightgate <insightgate@example.com>\", but is {value}")),
    }
}

/// Whether links are the store's own.
pub fn links(value: &Value) -> Result<bool, String> {
    match value.as_str() {
        Some("server") => Ok(false),
        Some("store") => Ok(true),
        _ => Err(format!("should be \"server\" or \"store\", but is {value}")),
    }
}

pub fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        Value::String(one) => Ok(one.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()),
        other => Err(format!("should be a list of texts, but is {other}")),
    }
}

pub fn networks(value: &Value) -> Result<Vec<IpNet>, String> {
    let network = |text: String| {
        let single = || text.parse::<std::net::IpAddr>().ok().map(IpNet::from);
        text.parse().ok().or_else(single).ok_or_else(|| format!("should hold networks such as \"10.0.0.0/8\", but holds \"{text}\""))
    };
    texts(value)?.into_iter().map(network).collect()
}

/// Reads origins as browsers send them. No value stands for all origins: each has to be named.
pub fn origins(value: &Value) -> Result<Vec<String>, String> {
    let origin = |text: String| {
        let wrong =
            || format!("should hold origins such as \"https://app.example.com\" or \"http://localhost:3000\", but holds \"{text}\"");
        crate::origin::public(&text).ok().filter(|origin| !origin.contains('*')).ok_or_else(wrong)
    };
    texts(value)?.into_iter().map(origin).collect()
}

/// Reads the weights of tenants by their ids.
pub fn weights(value: &Value) -> Result<HashMap<Uuid, u32>, String> {
    let table = value.as_table().ok_or_else(|| format!("should be a table of tenants' ids and weights, but is {value}"))?;
    let weight = |(id, weight): (&String, &Value)| {
        let id = id.parse().map_err(|_| format!("should name tenants by their ids, but names \"{id}\""))?;
        Ok((id, number(weight, 1, 1000)?))
    };
    table.iter().map(weight).collect()
}

/// Reads numbers, each by the interval in hours from which on it applies.
pub fn most_runs(value: &Value) -> Result<BTreeMap<u32, u32>, String> {
    let table = value.as_table().ok_or_else(|| format!("should be a table of intervals and numbers of executions, but is {value}"))?;
    let most = |(hours, most): (&String, &Value)| {
        let interval = hours.parse().ok().filter(|hours| (MINIMUM_INTERVAL_HOURS..=MAXIMUM_INTERVAL_HOURS).contains(hours));
        let interval = interval.ok_or_else(|| {
            format!("should name intervals of {MINIMUM_INTERVAL_HOURS} to {MAXIMUM_INTERVAL_HOURS} hours, but names \"{hours}\"")
        })?;
        Ok((interval, number(most, 1, u32::MAX)?))
    };
    table.iter().map(most).collect()
}

pub fn host_names(value: &Value) -> Result<Vec<String>, String> {
    let names = texts(value)?;
    let is_name = |name: &String| {
        let label = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'*');
        name.parse::<std::net::IpAddr>().is_ok() || name.split('.').all(label)
    };
    match names.iter().find(|name| !is_name(name)) {
        Some(wrong) => Err(format!("should hold host names and addresses, but holds \"{wrong}\"")),
        None => Ok(names),
    }
}

pub fn log_filter(value: &Value) -> Result<String, String> {
    let text = text(value)?;
    crate::log::filter(&text).map(|_| text)
}

pub fn flag(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("should be true or false, but is {value}"))
}

pub fn number(value: &Value, least: u32, most: u32) -> Result<u32, String> {
    let number = value.as_integer().and_then(|number| u32::try_from(number).ok()).filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("should be a whole number from {least} to {most}, but is {value}"))
}

pub fn address(value: &Value) -> Result<Option<SocketAddr>, String> {
    match value.as_str().map(str::trim) {
        Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| format!("should be an address such as \"127.0.0.1:7080\", but is \"{text}\"")),
        None => Err(format!("should be an address such as \"127.0.0.1:7080\", but is {value}")),
    }
}

pub fn collector_url(value: &Value) -> Result<Url, String> {
    let url = value.as_str().and_then(|text| text.trim().parse::<Url>().ok());
    let url = url
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty() && url.password().is_none());
    // The address may contain a secret, so that it is not shown.
    url.ok_or_else(|| "should be an address without a name and a password in it, such as \"http://127.0.0.1:4318/v1/traces\"".to_owned())
}

pub fn public_url(value: &Value) -> Result<String, String> {
    text(value).and_then(|text| crate::origin::public(&text))
}
