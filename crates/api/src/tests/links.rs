//! Files behind their links: ranges, conditions, compression, names, and who is refused.

use axum::body::Body;
use axum::http::{Method, Request};
use chrono::TimeDelta;
use insightgate_identity::role::Role;
use serde_json::json;
use uuid::Uuid;

use super::harness::*;

const FILE: &str = "Name,Amount\nalpha,1.00\nbeta,2.50\ngamma,9.00\n";
const INVALID: &str = "The link is not valid. Ask for the execution again to get a new one.";

async fn link(bench: &Bench) -> String {
    bench.export(ANA, ALL_SALES, json!({})).await
}

#[tokio::test]
async fn stretches_of_a_file() {
    let bench = Bench::new().await;
    let link = link(&bench).await;
    let size = FILE.len();
    let tail = format!("bytes {}-{}/{size}", size - 5, size - 1);
    for (headers, status, body, range) in [
        (&[][..], 200, FILE, None),
        (&[("range", "bytes=0-3")][..], 206, "Name", Some(format!("bytes 0-3/{size}"))),
        (&[("x-ms-range", "bytes=5-10")][..], 206, "Amount", Some(format!("bytes 5-10/{size}"))),
        (&[("range", "bytes=0-3"), ("x-ms-range", "bytes=5-10")][..], 206, "Name", Some(format!("bytes 0-3/{size}"))),
        (&[("range", "bytes=-5")][..], 206, &FILE[size - 5..], Some(tail)),
        (&[("range", "bytes=5-9999")][..], 206, &FILE[5..], Some(format!("bytes 5-{}/{size}", size - 1))),
        (&[("range", "bytes=9999-")][..], 416, "", Some(format!("bytes */{size}"))),
        (&[("range", "bytes=0-1,3-4")][..], 200, FILE, None),
        (&[("range", "lines=1-2")][..], 200, FILE, None),
        (&[("range", "bytes=0-3"), ("if-range", "\"other\"")][..], 200, FILE, None),
    ] {
        let answer = bench.fetch(&link, headers).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (status, body), "{headers:?}");
        assert_eq!(answer.headers.get("content-range").map(|value| value.to_str().unwrap().to_owned()), range, "{headers:?}");
        if status != 416 {
            assert_eq!(answer.header("content-length"), body.len().to_string());
            assert_eq!((answer.header("accept-ranges"), answer.header("content-type")), ("bytes", "text/csv; charset=utf-8"));
            assert_eq!((answer.header("x-content-type-options"), answer.header("cache-control")), ("nosniff", "private, no-cache"));
        }
    }
    let head = Request::head(link.strip_prefix(BASE).unwrap()).body(Body::empty()).unwrap();
    let head = bench.send(head).await;
    assert_eq!((head.status.as_u16(), head.body.len(), head.header("content-length")), (200, 0, size.to_string().as_str()));
}

#[tokio::test]
async fn conditions() {
    let bench = Bench::new().await;
    let link = link(&bench).await;
    let etag = bench.fetch(&link, &[]).await.header("etag").to_owned();
    let (weak, list) = (format!("W/{etag}"), format!("\"a\", {etag}"));
    for (name, value, status) in [
        ("if-none-match", etag.as_str(), 304),
        ("if-none-match", &weak, 304),
        ("if-none-match", &list, 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "\"other\"", 200),
        ("if-match", &etag, 200),
        ("if-match", "*", 200),
        ("if-match", "\"other\"", 412),
    ] {
        let answer = bench.fetch(&link, &[(name, value)]).await;
        assert_eq!((answer.status.as_u16(), answer.body.is_empty()), (status, status != 200), "{name}: {value}");
        assert_eq!(answer.header("etag"), etag);
    }
}

#[tokio::test]
async fn gzip_only_when_asked_for_and_never_of_a_stretch() {
    let bench = Bench::new().await;
    let link = link(&bench).await;
    let plain = bench.fetch(&link, &[("accept-encoding", "identity")]).await;
    assert_eq!((plain.headers.get("content-encoding"), plain.text().as_str()), (None, FILE));
    let zipped = bench.fetch(&link, &[("accept-encoding", "gzip, deflate")]).await;
    assert_eq!((zipped.header("content-encoding"), zipped.status.as_u16()), ("gzip", 200));
    assert_eq!(zipped.body[..2], [0x1f, 0x8b]);
    assert!(zipped.header("vary").to_ascii_lowercase().contains("accept-encoding"));
    assert_eq!(zipped.headers.get("content-length"), None, "the length of the file is not that of the body");
    let part = bench.fetch(&link, &[("accept-encoding", "gzip"), ("range", "bytes=0-3")]).await;
    assert_eq!((part.status.as_u16(), part.text().as_str(), part.headers.get("content-encoding")), (206, "Name", None));
}

#[tokio::test]
async fn any_name_of_a_report_makes_a_safe_file_name() {
    let bench = Bench::with(|settings| settings.quotas = false).await;
    let query = bench.create_query(ANA, ALL_SALES).await;
    for name in [
        "plain",
        "../../etc/passwd",
        "..",
        "a\"b'c\\d",
        "Größe – 日本",
        "line\r\nSet-Cookie: a=b",
        "a?b#c%2e&d=e+f",
        "nul\u{0}tab\t",
        "\u{202e}gpj.exe",
        "C:\\x",
        "<script>",
    ] {
        let report = bench.create_report(ANA, &query, json!({"ExecuteNow": true, "ReportName": name, "Format": "TSV"})).await;
        bench.work().await;
        let execution = bench.executions(ANA, &report).await.remove(0);
        let id = execution["executionId"].as_str().unwrap();
        let link = execution["reportAccessSecureLink"].as_str().unwrap();
        let parsed = url::Url::parse(link).unwrap();
        assert_eq!(parsed.as_str(), link, "a client does not change it");
        assert_eq!(parsed.path_segments().unwrap().count(), 3, "{link}");
        let file = bench.fetch(link, &[]).await;
        assert_eq!((file.status.as_u16(), file.header("content-type")), (200, "text/tab-separated-values; charset=utf-8"), "{name:?}");
        let disposition = file.header("content-disposition");
        let encoded = disposition.strip_prefix("attachment; filename*=UTF-8''").unwrap();
        assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte)), "{disposition}");
        let decoded = url::form_urlencoded::parse(encoded.as_bytes()).next().unwrap().0.into_owned();
        assert_eq!(decoded, format!("{}_{id}.tsv", name.trim()));
    }
}

#[tokio::test]
async fn an_expired_link_says_so_and_a_changed_one_does_not() {
    let bench = Bench::new().await;
    let link = link(&bench).await;
    let (location, query) = link.split_once('?').unwrap();
    let other = bench.export(ANA, ALL_SALES, json!({"ReportName": "other"})).await;
    let (other_location, _) = other.split_once('?').unwrap();
    let signature = query.split("sig=").nth(1).unwrap();
    let changed = [
        location.to_owned(),
        format!("{other_location}?{query}"),
        format!("{location}x?{query}"),
        link.replace(".csv", ".tsv"),
        link.replace("report_", "repart_"),
        link.replace("se=2026", "se=2027"),
        link.replace("sp=r", "sp=rw"),
        link.replace("sv=1", "sv=2"),
        link.replace("sr=b", "sr=c"),
        link.replace("sr=b&", ""),
        link.replace(signature, ""),
        link.replace(signature, "AAAA"),
        link.replace(signature, "%00"),
        link.replace(signature, &signature.chars().rev().collect::<String>()),
        format!("{BASE}/artifacts/not-an-id/report.csv?{query}"),
        format!("{BASE}/artifacts/{}/report.csv?{query}", Uuid::nil()),
        link.replace("report_", "Report_"),
    ];
    for (passed, expected) in
        [(TimeDelta::zero(), None), (TimeDelta::days(7), Some("The link has expired. Ask for the execution again to get a new one."))]
    {
        bench.advance(passed);
        for link in &changed {
            assert_eq!(bench.fetch(link, &[]).await.refused(403), INVALID, "{link}");
        }
        let answer = bench.fetch(&link, &[]).await;
        match expected {
            None => assert_eq!(answer.text(), FILE),
            Some(message) => assert_eq!(answer.refused(403), message),
        }
    }
    // A new one is minted with each answer.
    let report = bench.get(ANA, "ScheduledReport?reportName=report").await.ok()[0]["reportId"].as_str().unwrap().to_owned();
    let fresh = bench.get(ANA, &format!("ScheduledReport/execution/{report}")).await.ok()[0]["reportAccessSecureLink"].clone();
    assert_eq!(bench.fetch(fresh.as_str().unwrap(), &[]).await.text(), FILE);
}

#[tokio::test]
async fn a_link_ends_with_its_owners_access() {
    let bench = Bench::new().await;
    let link = link(&bench).await;
    bench.context.store.revoke_role(ANA.user.unwrap(), Role::ExecutiveReportViewer).await.unwrap();
    let correlation = [("ms-correlationid", "download-1")];
    assert_eq!(bench.fetch(&link, &correlation).await.refused(403), "The user lacks the role Executive report viewer.");
    let audited = bench.audited("access.refuse").await;
    assert_eq!(
        (audited.len(), audited[0].correlation.as_deref(), audited[0].actor.clone()),
        (1, Some("download-1"), ANA.user.unwrap().to_string())
    );
}

#[tokio::test]
async fn a_file_that_is_gone_is_not_found() {
    let bench = Bench::new().await;
    let link = link(&bench).await;
    std::fs::remove_dir_all(bench.folder.path().join("artifacts")).unwrap();
    std::fs::create_dir(bench.folder.path().join("artifacts")).unwrap();
    bench.fetch(&link, &[]).await.refused(404);
    let put = Request::builder().method(Method::PUT).uri(link.strip_prefix(BASE).unwrap()).body(Body::empty()).unwrap();
    bench.send(put).await.refused(405);
}

#[tokio::test]
async fn a_changed_format_leaves_finished_files_as_they_are() {
    let bench = Bench::new().await;
    let query = bench.create_query(ANA, ALL_SALES).await;
    let report = bench.create_report(ANA, &query, every_four_hours(None)).await;
    bench.advance(TimeDelta::hours(4));
    assert_eq!(bench.work().await, 1);
    let path = format!("ScheduledReport/{report}");
    bench.call(ANA, Method::PUT, &path, json!({"Format": "TSV"})).await.ok();
    bench.advance(TimeDelta::hours(4));
    assert_eq!(bench.work().await, 1);
    let found = bench.get(ANA, &format!("ScheduledReport/execution/{report}?getLatestExecution=false")).await.ok();
    let mut files = Vec::new();
    for execution in &found {
        let link = execution["reportAccessSecureLink"].as_str().unwrap();
        files.push((execution["format"].as_str().unwrap().to_owned(), bench.fetch(link, &[]).await.text()));
    }
    assert_eq!(files, [("tsv".to_owned(), FILE.replace(',', "\t")), ("csv".to_owned(), FILE.to_owned())]);
}
