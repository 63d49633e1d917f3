//! A listener: accepts connections while there is room for them, speaks TLS and HTTP, and closes connections that wait too long for their client.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use crate::server::connections::{Activity, Admission, Place, Timing, Verdict, Watched, WatchedStream};
use crate::server::long_heads::LongHeads;
use crate::server::stalled_writes::{LeastRate, PacedStream};

/// The concurrent requests of one HTTP/2 connection.
const STREAMS: u32 = 32;
/// The bytes of a body that may arrive before they are read: of one request, and of all requests of a connection.
const STREAM_WINDOW: u32 = 32 << 10;
const CONNECTION_WINDOW: u32 = 64 << 10;
/// The bytes of an answer that are held for one request.
const SEND_BUFFER: usize = 256 << 10;
/// The bytes of a request's head over HTTP/1, and of what is read at once. A URL with its query may have 64 KiB.
const HEAD_BYTES: usize = 80 << 10;
/// The bytes of a request's headers over HTTP/2, including its URL.
const HEADER_LIST: u32 = 64 << 10;
/// The requests that their client has reset and that are not yet forgotten; with more of them, the connection ends.
const RESET_STREAMS: usize = 20;
/// While a request is in progress, an HTTP/2 client must answer pings.
const PING_EVERY: Duration = Duration::from_secs(30);
/// The pause after a connection could not be accepted.
const AFTER_FAULT: Duration = Duration::from_millis(50);
/// How often the log reports that.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// What the listeners of a process share.
#[derive(Debug, Clone)]
pub struct Doors {
    pub admission: Admission,
    pub timing: Timing,
    /// How fast a client has to read its answers.
    pub least: LeastRate,
    /// How long requests may continue when the process is asked to end.
    pub drain: Duration,
}

/// Serves until `stop` is set, over TLS if there is a certificate. Each request is answered by the router that is there when it comes.
pub async fn serve(
    listener: TcpListener,
    app: watch::Receiver<Router>,
    tls: Option<RustlsConfig>,
    doors: Doors,
    mut stop: watch::Receiver<bool>,
) {
    let serving = Serving { app, tls, builder: Arc::new(builder()), timing: doors.timing, least: doors.least, stop: stop.clone() };
    let mut connections = JoinSet::new();
    let mut told: Option<Instant> = None;
    while !*stop.borrow() {
        let accepted = tokio::select! {
            biased;
            changed = stop.changed() => if changed.is_ok() { continue } else { break },
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                let now = Instant::now();
                if told.is_none_or(|told| now.duration_since(told) >= TELL_EVERY) {
                    told = Some(now);
                    tracing::error!(%error, "a connection could not be taken");
                }
                // Usually no open files are left.
                doors.admission.make_room(now);
                tokio::time::sleep(AFTER_FAULT).await;
                continue;
            }
        };
        let Some(place) = doors.admission.admit(peer.ip(), Instant::now()) else { continue };
        let serving = serving.clone();
        connections.spawn(async move { serving.connection(stream, peer, &place).await });
    }
    drop(listener);
    if timeout(doors.drain, async { while connections.join_next().await.is_some() {} }).await.is_err() {
        connections.shutdown().await;
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // The time for a head is limited here, since idle connections may take longer.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(PING_EVERY))
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(HEADER_LIST)
        .max_pending_accept_reset_streams(RESET_STREAMS);
    builder
}

/// What each connection of a listener needs.
#[derive(Clone)]
struct Serving {
    app: watch::Receiver<Router>,
    tls: Option<RustlsConfig>,
    builder: Arc<Builder<TokioExecutor>>,
    timing: Timing,
    least: LeastRate,
    stop: watch::Receiver<bool>,
}

impl Serving {
    async fn connection(mut self, stream: TcpStream, peer: SocketAddr, place: &Place) {
        // Answers are small, and a client waits for each of them.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let activity = &place.activity;
        let stream = PacedStream::over(stream, self.least);
        let service = Watched::new(self.app.clone(), peer, stream.end(), Arc::clone(activity));
        let stream = WatchedStream::new(stream, Arc::clone(activity));
        let Some(tls) = self.tls.take() else {
            return self.exchange(stream, activity, service).await;
        };
        let handshake = TlsAcceptor::from(tls.get_inner()).accept(stream);
        let shaken = tokio::select! {
            biased;
            () = activity.closed() => return,
            _ = self.stop.changed() => return,
            shaken = timeout(self.timing.head, handshake) => shaken,
        };
        match shaken {
            Ok(Ok(stream)) => self.exchange(stream, activity, service).await,
            Ok(Err(error)) => tracing::debug!(client = %peer.ip(), %error, "a TLS handshake failed"),
            Err(_) => tracing::debug!(client = %peer.ip(), "a TLS handshake did not come to its end"),
        }
    }

    /// Requests and answers, until one side ends the connection.
    async fn exchange<S>(mut self, stream: S, activity: &Arc<Activity>, service: Watched)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let timing = self.timing;
        let stream = LongHeads::new(stream, Arc::clone(activity));
        let exchange = self.builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let mut exchange = std::pin::pin!(exchange);
        let mut look = Instant::now() + timing.look();
        // Set when the connection is asked to end: it accepts no further requests, and ends at this time if none is in progress.
        let (mut closing, mut stopping) = (None::<Instant>, *self.stop.borrow());
        if stopping {
            exchange.as_mut().graceful_shutdown();
        }
        loop {
            tokio::select! {
                biased;
                () = activity.closed() => {
                    exchange.as_mut().graceful_shutdown();
                    // The last bytes are written if the socket takes them at once.
                    let _ = timeout(Duration::ZERO, exchange).await;
                    return;
                }
                _ = self.stop.changed(), if !stopping => {
                    stopping = true;
                    exchange.as_mut().graceful_shutdown();
                    look = Instant::now() + timing.closing;
                    closing = Some(look);
                }
                ended = exchange.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended early");
                    }
                    return;
                }
                () = sleep_until(look) => {
                    let now = Instant::now();
                    if closing.is_some_and(|end| now >= end) && !activity.is_at_work() {
                        return;
                    }
                    match activity.verdict(now, &timing) {
                        Verdict::Keep(until) => look = until,
                        Verdict::Idle if closing.is_none() => {
                            exchange.as_mut().graceful_shutdown();
                            look = now + timing.closing;
                            closing = Some(look);
                        }
                        Verdict::Idle | Verdict::NoHead | Verdict::Stalled => return,
                    }
                }
            }
        }
    }
}

/// Returns the listener in the form that accepts connections.
///
/// # Errors
///
/// Fails if the system refuses to register it for waiting.
pub fn prepared(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

#[cfg(test)]
mod tests;
