//! Licences of all that is built in, by the lists in `deny.toml`, so that cargo-deny and this rule agree.

use std::fs;

use serde_json::Value;
use toml::Table;

use crate::steps::root;

/// What `deny.toml` allows: licences for all, and further ones for named crates.
pub(super) struct Allowed {
    licences: Vec<String>,
    exceptions: Vec<(String, Vec<String>)>,
}

pub fn problems(metadata: &Value) -> Result<Vec<String>, String> {
    let allowed = Allowed::of_repository()?;
    let packages = metadata.get("packages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let field = |package: &Value, name: &str| package.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut problems = Vec::new();
    for package in packages {
        let (name, version, licence) = (field(package, "name"), field(package, "version"), field(package, "license"));
        if !allowed.permits(&name, &licence) {
            problems.push(format!("{name} {version}: '{licence}' is not among the licences in deny.toml"));
        }
    }
    let unused = allowed.exceptions.iter().filter(|(name, _)| !packages.iter().any(|package| field(package, "name") == *name));
    problems.extend(unused.map(|(name, _)| format!("deny.toml: the exception for {name} is not needed any more")));
    Ok(problems)
}

impl Allowed {
    pub(super) fn of_repository() -> Result<Self, String> {
        Allowed::read(&fs::read_to_string(root().join("deny.toml")).map_err(|error| format!("deny.toml: {error}"))?)
    }

    fn read(text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error| format!("deny.toml: {error}"))?;
        let licences = table.get("licenses").ok_or("deny.toml has no [licenses]")?;
        let texts = |value: Option<&toml::Value>| -> Vec<String> {
            let array = value.and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
            array.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect()
        };
        let exceptions = licences.get("exceptions").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let exception = |value: &toml::Value| Some((value.get("crate")?.as_str()?.to_owned(), texts(value.get("allow"))));
        Ok(Allowed { licences: texts(licences.get("allow")), exceptions: exceptions.iter().filter_map(exception).collect() })
    }

    pub(super) fn permits(&self, name: &str, expression: &str) -> bool {
        let more = self.exceptions.iter().find(|(known, _)| known == name).map(|(_, more)| more.as_slice()).unwrap_or_default();
        let known = |licence: &str| self.licences.iter().chain(more).any(|allowed| allowed == licence);
        // The slash is how OR was written before SPDX.
        let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        matches!(either(&words, &known), Some((true, [])))
    }
}

type Read<'a, 'b> = Option<(bool, &'a [&'b str])>;

/// `one OR other`; the rest of the words comes back.
fn either<'a, 'b>(words: &'a [&'b str], known: &impl Fn(&str) -> bool) -> Read<'a, 'b> {
    let (mut permitted, mut rest) = both(words, known)?;
    while let ["OR", after @ ..] = rest {
        let (other, after) = both(after, known)?;
        (permitted, rest) = (permitted || other, after);
    }
    Some((permitted, rest))
}

/// `one AND other`, which binds tighter.
fn both<'a, 'b>(words: &'a [&'b str], known: &impl Fn(&str) -> bool) -> Read<'a, 'b> {
    let (mut permitted, mut rest) = single(words, known)?;
    while let ["AND", after @ ..] = rest {
        let (other, after) = single(after, known)?;
        (permitted, rest) = (permitted && other, after);
    }
    Some((permitted, rest))
}

fn single<'a, 'b>(words: &'a [&'b str], known: &impl Fn(&str) -> bool) -> Read<'a, 'b> {
    match words {
        ["(", inner @ ..] => match either(inner, known)? {
            (permitted, [")", rest @ ..]) => Some((permitted, rest)),
            _ => None,
        },
        // An exception to a licence permits more than the licence alone.
        [licence, "WITH", _, rest @ ..] | [licence, rest @ ..] => Some((known(licence), rest)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_understood() {
        let text =
            "[licenses]\nallow = ['MIT', 'Apache-2.0', 'ISC']\nexceptions = [{ crate = 'roots', allow = ['CDLA-Permissive-2.0'] }]\n";
        let allowed = Allowed::read(text).unwrap();
        let cases = [
            ("MIT", true),
            ("GPL-3.0", false),
            ("MIT OR GPL-3.0", true),
            ("GPL-3.0/MIT", true),
            ("MIT AND GPL-3.0", false),
            ("ISC AND (GPL-3.0 OR Apache-2.0)", true),
            ("GPL-3.0 OR ISC AND MIT", true),
            ("(GPL-3.0 OR ISC) AND LGPL-2.1", false),
            ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
            ("(MIT", false),
            ("MIT MIT", false),
            ("", false),
        ];
        for (expression, expected) in cases {
            assert_eq!(allowed.permits("any", expression), expected, "{expression}");
        }
        assert!(allowed.permits("roots", "CDLA-Permissive-2.0") && !allowed.permits("any", "CDLA-Permissive-2.0"));
    }
}
