//! What a user may see, for an administrator who is asked why somebody sees something or does not.

use askama::Template;
use insightgate_identity::application::Application;
use insightgate_identity::role::Locations;
use insightgate_identity::user::{PasswordState, User};
use insightgate_operations::console::reach::{DatasetReach, Opened, ProgramReach, reach};
use insightgate_operations::manage::administrator::Duty;

use super::extent;
use super::one::address;
use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::page::{self, Frame, Place};
use crate::console::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::get("/console/tenants/{tenant}/people/{user}/access", Needs::Duty(Duty::Look), show)]
}

struct ProgramRow {
    title: String,
    /// What is open.
    opened: Option<OpenedRow>,
    /// Why nothing is.
    refused: Option<String>,
}

struct OpenedRow {
    rows: String,
    columns: String,
    datasets: Vec<DatasetRow>,
    /// How many of them are closed.
    closed: usize,
}

struct DatasetRow {
    name: String,
    rows: Option<String>,
    refused: Option<String>,
    hidden: String,
}

#[derive(Template)]
#[template(path = "console/people/access.html")]
struct AccessPage<'a> {
    frame: Frame,
    user: &'a User,
    at: String,
    applications: &'a [Application],
    through: Option<&'a Application>,
    /// What keeps the user from signing in at all.
    hindrances: Vec<&'static str>,
    programs: Vec<ProgramRow>,
}

impl AccessPage<'_> {
    fn is_chosen(&self, application: &Application) -> bool {
        self.through.is_some_and(|through| through.id == application.id)
    }
}

async fn show(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let application = visit.form().text("application");
    let found = reach(visit.context(), &administrator, visit.tenant(), visit.path("user"), application.as_deref()).await?;
    let mut hindrances = Vec::new();
    if found.user.password == PasswordState::MustChange {
        hindrances.push("The user has to choose a password first, on the sign-in pages.");
    }
    if found.needs_second_factor && !found.user.totp {
        hindrances.push("A second factor is required here, and the user has none: the sign-in pages ask to set one up.");
    }
    let page = AccessPage {
        frame: Frame::new(&visit, Place::People, format!("What {} may see", found.user.username)),
        at: address(&visit),
        hindrances,
        programs: found.programs.into_iter().map(of_program).collect(),
        user: &found.user,
        applications: &found.applications,
        through: found.through.as_ref(),
    };
    Ok(page::show(&visit, None, &page))
}

fn of_program(ProgramReach { program, opened }: ProgramReach) -> ProgramRow {
    let (opened, refused) = match opened {
        Ok(opened) => (Some(of_opened(opened)), None),
        Err(refusal) => (None, Some(refusal.to_string())),
    };
    ProgramRow { title: format!("{} ({program})", program.title()), opened, refused }
}

fn of_opened(opened: Opened) -> OpenedRow {
    let columns = match opened.is_redacted {
        false => "All, the sensitive ones too.".to_owned(),
        true if opened.unredacted == Locations::none() => "All but the sensitive ones, which read as empty.".to_owned(),
        true => format!("All, but the sensitive ones only in rows of {}.", extent(&opened.unredacted)),
    };
    let closed = opened.datasets.iter().filter(|dataset| dataset.rows.is_err()).count();
    OpenedRow { rows: extent(&opened.rows), columns, datasets: opened.datasets.into_iter().map(of_dataset).collect(), closed }
}

fn of_dataset(DatasetReach { name, rows, hidden }: DatasetReach) -> DatasetRow {
    let (rows, refused) = match rows {
        Ok(rows) => (Some(extent(&rows)), None),
        Err(refusal) => (None, Some(refusal.to_string())),
    };
    DatasetRow { name, rows, refused, hidden: hidden.join(", ") }
}
