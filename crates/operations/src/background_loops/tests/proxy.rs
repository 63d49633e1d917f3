//! A proxy between a context and its Postgres. It counts the messages that the context sends, and falls silent on one connection when it is told to.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Default)]
struct Messages {
    sent: usize,
    /// The connection that sends the message of this number is silent from then on; the others are not.
    silent_at: Option<usize>,
}

pub(super) struct Proxy {
    /// The address of the database through the proxy.
    pub(super) url: String,
    messages: Arc<Mutex<Messages>>,
}

impl Proxy {
    pub(super) async fn before(url: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (before, name) = url.rsplit_once('/').unwrap();
        let (user, host) = before.rsplit_once('@').unwrap();
        let (host, messages) = (host.to_owned(), Arc::<Mutex<Messages>>::default());
        let counted = Arc::clone(&messages);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&host).await else { continue };
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                let silent = Arc::new(watch::channel(false).0);
                tokio::spawn(carry(from_server, to_client, silent.subscribe(), || false));
                let (counted, heard) = (Arc::clone(&counted), silent.subscribe());
                let falls_silent = move || {
                    let mut messages = counted.lock().unwrap();
                    messages.sent += 1;
                    let now = messages.silent_at == Some(messages.sent);
                    if now {
                        silent.send_replace(true);
                    }
                    now
                };
                tokio::spawn(carry(from_client, to_server, heard, falls_silent));
            }
        });
        Proxy { url: format!("{user}@127.0.0.1:{port}/{name}"), messages }
    }

    /// Makes the connection that sends the message of this number, counted from now, fall silent.
    pub(super) fn fall_silent_at(&self, silent_at: Option<usize>) {
        *self.messages.lock().unwrap() = Messages { sent: 0, silent_at };
    }

    pub(super) fn sent(&self) -> usize {
        self.messages.lock().unwrap().sent
    }
}

/// Forwards until either side ends. While the connection is silent, data is lost. The end of the sender is passed on, so that the database releases its
/// locks.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, silent: watch::Receiver<bool>, falls_silent: impl Fn() -> bool) {
    let mut block = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut block).await {
        if falls_silent() || *silent.borrow() {
            continue;
        }
        if to.write_all(&block[..count]).await.is_err() {
            return;
        }
    }
}
