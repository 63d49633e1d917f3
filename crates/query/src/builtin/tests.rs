#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

#[test]
fn every_definition_is_right() {
    for (origin, text) in definitions() {
        if let Err(errors) = definition::read(text, origin) {
            panic!("{errors}")
        }
    }
}

#[test]
fn speed() {
    #[allow(clippy::disallowed_methods)]
    let t = std::time::Instant::now();
    for (_, text) in definitions() {
        let _ = toml::de::DeTable::parse_recoverable(text);
    }
    eprintln!("toml {:?}", t.elapsed());
    #[allow(clippy::disallowed_methods)]
    let t = std::time::Instant::now();
    let c = (catalog("mpn"), catalog("cmp"));
    eprintln!("catalog {:?} {}", t.elapsed(), c.0.datasets().len());
    #[allow(clippy::disallowed_methods)]
    let t = std::time::Instant::now();
    let c = crate::system_queries::system_queries();
    eprintln!("system queries {:?} {}", t.elapsed(), c.len());
}
