//! Callbacks, and the secrets that they are signed with.

use insightgate_operations::manage::callbacks::secrets;
use insightgate_operations::manage::callbacks::secrets::CallbackSecret;
use insightgate_operations::manage::callbacks::{
    Callback, CallbackAttempt, CallbackQuery, list_callbacks, replay_callback, show_callback, shown_url, skip_token,
};
use insightgate_report::instant;
use serde_json::{Value, json};

use super::answer;
use super::call::Call;
use super::endpoint::Given;

pub(super) const PARAMETERS: &[&str] = &["tenant", "reportId", "executionId", "state", "pageSize", answer::SKIP_TOKEN];

pub(super) async fn list(call: Call) -> Given {
    let parameters = &call.parameters;
    let query = CallbackQuery {
        tenant: parameters.text("tenant"),
        report_id: parameters.text("reportId"),
        execution_id: parameters.text("executionId"),
        state: parameters.text("state"),
        page_size: parameters.text("pageSize"),
        skip_token: parameters.text(answer::SKIP_TOKEN),
    };
    let page = list_callbacks(call.context(), &call.administrator, query).await?;
    let next = page.next.map(|place| answer::next_link(&call, &skip_token(&place)));
    let value: Vec<Value> = page.callbacks.iter().map(shown).collect();
    Ok(Some(json!({"value": value, "nextLink": next, "totalCount": page.total})))
}

pub(super) async fn show(call: Call) -> Given {
    let (callback, attempts) = show_callback(call.context(), &call.administrator, call.path("callback")).await?;
    let mut object = shown(&callback);
    if let Value::Object(fields) = &mut object {
        fields.insert("attempts".to_owned(), attempts.iter().map(shown_attempt).collect());
    }
    Ok(Some(object))
}

pub(super) async fn replay(call: Call) -> Given {
    let replayed = replay_callback(call.context(), &call.administrator, call.path("callback")).await?;
    Ok(Some(shown(&replayed)))
}

pub(super) async fn list_secrets(call: Call) -> Given {
    let listed = secrets::list_callback_secrets(call.context(), &call.administrator, call.tenant(), call.path("owner")).await?;
    Ok(Some(answer::list(listed.iter().map(shown_secret).collect())))
}

pub(super) async fn add_secret(call: Call) -> Given {
    let added = secrets::add_callback_secret(call.context(), &call.administrator, call.tenant(), call.path("owner")).await?;
    let (kept, text) = added;
    let mut secret = shown_secret(&kept);
    if let Value::Object(fields) = &mut secret {
        fields.insert("secret".to_owned(), Value::from(text));
    }
    Ok(Some(secret))
}

pub(super) async fn remove_secret(call: Call) -> Given {
    let (owner, secret) = (call.path("owner"), call.path("secret"));
    secrets::remove_callback_secret(call.context(), &call.administrator, call.tenant(), owner, secret).await?;
    Ok(None)
}

fn shown(callback: &Callback) -> Value {
    json!({
        "id": callback.id,
        "tenant": callback.tenant,
        "owner": callback.owner,
        "program": callback.program.name(),
        "reportId": callback.report,
        "executionId": callback.execution,
        "event": callback.event.name(),
        "method": callback.method.name(),
        "url": shown_url(callback),
        "state": callback.state.name(),
        "attemptCount": callback.attempts,
        "created": instant::format(callback.created),
        "due": instant::format(callback.due),
        "giveUp": instant::format(callback.give_up),
        "finished": callback.finished.map(instant::format),
    })
}

fn shown_attempt(attempt: &CallbackAttempt) -> Value {
    json!({
        "number": attempt.number,
        "at": instant::format(attempt.at),
        "milliseconds": attempt.milliseconds,
        "httpStatus": attempt.http_status,
        "error": attempt.error,
    })
}

fn shown_secret(secret: &CallbackSecret) -> Value {
    json!({"id": secret.id, "created": instant::format(secret.created), "expires": secret.expires.map(instant::format)})
}
