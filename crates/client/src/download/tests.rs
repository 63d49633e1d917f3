use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::scripted::{Scripted, answer, json};

const TAG: &str = "etag: \"v1\"";
const FILE: &[u8] = b"0123456789";

/// The whole file, or the error.
async fn read(mut download: Download<'_>) -> Result<Vec<u8>, ClientError> {
    let mut whole = Vec::new();
    while let Some(piece) = download.next().await? {
        assert!(!piece.is_empty());
        whole.extend_from_slice(&piece);
    }
    assert!(download.next().await?.is_none(), "the end stays the end");
    Ok(whole)
}

/// What a link's answers come to, and the requests.
async fn linked(answers: Vec<Vec<u8>>) -> (Result<Vec<u8>, ClientError>, Vec<String>) {
    let server = Scripted::start(answers).await;
    let client = server.client().await;
    let file = match client.download(&format!("http://{}/a.csv?sig=s3cret", server.address)).await {
        Ok(download) => read(download).await,
        Err(error) => Err(error),
    };
    (file, server.requests())
}

fn cut(headers: &[&str], body: &[u8]) -> Vec<u8> {
    answer(200, headers, body, FILE.len())
}

fn part(range: &str, headers: &[&str], body: &[u8], claimed: usize) -> Vec<u8> {
    let range = format!("content-range: bytes {range}/10");
    answer(206, &[headers, &[range.as_str()]].concat(), body, claimed)
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_was() {
    let answers = vec![cut(&[TAG], b"0123"), part("4-9", &[TAG], b"45", 6), part("6-9", &[TAG], b"6789", 4)];
    let (file, requests) = linked(answers).await;
    assert_eq!(file.unwrap(), FILE);
    assert!(!requests[0].contains("range:"), "{requests:?}");
    assert!(requests[1].contains("range: bytes=4-\r\n") && requests[1].contains("if-range: \"v1\""), "{requests:?}");
    assert!(requests[2].contains("range: bytes=6-") && !requests[2].contains("authorization"), "{requests:?}");
    // By its date, where there is no tag.
    let dated = "last-modified: Sun, 22 Nov 2026 12:00:00 GMT";
    let (file, requests) = linked(vec![cut(&[dated], b"01"), part("2-9", &[dated], b"23456789", 8)]).await;
    assert_eq!(file.unwrap(), FILE);
    assert!(requests[1].contains("if-range: sun, 22 nov 2026 12:00:00 gmt"), "{requests:?}");
}

#[tokio::test]
async fn what_cannot_be_continued_is_begun_anew_without_what_was_given() {
    for second in [
        cut(&[TAG], FILE),
        // Neither a tag nor a date.
        answer(200, &[], FILE, 10),
    ] {
        let (file, requests) = linked(vec![cut(&[TAG], b"0123"), second]).await;
        assert_eq!((file.unwrap(), requests.len()), (FILE.to_vec(), 2));
    }
    let (file, requests) = linked(vec![cut(&[], b"0123"), cut(&[], FILE)]).await;
    assert_eq!(file.unwrap(), FILE);
    assert!(!requests[1].contains("range:"), "nothing says that it is the same file: {requests:?}");
    // Another part than was asked for, and none that is left.
    for second in [part("0-9", &[TAG], FILE, 10), answer(416, &[], b"", 0)] {
        let (file, requests) = linked(vec![cut(&[TAG], b"0123"), second, cut(&[TAG], FILE)]).await;
        assert_eq!((file.unwrap(), requests.len()), (FILE.to_vec(), 3));
        assert!(!requests[2].contains("range:"), "{requests:?}");
    }
}

#[tokio::test]
async fn two_versions_are_never_mixed() {
    let (file, _) = linked(vec![cut(&[TAG], b"0123"), cut(&["etag: \"v2\""], b"abcdefghij")]).await;
    assert!(file.unwrap_err().to_string().contains("became another one"));
    let at = |hour: u8| format!("last-modified: Sun, 22 Nov 2026 {hour}:00:00 GMT");
    let (file, _) = linked(vec![cut(&[&at(12)], b"0123"), cut(&[&at(13)], b"abcdefghij")]).await;
    assert!(file.unwrap_err().to_string().contains("became another one"));
    // Shorter than what was given already.
    let (file, _) = linked(vec![cut(&[], b"0123"), answer(200, &[], b"01", 2)]).await;
    assert!(file.unwrap_err().to_string().contains("became another one"));
}

#[tokio::test]
async fn a_connection_that_always_breaks_at_the_same_place_is_given_up() {
    let (file, requests) = linked(vec![cut(&[], b"0123"); 9]).await;
    let error = file.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    assert_eq!(requests.len(), 3, "the first, and twice again");
}

#[tokio::test]
async fn compressed_files_are_continued_as_they_are_sent() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(FILE).unwrap();
    let zipped = encoder.finish().unwrap();
    let (head, tail) = zipped.split_at(15);
    let gzip = "content-encoding: gzip";
    // As a store does that keeps them so.
    let range = format!("content-range: bytes 15-{}/{}", zipped.len() - 1, zipped.len());
    let second = answer(206, &[TAG, gzip, &range], tail, tail.len());
    let (file, _) = linked(vec![answer(200, &[TAG, gzip], head, zipped.len()), second]).await;
    assert_eq!(file.unwrap(), FILE);
    // A weak tag is of a file that is compressed while it is sent: its parts are parts of the file itself.
    let weak = "etag: W/\"v1\"";
    let answers = vec![answer(200, &[weak, gzip], head, zipped.len()), answer(200, &[weak, gzip], &zipped, zipped.len())];
    let (file, requests) = linked(answers).await;
    assert_eq!(file.unwrap(), FILE);
    assert!(!requests[1].contains("range:"), "{requests:?}");
    let (file, _) = linked(vec![answer(200, &[gzip], b"no gzip", 7)]).await;
    assert!(file.unwrap_err().to_string().contains("compressed content"));
}

#[tokio::test]
async fn refusals_are_waited_for_or_told() {
    let busy = |seconds: u32| json(429, &[&format!("retry-after: {seconds}")], "{}");
    let (file, requests) = linked(vec![busy(0), json(503, &[], "{}"), cut(&[TAG], FILE)]).await;
    assert_eq!((file.unwrap(), requests.len()), (FILE.to_vec(), 3));
    let (file, requests) = linked(vec![busy(3600)]).await;
    assert!(matches!(file.unwrap_err(), ClientError::Refused(refusal) if refusal.status == 429 && refusal.retry_after() == Some(3600)));
    assert_eq!(requests.len(), 1);
    let (file, _) = linked(vec![json(403, &[], r#"{"message":"The link has expired.","statusCode":403}"#)]).await;
    assert!(file.unwrap_err().to_string().contains("The link has expired."));
    let (file, _) = linked(vec![answer(200, &["content-type: text/html"], b"<html>", 6)]).await;
    assert!(file.unwrap_err().to_string().contains("web page"), "a network's sign-in page is no report");
}

fn execution(address: std::net::SocketAddr, sha256: &str) -> Execution {
    serde_json::from_str(&listed(address, "old", sha256)).unwrap()
}

fn listed(address: std::net::SocketAddr, sig: &str, sha256: &str) -> String {
    format!(
        r#"{{"executionId":"e-1","reportId":"r-1","executionStatus":"Completed","reportAccessSecureLink":"http://{address}/a.csv?sig={sig}",
            "sha256":"{sha256}"}}"#
    )
}

/// Of "0123456789", by `sha256sum`.
const SUM: &str = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";

#[tokio::test]
async fn a_link_that_ends_is_replaced_and_the_sum_is_of_the_whole() {
    let refused = || json(403, &[], r#"{"message":"The link has expired."}"#);
    let server = Scripted::start_with(|address| {
        let list = format!(r#"{{"Value":[{}],"TotalCount":1}}"#, listed(address, "new", SUM));
        vec![cut(&[TAG], b"0123"), refused(), json(200, &[], &list), part("4-9", &[TAG], b"456789", 6)]
    })
    .await;
    let client = server.client().await;
    let download = client.download_execution(&execution(server.address, SUM)).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read(download).await.unwrap(), FILE);
    let requests = server.requests();
    assert!(requests[2].starts_with("get /insights/v1/mpn/scheduledreport/execution/r-1?executionid=e-1"), "{requests:?}");
    assert!(requests[3].starts_with("get /a.csv?sig=new ") && requests[3].contains("range: bytes=4-"), "{requests:?}");
}

#[tokio::test]
async fn a_file_with_other_bytes_is_not_taken() {
    let server = Scripted::start(vec![cut(&[TAG], b"0123456780")]).await;
    let client = server.client().await;
    let download = client.download_execution(&execution(server.address, SUM)).await.unwrap_or_else(|error| panic!("{error}"));
    let error = read(download).await.unwrap_err();
    assert!(matches!(&error, ClientError::Damaged { expected, .. } if expected == SUM), "{error}");
    assert!(error.hint().unwrap().contains("again"));
}
