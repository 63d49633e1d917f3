//! What a server says of its own health, which anybody may ask: no token is sent, and nothing is asked twice.

use std::time::Duration;

use serde_json::Value;

use crate::error::ClientError;
use crate::http::{address, below, connect, parse_url, unreachable};

/// An answer to `/healthz` or `/readyz`, whatever its status is.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    pub status: u16,
    /// JSON that names each check; null where the answer is something else.
    pub body: Value,
}

/// `url`: where the server is, such as `http://127.0.0.1:7080`. `path`: `healthz` or `readyz`. `ca_certificate`: certificates in PEM that are trusted
/// besides the system's. `answer`: how long the answer is waited for.
///
/// # Errors
/// When the address is none, or nobody answers there in time.
pub async fn health(url: &str, path: &str, ca_certificate: Option<&[u8]>, answer: Duration) -> Result<Health, ClientError> {
    let url = below(&parse_url(url)?, &[path]);
    let (http, address) = (connect(ca_certificate, answer, &[&url])?, address(&url));
    let failed = |error| unreachable(&address, error);
    let response = http.get(url).timeout(answer).send().await.map_err(failed)?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(failed)?;
    Ok(Health { status, body: serde_json::from_slice(&body).unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Scripted, json};

    #[tokio::test]
    async fn each_status_is_an_answer() {
        let server = Scripted::start(vec![json(200, &[], "ok"), json(503, &[], r#"{"ready": false}"#)]).await;
        let url = format!("http://{}", server.address);
        let ask = async |path: &str| health(&url, path, None, Duration::from_secs(60)).await;
        assert_eq!(ask("healthz").await.unwrap(), Health { status: 200, body: Value::Null });
        assert_eq!(ask("readyz").await.unwrap(), Health { status: 503, body: serde_json::json!({"ready": false}) });
        assert!(server.requests()[1].starts_with("get /readyz "));
        assert!(matches!(ask("readyz").await.unwrap_err(), ClientError::Unreachable { .. }));
    }
}
