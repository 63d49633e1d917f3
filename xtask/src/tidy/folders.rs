//! Folders: none with more files than a reader takes in at once, and no `mod.rs`.
//!
//! What is read to understand the project counts: Rust, Python and JavaScript. Corpora, tables, templates, datasets and migrations do not: they are
//! lists that nobody looks for a subject in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Files of a folder at most, those in folders below it aside, and those that open such a folder (`lower.rs` beside `lower/`): a reader takes the two
/// for one.
const FILES: usize = 15;
const SOURCES: [&str; 5] = ["rs", "py", "js", "cjs", "mjs"];

/// Takes the paths of all files.
pub fn problems<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let (mut problems, mut folders) = (Vec::new(), BTreeMap::<_, usize>::new());
    let paths: Vec<_> = paths.map(Path::new).collect();
    let opened: BTreeSet<_> = paths.iter().filter_map(|path| path.parent()).flat_map(Path::ancestors).collect();
    for path in paths {
        if path.file_name().is_some_and(|name| name == "mod.rs") {
            let folder = path.parent().unwrap_or(path).display();
            problems.push(format!("{}: a module with a folder is {folder}.rs beside {folder}/", path.display()));
        }
        if path.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| SOURCES.contains(&extension))
            && !opened.contains(path.with_extension("").as_path())
        {
            *folders.entry(path.parent().unwrap_or(path)).or_default() += 1;
        }
    }
    let full = folders.iter().filter(|(_, count)| **count > FILES);
    problems.extend(full.map(|(folder, count)| {
        format!("{}: {count} source files, more than {FILES}: sort them into folders by subject", folder.display())
    }));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: usize, name: impl Fn(usize) -> String) -> Vec<String> {
        let paths: Vec<_> = (0..count).map(name).collect();
        problems(paths.iter().map(String::as_str))
    }

    #[test]
    fn full_folders_are_found() {
        assert_eq!(of(15, |n| format!("a/src/m{n}.rs")), [""; 0]);
        assert_eq!(of(16, |n| format!("a/src/m{n}.rs")), ["a/src: 16 source files, more than 15: sort them into folders by subject"]);
        assert_eq!(of(16, |n| format!("a/m{n}.{}", if n < 8 { "py" } else { "mjs" })).len(), 1);
        assert_eq!(of(40, |n| format!("a/m{n}.{}", if n < 20 { "toml" } else { "sql" })), [""; 0]);
        assert_eq!(of(40, |n| format!("a/{}/m{n}.rs", n / 10)), [""; 0]);
        assert_eq!(of(40, |n| if n < 20 { format!("a/m{n}.rs") } else { format!("a/m{}/inner.rs", n - 20) }), [""; 0]);
    }

    #[test]
    fn one_style_of_modules() {
        let found = problems(["a/src/lower/mod.rs", "a/src/model.rs", "a/src/lower.rs"].into_iter());
        assert_eq!(found, ["a/src/lower/mod.rs: a module with a folder is a/src/lower.rs beside a/src/lower/"]);
    }
}
