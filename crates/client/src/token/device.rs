//! Sign-in with a device code (RFC 8628): a person types a code into a browser on any machine, while this one asks whether it was done.

use std::fmt;

use serde::Deserialize;

use crate::error::ClientError;
use crate::token::seconds;
use crate::token::signed_in::{Authority, SignedIn};

/// Seconds between two polls, if the authority does not say, and what is added when it says that they come too fast.
const INTERVAL: u64 = 5;

/// What a person needs, and how to wait for it. Its debug form leaves the device's own code out.
#[derive(Clone, PartialEq)]
pub struct DeviceCode {
    pub user_code: String,
    /// The page where the code is typed.
    pub page: String,
    /// What to tell the person, in the authority's words.
    pub message: String,
    /// Unix seconds, by the client's clock.
    pub expires_at: i64,
    /// Seconds between two polls.
    pub interval: u64,
    device_code: String,
}

/// Where a sign-in stands.
#[derive(Debug, PartialEq)]
pub enum DevicePoll {
    /// Ask again after so many seconds.
    Wait(u64),
    Done(Box<SignedIn>),
}

#[derive(Deserialize)]
struct Started {
    device_code: String,
    user_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: String,
    #[serde(default)]
    message: String,
    #[serde(deserialize_with = "seconds")]
    expires_in: i64,
    #[serde(default, deserialize_with = "some_seconds")]
    interval: Option<i64>,
}

fn some_seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    seconds(deserializer).map(Some)
}

impl Authority {
    /// # Errors
    /// When the authority refuses, or cannot be reached.
    pub async fn start_device(&self) -> Result<DeviceCode, ClientError> {
        let scope = self.endpoints.scope();
        let mut form = self.endpoints.application_form("");
        form.retain(|(name, _)| *name != "grant_type");
        form.push(("scope", &scope));
        self.endpoints.post(&self.endpoints.version_2("devicecode"), &form, true, read_started).await
    }

    /// Asks once whether the person has signed in. While the authority cannot be reached, the waits grow until the code expires.
    ///
    /// # Errors
    /// When the person declined, the code has expired, or the answer cannot be read.
    pub async fn poll_device(&self, code: &mut DeviceCode) -> Result<DevicePoll, ClientError> {
        let mut form = self.endpoints.application_form("urn:ietf:params:oauth:grant-type:device_code");
        form.push(("device_code", &code.device_code));
        match self.granted(&form).await {
            Ok(signed_in) => Ok(DevicePoll::Done(Box::new(signed_in))),
            Err(ClientError::Token(refusal)) => match refusal.error.as_str() {
                "authorization_pending" => Ok(DevicePoll::Wait(code.interval)),
                "slow_down" => {
                    code.interval = code.interval.saturating_add(INTERVAL);
                    Ok(DevicePoll::Wait(code.interval))
                }
                // The authority is busy, which is no answer to the question.
                "temporarily_unavailable" => Ok(DevicePoll::Wait(code.interval)),
                _ => Err(ClientError::Token(refusal)),
            },
            // A connection that failed or a gateway's page is no answer either: RFC 8628, section 3.5, asks for longer waits.
            Err(error) if is_passing(&error) => {
                code.interval = code.interval.saturating_mul(2);
                Ok(DevicePoll::Wait(code.interval))
            }
            Err(error) => Err(error),
        }
    }
}

fn is_passing(error: &ClientError) -> bool {
    matches!(error, ClientError::Unreachable { .. } | ClientError::Unexpected { status: 500.., .. })
}

fn read_started(body: &[u8], received: i64) -> Result<DeviceCode, String> {
    let started: Started = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let message = match started.message.as_str() {
        "" => format!("Open {} and enter the code {}.", started.verification_uri, started.user_code),
        message => message.to_owned(),
    };
    Ok(DeviceCode {
        user_code: started.user_code,
        page: started.verification_uri,
        message,
        expires_at: received.saturating_add(started.expires_in),
        interval: started.interval.and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0).unwrap_or(INTERVAL),
        device_code: started.device_code,
    })
}

impl fmt::Debug for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCode").field("page", &self.page).field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_the_answer_are_read() {
        let second = br#"{"device_code":"d3vice","user_code":"ABCD","verification_uri":"https://login.example/device","expires_in":900,
            "interval":7,"message":"To sign in, open the page."}"#;
        let code = read_started(second, 1000).unwrap();
        assert_eq!((code.expires_at, code.interval, code.message.as_str()), (1900, 7, "To sign in, open the page."));
        let first = br#"{"device_code":"d","user_code":"ABCD","verification_url":"https://login.example/device","expires_in":"900"}"#;
        let code = read_started(first, 0).unwrap();
        assert_eq!((code.page.as_str(), code.interval), ("https://login.example/device", 5));
        assert!(code.message.contains("ABCD") && !format!("{code:?}").contains("ABCD"));
        assert!(read_started(b"{}", 0).is_err());
    }
}
