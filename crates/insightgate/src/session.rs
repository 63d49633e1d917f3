//! The common parts of commands that call a server: the connection of a profile, the tenant, and how answers are shown.

use std::collections::HashMap;
use std::sync::Arc;

use clap::Args;
use insightgate_client::manage::{Application, Listed, ManageClient};
use insightgate_client::{Client, ClientSettings};
use insightgate_identity::program::Program;
use insightgate_operations::clock::Clock;
use serde::Serialize;
use uuid::Uuid;

use crate::command_error::CommandError;
use crate::commands::named::{Kind, one};
use crate::env_vars;
use crate::profiles::{self, Profile};
use crate::terminal::table::{Table, fields};
use crate::terminal::{print, print_json};

/// How an answer is shown.
#[derive(Debug, Clone, Copy, Args)]
pub struct Output {
    /// Print the API's JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// The organisation that a command is about.
#[derive(Debug, Clone, Args)]
pub struct InTenant {
    /// The organisation: its id or domain; an administrator's own if not given
    #[arg(long, global = true, value_name = "TENANT")]
    pub tenant: Option<String>,
}

const APPLICATIONS: Kind<Application> = Kind {
    word: "application",
    plural: "applications",
    list: "insightgate app list",
    id: |application| application.id.as_str(),
    name: |application| application.name.as_str(),
};

/// A connection as an operator, or as an administrator of one tenant.
pub struct Session {
    pub client: ManageClient,
    own_tenant: Option<String>,
}

impl Session {
    pub fn open(profile: Option<&str>) -> Result<Session, CommandError> {
        let profile = profiles::load(profile, env_vars::read)?;
        let mut client = ManageClient::new(profile.management()?, clock())?;
        if let Some(store) = profile.token_store() {
            client = client.keeping_tokens(store);
        }
        Ok(Session { client, own_tenant: profile.own_tenant() })
    }

    /// An operator has to name it, so that nothing reaches the operators' own tenant by an omission.
    pub fn tenant(&self, named: &InTenant) -> Result<String, CommandError> {
        self.own_or(named).ok_or_else(|| {
            let failed = CommandError::usage("which tenant? An application alone has none of its own");
            failed.hint("say --tenant with its id or domain; `insightgate tenant list` shows them")
        })
    }

    /// The named tenant, or an administrator's own; None for an operator who named none.
    pub fn own_or(&self, named: &InTenant) -> Option<String> {
        named.tenant.clone().or_else(|| self.own_tenant.clone())
    }

    /// The sign-in names of users and the names of applications by their ids, as far as the caller may see them, for people, who do not know the ids.
    pub async fn names(&self, tenant: &str) -> HashMap<String, String> {
        let (users, applications) = (self.client.users(tenant).await, self.client.applications(tenant).await);
        let users = users.map(|listed| listed.value).unwrap_or_default().into_iter().map(|user| (user.id, user.username));
        let applications = applications.map(|listed| listed.value).unwrap_or_default();
        users.chain(applications.into_iter().map(|application| (application.id, application.name))).collect()
    }

    /// An application's id, by its id or its name.
    pub async fn application(&self, tenant: &str, named: &str) -> Result<String, CommandError> {
        if Uuid::try_parse(named).is_ok() {
            return Ok(named.to_owned());
        }
        let all = self.client.applications(tenant).await?.value;
        Ok(one(&APPLICATIONS, &all, named)?.id.clone())
    }
}

/// Whether the profile signs a user in, and not an application alone.
pub fn is_of_a_user(profile: Option<&str>) -> Result<bool, CommandError> {
    Ok(profiles::load(profile, env_vars::read)?.own_tenant().is_some())
}

/// A connection to the Insights API, as the profile says.
pub fn insights(profile: Option<&str>) -> Result<Client, CommandError> {
    insights_of_program(profile, None)
}

/// The same for another program than the profile's.
pub fn insights_of_program(profile: Option<&str>, program: Option<Program>) -> Result<Client, CommandError> {
    let mut profile = profiles::load(profile, env_vars::read)?;
    if let Some(program) = program {
        profile.program = Some(program.name().to_owned());
    }
    connected(&profile, profile.insights()?)
}

/// A connection that keeps its tokens where the profile does.
pub fn connected(profile: &Profile, settings: ClientSettings) -> Result<Client, CommandError> {
    let client = Client::new(settings, clock())?;
    Ok(match profile.token_store() {
        Some(store) => client.keeping_tokens(store),
        None => client,
    })
}

/// The time that decides when a token is about to expire.
pub fn clock() -> insightgate_client::Clock {
    Arc::new(|| Clock::System.now().timestamp())
}

/// A list: the API's JSON, or a table with one row for each.
pub fn show_list<T: Serialize, const WIDTH: usize>(
    output: Output,
    listed: &Listed<T>,
    names: [&str; WIDTH],
    row: impl Fn(&T) -> [String; WIDTH],
) -> Result<(), CommandError> {
    if output.json {
        return print_json(listed);
    }
    if listed.value.is_empty() {
        eprintln!("there are none");
        return Ok(());
    }
    let mut table = Table::new(&names);
    for item in &listed.value {
        table.row(row(item));
    }
    print(&table.text())
}

/// One object: the API's JSON, or a line for each field.
pub fn show_one<T: Serialize>(output: Output, item: &T, shown: &[(&str, String)]) -> Result<(), CommandError> {
    if output.json { print_json(item) } else { print(&fields(shown)) }
}

/// For fields that may be missing.
pub fn text(value: &Option<String>) -> String {
    value.clone().unwrap_or_default()
}

pub fn yes_no(flag: bool) -> String {
    if flag { "yes" } else { "no" }.to_owned()
}
