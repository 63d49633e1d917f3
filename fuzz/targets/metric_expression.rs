//! Metric expressions over the columns of a built-in dataset: read or refused at a place within, and the same within parentheses.

#![no_main]

mod places;

use std::sync::{Arc, OnceLock};

use insightgate_query::datasets::builtin;
use insightgate_query::datasets::catalog::Dataset;
use insightgate_query::metric;
use libfuzzer_sys::fuzz_target;
use places::Places;

static DATASETS: OnceLock<Vec<Arc<Dataset>>> = OnceLock::new();

// The first byte says over which dataset.
fuzz_target!(|input: (u8, &str)| {
    let (chosen, text) = input;
    let datasets = DATASETS.get_or_init(|| ["mpn", "cmp"].map(builtin::catalog).iter().flat_map(|c| c.datasets().to_vec()).collect());
    let Some(dataset) = datasets.get(usize::from(chosen) % datasets.len()) else { return };
    match metric::parse(text, &dataset.columns) {
        Ok(expression) => {
            metric::metric_type(&dataset.columns, &expression);
            // One deeper, which can be too deep, and two bytes longer.
            if let Ok(within) = metric::parse(&format!("({text})"), &dataset.columns) {
                assert_eq!(within, expression);
            }
            assert_eq!(
                metric::parse(&format!("\n\t{text}\n"), &dataset.columns).ok(),
                Some(expression).filter(|_| text.len() <= 8 * 1024 - 3)
            );
        }
        Err(found) => Places::of(text).check(found.line, found.column, found.length, &found.message),
    }
});
