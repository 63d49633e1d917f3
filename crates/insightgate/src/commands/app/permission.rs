//! `insightgate app permission`.

use clap::Subcommand;
use insightgate_client::manage::Permission;

use super::{APPLICATION, Target};
use crate::command_error::CommandError;
use crate::session::{show_list, show_one};

#[derive(Debug, Subcommand)]
pub enum PermissionCommand {
    /// Adds a permission
    #[command(after_help = "Examples:\n  insightgate app permission add 'Contoso reports' user_impersonation --tenant contoso.example\n  \
        insightgate app permission add 'Contoso reports' fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd/user_impersonation --tenant contoso.example")]
    Add {
        #[arg(value_name = "APP", help = APPLICATION)]
        application: String,
        #[arg(help = PERMISSION)]
        permission: String,
    },
    /// All permissions of an application
    #[command(after_help = "Example:\n  insightgate app permission list 'Contoso reports' --tenant contoso.example")]
    List {
        #[arg(value_name = "APP", help = APPLICATION)]
        application: String,
    },
    /// Takes a permission away, with the consent to it
    #[command(after_help = "Example:\n  insightgate app permission remove 'Contoso reports' user_impersonation --tenant contoso.example")]
    Remove {
        #[arg(value_name = "APP", help = APPLICATION)]
        application: String,
        #[arg(help = PERMISSION)]
        permission: String,
    },
}

pub const PERMISSION: &str = "user_impersonation (a user's data; also by an id of the API: 4990cffe-04e8-4e8b-808a-1175604b879f or \
    fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd, alone or before /user_impersonation), management (a user's administration) or Management.ReadWrite.All \
    (administration by the application alone)";

pub async fn run(target: &Target<'_>, command: PermissionCommand) -> Result<(), CommandError> {
    let (client, tenant) = (&target.session.client, target.tenant);
    match command {
        PermissionCommand::Add { application, permission } => {
            let id = target.id(&application).await?;
            let added = client.add_permission(tenant, &id, &permission).await?;
            show_one(target.output, &added, &[("permission", added.permission.clone())])?;
            eprintln!("next, consent to it: insightgate app consent grant {id} {} --tenant {tenant}", added.permission);
            Ok(())
        }
        PermissionCommand::List { application } => {
            let permissions = client.permissions(tenant, &target.id(&application).await?).await?;
            show_list(target.output, &permissions, ["permission"], |permission: &Permission| [permission.permission.clone()])
        }
        PermissionCommand::Remove { application, permission } => {
            client.remove_permission(tenant, &target.id(&application).await?, &permission).await?;
            eprintln!("removed {permission}");
            Ok(())
        }
    }
}
