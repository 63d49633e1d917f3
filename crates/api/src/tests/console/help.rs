//! The help at the end of each page: it names calls that the API has. That its commands exist, the crate of the commands checks.

use std::collections::BTreeSet;
use std::path::Path;

use crate::tests::harness::*;
use crate::tests::http::every_route::lines;

/// Pages that do nothing that could be called: what failed, and the two that only lead on.
const WITHOUT: [&str; 3] = ["failed.html", "start.html", "operators_start.html"];

/// Each page's file name and text.
fn pages(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages(&path, found);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            // That one is what the pages have in common which ask before something is removed.
            let is_page = ["base", "removal"].iter().any(|layout| text.starts_with(&format!("{{% extends \"console/{layout}.html\" %}}")));
            if is_page && name != "removal.html" {
                found.push((name, text));
            }
        }
    }
}

/// A path with its parameters as `{}`, in lower case as the tables have it, without a query.
fn pattern(path: &str) -> String {
    let bare = path.split('?').next().unwrap().to_lowercase();
    bare.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn each_page_names_calls_that_the_api_has() {
    let deployment = Deployment::new().await;
    let known: BTreeSet<String> = lines(&deployment).iter().map(|(method, path)| format!("{method} {}", pattern(path))).collect();
    let mut found = Vec::new();
    pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/console"), &mut found);
    let mut checked = 0;
    for (page, text) in &found {
        let helps: Vec<&str> = text.split("call parts::api(\"").skip(1).map(|help| help.split('"').next().unwrap()).collect();
        assert_eq!(helps.is_empty(), WITHOUT.contains(&page.as_str()), "{page}");
        for call in helps.iter().flat_map(|calls| calls.split("; ")) {
            let (method, path) = call.split_once(' ').unwrap_or_else(|| panic!("{page}: {call}"));
            assert!(known.contains(&format!("{method} {}", pattern(path))), "{page}: there is no {call}");
            checked += 1;
        }
    }
    assert!(found.len() > WITHOUT.len() && checked >= found.len() - WITHOUT.len(), "{checked} of {}", found.len());
}
