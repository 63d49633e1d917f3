//! An event of the access log, and its row in the dataset.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use insightgate_identity::principal::Principal;
use insightgate_identity::program::Program;
use insightgate_query::column::Value;
use insightgate_report::scheduled_report::ScheduledReport;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where a request came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// `None` for a call within the process.
    pub address: Option<IpAddr>,
    pub correlation: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Event {
    Preview,
    Run,
    Link,
    Download,
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    Succeeded,
    Failed,
    /// A download that did not take all of what it asked for.
    Broken,
    Refused,
}

/// Who read what. It contains no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    pub event: Event,
    pub status: Status,
    pub program: Option<String>,
    pub user: Option<String>,
    pub user_id: Option<String>,
    pub application: Option<String>,
    pub application_id: Option<String>,
    pub dataset: Option<String>,
    pub query_id: Option<String>,
    pub report_id: Option<String>,
    pub report_name: Option<String>,
    pub execution_id: Option<String>,
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
    pub address: Option<String>,
    pub correlation: Option<String>,
    pub detail: Option<String>,
    /// How many events this one stands for.
    pub occurrences: u64,
}

/// An event with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    pub id: Uuid,
    /// Whose data was read.
    pub tenant: Uuid,
    pub at: DateTime<Utc>,
    pub access: Access,
}

impl Access {
    pub(crate) fn new(event: Event, program: Program) -> Access {
        Access {
            event,
            status: Status::Succeeded,
            program: Some(program.name().to_owned()),
            user: None,
            user_id: None,
            application: None,
            application_id: None,
            dataset: None,
            query_id: None,
            report_id: None,
            report_name: None,
            execution_id: None,
            rows: None,
            bytes: None,
            address: None,
            correlation: None,
            detail: None,
            occurrences: 1,
        }
    }

    /// An event of which nothing else is known.
    pub(super) fn nothing(event: Event) -> Access {
        Access { program: None, ..Access::new(event, Program::Mpn) }
    }

    /// Counts another event of the same kind too.
    pub(super) fn merge(&mut self, other: Access) {
        let sum = |one: Option<u64>, other: Option<u64>| one.map_or(other, |one| Some(one.saturating_add(other.unwrap_or_default())));
        self.rows = sum(self.rows, other.rows);
        self.bytes = sum(self.bytes, other.bytes);
        self.occurrences = self.occurrences.saturating_add(other.occurrences);
        // What they do not have in common is left out.
        if self.address != other.address {
            self.address = None;
        }
        if self.program != other.program {
            self.program = None;
        }
        if self.correlation != other.correlation {
            self.correlation = None;
        }
    }

    pub(crate) fn with_origin(self, origin: &Origin) -> Access {
        let address = origin.address.map(|address| address.to_canonical().to_string());
        Access { address, correlation: Some(origin.correlation.clone()), ..self }
    }

    pub(crate) fn by(self, principal: &Principal) -> Access {
        Access {
            user: principal.user.as_ref().map(|user| user.username.clone()),
            user_id: principal.user.as_ref().map(|user| user.id.to_string()),
            application: Some(principal.application.name.clone()),
            application_id: Some(principal.application.id.to_string()),
            ..self
        }
    }

    pub(crate) fn of_report(self, report: &ScheduledReport, dataset: Option<String>) -> Access {
        Access {
            dataset,
            query_id: Some(report.query_id.clone()),
            report_id: Some(report.id.to_string()),
            report_name: Some(report.name.clone()),
            ..self
        }
    }

    /// The owner of a report, whose application is known by its id only.
    pub(crate) fn by_owner_of(self, report: &ScheduledReport) -> Access {
        let is_user = report.owner != report.application;
        Access {
            user: is_user.then(|| report.user.clone()),
            user_id: is_user.then(|| report.owner.to_string()),
            application_id: Some(report.application.to_string()),
            ..self
        }
    }
}

impl Noted {
    /// The value of the dataset's column with this name; `None` for null, and for a column that no event has.
    pub(crate) fn value(&self, column: &str) -> Option<Value> {
        let Access { event, status, program, user, user_id, application, application_id, dataset, .. } = &self.access;
        let Access { query_id, report_id, report_name, execution_id, rows, bytes, address, correlation, detail, occurrences, .. } =
            &self.access;
        let text = |value: &Option<String>| value.clone().map(Value::String);
        let number = |value: u64| Some(Value::Int(i64::try_from(value).unwrap_or(i64::MAX)));
        match column {
            "Time" => Some(Value::Timestamp(self.at)),
            "Event" => Some(Value::String(event.name().to_owned())),
            "Status" => Some(Value::String(status.name().to_owned())),
            "TenantId" => Some(Value::String(self.tenant.to_string())),
            "Program" => text(program),
            "User" => text(user),
            "UserId" => text(user_id),
            "Application" => text(application),
            "ApplicationId" => text(application_id),
            "Dataset" => text(dataset),
            "QueryId" => text(query_id),
            "ReportId" => text(report_id),
            "ReportName" => text(report_name),
            "ExecutionId" => text(execution_id),
            "Rows" => rows.and_then(number),
            "Bytes" => bytes.and_then(number),
            "Address" => text(address),
            "CorrelationId" => text(correlation),
            "Detail" => text(detail),
            "Occurrences" => number(*occurrences),
            _ => None,
        }
    }
}

impl Event {
    pub fn name(self) -> &'static str {
        match self {
            Event::Preview => "Preview",
            Event::Run => "Run",
            Event::Link => "Link",
            Event::Download => "Download",
            Event::Refused => "Refused",
        }
    }
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Status::Succeeded => "Succeeded",
            Status::Failed => "Failed",
            Status::Broken => "Broken",
            Status::Refused => "Refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use insightgate_query::datasets::builtin;

    use super::*;

    #[test]
    fn every_column_of_the_dataset_has_a_value() {
        let some = |text: &str| Some(text.to_owned());
        let access = Access {
            user: some("user"),
            user_id: some("user id"),
            application: some("application"),
            application_id: some("application id"),
            dataset: some("dataset"),
            query_id: some("query"),
            report_id: some("report"),
            report_name: some("name"),
            execution_id: some("execution"),
            rows: Some(3),
            bytes: Some(2),
            address: some("address"),
            correlation: some("correlation"),
            detail: some("detail"),
            ..Access::new(Event::Run, Program::Mpn)
        };
        let noted = Noted { id: Uuid::nil(), tenant: Uuid::nil(), at: DateTime::UNIX_EPOCH, access };
        let dataset = builtin::access_log().unwrap();
        let values: Vec<_> = dataset.columns.iter().map(|column| noted.value(&column.name)).collect();
        assert!(values.iter().all(Option::is_some), "{values:?}");
        for (index, value) in values.iter().enumerate() {
            assert!(!values[..index].contains(value), "two columns have the same value: {value:?}");
        }
    }

    #[test]
    fn names_are_those_that_the_dataset_allows() {
        let dataset = builtin::access_log().unwrap();
        let allowed = |name: &str| dataset.columns.iter().find(|column| column.name == name).unwrap().allowed.clone();
        let events = [Event::Preview, Event::Run, Event::Link, Event::Download, Event::Refused].map(Event::name);
        let statuses = [Status::Succeeded, Status::Failed, Status::Broken, Status::Refused].map(Status::name);
        assert_eq!((allowed("Event"), allowed("Status")), (events.map(str::to_owned).to_vec(), statuses.map(str::to_owned).to_vec()));
    }
}
