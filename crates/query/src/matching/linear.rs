//! Checks that reading a text allocates at most a multiple of its length, whatever the text is. `cargo xtask linear` checks the same for the time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../examples/read_text/inputs.rs"]
mod inputs;

use std::sync::Arc;

use allocation_counter::{AllocationInfo, measure};
use inputs::{DATASETS, KINDS, Reader};

use crate::datasets::catalog::Catalog;
use crate::datasets::{builtin, definition};
use crate::syntax::marked::marked;
use crate::{metric, parse, plan};

/// The room for what does not grow with the text, such as the messages.
const ANY_TEXT: u64 = 256 << 10;

/// The limits for each byte of a text: of all allocations, and of the bytes that are held at once. A token takes some 60 bytes, and a list that grows
/// is copied to twice its size.
fn bounds(reader: Reader) -> (u64, u64) {
    match reader {
        Reader::Query => (700, 300),
        Reader::Metric => (700, 300),
        Reader::Definition => (700, 300),
    }
}

fn counted(reader: Reader, text: &str, catalog: &Catalog) -> AllocationInfo {
    let dataset = catalog.find(DATASETS[0]).unwrap();
    measure(|| match reader {
        Reader::Query => {
            let _ = parse(text).map(|select| select.to_string());
            let _ = plan(text, catalog).map_err(|found| marked(text, &found));
        }
        Reader::Metric => {
            let _ = metric::parse(text, &dataset.columns);
        }
        Reader::Definition => {
            let _ = definition::read(text, "a file").map(|read| definition::write(&read));
        }
    })
}

#[test]
fn memory_grows_with_the_text_and_no_faster() {
    let chosen = builtin::definitions().into_iter().filter(|(origin, _)| DATASETS.iter().any(|name| origin.contains(name)));
    let catalog = Catalog::new(chosen.map(|(origin, text)| Arc::new(definition::read(text, origin).unwrap().dataset)));
    let mut beyond = Vec::new();
    for kind in KINDS {
        let (from, to) = kind.reader.sizes();
        let of = |bytes: usize| {
            let text = (kind.text)(bytes);
            assert!(text.len() <= bytes && text.len() > bytes - bytes / 8, "{}: {} of {bytes} bytes", kind.name, text.len());
            counted(kind.reader, &text, &catalog)
        };
        let (small, great, times) = (of(from), of(to), (to / from) as u64);
        let (total, most) = bounds(kind.reader);
        // A list that grows by doubling can be twice as large after a power of two as before it.
        let grows =
            great.bytes_total > 2 * times * small.bytes_total + ANY_TEXT || great.bytes_max > 2 * times * small.bytes_max + ANY_TEXT;
        let much = great.bytes_total > total * to as u64 + ANY_TEXT || great.bytes_max > most * to as u64 + ANY_TEXT;
        if grows || much {
            let at = |of: &AllocationInfo, bytes: usize| format!("{} ({} at once) of {bytes}", of.bytes_total, of.bytes_max);
            beyond.push(format!("{:?} {}: {}, {}", kind.reader, kind.name, at(&small, from), at(&great, to)));
        }
    }
    assert!(beyond.is_empty(), "bytes allocated for a text of so many bytes:\n{}", beyond.join("\n"));
}
