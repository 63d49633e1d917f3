//! Answers a request whose head is too long. The library refuses such a request before our code sees it, with a status and an empty body. This module
//! adds a body in the usual form, and gives the client a moment to read it.
//!
//! It works on the bytes of a connection over HTTP/1, above TLS, and changes no other answer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use insightgate_api::long_head;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::server::connections::Activity;

/// The beginnings of the library's refusals, and their statuses.
const REFUSALS: [(&[u8], u16); 2] = [(b"HTTP/1.1 414 ", 414), (b"HTTP/1.1 431 ", 431)];
/// A number of bytes that no refusal reaches.
const LONGEST_REFUSAL: usize = 512;
/// A client that is still sending does not read. This much of it is taken, for this long, before the connection ends; otherwise the answer may be lost.
const REST_BYTES: usize = 2 << 20;
const REST_TIME: Duration = Duration::from_secs(2);

/// The bytes of a connection.
pub struct LongHeads<S> {
    stream: S,
    activity: Arc<Activity>,
    /// Whether bytes arrived since the last ones were sent.
    came: bool,
    /// Whether the first line of them is complete.
    line_ended: bool,
    /// The number of requests that had begun when the last bytes were sent.
    begun: u64,
    /// The answer that replaces the library's, and how many of its bytes are sent.
    instead: Option<(Vec<u8>, usize)>,
    rest: Option<Rest>,
}

/// What is still taken from a client that was refused.
struct Rest {
    left: usize,
    over: Pin<Box<Sleep>>,
    told: bool,
}

impl<S> LongHeads<S> {
    pub fn new(stream: S, activity: Arc<Activity>) -> LongHeads<S> {
        LongHeads { stream, activity, came: false, line_ended: false, begun: 0, instead: None, rest: None }
    }

    /// Returns the answer for what the library is about to write, if that is the refusal of a head. Our own answers are never taken for one: they
    /// follow a request that has begun, and a refusal follows bytes of which no request began.
    fn words_for(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let begun = self.activity.begun();
        let before = std::mem::replace(&mut self.begun, begun);
        let (came, line_ended) = (std::mem::take(&mut self.came), std::mem::take(&mut self.line_ended));
        let (_, status) = REFUSALS.iter().find(|(beginning, _)| bytes.starts_with(beginning))?;
        let is_whole = bytes.len() < LONGEST_REFUSAL && bytes.ends_with(b"\r\n\r\n");
        let is_refusal = is_whole && came && begun == before && !self.activity.is_at_work();
        // A first line without an end is a URL that is too long, whichever limit of the library it reached.
        is_refusal.then(|| long_head(if line_ended { *status } else { 414 }))
    }
}

impl<S: AsyncWrite + Unpin> LongHeads<S> {
    fn poll_words(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some((words, went)) = &mut self.instead
            && let Some(left) = words.get(*went..).filter(|left| !left.is_empty())
        {
            let count = ready!(Pin::new(&mut self.stream).poll_write(context, left))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *went += count;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LongHeads<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let new = buffer.filled().get(before..).unwrap_or_default();
        self.came = self.came || !new.is_empty();
        self.line_ended = self.line_ended || new.contains(&b'\n');
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LongHeads<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(words) = self.words_for(bytes) {
            self.instead = Some((words, 0));
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(self.poll_words(context))?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        // A refusal is one piece.
        if let [only] = slices {
            return self.poll_write(context, only);
        }
        // Several pieces are one of our own answers.
        self.words_for(&[]);
        ready!(self.poll_words(context))?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_words(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_words(context))?;
        if self.instead.is_none() {
            return Pin::new(&mut self.stream).poll_shutdown(context);
        }
        let this = &mut *self;
        let rest = this.rest.get_or_insert_with(|| Rest { left: REST_BYTES, over: Box::pin(sleep(REST_TIME)), told: false });
        if !rest.told {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            rest.told = true;
        }
        let mut block = [0; 4096];
        while rest.left > 0 && rest.over.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut block);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer))?;
            match buffer.filled().len() {
                0 => break,
                count => rest.left = rest.left.saturating_sub(count),
            }
        }
        Poll::Ready(Ok(()))
    }
}
