//! The steps of a sign-in; each page sends one.

use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::user::{self, PasswordState, User};
use insightgate_store::MissingStep;

use super::session::{self, Current, Replaced};
use super::{Ask, SessionChange, Step, Subject, Visit, is_multi_factor, second_factor};
use crate::audit::{self, Happening};
use crate::context::Context;
use crate::credentials::check_password::{check_password, still_holds, verify};
use crate::credentials::guesses::Guesser;
use crate::credentials::hashing_queue::Asker;
use crate::token_failure::TokenFailure;

const WRONG_CODE: &str = "The code is wrong, or was used before. Wait for the next one and type it.";

pub(super) enum Stepped {
    /// The step was taken. The session, if any, may still have missing steps.
    Done(Option<Current>, SessionChange),
    /// The same page is shown again.
    Again(Ask, SessionChange),
}

pub(super) async fn take(
    context: &Context,
    visit: &Visit,
    subject: &Subject,
    current: Option<Current>,
    step: Step,
) -> Result<Stepped, TokenFailure> {
    let missing = current.as_ref().and_then(|current| current.record.missing);
    match (step, current, missing) {
        (Step::Password { username, password }, current, _) => {
            give_password(context, visit, subject, current.as_ref(), &username, &password).await
        }
        (Step::NewPassword { password, again }, Some(current), Some(MissingStep::Password))
            if !current.user.totp || is_multi_factor(&current.record.amr) =>
        {
            give_new_password(context, visit, &current, &password, &again).await
        }
        (Step::Code(code), Some(current), Some(MissingStep::Code)) => give_code(context, visit, current, &code).await,
        (Step::Enrol(code), Some(current), Some(MissingStep::Enrolment)) => enrol(context, visit, current, &code).await,
        (Step::OtherAccount, _, _) => Ok(Stepped::Done(None, SessionChange::Keep)),
        // The step is not the missing one, so its page is out of date. The right page is shown instead.
        (_, current, _) => Ok(Stepped::Done(current, SessionChange::Keep)),
    }
}

async fn give_password(
    context: &Context,
    visit: &Visit,
    subject: &Subject,
    replaced: Option<&Current>,
    username: &str,
    password: &str,
) -> Result<Stepped, TokenFailure> {
    match check_password(context, &subject.tenant, username, password, visit.address).await {
        Ok(checked) => {
            let user = checked.user.clone();
            let missing = missing_step(context, &user, "pwd");
            let stepped = go_on(context, visit, user, missing, "pwd", replaced.map(Replaced::Whatever)).await?;
            if still_holds(context, &checked).await? {
                return Ok(stepped);
            }
            // The cookie of the new session is not sent to the browser.
            let ask = Ask::Password { username: Some(checked.user.username), fault: Some(GrantRefusal::wrong_credentials().text) };
            Ok(Stepped::Again(ask, SessionChange::Keep))
        }
        Err(TokenFailure::Refused(refusal)) => {
            let named = audit::sign_in_name(username, &subject.tenant);
            let refused = happening(visit, subject.tenant.id, &named, "sign_in.refuse", &refusal.to_string());
            audit::count(context, refused, refusal.code.to_string(), visit.address);
            let ask = Ask::Password { username: Some(username.chars().take(200).collect()), fault: Some(refusal.text) };
            Ok(Stepped::Again(ask, SessionChange::Keep))
        }
        Err(failure) => Err(failure),
    }
}

async fn give_new_password(
    context: &Context,
    visit: &Visit,
    current: &Current,
    password: &str,
    again: &str,
) -> Result<Stepped, TokenFailure> {
    let user = &current.user;
    let known = context.store.user_credentials_by_id(user.tenant, user.id).await?;
    let asker = Asker::known(Some(user.id.to_string()));
    let same = verify(context, password, known.and_then(|known| known.password_hash), &asker).await?.right;
    let fault = if password != again {
        Some("The two passwords differ.".to_owned())
    } else if same {
        Some("The new password is the old one.".to_owned())
    } else {
        user::check_password(password, &user.username).err().map(|fault| fault.to_string())
    };
    if fault.is_some() {
        let ask = Ask::NewPassword { username: user.username.clone(), fault };
        return Ok(Stepped::Again(ask, SessionChange::Keep));
    }
    let hash = context.passwords.hash(password, &context.random).await.map_err(TokenFailure::internal)?;
    let changed = happening(visit, user.tenant, &user.username, "password.change", "");
    let store = audit::recording(context, changed).map_err(TokenFailure::internal)?;
    store.set_user_password(user.id, &hash, false).await?;
    let user = User { password: PasswordState::Set, ..user.clone() };
    let missing = missing_step(context, &user, &current.record.amr);
    // Setting the new password has ended the session, so there is none to replace.
    go_on(context, visit, user, missing, &current.record.amr, None).await
}

async fn give_code(context: &Context, visit: &Visit, current: Current, code: &str) -> Result<Stepped, TokenFailure> {
    let user = &current.user;
    let guesser = Guesser::of_user(context, user.id, visit.address);
    // Before the code is compared: the user or the address may have to wait.
    if let Err(failure) = guesser.may_try(context).await {
        return refused(context, &current, MissingStep::Code, failure);
    }
    let right = second_factor::check(context, user, code).await.map_err(TokenFailure::internal)?;
    let counted = if right { guesser.was_right(context, true).await } else { guesser.was_wrong(context, None).await };
    if !right {
        audit::record(context, happening(visit, user.tenant, &user.username, "sign_in.refuse", "wrong code")).await;
    }
    match counted {
        Err(failure) => refused(context, &current, MissingStep::Code, failure),
        Ok(()) if !right => again(context, &current, MissingStep::Code, WRONG_CODE.to_owned()),
        Ok(()) => {
            let missing = missing_step(context, user, "pwd mfa");
            go_on(context, visit, user.clone(), missing, "pwd mfa", Some(Replaced::Own(&current))).await
        }
    }
}

/// The same page, with the refusal on it.
fn refused(context: &Context, current: &Current, missing: MissingStep, failure: TokenFailure) -> Result<Stepped, TokenFailure> {
    match failure {
        TokenFailure::Refused(refusal) => again(context, current, missing, refusal.text),
        failure => Err(failure),
    }
}

async fn enrol(context: &Context, visit: &Visit, current: Current, code: &str) -> Result<Stepped, TokenFailure> {
    let sealed = current.record.offered_secret.clone().unwrap_or_default();
    // If a factor was set up elsewhere in the meantime, the one that was offered here is void.
    let added = happening(visit, current.user.tenant, &current.user.username, "second_factor.add", "");
    let right =
        !current.user.totp && second_factor::confirm(context, &current.user, &sealed, code, added).await.map_err(TokenFailure::internal)?;
    if !right {
        return again(context, &current, MissingStep::Enrolment, WRONG_CODE.to_owned());
    }
    let user = User { totp: true, ..current.user.clone() };
    go_on(context, visit, user, None, "pwd mfa", Some(Replaced::Own(&current))).await
}

async fn go_on(
    context: &Context,
    visit: &Visit,
    user: User,
    missing: Option<MissingStep>,
    amr: &str,
    replaced: Option<Replaced<'_>>,
) -> Result<Stepped, TokenFailure> {
    let succeeded = missing.is_none().then(|| happening(visit, user.tenant, &user.username, "sign_in.succeed", amr));
    let offered = offered_secret(context, &user, missing)?;
    let (current, change) = session::put(context, user, missing, offered, amr, replaced, succeeded).await?;
    Ok(Stepped::Done(Some(current), change))
}

/// The next missing step, including a second factor that was set up or required after this session began.
pub(super) async fn still_missing(
    context: &Context,
    current: &Current,
) -> Result<Option<(MissingStep, Current, Option<SessionChange>)>, TokenFailure> {
    let Current { record, user } = current;
    // A session that began without a second factor must give one that was set up in the meantime, before any other step.
    if let Some(missing) = record.missing.filter(|missing| *missing == MissingStep::Code || !user.totp || is_multi_factor(&record.amr)) {
        return Ok(Some((missing, Current { record: record.clone(), user: user.clone() }, None)));
    }
    let Some(missing) = missing_factor(context, user, &record.amr) else { return Ok(None) };
    let offered = offered_secret(context, user, Some(missing))?;
    let (current, change) =
        session::put(context, user.clone(), Some(missing), offered, &record.amr, Some(Replaced::Own(current)), None).await?;
    Ok(Some((missing, current, Some(change))))
}

/// The second factor comes before a new password: somebody who knows only the old password must not choose the next.
fn missing_step(context: &Context, user: &User, amr: &str) -> Option<MissingStep> {
    match missing_factor(context, user, amr) {
        Some(MissingStep::Code) => Some(MissingStep::Code),
        _ if user.password == PasswordState::MustChange => Some(MissingStep::Password),
        other => other,
    }
}

fn missing_factor(context: &Context, user: &User, amr: &str) -> Option<MissingStep> {
    if is_multi_factor(amr) {
        None
    } else if user.totp {
        Some(MissingStep::Code)
    } else {
        context.settings.require_mfa.then_some(MissingStep::Enrolment)
    }
}

fn offered_secret(context: &Context, user: &User, missing: Option<MissingStep>) -> Result<Option<String>, TokenFailure> {
    if missing != Some(MissingStep::Enrolment) {
        return Ok(None);
    }
    Ok(Some(second_factor::offer(context, user).map_err(TokenFailure::internal)?.sealed))
}

pub(super) fn ask_for(context: &Context, current: &Current, missing: MissingStep, fault: Option<String>) -> Result<Ask, TokenFailure> {
    let username = current.user.username.clone();
    Ok(match missing {
        MissingStep::Code => Ask::Code { username, fault },
        MissingStep::Password => Ask::NewPassword { username, fault },
        MissingStep::Enrolment => {
            let sealed = current.record.offered_secret.as_deref().unwrap_or_default();
            let offered = second_factor::offered_again(context, &current.user, sealed).map_err(TokenFailure::internal)?;
            Ask::Enrol { username, secret: offered.secret, uri: offered.uri, fault }
        }
    })
}

fn again(context: &Context, current: &Current, missing: MissingStep, fault: String) -> Result<Stepped, TokenFailure> {
    Ok(Stepped::Again(ask_for(context, current, missing, Some(fault))?, SessionChange::Keep))
}

fn happening(visit: &Visit, tenant: uuid::Uuid, username: &str, action: &'static str, detail: &str) -> Happening<'static> {
    Happening {
        tenant: Some(tenant),
        actor: username.to_owned(),
        action,
        subject: username.to_owned(),
        detail: detail.to_owned(),
        correlation: Some(visit.correlation.clone()),
    }
}
