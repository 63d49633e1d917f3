//! Licences of npm packages that are built in: permitted by `deny.toml`, and with their texts beside them.

use crate::bundled::{Bundled, in_bundles, packages};
use crate::tidy::licences::Allowed;

pub fn problems(files: &[String]) -> Result<Vec<String>, String> {
    let allowed = Allowed::of_repository()?;
    Ok(packages(files)?.iter().chain(&in_bundles(files)?).flat_map(|package| of_package(package, &allowed)).collect())
}

fn of_package(package: &Bundled, allowed: &Allowed) -> Vec<String> {
    let Bundled { folder, name, version, licence, files } = package;
    let mut problems = Vec::new();
    if !allowed.permits(name, licence) {
        problems.push(format!("{folder}: '{licence}' is not among the licences in deny.toml"));
    }
    if !files.iter().any(|file| file == "LICENSE") {
        problems.push(format!("{folder}: there is no LICENSE of {name}"));
    }
    let exact = version.split('.').count() == 3 && version.split('.').all(|part| part.parse::<u32>().is_ok());
    if !exact {
        problems.push(format!("{folder}: '{version}' is not a version of {name}"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_a_permitted_licence_and_its_text() {
        let allowed = Allowed::of_repository().unwrap();
        let package = |licence: &str, version: &str, files: &[&str]| Bundled {
            folder: "crates/x/assets/y".into(),
            name: "y".into(),
            version: version.into(),
            licence: licence.into(),
            files: files.iter().map(|file| (*file).to_owned()).collect(),
        };
        let found = |licence, version, files: &[&str]| of_package(&package(licence, version, files), &allowed).len();
        assert_eq!(found("MIT", "1.2.3", &["LICENSE", "dist/y.js"]), 0);
        assert_eq!(found("GPL-3.0", "1.2.3", &["LICENSE"]), 1);
        assert_eq!(found("MIT", "^1.2.3", &["LICENSE"]), 1);
        assert_eq!(found("", "", &["dist/LICENSE"]), 3);
    }
}
