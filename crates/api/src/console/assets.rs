//! `/console/assets/…`: scripts and styles of the console's pages. `cargo xtask console` bundles them from `console-scripts` and the packages of its lock
//! file.
//!
//! A file's name holds the digest of its content, so that a browser asks for each once. No page's own words are here, and nothing of a caller is read.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::table::Route;

/// What the command has made: the files, and a constant for the address of each.
mod bundles {
    use crate::built_in::BuiltIn;

    include!("../../assets/console/bundles.rs");
}

pub(crate) use bundles::{CHART_SCRIPT, CHART_STYLE, EDITOR_SCRIPT, LICENCES, PAGE_SCRIPT, PAGE_STYLE};

/// A name never means another content.
const CACHING: &str = "public, max-age=31536000, immutable";

pub(super) fn route() -> Route {
    Route::get("/console/assets/{name}", file)
}

async fn file(Path(name): Path<String>, asked: HeaderMap) -> Response {
    match bundles::FILES.iter().find(|(known, _)| *known == name) {
        Some((_, file)) => file.answer(&asked, CACHING),
        // A page of the version before may ask for a file that this one does not have.
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};

    use super::*;

    fn sent(address: &str) -> usize {
        let (_, file) = bundles::FILES.iter().find(|(name, _)| address.ends_with(name)).unwrap();
        file.sent().len()
    }

    #[test]
    fn each_file_is_named_by_its_content() {
        for (name, file) in &bundles::FILES {
            let content = file.content();
            let hash: String = digest(&SHA256, &content).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(name.contains(&format!("-{}.", &hash[..12])), "{name} is not {hash}");
            // The router lowers paths.
            assert_eq!(*name, name.to_lowercase());
        }
    }

    #[test]
    fn pages_stay_small_over_the_wire() {
        // The first page has 100 KB for all; half of them is left to its text and its own style.
        assert!(sent(PAGE_SCRIPT) + sent(PAGE_STYLE) < 50_000);
        assert!(sent(EDITOR_SCRIPT) < 250_000);
        assert!(sent(CHART_SCRIPT) + sent(CHART_STYLE) < 50_000);
    }

    #[test]
    fn all_that_is_built_in_comes_with_its_licence() {
        let (_, licences) = bundles::FILES.iter().find(|(name, _)| LICENCES.ends_with(name)).unwrap();
        let text = String::from_utf8(licences.content()).unwrap();
        for package in ["htmx.org", "@codemirror/view", "uplot"] {
            assert!(text.contains(&format!("\n{package} ")), "{package}");
        }
    }
}
