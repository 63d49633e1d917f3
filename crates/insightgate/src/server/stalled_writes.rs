//! Closes connections whose peer does not read its answers, since a waiting write would never end.
//!
//! Only the time in which a write waits counts, and the bytes that are sent in that time. An HTTP/2 stream can stall without its connection; its
//! writer detects that, and asks for the connection to be closed (`ConnectionEnd` in each request).

use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::task::AtomicWaker;
use insightgate_api::ConnectionEnd;
use insightgate_operations::executions::downloads::DownloadSettings;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// The bytes that the system may hold for a peer beyond what the peer has room for. By default these are some MiB for each stalled connection, and a
/// slow reader would seem to stop while they drain.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 256 << 10;

/// How fast a peer has to read while a write waits for it.
#[derive(Debug, Clone, Copy)]
pub struct LeastRate {
    /// The bytes per second.
    pub rate: u64,
    /// The time over which the rate is averaged.
    pub window: Duration,
}

impl LeastRate {
    /// The rate for downloads applies to every answer.
    pub fn of(downloads: &DownloadSettings) -> LeastRate {
        LeastRate { rate: downloads.least_rate, window: downloads.slow }
    }
}

/// Makes the system, too, drop what a peer does not take, even after the connection was closed. If the system cannot, our own limits hold.
#[cfg(target_os = "linux")]
fn limit_unread(stream: &TcpStream, window: Duration) {
    let socket = socket2::SockRef::from(stream);
    let set = socket.set_tcp_notsent_lowat(UNSENT).and_then(|()| socket.set_tcp_user_timeout(Some(window * 2)));
    if let Err(error) = set {
        tracing::debug!(%error, "the system does not limit what is not read");
    }
}

#[cfg(not(target_os = "linux"))]
fn limit_unread(_: &TcpStream, _: Duration) {}

/// A stream that fails if its peer reads too slowly, or if its end was requested.
pub struct PacedStream<S> {
    stream: S,
    /// The address for the log.
    peer: Option<SocketAddr>,
    least: LeastRate,
    /// When the waiting write began to wait.
    waiting: Option<Instant>,
    /// The time that earlier writes waited in this window.
    waited: Duration,
    /// The bytes written in this window.
    written: u64,
    /// Fires when the window is over.
    timer: Option<Pin<Box<Sleep>>>,
    end: Arc<End>,
}

/// Whether the end was requested, and the task that has to be woken.
#[derive(Debug, Default)]
struct End {
    asked: AtomicBool,
    connection: AtomicWaker,
}

impl End {
    fn handle(self: &Arc<End>) -> ConnectionEnd {
        let end = Arc::clone(self);
        ConnectionEnd::new(move || {
            end.asked.store(true, Ordering::Release);
            end.connection.wake();
        })
    }

    fn check(&self, context: &Context<'_>) -> io::Result<()> {
        self.connection.register(context.waker());
        if self.asked.load(Ordering::Acquire) { Err(stalled()) } else { Ok(()) }
    }
}

fn stalled() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "the peer does not read what it asked for")
}

impl PacedStream<TcpStream> {
    /// Wraps a connection that was just accepted.
    pub fn over(stream: TcpStream, least: LeastRate) -> PacedStream<TcpStream> {
        limit_unread(&stream, least.window);
        let peer = stream.peer_addr().ok();
        PacedStream { peer, ..PacedStream::new(stream, least) }
    }
}

impl<S> PacedStream<S> {
    /// A handle for code that detects a stalled stream within the connection.
    pub fn end(&self) -> ConnectionEnd {
        self.end.handle()
    }

    fn new(stream: S, least: LeastRate) -> PacedStream<S> {
        PacedStream { stream, peer: None, least, waiting: None, waited: Duration::ZERO, written: 0, timer: None, end: Arc::default() }
    }

    fn went_on(&mut self, bytes: usize) {
        self.written += bytes as u64;
        if let Some(since) = self.waiting.take() {
            self.waited += since.elapsed();
            self.timer = None;
        }
    }

    /// Whether the peer has taken too little, now that a write waits. Wakes the task when the window is over.
    fn is_stalled(&mut self, context: &mut Context<'_>) -> bool {
        let since = *self.waiting.get_or_insert_with(Instant::now);
        if self.waited.is_zero() && self.timer.is_none() {
            self.written = 0;
        }
        let left = self.least.window.saturating_sub(self.waited);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(since + left)));
        if timer.as_mut().poll(context).is_pending() {
            return false;
        }
        let least = u128::from(self.least.rate) * self.least.window.as_millis() / 1000;
        if self.written == 0 || u128::from(self.written) < least {
            return true;
        }
        // The next window begins.
        (self.waited, self.waiting, self.timer) = (Duration::ZERO, None, None);
        self.is_stalled(context)
    }

    fn write(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>>
    where
        S: Unpin,
    {
        self.end.check(context)?;
        let written = write(Pin::new(&mut self.stream), context);
        match &written {
            Poll::Ready(Ok(bytes)) => self.went_on(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending if self.is_stalled(context) => {
                tracing::info!(peer = ?self.peer, "a connection was ended: its peer does not read what it asked for");
                return Poll::Ready(Err(stalled()));
            }
            Poll::Pending => {}
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PacedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.end.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PacedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.write(context, |stream, context| stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    const LEAST: LeastRate = LeastRate { rate: 100, window: Duration::from_secs(60) };

    /// Writes without end to a peer with room for 1,000 bytes. Returns how that ended, and after how many seconds.
    async fn written_to(peer: impl AsyncFnOnce(DuplexStream)) -> (ErrorKind, u64) {
        let (ours, theirs) = duplex(1000);
        let mut stream = PacedStream::new(ours, LEAST);
        let began = Instant::now();
        let write = async {
            loop {
                if let Err(error) = stream.write_all(&[7; 500]).await {
                    return error.kind();
                }
            }
        };
        let write = async {
            let kind = write.await;
            (kind, began.elapsed().as_secs())
        };
        tokio::select! {
            biased;
            ended = write => ended,
            () = async { peer(theirs).await; std::future::pending().await } => unreachable!("it never ends"),
        }
    }

    async fn reads(mut peer: DuplexStream, bytes: usize, each: u64, times: usize) -> DuplexStream {
        for _ in 0..times {
            tokio::time::sleep(Duration::from_secs(each)).await;
            assert!(peer.read_exact(&mut vec![0; bytes]).await.is_ok());
        }
        peer
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_nothing_is_left() {
        assert_eq!(
            written_to(async |peer| {
                reads(peer, 0, 1, 1_000_000).await;
            })
            .await,
            (ErrorKind::TimedOut, 60)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_stops_is_left_however_much_it_read_before() {
        let stops = async |peer| {
            let peer = reads(peer, 1000, 1, 500).await;
            reads(peer, 0, 1, 1_000_000).await;
        };
        let (kind, after) = written_to(stops).await;
        assert!(kind == ErrorKind::TimedOut && (560..=620).contains(&after), "{kind} {after}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_drips_is_left_and_a_slow_one_is_not() {
        let (kind, after) = written_to(async |peer| {
            reads(peer, 90, 1, 1_000_000).await;
        })
        .await;
        assert!(kind == ErrorKind::TimedOut && (60..=125).contains(&after), "{kind} {after}");
        let goes = async |peer| drop(reads(peer, 110, 1, 5_000).await);
        assert_eq!(written_to(goes).await, (ErrorKind::BrokenPipe, 5_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_ends_when_that_is_asked_for() {
        let (ours, _theirs) = duplex(1000);
        let mut stream = PacedStream::new(ours, LEAST);
        let end = stream.end.clone();
        let asking = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            end.asked.store(true, Ordering::Release);
            end.connection.wake();
        };
        // The peer waits for the next request, or for the rest of one.
        let mut byte = [0];
        let (read, ()) = tokio::join!(stream.read(&mut byte), asking);
        assert!(read.is_err_and(|error| error.kind() == ErrorKind::TimedOut));
        assert!(stream.write_all(&[1]).await.is_err() && stream.flush().await.is_err());
    }
}
