//! `cargo xtask tidy`: rules of this repository that the compiler does not know. Each rule finds all of its problems before it fails.

mod bundled;
mod crates;
mod dependencies;
mod documents;
mod doubles;
mod edges;
mod error_sections;
mod folders;
mod licences;
mod modules;
mod named_tests;
pub mod sources;

use crate::steps::metadata;

/// The platform whose dependencies are counted for doubles; others bring ones of their own that nobody here can change.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

pub fn run() -> Result<(), String> {
    let (everywhere, here) = (metadata(None)?, metadata(Some(PLATFORM))?);
    let crates = crates::read(&everywhere)?;
    let circles = crates.iter().flat_map(|built| modules::circles_of_modules(&built.name, &built.modules)).collect();
    let circles_of_folders = crates.iter().flat_map(|built| modules::circles_of_folders(&built.name, &built.modules)).collect();
    let libraries = crates.iter().filter(|built| built.is_library);
    let silent = libraries.flat_map(|built| error_sections::problems(&built.modules)).collect();
    let files = sources::listed()?;
    let rules: [(&str, Vec<String>); 12] = [
        ("edges between crates", edges::problems(&everywhere)?),
        ("circles between modules", circles),
        ("circles between folders", circles_of_folders),
        ("names, sizes and contents of files", sources::problems(&files)),
        ("folders", folders::problems(files.iter().map(String::as_str))),
        ("paths and links in documents", documents::problems(&files)),
        ("tests that documents name", named_tests::problems(&files)),
        ("errors of public functions", silent),
        ("licences", licences::problems(&everywhere)?),
        ("npm packages that are built in", bundled::problems(&files)?),
        ("unused dependencies", dependencies::problems(&everywhere, &crates, &files)?),
        ("doubles", doubles::problems(&here)?),
    ];
    let mut count = 0;
    for (rule, problems) in &rules {
        eprintln!("{rule}: {}", if problems.is_empty() { "fine" } else { "to mend" });
        for problem in problems {
            eprintln!("  {problem}");
        }
        count += problems.len();
    }
    match count {
        0 => Ok(()),
        _ => Err(format!("tidy found {count} problems")),
    }
}
