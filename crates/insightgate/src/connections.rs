//! How many connections a listener takes, and for how long one may stay silent: a few idle sockets must not shut others out.

use std::future::{Ready, ready};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

/// Of one listener. Both together stay below the 1,024 open files that systems commonly allow, with room for the data.
const CONNECTIONS: usize = 400;

/// Takes a connection while there is room, else closes it.
#[derive(Clone)]
pub struct LimitedAcceptor(Arc<Semaphore>);

impl LimitedAcceptor {
    pub fn new() -> LimitedAcceptor {
        LimitedAcceptor(Arc::new(Semaphore::new(CONNECTIONS)))
    }
}

impl<S> Accept<TcpStream, S> for LimitedAcceptor {
    type Stream = TcpStream;
    type Service = Admitted<S>;
    type Future = Ready<io::Result<(TcpStream, Admitted<S>)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Ok(place) = Arc::clone(&self.0).try_acquire_owned() else {
            return ready(Err(io::Error::other("the listener has all the connections that it takes")));
        };
        // Answers are small, and a client waits for each.
        ready(stream.set_nodelay(true).map(|()| (stream, Admitted { service, _place: Arc::new(place) })))
    }
}

/// The service of one connection. The place is given back with it.
#[derive(Clone)]
pub struct Admitted<S> {
    service: S,
    _place: Arc<OwnedSemaphorePermit>,
}

impl<S: Service<Request>, Request> Service<Request> for Admitted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> S::Future {
        self.service.call(request)
    }
}
