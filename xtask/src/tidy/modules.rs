//! Circles between the modules of a crate, and between its folders. A module and what lies within it may use each other; otherwise none is above itself.
//!
//! A folder counts with all that lies in it: where something in `callbacks/` uses something in `executions/`, nothing in `executions/` uses `callbacks/`.
//! A module beside them that has no folder is no step of such a circle: what all share, as `context.rs`, is used by folders and names their types.
//! Code of tests may use what it likes.

mod circles;
pub mod exports;
mod names;
pub mod scopes;
#[cfg(test)]
mod tests;
pub mod tree;

use std::collections::BTreeMap;

use circles::{Graph, circles};
use scopes::{Found, Scopes};
use tree::{Id, Module, Tree};

/// Where a module first uses another.
type Edges = BTreeMap<(Id, Id), Place>;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    file: String,
    line: usize,
}

/// Each circle of the crate's modules, in words.
pub fn circles_of_modules(name: &str, tree: &Tree) -> Vec<String> {
    let apart: Edges = edges(tree).into_iter().filter(|((from, to), _)| !tree.are_nested(*from, *to)).collect();
    circles(&graph(&apart)).iter().map(|circle| spelled(name, tree, circle, &apart)).collect()
}

/// Each circle of its folders, also where no circle of modules closes it.
pub fn circles_of_folders(name: &str, tree: &Tree) -> Vec<String> {
    let edges = edges(tree);
    let within = (0..tree.modules.len()).map(|parent| between_folders(tree, parent, &edges));
    within
        .flat_map(|between| circles(&graph(&between)).iter().map(|circle| spelled(name, tree, circle, &between)).collect::<Vec<_>>())
        .collect()
}

/// Between modules that have files of their own.
fn edges(tree: &Tree) -> Edges {
    let scopes = Scopes::of(tree);
    let mut edges = Edges::new();
    for (id, (module, names)) in tree.modules.iter().zip(&scopes.names).enumerate() {
        let imports = names.imports.iter().map(|import| &import.path);
        let used = names.paths.iter().chain(imports).filter_map(|path| match scopes.find(id, &path.segments) {
            Found::Within(other) => Some((other, path.line)),
            // A module that is only named is not used yet.
            Found::Module(_) | Found::Outside => None,
        });
        let globs = names.globs.iter().filter_map(|glob| match scopes.find(id, &glob.path.segments) {
            Found::Within(other) | Found::Module(other) => Some((other, glob.path.line)),
            Found::Outside => None,
        });
        for (other, line) in used.chain(globs) {
            let owner = tree.get(other).map_or(other, |other| other.owner);
            if owner != module.owner {
                let place = Place { file: module.file.display().to_string(), line };
                let first = edges.entry((module.owner, owner)).or_insert_with(|| place.clone());
                if place < *first {
                    *first = place;
                }
            }
        }
    }
    edges
}

/// Edges between the folders within a module, each with all that lies in it.
fn between_folders(tree: &Tree, parent: Id, edges: &Edges) -> Edges {
    let mut lifted = Edges::new();
    let folder = |id: Id| child_above(tree, parent, id).filter(|child| tree.get(*child).is_some_and(|child| !child.children.is_empty()));
    for ((from, to), place) in edges {
        if let (Some(from), Some(to)) = (folder(*from), folder(*to))
            && from != to
        {
            lifted.entry((from, to)).or_insert_with(|| place.clone());
        }
    }
    lifted
}

/// The child of `parent` that holds a module or is it.
fn child_above(tree: &Tree, parent: Id, id: Id) -> Option<Id> {
    let above = tree.get(id)?.parent?;
    if above == parent { Some(id) } else { child_above(tree, parent, above) }
}

fn graph(edges: &Edges) -> Graph {
    let mut graph = Graph::new();
    for (from, to) in edges.keys() {
        graph.entry(*from).or_default().insert(*to);
    }
    graph
}

fn spelled(name: &str, tree: &Tree, circle: &[Id], edges: &Edges) -> String {
    let label = |id: &Id| tree.get(*id).map(Module::name).unwrap_or_default();
    let nexts = circle.iter().skip(1).chain(circle.first());
    let mut text = format!("{name}: {}", circle.iter().chain(circle.first()).map(label).collect::<Vec<_>>().join(" → "));
    for (from, to) in circle.iter().zip(nexts) {
        if let Some(place) = edges.get(&(*from, *to)) {
            text.push_str(&format!("\n    {}:{} uses {}", place.file, place.line, label(to)));
        }
    }
    text
}
