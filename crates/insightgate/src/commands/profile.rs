//! `insightgate profile`: the sections of the profile file. Secrets are never shown, and come from a prompt, stdin or a file of their own.

mod add;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::command_error::CommandError;
use crate::commands::login::logout::forget;
use crate::env_vars;
use crate::profiles::write::remove_section;
use crate::profiles::{self, DEFAULT, Profile, default_file};
use crate::session::Output;
use crate::terminal::table::{Table, fields};
use crate::terminal::{confirm, print, print_json};

#[derive(Debug, Args)]
pub struct ProfileArguments {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: ProfileCommand,
}

#[derive(Debug, Subcommand)]
enum ProfileCommand {
    /// All profiles of the profile file
    #[command(after_help = "Examples:\n  insightgate profile list\n  insightgate profile list --json")]
    List,
    /// One profile, without its secrets; the one that commands use now, with what the environment changes, if none is named
    #[command(after_help = "Examples:\n  insightgate profile show\n  insightgate profile show contoso --json")]
    Show {
        #[arg(value_name = "NAME|FILE")]
        name: Option<String>,
    },
    /// Adds a profile to the profile file
    #[command(after_help = "On a terminal it asks for the application's secret, unless --public says that it has none.\n\n\
        Examples:\n  insightgate profile add demo --from ready.json\n  \
        insightgate profile add contoso --authority https://login.microsoftonline.com/contoso.example \\\n    \
        --endpoint https://api.partnercenter.microsoft.com --client-id 3f1c… --username analyst@contoso.example\n  \
        insightgate profile add desktop --authority https://insights.example.com/contoso.example --client-id 3f1c… --public")]
    Add(Box<add::AddArguments>),
    /// Removes a profile from the profile file, and forgets its tokens
    #[command(after_help = "Example:\n  insightgate profile remove contoso --yes")]
    Remove {
        #[arg(value_name = "NAME")]
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What stands in place of a secret.
const MASKED: &str = "********";

pub fn run(current: Option<&str>, arguments: ProfileArguments) -> Result<(), CommandError> {
    let ProfileArguments { output, command } = arguments;
    match command {
        ProfileCommand::List => list(current, output),
        ProfileCommand::Show { name } => show(name.as_deref().or(current), output),
        ProfileCommand::Add(arguments) => add::run(*arguments, output),
        ProfileCommand::Remove { name, yes } => remove(&name, yes, output),
    }
}

fn list(current: Option<&str>, output: Output) -> Result<(), CommandError> {
    let file = default_file(env_vars::read)?;
    let all = profiles::sections(&file)?;
    let by_environment = current.is_none() && env_vars::read(&env_vars::AUTHORITY).is_some();
    let used = |name: &str| !by_environment && current.unwrap_or(DEFAULT) == name;
    if output.json {
        let value: Vec<Value> = all.iter().map(|(name, profile)| with_name(name, used(name), profile)).collect();
        return print_json(&json!({"file": file, "value": value}));
    }
    if all.is_empty() {
        eprintln!("there are none in {}: `insightgate profile add` adds one", file.display());
        return Ok(());
    }
    let mut table = Table::new(&["used", "name", "authority", "program", "user", "application"]);
    for (name, profile) in &all {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let mark = if used(name) { "*" } else { "" }.to_owned();
        let program = profile.program.clone().unwrap_or_else(|| "mpn".to_owned());
        let (authority, client_id) = (authority(profile), text(&profile.client_id));
        table.row([mark, name.clone(), authority, program, text(&profile.username), client_id]);
    }
    if by_environment {
        eprintln!("note: the environment names another server (INSIGHTGATE_AUTHORITY), so that none of these is used");
    }
    print(&table.text())?;
    all.iter().for_each(|(name, profile)| incomplete(name, profile));
    Ok(())
}

fn show(name: Option<&str>, output: Output) -> Result<(), CommandError> {
    let profile = profiles::load(name, env_vars::read)?;
    let shown = name.unwrap_or(if env_vars::read(&env_vars::AUTHORITY).is_some() { "" } else { DEFAULT });
    if output.json {
        return print_json(&with_name(shown, true, &profile));
    }
    let mut lines = vec![("name", shown.to_owned())];
    let masked = masked(&profile);
    lines.extend(masked.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?.to_owned()))));
    // The operator of a demo lies within the profile.
    let within: Vec<(String, &str)> = masked
        .iter()
        .filter_map(|(key, value)| Some((key, value.as_object()?)))
        .flat_map(|(outer, value)| value.iter().filter_map(move |(key, value)| Some((format!("{outer}.{key}"), value.as_str()?))))
        .collect();
    lines.extend(within.iter().map(|(key, value)| (key.as_str(), (*value).to_owned())));
    print(&fields(&lines))?;
    incomplete(shown, &profile);
    Ok(())
}

/// Names what a profile lacks, which nobody sees in a list of what it has.
fn incomplete(name: &str, profile: &Profile) {
    let lacks = profile.lacks();
    if !lacks.is_empty() {
        let name = if name.is_empty() { "the environment".to_owned() } else { format!("the profile {name}") };
        eprintln!("note: {name} is not complete, so that no command can connect with it: it lacks {}", lacks.join(" and "));
    }
}

fn remove(name: &str, yes: bool, output: Output) -> Result<(), CommandError> {
    let file = default_file(env_vars::read)?;
    let profile = profiles::section(&file, name)?.ok_or_else(|| profiles::unknown(&file, name))?;
    confirm(&format!("Remove the profile {name} from {}?", file.display()), yes)?;
    let profile = Profile { tokens: profiles::token_cache::TokenCache::of(env_vars::read), ..profile };
    // A profile that names no server has no tokens either.
    let forgot = profile.applications().is_ok()
        && forget(&profile).unwrap_or_else(|error| {
            eprintln!("warning: its tokens are kept: {error}");
            false
        });
    remove_section(&file, name)?;
    eprintln!("removed the profile {name}{}", if forgot { ", and forgot its tokens" } else { "" });
    if output.json { print_json(&json!({"name": name, "removed": true})) } else { Ok(()) }
}

fn authority(profile: &Profile) -> String {
    let authority = profile.authority.clone().unwrap_or_default();
    match &profile.tenant_id {
        Some(tenant) => format!("{}/{tenant}", authority.trim_end_matches('/')),
        None => authority,
    }
}

fn with_name(name: &str, used: bool, profile: &Profile) -> Value {
    let mut all = Map::from_iter([("name".to_owned(), json!(name)), ("used".to_owned(), json!(used))]);
    all.extend(masked(profile));
    all.insert("missing".to_owned(), json!(profile.lacks()));
    Value::Object(all)
}

/// Every key that is set, with its value, or what stands in place of a secret.
fn masked(profile: &Profile) -> Map<String, Value> {
    let all = serde_json::to_value(profile).ok().and_then(|all| all.as_object().cloned()).unwrap_or_default();
    without_secrets(all)
}

fn without_secrets(all: Map<String, Value>) -> Map<String, Value> {
    let shown = all.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| {
        let secret = key.contains("secret") || key.contains("password");
        let shown = match value {
            _ if secret => Value::from(MASKED),
            Value::Object(within) => Value::Object(without_secrets(within)),
            other => other,
        };
        (key, shown)
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_of_a_profile_is_shown() {
        let secret = Some("s3cret".to_owned());
        let profile = Profile {
            authority: Some("https://login.example".into()),
            tenant_id: Some("t".into()),
            client_secret: secret.clone(),
            password: secret,
            ..Profile::default()
        };
        let shown = with_name("mine", true, &profile).to_string();
        assert!(shown.contains("\"missing\":[\"client_id\"]"), "{shown}");
        assert_eq!(shown.matches(MASKED).count(), 2);
        assert!(!shown.contains("s3cret") && !shown.contains("username"), "{shown}");
        assert_eq!(authority(&profile), "https://login.example/t");
    }
}
