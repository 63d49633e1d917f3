//! The served documents: they name all that is served, and nothing else; and the page that tries them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::router::tables;
use crate::tests::harness::*;

/// The method and the path of each row of the tables, without the base.
fn rows(deployment: &Deployment, base: &str) -> BTreeSet<(String, String)> {
    let state = state(&deployment.context, None);
    let routes = tables(&state).into_iter().flat_map(|table| table.routes);
    let below = routes.filter_map(|route| Some((route.method?.to_string(), route.path.strip_prefix(base)?.to_owned())));
    below.filter(|(_, path)| !path.contains("/swagger") && !path.ends_with("/openapi.json")).collect()
}

/// The method and the path of each operation of a document, in lower case as the tables have them.
fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let of_path = |(path, operations): (&String, &Value)| {
        let methods: Vec<_> = operations.as_object().unwrap().keys().cloned().collect();
        let path = path.to_ascii_lowercase();
        methods.into_iter().map(move |method| (method.to_uppercase(), path.clone()))
    };
    paths.flat_map(of_path).collect()
}

#[tokio::test]
async fn all_that_is_served_of_the_insights_api_is_described() {
    let deployment = Deployment::new().await;
    for (version, program) in [("v1", "mpn"), ("v1", "cmp"), ("v1.1", "cmp")] {
        let document = deployment.fetch(&format!("/insights/{version}/{program}/openapi.json"), &[]).await.json();
        assert_eq!(document["servers"][0]["url"], format!("{BASE}/insights/{version}/{program}"));
        assert_eq!(operations(&document), rows(&deployment, &format!("/insights/{version}/{{program}}")));
        let text = document.to_string();
        let mut ids = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let place = format!("{method} {path}");
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{place}");
                assert!(!operation["summary"].as_str().unwrap().is_empty(), "{place}");
                let parameters = operation["parameters"].as_array().unwrap();
                assert!(parameters.iter().all(|one| !one["description"].as_str().unwrap().is_empty()), "{place}");
                let body = &operation["requestBody"]["content"]["application/json"]["schema"];
                for (field, schema) in body["properties"].as_object().into_iter().flatten() {
                    assert!(!schema["description"].as_str().unwrap().is_empty(), "{place}: nothing is said of {field}");
                }
            }
        }
        for reference in text.split("\"#/components/").skip(1) {
            let pointer = format!("/components/{}", reference.split('"').next().unwrap());
            assert!(document.pointer(&pointer).is_some(), "{pointer} is not there");
        }
        // Only a version with schedules that end reads their end.
        assert_eq!(text.contains("\"EndTime\":{"), version == "v1.1");
    }
    let unknown = deployment.fetch("/insights/v1/other/openapi.json", &[]).await;
    assert_eq!(unknown.status, 404);
}

/// What is told of a field or a variable that is not there would be lost.
#[tokio::test]
async fn nothing_is_told_of_what_is_not_served() {
    for (place, told, known) in crate::insights::told() {
        let unknown: Vec<_> = told.iter().filter(|name| !known.contains(name)).collect();
        assert!(unknown.is_empty(), "{place}: {unknown:?}");
    }
}

/// What the authority serves and its document does not name.
const FOR_PEOPLE: [&str; 13] = [
    "GET /common/discovery/instance",
    "GET /common/oauth2/deviceauth",
    "GET /common/sign-in.css",
    "GET /common/userrealm/{user}",
    "GET /{tenant}/oauth2/authorize",
    "GET /{tenant}/oauth2/logout",
    "GET /{tenant}/oauth2/token",
    "GET /{tenant}/oauth2/v2.0/authorize",
    "GET /{tenant}/oauth2/v2.0/logout",
    "POST /common/oauth2/deviceauth",
    "POST /common/sign-in",
    "POST /{tenant}/oauth2/authorize",
    "POST /{tenant}/oauth2/logout",
];

#[tokio::test]
async fn what_the_authority_serves_to_programs_is_described() {
    let deployment = Deployment::new().await;
    let document = deployment.fetch("/oauth2/openapi.json", &[]).await.json();
    let described: BTreeSet<_> = operations(&document).into_iter().map(|(method, path)| format!("{method} {path}")).collect();
    let served = crate::oauth::table().routes.into_iter().filter_map(|route| Some(format!("{} {}", route.method?, route.path)));
    let served: BTreeSet<_> = served.collect();
    assert!(described.is_subset(&served), "{described:?}");
    let more: Vec<_> = served.difference(&described).filter(|line| !line.contains("v2.0") || line.starts_with("GET")).cloned().collect();
    assert_eq!(more, FOR_PEOPLE);
    let form =
        &document["paths"]["/{tenant}/oauth2/token"]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
    assert_eq!(form["required"], serde_json::json!(["grant_type"]));
    assert!(form["properties"].as_object().unwrap().contains_key("code_verifier"), "{form}");
}

#[tokio::test]
async fn the_page_loads_nothing_of_others() {
    let deployment = Deployment::new().await;
    for base in ["/insights/v1/mpn", "/insights/v1.1/cmp", "/manage/v1", "/oauth2"] {
        let to_page = deployment.fetch(&format!("{base}/Swagger/"), &[]).await;
        assert_eq!((to_page.status.as_u16(), to_page.header("location")), (308, format!("{BASE}{base}/swagger/index.html").as_str()));
        let page = deployment.fetch(&format!("{base}/swagger/index.html"), &[]).await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert!(page.header("content-security-policy").contains("script-src 'self';"), "{page:?}");
        let text = page.text();
        for address in text.split(['"']).filter(|part| part.starts_with('/') || part.contains("://")) {
            let (zipped, plain) = tokio::join!(deployment.fetch(address, &[("accept-encoding", "gzip")]), deployment.fetch(address, &[]));
            assert!(
                zipped.status == 200 && plain.status == 200 && zipped.headers.get("content-encoding").is_none_or(|how| how == "gzip"),
                "{address}"
            );
            assert!(!plain.headers.contains_key("content-encoding") && plain.body.len() >= zipped.body.len(), "{address}");
            assert!(plain.header("cache-control").contains("max-age"), "{address}");
        }
        assert!(text.contains("<script id=\"start\" src=") && !text.contains("<script>") && !text.contains("style="), "{text}");
    }
    let library = deployment.fetch("/swagger/swagger-ui-bundle.js", &[]).await;
    assert!(library.text().contains("SwaggerUIBundle") && library.body.len() > 1 << 20);
    assert!(deployment.fetch("/swagger/licence.txt", &[]).await.text().contains("Apache License"));
}
