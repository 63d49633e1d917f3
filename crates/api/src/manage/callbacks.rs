//! Callbacks, and the secrets that they are signed with.

use insightgate_operations::manage::callbacks::secrets;
use insightgate_operations::manage::callbacks::secrets::CallbackSecret;
use insightgate_operations::manage::callbacks::{Callback, CallbackAttempt, list_callbacks, replay_callback, show_callback, without_query};
use insightgate_report::instant;
use insightgate_wire::Secret;
use insightgate_wire::answers::{self, Listed};
use insightgate_wire::parameters::CallbackQuery;

use super::answer;
use super::call::Call;
use super::given::{Created, Done, Given, Query, Shown};

pub(super) async fn list(call: Call, Query(query): Query<CallbackQuery>) -> Given<Listed<answers::Callback>> {
    let page = list_callbacks(call.context(), &call.administrator, query).await?;
    Ok(answer::listed(&call, page, |callback| shown(&callback)))
}

pub(super) async fn show(call: Call) -> Given<Shown<answers::Callback>> {
    let (callback, attempts) = show_callback(call.context(), &call.administrator, call.path("callback")).await?;
    Ok(Shown(answers::Callback { attempts: Some(attempts.iter().map(shown_attempt).collect()), ..shown(&callback) }))
}

pub(super) async fn replay(call: Call) -> Given<Shown<answers::Callback>> {
    let replayed = replay_callback(call.context(), &call.administrator, call.path("callback")).await?;
    Ok(Shown(shown(&replayed)))
}

pub(super) async fn list_secrets(call: Call) -> Given<Listed<answers::CallbackSecret>> {
    let listed = secrets::list_callback_secrets(call.context(), &call.administrator, call.tenant(), call.path("owner")).await?;
    Ok(Listed::whole(listed.iter().map(shown_secret).collect()))
}

pub(super) async fn add_secret(call: Call) -> Given<Created<answers::CallbackSecret>> {
    let added = secrets::add_callback_secret(call.context(), &call.administrator, call.tenant(), call.path("owner")).await?;
    let (kept, text) = added;
    Ok(Created(answers::CallbackSecret { secret: Some(Secret(text)), ..shown_secret(&kept) }))
}

pub(super) async fn remove_secret(call: Call) -> Given<Done> {
    let (owner, secret) = (call.path("owner"), call.path("secret"));
    secrets::remove_callback_secret(call.context(), &call.administrator, call.tenant(), owner, secret).await?;
    Ok(Done)
}

fn shown(callback: &Callback) -> answers::Callback {
    answers::Callback {
        id: callback.id.to_string(),
        tenant: callback.tenant.to_string(),
        owner: callback.owner.to_string(),
        program: callback.program.name().to_owned(),
        report_id: callback.report.to_string(),
        execution_id: callback.execution.to_string(),
        event: callback.event.name().to_owned(),
        method: callback.method.name().to_owned(),
        url: without_query(&callback.url),
        state: callback.delivery.state.name().to_owned(),
        attempt_count: callback.delivery.attempts.into(),
        created: instant::format(callback.created),
        due: instant::format(callback.delivery.due),
        give_up: instant::format(callback.delivery.give_up),
        finished: callback.delivery.finished.map(instant::format),
        attempts: None,
        more: answers::More::new(),
    }
}

fn shown_attempt(attempt: &CallbackAttempt) -> answers::CallbackAttempt {
    answers::CallbackAttempt {
        number: attempt.number.into(),
        at: instant::format(attempt.at),
        milliseconds: Some(attempt.milliseconds.into()),
        http_status: attempt.http_status,
        error: attempt.error.clone(),
        more: answers::More::new(),
    }
}

fn shown_secret(secret: &CallbackSecret) -> answers::CallbackSecret {
    answers::CallbackSecret {
        id: secret.id.to_string(),
        secret: None,
        created: Some(instant::format(secret.created)),
        expires: secret.expires.map(instant::format),
        more: answers::More::new(),
    }
}
