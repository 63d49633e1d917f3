//! `insightgate app permission`.

use clap::Subcommand;
use insightgate_client::manage::Permission;

use super::{APPLICATION, Target};
use crate::command_error::CommandError;
use crate::session::{show_list, show_one};

#[derive(Debug, Subcommand)]
pub enum PermissionCommand {
    /// Adds a permission
    #[command(after_help = "Example:\n  insightgate app permission add 'Contoso reports' user_impersonation --tenant contoso.example")]
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

pub const PERMISSION: &str = "user_impersonation (a user's data), management (a user's administration) or Management.ReadWrite.All \
    (administration by the application alone)";

pub async fn run(target: &Target<'_>, command: PermissionCommand) -> Result<(), CommandError> {
    let (client, tenant) = (&target.session.client, target.tenant);
    match command {
        PermissionCommand::Add { application, permission } => {
            let id = target.id(&application).await?;
            let added = client.add_permission(tenant, &id, &permission).await?;
            show_one(target.output, &added, &[("permission", added.permission.clone())])?;
            eprintln!("next, consent to it: insightgate app consent grant {id} {permission} --tenant {tenant}");
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
