//! Answers about what happened and what is served: audit events, callbacks, datasets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::More;
use crate::Secret;
use crate::forms::{CallbackEventName, CallbackMethodName, CallbackStateName, Count, Flag, Id, ProgramName, Text, Time};
use crate::null::or_default;

/// An event of the audit trail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct AuditEvent {
    #[schemars(with = "Id")]
    pub id: String,
    #[schemars(with = "Time")]
    pub at: String,
    #[serde(default)]
    #[schemars(with = "Option<Id>")]
    pub tenant: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub actor: String,
    #[schemars(with = "Text")]
    pub action: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub subject: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub detail: String,
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    pub correlation_id: Option<String>,
    /// How often the event happened within the minute; 1 for a single event.
    #[serde(default = "once")]
    #[schemars(with = "Count")]
    pub occurrences: u64,
    /// The address of a caller who did not authenticate.
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    pub address: Option<String>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// A call to a report's CallbackUrl.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct Callback {
    #[schemars(with = "Id")]
    pub id: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Id")]
    pub tenant: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Id")]
    pub owner: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "ProgramName")]
    pub program: String,
    #[schemars(with = "Id")]
    pub report_id: String,
    #[schemars(with = "Id")]
    pub execution_id: String,
    /// How the execution ended.
    #[schemars(with = "CallbackEventName")]
    pub event: String,
    #[schemars(with = "CallbackMethodName")]
    pub method: String,
    /// The URL without its query, which may contain the receiver's key.
    #[schemars(with = "Text")]
    pub url: String,
    #[schemars(with = "CallbackStateName")]
    pub state: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Count")]
    pub attempt_count: u64,
    #[schemars(with = "Time")]
    pub created: String,
    /// When the next attempt is due, or when the last one was due.
    #[schemars(with = "Time")]
    pub due: String,
    /// When the server stops trying.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Time")]
    pub give_up: String,
    #[serde(default)]
    #[schemars(with = "Option<Time>")]
    pub finished: Option<String>,
    /// Only present in the answer for a single callback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<CallbackAttempt>")]
    pub attempts: Option<Vec<CallbackAttempt>>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// One attempt to deliver a callback.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct CallbackAttempt {
    #[schemars(with = "Count")]
    pub number: u64,
    #[schemars(with = "Time")]
    pub at: String,
    #[serde(default)]
    #[schemars(with = "Count")]
    pub milliseconds: Option<u64>,
    #[serde(default)]
    #[schemars(with = "Option<Count>")]
    pub http_status: Option<u16>,
    /// Why there is no status.
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    pub error: Option<String>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// A secret that signs callbacks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct CallbackSecret {
    #[schemars(with = "Id")]
    pub id: String,
    /// The secret, which is shown only when it is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text")]
    pub secret: Option<Secret>,
    #[serde(default)]
    #[schemars(with = "Time")]
    pub created: Option<String>,
    /// `null` for the current secret.
    #[serde(default)]
    #[schemars(with = "Option<Time>")]
    pub expires: Option<String>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// A dataset that is served.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct Dataset {
    #[schemars(with = "Text")]
    pub name: String,
    #[schemars(with = "ProgramName")]
    pub program: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub title: String,
    #[serde(default, deserialize_with = "or_default")]
    pub columns: Vec<Column>,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Vec<Text>")]
    pub metrics: Vec<String>,
    /// In hours.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Count")]
    pub minimum_recurrence_interval: u32,
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    pub location_column: Option<String>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// A column of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
#[schemars(inline)]
pub struct Column {
    #[schemars(with = "Text")]
    pub name: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Flag")]
    pub sensitive: bool,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Flag")]
    pub selectable: bool,
}

fn once() -> u64 {
    1
}
