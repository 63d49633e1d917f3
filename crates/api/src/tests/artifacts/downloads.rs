//! Requests an artifact with random headers and links, the same in each run: the answer is always a part of the artifact or a plain refusal.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri};
use serde_json::json;

use crate::tests::harness::*;
use crate::tests::http::fuzz::Dice;

const FILE: &[u8] = b"Name,Amount\nalpha,1.00\nbeta,2.50\ngamma,9.00\n";
const INVALID: &str = "The link is not valid. Ask for the execution again to get a new one.";

/// The time when the artifact was made, and an hour before.
const AT: &str = "Sun, 22 Nov 2026 12:00:00 GMT";
const BEFORE: &str = "Sun, 22 Nov 2026 11:00:00 GMT";

const PIECES: [&str; 32] = [
    "bytes",
    "=",
    "-",
    ",",
    "0",
    "1",
    "5",
    "43",
    "44",
    "45",
    "18446744073709551615",
    "99999999999999999999999",
    " ",
    "\t",
    "é",
    "\"",
    "W/",
    "*",
    "lines",
    "BYTES",
    ";",
    "q=0",
    "gzip",
    "identity",
    "GMT",
    AT,
    BEFORE,
    "TAG",
    "bytes=",
    "bytes=0-",
    "bytes=-5",
    "bytes=2-9",
];
const HEADERS: [&str; 9] =
    ["range", "x-ms-range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "accept-encoding", "te"];

fn random_header(dice: &mut Dice, tag: &str) -> (HeaderName, HeaderValue) {
    let name = HeaderName::from_static(HEADERS[dice.throw(HEADERS.len())]);
    let bytes = match dice.throw(8) {
        0 => dice.bytes(40),
        1 => dice.pick(&PIECES).repeat(dice.throw(400)).into_bytes(),
        2..=4 => {
            dice.pick(&["TAG", "W/TAG", "*", "bytes=44-", "bytes=-0", "bytes=7-20", "gzip", AT, BEFORE]).replace("TAG", tag).into_bytes()
        }
        _ => {
            let length = dice.throw(7);
            (0..length).map(|_| dice.pick(&PIECES)).collect::<String>().replace("TAG", tag).into_bytes()
        }
    };
    (name, HeaderValue::from_bytes(&bytes).unwrap_or(HeaderValue::from_static("bytes=0-0")))
}

/// The range of bytes that the answer claims to contain.
fn told(answer: &Answer) -> std::ops::Range<usize> {
    let range = answer.header("content-range").strip_prefix("bytes ").unwrap();
    let (stretch, size) = range.split_once('/').unwrap();
    assert_eq!(size, FILE.len().to_string());
    let (first, last) = stretch.split_once('-').unwrap();
    first.parse().unwrap()..last.parse::<usize>().unwrap() + 1
}

#[tokio::test]
async fn random_headers_get_the_file_a_part_of_it_or_a_refusal() {
    let deployment = Deployment::new().await;
    let link = deployment.export(ANA, ALL_SALES, json!({})).await;
    let path: Uri = link.strip_prefix(BASE).unwrap().parse().unwrap();
    let tag = deployment.fetch(&link, &[]).await.header("etag").to_owned();
    let mut dice = Dice(1);
    let mut seen = std::collections::BTreeMap::new();
    for round in 0..3_000 {
        let head = dice.throw(5) == 0;
        let mut request = Request::builder().method(if head { Method::HEAD } else { Method::GET }).uri(path.clone());
        let mut sent = Vec::new();
        for _ in 0..=dice.throw(3) {
            let (name, value) = random_header(&mut dice, &tag);
            sent.push((name.clone(), value.clone()));
            request = request.header(name, value);
        }
        let answer = deployment.send(request.body(Body::empty()).unwrap()).await;
        let zipped = answer.headers.contains_key("content-encoding");
        let status = answer.status.as_u16();
        match status {
            200 if head || zipped => assert_eq!(answer.body.starts_with(&[0x1f, 0x8b]), zipped && !head, "{round}: {sent:?}"),
            200 => assert_eq!(answer.body, FILE, "{round}: {sent:?}"),
            206 => {
                assert!(head || answer.body == FILE[told(&answer)], "{round}: {sent:?}");
                assert!(!zipped && !told(&answer).is_empty(), "{round}: {sent:?}");
            }
            304 | 412 => assert!(answer.body.is_empty() && !zipped, "{round}: {sent:?}"),
            416 => assert_eq!(answer.header("content-range"), format!("bytes */{}", FILE.len()), "{round}: {sent:?}"),
            _ => panic!("{round}: {status} {sent:?}"),
        }
        assert!(answer.header("etag").ends_with(&tag), "{round}: {sent:?}");
        *seen.entry(status).or_insert(0) += 1;
    }
    assert!([200, 206, 304, 412, 416].iter().all(|status| seen.get(status).is_some_and(|count| *count > 20)), "{seen:?}");
}

/// A link in which one to three characters are changed, removed, doubled or moved, or whose parts are mixed up.
fn random_link(dice: &mut Dice, link: &str) -> String {
    if dice.throw(4) == 0 {
        let (location, query) = link.split_once('?').unwrap();
        let mut parts: Vec<&str> = query.split('&').collect();
        for _ in 0..=dice.throw(4) {
            let (from, to) = (dice.throw(parts.len()), dice.throw(parts.len()));
            match dice.throw(4) {
                0 if parts.len() > 1 => drop(parts.remove(from)),
                1 => parts.push(parts[from]),
                2 => parts.swap(from, to),
                _ => parts.insert(to, dice.pick(&["sig", "se=", "%00=1", "&", "sp=rw", "sv=2", "a=b", "=", "%ff=%ff", "SIG=x"])),
            }
        }
        return format!("{location}?{}", parts.join("&"));
    }
    let mut text: Vec<char> = link.chars().collect();
    for _ in 0..=dice.throw(3) {
        let (at, other) = (dice.throw(text.len()), dice.throw(text.len()));
        match dice.throw(5) {
            0 => drop(text.remove(at)),
            1 => text.insert(at, text[at]),
            2 => text[at] = char::from(b'!' + dice.throw(94) as u8),
            3 => text.swap(at, other),
            _ => text.splice(at..at, format!("%{:02X}", dice.throw(256)).chars()).for_each(drop),
        }
    }
    text.into_iter().collect()
}

/// The meaning of a link: its path and its parts, decoded. Two links with the same meaning are the same link.
fn meaning(link: &str) -> Option<(String, Vec<String>)> {
    let (path, query) = link.split_once('?')?;
    // Several slashes count as one.
    let mut path = path.to_owned();
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    // Decoded like a name in a form, in which only percent signs have a meaning here.
    let path =
        url::form_urlencoded::parse(path.replace('+', "%2B").replace('&', "%26").replace('=', "%3D").as_bytes()).next()?.0.into_owned();
    // The folder's name, case-insensitively, and then the names of the execution and the artifact.
    let (folder, names) = path.split_at_checked("/artifacts/".len())?;
    let path = folder.to_ascii_lowercase() + names;
    let mut parts: Vec<_> = url::form_urlencoded::parse(query.split('#').next()?.as_bytes())
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| ["sv", "sr", "se", "sp", "sig"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    parts.sort();
    Some((path, parts))
}

#[tokio::test]
async fn random_links_open_nothing() {
    let deployment = Deployment::new().await;
    let link = deployment.export(ANA, ALL_SALES, json!({})).await;
    let link = link.strip_prefix(BASE).unwrap();
    let gone = link.replace(link.split('/').nth(2).unwrap(), "00000000-0000-0000-0000-00000000dead");
    let mut dice = Dice(7);
    let mut seen = std::collections::BTreeMap::new();
    for round in 0..3_000 {
        // A link to an execution that never existed is refused in the same words as one to an existing execution.
        let changed = random_link(&mut dice, if round % 5 == 0 { &gone } else { link });
        let Ok(uri) = changed.parse::<Uri>() else { continue };
        if uri.host().is_some() {
            continue;
        }
        let answer = deployment.send(Request::get(uri).body(Body::empty()).unwrap()).await;
        let status = answer.status.as_u16();
        match status {
            200 => assert_eq!((meaning(&changed), answer.body.as_slice()), (meaning(link), FILE), "{round}: {changed}"),
            403 => assert_eq!(answer.refused(403), INVALID, "{round}: {changed}"),
            404 => assert!(answer.refused(404).starts_with("There is nothing at /"), "{round}: {changed}"),
            405 => {}
            _ => panic!("{round}: {status} {changed}"),
        }
        *seen.entry(status).or_insert(0) += 1;
    }
    assert!(seen.get(&403).is_some_and(|count| *count > 1_500) && seen.get(&200).is_some_and(|count| *count > 20), "{seen:?}");
}
