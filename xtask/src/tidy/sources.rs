//! Files: none grown past what one person can hold, none with a name that means anything goes, none that tells of the machine it was written on.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::steps::{output, root};

/// Lines of a Rust file at most.
const LINES: usize = 600;
const NAMES: [&str; 5] = ["utils", "common", "core", "helpers", "misc"];
/// Split, so that this file does not hold them itself.
const PATHS: [&str; 4] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("../sha", "red")];

pub fn problems(paths: &[String]) -> Vec<String> {
    paths.iter().flat_map(|path| of_file(path)).collect()
}

/// Every file that git knows and that is there.
///
/// # Errors
///
/// When git cannot say.
pub fn listed() -> Result<Vec<String>, String> {
    let listed = output(Command::new("git").current_dir(root()).args(["ls-files", "-z"]))?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    Ok(listed.split('\0').filter(|path| !path.is_empty() && root().join(path).exists()).map(str::to_owned).collect())
}

fn of_file(path: &str) -> Vec<String> {
    let Ok(bytes) = fs::read(root().join(path)) else { return Vec::new() };
    let text = String::from_utf8_lossy(&bytes);
    of_text(path, &text)
}

fn of_text(path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if path.ends_with(".rs") {
        let names = Path::new(path).components().filter_map(|part| Path::new(part.as_os_str()).file_stem());
        for name in names.filter_map(|name| name.to_str()).filter(|name| NAMES.contains(name)) {
            problems.push(format!("{path}: a module named {name} says nothing of what it holds"));
        }
        let lines = text.lines().count();
        if lines > LINES {
            problems.push(format!("{path}: {lines} lines, more than {LINES}"));
        }
    }
    for (number, line) in text.lines().enumerate() {
        if let Some(found) = PATHS.iter().find(|path| holds_path(line, path)) {
            problems.push(format!("{path}:{}: holds {found}, which exists on one machine only", number + 1));
        }
    }
    problems
}

/// Only where a path begins: `network/work/` is none.
fn holds_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        before.is_none_or(|character| !character.is_alphanumeric() && !matches!(character, '/' | '.' | '}' | '-' | '_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sizes_and_paths_are_found() {
        assert!(of_text("crates/query/src/lexer.rs", "fn a() {}\n").is_empty());
        assert_eq!(of_text("crates/query/src/utils.rs", "").len(), 1);
        assert_eq!(of_text("crates/query/src/helpers/lexer.rs", "").len(), 1);
        assert_eq!(of_text("docs/core.md", "").len(), 0);
        assert_eq!(of_text("a.rs", &"\n".repeat(600)).len(), 0);
        assert_eq!(of_text("a.rs", &"\n".repeat(601)).len(), 1);
        assert_eq!(of_text("a.md", &format!("see {}/x", PATHS[3])).len(), 1);
        assert_eq!(of_text("a.md", &format!("at `{}main`", PATHS[0])).len(), 1);
        assert_eq!(of_text("a.md", "https://example.com/work/x and data/work/x").len(), 0);
    }
}
