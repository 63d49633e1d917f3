//! What a module names: paths in its code, macros and attributes, what it imports, and what it declares itself.
//!
//! Code of tests is left out. Nothing is resolved here.

use std::collections::BTreeSet;

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Field, ImplItem, Item, ItemUse, Local, Macro, Meta, TraitItem, UseTree};

use super::tree::{attributes, is_for_tests};

/// A path as it is written, such as `super::catalog::Catalog`.
pub struct Named {
    pub segments: Vec<String>,
    pub line: usize,
}

/// A path that `use` gives a name in the module.
pub struct Import {
    pub name: String,
    pub path: Named,
    /// Whether it is handed on to every crate.
    pub is_public: bool,
}

/// All of `path` under its own names.
pub struct Glob {
    pub path: Named,
    /// Whether it is handed on to every crate.
    pub is_public: bool,
}

#[derive(Default)]
pub struct Names {
    pub paths: Vec<Named>,
    pub imports: Vec<Import>,
    pub globs: Vec<Glob>,
    pub declared: BTreeSet<String>,
}

impl Names {
    pub fn of(items: &[Item]) -> Self {
        let mut names = Names { declared: items.iter().filter_map(declared).collect(), ..Names::default() };
        for item in items {
            names.visit_item(item);
        }
        names
    }

    fn import(&mut self, tree: &UseTree, before: &[String], is_public: bool) {
        let with = |name: &syn::Ident| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &with(&path.ident), is_public),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before, is_public)),
            UseTree::Glob(glob) => {
                let line = glob.star_token.span.start().line;
                let path = Named { segments: before.to_vec(), line };
                self.globs.push(Glob { path, is_public });
            }
            UseTree::Name(name) => {
                // `use catalog::{self}` gives the name `catalog`.
                let segments = if name.ident == "self" { before.to_vec() } else { with(&name.ident) };
                let Some(last) = segments.last().cloned() else { return };
                self.imports.push(Import { name: last, path: Named { segments, line: name.ident.span().start().line }, is_public });
            }
            UseTree::Rename(rename) => {
                let segments = if rename.ident == "self" { before.to_vec() } else { with(&rename.ident) };
                let path = Named { segments, line: rename.ident.span().start().line };
                self.imports.push(Import { name: rename.rename.to_string(), path, is_public });
            }
        }
    }

    /// The paths of more than one segment in what a macro is given.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(ident) => {
                    let (mut segments, line) = (vec![ident.to_string()], ident.span().start().line);
                    while tokens.next_if(is_first_colon).is_some() {
                        tokens.next();
                        // Not so in `collect::<Vec<_>>`.
                        let Some(TokenTree::Ident(next)) = tokens.peek() else { break };
                        segments.push(next.to_string());
                        tokens.next();
                    }
                    if segments.len() > 1 {
                        self.paths.push(Named { segments, line });
                    }
                }
                _ => {}
            }
        }
    }

    /// Paths in quotes, as serde's attributes take them: `#[serde(with = "crate::milliseconds")]`.
    fn quoted(&mut self, tokens: TokenStream) {
        for token in tokens {
            let line = token.span().start().line;
            let TokenTree::Literal(literal) = token else { continue };
            let text = literal.to_string();
            let Ok(path) = syn::parse_str::<syn::Path>(text.trim_matches('"')) else { continue };
            let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            if segments.len() > 1 {
                self.paths.push(Named { segments, line });
            }
        }
    }
}

/// Of the two in `::`.
fn is_first_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint)
}

fn declared(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => return,
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        let attributes = match item {
            TraitItem::Const(item) => &item.attrs,
            TraitItem::Fn(item) => &item.attrs,
            TraitItem::Type(item) => &item.attrs,
            TraitItem::Macro(item) => &item.attrs,
            _ => return,
        };
        if !is_for_tests(attributes) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast Field) {
        if !is_for_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_local(&mut self, local: &'ast Local) {
        if !is_for_tests(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        // A path that starts with `::` is another crate's.
        if item.leading_colon.is_none() {
            self.import(&item.tree, &[], matches!(item.vis, syn::Visibility::Public(_)));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
            self.paths.push(Named { segments, line });
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        self.visit_path(attribute.path());
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
            self.quoted(list.tokens.clone());
        }
    }
}
