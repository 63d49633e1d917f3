//! The texts of mails. What others chose, such as the name of a report, is one line in them, and not long.

use chrono::{DateTime, Utc};
use insightgate_identity::application::expiry::SecretNotice;
use insightgate_identity::enrollment::Enrollment;
use insightgate_identity::program::Program;
use insightgate_identity::tenant::Tenant;
use insightgate_outbound::MailError;
use insightgate_report::callback::give_up_after;
use insightgate_report::instant;
use insightgate_report::scheduled_report::Timing;
use insightgate_store::{ClaimedExecution, ExpiringSecret, Mail, MailKind, NewMail, Outcome, Recipient, Summary};
use insightgate_wire::unseen::visible;
use uuid::Uuid;

use crate::context::Context;
use crate::failure::Failure;
use crate::keys::vault::Vault;

/// The most characters of a name, and of a reason.
const LONGEST: usize = 200;

/// The end of every mail.
const FOOT: &str = "\nThis mail was written by a program: an answer reaches nobody.\n";

/// The mail with a verification code, for the primary contact.
pub(crate) fn verification_code(
    context: &Context,
    tenant: &Tenant,
    program: Program,
    code: &str,
    now: DateTime<Utc>,
) -> Result<NewMail, Failure> {
    let id = context.random.ordered_uuid(now)?;
    let body = format!(
        "{name} ({domain}) is to be enrolled in the program {program}, and names you as its primary contact.\n\n\
         The verification code: {code}\n\n\
         Give it to whoever enrolls your organisation: it shows that this address is read. It works for {days} days, as long as you are the contact. A code that you got before no longer works.\n\n\
         If you do not know of this, you need not do anything: nobody is enrolled without the code.\n{FOOT}",
        name = short(&tenant.name),
        domain = tenant.domain,
        program = program.name(),
        days = Enrollment::CODE_DAYS,
    );
    Ok(NewMail {
        id,
        tenant: tenant.id,
        to: Recipient::Contact,
        kind: MailKind::Code,
        occasion: format!("code {id}"),
        subject: format!("The verification code of {}", short(&tenant.name)),
        body: String::new(),
        sealed: Some(context.vault.seal(&purpose(id), body.as_bytes()).map_err(Failure::internal)?),
        created: now,
        give_up: give_up_after(now),
        summary: None,
    })
}

/// The mail about an execution that ended at `now`, for the report's owner. `None` unless it failed for good, and without a mail server.
pub(crate) fn of_execution(
    context: &Context,
    claimed: &ClaimedExecution,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<Option<NewMail>, Failure> {
    let (reason, pauses) = match outcome {
        Outcome::Failed { reason } => (reason, false),
        Outcome::Refused { reason } => (reason, matches!(claimed.report.timing, Timing::Recurring(_))),
        Outcome::Completed { .. } | Outcome::Retry { .. } | Outcome::Postponed { .. } => return Ok(None),
    };
    if context.mail.is_none() {
        return Ok(None);
    }
    let (report, execution) = (&claimed.report, &claimed.execution);
    let (name, reason) = (short(&report.name), short(reason));
    let paused = if pauses { "\nIts schedule is paused: it does not run again until somebody resumes it.\n" } else { "" };
    let body = format!(
        "An execution of the report \"{name}\" failed, and is not tried again.\n\n\
         Reason: {reason}\n{paused}\n\
         Owner: {owner}\nProgram: {program}\nReport: {report}\nExecution: {execution}\nEnded: {ended}\n{FOOT}",
        owner = short(&report.user),
        program = report.program.name(),
        report = report.id,
        execution = execution.id,
        ended = instant::format(now),
    );
    let line = format!("{name} ({}): {reason}{}\n", report.id, if pauses { " Its schedule is paused." } else { "" });
    Ok(Some(NewMail {
        id: context.random.ordered_uuid(now)?,
        tenant: report.tenant,
        to: Recipient::Owner(report.owner),
        kind: MailKind::Failure,
        occasion: format!("execution {} {}", execution.id, execution.epoch),
        subject: format!("The report \"{name}\" failed{}", if pauses { " and is paused" } else { "" }),
        body,
        sealed: None,
        created: now,
        give_up: give_up_after(now),
        summary: Some(Summary { subject: "Further reports failed".to_owned(), line }),
    }))
}

/// What tells the notices of secrets apart.
pub(crate) fn occasion(secret: &ExpiringSecret, notice: SecretNotice) -> String {
    format!("secret {} {}", secret.id, notice.name())
}

/// The mail about a secret that expires or has expired, for the administrators.
pub(crate) fn secret(context: &Context, secret: &ExpiringSecret, notice: SecretNotice, now: DateTime<Utc>) -> Result<NewMail, Failure> {
    let application = short(&secret.application_name);
    let happens = match notice {
        SecretNotice::Month | SecretNotice::Week => "expires",
        SecretNotice::Ended => "has expired",
    };
    let others = match secret.longer {
        0 => "The application has no secret that works for longer: without another one it gets no tokens then.",
        1 => "The application has another secret that works for longer.",
        _ => "The application has other secrets that work for longer.",
    };
    let described = match short(&secret.description) {
        empty if empty.is_empty() => String::new(),
        described => format!(" ({described})"),
    };
    let body = format!(
        "A secret of the application \"{application}\" {happens}.\n\n\
         Secret: {id}{described}\nEnd: {end}\nApplication: {app}\n\n{others}\n{FOOT}",
        id = secret.id,
        end = instant::format(secret.expires),
        app = secret.application,
    );
    Ok(NewMail {
        id: context.random.ordered_uuid(now)?,
        tenant: secret.tenant,
        to: Recipient::Administrators,
        kind: MailKind::Secret,
        occasion: occasion(secret, notice),
        subject: format!("A secret of {application} {happens}"),
        body,
        sealed: None,
        created: now,
        give_up: give_up_after(now),
        summary: None,
    })
}

/// The whole text of a mail.
///
/// # Errors
/// When none of the keys opens what is encrypted.
pub(crate) fn text(vault: &Vault, mail: &Mail) -> Result<String, MailError> {
    if let Some(sealed) = &mail.sealed {
        let opened = vault.open(&purpose(mail.id), sealed).map_err(|fault| MailError::Unsendable(fault.to_string()))?;
        return String::from_utf8(opened).map_err(|error| MailError::Unsendable(error.to_string()));
    }
    if mail.kind != MailKind::Failures {
        return Ok(mail.body.clone());
    }
    let named = u32::try_from(mail.body.lines().count()).unwrap_or(u32::MAX);
    let others = match mail.events.saturating_sub(named) {
        0 => String::new(),
        others => format!("… and {others} more.\n"),
    };
    Ok(format!(
        "After the failures that you were told of one by one, executions failed {} more times on that day:\n\n{}{others}{FOOT}",
        mail.events, mail.body
    ))
}

/// For which a mail is sealed.
fn purpose(id: Uuid) -> String {
    format!("mail {id}")
}

/// One line of what others chose.
fn short(text: &str) -> String {
    let text = visible(text);
    let line: String = text.trim().chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim().chars().nth(LONGEST).is_some() { line + "…" } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_chose_is_one_line_that_turns_nothing() {
        assert_eq!(short(" Contoso\r\nBcc: x\u{202e}gnp \u{200b}"), "Contoso  Bcc: x\u{fffd}gnp \u{fffd}");
        assert_eq!(short(&"a".repeat(LONGEST + 1)), "a".repeat(LONGEST) + "…");
    }
}
