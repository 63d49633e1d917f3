//! Documents: what a page names in the repository is there. A path in code exists, a link leads to a file, and to a heading of it.
//!
//! Comes in: every Markdown file that git knows. Never asks the network: addresses of other sites are not followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::steps::root;

/// Folders whose files a page may name in code.
const FOLDERS: [&str; 9] = ["crates/", "docs/", "xtask/", "tests-e2e/", "benches/", "drills/", "fuzz/", "packaging/", ".ci/"];
/// What a name of several files holds.
const PATTERN: [char; 5] = ['*', '{', '<', '…', ' '];

/// `files`: all that git knows.
pub fn problems(files: &[String]) -> Vec<String> {
    let read = |path: &str| path.ends_with(".md").then(|| fs::read_to_string(root().join(path)).ok()).flatten();
    of_tree(&files.iter().map(|path| (path.as_str(), read(path))).collect())
}

/// `tree`: each file, a page with its text.
fn of_tree(tree: &BTreeMap<&str, Option<String>>) -> Vec<String> {
    let pages = tree.iter().filter_map(|(path, text)| Some((*path, text.as_deref()?)));
    pages.flat_map(|(page, text)| of_page(tree, page, text)).collect()
}

fn of_page(tree: &BTreeMap<&str, Option<String>>, page: &str, text: &str) -> Vec<String> {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let is_there = |path: &str| {
        let path = path.trim_end_matches('/');
        tree.contains_key(path) || tree.keys().any(|file| file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    };
    let mut problems = Vec::new();
    for (number, line) in prose(text) {
        let mut say = |what: String| problems.push(format!("{page}:{number}: {what}"));
        // The function of a test that is named with its file has a rule of its own (`named_tests`).
        for path in codes(line)
            .map(|code| code.split_once("::").map_or(code, |(file, _)| file))
            .filter(|path| FOLDERS.iter().any(|folder| path.starts_with(folder)) && !path.contains(PATTERN))
        {
            if !is_there(path) {
                say(format!("`{path}` is not there"));
            }
        }
        for target in links(line).filter(|target| !target.contains("://") && !target.starts_with("mailto:")) {
            let (path, heading) = target.split_once('#').map_or((target, None), |(path, heading)| (path, Some(heading)));
            let found = if path.is_empty() { Some(page.to_owned()) } else { joined(folder, path) };
            match (&found, heading) {
                (Some(file), _) if !is_there(file) => say(format!("the link {target} leads to nothing")),
                (None, _) => say(format!("the link {target} leads out of the repository")),
                (Some(file), Some(heading)) => {
                    let known = tree.get(file.as_str()).and_then(Option::as_deref).map(headings).unwrap_or_default();
                    if !known.contains(heading) {
                        say(format!("the link {target} names a heading that {file} does not have"));
                    }
                }
                _ => {}
            }
        }
    }
    problems
}

/// Its lines with their numbers, without those of fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        !fenced && !is_fence
    })
}

fn codes(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The targets of a line's links.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0))
}

/// A path of the repository, from a folder of it. None: it leads out of it.
fn joined(folder: &Path, target: &str) -> Option<String> {
    let mut path = PathBuf::new();
    for part in folder.join(target).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir if path.pop() => {}
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(path.to_string_lossy().into_owned())
}

/// The names by which links lead to a page's headings: in lower case, with hyphens for blanks and without punctuation.
fn headings(text: &str) -> BTreeSet<String> {
    let titles = prose(text).filter_map(|(_, line)| line.strip_prefix('#')).map(|line| line.trim_start_matches('#').trim());
    titles
        .map(|title| {
            let kept = title.chars().filter(|character| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_'));
            kept.map(|character| if character == ' ' { '-' } else { character }).flat_map(char::to_lowercase).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(page: &str, text: &str) -> Vec<String> {
        let other = "# A title\n\n## Schedules that end (v1.1 of cmp)\n\n```sh\n# no heading\n```\n".to_owned();
        of_tree(&BTreeMap::from([
            (page, Some(text.to_owned())),
            ("docs/other.md", Some(other)),
            ("crates/query/src/plan.rs", None),
            ("LICENSE", None),
        ]))
    }

    #[test]
    fn what_is_there_is_fine() {
        for text in [
            "`crates/query/src/plan.rs`, `crates/query/src` and `crates/query/` are there, as `docs/for-*.md` may be",
            "[one](other.md) [two](other.md#schedules-that-end-v11-of-cmp) [three](../LICENSE) [four](#here)\n# Here",
            "[elsewhere](https://example.com/x.md#y)\n```md\n[a](nothing.md) `crates/nothing.rs`\n```",
            "`crates` and `insightgate-data/tls` are no paths of the repository",
        ] {
            assert_eq!(found("docs/page.md", text), Vec::<String>::new(), "{text}");
        }
        assert_eq!(found("PAGE.md", "[one](docs/other.md) [two](LICENSE)"), Vec::<String>::new());
    }

    #[test]
    fn what_is_missing_is_named_with_its_line() {
        for (text, told) in [
            ("\n`crates/query/src/gone.rs`", "docs/page.md:2: `crates/query/src/gone.rs` is not there"),
            ("[a](gone.md)", "docs/page.md:1: the link gone.md leads to nothing"),
            ("[a](other.md#gone)", "docs/page.md:1: the link other.md#gone names a heading that docs/other.md does not have"),
            ("[a](other.md#no-heading)", "docs/page.md:1: the link other.md#no-heading names a heading that docs/other.md does not have"),
            ("[a](#gone)", "docs/page.md:1: the link #gone names a heading that docs/page.md does not have"),
            ("[a](../../x)", "docs/page.md:1: the link ../../x leads out of the repository"),
        ] {
            assert_eq!(found("docs/page.md", text), [told], "{text}");
        }
    }
}
