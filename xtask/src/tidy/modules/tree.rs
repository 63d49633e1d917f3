//! The modules of one crate as they are built without its tests: which lies within which, in which file, with which items.
//!
//! It reads what `mod` says and nothing that cargo or the compiler would have to find out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, ItemMod, Meta, Token, Visibility, punctuated::Punctuated};

/// The place of a module in its [`Tree`].
pub type Id = usize;

pub struct Module {
    /// From the crate's root on, whose own path is empty.
    pub path: Vec<String>,
    pub parent: Option<Id>,
    pub children: BTreeMap<String, Id>,
    pub file: PathBuf,
    /// The module that the file belongs to: this one, unless it stands between braces in the file of another.
    pub owner: Id,
    /// Whether it is declared `pub`.
    pub is_public: bool,
    /// Without modules and without what is built for tests alone.
    pub items: Vec<Item>,
}

impl Module {
    /// `store::dialect`, or `the root`.
    pub fn name(&self) -> String {
        if self.path.is_empty() { "the root".to_owned() } else { self.path.join("::") }
    }
}

/// The root has the place 0.
pub struct Tree {
    pub modules: Vec<Module>,
}

pub const ROOT: Id = 0;

/// The text of a file, if there is such a file.
pub type Files<'a> = &'a dyn Fn(&Path) -> Option<String>;

impl Tree {
    /// Starts at `lib.rs` or `main.rs`.
    ///
    /// # Errors
    ///
    /// When a file is missing or no Rust.
    pub fn read(root: &Path, files: Files) -> Result<Self, String> {
        let mut tree = Tree { modules: Vec::new() };
        let module = Module {
            path: Vec::new(),
            parent: None,
            children: BTreeMap::new(),
            file: root.to_owned(),
            owner: ROOT,
            is_public: true,
            items: Vec::new(),
        };
        tree.modules.push(module);
        let folder = root.parent().unwrap_or(Path::new("")).to_owned();
        tree.fill(ROOT, parsed(root, files)?, &folder, files)?;
        Ok(tree)
    }

    pub fn get(&self, id: Id) -> Option<&Module> {
        self.modules.get(id)
    }

    /// Whether one of them lies within the other, at any depth.
    pub fn are_nested(&self, one: Id, other: Id) -> bool {
        let lies_within = |inner: Id, outer: Id| std::iter::successors(Some(inner), |id| self.get(*id)?.parent).any(|id| id == outer);
        lies_within(one, other) || lies_within(other, one)
    }

    /// `folder` is where the modules lie that this one declares.
    fn fill(&mut self, id: Id, items: Vec<Item>, folder: &Path, files: Files) -> Result<(), String> {
        let mut kept = Vec::new();
        for item in items.into_iter().filter(|item| !is_for_tests(attributes(item))) {
            match item {
                Item::Mod(module) => self.add(id, module, folder, files)?,
                other => kept.push(other),
            }
        }
        if let Some(module) = self.modules.get_mut(id) {
            module.items = kept;
        }
        Ok(())
    }

    fn add(&mut self, parent: Id, declared: ItemMod, folder: &Path, files: Files) -> Result<(), String> {
        let id = self.modules.len();
        let name = declared.ident.to_string();
        let Some(above) = self.modules.get_mut(parent) else { return Ok(()) };
        above.children.insert(name.clone(), id);
        let mut module = Module {
            path: above.path.iter().cloned().chain([name.clone()]).collect(),
            parent: Some(parent),
            children: BTreeMap::new(),
            file: above.file.clone(),
            owner: above.owner,
            is_public: matches!(declared.vis, Visibility::Public(_)),
            items: Vec::new(),
        };
        let within = folder.join(&name);
        if let Some((_, items)) = declared.content {
            self.modules.push(module);
            return self.fill(id, items, &within, files);
        }
        let beside = above.file.parent().unwrap_or(Path::new("")).to_owned();
        let places = match path_attribute(&declared.attrs) {
            Some(path) => vec![beside.join(path)],
            None => vec![folder.join(format!("{name}.rs")), within.join("mod.rs")],
        };
        let found = places.iter().find(|place| files(place).is_some());
        let file = found.ok_or_else(|| format!("{}: there is no file of the module {name}", above.file.display()))?;
        module.file.clone_from(file);
        module.owner = id;
        self.modules.push(module);
        self.fill(id, parsed(file, files)?, &within, files)
    }
}

fn parsed(file: &Path, files: Files) -> Result<Vec<Item>, String> {
    let text = files(file).ok_or_else(|| format!("{} is missing", file.display()))?;
    let parsed = syn::parse_file(&text).map_err(|error| format!("{}:{}: {error}", file.display(), error.span().start().line))?;
    Ok(parsed.items)
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

/// Whether it is built for tests alone.
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => list.parse_args().is_ok_and(|condition| needs_test(&condition)),
        meta => meta.path().is_ident("test"),
    })
}

fn needs_test(condition: &Meta) -> bool {
    let inner = |list: &syn::MetaList| list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).unwrap_or_default();
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => inner(list).iter().any(needs_test),
        Meta::List(list) if list.path.is_ident("any") => inner(list).iter().all(needs_test),
        _ => false,
    }
}

pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
