//! Queries: any text is planned or refused at places within it, and what was read reads again from its printed form.

#![no_main]

mod places;

use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use insightgate_query::datasets::builtin;
use insightgate_query::datasets::catalog::Catalog;
use insightgate_query::diagnostic::Diagnostics;
use insightgate_query::syntax::MAXIMUM_TEXT;
use insightgate_query::syntax::marked::{marked, placed};
use insightgate_query::words::words;
use insightgate_query::{diagnostic, parse, plan};
use libfuzzer_sys::fuzz_target;
use places::Places;

static CATALOGS: OnceLock<[Catalog; 2]> = OnceLock::new();

fn check(text: &str, diagnostics: &Diagnostics) {
    assert!((1..=20).contains(&diagnostics.len()), "{} diagnostics", diagnostics.len());
    assert!(diagnostics.is_sorted_by_key(|found| (found.line, found.column)), "out of order: {diagnostics:?}");
    let places = Places::of(text);
    assert!(diagnostics.more() == 0 || diagnostics.len() == 20);
    for found in diagnostics.iter() {
        places.check(found.line, found.column, found.length, &found.message);
    }
    let marked = marked(text, diagnostics);
    assert!(marked.lines().count() <= 3 * diagnostics.len() + 1, "{marked}");
    assert!(marked.chars().all(|character| character == '\n' || !character.is_control()), "a terminal is steered: {marked:?}");
    // Whoever has only the message finds the same places, each on a line of its own.
    let message = diagnostic::message(diagnostics);
    let (placed, others) = placed(text, &message);
    assert_eq!(placed.len() + others.len(), message.lines().count());
    for found in placed {
        places.check(found.line, found.column, 0, &found.message);
    }
}

fuzz_target!(|text: &str| {
    let catalogs = CATALOGS.get_or_init(|| ["mpn", "cmp"].map(builtin::catalog));
    let read = parse(text);
    // The normal spelling can be longer than what was written, and then too long to be read.
    let printed = read.as_ref().ok().map(ToString::to_string).filter(|printed| printed.len() <= MAXIMUM_TEXT);
    if let Err(diagnostics) = &read {
        check(text, diagnostics);
    }
    if let Some(printed) = &printed {
        assert_eq!(parse(printed), read, "{printed}");
    }
    for catalog in catalogs {
        let planned = plan(text, catalog);
        match &planned {
            Ok(plan) => {
                assert!(read.is_ok(), "what does not parse was planned");
                for anchor in [DateTime::UNIX_EPOCH, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
                    let window = plan.window(anchor, None, None);
                    assert!(!words(plan, window, plan.window_source(None, None)).sentences().is_empty());
                }
            }
            Err(diagnostics) => check(text, diagnostics),
        }
        if let (Some(printed), Ok(planned)) = (&printed, planned) {
            assert_eq!(plan(printed, catalog).as_ref(), Ok(&planned), "{printed}");
        }
    }
});
