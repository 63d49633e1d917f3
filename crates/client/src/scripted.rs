//! A server for tests that answers each request with the next of its texts, and closes the connection behind it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::{Client, ClientSettings, Retries, SignIn, Token};

pub struct Scripted {
    pub address: SocketAddr,
    /// Heads and bodies, as they came.
    requests: Arc<Mutex<Vec<(String, String)>>>,
}

impl Scripted {
    pub async fn start(answers: Vec<Vec<u8>>) -> Scripted {
        Scripted::start_with(|_| answers).await
    }

    /// With answers that name the server's own address.
    pub async fn start_with(answers: impl FnOnce(SocketAddr) -> Vec<Vec<u8>>) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = answers(address);
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read(&mut stream).await;
                kept.lock().unwrap().push(request);
                stream.write_all(&answer).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        Scripted { address, requests }
    }

    /// The requests until now, as they came.
    pub fn sent(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|(head, body)| format!("{head}\r\n\r\n{body}")).collect()
    }

    /// The heads of the requests until now, in lower case.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|(head, _)| head.to_lowercase()).collect()
    }

    /// The paths of the requests until now with their bodies, in lower case.
    pub fn bodies(&self) -> Vec<String> {
        let path = |head: &str| head.split_whitespace().nth(1).unwrap_or_default().to_owned();
        self.requests.lock().unwrap().iter().map(|(head, body)| format!("{} {body}", path(head)).to_lowercase()).collect()
    }

    /// For the API that is there at the server.
    pub fn settings(&self, api: &str) -> ClientSettings {
        ClientSettings {
            authority_token_url: format!("http://{}/t/oauth2/token", self.address),
            api_base: format!("http://{}/{api}", self.address),
            resource: "r".into(),
            client_id: "app".into(),
            client_secret: Some("s".into()),
            sign_in: SignIn::Application,
            ca_certificate: None,
            patience: crate::Patience::default(),
        }
    }

    /// Signed in already, and without a wait between two tries.
    pub async fn client(&self) -> Client {
        let retries = Retries { most: 2, first_wait: Duration::ZERO, longest_wait: Duration::from_secs(1) };
        let client = Client::new(self.settings("insights/v1/mpn"), Arc::new(|| 0)).unwrap_or_else(|error| panic!("{error}"));
        let client = client.with_retries(retries);
        client.keep_token(Some(token())).await;
        client
    }
}

/// One that has not ended.
pub fn token() -> Token {
    Token { access_token: "a".into(), refresh_token: None, expires_at: 9000, resource: None, scope: None }
}

/// The head and the body.
async fn read(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return (head.to_owned(), body.to_owned());
            }
        }
        let mut more = [0; 4096];
        let count = stream.read(&mut more).await.unwrap();
        assert!(count > 0, "the request ended early: {text}");
        bytes.extend_from_slice(&more[..count]);
    }
}

/// An answer with its headers, `name: value` each. The length that it claims may be more than it has.
pub fn answer(status: u16, headers: &[&str], body: &[u8], claimed: usize) -> Vec<u8> {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {claimed}\r\nconnection: close\r\n{lines}\r\n");
    [head.as_bytes(), body].concat()
}

/// An answer with JSON.
pub fn json(status: u16, headers: &[&str], body: &str) -> Vec<u8> {
    answer(status, &[headers, &["content-type: application/json"]].concat(), body.as_bytes(), body.len())
}
