//! The address of this machine that a browser comes back to (RFC 8252, 7.3). It listens on this machine alone, and takes one answer: that of the
//! sign-in that waits. Everything else is turned away and ends nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use insightgate_client::{BroughtBack, CodeRequest};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use url::Url;

use crate::command_error::CommandError;

/// For the browser to take the last page.
const LAST_PAGE: Duration = Duration::from_secs(3);

pub struct Loopback {
    /// With the port that is listened on.
    pub redirect_uri: String,
    path: String,
    listeners: Vec<TcpListener>,
}

/// What the browser brought, and its page, which waits to be shown.
pub struct Brought {
    pub answer: BroughtBack,
    pub shown: Waiting,
}

/// A browser that waits for a page.
pub struct Waiting {
    page: oneshot::Sender<(String, String)>,
    stop: watch::Sender<bool>,
    servers: Vec<JoinHandle<std::io::Result<()>>>,
}

struct Shared {
    request: CodeRequest,
    path: String,
    taken: Mutex<Option<oneshot::Sender<Arrival>>>,
}

type Arrival = (BroughtBack, oneshot::Sender<(String, String)>);

impl Loopback {
    /// `redirect_uri` leads to this machine; a port of it that is not free is an error.
    pub async fn bind(redirect_uri: &str) -> Result<Loopback, CommandError> {
        let (host, rest) = parts(redirect_uri).ok_or_else(|| {
            CommandError::usage(format!("--redirect-uri {redirect_uri} does not lead to this machine"))
                .hint("it begins with http://localhost, http://127.0.0.1 or http://[::1], as it is registered with the application")
        })?;
        let (port, path) = match rest.strip_prefix(':') {
            Some(rest) => {
                let (port, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
                let port = port.parse::<u16>().map_err(|_| CommandError::usage(format!("--redirect-uri {redirect_uri} has no port")))?;
                (port, path)
            }
            None => (0, rest),
        };
        let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
        let first = if host == "http://[::1]" { v6 } else { v4 };
        let taken = |error: std::io::Error| {
            let failed = CommandError::failed(format!("nothing can be listened to on {first} port {port}: {error}"));
            failed.hint("name another port with --redirect-uri, or use `insightgate login --device`")
        };
        let listener = TcpListener::bind(SocketAddr::new(first, port)).await.map_err(taken)?;
        let port = listener.local_addr().map_err(taken)?.port();
        let mut listeners = vec![listener];
        // A browser may try either address of the name. Without the second it takes the first.
        if host == "http://localhost" {
            listeners.extend(TcpListener::bind(SocketAddr::new(v6, port)).await.ok());
        }
        Ok(Loopback { redirect_uri: format!("{host}:{port}{path}"), path: path.to_owned(), listeners })
    }

    /// Waits for the answer to this request.
    pub async fn answer(self, request: CodeRequest) -> Result<Brought, CommandError> {
        let (arrived, arrival) = oneshot::channel();
        let path = if self.path.is_empty() { "/".to_owned() } else { self.path };
        let shared = Arc::new(Shared { request, path, taken: Mutex::new(Some(arrived)) });
        let (stop, stopped) = watch::channel(false);
        let serve = |listener| {
            let router = Router::new().fallback(take).with_state(Arc::clone(&shared));
            let mut stopped = stopped.clone();
            let until = async move {
                // An end of the other side is an end too.
                let _ = stopped.wait_for(|stopped| *stopped).await;
            };
            tokio::spawn(axum::serve(listener, router).with_graceful_shutdown(until).into_future())
        };
        let servers = self.listeners.into_iter().map(serve).collect();
        let (answer, page) = arrival.await.map_err(|_| CommandError::failed("the address of this machine was closed"))?;
        Ok(Brought { answer, shown: Waiting { page, stop, servers } })
    }
}

impl Waiting {
    /// The last page; then nothing is listened to any more.
    pub async fn show(self, title: &str, text: &str) {
        // The person may have closed the browser.
        let _ = self.page.send((title.to_owned(), text.to_owned()));
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(LAST_PAGE, futures::future::join_all(self.servers)).await;
    }
}

async fn take(State(shared): State<Arc<Shared>>, method: Method, uri: Uri) -> Response {
    if method != Method::GET || uri.path() != shared.path {
        return page(StatusCode::NOT_FOUND, "Nothing is here", "A command waits for the end of a sign-in at this address.");
    }
    let answer = shared.request.read(uri.query().unwrap_or_default());
    if answer == BroughtBack::Foreign {
        let text =
            "This is not the answer to the sign-in that a command waits for. Go back to the terminal, and open the address that it shows.";
        return page(StatusCode::BAD_REQUEST, "You are not signed in", text);
    }
    let taken = shared.taken.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (show, shown) = oneshot::channel();
    match taken.map(|arrived| arrived.send((answer, show))) {
        Some(Ok(())) => {}
        _ => return page(StatusCode::GONE, "This sign-in is over", "Its answer came before. You may close this page."),
    }
    match shown.await {
        Ok((title, text)) => page(StatusCode::OK, &title, &text),
        Err(_) => page(StatusCode::GONE, "This sign-in is over", "The command has ended. You may close this page."),
    }
}

fn page(status: StatusCode, title: &str, text: &str) -> Response {
    let (title, text) = (escaped(title), escaped(text));
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><h1>{title}</h1><p>{text}</p></body></html>\n"
    );
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::CONNECTION, "close"),
    ];
    (status, headers, Html(html)).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The address up to its host, and what follows. None if it does not lead to this machine, or has more than a path.
fn parts(redirect_uri: &str) -> Option<(&'static str, &str)> {
    let url = Url::parse(redirect_uri).ok().filter(|url| url.query().is_none() && url.fragment().is_none() && url.username().is_empty())?;
    let hosts = ["http://localhost", "http://127.0.0.1", "http://[::1]"];
    let host = hosts.into_iter().find(|host| url.host_str().is_some_and(|own| *host == format!("{}://{own}", url.scheme())))?;
    let rest = redirect_uri.strip_prefix(host)?;
    (rest.is_empty() || rest.starts_with([':', '/'])).then_some((host, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(redirect_uri: &str) -> CodeRequest {
        CodeRequest { redirect_uri: redirect_uri.into(), state: "st4te".into(), nonce: "n0nce".into(), verifier: "v".into() }
    }

    #[test]
    fn only_this_machine_is_returned_to() {
        assert_eq!(parts("http://localhost"), Some(("http://localhost", "")));
        assert_eq!(parts("http://localhost:8400/a"), Some(("http://localhost", ":8400/a")));
        assert_eq!(parts("http://[::1]/"), Some(("http://[::1]", "/")));
        for other in [
            "https://localhost",
            "http://localhost.example",
            "http://localhost@evil.example",
            "http://10.0.0.1",
            "http://localhost?x=1",
            "urn:x",
            "",
        ] {
            assert_eq!(parts(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn the_answer_is_taken_once_and_everything_else_is_turned_away() {
        let loopback = Loopback::bind("http://127.0.0.1/done").await.unwrap_or_else(|error| panic!("{error}"));
        let address = loopback.redirect_uri.clone();
        assert!(address.starts_with("http://127.0.0.1:") && address.ends_with("/done"), "{address}");
        let waiting = tokio::spawn(loopback.answer(request(&address)));
        let get = async |url: String| fetched(&url).await;
        for (url, status) in [
            (format!("{address}?code=c0de&state=other"), "400"),
            (address.clone(), "400"),
            (address.replace("/done", "/favicon.ico"), "404"),
        ] {
            let page = get(url).await;
            assert!(page.starts_with(&format!("HTTP/1.1 {status} ")), "{page}");
        }
        let browser = tokio::spawn(async move { fetched(&format!("{address}?code=c0de&state=st4te")).await });
        let Brought { answer, shown } = waiting.await.unwrap().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(answer, BroughtBack::Code("c0de".into()));
        shown.show("You are <signed> in", "You may close this page.").await;
        let page = browser.await.unwrap();
        assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("You may close this page."), "{page}");
        assert!(page.contains("&lt;signed&gt;") && page.contains("no-referrer") && !page.contains("c0de"), "{page}");
    }

    #[tokio::test]
    async fn a_second_answer_is_told_that_it_is_over() {
        let loopback = Loopback::bind("http://127.0.0.1").await.unwrap_or_else(|error| panic!("{error}"));
        let address = loopback.redirect_uri.clone();
        let waiting = tokio::spawn(loopback.answer(request(&address)));
        let url = format!("{address}/?error=access_denied&state=st4te");
        let (one, again) = (url.clone(), url);
        let first = tokio::spawn(async move { fetched(&one).await });
        let Brought { answer, shown } = waiting.await.unwrap().unwrap_or_else(|error| panic!("{error}"));
        assert!(matches!(answer, BroughtBack::Refused(_)));
        assert!(fetched(&again).await.starts_with("HTTP/1.1 410 "));
        shown.show("You are not signed in", "No.").await;
        assert!(first.await.unwrap().starts_with("HTTP/1.1 200 "));
    }

    /// The whole answer to a GET.
    async fn fetched(url: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let url = Url::parse(url).unwrap();
        let (host, port) = (url.host_str().unwrap(), url.port().unwrap());
        let mut stream = tokio::net::TcpStream::connect((host, port)).await.unwrap();
        let target = &url[url::Position::BeforePath..];
        stream.write_all(format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }
}
