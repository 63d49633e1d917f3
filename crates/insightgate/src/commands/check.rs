//! `insightgate check`: the prerequisites of programmatic access, one by one: met or not, why, and what mends it. Everything is read from real answers
//! of the token endpoint and of one call, so that it works against Microsoft's service too.

mod evidence;
mod finding;
mod ladder;
mod mend;

use chrono::{DateTime, SecondsFormat};
use clap::Args;
use serde_json::json;

use crate::command_error::CommandError;
use crate::env_vars;
use crate::profiles;
use crate::session::Output;
use crate::terminal::table::{Table, plain};
use crate::terminal::{print, print_json};
use evidence::Evidence;
use finding::{Finding, Findings, State};

#[derive(Debug, Args)]
pub struct CheckArguments {
    #[command(flatten)]
    output: Output,
}

pub async fn run(named: Option<&str>, arguments: CheckArguments) -> Result<(), CommandError> {
    let profile = profiles::load(named, env_vars::read)?;
    // What the environment names need not be said.
    let said = named.filter(|named| env_vars::read(&env_vars::PROFILE).as_deref() != Some(named));
    let evidence = Evidence::gather(&profile, said).await?;
    let findings = ladder::judge(&evidence);
    show(&evidence, &findings, arguments.output)?;
    outcome(&findings)
}

fn show(evidence: &Evidence, findings: &Findings, output: Output) -> Result<(), CommandError> {
    if output.json {
        let prerequisites: Vec<_> = findings
            .all
            .iter()
            .map(|found| {
                json!({"id": found.step.id(), "name": found.step.name(), "state": found.state.id(), "reason": found.reason, "mend": found.mend})
            })
            .collect();
        let now = DateTime::from_timestamp(evidence.now, 0).map(|now| now.to_rfc3339_opts(SecondsFormat::Secs, true));
        return print_json(&json!({
            "met": findings.all.iter().all(|found| found.state == State::Met),
            "prerequisites": prerequisites,
            "notes": findings.notes,
            "authority": evidence.place.authority,
            "endpoint": evidence.place.endpoint,
            "program": evidence.place.program,
            "clientId": evidence.place.client_id,
            "username": evidence.place.username,
            "checkedAt": now,
        }));
    }
    let mut table = Table::new(&["prerequisite", "state", "why"]);
    for found in &findings.all {
        table.row([found.step.name(), found.state.name(), &found.reason]);
    }
    print(&table.text())?;
    for Finding { step, mend, .. } in &findings.all {
        if let Some(mend) = mend {
            eprintln!("{}: {}", step.name(), plain(mend));
        }
    }
    for note in &findings.notes {
        eprintln!("note: {}", plain(note));
    }
    Ok(())
}

/// What is missing goes before what could not be reached.
fn outcome(findings: &Findings) -> Result<(), CommandError> {
    let missing: Vec<&str> = findings.all.iter().filter(|found| found.state == State::NotMet).map(|found| found.step.name()).collect();
    if !missing.is_empty() {
        let count = missing.len();
        let words = if count == 1 { "a prerequisite is" } else { "prerequisites are" };
        return Err(CommandError::not_allowed(format!("{words} missing: {}", missing.join(", "))));
    }
    match &findings.unreachable {
        Some((reason, hint)) => {
            let failed = CommandError { code: 5, ..CommandError::failed(plain(reason)) };
            Err(CommandError { hint: hint.clone(), ..failed })
        }
        None => Ok(()),
    }
}
