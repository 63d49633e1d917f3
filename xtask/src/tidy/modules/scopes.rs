//! Which module of the crate holds what a path names. Imports and what is handed on by `pub use` are followed to where it is declared, so that no edge
//! hides behind the crate's root.
//!
//! Methods are not looked at: a call of one names no module.

use super::names::Names;
use super::tree::{Id, ROOT, Tree};

/// How many imports may lead from one to the next. Only a circle of imports has more.
const STEPS: usize = 32;

pub struct Scopes<'a> {
    pub tree: &'a Tree,
    pub names: Vec<Names>,
}

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Found {
    /// The module itself.
    Module(Id),
    /// Something that is declared in the module.
    Within(Id),
    /// Nothing of this crate, or a local name.
    Outside,
}

impl<'a> Scopes<'a> {
    pub fn of(tree: &'a Tree) -> Self {
        Scopes { tree, names: tree.modules.iter().map(|module| Names::of(&module.items)).collect() }
    }

    /// What `segments` lead to for code in the module `from`.
    pub fn find(&self, from: Id, segments: &[String]) -> Found {
        self.find_within(from, segments, STEPS)
    }

    fn find_within(&self, from: Id, segments: &[String], steps: usize) -> Found {
        let Some(steps) = steps.checked_sub(1) else { return Found::Outside };
        match segments {
            [first, rest @ ..] if first == "crate" => self.walk(ROOT, rest, steps),
            [first, rest @ ..] if first == "self" => self.walk(from, rest, steps),
            [first, ..] if first == "super" => {
                let above = segments.iter().take_while(|segment| *segment == "super").count();
                let module = (0..above).try_fold(from, |module, _| self.tree.get(module)?.parent);
                module.map_or(Found::Outside, |module| self.walk(module, segments.get(above..).unwrap_or_default(), steps))
            }
            [first, ..] if self.knows(from, first, steps) => self.walk(from, segments, steps),
            _ => Found::Outside,
        }
    }

    /// From a module on, down to what the segments name.
    fn walk(&self, module: Id, segments: &[String], steps: usize) -> Found {
        let Some(steps) = steps.checked_sub(1) else { return Found::Outside };
        let [name, rest @ ..] = segments else { return Found::Module(module) };
        let (Some(here), Some(names)) = (self.tree.get(module), self.names.get(module)) else { return Found::Outside };
        // A function may have the name of a module beside it; only a module has anything within.
        let child = here.children.get(name);
        if let Some(child) = child.filter(|_| !rest.is_empty()) {
            return self.walk(*child, rest, steps);
        }
        if names.declared.contains(name) {
            return Found::Within(module);
        }
        let mut imports = names.imports.iter().filter(|import| import.name == *name).peekable();
        if imports.peek().is_some() {
            let lead = |path: &[String]| self.find_within(module, &[path, rest].concat(), steps);
            let found = imports.map(|import| lead(&import.path.segments));
            let found = found.max_by_key(|found| matches!(found, Found::Within(_)));
            return found.unwrap_or(Found::Outside);
        }
        if let Some(child) = child {
            return Found::Module(*child);
        }
        for glob in &names.globs {
            if let Found::Module(other) = self.find_within(module, &glob.path.segments, steps)
                && other != module
                && self.knows(other, name, steps)
            {
                return self.walk(other, segments, steps);
            }
        }
        Found::Within(module)
    }

    fn knows(&self, module: Id, name: &str, steps: usize) -> bool {
        let Some(steps) = steps.checked_sub(1) else { return false };
        let (Some(here), Some(names)) = (self.tree.get(module), self.names.get(module)) else { return false };
        here.children.contains_key(name)
            || names.declared.contains(name)
            || names.imports.iter().any(|import| import.name == name)
            || names.globs.iter().any(|glob| match self.find_within(module, &glob.path.segments, steps) {
                Found::Module(other) => other != module && self.knows(other, name, steps),
                _ => false,
            })
    }
}
