//! The requests of a connection. Each reports when it begins and ends, and when it waits for its client to send more of a body or to read more of an answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{Request, Version};
use axum::response::Response;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http_body::{Frame, SizeHint};
use insightgate_api::ConnectionEnd;
use tokio::sync::watch;
use tokio::time::Instant;
use tower::Service;

use super::Activity;

/// The service of one connection.
#[derive(Clone)]
pub struct Watched {
    app: watch::Receiver<Router>,
    peer: SocketAddr,
    end: ConnectionEnd,
    activity: Arc<Activity>,
}

impl Watched {
    pub fn new(app: watch::Receiver<Router>, peer: SocketAddr, end: ConnectionEnd, activity: Arc<Activity>) -> Watched {
        Watched { app, peer, end, activity }
    }
}

impl<B> Service<Request<B>> for Watched
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let number = self.activity.begin(request.version() == Version::HTTP_2);
        let turn = Arc::new(Turn { activity: Arc::clone(&self.activity), number });
        let mut request = request.map(|body| Body::new(Asked { body, turn: Arc::clone(&turn) }));
        request.extensions_mut().insert(ConnectInfo(self.peer));
        request.extensions_mut().insert(self.end.clone());
        let mut app = self.app.borrow().clone();
        let answer = Service::<Request<Body>>::call(&mut app, request);
        async move {
            let response = answer.await?;
            turn.waits_to_answer();
            Ok(response.map(|body| Body::new(Answered { body, turn })))
        }
        .boxed()
    }
}

/// One request. It has ended when nothing holds this value any more.
struct Turn {
    activity: Arc<Activity>,
    number: u64,
}

impl Turn {
    fn waits_to_answer(&self) {
        self.activity.waits_to_answer(self.number, Instant::now());
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.activity.end(self.number, Instant::now());
    }
}

/// The body of a request.
struct Asked<B> {
    body: B,
    turn: Arc<Turn>,
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Asked<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let (activity, number) = (&self.turn.activity, self.turn.number);
        match &polled {
            Poll::Pending => activity.waits_for_body(number, Instant::now()),
            Poll::Ready(Some(Ok(_))) if !self.body.is_end_stream() => {}
            Poll::Ready(_) => activity.works(number),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Asked<B> {
    fn drop(&mut self) {
        // A handler that drops the body does not wait for it.
        self.turn.activity.works(self.turn.number);
    }
}

/// The body of an answer. It waits for the client from each part that it gave until it is asked for more.
struct Answered {
    body: Body,
    turn: Arc<Turn>,
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Pending => self.turn.activity.works(self.turn.number),
            Poll::Ready(_) => self.turn.waits_to_answer(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
