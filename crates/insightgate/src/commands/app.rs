//! `insightgate app`: applications, their secrets, permissions and the consent to them.

mod consent;
mod permission;
mod secret;

use clap::{Args, Subcommand};
use insightgate_client::manage::{Application, NewApplication};
use uuid::Uuid;

use crate::command_error::CommandError;
use crate::session::{InTenant, Output, Session, show_list, show_one, yes_no};
use crate::terminal::confirm;

#[derive(Debug, Args)]
pub struct AppArguments {
    #[command(flatten)]
    tenant: InTenant,
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: AppCommand,
}

#[derive(Debug, Subcommand)]
enum AppCommand {
    /// Registers an application
    #[command(after_help = "Examples:\n  insightgate app register 'Contoso reports' --tenant contoso.example\n  \
        insightgate app register 'Desktop' --public --redirect-uri http://localhost:8400 --tenant contoso.example\n  \
        insightgate app register 'Second operator' --operator --tenant operators.internal")]
    Register(RegisterArguments),
    /// All applications
    #[command(after_help = "Example:\n  insightgate app list --tenant contoso.example")]
    List,
    /// One application
    #[command(after_help = "Example:\n  insightgate app show 'Contoso reports' --tenant contoso.example")]
    Show {
        #[arg(value_name = "APP", help = APPLICATION)]
        application: String,
    },
    /// Removes an application with its secrets, permissions and consents
    #[command(after_help = "Example:\n  insightgate app delete 'Contoso reports' --tenant contoso.example --with-reports")]
    Delete {
        #[arg(value_name = "APP", help = APPLICATION)]
        application: String,
        /// With the reports that depend on it, and their files; without this they stand against it
        #[arg(long)]
        with_reports: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Secrets; several may be valid at once, so that they can be changed without a pause
    Secret {
        #[command(subcommand)]
        command: secret::SecretCommand,
    },
    /// What an application may ask for; each permission needs consent too
    Permission {
        #[command(subcommand)]
        command: permission::PermissionCommand,
    },
    /// Consent to an application's permissions, of a whole organisation or of one user
    Consent {
        #[command(subcommand)]
        command: consent::ConsentCommand,
    },
}

const APPLICATION: &str = "The application: its id or name";

#[derive(Debug, Args)]
struct RegisterArguments {
    name: String,
    /// It cannot keep a secret: a program on people's own machines
    #[arg(long)]
    public: bool,
    /// It manages every organisation, as the first operator does
    #[arg(long, conflicts_with = "public")]
    operator: bool,
    /// Where sign-in may lead back to; repeatable
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// The client id; a new one if not given
    #[arg(long, value_name = "UUID")]
    id: Option<Uuid>,
}

/// An application of a tenant.
struct Target<'a> {
    session: &'a Session,
    output: Output,
    tenant: &'a str,
}

impl Target<'_> {
    async fn id(&self, application: &str) -> Result<String, CommandError> {
        self.session.application(self.tenant, application).await
    }
}

pub async fn run(session: &Session, arguments: AppArguments) -> Result<(), CommandError> {
    let AppArguments { tenant, output, command } = arguments;
    let (client, tenant) = (&session.client, session.tenant(&tenant)?);
    let target = Target { session, output, tenant: &tenant };
    match command {
        AppCommand::Register(RegisterArguments { name, public, operator, redirect_uri, id }) => {
            let new = NewApplication { name: Some(name), public, operator, redirect_uris: redirect_uri, id: id.map(|id| id.to_string()) };
            let application = client.register_application(&tenant, &new).await?;
            show(output, &application)?;
            if !application.public {
                eprintln!("next, its secret: insightgate app secret add {} --tenant {tenant}", application.id);
            }
            Ok(())
        }
        AppCommand::List => {
            let applications = client.applications(&tenant).await?;
            let row = |application: &Application| {
                [application.name.clone(), kind(application), yes_no(application.enabled), application.id.clone()]
            };
            show_list(output, &applications, ["name", "kind", "enabled", "id"], row)
        }
        AppCommand::Show { application } => show(output, &client.application(&tenant, &target.id(&application).await?).await?),
        AppCommand::Delete { application, with_reports, yes } => {
            let id = target.id(&application).await?;
            confirm(&format!("Delete {application}{}?", if with_reports { ", with all reports that it created" } else { "" }), yes)?;
            client.delete_application(&tenant, &id, with_reports).await?;
            eprintln!("deleted {application}");
            Ok(())
        }
        AppCommand::Secret { command } => secret::run(&target, command).await,
        AppCommand::Permission { command } => permission::run(&target, command).await,
        AppCommand::Consent { command } => consent::run(&target, command).await,
    }
}

fn show(output: Output, application: &Application) -> Result<(), CommandError> {
    let shown = [
        ("client id", application.id.clone()),
        ("name", application.name.clone()),
        ("kind", kind(application)),
        ("enabled", yes_no(application.enabled)),
        ("redirect URIs", application.redirect_uris.join(" ")),
    ];
    show_one(output, application, &shown)
}

fn kind(application: &Application) -> String {
    let kind = match application {
        Application { operator: true, .. } => "operator",
        Application { public: true, .. } => "public",
        _ => "confidential",
    };
    kind.to_owned()
}
