//! `cargo xtask tidy`: rules of this repository that the compiler does not know. Each rule finds all of its problems before it fails.

mod documents;
mod doubles;
mod edges;
mod licences;
mod sources;

use crate::steps::metadata;

/// The platform whose dependencies are counted for doubles; others bring ones of their own that nobody here can change.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

pub fn run() -> Result<(), String> {
    let (everywhere, here) = (metadata(None)?, metadata(Some(PLATFORM))?);
    let rules: [(&str, Vec<String>); 5] = [
        ("edges between crates", edges::problems(&everywhere)),
        ("names, sizes and contents of files", sources::problems()?),
        ("paths and links in documents", documents::problems()?),
        ("licences", licences::problems(&everywhere)?),
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
