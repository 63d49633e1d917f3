//! The demo's organisations: a partner that meets every prerequisite, and another one whose rows must never be shown.

use insightgate_identity::application::{Application, Permission};
use insightgate_identity::program::Program;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_identity::tenant::{Location, Tenant};
use insightgate_identity::user::domain_of;
use insightgate_operations::context::Context;
use insightgate_operations::failure::Failure;
use insightgate_operations::provisioning::Provisioner;
use insightgate_operations::provisioning::add_user::{add_user, assign_role, checked_user};
use insightgate_operations::provisioning::enroll_tenant::enroll_tenant;
use insightgate_operations::provisioning::register_application::{register_application, register_public_application};
use uuid::Uuid;

use super::credentials::{self, Credentials};
use super::sample;
use crate::cli::{DemoArguments, FixedIdentities};
use crate::command_error::CommandError;
use crate::data_folder::DataFolder;

/// Identifiers are derived from the seed in this namespace.
const NAMESPACE: Uuid = Uuid::from_u128(0x6c1e_9a52_3d0f_4b6e_9a57_1d0c_5be1_77a4);
const DOMAIN: &str = "contoso.example";
const ACTOR: &str = "insightgate demo";

/// Reads the folder's identities, or makes them in a new folder, and writes them into a database that has none.
pub async fn identities(context: &Context, folder: &DataFolder, arguments: &DemoArguments) -> Result<Credentials, CommandError> {
    let mut credentials = match credentials::load(folder)? {
        Some(kept) => {
            refuse_others(&kept, &arguments.identities)?;
            kept
        }
        None => {
            let made = generate(context, arguments)?;
            credentials::save(folder, &made)?;
            made
        }
    };
    let failed = |failure| CommandError::failed(format!("the demo's identities could not be made: {failure:?}"));
    // The database was moved away to start again: users who signed in before can sign in to the new one.
    if credentials.enrolled && context.store.tenants().await.map_err(|error| failed(error.into()))?.is_empty() {
        (credentials.enrolled, credentials.marketplace) = (false, false);
        credentials::save(folder, &credentials)?;
    }
    // No request is served yet, and the folder is locked.
    #[allow(clippy::disallowed_methods)]
    let by = Provisioner::at_start(ACTOR);
    // Each step leaves existing data unchanged, so that a first start that was interrupted continues where it stopped.
    if !credentials.enrolled {
        enroll(context, by, &credentials).await.map_err(failed)?;
    }
    if !credentials.marketplace {
        enroll_in_marketplace(context, by, &credentials).await.map_err(failed)?;
    }
    if !(credentials.enrolled && credentials.marketplace) {
        (credentials.enrolled, credentials.marketplace) = (true, true);
        credentials::save(folder, &credentials)?;
    }
    Ok(credentials)
}

fn generate(context: &Context, arguments: &DemoArguments) -> Result<Credentials, CommandError> {
    let fixed = &arguments.identities;
    let id = |what: &str| Uuid::new_v5(&NAMESPACE, format!("{}:{what}", arguments.seed).as_bytes());
    let secret = || context.random.secret().map_err(|error| CommandError::failed(error.to_string()));
    let username = fixed.username.clone().unwrap_or_else(|| format!("analyst@{DOMAIN}"));
    let password = fixed.password.clone().map_or_else(secret, Ok)?;
    let (username, tenant_domain) = checked(&username, &password)?;
    Ok(Credentials {
        tenant_id: fixed.tenant_id.unwrap_or_else(|| id("tenant")),
        tenant_domain,
        client_id: fixed.client_id.unwrap_or_else(|| id("application")),
        client_secret: fixed.client_secret.clone().map_or_else(secret, Ok)?,
        public_client_id: id("public application"),
        username,
        password,
        operator_id: id("operator"),
        operator_secret: secret()?,
        other_tenant_id: id("other tenant"),
        enrolled: false,
        marketplace: false,
    })
}

/// The sign-in name as it is stored, and its domain. The user has to be one that the management API would accept too.
fn checked(username: &str, password: &str) -> Result<(String, String), CommandError> {
    let domain = domain_of(username.trim()).map(str::to_lowercase);
    let domain = domain.ok_or_else(|| CommandError::usage(format!("--username '{username}' should be name@domain")))?;
    let username = checked_user(username, password, &domain).map_err(|failure| CommandError::usage(failure.to_string()))?;
    Ok((username, domain))
}

/// A folder keeps the identities with which it was made.
fn refuse_others(kept: &Credentials, fixed: &FixedIdentities) -> Result<(), CommandError> {
    let differs = [
        ("--tenant-id", fixed.tenant_id.is_some_and(|id| id != kept.tenant_id)),
        ("--client-id", fixed.client_id.is_some_and(|id| id != kept.client_id)),
        ("--client-secret", fixed.client_secret.as_ref().is_some_and(|secret| *secret != kept.client_secret)),
        ("--username", fixed.username.as_ref().is_some_and(|name| name.to_lowercase() != kept.username)),
        ("--password", fixed.password.as_ref().is_some_and(|password| *password != kept.password)),
    ];
    let differing: Vec<&str> = differs.into_iter().filter(|(_, differs)| *differs).map(|(flag, _)| flag).collect();
    if differing.is_empty() {
        return Ok(());
    }
    let message = format!("the data folder was made with another {}", differing.join(", "));
    Err(CommandError::usage(message).hint("name another folder with --data-dir, or leave the flags out"))
}

async fn enroll(context: &Context, by: Provisioner, credentials: &Credentials) -> Result<(), Failure> {
    for (organisation, locations) in organisations(credentials) {
        enroll_tenant(context, by, &organisation, &locations, Program::Mpn).await?;
    }
    let tenant = credentials.tenant_id;
    let registration = |id, name: &str, operator| Application { operator, ..Application::confidential(id, tenant, name) };
    // Any port of this machine, since libraries listen there while a browser signs in.
    let redirect_uris = || vec!["http://localhost".to_owned()];
    let reports = Application { redirect_uris: redirect_uris(), ..registration(credentials.client_id, "Contoso reports", false) };
    register_application(context, by, &reports, &credentials.client_secret, &[Permission::PartnerApi]).await?;
    let desktop = registration(credentials.public_client_id, "Contoso desktop", false);
    // The pages that try the APIs sign in as it, at whatever port the demo listens.
    let pages = ["http://localhost", "http://127.0.0.1"].map(|host| format!("{host}/swagger/oauth2-redirect.html"));
    let redirect_uris = redirect_uris().into_iter().chain(pages).collect();
    let desktop = Application { public: true, redirect_uris, ..desktop };
    register_public_application(context, by, &desktop, &[Permission::PartnerApi]).await?;
    let operator = registration(credentials.operator_id, "Operator", true);
    register_application(context, by, &operator, &credentials.operator_secret, &[]).await?;
    let user = add_user(context, by, tenant, user_id(credentials), &credentials.username, &credentials.password).await?;
    let viewer = RoleAssignment { role: Role::ExecutiveReportViewer, locations: Locations::Organization };
    assign_role(context, by, tenant, user.id, &viewer).await
}

/// Enrolls both organisations, and grants the role only to the user and to the application.
async fn enroll_in_marketplace(context: &Context, by: Provisioner, credentials: &Credentials) -> Result<(), Failure> {
    for (organisation, locations) in organisations(credentials) {
        enroll_tenant(context, by, &organisation, &locations, Program::Cmp).await?;
    }
    let manager = RoleAssignment { role: Role::Manager, locations: Locations::Organization };
    for assignee in [user_id(credentials), credentials.client_id] {
        assign_role(context, by, credentials.tenant_id, assignee, &manager).await?;
    }
    Ok(())
}

fn user_id(credentials: &Credentials) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{}:{}", credentials.tenant_id, credentials.username).as_bytes())
}

fn organisations(credentials: &Credentials) -> [(Tenant, Vec<Location>); 2] {
    let (own, other) = (credentials.tenant_id, credentials.other_tenant_id);
    let foreign_domain = format!("{other}.foreign.example");
    [(own, credentials.tenant_domain.clone(), partner()), (other, foreign_domain, other_partner())].map(|(id, domain, partner)| {
        let tenant = Tenant { id, domain, name: partner.name, global_account: Some(partner.global_account) };
        let locations = partner.locations.into_iter();
        let location = |location: sample::Location| Location { mpn_id: location.mpn_id, name: location.name, country: location.country };
        (tenant, locations.map(location).collect())
    })
}

/// The partner that the demo shows.
pub fn partner() -> sample::Partner {
    let location = |mpn_id: &str, name: &str, country: &str| sample::Location {
        mpn_id: mpn_id.to_owned(),
        name: name.to_owned(),
        country: country.to_owned(),
    };
    sample::Partner {
        global_account: "1001234".to_owned(),
        locations: vec![
            location("6096123", "Contoso Ltd", "United States"),
            location("6096124", "Contoso GmbH", "Germany"),
            location("6096125", "Contoso India", "India"),
        ],
        name: "Contoso Ltd".to_owned(),
        marker: None,
    }
}

/// The partner whose rows must never be shown; each of its rows says so.
pub fn other_partner() -> sample::Partner {
    sample::Partner {
        global_account: "1009999".to_owned(),
        locations: vec![sample::Location {
            mpn_id: "6099999".to_owned(),
            name: "Foreign Partner Ltd".to_owned(),
            country: "United States".to_owned(),
        }],
        name: "Foreign Partner Ltd".to_owned(),
        marker: Some("Foreign".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_takes_the_users_that_the_management_api_takes() {
        let taken = checked(" Ana@Contoso.example", "correct horse").map_err(|error| error.to_string());
        assert_eq!(taken, Ok(("ana@contoso.example".to_owned(), "contoso.example".to_owned())));
        for (username, password) in [
            ("ana", "correct horse"),
            ("a b@contoso.example", "correct horse"),
            ("ana@contoso", "correct horse"),
            ("ana@-contoso.example", "correct horse"),
            ("ana@contoso.example", "short"),
            ("horse@contoso.example", "correct horse"),
        ] {
            assert!(checked(username, password).is_err(), "{username} {password}");
        }
    }
}
