//! `insightgate app consent`.

use std::collections::HashMap;

use clap::{Args, Subcommand};
use insightgate_client::manage::Consent;

use super::permission::PERMISSION;
use super::{APPLICATION, Target};
use crate::command_error::CommandError;
use crate::session::{show_list, show_one};

#[derive(Debug, Subcommand)]
pub enum ConsentCommand {
    /// Consents to a permission, for the whole organisation or for one user
    #[command(after_help = "Examples:\n  insightgate app consent grant 'Contoso reports' user_impersonation --tenant contoso.example\n  \
        insightgate app consent grant 'Contoso reports' user_impersonation --user analyst@contoso.example --tenant contoso.example")]
    Grant(ConsentArguments),
    /// All consents to an application's permissions
    #[command(after_help = "Example:\n  insightgate app consent list 'Contoso reports' --tenant contoso.example")]
    List {
        #[arg(value_name = "APP", help = APPLICATION)]
        application: String,
    },
    /// Takes a consent back; tokens that were issued end with it
    #[command(after_help = "Example:\n  insightgate app consent revoke 'Contoso reports' user_impersonation --tenant contoso.example")]
    Revoke(ConsentArguments),
}

#[derive(Debug, Args)]
pub struct ConsentArguments {
    #[arg(value_name = "APP", help = APPLICATION)]
    application: String,
    #[arg(help = PERMISSION)]
    permission: String,
    /// For this user only: id or sign-in name
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

pub async fn run(target: &Target<'_>, command: ConsentCommand) -> Result<(), CommandError> {
    let (client, tenant) = (&target.session.client, target.tenant);
    match command {
        ConsentCommand::Grant(ConsentArguments { application, permission, user }) => {
            let granted = client.grant_consent(tenant, &target.id(&application).await?, &permission, user.as_deref()).await?;
            let whom = user.unwrap_or_else(|| EVERYBODY.to_owned());
            show_one(target.output, &granted, &[("permission", granted.permission.clone()), ("for", whom)])
        }
        ConsentCommand::List { application } => {
            let consents = client.consents(tenant, &target.id(&application).await?).await?;
            let names = if target.output.json { HashMap::new() } else { target.session.names(tenant).await };
            let row = |consent: &Consent| {
                let whom = consent.user.as_ref().map_or(EVERYBODY, |user| names.get(user).unwrap_or(user));
                [consent.permission.clone(), whom.to_owned()]
            };
            show_list(target.output, &consents, ["permission", "for"], row)
        }
        ConsentCommand::Revoke(ConsentArguments { application, permission, user }) => {
            client.revoke_consent(tenant, &target.id(&application).await?, &permission, user.as_deref()).await?;
            eprintln!("revoked the consent to {permission} for {}", user.as_deref().unwrap_or(EVERYBODY));
            Ok(())
        }
    }
}

const EVERYBODY: &str = "the whole organisation";
