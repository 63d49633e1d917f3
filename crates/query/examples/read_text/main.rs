//! Reads one of the hard texts: `read_text KIND BYTES`. Without a kind it lists them, one a line, with the lengths to compare.
//!
//! `cargo xtask linear` counts the instructions of it. With 0 bytes nothing is read, so that the rest of the program can be taken off.

mod inputs;

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

use inputs::{DATASETS, KINDS, Reader};
use insightgate_query::datasets::catalog::Catalog;
use insightgate_query::datasets::{builtin, definition};
use insightgate_query::syntax::marked::marked;
use insightgate_query::{metric, parse, plan};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, bytes] = arguments.as_slice() else {
        for kind in KINDS {
            let (from, to) = kind.reader.sizes();
            println!("{:?} {} {from} {to}", kind.reader, kind.name);
        }
        return Ok(());
    };
    let bytes: usize = bytes.parse()?;
    let known = |of: &&inputs::Kind| format!("{:?}/{}", of.reader, of.name) == *kind;
    let kind = KINDS.iter().find(known).ok_or("there is no such kind")?;
    // Not the whole catalog: less to take off.
    let definitions = builtin::definitions().into_iter().filter(|(origin, _)| DATASETS.iter().any(|name| origin.contains(name)));
    let datasets = definitions.map(|(origin, text)| definition::read(text, origin).map(|read| Arc::new(read.dataset)));
    let catalog = Catalog::new(datasets.collect::<Result<Vec<_>, _>>()?);
    let dataset = catalog.find(DATASETS[0]).ok_or("there is no dataset")?;
    if bytes == 0 {
        return Ok(());
    }
    let text = (kind.text)(bytes);
    match kind.reader {
        Reader::Query => {
            black_box(parse(&text).map(|select| select.to_string()).is_ok());
            black_box(plan(&text, &catalog).map_err(|found| marked(&text, &found)).is_ok());
        }
        Reader::Metric => {
            black_box(metric::parse(&text, &dataset.columns).is_ok());
        }
        Reader::Definition => {
            black_box(definition::read(&text, "a file").map(|read| definition::write(&read)).is_ok());
        }
    }
    Ok(())
}
