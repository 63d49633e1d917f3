//! What a user may see: for each program, whether it is open, which rows, and which columns are hidden. Nobody signs in as somebody else for it.
//!
//! The answer is the one that a request of the user would get: the principal is read as for a request, and [`Principal::scope`] judges it.

use insightgate_identity::application::Application;
use insightgate_identity::principal::Principal;
use insightgate_identity::program::Program;
use insightgate_identity::refusal::Refusal;
use insightgate_identity::role::Locations;
use insightgate_identity::scope::{DatasetRefusal, TenantScope};
use insightgate_identity::user::User;
use insightgate_query::datasets::catalog::Dataset;

use super::application::console_application_id;
use crate::context::Context;
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};
use crate::manage::applications::list_applications;
use crate::manage::users::show_user;

/// What a user may see through an application.
pub struct Reach {
    pub user: User,
    /// The applications of the organisation. The one that the answer is for is `through`.
    pub applications: Vec<Application>,
    /// `None`: the organisation has no application yet, and nothing can be read.
    pub through: Option<Application>,
    /// Whether every sign-in needs a second factor.
    pub needs_second_factor: bool,
    pub programs: Vec<ProgramReach>,
}

pub struct ProgramReach {
    pub program: Program,
    pub opened: Result<Opened, Refusal>,
}

pub struct Opened {
    pub rows: Locations,
    /// The rows whose sensitive columns are shown.
    pub unredacted: Locations,
    pub is_redacted: bool,
    pub datasets: Vec<DatasetReach>,
}

pub struct DatasetReach {
    pub name: String,
    /// The rows that are visible, or why none are.
    pub rows: Result<Locations, DatasetRefusal>,
    /// The columns and metrics that are hidden in some or all of these rows.
    pub hidden: Vec<String>,
}

/// What the user sees through the application, or through the console's if none is named.
///
/// # Errors
/// When the caller may not do this, there is no such user or application, or the database does not answer.
pub async fn reach(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    user: &str,
    application: Option<&str>,
) -> Result<Reach, Failure> {
    let user = show_user(context, administrator, tenant, user).await?;
    administrator.may(context, Duty::LookAtRoles).await?;
    let mut applications = list_applications(context, administrator, tenant).await?;
    applications.retain(|application| !application.operator);
    let through = match application {
        Some(id) => Some(applications.iter().find(|known| known.id.to_string() == id.trim()).ok_or(Failure::NotFound)?),
        None => {
            let own = console_application_id(user.tenant);
            applications.iter().find(|known| known.id == own).or_else(|| applications.iter().find(|known| known.enabled))
        }
    };
    let programs = match through {
        None => Vec::new(),
        Some(through) => {
            let view = context.directory.view();
            let principal = view.principal(user.tenant, through.id, Some(user.id)).await?.ok_or(Failure::NotFound)?;
            Program::ALL.iter().map(|program| of_program(context, &principal, *program)).collect()
        }
    };
    let through = through.cloned();
    Ok(Reach { user, applications, through, needs_second_factor: context.settings.require_mfa, programs })
}

fn of_program(context: &Context, principal: &Principal, program: Program) -> ProgramReach {
    let opened = principal.scope(program, &context.settings.access_rules).map(|scope| {
        let catalog = context.catalogs.of(program);
        Opened {
            rows: scope.locations().clone(),
            unredacted: scope.unredacted().clone(),
            is_redacted: scope.is_redacted(),
            datasets: catalog.datasets().iter().map(|dataset| of_dataset(&scope, dataset)).collect(),
        }
    });
    ProgramReach { program, opened }
}

fn of_dataset(scope: &TenantScope, dataset: &Dataset) -> DatasetReach {
    let within = scope.within(&dataset.name);
    let hidden = match &within {
        Ok(within) if within.is_redacted() => {
            let columns = dataset.columns.iter().filter(|column| column.sensitive).map(|column| column.name.clone());
            let metrics = dataset.metrics.iter().filter(|metric| metric.sensitive).map(|metric| metric.name.clone());
            columns.chain(metrics).collect()
        }
        _ => Vec::new(),
    };
    DatasetReach { name: dataset.name.clone(), rows: within.map(|within| within.locations().clone()), hidden }
}
