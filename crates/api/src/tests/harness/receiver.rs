//! A receiver of callbacks on this machine: it keeps what it was sent, and answers as told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insightgate_operations::context::Settings;
use insightgate_outbound::AddressRules;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Allows callbacks to this machine.
pub(crate) fn allow_loopback(settings: &mut Settings) {
    settings.callbacks.addresses = AddressRules { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// Method and target.
    pub(crate) line: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Whether one of the signatures was made with this secret, computed from the specification.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        assert_eq!(key.len(), 32);
        let content = format!("{}.{}.{}", self.headers["webhook-id"], self.headers["webhook-timestamp"], self.body);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        self.headers.get("webhook-signature").is_some_and(|signatures| {
            signatures.split(' ').any(|signature| {
                let signature = STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
                hmac::verify(&key, content.as_bytes(), &signature).is_ok()
            })
        })
    }
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
    /// What follows the version in the answer's first line.
    answer: Arc<Mutex<String>>,
}

impl Receiver {
    pub(crate) async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let receiver = Receiver { url, received: Arc::default(), answer: Arc::new(Mutex::new("204 No Content".into())) };
        let (received, answer) = (Arc::clone(&receiver.received), Arc::clone(&receiver.answer));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(take(socket, Arc::clone(&received), Arc::clone(&answer)));
            }
        });
        receiver
    }

    /// Sets the answer, such as `302 Found\r\nlocation: …`; with an empty text the receiver does not answer.
    pub(crate) fn answer(&self, status: &str) {
        *self.answer.lock().unwrap() = status.to_owned();
    }

    /// The requests since the last call.
    pub(crate) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.received.lock().unwrap())
    }
}

async fn take(mut socket: TcpStream, received: Arc<Mutex<Vec<Received>>>, answer: Arc<Mutex<String>>) {
    let (mut bytes, mut block) = (Vec::new(), [0; 4096]);
    let request = loop {
        let length = socket.read(&mut block).await.unwrap();
        assert!(length > 0, "cut off");
        bytes.extend_from_slice(&block[..length]);
        if let Some(whole) = read(std::str::from_utf8(&bytes).unwrap()) {
            break whole;
        }
    };
    received.lock().unwrap().push(request);
    let status = answer.lock().unwrap().clone();
    if status.is_empty() {
        let _ = socket.read(&mut block).await;
        return;
    }
    socket.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
}

fn read(text: &str) -> Option<Received> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let (line, headers) = head.split_once("\r\n")?;
    let headers: HashMap<_, _> = headers
        .split("\r\n")
        .filter_map(|header| header.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let line = line.strip_suffix(" HTTP/1.1")?.to_owned();
    (body.len() == length).then(|| Received { line, headers, body: body.to_owned() })
}
