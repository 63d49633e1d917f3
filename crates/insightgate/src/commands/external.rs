//! `insightgate external`: whom the tokens of an external issuer stand for.

use clap::{Args, Subcommand};
use insightgate_client::manage::{ExternalIdentity, NewExternalIdentity};

use crate::command_error::CommandError;
use crate::session::{InTenant, Output, Session, show_list, show_one, text};

#[derive(Debug, Args)]
pub struct ExternalArguments {
    #[command(flatten)]
    tenant: InTenant,
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: ExternalCommand,
}

#[derive(Debug, Subcommand)]
enum ExternalCommand {
    /// Binds an issuer's tenant to an organisation, or its user or application to one of that organisation
    ///
    /// Without --user and --application, it is the tenant that is bound: that comes first, and is for operators.
    #[command(
        after_help = "Examples:\n  insightgate external bind https://idp.example/v2.0 --external-tenant 7f0a… --tenant contoso.example\n  \
        insightgate external bind https://idp.example/v2.0 --external-tenant 7f0a… --external-id 91bc… --user analyst@contoso.example --tenant contoso.example"
    )]
    Bind(BindArguments),
    /// All bindings
    #[command(after_help = "Example:\n  insightgate external list --tenant contoso.example")]
    List,
    /// Removes a binding, a tenant's with all in it; tokens that were issued open nothing any more
    #[command(after_help = "Example:\n  insightgate external unbind 3f1c… --tenant contoso.example")]
    Unbind {
        /// The binding's id
        id: String,
    },
}

#[derive(Debug, Args)]
struct BindArguments {
    /// The issuer, exactly as in iss
    issuer: String,
    /// The issuer's own id of the tenant; left out where the issuer is configured for one organisation
    #[arg(long, value_name = "ID")]
    external_tenant: Option<String>,
    /// The issuer's own id of the user or application
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// The user that it stands for: its id or sign-in name
    #[arg(long, value_name = "USER", requires = "external_id", conflicts_with = "application")]
    user: Option<String>,
    /// The application that it stands for: its id or name
    #[arg(long, value_name = "APP", requires = "external_id")]
    application: Option<String>,
}

pub async fn run(session: &Session, arguments: ExternalArguments) -> Result<(), CommandError> {
    let ExternalArguments { tenant, output, command } = arguments;
    let (client, tenant) = (&session.client, session.tenant(&tenant)?);
    match command {
        ExternalCommand::Bind(BindArguments { issuer, external_tenant, external_id, user, application }) => {
            let application = match application {
                Some(named) => Some(session.application(&tenant, &named).await?),
                None => None,
            };
            let kind = match (&user, &application) {
                (Some(_), _) => "user",
                (None, Some(_)) => "application",
                (None, None) => "tenant",
            };
            let new =
                NewExternalIdentity { issuer: Some(issuer), kind: Some(kind.to_owned()), external_tenant, external_id, user, application };
            let bound = client.bind_external_identity(&tenant, &new).await?;
            let shown = [
                ("id", bound.id.clone()),
                ("issuer", bound.issuer.clone()),
                ("kind", bound.kind.clone()),
                ("stands for", stands_for(&bound, &tenant)),
            ];
            show_one(output, &bound, &shown)
        }
        ExternalCommand::List => {
            let bindings = client.external_identities(&tenant).await?;
            let row = |bound: &ExternalIdentity| {
                let ExternalIdentity { id, issuer, kind, external_tenant, external_id, .. } = bound.clone();
                [id, issuer, text(&external_tenant), kind, text(&external_id), stands_for(bound, &tenant)]
            };
            show_list(output, &bindings, ["id", "issuer", "external tenant", "kind", "external id", "stands for"], row)
        }
        ExternalCommand::Unbind { id } => {
            client.unbind_external_identity(&tenant, &id).await?;
            eprintln!("{id} is bound no more");
            Ok(())
        }
    }
}

fn stands_for(bound: &ExternalIdentity, tenant: &str) -> String {
    bound.user.clone().or_else(|| bound.application.clone()).unwrap_or_else(|| tenant.to_owned())
}
