//! Sends random requests to every endpoint, the same in each run: none may end in a failure of the server.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Uri};
use serde_json::json;

use crate::tests::harness::*;

/// A linear congruential generator (Knuth), which only has to be repeatable.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.throw(from.len())]
    }

    pub(crate) fn bytes(&mut self, at_most: usize) -> Vec<u8> {
        let length = self.throw(at_most + 1);
        (0..length).map(|_| self.throw(256) as u8).collect()
    }

    /// Characters that a query or a field may contain, and some that it may not.
    pub(crate) fn text(&mut self) -> String {
        const WORDS: [&str; 24] = [
            "SELECT",
            "Name",
            "Amount",
            "TotalAmount",
            "FROM",
            "Sales",
            "Plain",
            "WHERE",
            "AND",
            "IN",
            "LIKE",
            "ORDER BY",
            "LIMIT",
            "TIMESPAN",
            "LAST_MONTH",
            "'a'",
            "(",
            ")",
            ",",
            "=",
            "99999999999999999999",
            "-1",
            "\u{0}",
            "é\u{202e}",
        ];
        let length = self.throw(12);
        (0..length).map(|_| self.pick(&WORDS)).collect::<Vec<_>>().join(" ")
    }

    fn value(&mut self, ids: &[&str]) -> serde_json::Value {
        match self.throw(9) {
            0 => json!(null),
            1 => json!(self.throw(2) == 0),
            2 => json!(self.throw(5_000) as i64 - 100),
            3 => json!(1.5e300),
            4 => json!([self.text()]),
            5 => json!({self.text(): self.text()}),
            6 => json!(self.pick(ids)),
            7 => json!(self.pick(&["2026-11-23T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "CSV", "tsv", "GET"])),
            _ => json!(self.text()),
        }
    }
}

const FIELDS: [&str; 16] = [
    "Name",
    "Description",
    "Query",
    "ReportName",
    "QueryId",
    "StartTime",
    "ExecuteNow",
    "QueryStartTime",
    "QueryEndTime",
    "RecurrenceInterval",
    "RecurrenceCount",
    "Format",
    "CallbackUrl",
    "CallbackMethod",
    "advance",
    "now",
];
const PARAMETERS: [&str; 16] = [
    "queryId",
    "exportQuery",
    "startTime",
    "endTime",
    "queryName",
    "includeSystemQueries",
    "reportId",
    "reportName",
    "executionId",
    "executionStatus",
    "getLatestExecution",
    "datasetName",
    "sv",
    "se",
    "sp",
    "sig",
];

#[tokio::test]
async fn random_requests_never_fail_the_server() {
    let deployment = Deployment::sandbox().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(Some(2))).await;
    let link = deployment.export(ANA, ALL_SALES, json!({})).await;
    let execution = link.split('/').nth(4).unwrap().to_owned();
    let good = format!("Bearer {}", deployment.token(ANA));
    let ids: [&str; 5] = [&query, &report, &execution, "00000000-0000-0000-0000-000000000000", "%00"];
    let mut dice = Dice(2026);
    let mut seen = std::collections::BTreeMap::new();
    for round in 0..2_000 {
        let endpoint = match dice.throw(20) {
            0..=12 => {
                let path = dice.pick(&[
                    "scheduleddataset",
                    "scheduledqueries",
                    "scheduledqueries/testqueryresult",
                    "scheduledqueries/{}",
                    "scheduledreport",
                    "scheduledreport/{}",
                    "scheduledreport/pause/{}",
                    "scheduledreport/resume/{}",
                    "scheduledreport/execution/{}",
                ]);
                format!("/insights/{}/{}/{path}", dice.pick(&["v1", "v1.1"]), dice.pick(&["mpn", "mpn", "mpn", "cmp", "x"]))
            }
            13 => format!("/{CONTOSO}/oauth2/token"),
            14 => "/{}/oauth2/v2.0/token".to_owned(),
            15 => {
                let path = dice.pick(&[
                    "/{}/v2.0/.well-known/openid-configuration",
                    "/{}/oauth2/authorize",
                    "/{}/oauth2/v2.0/authorize",
                    "/{}/oauth2/v2.0/devicecode",
                    "/{}/oauth2/v2.0/logout",
                    "/common/oauth2/deviceauth",
                    "/common/sign-in",
                ]);
                path.to_owned()
            }
            16 => "/common/userrealm/{}".to_owned(),
            17 => "/artifacts/{}/{}".to_owned(),
            18 => link.strip_prefix(BASE).unwrap().split('?').next().unwrap().to_owned(),
            _ => "/sandbox/v1/clock".to_owned(),
        };
        let mut path = endpoint.clone();
        while path.contains("{}") {
            let id = match dice.throw(4) {
                0 => dice.bytes(20).iter().map(|byte| format!("%{byte:02x}")).collect(),
                1 => url::form_urlencoded::byte_serialize(dice.text().as_bytes()).collect(),
                _ => dice.pick(&ids).to_owned(),
            };
            path = path.replacen("{}", &id, 1);
        }
        let mut parameters = url::form_urlencoded::Serializer::new(String::new());
        for _ in 0..dice.throw(4) {
            let value = dice.value(&ids);
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            parameters.append_pair(dice.pick(&PARAMETERS), &value);
        }
        let uri = format!("{path}?{}", parameters.finish());
        let Ok(uri) = uri.parse::<Uri>() else { continue };
        let body = match dice.throw(4) {
            0 => dice.bytes(200),
            1 => Vec::new(),
            _ => {
                let mut fields = serde_json::Map::new();
                for _ in 0..dice.throw(8) {
                    fields.insert(dice.pick(&FIELDS).to_owned(), dice.value(&ids));
                }
                let all =
                    if dice.throw(2) == 0 { report_body(&query, every_four_hours(None)) } else { json!({"Name": "n", "Query": ALL_SALES}) };
                with(all, serde_json::Value::Object(fields)).to_string().into_bytes()
            }
        };
        let methods = [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::HEAD, Method::PATCH];
        let method = methods[dice.throw(methods.len())].clone();
        let mut request = Request::builder().method(method.clone()).uri(uri.clone()).body(Body::from(body.clone())).unwrap();
        if dice.throw(10) > 0 {
            request.headers_mut().insert("authorization", HeaderValue::try_from(&good).unwrap());
        }
        for name in
            ["x-aaduserticket", "range", "if-none-match", "if-match", "if-range", "accept-encoding", "ms-correlationid", "content-type"]
        {
            if dice.throw(20) == 0
                && let Ok(value) = HeaderValue::from_bytes(&dice.bytes(30))
            {
                request.headers_mut().insert(name, value);
            }
        }
        let answer = deployment.send(request).await;
        let shown = || format!("{round}: {method} {uri} {} -> {}", String::from_utf8_lossy(&body), String::from_utf8_lossy(&answer.body));
        assert!(!answer.status.is_server_error(), "{}", shown());
        if uri.path().starts_with("/insights/") && method != Method::HEAD {
            answer.envelope();
        }
        *seen.entry(answer.status.as_u16()).or_insert(0_usize) += 1;
    }
    // Some of the requests get past the first checks.
    for status in [200, 400, 401, 403, 404, 405] {
        assert!(seen.get(&status).copied().unwrap_or_default() >= 10, "{seen:?}");
    }
    deployment.work().await;
    assert_eq!(deployment.fetch("/readyz", &[]).await.status, 200);
}
