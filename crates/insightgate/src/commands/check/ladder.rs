//! From what the servers said to the six prerequisites, in the order of the prerequisites page. A server asks for them one after another, so a refusal
//! says that what it asks for before is met, and leaves what it asks for after unknown. Pure.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat};

use super::evidence::{Answered, Call, Evidence, Grant, Granted};
use super::finding::{Finding, Findings, State, Step};
use super::mend;
use crate::terminal::words::{counted, lasting};

/// Seconds by which a clock may be off without a word.
const CLOCK: i64 = 60;
/// Days before its end from which a secret is worth a word.
const SECRET_DAYS: i64 = 30;
const DAY: i64 = 86_400;

pub fn judge(evidence: &Evidence) -> Findings {
    let unknown = |step| Finding { step, state: State::Unknown, reason: "what comes before it has to be met first".to_owned(), mend: None };
    let mut findings = Findings { all: Step::ALL.map(unknown).into(), notes: Vec::new(), unreachable: None };
    match &evidence.grant {
        Grant::Token(token) => granted(&mut findings, evidence, token),
        Grant::Refused(refusal) => refused(&mut findings, evidence, &refusal.codes, &refusal.to_string(), refusal.status),
        Grant::SignInNeeded(reason) => {
            let ended = reason.as_ref().map(|reason| format!("the last sign-in has ended: {reason}"));
            findings.not_met(Step::Token, &ended.unwrap_or_else(|| "nobody is signed in".to_owned()), mend::sign_in(&evidence.place));
            findings.unknown_from_here(Step::Application, "it is asked for when somebody signs in");
        }
        Grant::Failed(trouble) => {
            findings.unknown_from_here(Step::Token, &trouble.reason);
            findings.out_of_reach(&trouble.reason, trouble.hint.clone());
        }
    }
    match &evidence.call {
        Call::NotMade => {
            if !matches!(evidence.grant, Grant::Failed(_)) {
                findings.unknown_from_here(Step::Call, "there is no token to make it with");
            }
        }
        Call::Answer(answer) => called(&mut findings, evidence, answer),
        Call::Failed(trouble) => {
            findings.unknown_from_here(Step::Call, &trouble.reason);
            findings.out_of_reach(&trouble.reason, trouble.hint.clone());
        }
    }
    findings.notes.extend(clock_note(evidence.clock_ahead));
    secret(&mut findings, evidence);
    findings
}

/// A token says that the application, its secret, its permission and the consent were good a moment ago.
fn granted(findings: &mut Findings, evidence: &Evidence, token: &Granted) {
    let place = &evidence.place;
    let secret = if place.has_secret { "a token was granted to it with its secret" } else { "a token was granted to it; it is public" };
    findings.met(Step::Application, secret);
    if token.alone {
        findings.met(Step::Permission, "an application that acts alone needs none");
    } else {
        findings.met(Step::Permission, "the token was granted to act for the user");
    }
    let minutes = (token.expires_at - evidence.now).max(0).unsigned_abs() / 60;
    let end = DateTime::from_timestamp(token.expires_at, 0).map(|end| end.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default();
    let lifetime = format!("it lives {}, until {end}", counted(minutes, "minute"));
    let answered = match &evidence.call {
        Call::Answer(answer) => answer.mfa,
        _ => None,
    };
    match (token.alone, answered.or(token.second_factor)) {
        (true, _) if place.program == "mpn" => {
            findings.not_met(Step::Token, "it is for the application alone, and program mpn needs a user too", mend::user(place));
        }
        (true, _) => findings.met(Step::Token, &format!("for the application alone; {lifetime}")),
        (false, Some(true)) => findings.met(Step::Token, &format!("with a second factor; {lifetime}")),
        (false, None) => findings.met(Step::Token, &format!("whether with a second factor is not knowable from here; {lifetime}")),
        (false, Some(false)) if place.microsofts => {
            let reason = "it has no second factor, without which Microsoft's service refuses every call since 1 April 2026 (900421)";
            findings.not_met(Step::Token, reason, mend::sign_in(place));
        }
        (false, Some(false)) => {
            findings.met(Step::Token, &format!("without a second factor; {lifetime}"));
            findings.notes.push(format!(
                "a password grant gives no second factor, and Microsoft's service refuses its tokens since 1 April 2026: {} signs in with one",
                place.command("login")
            ));
        }
    }
}

fn refused(findings: &mut Findings, evidence: &Evidence, codes: &[u32], reason: &str, status: u16) {
    let step = codes.iter().find_map(|code| mend::step_of(*code)).unwrap_or(Step::Token);
    if status >= 500 || status == 429 {
        findings.unknown_from_here(Step::Token, reason);
        findings.out_of_reach(reason, Some("the authority is busy: try again later".to_owned()));
        return;
    }
    findings.not_met(step, reason, mend::refused_grant(codes, step, &evidence.place));
    if step != Step::Token {
        findings.unknown_from_here(Step::Token, "no token was granted, for the reason above");
    }
    // The authority asks for the tenant, the application, its secret, the user's credential and the consent, in this order.
    if matches!(step, Step::Token | Step::Permission) {
        let secret =
            if evidence.place.has_secret { "the authority knows it and took its secret" } else { "the authority knows it; it is public" };
        findings.met(Step::Application, secret);
    }
}

/// The API asks for the enrollment, the application and the user themselves, the permission and the role, in this order.
fn called(findings: &mut Findings, evidence: &Evidence, answer: &Answered) {
    let place = &evidence.place;
    let message = answer.message.clone().unwrap_or_else(|| format!("refused with status {}", answer.status));
    match answer.status {
        200..=299 => {
            findings.met(Step::Enrollment, &format!("in program {}: its data can be asked for", place.program));
            findings.met(Step::Role, "it opens data");
            findings.met(Step::Call, &counted(answer.datasets as u64, "dataset"));
        }
        401 => {
            let second_factor = answer.code == Some(900_421) || answer.mfa == Some(false) && answer.code.is_some();
            let told = answer.challenge.clone().unwrap_or(message);
            let mend = if second_factor { mend::sign_in(place) } else { mend::not_accepted(place) };
            let number = if second_factor { " (900421)" } else { "" };
            findings.not_met(Step::Token, &format!("the API does not accept it: {told}{number}"), mend);
            findings.unknown_from_here(Step::Call, "it was refused for its token");
        }
        403 => {
            let step = mend::step_of_refusal(&message);
            for (before, reason) in [
                (Step::Enrollment, format!("in program {}", place.program)),
                (Step::Permission, "the API asked for it before what is missing".to_owned()),
            ] {
                if step.is_some_and(|step| before < step && !(step == Step::Token && before == Step::Permission)) {
                    findings.met(before, &reason);
                }
            }
            let step = step.unwrap_or(Step::Role);
            findings.not_met(step, &message, mend::refused_call(step, &message, place));
            findings.unknown_from_here(Step::Call, "it was refused for the reason above (403)");
        }
        404 => findings.not_met(Step::Call, &format!("nothing is at {}", place.endpoint), mend::endpoint(place)),
        429 | 500.. => {
            findings.unknown_from_here(Step::Call, &message);
            let hint = Some("the server is busy or has a fault: try again later".to_owned());
            findings.out_of_reach(&message, hint);
        }
        _ => findings.not_met(Step::Call, &message, mend::endpoint(place)),
    }
}

/// A secret that ends soon is a note where it works, and nothing where it is refused already.
fn secret(findings: &mut Findings, evidence: &Evidence) {
    let Some(end) = evidence.secret_ends else {
        if evidence.place.has_secret && findings.all.iter().any(|found| found.step == Step::Application && found.state == State::Met) {
            findings.notes.push(format!("when the secret ends is not knowable from here: {}", mend::secrets(&evidence.place)));
        }
        return;
    };
    let day = DateTime::from_timestamp(end, 0).map(|end| end.format("%Y-%m-%d").to_string()).unwrap_or_default();
    let days = (end - evidence.now).div_euclid(DAY);
    if (0..SECRET_DAYS).contains(&days) {
        let left = if days == 0 { "today".to_owned() } else { format!("in {}", counted(days.unsigned_abs(), "day")) };
        findings.notes.push(format!("the secret ends {left}, on {day}: {}", mend::new_secret(&evidence.place)));
    } else if let Some(found) = findings.all.iter_mut().find(|found| found.step == Step::Application && found.state == State::Met) {
        found.reason = format!("{}, which ends on {day}", found.reason);
    }
}

fn clock_note(ahead: Option<i64>) -> Option<String> {
    let ahead = ahead.filter(|ahead| ahead.abs() > CLOCK)?;
    let (size, way) = (ahead.abs(), if ahead > 0 { "ahead of" } else { "behind" });
    let size =
        if size < 120 { counted(size.unsigned_abs(), "second") } else { lasting(Duration::from_secs(size.unsigned_abs() / 60 * 60)) };
    Some(format!("this machine's clock is {size} {way} the server's: set it right, since other programs rely on it for their tokens"))
}

#[cfg(test)]
mod tests;
