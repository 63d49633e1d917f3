//! Tests that a page names: each is in the file that the page says.
//!
//! Comes in: every Markdown file that git knows. A test is named in code, by its file and its function: `path/to/file.rs::a_rule_holds`. What the test does is
//! not looked at.

use std::fs;

use crate::steps::root;

/// `files`: all that git knows.
pub fn problems(files: &[String]) -> Vec<String> {
    let read = |path: &str| fs::read_to_string(root().join(path)).ok();
    let pages = files.iter().filter(|path| path.ends_with(".md")).filter_map(|path| Some((path, read(path)?)));
    pages.flat_map(|(page, text)| of_page(page, &text, read)).collect()
}

fn of_page(page: &str, text: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut problems = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for (file, test) in line.split('`').skip(1).step_by(2).filter_map(named) {
            let say = |what: &str| format!("{page}:{}: the test {test} is named, and {file} {what}", at + 1);
            match read(file) {
                None => problems.push(say("is not there")),
                Some(source) if !has_test(file, &source, test) => problems.push(say("has no such test")),
                Some(_) => {}
            }
        }
    }
    problems
}

/// The file and the function, if the code names a test.
fn named(code: &str) -> Option<(&str, &str)> {
    let (file, test) = code.split_once("::")?;
    let is_source = [".rs", ".py"].iter().any(|end| file.ends_with(end)) && file.contains('/');
    let is_name = !test.is_empty() && test.chars().all(|character| character.is_alphanumeric() || character == '_');
    (is_source && is_name).then_some((file, test))
}

/// In Rust the attribute of a test stands above its function, among other attributes.
fn has_test(file: &str, source: &str, test: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
    let begins = |line: &str, words: &[&str]| {
        words.iter().any(|word| line.strip_prefix(word).is_some_and(|rest| rest.starts_with(&format!("{test}("))))
    };
    if file.ends_with(".py") {
        return test.starts_with("test_") && lines.iter().any(|line| begins(line, &["def ", "async def "]));
    }
    lines.iter().enumerate().filter(|(_, line)| begins(line, &["fn ", "async fn "])).any(|(at, _)| {
        let above = lines.get(..at).unwrap_or_default().iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        above.into_iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_are_not_there_are_named_with_their_line() {
        let read = |path: &str| match path {
            "crates/a/src/b.rs" => Some(
                "    #[test]\n    // Why.\n    #[cfg(unix)]\n    fn holds() {}\nfn helps() {}\n#[tokio::test]\nasync fn waits() {}"
                    .to_owned(),
            ),
            "tests-e2e/c.py" => Some("def test_it(demo):\ndef helper(demo):\n".to_owned()),
            _ => None,
        };
        let found = |text: &str| of_page("docs/page.md", text, read);
        for fine in
            ["`crates/a/src/b.rs::holds` and `crates/a/src/b.rs::waits`, `tests-e2e/c.py::test_it`", "`Engine::open`, `crates/a/src/b.rs`"]
        {
            assert_eq!(found(fine), Vec::<String>::new(), "{fine}");
        }
        for (text, told) in [
            ("\n`crates/a/src/b.rs::hold`", "docs/page.md:2: the test hold is named, and crates/a/src/b.rs has no such test"),
            ("`crates/a/src/b.rs::helps`", "docs/page.md:1: the test helps is named, and crates/a/src/b.rs has no such test"),
            ("`tests-e2e/c.py::helper`", "docs/page.md:1: the test helper is named, and tests-e2e/c.py has no such test"),
            ("`crates/gone.rs::holds`", "docs/page.md:1: the test holds is named, and crates/gone.rs is not there"),
        ] {
            assert_eq!(found(text), [told], "{text}");
        }
    }
}
