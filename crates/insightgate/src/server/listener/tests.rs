use std::net::IpAddr;

use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;
use crate::server::connections::Places;

const HERE: &str = "127.0.0.1";
const ELSEWHERE: &str = "127.0.0.2";
/// The time limit for everything that has to happen.
const PATIENCE: Duration = Duration::from_secs(60);
/// A limit that is met, though nothing that a slow machine does before it takes so long.
const SHORT: Duration = Duration::from_secs(3);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// The first bytes of HTTP/2, and settings that change nothing.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// GET / of host a, on the first stream.
const REQUEST_2: &[u8] = b"\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01a";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0ping-png";

/// A listener that waits for its clients as long as a test may take.
struct Deployment {
    address: SocketAddr,
    /// Lets the requests at `/held` continue.
    released: Arc<Notify>,
    /// Notified when a request arrives at `/held`.
    came: Arc<Notify>,
    /// Notified when an answer of `/endless` is dropped.
    given_up: Arc<Notify>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

const NEVER: Duration = Duration::from_secs(3600);

fn patient() -> Timing {
    Timing { head: NEVER, idle: NEVER, stalled: NEVER, closing: Duration::from_millis(50) }
}

async fn start(total: usize, per_address: usize, timing: Timing) -> Deployment {
    start_with(total, per_address, timing, None).await
}

async fn start_with(total: usize, per_address: usize, timing: Timing, tls: Option<RustlsConfig>) -> Deployment {
    let listener = TcpListener::bind((HERE, 0)).await.unwrap();
    // The listener is reachable at every address of this machine.
    let address = listener.local_addr().unwrap();
    let (released, came) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let held = { (Arc::clone(&released), Arc::clone(&came)) };
    let hold = move || {
        let (released, came) = held.clone();
        async move {
            came.notify_one();
            released.notified().await;
            "released"
        }
    };
    let given_up = Arc::new(Notify::new());
    let last = Arc::clone(&given_up);
    let endless = move || {
        let last = Last(Arc::clone(&last));
        let block = move || (&last, Ok::<_, io::Error>(Bytes::from_static(&[b'x'; 65_536]))).1;
        async move { Body::from_stream(futures::stream::repeat_with(block)) }
    };
    let take = |body: Bytes| async move { body.len().to_string() };
    let app = Router::new().route("/", get(|| async { "served" })).route("/held", get(hold)).route("/endless", get(endless));
    let parrot = |_: Bytes| async { axum::http::StatusCode::URI_TOO_LONG };
    let app = app.route("/take", post(take)).route("/parrot", post(parrot));
    let admission = Admission::new(Places { total, per_address, proxies: Vec::new() });
    let (stop, stopped) = watch::channel(false);
    let doors = Doors { admission, timing, least: LeastRate { rate: 0, window: NEVER }, drain: PATIENCE };
    let serving = tokio::spawn(serve(listener, watch::channel(app).1, tls, doors, stopped));
    Deployment { address, released, came, given_up, stop, serving }
}

/// Notifies when it is dropped.
struct Last(Arc<Notify>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Deployment {
    async fn connect(&self, from: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((from.parse::<IpAddr>().unwrap(), 0))).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// Opens a connection and sends these bytes.
    async fn send(&self, from: &str, bytes: &[u8]) -> TcpStream {
        let mut stream = self.connect(from).await;
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// Opens a connection that has served a request and is idle.
    async fn used(&self, from: &str) -> TcpStream {
        let mut stream = self.send(from, REQUEST).await;
        assert!(until(&mut stream, "served").await);
        stream
    }
}

/// Whether these words arrive before the connection ends.
async fn until(stream: &mut TcpStream, words: &str) -> bool {
    let (mut said, mut block) = (Vec::new(), [0; 4096]);
    timeout(PATIENCE, async {
        loop {
            match stream.read(&mut block).await {
                Ok(0) | Err(_) => return false,
                Ok(count) => said.extend_from_slice(&block[..count]),
            }
            if String::from_utf8_lossy(&said).contains(words) {
                return true;
            }
        }
    })
    .await
    .unwrap()
}

/// Everything that arrives until the other side ends the connection.
async fn ended(stream: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("the connection was left open");
    said
}

/// The kinds of the frames, with their content.
fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let (content, rest) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        frames.push((head[3], content.to_vec()));
        bytes = rest;
    }
    frames
}

#[tokio::test]
async fn silent_half_sent_and_idle_connections_end() {
    let deployment = start(100, 100, Timing { head: SHORT, idle: SHORT, stalled: NEVER, closing: SHORT }).await;
    let silent = [&b""[..], b"G", b"GET / HTTP/1.1\r\nhost: a\r\nx: ", b"PRI * HTTP/2.0\r\n", PREFACE].map(async |bytes| {
        ended(&mut deployment.send(HERE, bytes).await).await;
    });
    let idle = async {
        let mut idle = deployment.used(HERE).await;
        assert!(ended(&mut idle).await.is_empty(), "it ends without a word");
    };
    let half = async {
        let mut half = deployment.used(HERE).await;
        half.write_all(b"GET /").await.unwrap();
        ended(&mut half).await;
    };
    tokio::join!(futures::future::join_all(silent), idle, half);
}

/// A connection that pings counts as no more active than one that does not.
#[tokio::test]
async fn an_http2_connection_without_requests_ends_although_it_pings() {
    let deployment = start(100, 100, Timing { idle: SHORT, ..patient() }).await;
    let mut stream = deployment.send(HERE, &[PREFACE, REQUEST_2, PING].concat()).await;
    let (mut said, mut block, mut answered) = (Vec::new(), [0; 4096], 0);
    loop {
        let read = timeout(PATIENCE, stream.read(&mut block)).await.expect("it was left open");
        let Ok(count @ 1..) = read else { break };
        said.extend_from_slice(&block[..count]);
        let pings = frames(&said).iter().filter(|(kind, _)| *kind == 6).count();
        if pings > answered {
            // Sends the next ping as soon as the last one is answered.
            answered = pings;
            if stream.write_all(PING).await.is_err() {
                break;
            }
        }
    }
    let frames = frames(&said);
    assert!(frames.iter().any(|(kind, content)| *kind == 0 && content == b"served"), "{frames:?}");
    assert!(answered > 2 && frames.iter().any(|(kind, _)| *kind == 7), "it says goodbye: {frames:?}");
}

#[tokio::test]
async fn http2_clients_are_told_small_bounds() {
    let deployment = start(100, 100, Timing { head: SHORT, ..patient() }).await;
    let said = ended(&mut deployment.send(HERE, PREFACE).await).await;
    let frames = frames(&said);
    let (_, settings) = frames.iter().find(|(kind, _)| *kind == 4).unwrap();
    let has = |name: u8, value: u32| settings.chunks(6).any(|entry| entry[..2] == [0, name] && entry[2..] == value.to_be_bytes());
    assert!(has(3, STREAMS) && has(4, STREAM_WINDOW) && has(6, HEADER_LIST), "{settings:?}");
}

#[tokio::test]
async fn an_answer_that_nobody_takes_ends_its_connection() {
    let deployment = start(100, 100, Timing { stalled: Duration::from_millis(300), ..patient() }).await;
    // A window of zero bytes, and an endless answer that is not read.
    let no_window = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0";
    let said = ended(&mut deployment.send(HERE, &[no_window, REQUEST_2].concat()).await).await;
    assert!(frames(&said).iter().all(|(kind, _)| *kind != 0), "nothing fitted");
    let unread = deployment.send(HERE, b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await;
    timeout(PATIENCE, deployment.given_up.notified()).await.expect("the connection was left open");
    drop(unread);
}

#[tokio::test]
async fn who_has_its_share_of_idle_connections_goes_on_and_others_find_room() {
    let deployment = start(8, 4, patient()).await;
    let mut first = deployment.used(HERE).await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        idle.push(deployment.used(HERE).await);
    }
    // The fifth connection is accepted in place of the first.
    let mut fifth = deployment.used(HERE).await;
    ended(&mut first).await;
    for stream in idle.iter_mut().chain([&mut fifth]) {
        stream.write_all(REQUEST).await.unwrap();
        assert!(until(stream, "served").await, "the others stay");
    }
    // Connections that are silent, that only speak HTTP/2, or that sent half a head: none of them keeps others out.
    let mut crowd = Vec::new();
    for number in 0..60 {
        let bytes = [&b""[..], PREFACE, b"GET / HT"][number % 3];
        crowd.push(deployment.send(if number % 2 == 0 { "127.0.0.3" } else { "127.0.0.4" }, bytes).await);
    }
    for _ in 0..5 {
        deployment.used(ELSEWHERE).await;
    }
}

#[tokio::test]
async fn requests_under_way_are_never_cut_off_for_others() {
    let deployment = start(8, 2, patient()).await;
    let held = b"GET /held HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut under_way = Vec::new();
    for _ in 0..2 {
        under_way.push(deployment.send(HERE, held).await);
        timeout(PATIENCE, deployment.came.notified()).await.unwrap();
    }
    ended(&mut deployment.connect(HERE).await).await;
    deployment.used(ELSEWHERE).await;
    for mut stream in under_way {
        deployment.released.notify_one();
        assert!(until(&mut stream, "released").await);
    }
    deployment.used(HERE).await;
}

#[tokio::test]
async fn a_stop_lets_requests_end_and_no_others_begin() {
    let deployment = start(8, 8, patient()).await;
    let mut idle = deployment.used(HERE).await;
    let mut held = deployment.send(HERE, b"GET /held HTTP/1.1\r\nhost: a\r\n\r\n").await;
    timeout(PATIENCE, deployment.came.notified()).await.unwrap();
    deployment.stop.send(true).unwrap();
    ended(&mut idle).await;
    deployment.released.notify_one();
    assert!(until(&mut held, "released").await);
    ended(&mut held).await;
    timeout(PATIENCE, deployment.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_tls_handshake_must_come_to_its_end() {
    crate::server::tls::choose_cryptography();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes());
    let tls = RustlsConfig::from_pem(certificate, key).await.unwrap();
    let deployment = start_with(8, 8, Timing { head: Duration::from_millis(300), ..patient() }, Some(tls)).await;
    // Sends nothing, or the beginning of a TLS hello.
    for bytes in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        ended(&mut deployment.send(HERE, bytes).await).await;
    }
}

/// A body that arrives together with its head does not count as part of the head.
#[tokio::test]
async fn a_head_is_bounded_and_a_body_beside_it_is_not() {
    let deployment = start(8, 8, patient()).await;
    let body = vec![b'x'; 300_000];
    let request = [format!("POST /take HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat();
    for _ in 0..3 {
        assert!(until(&mut deployment.send(HERE, &request).await, "300000").await);
    }
    // All on one connection, each in the pieces into which it may be cut in transit.
    let mut kept = deployment.connect(HERE).await;
    for _ in 0..20 {
        for piece in request.chunks(40_000) {
            kept.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert!(until(&mut kept, "300000").await);
    }
    let mut endless = deployment.connect(HERE).await;
    let mut sent = 0;
    while endless.write_all(&[b'a'; 1024]).await.is_ok() {
        sent += 1024;
        assert!(sent < 16 << 20, "no bound was met");
    }
}

/// Everything that the client received, as text.
async fn heard(stream: &mut TcpStream) -> String {
    String::from_utf8(ended(stream).await).unwrap()
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused_in_words() {
    let deployment = start(100, 100, patient()).await;
    let line = |length: usize| format!("GET /?exportQuery={} HTTP/1.1\r\nhost: a\r\n", "x".repeat(length));
    let header = |length: usize| format!("GET / HTTP/1.1\r\nhost: a\r\nx-long: {}\r\n\r\n", "x".repeat(length));
    for (request, status) in [
        (line(66_000) + "\r\n", 414),
        (line(100_000) + "\r\n", 414),
        // A client that continues to send receives the answer as well.
        (line(1_500_000) + "\r\n", 414),
        (header(200_000), 431),
        (String::from_utf8(REQUEST.to_vec()).unwrap() + &line(66_000) + "\r\n", 414),
    ] {
        let mut stream = deployment.connect(HERE).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let said = heard(&mut stream).await;
        let (before, refusal) = said.split_at(said.find(&format!("HTTP/1.1 {status} ")).unwrap_or_else(|| panic!("{status}: {said}")));
        assert_eq!(before.contains("served"), request.starts_with("GET / HTTP/1.1\r\nhost: a\r\n\r\n"), "{before}");
        let (head, body) = refusal.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())) && head.contains("connection: close"), "{head}");
        assert!(head.contains("content-type: application/json; charset=utf-8"), "{head}");
        assert!(body.starts_with("{\"value\":[],\"nextLink\":null,\"totalCount\":0,\"message\":\"The "), "{body}");
        assert!(body.contains("POST ScheduledQueries/testQueryResult") && body.contains(&format!("\"statusCode\":{status}")), "{body}");
    }
    // The longest URL that is allowed.
    let mut stream = deployment.send(HERE, (line(60_000) + "\r\n").as_bytes()).await;
    assert!(until(&mut stream, "served").await);
}

/// Whatever a client has sent before, only the library's own refusal gets a body.
#[tokio::test]
async fn an_answer_that_looks_like_a_refusal_is_left_as_it_is() {
    let deployment = start(100, 100, patient()).await;
    let body = "x".repeat(70_000);
    let request = format!("POST /parrot HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let mut stream = deployment.send(HERE, request.as_bytes()).await;
    let said = heard(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 414 URI Too Long\r\n") && said.ends_with("\r\n\r\n"), "{said}");
    assert!(!said.contains("statusCode"), "{said}");
}
