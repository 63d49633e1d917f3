//! What the document of the console calls a label or a message is one: somebody who reads it looks for these words.

use std::fs;
use std::path::{Path, PathBuf};

const DOCUMENT: &str = include_str!("../../../../../docs/console.md");
/// Where the words of the pages are, below the folder of the crates.
const SOURCES: [&str; 7] = [
    "api/templates",
    "api/console-scripts/chart",
    "api/src/console",
    "identity/src/tokens",
    "operations/src/console",
    "query/datasets",
    "query/src/datasets/suggested.rs",
];

/// The texts in a single pair of asterisks. A pair of two is a heading of the document's own.
fn labels() -> Vec<String> {
    let plain = DOCUMENT.replace("**", "");
    assert!(plain.matches('*').count().is_multiple_of(2), "an asterisk has no other");
    plain.split('*').skip(1).step_by(2).map(str::to_owned).collect()
}

fn texts(path: &Path, found: &mut String) {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| texts(entry, found));
    } else {
        *found += &fs::read_to_string(path).unwrap();
    }
}

#[test]
fn every_label_in_the_document_is_on_a_page() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut shown = String::new();
    for source in SOURCES {
        texts(&crates.join(source), &mut shown);
    }
    // The one that is made of two words.
    shown = shown.replace("Download {{ download.format }}", "Download xlsx").to_lowercase();
    let labels = labels();
    assert!(labels.len() >= 25, "{labels:?}");
    for label in labels {
        // What differs from case to case is left out.
        let fixed = label.trim_end_matches(" …").to_lowercase();
        assert!(shown.contains(&fixed), "docs/console.md says “{label}”, and no page does");
    }
}
