use std::path::Path;

use super::*;

/// A crate of these files, whose root is `src/lib.rs`.
fn tree(files: &[(&str, &str)]) -> Tree {
    let text = |path: &Path| files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned());
    Tree::read(Path::new("src/lib.rs"), &text).unwrap()
}

fn edge_names(files: &[(&str, &str)]) -> Vec<String> {
    let tree = tree(files);
    let name = |id: &Id| tree.get(*id).unwrap().name();
    edges(&tree).iter().map(|((from, to), place)| format!("{} → {} at {}", name(from), name(to), place.line)).collect()
}

const TWO: &str = "pub mod a;\npub mod b;";

#[test]
fn every_way_to_name_a_module_is_an_edge() {
    let ways = [
        "use crate::b::Thing;",
        "use super::b::Thing as Other;",
        "use crate::{a::Own, b::{self, Thing}}; pub struct Own;",
        "use crate::b; fn f() -> b::Thing { todo() }",
        "fn f() { crate::b::make(); }",
        "fn f() { use crate::b::make; make(); }",
        "fn f(thing: super::b::Thing<u8>) {}",
        "fn f() { println!(\"{}\", crate::b::make()); }",
        "#[serde(with = \"crate::b\")] struct S;\n#[serde(default = \"crate::b::make\")] struct T;",
        "use crate::b::*;",
        "fn f(kind: u8) { match kind { crate::b::Kind::One => {} _ => {} } }",
        "use super::b as other; fn f() { other::make() }",
        "impl crate::b::Trait for S {}",
        "pub(in crate::b) use crate::b::Thing;",
        "mod inner { use super::super::b::Thing; }",
    ];
    for way in ways {
        let found =
            edge_names(&[("src/lib.rs", TWO), ("src/a.rs", way), ("src/b.rs", "pub struct Thing; pub fn make() {} pub enum Kind { One }")]);
        assert!(matches!(&found[..], [one] if one.starts_with("a → b at ")), "{way}: {found:?}");
    }
}

#[test]
fn what_is_no_use_is_no_edge() {
    let ways = [
        "use crate::b;",
        "use std::b::Thing;",
        "use other_crate::b;",
        "#[cfg(test)] mod tests { use crate::b::Thing; }",
        "#[cfg(all(test, unix))] use crate::b::Thing;",
        "struct S; impl S { #[cfg(test)] fn f() { crate::b::make() } }",
        "// crate::b::make()\n/// [`crate::b::Thing`]\nfn f() { let b = 1; let c = b; }",
        "fn f() { \"crate::b::make\"; }",
        "use ::b::Thing;",
    ];
    for way in ways {
        let found = edge_names(&[("src/lib.rs", TWO), ("src/a.rs", way), ("src/b.rs", "pub struct Thing; pub fn make() {}")]);
        assert!(found.is_empty(), "{way}: {found:?}");
    }
    let built = edge_names(&[
        ("src/lib.rs", TWO),
        ("src/a.rs", "#[cfg(any(test, feature = \"x\"))] use crate::b::Thing;"),
        ("src/b.rs", "pub struct Thing;"),
    ]);
    assert_eq!(built, ["a → b at 1"]);
}

#[test]
fn what_is_handed_on_counts_for_where_it_is_declared() {
    let root = "mod a;\nmod b;\nmod c;\npub use b::Thing;\npub use b::inner as renamed;\nuse c::*;\npub use std::fmt;";
    let b = "pub struct Thing;\npub mod inner;\npub use inner::Deep;";
    let cases = [
        ("use crate::Thing;", "b"),
        ("use super::Thing;", "b"),
        ("use crate::b::Deep;", "b::inner"),
        ("use crate::renamed::Deep;", "b::inner"),
        ("use crate::FromGlob;", "c"),
        ("use crate::fmt::Display;", ""),
        ("use crate::OfTheRoot;", "the root"),
    ];
    for (way, expected) in cases {
        let files = [
            ("src/lib.rs", root),
            ("src/a.rs", way),
            ("src/b.rs", b),
            ("src/b/inner.rs", "pub struct Deep;"),
            ("src/c.rs", "pub struct FromGlob;"),
        ];
        let found = edge_names(&files);
        let found: Vec<_> = found.iter().filter(|edge| edge.starts_with("a → ")).collect();
        assert_eq!(found.len(), usize::from(!expected.is_empty()), "{way}: {found:?}");
        assert!(found.iter().all(|edge| edge.starts_with(&format!("a → {expected} at"))), "{way}: {found:?}");
    }
}

#[test]
fn a_function_may_have_the_name_of_its_module() {
    let found = edge_names(&[
        ("src/lib.rs", "mod make;\nmod a;\npub use make::make;"),
        ("src/make.rs", "pub fn make() {}"),
        ("src/a.rs", "fn f() { crate::make() }"),
    ]);
    assert_eq!(found, ["the root → make at 3", "a → make at 1"]);
}

#[test]
fn circles_are_told_with_the_place_of_each_edge() {
    let files = [
        ("src/lib.rs", "mod a;\nmod b;\nmod c;"),
        ("src/a.rs", "\nuse crate::b::B;\npub struct A;"),
        ("src/b.rs", "use crate::c::C;\npub struct B;"),
        ("src/c.rs", "pub struct C(crate::a::A);"),
    ];
    let told = "ours: a → b → c → a\n    src/a.rs:2 uses b\n    src/b.rs:1 uses c\n    src/c.rs:1 uses a";
    assert_eq!(circles_of_modules("ours", &tree(&files)), [told]);
}

#[test]
fn a_module_and_what_lies_within_it_may_use_each_other() {
    let files = [
        ("src/lib.rs", "mod a;"),
        ("src/a.rs", "mod child;\nuse child::Child;\npub struct A;"),
        ("src/a/child.rs", "use super::A;\npub struct Child;"),
    ];
    assert_eq!(circles_of_modules("ours", &tree(&files)), [""; 0]);
    let files = [
        ("src/lib.rs", "mod a;\nuse a::child::Child;\npub struct R;"),
        ("src/a.rs", "pub mod child;"),
        ("src/a/child.rs", "use crate::R;\npub struct Child;"),
    ];
    assert_eq!(circles_of_modules("ours", &tree(&files)), [""; 0]);
    // Not so two that lie within the same.
    let files = [
        ("src/lib.rs", "mod a;"),
        ("src/a.rs", "mod one;\nmod two;"),
        ("src/a/one.rs", "use super::two::Two;\npub struct One;"),
        ("src/a/two.rs", "use super::one::One;\npub struct Two;"),
    ];
    assert_eq!(circles_of_modules("ours", &tree(&files)).len(), 1);
}

#[test]
fn folders_use_each_other_in_one_direction() {
    let files = [
        ("src/lib.rs", "mod a;\nmod b;"),
        ("src/a.rs", "mod one;\npub mod two;"),
        ("src/a/one.rs", "use crate::b::one::B;"),
        ("src/a/two.rs", "pub struct A;"),
        ("src/b.rs", "pub mod one;\nmod two;"),
        ("src/b/one.rs", "pub struct B;"),
        ("src/b/two.rs", "use crate::a::two::A;"),
    ];
    assert_eq!(circles_of_modules("ours", &tree(&files)), [""; 0]);
    assert_eq!(circles_of_folders("ours", &tree(&files)), ["ours: a → b → a\n    src/a/one.rs:1 uses b\n    src/b/two.rs:1 uses a"]);
}

#[test]
fn files_lie_where_the_compiler_looks_for_them() {
    let old = [("src/lib.rs", "mod a;"), ("src/a/mod.rs", "mod inner { mod deep; }"), ("src/a/inner/deep.rs", "")];
    assert_eq!(tree(&old).modules.iter().map(Module::name).collect::<Vec<_>>(), ["the root", "a", "a::inner", "a::inner::deep"]);
    let placed = [("src/lib.rs", "#[path = \"elsewhere.rs\"] mod a;"), ("src/elsewhere.rs", "")];
    assert_eq!(tree(&placed).modules.len(), 2);
    let text = |path: &Path| (path == Path::new("src/lib.rs")).then(|| "mod a;".to_owned());
    assert_eq!(Tree::read(Path::new("src/lib.rs"), &text).err().unwrap(), "src/lib.rs: there is no file of the module a");
}
