//! Who read what: ready questions to the access log, which the product itself answers as it answers its visitor.

use askama::Template;
use chrono::{DateTime, Utc};
use insightgate_identity::program::Program;
use insightgate_identity::tenant::Tenant;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::queries::preview::PREVIEW_ROWS;
use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use super::endpoint::{Endpoint, Given, Needs};
use super::organisation::place;
use super::page::grouped::Grouped;
use super::page::{self, Frame, Place, Shown};
use super::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::get("/console/tenants/{tenant}/usage", Needs::Duty(Duty::Look), show)]
}

/// A question that is asked often.
struct Question {
    /// In the page's address.
    name: &'static str,
    title: &'static str,
    columns: &'static [&'static str],
    condition: &'static str,
    order: &'static str,
    span: &'static str,
    /// What to say if nothing is found.
    none: &'static str,
}

/// `LAST_7_DAYS` ends with yesterday, so that today has a question of its own.
const QUESTIONS: [Question; 5] = [
    Question {
        name: "downloads",
        title: "Downloads of the last 7 days, by user",
        columns: &["User", "Dataset", "EventCount", "TotalRows", "TotalBytes"],
        condition: "Event = 'Download'",
        order: "TotalBytes DESC",
        span: "LAST_7_DAYS",
        none: "Nobody downloaded a file in the seven days before today.",
    },
    Question {
        name: "today",
        title: "Everything of today",
        columns: &["Time", "User", "Application", "Event", "Status", "Dataset", "ReportName", "Rows", "Bytes", "Address"],
        condition: "",
        order: "Time DESC",
        span: "TODAY",
        none: "Nothing was read today. An event is here within a minute.",
    },
    Question {
        name: "refused",
        title: "Refused calls",
        columns: &["Time", "User", "Application", "Dataset", "Detail", "Address"],
        condition: "Event = 'Refused'",
        order: "Time DESC",
        span: "LIFETIME",
        none: "Nobody was refused data.",
    },
    Question {
        name: "datasets",
        title: "By dataset, of the last 30 days",
        columns: &["Dataset", "Event", "EventCount", "UserCount", "TotalRows", "TotalBytes"],
        condition: "",
        order: "EventCount DESC",
        span: "LAST_30_DAYS",
        none: "Nothing was read in the thirty days before today.",
    },
    Question {
        name: "applications",
        title: "By application, of the last 30 days",
        columns: &["Application", "Event", "Status", "EventCount", "TotalBytes"],
        condition: "",
        order: "EventCount DESC",
        span: "LAST_30_DAYS",
        none: "No application read anything in the thirty days before today.",
    },
];

impl Question {
    /// The query. An operator sees the events of every organisation, so that it names one.
    fn text(&self, of: Option<&Tenant>) -> String {
        let of = of.map(|tenant| format!("TenantId = '{}'", tenant.id));
        let conditions: Vec<&str> = [self.condition, of.as_deref().unwrap_or_default()].into_iter().filter(|one| !one.is_empty()).collect();
        let condition = if conditions.is_empty() { String::new() } else { format!("WHERE {}\n", conditions.join(" AND ")) };
        let (columns, order, span) = (self.columns.join(", "), self.order, self.span);
        format!("SELECT {columns}\nFROM AccessLog\n{condition}ORDER BY {order}\nTIMESPAN {span}")
    }
}

#[derive(Template)]
#[template(path = "console/usage.html")]
struct UsagePage {
    frame: Frame,
    tenant: Tenant,
    /// Each question's name and title, and whether it is the one.
    questions: Vec<(&'static str, &'static str, bool)>,
    title: &'static str,
    columns: &'static [&'static str],
    rows: Vec<Vec<Cell>>,
    /// Whether there may be more rows than are shown.
    is_cut: bool,
    none: &'static str,
    query: String,
    /// The editor with the query; an operator has none.
    editor: Option<String>,
    is_operator: bool,
    /// Why the visitor is not answered.
    refused: Option<String>,
    fault: Option<String>,
}

async fn show(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let tenant = administrator.tenant_for(visit.context(), visit.tenant(), Duty::Look).await?;
    let named = visit.form().raw("question");
    let [first, ..] = &QUESTIONS;
    let question = QUESTIONS.iter().find(|question| question.name == named).unwrap_or(first);
    let program = program(&visit);
    let query = question.text(visit.is_operator().then_some(&tenant));
    let (rows, refused, failure) = match answer(&visit, program, &query).await {
        Ok(rows) => (rows, None, None),
        Err(failure @ (Failure::Refused(_) | Failure::Forbidden(_) | Failure::SecondFactorRequired)) => {
            (Vec::new(), Some(failure.to_string()), None)
        }
        Err(failure @ (Failure::Internal(_) | Failure::Unavailable { .. })) => return Err(failure),
        Err(failure) => (Vec::new(), None, Some(failure)),
    };
    let address = Serializer::new(String::new()).append_pair("text", &query).finish();
    let page = UsagePage {
        frame: Frame::new(&visit, place(&visit, Place::Usage), "Usage"),
        questions: QUESTIONS.iter().map(|one| (one.name, one.title, one.name == question.name)).collect(),
        title: question.title,
        columns: question.columns,
        is_cut: rows.len() >= PREVIEW_ROWS,
        rows: rows.iter().map(|row| question.columns.iter().map(|column| cell(column, row.get(*column))).collect()).collect(),
        none: question.none,
        editor: (!visit.is_operator()).then(|| format!("/console/{}/queries?{address}", program.name())),
        query,
        is_operator: visit.is_operator(),
        tenant,
        refused,
        fault: failure.as_ref().map(ToString::to_string),
    };
    Ok(page::show(&visit, failure.as_ref(), &page))
}

/// The program in which the visitor asks: the first whose data are open to the visitor. Operators ask in the marketplace's.
fn program(visit: &Visit) -> Program {
    let (principal, rules) = (visit.principal(), &visit.context().settings.access_rules);
    let is_open = |program: &Program| principal.scope(*program, rules).is_ok();
    let own = Program::ALL.iter().copied().find(is_open).unwrap_or(Program::Mpn);
    if visit.is_operator() { Program::Cmp } else { own }
}

async fn answer(visit: &Visit, program: Program, query: &str) -> Result<Vec<Map<String, Value>>, Failure> {
    let caller = visit.caller(program).await?;
    let tried = visit.preview(&caller, query).await?;
    tried.preview.rows.iter().map(|row| serde_json::from_str(row.get()).map_err(Failure::internal)).collect()
}

/// A value as it is shown.
enum Cell {
    Text(String),
    Number(String),
    Time(Shown),
}

fn cell(column: &str, value: Option<&Value>) -> Cell {
    match value {
        None | Some(Value::Null) => Cell::Text(String::new()),
        Some(Value::String(text)) => match text.parse::<DateTime<Utc>>() {
            Ok(at) if column == "Time" => Cell::Time(Shown(at)),
            _ => Cell::Text(text.clone()),
        },
        Some(other) => Cell::Number(other.to_string()),
    }
}
