#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::datasets::definition;

fn dataset(name: &str, title: &str, rest: &str) -> Arc<Dataset> {
    let text =
        format!("name = \"{name}\"\ntitle = \"{title}\"\nprogram = \"mpn\"\n{rest}\n[[columns]]\nname = \"Größe\"\ntype = \"string\"\n");
    Arc::new(definition::read(&text, "test").unwrap().dataset)
}

#[test]
fn a_later_definition_replaces_an_earlier_one_in_its_place() {
    let catalog = Catalog::new([dataset("One", "first", ""), dataset("Two", "second", ""), dataset("ONE", "third", "")]);
    let titles: Vec<&str> = catalog.datasets().iter().map(|dataset| dataset.title.as_str()).collect();
    assert_eq!(titles, ["third", "second"]);
}

#[test]
fn a_name_goes_before_an_alias() {
    let catalog = Catalog::new([dataset("One", "first", "aliases = [\"Two\", \"Three\"]"), dataset("Two", "second", "")]);
    let title = |name: &str| catalog.find(name).map(|dataset| dataset.title.as_str());
    assert_eq!((title("two"), title("THREE"), title("four")), (Some("second"), Some("first"), None));
}

#[test]
fn names_fold() {
    assert_eq!(dataset("One", "first", "").field("GRÖßE"), Some(Field::Column(0)));
    assert_eq!(dataset("One", "first", "").field("Grösse"), None);
}
