//! `insightgate user`: who signs in.

mod import;

use clap::{Args, Subcommand};
use insightgate_client::manage::{NewUser, User};
use serde_json::json;
use uuid::Uuid;

use crate::command_error::CommandError;
use crate::session::{InTenant, Output, Session, show_list, show_one, text, yes_no};
use crate::terminal::confirm;
use crate::terminal::secret_input::{Entered, PasswordSource};

#[derive(Debug, Args)]
pub struct UserArguments {
    #[command(flatten)]
    tenant: InTenant,
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Adds a user; the password comes from a prompt, stdin or a file, or is made
    #[command(after_help = "Examples:\n  insightgate user add analyst@contoso.example --tenant contoso.example\n  \
        insightgate user add analyst@contoso.example --tenant contoso.example --generate --must-change-password\n  \
        pass show ada | insightgate user add analyst@contoso.example --tenant contoso.example --password-stdin")]
    Add(AddArguments),
    /// All users
    #[command(after_help = "Example:\n  insightgate user list --tenant contoso.example")]
    List,
    /// Many users from a CSV file; each row is answered, and the file can be given again
    #[command(after_help = "Examples:\n  insightgate user import people.csv --tenant contoso.example --dry-run\n  \
        insightgate user import people.csv --tenant contoso.example --generate --json")]
    Import(import::ImportArguments),
    /// Removes a user: sign-ins end, roles and saved queries go
    #[command(after_help = "Example:\n  insightgate user delete analyst@contoso.example --tenant contoso.example --with-reports")]
    Delete {
        #[arg(help = USER)]
        user: String,
        /// With the reports that depend on it, and their files; without this they stand against it
        #[arg(long)]
        with_reports: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Stops a user, with tokens that were issued
    #[command(after_help = "Example:\n  insightgate user disable analyst@contoso.example --tenant contoso.example")]
    Disable {
        #[arg(help = USER)]
        user: String,
    },
    /// Lets a user sign in again
    #[command(after_help = "Example:\n  insightgate user enable analyst@contoso.example --tenant contoso.example")]
    Enable {
        #[arg(help = USER)]
        user: String,
    },
    /// Gives a user another password
    #[command(
        after_help = "Example:\n  insightgate user set-password analyst@contoso.example --tenant contoso.example --generate --must-change"
    )]
    SetPassword {
        #[arg(help = USER)]
        user: String,
        #[command(flatten)]
        source: PasswordSource,
        /// The user has to choose another one at the next sign-in
        #[arg(long)]
        must_change: bool,
    },
    /// The second factor: codes of an authenticator
    Totp {
        #[command(subcommand)]
        command: TotpCommand,
    },
}

#[derive(Debug, Subcommand)]
enum TotpCommand {
    /// Gives the user a second factor; prints its secret, once. The password alone then signs in no more
    #[command(after_help = "Example:\n  insightgate user totp add analyst@contoso.example --tenant contoso.example")]
    Add {
        #[arg(help = USER)]
        user: String,
    },
    /// Takes the second factor away, for a user who lost it
    #[command(after_help = "Example:\n  insightgate user totp reset analyst@contoso.example --tenant contoso.example --yes")]
    Reset {
        #[arg(help = USER)]
        user: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What JSON calls a password that was made here.
const GENERATED: &str = "generatedPassword";

const USER: &str = "The user: id or sign-in name";

#[derive(Debug, Args)]
struct AddArguments {
    /// The sign-in name: name@domain
    username: String,
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    #[command(flatten)]
    source: PasswordSource,
    /// No password: the user signs in with another issuer
    #[arg(long, conflicts_with_all = ["password_stdin", "password_file", "generate", "must_change_password"])]
    no_password: bool,
    /// The user has to choose another password at the first sign-in
    #[arg(long)]
    must_change_password: bool,
    /// The user's object id; a new one if not given
    #[arg(long, value_name = "UUID")]
    id: Option<Uuid>,
}

pub async fn run(session: &Session, arguments: UserArguments) -> Result<(), CommandError> {
    let UserArguments { tenant, output, command } = arguments;
    let (client, tenant) = (&session.client, session.tenant(&tenant)?);
    match command {
        UserCommand::Add(new) => add(session, output, &tenant, new).await,
        UserCommand::List => {
            let users = client.users(&tenant).await?;
            let row = |user: &User| {
                let User { username, display_name, enabled, password, totp, id, .. } = user.clone();
                [username, text(&display_name), yes_no(enabled), text(&password), yes_no(totp), id]
            };
            show_list(output, &users, ["username", "display name", "enabled", "password", "second factor", "id"], row)
        }
        UserCommand::Import(arguments) => import::run(session, output, &tenant, arguments).await,
        UserCommand::Delete { user, with_reports, yes } => {
            confirm(&format!("Delete {user}{}?", if with_reports { ", with all reports and files" } else { "" }), yes)?;
            client.delete_user(&tenant, &user, with_reports).await?;
            eprintln!("deleted {user}");
            Ok(())
        }
        UserCommand::Disable { user } => show(output, &client.set_user_enabled(&tenant, &user, false).await?, None),
        UserCommand::Enable { user } => show(output, &client.set_user_enabled(&tenant, &user, true).await?, None),
        UserCommand::SetPassword { user, source, must_change } => {
            let entered = source.read(&user)?;
            client.set_password(&tenant, &user, &entered.password, must_change).await?;
            eprintln!("{user} has another password");
            if !entered.generated {
                return Ok(());
            }
            // Without asking for the user again: if that failed, nobody would know the password.
            let made = json!({GENERATED: entered.password});
            show_one(output, &made, &[("user", user), ("password", entered.password.0)])
        }
        UserCommand::Totp { command: TotpCommand::Add { user } } => {
            let totp = client.add_totp(&tenant, &user).await?;
            eprintln!("For {user}'s authenticator; it is not shown again.");
            show_one(output, &totp, &[("secret", totp.secret.0.clone()), ("uri", totp.uri.0.clone())])
        }
        UserCommand::Totp { command: TotpCommand::Reset { user, yes } } => {
            confirm(&format!("Take {user}'s second factor away?"), yes)?;
            client.reset_totp(&tenant, &user).await?;
            eprintln!("removed the second factor of {user}");
            Ok(())
        }
    }
}

async fn add(session: &Session, output: Output, tenant: &str, new: AddArguments) -> Result<(), CommandError> {
    let entered = if new.no_password { None } else { Some(new.source.read(&new.username)?) };
    let user = NewUser {
        username: Some(new.username),
        display_name: new.display_name,
        password: entered.as_ref().map(|entered| entered.password.clone()),
        must_change_password: new.must_change_password,
        id: new.id.map(|id| id.to_string()),
    };
    let added = session.client.add_user(tenant, &user).await?;
    show(output, &added, entered.filter(|entered| entered.generated))
}

/// With the password that was made: nobody else knows it.
fn show(output: Output, user: &User, made: Option<Entered>) -> Result<(), CommandError> {
    let password = made.map(|made| made.password.0);
    let shown = [
        ("id", user.id.clone()),
        ("username", user.username.clone()),
        ("display name", text(&user.display_name)),
        ("enabled", yes_no(user.enabled)),
        ("locked until", text(&user.locked_until)),
        ("second factor", yes_no(user.totp)),
        ("password", password.clone().or_else(|| user.password.clone()).unwrap_or_default()),
    ];
    let mut user = user.clone();
    if let Some(password) = password {
        user.more.insert(GENERATED.to_owned(), json!(password));
    }
    show_one(output, &user, &shown)
}
