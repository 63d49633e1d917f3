//! Artifacts behind their links: ranges, conditions, compression, names, and who is refused.

use axum::body::Body;
use axum::http::{Method, Request};
use chrono::TimeDelta;
use insightgate_identity::application::Application;
use insightgate_identity::enrollment::{Enrollment, EnrollmentStage};
use insightgate_identity::program::Program;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_report::instant;
use serde_json::json;
use uuid::Uuid;

use crate::tests::harness::*;

const FILE: &str = "Name,Amount\nalpha,1.00\nbeta,2.50\ngamma,9.00\n";
const INVALID: &str = "The link is not valid. Ask for the execution again to get a new one.";

async fn link(deployment: &Deployment) -> String {
    deployment.export(ANA, ALL_SALES, json!({})).await
}

#[tokio::test]
async fn stretches_of_a_file() {
    let deployment = Deployment::new().await;
    let link = link(&deployment).await;
    let size = FILE.len();
    let tail = format!("bytes {}-{}/{size}", size - 5, size - 1);
    for (headers, status, body, range) in [
        (&[][..], 200, FILE, None),
        (&[("range", "bytes=0-3")][..], 206, "Name", Some(format!("bytes 0-3/{size}"))),
        (&[("x-ms-range", "bytes=5-10")][..], 206, "Amount", Some(format!("bytes 5-10/{size}"))),
        // Of both headers, the one that clients send whose library sets the other.
        (&[("range", "bytes=0-3"), ("x-ms-range", "bytes=5-10")][..], 206, "Amount", Some(format!("bytes 5-10/{size}"))),
        (&[("range", "bytes=0-3"), ("x-ms-range", "nonsense")][..], 200, FILE, None),
        (&[("range", "bytes=0-3"), ("range", "bytes=5-10")][..], 200, FILE, None),
        (&[("range", "bytes=-5")][..], 206, &FILE[size - 5..], Some(tail)),
        (&[("range", "bytes=5-9999")][..], 206, &FILE[5..], Some(format!("bytes 5-{}/{size}", size - 1))),
        (&[("range", "bytes=9999-")][..], 416, "", Some(format!("bytes */{size}"))),
        (&[("range", "bytes=0-1,3-4")][..], 200, FILE, None),
        (&[("range", "lines=1-2")][..], 200, FILE, None),
        (&[("range", "bytes=0-3"), ("if-range", "\"other\"")][..], 200, FILE, None),
    ] {
        let answer = deployment.fetch(&link, headers).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (status, body), "{headers:?}");
        assert_eq!(answer.headers.get("content-range").map(|value| value.to_str().unwrap().to_owned()), range, "{headers:?}");
        if status != 416 {
            assert_eq!(answer.header("content-length"), body.len().to_string());
            assert_eq!((answer.header("accept-ranges"), answer.header("content-type")), ("bytes", "text/csv; charset=utf-8"));
            assert_eq!((answer.header("x-content-type-options"), answer.header("cache-control")), ("nosniff", "private, no-cache"));
        }
    }
}

async fn head(deployment: &Deployment, uri: &str, headers: &[(&str, &str)]) -> Answer {
    let request =
        headers.iter().fold(Request::head(uri.strip_prefix(BASE).unwrap()), |request, (name, value)| request.header(*name, *value));
    deployment.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_head_tells_what_a_get_would() {
    let deployment = Deployment::new().await;
    let link = link(&deployment).await;
    let etag = deployment.fetch(&link, &[]).await.header("etag").to_owned();
    let refused = link.replace("sp=r", "sp=w");
    for (link, headers, status) in [
        (&link, &[][..], 200),
        (&link, &[("accept-encoding", "gzip")], 200),
        (&link, &[("range", "bytes=0-3")], 206),
        (&link, &[("range", "bytes=0-3"), ("accept-encoding", "gzip")], 206),
        (&link, &[("x-ms-range", "bytes=-3")], 206),
        (&link, &[("range", "bytes=999-")], 416),
        (&link, &[("range", "bytes=999-"), ("accept-encoding", "gzip")], 416),
        (&link, &[("if-none-match", &etag)], 304),
        (&link, &[("if-none-match", &etag), ("accept-encoding", "gzip"), ("range", "bytes=999-")], 304),
        (&link, &[("if-match", "\"other\""), ("accept-encoding", "gzip")], 412),
        (&refused, &[], 403),
    ] {
        let (get, mut head) = (deployment.fetch(link, headers).await, head(&deployment, link, headers).await);
        assert_eq!((get.status.as_u16(), head.status.as_u16(), head.body.len()), (status, status, 0), "{headers:?}");
        // These differ from request to request: of the limit, each takes one.
        for name in ["ms-requestid", "ms-correlationid", "ratelimit"] {
            assert_eq!(head.headers.contains_key(name), get.headers.contains_key(name), "{name}: {headers:?}");
            if let Some(value) = get.headers.get(name) {
                head.headers.insert(name, value.clone());
            }
        }
        assert_eq!(head.headers, get.headers, "{headers:?}");
        if status != 403 {
            assert_eq!(get.body.is_empty(), status >= 300, "{headers:?}");
            for name in ["etag", "last-modified", "cache-control", "vary", "x-content-type-options"] {
                assert_eq!(get.headers.get_all(name).iter().count(), 1, "{name}: {headers:?}");
            }
        }
    }
}

/// A client whose connection was lost requests the rest and names the version that it has.
#[tokio::test]
async fn a_download_in_pieces_is_the_same_file() {
    let deployment = Deployment::new().await;
    let link = link(&deployment).await;
    let whole = deployment.fetch(&link, &[]).await;
    assert_eq!(whole.header("last-modified"), "Sun, 22 Nov 2026 12:00:00 GMT");
    for validator in [whole.header("etag"), whole.header("last-modified")] {
        for piece in [1, 7, 20] {
            let mut got = Vec::new();
            while got.len() < whole.body.len() {
                let range = format!("bytes={}-{}", got.len(), got.len() + piece - 1);
                let part = deployment.fetch(&link, &[("range", &range), ("if-range", validator)]).await;
                assert_eq!((part.status.as_u16(), part.header("etag")), (206, whole.header("etag")));
                got.extend(part.body);
            }
            assert_eq!(got, whole.body);
        }
    }
    // For another version, or the tag of the compressed form, the whole artifact is sent, so that no client combines two versions.
    let weak = format!("W/{}", whole.header("etag"));
    for other in ["\"other\"", &weak, "Sun, 22 Nov 2026 11:59:59 GMT", "Sun, 22 Nov 2026 12:00:01 GMT", "nonsense"] {
        let answer = deployment.fetch(&link, &[("range", "bytes=5-"), ("if-range", other)]).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, FILE), "{other}");
    }
}

#[tokio::test]
async fn conditions() {
    let deployment = Deployment::new().await;
    let link = link(&deployment).await;
    let etag = deployment.fetch(&link, &[]).await.header("etag").to_owned();
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
        ("if-match", &weak, 412),
        ("if-modified-since", "Sun, 22 Nov 2026 12:00:00 GMT", 304),
        ("if-modified-since", "Sun, 22 Nov 2026 11:59:59 GMT", 200),
        ("if-unmodified-since", "Sun, 22 Nov 2026 12:00:00 GMT", 200),
        ("if-unmodified-since", "Sun, 22 Nov 2026 11:59:59 GMT", 412),
    ] {
        let answer = deployment.fetch(&link, &[(name, value)]).await;
        assert_eq!((answer.status.as_u16(), answer.body.is_empty()), (status, status != 200), "{name}: {value}");
        assert_eq!(answer.header("etag"), etag);
    }
}

#[tokio::test]
async fn gzip_only_when_asked_for_and_never_of_a_stretch() {
    let deployment = Deployment::new().await;
    let link = link(&deployment).await;
    let plain = deployment.fetch(&link, &[("accept-encoding", "identity")]).await;
    assert_eq!((plain.headers.get("content-encoding"), plain.text().as_str()), (None, FILE));
    let zipped = deployment.fetch(&link, &[("accept-encoding", "gzip, deflate")]).await;
    assert_eq!((zipped.header("content-encoding"), zipped.status.as_u16()), ("gzip", 200));
    assert_eq!(zipped.body[..2], [0x1f, 0x8b]);
    assert!(zipped.header("vary").to_ascii_lowercase().contains("accept-encoding"));
    assert_eq!(zipped.headers.get("content-length"), None, "the length of the file is not that of the body");
    assert!(zipped.header("etag").starts_with("W/\""), "not the bytes of the file");
    for (accepted, gzip) in [
        ("GZIP", true),
        ("gzip;q=0.1", true),
        ("gzip;q=0.1, identity", false),
        ("*;q=0, gzip", true),
        ("gzip;q=0", false),
        ("gzip;q=0.0, deflate", false),
        ("identity", false),
        ("br, zstd", false),
        ("", false),
        ("nonsense;;q", false),
    ] {
        let answer = deployment.fetch(&link, &[("accept-encoding", accepted)]).await;
        assert_eq!((answer.headers.contains_key("content-encoding"), answer.status.as_u16()), (gzip, 200), "{accepted}");
        assert_eq!(answer.header("etag").starts_with("W/"), gzip, "{accepted}");
        assert!(answer.header("vary").eq_ignore_ascii_case("accept-encoding"), "{accepted}");
    }
    let part = deployment.fetch(&link, &[("accept-encoding", "gzip"), ("range", "bytes=0-3")]).await;
    assert_eq!((part.status.as_u16(), part.text().as_str(), part.headers.get("content-encoding")), (206, "Name", None));
}

#[tokio::test]
async fn any_name_of_a_report_makes_a_safe_file_name() {
    let deployment = Deployment::with(|settings| settings.quotas = false).await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    for name in [
        "plain",
        &"a".repeat(256),
        &"日本語".repeat(85),
        "../../etc/passwd",
        "..",
        "a\"b'c\\d",
        "Größe – 日本",
        "line\r\nSet-Cookie: a=b",
        "a?b#c%2e&d=e+f",
        "bell\u{7}tab\t",
        "\u{202e}gpj.exe",
        "C:\\x",
        "<script>",
    ] {
        let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true, "ReportName": name, "Format": "TSV"})).await;
        deployment.work().await;
        let execution = deployment.executions(ANA, &report).await.remove(0);
        let id = execution["executionId"].as_str().unwrap();
        let link = execution["reportAccessSecureLink"].as_str().unwrap();
        let parsed = url::Url::parse(link).unwrap();
        assert_eq!(parsed.as_str(), link, "a client does not change it");
        assert_eq!(parsed.path_segments().unwrap().count(), 3, "{link}");
        let file = deployment.fetch(link, &[]).await;
        assert_eq!((file.status.as_u16(), file.header("content-type")), (200, "text/tab-separated-values; charset=utf-8"), "{name:?}");
        assert_eq!(
            deployment.fetch(&link.replace("/artifacts/", "/ARTIFACTS/"), &[]).await.status,
            200,
            "a path in any letter case: {name:?}"
        );
        let disposition = file.header("content-disposition");
        let (plain, encoded) = disposition.strip_prefix("attachment; filename=\"").unwrap().split_once("\"; filename*=UTF-8''").unwrap();
        assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte)), "{disposition}");
        let decode = |text: &str| url::form_urlencoded::parse(text.as_bytes()).next().unwrap().0.into_owned();
        let decoded = decode(encoded);
        for (what, saved) in [
            ("in the header", &decoded),
            ("in ASCII", &plain.to_owned()),
            ("in the link", &decode(parsed.path_segments().unwrap().next_back().unwrap())),
        ] {
            assert!(saved.len() <= 255 && saved.ends_with(&format!("_{id}.tsv")), "{what}: {saved}");
            assert!(!saved.contains(['/', '\\', ':', '"', '<', '?', '\r', '\n', '\0', '\t', '\u{202e}']), "{what}: {saved:?}");
        }
        assert!(plain.is_ascii() && parsed.path_segments().unwrap().all(|segment| segment.len() <= 255), "{link}");
        if name == "Größe – 日本" {
            assert_eq!((decoded, plain), (format!("{name}_{id}.tsv"), format!("Gr__e _ ___{id}.tsv").as_str()));
        }
    }
}

/// Clients of the store on which the links are modelled take a link apart, decode the artifact's name and encode it again, except for its slashes.
#[tokio::test]
async fn a_client_that_decodes_slashes_finds_the_file() {
    let deployment = Deployment::new().await;
    let link = deployment.export(ANA, ALL_SALES, json!({"ReportName": "EMEA/APAC 100%/ä"})).await;
    let taken_apart = link.replace("%2F", "/").replace("%2f", "/");
    assert_eq!(deployment.fetch(&taken_apart, &[]).await.text(), FILE);
}

#[tokio::test]
async fn where_the_operator_wants_it_gzip_comes_unasked() {
    let deployment = Deployment::with(|settings| settings.downloads.always_gzip = true).await;
    let link = link(&deployment).await;
    for accepted in [&[][..], &[("accept-encoding", "identity")], &[("accept-encoding", "gzip;q=0")], &[("accept-encoding", "gzip")]] {
        let answer = deployment.fetch(&link, accepted).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-encoding"), &answer.body[..2]), (200, "gzip", &[0x1f, 0x8b][..]));
        assert!(answer.header("etag").starts_with("W/"));
        assert_eq!(head(&deployment, &link, accepted).await.header("content-encoding"), "gzip");
    }
    // A range is one of the artifact itself, and an artifact that is already compressed is sent as it is.
    let part = deployment.fetch(&link, &[("range", "bytes=0-3")]).await;
    assert_eq!((part.status.as_u16(), part.text().as_str(), part.headers.get("content-encoding")), (206, "Name", None));
    let zipped = deployment.export(ANA, ALL_SALES, json!({"ReportName": "zipped", "Format": "csv.gz"})).await;
    let answer = deployment.fetch(&zipped, &[]).await;
    assert_eq!((answer.headers.get("content-encoding"), &answer.body[..2]), (None, &[0x1f, 0x8b][..]));
    let refused = deployment.fetch(&link.replace("sig=", "sig=A"), &[]).await;
    assert_eq!(refused.refused(403), INVALID);
}

#[tokio::test]
async fn an_expired_link_says_so_and_a_changed_one_does_not() {
    let deployment = Deployment::new().await;
    let link = link(&deployment).await;
    let (location, query) = link.split_once('?').unwrap();
    let other = deployment.export(ANA, ALL_SALES, json!({"ReportName": "other"})).await;
    let (other_location, _) = other.split_once('?').unwrap();
    let signature = query.split("sig=").nth(1).unwrap();
    let id = location.split('/').nth(4).unwrap();
    let simple = id.replace('-', "");
    let expiry = query.split("se=").nth(1).unwrap().split('&').next().unwrap();
    let changed = [
        location.to_owned(),
        format!("{location}?"),
        format!("{other_location}?{query}"),
        format!("{location}x?{query}"),
        format!("{location}%00?{query}"),
        format!("{location}%FF?{query}"),
        format!("{BASE}/artifacts/%FF/report.csv?{query}"),
        link.replace(".csv", ".tsv"),
        link.replace(".csv", ".CSV"),
        link.replace("report_", "repart_"),
        link.replace("report_", "Report_"),
        link.replace("report_", "report%2F_"),
        link.replace(&format!("/{id}/"), &format!("/{}/", id.to_uppercase())),
        link.replace(&format!("/{id}/"), &format!("/{simple}/")),
        link.replace(&format!("/{id}/"), &format!("/%7B{id}%7D/")),
        link.replace(&format!("/{id}/"), &format!("/urn:uuid:{id}/")),
        link.replace(&format!("/{id}/"), &format!("/%20{id}/")),
        link.replace(expiry, "2027-11-29T12%3A00%3A00Z"),
        link.replace(expiry, "2026-11-29+12%3A00%3A00Z"),
        link.replace(expiry, &format!("{expiry}+")),
        link.replace(expiry, ""),
        link.replace(expiry, "%FF"),
        link.replace("sp=r", "sp=rw"),
        link.replace("sp=r", "sp=R"),
        link.replace("sp=r", "sp=r%0A"),
        link.replace("sp=r", "sp="),
        link.replace("sv=1", "sv=2"),
        link.replace("sv=1", "sv=01"),
        link.replace("sv=1", "sv=1%0A"),
        link.replace("sr=b", "sr=c"),
        link.replace("sr=b", "sr=B"),
        link.replace("sv=1&", ""),
        link.replace("sr=b&", ""),
        link.replace("sp=r&", ""),
        link.replace(&format!("se={expiry}&"), ""),
        link.replace(&format!("&sig={signature}"), ""),
        format!("{link}&sv=1"),
        format!("{link}&sr=b"),
        format!("{link}&sp=r"),
        format!("{link}&sp=rw"),
        format!("{link}&se=2999-01-01T00:00:00Z"),
        format!("{link}&SE=2999-01-01T00:00:00Z"),
        format!("{link}&sig=AAAA"),
        format!("{link}&%73ig={signature}"),
        format!("{location}?sig=&{query}"),
        link.replace(signature, ""),
        link.replace(signature, "AAAA"),
        link.replace(signature, "%00"),
        link.replace(signature, &signature.to_lowercase()),
        link.replace(signature, &signature[..signature.len() - 1]),
        link.replace(signature, &format!("{signature}A")),
        format!("{link}="),
        format!("{link}%3D"),
        format!("{link}%0A"),
        link.replace(signature, &signature.chars().rev().collect::<String>()),
        format!("{}!", &link[..link.len() - 1]),
        format!("{BASE}/artifacts/not-an-id/report.csv?{query}"),
        format!("{BASE}/artifacts/{}/report.csv?{query}", Uuid::nil()),
    ];
    for (passed, expected) in
        [(TimeDelta::zero(), None), (TimeDelta::days(7), Some("The link has expired. Ask for the execution again to get a new one."))]
    {
        deployment.advance(passed);
        for link in &changed {
            let answer = deployment.fetch(link, &[]).await;
            assert_eq!(answer.status, 403, "{link}");
            assert_eq!(answer.refused(403), INVALID, "{link}");
        }
        // The same link, written in other ways; added parameters are ignored.
        let spelled: String = signature.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for same in [
            link.clone(),
            link.replace(signature, &spelled),
            link.replace("%3A", ":"),
            link.replace("report_", "%72eport%5f"),
            link.replace("sv=", "SV="),
            format!("{location}?sig={signature}&{}", query.split("&sig").next().unwrap()),
            format!("{link}&timeout=30&api-version=2020-02-10&_=1"),
            format!("{link}&&=&"),
        ] {
            let answer = deployment.fetch(&same, &[]).await;
            match expected {
                None => assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, FILE), "{same}"),
                Some(message) => assert_eq!(answer.refused(403), message, "{same}"),
            }
        }
    }
    // Each answer has a new one.
    let report = deployment.get(ANA, "ScheduledReport?reportName=report").await.ok()[0]["reportId"].as_str().unwrap().to_owned();
    let fresh = deployment.get(ANA, &format!("ScheduledReport/execution/{report}")).await.ok()[0]["reportAccessSecureLink"].clone();
    assert_eq!(deployment.fetch(fresh.as_str().unwrap(), &[]).await.text(), FILE);
}

/// The holder of the link has no more access than the report's owner has now.
#[tokio::test]
async fn a_link_ends_with_its_owners_access() {
    let (ana, now) = (ANA.user.unwrap(), instant::parse(NOW).unwrap());
    for (ending, message) in [
        ("role", "The user lacks the role Executive report viewer."),
        ("user", "The user account is disabled."),
        ("application", "The application is disabled."),
        ("tenant", "The organisation's enrollment in the partner program 'mpn' is Suspended, not Accepted."),
        ("locations", "The file holds rows of locations that you may not see any more."),
    ] {
        let deployment = Deployment::new().await;
        let link = link(&deployment).await;
        let store = &deployment.context.store;
        match ending {
            "role" => assert!(store.revoke_role(ana, Role::ExecutiveReportViewer).await.unwrap()),
            "user" => store.set_user_enabled(ana, false).await.unwrap(),
            "application" => {
                let application = store.application(CONTOSO, APP).await.unwrap().unwrap();
                assert!(store.change_application(&Application { enabled: false, ..application }, None).await.unwrap());
            }
            "tenant" => {
                let suspended = Enrollment { stage: EnrollmentStage::Suspended, ..Enrollment::active(Program::Mpn, now) };
                store.put_enrollment(CONTOSO, &suspended).await.unwrap();
            }
            _ => {
                let locations = Locations::Only(vec!["1000001".into()]);
                let role = RoleAssignment { role: Role::ExecutiveReportViewer, locations };
                store.put_role(CONTOSO, ana, &role).await.unwrap();
            }
        }
        let correlation = [("ms-correlationid", "download-1"), ("range", "bytes=0-3"), ("if-none-match", "*")];
        assert_eq!(deployment.fetch(&link, &correlation).await.refused(403), message);
        assert_eq!(deployment.fetch(link.split('?').next().unwrap(), &[]).await.refused(403), INVALID, "the address alone tells nothing");
        let audited = deployment.audited("access.refuse").await;
        let expected = (1, Some("download-1"), ana.to_string(), format!("artifact {}", link.split('/').nth(4).unwrap()));
        assert_eq!((audited.len(), audited[0].correlation.as_deref(), audited[0].actor.clone(), audited[0].subject.clone()), expected);
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_not_found() {
    let deployment = Deployment::new().await;
    let link = link(&deployment).await;
    std::fs::remove_dir_all(deployment.folder.path().join("artifacts")).unwrap();
    std::fs::create_dir(deployment.folder.path().join("artifacts")).unwrap();
    deployment.fetch(&link, &[]).await.refused(404);
    let put = Request::builder().method(Method::PUT).uri(link.strip_prefix(BASE).unwrap()).body(Body::empty()).unwrap();
    deployment.send(put).await.refused(405);
}

#[tokio::test]
async fn a_changed_format_leaves_finished_files_as_they_are() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    deployment.advance(TimeDelta::hours(4));
    assert_eq!(deployment.work().await, 1);
    let path = format!("ScheduledReport/{report}");
    deployment.call(ANA, Method::PUT, &path, json!({"Format": "TSV"})).await.ok();
    deployment.advance(TimeDelta::hours(4));
    assert_eq!(deployment.work().await, 1);
    let found = deployment.get(ANA, &format!("ScheduledReport/execution/{report}?getLatestExecution=false")).await.ok();
    let mut files = Vec::new();
    for execution in &found {
        let link = execution["reportAccessSecureLink"].as_str().unwrap();
        files.push((execution["format"].as_str().unwrap().to_owned(), deployment.fetch(link, &[]).await.text()));
    }
    assert_eq!(files, [("tsv".to_owned(), FILE.replace(',', "\t")), ("csv".to_owned(), FILE.to_owned())]);
}
