//! The first call that a newcomer makes, with all that its answer says about the caller: for a program that explains why a call is refused.

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::calls::Client;
use crate::error::ClientError;
use crate::exchange::page::without_mark;
use crate::token::Token;

/// The answer to a list of the datasets, whatever it is.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstCall {
    pub status: u16,
    pub headers: HeaderMap,
    /// None if something else than this API answered, such as a proxy's page.
    pub answer: Option<FirstAnswer>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirstAnswer {
    pub message: Option<String>,
    /// A number beside the status, such as 900421.
    pub code: Option<u64>,
    /// How many datasets there are.
    pub datasets: usize,
}

impl Client {
    /// Lists the datasets with this token, or without one. A refusal is an answer too.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn first_call(&self, token: Option<&Token>) -> Result<FirstCall, ClientError> {
        let reply = self.look(&["ScheduledDataset"], token.map(|token| token.access_token.as_str())).await?;
        Ok(FirstCall { status: reply.status, answer: read(&reply.body), headers: reply.headers })
    }
}

/// Names are read in any letter case, and a byte-order mark is passed over.
fn read(body: &[u8]) -> Option<FirstAnswer> {
    let envelope: Value = serde_json::from_slice(without_mark(body)).ok()?;
    let envelope = envelope.as_object()?;
    let named = |name: &str| envelope.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let datasets = named("value").and_then(Value::as_array).map(Vec::len);
    let message = named("message").and_then(Value::as_str).map(str::to_owned);
    let code = named("code").and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
    // Something of an envelope has to be there.
    (datasets.is_some() || message.is_some() || code.is_some()).then(|| FirstAnswer {
        message,
        code,
        datasets: datasets.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_in_either_letter_case_and_a_page_is_none() {
        let answer = read(b"\xef\xbb\xbf{\"Value\": [{}, {}], \"Message\": \"ok\", \"StatusCode\": 200}").unwrap();
        assert_eq!((answer.datasets, answer.message.as_deref(), answer.code), (2, Some("ok"), None));
        let refused = read(br#"{"value": [], "message": "Unauthorized", "statusCode": 401, "code": 900421}"#).unwrap();
        assert_eq!((refused.datasets, refused.code), (0, Some(900_421)));
        for other in ["<html>", "[]", "{}", "null", ""] {
            assert!(read(other.as_bytes()).is_none(), "{other}");
        }
    }
}
