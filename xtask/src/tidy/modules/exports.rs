//! What of a library other crates can name: through `pub mod` and `pub use` from its root.

use std::collections::BTreeSet;

use syn::Visibility;

use super::scopes::{Found, Scopes};
use super::tree::{Id, ROOT, Tree};

pub struct Exports {
    modules: BTreeSet<Id>,
    items: BTreeSet<(Id, String)>,
}

impl Exports {
    pub fn of(tree: &Tree, scopes: &Scopes) -> Self {
        let mut exports = Exports { modules: BTreeSet::new(), items: BTreeSet::new() };
        let mut waiting = vec![ROOT];
        while let Some(id) = waiting.pop() {
            let (Some(module), Some(names)) = (tree.get(id), scopes.names.get(id)) else { continue };
            if !exports.modules.insert(id) {
                continue;
            }
            waiting.extend(module.children.values().filter(|child| tree.get(**child).is_some_and(|child| child.is_public)));
            for import in names.imports.iter().filter(|import| import.is_public) {
                match (scopes.find(id, &import.path.segments), import.path.segments.last()) {
                    (Found::Module(other), _) => waiting.push(other),
                    (Found::Within(other), Some(name)) => drop(exports.items.insert((other, name.clone()))),
                    _ => {}
                }
            }
            let all_of = names.globs.iter().filter(|glob| glob.is_public);
            waiting.extend(all_of.filter_map(|glob| match scopes.find(id, &glob.path.segments) {
                Found::Module(other) => Some(other),
                Found::Within(_) | Found::Outside => None,
            }));
        }
        exports
    }

    /// Whether an item of a module is public, given how it is declared there.
    pub fn hold(&self, module: Id, name: &str, declared: &Visibility) -> bool {
        matches!(declared, Visibility::Public(_)) && self.name(module, name)
    }

    /// Whether other crates can name what a module declares, if it is `pub`.
    pub fn name(&self, module: Id, name: &str) -> bool {
        self.modules.contains(&module) || self.items.contains(&(module, name.to_owned()))
    }
}
