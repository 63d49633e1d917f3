//! `insightgate callback secret`.

use clap::Subcommand;
use insightgate_client::manage::CallbackSecret;

use crate::command_error::CommandError;
use crate::session::{Output, Session, show_list, show_one, text};
use crate::terminal::confirm;

const OWNER: &str = "Whose reports: a user (id or sign-in name) or an application (id)";

#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Makes a secret and prints it, once; the one before it goes on signing for 24 hours
    #[command(after_help = "Example:\n  insightgate callback secret make analyst@contoso.example --tenant contoso.example")]
    Make {
        #[arg(value_name = "OWNER", help = OWNER)]
        owner: String,
    },
    /// Secrets that sign, the current one first
    #[command(after_help = "Example:\n  insightgate callback secret list analyst@contoso.example --tenant contoso.example")]
    List {
        #[arg(value_name = "OWNER", help = OWNER)]
        owner: String,
    },
    /// Ends a secret at once
    #[command(after_help = "Example:\n  insightgate callback secret revoke analyst@contoso.example 3f1c… --tenant contoso.example --yes")]
    Revoke {
        #[arg(value_name = "OWNER", help = OWNER)]
        owner: String,
        /// The secret's id, as `list` shows it
        #[arg(value_name = "ID")]
        secret: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub async fn run(session: &Session, tenant: &str, output: Output, command: SecretCommand) -> Result<(), CommandError> {
    let client = &session.client;
    match command {
        SecretCommand::Make { owner } => {
            let secret = client.add_callback_secret(tenant, &owner).await?;
            let shown = [("id", secret.id.clone()), ("secret", secret.secret.clone().map(|secret| secret.0).unwrap_or_default())];
            show_one(output, &secret, &shown)?;
            eprintln!("The secret is not shown again.");
            Ok(())
        }
        SecretCommand::List { owner } => {
            let secrets = client.callback_secrets(tenant, &owner).await?;
            let row = |secret: &CallbackSecret| [text(&secret.created), text(&secret.expires), secret.id.clone()];
            show_list(output, &secrets, ["created", "expires", "id"], row)
        }
        SecretCommand::Revoke { owner, secret, yes } => {
            confirm(&format!("Revoke secret {secret} of {owner}?"), yes)?;
            client.revoke_callback_secret(tenant, &owner, &secret).await?;
            eprintln!("revoked secret {secret}");
            Ok(())
        }
    }
}
