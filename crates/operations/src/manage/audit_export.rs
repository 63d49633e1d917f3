//! The record as a file: lines of JSON or CSV, a page at a time, so that no more than a page of it is in memory.

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt as _};
use insightgate_engine::harmless;
use insightgate_report::instant;
use insightgate_wire::answers::{self, More};
use insightgate_wire::limits::LARGEST_PAGE;

use super::administrator::Administrator;
use super::audit_log::{AuditEvent, AuditQuery, read_audit};
use super::page::skip_token;
use crate::context::SharedContext;
use crate::failure::Failure;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditFormat {
    Jsonl,
    Csv,
}

const COLUMNS: [&str; 10] = ["id", "at", "tenant", "actor", "action", "subject", "detail", "correlationId", "occurrences", "address"];

impl AuditFormat {
    /// What the file begins with.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn heading(self) -> Result<Vec<u8>, csv::Error> {
        match self {
            AuditFormat::Jsonl => Ok(Vec::new()),
            AuditFormat::Csv => record(COLUMNS),
        }
    }

    /// An event as a line, with its end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn line(self, event: &answers::AuditEvent) -> Result<Vec<u8>, csv::Error> {
        match self {
            AuditFormat::Jsonl => Ok(format!("{}\n", serde_json::json!(event)).into_bytes()),
            AuditFormat::Csv => record(fields(event)),
        }
    }
}

/// Every event that fits the query, the newest first. The first page is read before the answer begins, so that a wrong filter is told.
///
/// # Errors
/// When the caller may not do this, a filter is wrong, or the database does not answer; in the stream, when it stops answering.
pub async fn export_audit(
    context: SharedContext,
    administrator: Administrator,
    tenant: String,
    query: AuditQuery,
    format: AuditFormat,
) -> Result<impl Stream<Item = Result<Bytes, Failure>> + Send + 'static, Failure> {
    let query = AuditQuery { page_size: Some(LARGEST_PAGE.to_string()), skip_token: None, ..query };
    let page = read_audit(&context, &administrator, Some(&tenant), query.clone()).await?;
    let mut first = format.heading().map_err(Failure::internal)?;
    first.extend(lines(format, &page.items)?);
    let rest = stream::try_unfold(page.next, move |next| {
        let (context, administrator, tenant, query) = (context.clone(), administrator.clone(), tenant.clone(), query.clone());
        async move {
            let Some(place) = next else { return Ok(None) };
            let query = AuditQuery { skip_token: Some(skip_token(&place)), ..query };
            let page = read_audit(&context, &administrator, Some(&tenant), query).await?;
            Ok(Some((Bytes::from(lines(format, &page.items)?), page.next)))
        }
    });
    Ok(stream::iter([Ok(Bytes::from(first))]).chain(rest))
}

fn lines(format: AuditFormat, events: &[AuditEvent]) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    for event in events {
        bytes.extend(format.line(&shown(event)).map_err(Failure::internal)?);
    }
    Ok(bytes)
}

/// The event as the management API answers it.
pub fn shown(event: &AuditEvent) -> answers::AuditEvent {
    answers::AuditEvent {
        id: event.id.to_string(),
        at: instant::format(event.at),
        tenant: event.tenant.map(|tenant| tenant.to_string()),
        actor: event.actor.clone(),
        action: event.action.clone(),
        subject: event.subject.clone(),
        detail: event.detail.clone(),
        correlation_id: event.correlation.clone(),
        occurrences: event.occurrences,
        address: event.address.clone(),
        more: More::new(),
    }
}

fn fields(event: &answers::AuditEvent) -> [String; 10] {
    let answers::AuditEvent { id, at, tenant, actor, action, subject, detail, correlation_id, occurrences, address, .. } = event.clone();
    let text = Option::unwrap_or_default;
    [id, at, text(tenant), actor, action, subject, detail, text(correlation_id), occurrences.to_string(), text(address)]
}

/// A line of CSV. Names that others chose are in it, and people open it with a spreadsheet, which must not run them.
fn record<Field: AsRef<str>>(fields: [Field; 10]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(fields.iter().map(|field| harmless(field.as_ref()).into_owned()))?;
    writer.into_inner().map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn csv(event: &answers::AuditEvent) -> String {
        String::from_utf8(AuditFormat::Csv.line(event).unwrap()).unwrap()
    }

    #[test]
    fn an_event_is_one_line_of_csv_whatever_it_says() {
        let detail = "two\n\"lines\", one row".to_owned();
        let event = answers::AuditEvent { id: "7".into(), detail, occurrences: 2, ..answers::AuditEvent::default() };
        assert_eq!(csv(&event), "7,,,,,,\"two\n\"\"lines\"\", one row\",,2,\n");
    }

    #[test]
    fn no_cell_is_a_formula() {
        let (detail, subject) = ("=HYPERLINK(\"http://x\")".to_owned(), "+x@contoso.example".to_owned());
        let event = answers::AuditEvent { detail, subject, ..answers::AuditEvent::default() };
        assert_eq!(csv(&event), ",,,,,'+x@contoso.example,\"'=HYPERLINK(\"\"http://x\"\")\",,0,\n");
    }
}
