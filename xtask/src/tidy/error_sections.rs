//! Public functions that return a Result say under `# Errors` when they fail.
//!
//! Public is what another crate can name. Of a future that is returned, what it ends with counts.

use syn::{
    Attribute, Expr, GenericArgument, ImplItem, Item, Lit, Meta, PathArguments, ReturnType, Signature, TraitItem, Type, TypeParamBound,
    Visibility,
};

use super::modules::exports::Exports;
use super::modules::scopes::{Found, Scopes};
use super::modules::tree::{Id, Tree, is_for_tests};

/// Each such function of a library that does not.
pub fn problems(tree: &Tree) -> Vec<String> {
    let scopes = Scopes::of(tree);
    let exports = Exports::of(tree, &scopes);
    let mut problems = Vec::new();
    for (id, module) in tree.modules.iter().enumerate() {
        for (signature, attributes) in module.items.iter().flat_map(|item| public_functions(item, id, &scopes, &exports)) {
            if !is_for_tests(attributes) && is_result_of(&signature.output) && !has_section(attributes) {
                let line = signature.ident.span().start().line;
                let place = format!("{}:{line}", module.file.display());
                problems.push(format!("{place}: {} returns a Result, and its documentation has no section `# Errors`", signature.ident));
            }
        }
    }
    problems
}

fn public_functions<'a>(item: &'a Item, id: Id, scopes: &Scopes, exports: &Exports) -> Vec<(&'a Signature, &'a [Attribute])> {
    match item {
        Item::Fn(function) if exports.hold(id, &function.sig.ident.to_string(), &function.vis) => vec![(&function.sig, &function.attrs)],
        Item::Trait(declared) if exports.hold(id, &declared.ident.to_string(), &declared.vis) => {
            let function = |item: &'a TraitItem| match item {
                TraitItem::Fn(function) => Some((&function.sig, function.attrs.as_slice())),
                _ => None,
            };
            declared.items.iter().filter_map(function).collect()
        }
        Item::Impl(block) if block.trait_.is_none() && is_public_type(&block.self_ty, id, scopes, exports) => {
            let function = |item: &'a ImplItem| match item {
                ImplItem::Fn(function) if matches!(function.vis, Visibility::Public(_)) => Some((&function.sig, function.attrs.as_slice())),
                _ => None,
            };
            block.items.iter().filter_map(function).collect()
        }
        _ => Vec::new(),
    }
}

fn is_public_type(of: &Type, id: Id, scopes: &Scopes, exports: &Exports) -> bool {
    let Type::Path(of) = of else { return false };
    let segments: Vec<_> = of.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    match (scopes.find(id, &segments), segments.last()) {
        (Found::Within(module), Some(name)) => exports.name(module, name) && is_declared_public(scopes, module, name),
        _ => false,
    }
}

fn is_declared_public(scopes: &Scopes, module: Id, name: &str) -> bool {
    let items = scopes.tree.get(module).map(|module| module.items.as_slice()).unwrap_or_default();
    items.iter().any(|item| match item {
        Item::Struct(item) => item.ident == name && matches!(item.vis, Visibility::Public(_)),
        Item::Enum(item) => item.ident == name && matches!(item.vis, Visibility::Public(_)),
        Item::Union(item) => item.ident == name && matches!(item.vis, Visibility::Public(_)),
        Item::Type(item) => item.ident == name && matches!(item.vis, Visibility::Public(_)),
        _ => false,
    })
}

fn is_result_of(output: &ReturnType) -> bool {
    matches!(output, ReturnType::Type(_, output) if is_result(output))
}

/// A Result, or a future that ends with one.
fn is_result(output: &Type) -> bool {
    match output {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            last.ident == "Result"
                || (["Box", "Pin", "BoxFuture", "LocalBoxFuture"].iter().any(|name| last.ident == name)
                    && arguments(&last.arguments).any(is_result))
        }),
        Type::ImplTrait(output) => output.bounds.iter().any(ends_with_result),
        Type::TraitObject(output) => output.bounds.iter().any(ends_with_result),
        _ => false,
    }
}

fn ends_with_result(bound: &TypeParamBound) -> bool {
    let TypeParamBound::Trait(bound) = bound else { return false };
    let Some(PathArguments::AngleBracketed(given)) = bound.path.segments.last().map(|last| &last.arguments) else { return false };
    given.args.iter().any(|argument| matches!(argument, GenericArgument::AssocType(of) if of.ident == "Output" && is_result(&of.ty)))
}

fn arguments(given: &PathArguments) -> impl Iterator<Item = &Type> {
    let given = match given {
        PathArguments::AngleBracketed(given) => Some(given.args.iter()),
        _ => None,
    };
    given.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(of) => Some(of),
        _ => None,
    })
}

/// Whether something stands below the heading.
fn has_section(attributes: &[Attribute]) -> bool {
    let lines: Vec<_> = attributes.iter().filter_map(documentation).collect();
    let mut below = lines.iter().flat_map(|text| text.lines()).map(str::trim).skip_while(|line| *line != "# Errors").skip(1);
    below.find(|line| !line.is_empty()).is_some_and(|line| !line.starts_with('#'))
}

fn documentation(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What is found in a library of these files.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let text = |path: &Path| files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned());
        problems(&Tree::read(Path::new("lib.rs"), &text).unwrap())
    }

    #[test]
    fn functions_that_return_a_result_are_found() {
        let cases = [
            ("pub fn a() -> Result<(), E> {}", 1),
            ("pub fn a() -> std::io::Result<()> {}", 1),
            ("pub async fn a() -> Result<(), E> {}", 1),
            ("pub fn a() -> impl Future<Output = Result<(), E>> + Send {}", 1),
            ("pub fn a() -> Pin<Box<dyn Future<Output = Result<(), E>>>> {}", 1),
            ("pub fn a() -> BoxFuture<'static, Result<(), E>> {}", 1),
            ("/// Does.\n///\n/// # Errors\n///\n/// When it cannot.\npub fn a() -> Result<(), E> {}", 0),
            ("/// # Errors\npub fn a() -> Result<(), E> {}", 1),
            ("/// # Errors\n///\n/// # Panics\npub fn a() -> Result<(), E> {}", 1),
            ("pub fn a() -> Option<Result<(), E>> {}", 0),
            ("pub fn a() {}", 0),
            ("fn a() -> Result<(), E> {}", 0),
            ("pub(crate) fn a() -> Result<(), E> {}", 0),
            ("#[cfg(test)] pub fn a() -> Result<(), E> {}", 0),
            ("pub struct S; impl S { pub fn a() -> Result<(), E> {} fn b() -> Result<(), E> {} }", 1),
            ("struct S; impl S { pub fn a() -> Result<(), E> {} }", 0),
            ("pub struct S; impl Trait for S { fn a() -> Result<(), E> {} }", 0),
            ("pub trait T { fn a() -> Result<(), E>; }", 1),
            ("trait T { fn a() -> Result<(), E>; }", 0),
        ];
        for (text, expected) in cases {
            let found = found(&[("lib.rs", text)]);
            assert_eq!(found.len(), expected, "{text}: {found:?}");
        }
    }

    #[test]
    fn what_no_other_crate_can_name_is_not_public() {
        let a = "pub fn a() -> Result<(), E> {}\npub struct S;\nimpl S { pub fn b() -> Result<(), E> {} }";
        let cases = [
            ("mod a;", 0),
            ("pub mod a;", 2),
            ("mod a; pub use a::a;", 1),
            ("mod a; pub use a::S;", 1),
            ("mod a; pub use a::*;", 2),
            ("mod a; pub use crate::a as b;", 2),
            ("mod a; use a::S;", 0),
            ("mod a; pub(crate) use a::S;", 0),
        ];
        for (root, expected) in cases {
            let found = found(&[("lib.rs", root), ("a.rs", a)]);
            assert_eq!(found.len(), expected, "{root}: {found:?}");
        }
        let apart = [
            ("lib.rs", "mod a; mod b; pub use a::S;"),
            ("a.rs", "pub struct S;"),
            ("b.rs", "use crate::S; impl S { pub fn b() -> Result<(), E> {} }"),
        ];
        assert_eq!(found(&apart), ["b.rs:1: b returns a Result, and its documentation has no section `# Errors`"]);
    }
}
