//! `insightgate app secret`.

use clap::Subcommand;
use insightgate_client::manage::{ClientSecret, NewClientSecret};

use super::{APPLICATION, Target};
use crate::command_error::CommandError;
use crate::session::{show_list, show_one, text};
use crate::terminal::confirm;

#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Makes a secret and prints it, once; earlier ones stay valid
    #[command(
        after_help = "Example:\n  insightgate app secret add 'Contoso reports' --description 'Nightly job' --days 365 --tenant contoso.example"
    )]
    Add {
        #[arg(value_name = "APP", help = APPLICATION)]
        application: String,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Days until it expires; 730 if not given
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        days: Option<u32>,
    },
    /// All secrets, by their first characters
    #[command(after_help = "Example:\n  insightgate app secret list 'Contoso reports' --tenant contoso.example")]
    List {
        #[arg(value_name = "APP", help = APPLICATION)]
        application: String,
    },
    /// Ends a secret at once
    #[command(after_help = "Example:\n  insightgate app secret revoke 'Contoso reports' 3f1c… --tenant contoso.example --yes")]
    Revoke {
        #[arg(value_name = "APP", help = APPLICATION)]
        application: String,
        /// The secret's id, as `list` shows it
        #[arg(value_name = "ID")]
        secret: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub async fn run(target: &Target<'_>, command: SecretCommand) -> Result<(), CommandError> {
    let (client, tenant) = (&target.session.client, target.tenant);
    match command {
        SecretCommand::Add { application, description, days } => {
            let id = target.id(&application).await?;
            let secret = client.add_secret(tenant, &id, &NewClientSecret { description, days: days.map(i64::from) }).await?;
            let shown = [
                ("id", secret.id.clone()),
                ("secret", secret.secret.clone().map(|secret| secret.0).unwrap_or_default()),
                ("description", text(&secret.description)),
                ("expires", text(&secret.expires)),
            ];
            show_one(target.output, &secret, &shown)?;
            eprintln!("The secret is not shown again.");
            Ok(())
        }
        SecretCommand::List { application } => {
            let secrets = client.secrets(tenant, &target.id(&application).await?).await?;
            let row = |secret: &ClientSecret| {
                let begins = secret.hint.as_ref().map(|hint| format!("{hint}…")).unwrap_or_default();
                [begins, text(&secret.description), text(&secret.expires), secret.id.clone()]
            };
            show_list(target.output, &secrets, ["begins", "description", "expires", "id"], row)
        }
        SecretCommand::Revoke { application, secret, yes } => {
            let id = target.id(&application).await?;
            confirm(&format!("Revoke secret {secret} of {application}?"), yes)?;
            client.revoke_secret(tenant, &id, &secret).await?;
            eprintln!("revoked secret {secret}");
            Ok(())
        }
    }
}
