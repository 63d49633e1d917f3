//! The record of who was given or refused what: filtered, page by page, and as a file.

use std::collections::HashMap;

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse as _;
use chrono::NaiveDateTime;
use insightgate_identity::tenant::Tenant;
use insightgate_operations::console::names::{Named, Thing, named};
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::audit_export::{AuditFormat, export_audit};
use insightgate_operations::manage::audit_log::{AuditEvent, AuditQuery, read_audit};
use insightgate_operations::manage::page::skip_token;
use url::form_urlencoded::Serializer;

use super::endpoint::{Endpoint, Given, Needs};
use super::organisation::place;
use super::page::grouped::Grouped;
use super::page::{self, Frame, Place, Shown};
use super::visit::Visit;
use super::visit::form::Form;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let needs = Needs::Duty(Duty::Look);
    vec![
        Endpoint::get("/console/tenants/{tenant}/audit", needs, show),
        Endpoint::get("/console/tenants/{tenant}/audit/export", needs, export),
    ]
}

/// Events on a page.
const PAGE: u32 = 50;
/// The fields of the filter.
const FILTER: [&str; 6] = ["action", "actor", "subject", "correlationId", "from", "to"];

#[derive(Template)]
#[template(path = "console/audit.html")]
struct AuditTrailPage<'a> {
    frame: Frame,
    tenant: Tenant,
    form: &'a Form,
    events: Vec<AuditEvent>,
    /// What actors and subjects are, by their texts.
    named: HashMap<String, Known>,
    total: u64,
    /// The filter as the fields of an address.
    filter: String,
    /// The fields of the next page's address.
    next: Option<String>,
    is_first: bool,
    is_operator: bool,
    fault: Option<String>,
}

/// Something with a name, and a page that the visitor may open.
struct Known {
    name: String,
    page: String,
}

impl AuditTrailPage<'_> {
    /// A filter as it was typed, for its field.
    fn typed(&self, name: &str) -> &str {
        let typed = self.form.raw(name);
        if !matches!(name, "from" | "to") {
            return typed;
        }
        // Inputs of times have no zone, and take nothing else.
        let typed = typed.trim_end_matches('Z');
        let is_time = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"].iter().any(|form| NaiveDateTime::parse_from_str(typed, form).is_ok());
        if is_time { typed } else { "" }
    }

    /// Who or what an actor or a subject is, if it is one of the organisation's.
    fn known(&self, text: &str) -> Option<&Known> {
        self.named.get(text)
    }

    /// The address of the events that have this in the field.
    fn only(&self, field: &str, text: &str) -> String {
        let query = Serializer::new(String::new()).append_pair(field, text).finish();
        format!("/console/tenants/{}/audit?{query}", self.tenant.id)
    }

    fn is_filtered(&self) -> bool {
        !self.filter.is_empty()
    }
}

/// The filter of a form or an address.
fn query(form: &Form) -> AuditQuery {
    AuditQuery {
        actor: form.text("actor"),
        action: form.text("action"),
        subject: form.text("subject"),
        correlation_id: form.text("correlationId"),
        from: form.text("from").map(instant),
        to: form.text("to").map(instant),
        page_size: Some(PAGE.to_string()),
        skip_token: form.text("skipToken"),
    }
}

/// The time of a browser's input, which has no zone and may have no seconds, as an instant in UTC.
pub(super) fn instant(typed: String) -> String {
    let is_of_input = typed.len() >= "2026-11-22T12:00".len() && typed.get(10..11) == Some("T") && !typed.ends_with('Z');
    match typed.len() {
        16 if is_of_input => typed + ":00Z",
        19 if is_of_input => typed + "Z",
        _ => typed,
    }
}

/// The filter, to be put into an address.
fn fields(form: &Form) -> String {
    let set = FILTER.iter().filter_map(|name| Some((*name, form.text(name)?)));
    Serializer::new(String::new()).extend_pairs(set).finish()
}

fn known(visit: &Visit, tenant: &Tenant, named: Named) -> Known {
    let at = format!("/console/tenants/{}", tenant.id);
    let runs = |field| {
        let mut query = Serializer::new(String::new());
        if visit.is_operator() {
            query.append_pair("tenant", &tenant.id.to_string());
        }
        format!("/console/runs?{}", query.append_pair(field, &named.id.to_string()).finish())
    };
    let page = match named.thing {
        Thing::User => format!("{at}/people/{}", named.id),
        Thing::Application => format!("{at}/applications/{}", named.id),
        // The page of a report is its owner's.
        Thing::Report { owner, program } if owner == visit.principal().owner() && visit.reads(program) => {
            format!("/console/{program}/reports/{}", named.id)
        }
        Thing::Report { .. } => runs("reportId"),
        Thing::Execution => runs("executionId"),
    };
    Known { name: named.name, page }
}

async fn show(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let tenant = administrator.tenant_for(visit.context(), visit.tenant(), Duty::Look).await?;
    let form = visit.form();
    let (events, total, next, failure) = match read_audit(visit.context(), &administrator, Some(visit.tenant()), query(form)).await {
        Ok(page) => (page.items, page.total, page.next, None),
        Err(failure @ Failure::Invalid(_)) => (Vec::new(), 0, None, Some(failure)),
        Err(failure) => return Err(failure),
    };
    let texts = events.iter().flat_map(|event| [event.actor.as_str(), event.subject.as_str()]);
    let named = named(visit.context(), &administrator, visit.tenant(), texts).await?;
    let named = named.into_iter().map(|(text, named)| (text, known(&visit, &tenant, named))).collect();
    let filter = fields(form);
    let after = |token: &str| Serializer::new(filter.clone()).append_pair("skipToken", token).finish();
    let page = AuditTrailPage {
        frame: Frame::new(&visit, place(&visit, Place::Audit), "Audit trail"),
        next: next.map(|place| after(&skip_token(&place))),
        tenant,
        form,
        events,
        named,
        total,
        filter,
        is_first: form.text("skipToken").is_none(),
        is_operator: visit.is_operator(),
        fault: failure.as_ref().map(ToString::to_string),
    };
    Ok(page::show(&visit, failure.as_ref(), &page))
}

async fn export(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let (format, kind, name) = match visit.form().raw("format") {
        "csv" => (AuditFormat::Csv, "text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
        _ => (AuditFormat::Jsonl, "application/jsonl", "attachment; filename=\"audit.jsonl\""),
    };
    let context = visit.arrival.state.context.clone();
    let lines = export_audit(context, administrator, visit.tenant().to_owned(), query(visit.form()), format).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(name)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}
