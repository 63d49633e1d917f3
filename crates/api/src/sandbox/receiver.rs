//! The built-in receiver of callbacks, at any address below `/sandbox/v1/receiver`, and `/sandbox/v1/callbacks`, which lists what came.

use axum::http::{HeaderMap, StatusCode};
use insightgate_operations::callbacks::received::{Received, holds};
use insightgate_report::instant;
use serde_json::{Map, Value, json};

use super::{Call, Given, sandbox, unread};

/// Bytes of a body.
const BODY_LIMIT: usize = 64 << 10;
const HEADERS: [&str; 5] = ["content-type", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature"];

pub(super) async fn list(call: Call) -> Given {
    let mut callbacks = sandbox(&call.state)?.received.list();
    for callback in &mut callbacks {
        // Kept as text, which takes no more than its bytes.
        if let Some(body) = callback.get_mut("body") {
            *body = body.as_str().map_or(Value::Null, |text| serde_json::from_str(text).unwrap_or_else(|_| text.into()));
        }
    }
    Ok((StatusCode::OK, json!({ "callbacks": callbacks })))
}

pub(super) async fn clear(call: Call) -> Given {
    Ok((StatusCode::OK, json!({ "cleared": sandbox(&call.state)?.received.clear() })))
}

/// Takes whatever comes. A fault makes it fail.
pub(super) async fn receive(call: Call) -> Given {
    let Call { state, method, uri, headers, body } = call;
    let body = body.read(BODY_LIMIT).await.map_err(unread)?;
    let text = String::from_utf8_lossy(&body).into_owned();
    let received = Received {
        id: text_of(&headers, "webhook-id"),
        timestamp: text_of(&headers, "webhook-timestamp"),
        signature: text_of(&headers, "webhook-signature"),
        body: &text,
    };
    let signature = holds(&state.context, &received).await?;
    let shown: Map<String, Value> =
        HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), headers.get(*name)?.to_str().ok()?.into()))).collect();
    sandbox(&state)?.received.add(json!({
        "time": instant::format(state.context.clock.now()),
        "method": method.as_str(),
        "path": uri.path(),
        "query": uri.query(),
        "headers": shown,
        "body": if text.is_empty() { Value::Null } else { text.as_str().into() },
        "signature": signature.name(),
    }));
    Ok((StatusCode::NO_CONTENT, Value::Null))
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
