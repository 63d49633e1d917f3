//! Dataset definitions: any text is a definition or refused at places within it, and what is written of one reads back equal.

#![no_main]

mod places;

use insightgate_query::datasets::definition::{read, write};
use libfuzzer_sys::fuzz_target;
use places::Places;

fuzz_target!(|text: &str| {
    match read(text, "fuzz.toml") {
        Ok(definition) => {
            let written = write(&definition);
            assert_eq!(read(&written, "written.toml").as_ref(), Ok(&definition), "{written}");
        }
        Err(errors) => {
            let places = Places::of(text);
            assert!((1..=50).contains(&errors.problems.len()), "{} problems", errors.problems.len());
            assert!(errors.problems.is_sorted_by_key(|found| (found.line, found.column)), "out of order: {errors}");
            for found in &errors.problems {
                places.check(found.line, found.column, 0, &found.message);
            }
        }
    }
});
