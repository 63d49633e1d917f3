use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A server that answers each connection with given bytes. Then it closes the connection, continues to send, or keeps it open in silence.
struct Server {
    url: Url,
    connections: Arc<AtomicUsize>,
}

#[derive(Clone, Copy)]
enum Then {
    Close,
    SendForEver,
    Hold,
}

async fn serve(answer: &'static str, then: Then) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/a?secret=1", listener.local_addr().unwrap())).unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _ = socket.read(&mut head).await;
                let _ = socket.write_all(answer.as_bytes()).await;
                match then {
                    Then::Close => {}
                    Then::SendForEver => while socket.write_all(&[b'x'; 1024]).await.is_ok() {},
                    Then::Hold => drop(socket.read_to_end(&mut Vec::new()).await),
                }
            });
        }
    });
    Server { url, connections }
}

const LIMITS: Limits = Limits { time: Duration::from_secs(20), body: 64, https_only: false };

fn loopback() -> Outbound {
    Outbound::new(AddressRules { allowed: vec!["127.0.0.0/8".parse().unwrap()] }, None).unwrap()
}

#[tokio::test]
async fn an_answer_arrives_whole() {
    let server = serve("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", Then::Hold).await;
    let answer = loopback().get(&server.url, LIMITS).await.unwrap();
    assert_eq!(answer, Answer { status: 200, body: Bytes::from_static(b"hello") });
}

#[tokio::test]
async fn loopback_is_refused_by_default_by_number_and_by_name() {
    let server = serve("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    let strict = Outbound::new(AddressRules::default(), None).unwrap();
    let port = server.url.port().unwrap();
    // An unusual spelling of an IP address in the URL must not hide it.
    for host in ["127.0.0.1", "localhost", "LOCALHOST", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0"] {
        let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
        let error = strict.get(&url, LIMITS).await.unwrap_err();
        assert!(matches!(error, OutboundError::Forbidden(_)), "{host}: {error}");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
    let by_name = Url::parse(&format!("http://localhost:{port}/")).unwrap();
    assert_eq!(loopback().get(&by_name, LIMITS).await.unwrap().status, 200);
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told_from_one_that_is_refused() {
    let url = Url::parse("http://no-such-name.invalid/a?secret=1").unwrap();
    let error = loopback().send(message(&url, None), LIMITS).await.unwrap_err();
    assert!(matches!(error, OutboundError::Unresolved { .. }), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

/// For a name with a public and a private address, as in DNS rebinding, only the public one is used.
#[test]
fn the_connector_gets_allowed_addresses_only() {
    let found = ["169.254.169.254:0", "8.8.8.8:0", "[::1]:0", "[2606:4700::1]:0"].map(|address| address.parse().unwrap());
    let kept = only_allowed(&AddressRules::default(), found.into_iter());
    assert_eq!(kept, ["8.8.8.8:0".parse().unwrap(), "[2606:4700::1]:0".parse().unwrap()]);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = serve("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    let location = format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", target.url);
    let server = serve(location.leak(), Then::Close).await;
    assert_eq!(loopback().get(&server.url, LIMITS).await.unwrap().status, 302);
    assert_eq!(target.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_body_is_cut_off_at_the_limit() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
        // A body without a length and without an end.
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\nfffffff\r\n",
    ] {
        let server = serve(head, Then::SendForEver).await;
        let error = loopback().get(&server.url, LIMITS).await.unwrap_err();
        assert!(matches!(error, OutboundError::TooLarge(64)), "{head}: {error}");
    }
    let server = serve("HTTP/1.1 200 OK\r\ncontent-length: 64\r\n\r\n", Then::SendForEver).await;
    assert_eq!(loopback().get(&server.url, LIMITS).await.unwrap().body.len(), 64);
}

#[tokio::test]
async fn the_time_limit_holds_for_head_and_body() {
    let limits = Limits { time: Duration::from_millis(200), ..LIMITS };
    for head in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"] {
        let server = serve(head, Then::Hold).await;
        let error = loopback().get(&server.url, limits).await.unwrap_err();
        assert!(matches!(error, OutboundError::TimedOut(_)), "{head:?}: {error}");
    }
}

#[tokio::test]
async fn addresses_with_credentials_or_other_schemes_are_refused() {
    let server = serve("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    let port = server.url.port().unwrap();
    for address in
        [&format!("http://user@127.0.0.1:{port}/"), &format!("http://:pass@127.0.0.1:{port}/"), "ftp://127.0.0.1/", "file:///etc/passwd"]
    {
        let error = loopback().get(&Url::parse(address).unwrap(), LIMITS).await.unwrap_err();
        assert!(matches!(error, OutboundError::Url(_)), "{address}: {error}");
    }
    let error = loopback().get(&server.url, Limits { https_only: true, ..LIMITS }).await.unwrap_err();
    assert!(matches!(error, OutboundError::Url(_)), "{error}");
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_failure_names_the_host_and_no_query() {
    let server = serve("this is no HTTP\r\n\r\n", Then::Close).await;
    let error = loopback().get(&server.url, LIMITS).await.unwrap_err();
    assert!(matches!(error, OutboundError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1") && !format!("{error:?}").contains("secret"), "{error:?}");
}

#[test]
fn certificates_must_be_certificates() {
    let error = Outbound::new(AddressRules::default(), Some(b"nothing")).unwrap_err();
    assert!(matches!(error, OutboundError::Certificates(_)), "{error}");
}

fn message(url: &Url, body: Option<&'static str>) -> Message {
    let headers = vec![("webhook-id", "one".to_owned())];
    Message { url: url.clone(), body: body.map(|text| Bytes::from_static(text.as_bytes())), headers }
}

/// Sends a message. Returns the status, and the request as the receiver got it.
async fn received(answer: &'static str, body: Option<&'static str>) -> (u16, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/a%20b?code=1", listener.local_addr().unwrap())).unwrap();
    let receiving = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (mut request, mut block) = (String::new(), [0; 4096]);
        while !request.contains("\r\n\r\n") || !request.ends_with(body.unwrap_or("\r\n\r\n")) {
            let length = socket.read(&mut block).await.unwrap();
            request.push_str(std::str::from_utf8(&block[..length]).unwrap());
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
        (request, socket)
    });
    let status = loopback().send(message(&url, body), LIMITS).await.unwrap();
    (status, receiving.await.unwrap().0)
}

#[tokio::test]
async fn a_message_arrives_as_it_was_written() {
    let (status, request) = received("HTTP/1.1 204 No Content\r\n\r\n", Some("{\"a\":1}")).await;
    assert_eq!(status, 204);
    let lower = request.to_lowercase();
    assert!(request.starts_with("POST /a%20b?code=1 HTTP/1.1\r\n") && request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
    for header in ["content-type: application/json", "webhook-id: one", "content-length: 7", "user-agent: insightgate/"] {
        assert!(lower.contains(header), "{header}: {request}");
    }
    let (status, request) = received("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n", None).await;
    assert_eq!(status, 500);
    let lower = request.to_lowercase();
    assert!(request.starts_with("GET /a%20b?code=1 HTTP/1.1\r\n") && !lower.contains("content-"), "{request}");
    for absent in ["cookie", "authorization", "referer"] {
        assert!(!lower.contains(absent), "{absent}: {request}");
    }
}

/// The client does not wait for the body after the status, even if it is endless, slow or larger than the limit.
#[tokio::test]
async fn the_status_is_the_whole_answer_to_a_message() {
    for (head, then) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", Then::SendForEver),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", Then::SendForEver),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", Then::Hold),
    ] {
        let server = serve(head, then).await;
        assert_eq!(loopback().send(message(&server.url, Some("{}")), LIMITS).await.unwrap(), 200, "{head}");
    }
    let limits = Limits { time: Duration::from_millis(200), ..LIMITS };
    for (head, then) in [("", Then::Hold), ("HTTP/1.1 200 OK\r\nx: ", Then::Hold)] {
        let server = serve(head, then).await;
        let error = loopback().send(message(&server.url, Some("{}")), limits).await.unwrap_err();
        assert!(matches!(error, OutboundError::TimedOut(_)), "{head:?}: {error}");
    }
    // Endless headers are not an answer.
    let server = serve("HTTP/1.1 200 OK\r\nx: ", Then::SendForEver).await;
    assert!(loopback().send(message(&server.url, Some("{}")), LIMITS).await.is_err());
}

#[tokio::test]
async fn a_message_follows_no_redirect_and_keeps_the_rules() {
    let target = serve("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    for status in [301, 302, 303, 307, 308] {
        let redirect = format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", target.url);
        let server = serve(redirect.leak(), Then::Close).await;
        assert_eq!(loopback().send(message(&server.url, Some("{}")), LIMITS).await.unwrap(), status);
    }
    let strict = Outbound::new(AddressRules::default(), None).unwrap();
    let port = target.url.port().unwrap();
    for address in [format!("http://localhost:{port}/"), format!("http://0x7f.1:{port}/"), format!("http://user@127.0.0.1:{port}/")] {
        let error = strict.send(message(&Url::parse(&address).unwrap(), None), LIMITS).await.unwrap_err();
        assert!(matches!(error, OutboundError::Forbidden(_) | OutboundError::Url(_)), "{address}: {error}");
    }
    let error = loopback().send(message(&target.url, None), Limits { https_only: true, ..LIMITS }).await.unwrap_err();
    assert!(matches!(error, OutboundError::Url(_)), "{error}");
    assert_eq!(target.connections.load(Ordering::SeqCst), 0);
}

/// Every spelling of an IP address is checked before anything is sent; names are checked at the connection.
#[test]
fn numbers_are_judged_without_a_connection() {
    let strict = Outbound::new(AddressRules::default(), None).unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7f.0.0.1",
        "127.0.0.1.",
        "10.0.0.1",
        "169.254.169.254",
        "0xA9FEA9FE",
        "[::1]",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::7f00:1]",
        "[fd00:ec2::254]",
        "0",
        "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
    ] {
        let url = Url::parse(&format!("https://{host}/")).unwrap();
        assert!(matches!(strict.check(&url, false), Err(OutboundError::Forbidden(_))), "{host}");
    }
    for host in ["8.8.8.8", "localhost", "metadata.google.internal", "[2606:4700::1]"] {
        assert!(strict.check(&Url::parse(&format!("https://{host}/")).unwrap(), false).is_ok(), "{host}");
    }
}
