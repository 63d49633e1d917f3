//! `insightgate role`: who may see or manage what.

use std::collections::HashMap;

use clap::{Args, Subcommand};
use insightgate_client::manage::{NewRoleAssignment, RoleAssignment};

use crate::command_error::CommandError;
use crate::session::{InTenant, Output, Session, show_list, show_one};

#[derive(Debug, Args)]
pub struct RoleArguments {
    #[command(flatten)]
    tenant: InTenant,
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: RoleCommand,
}

#[derive(Debug, Subcommand)]
enum RoleCommand {
    /// Assigns a role, for the whole organisation or for some locations
    #[command(
        after_help = "Roles: global_admin, account_admin, mpn_partner_admin, admin_agent, executive_report_viewer, report_viewer, no_permission;\n\
        for the marketplace (cmp) manager and developer. A viewer may be limited to locations.\n\n\
        Examples:\n  insightgate role assign analyst@contoso.example executive_report_viewer --tenant contoso.example\n  \
        insightgate role assign analyst@contoso.example executive_report_viewer --location 6096123 --location 6096124 --tenant contoso.example"
    )]
    Assign {
        #[arg(help = ASSIGNEE)]
        assignee: String,
        /// The role's id
        role: String,
        /// Only this location's rows, by its MPN id; repeatable
        #[arg(long, value_name = "MPNID")]
        location: Vec<String>,
    },
    /// All assignments
    #[command(after_help = "Example:\n  insightgate role list --tenant contoso.example")]
    List,
    /// Takes a role away; tokens that were issued lose it too
    #[command(after_help = "Example:\n  insightgate role revoke analyst@contoso.example executive_report_viewer --tenant contoso.example")]
    Revoke {
        #[arg(help = ASSIGNEE)]
        assignee: String,
        /// The role's id
        role: String,
    },
}

const ASSIGNEE: &str = "A user (id or sign-in name) or an application (id)";

pub async fn run(session: &Session, arguments: RoleArguments) -> Result<(), CommandError> {
    let RoleArguments { tenant, output, command } = arguments;
    let (client, tenant) = (&session.client, session.tenant(&tenant)?);
    match command {
        RoleCommand::Assign { assignee, role, location } => {
            let locations = Some(location).filter(|locations| !locations.is_empty());
            let assigned =
                client.assign_role(&tenant, &NewRoleAssignment { assignee: Some(assignee.clone()), role: Some(role), locations }).await?;
            let shown = [("assignee", assignee), ("role", assigned.role.clone()), ("scope", scope(&assigned))];
            show_one(output, &assigned, &shown)
        }
        RoleCommand::List => {
            let assignments = client.role_assignments(&tenant).await?;
            let names = if output.json { HashMap::new() } else { session.names(&tenant).await };
            let row = |assignment: &RoleAssignment| {
                let assignee = names.get(&assignment.assignee).unwrap_or(&assignment.assignee);
                [assignee.clone(), assignment.role.clone(), scope(assignment)]
            };
            show_list(output, &assignments, ["assignee", "role", "scope"], row)
        }
        RoleCommand::Revoke { assignee, role } => {
            client.revoke_role(&tenant, &assignee, &role).await?;
            eprintln!("{assignee} is {role} no more");
            Ok(())
        }
    }
}

fn scope(assignment: &RoleAssignment) -> String {
    assignment.locations.as_ref().map_or_else(|| "organisation".to_owned(), |locations| locations.join(", "))
}
