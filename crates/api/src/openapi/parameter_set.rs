//! Parameters of a query string or a form, defined once: the macro makes the type that a handler reads, and what the document says of it.

use insightgate_operations::failure::Failure;
use serde_json::{Value, json};

use crate::http::parameters::Parameters;

/// A parameter as the document describes it.
pub(crate) struct Described {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) required: bool,
    pub(crate) schema: Value,
}

/// How the value of one parameter is read, and its schema.
pub(crate) trait Parameter: Sized {
    const REQUIRED: bool = false;

    fn read(sent: &Parameters, name: &str) -> Result<Self, Failure>;

    fn schema() -> Value {
        json!({"type": "string"})
    }
}

/// A trimmed text. An empty one counts as absent.
impl Parameter for Option<String> {
    fn read(sent: &Parameters, name: &str) -> Result<Self, Failure> {
        Ok(sent.text(name))
    }
}

impl Parameter for Option<bool> {
    fn read(sent: &Parameters, name: &str) -> Result<Self, Failure> {
        sent.flag(name)
    }

    fn schema() -> Value {
        json!({"type": "boolean"})
    }
}

/// Texts between semicolons.
impl Parameter for Vec<String> {
    fn read(sent: &Parameters, name: &str) -> Result<Self, Failure> {
        Ok(sent.list(name))
    }
}

/// A text that the endpoint cannot do without.
#[derive(Default)]
pub(crate) struct Needed(pub(crate) Option<String>);

impl Parameter for Needed {
    const REQUIRED: bool = true;

    fn read(sent: &Parameters, name: &str) -> Result<Self, Failure> {
        Ok(Needed(sent.text(name)))
    }
}

/// A text to the letter, such as a password. An empty one counts as absent.
#[derive(Default)]
pub(crate) struct Raw(pub(crate) Option<String>);

impl Parameter for Raw {
    fn read(sent: &Parameters, name: &str) -> Result<Self, Failure> {
        Ok(Raw(sent.raw(name)))
    }
}

/// The parameters of an endpoint.
pub(crate) trait ParameterSet: Sized {
    /// # Errors
    /// When a value cannot be read: the first such value.
    fn read(sent: &Parameters) -> Result<Self, Failure>;

    fn described() -> Vec<Described>;
}

/// An endpoint that takes none.
impl ParameterSet for () {
    fn read(_: &Parameters) -> Result<Self, Failure> {
        Ok(())
    }

    fn described() -> Vec<Described> {
        Vec::new()
    }
}

/// Makes a type with a field for each parameter: `field: kind = "name", "what it is";`.
macro_rules! parameter_set {
    ($(#[$attribute:meta])* $set:ident { $($field:ident: $kind:ty = $name:literal, $about:literal;)* }) => {
        $(#[$attribute])*
        #[derive(Default)]
        pub(super) struct $set {
            $(pub(super) $field: $kind,)*
        }

        impl crate::openapi::parameter_set::ParameterSet for $set {
            fn read(sent: &crate::http::parameters::Parameters) -> Result<Self, insightgate_operations::failure::Failure> {
                Ok($set { $($field: crate::openapi::parameter_set::Parameter::read(sent, $name)?,)* })
            }

            fn described() -> Vec<crate::openapi::parameter_set::Described> {
                vec![$(crate::openapi::parameter_set::Described {
                    name: $name,
                    about: $about,
                    required: <$kind as crate::openapi::parameter_set::Parameter>::REQUIRED,
                    schema: <$kind as crate::openapi::parameter_set::Parameter>::schema(),
                },)*]
            }
        }
    };
}

pub(crate) use parameter_set;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    parameter_set! {
        Set {
            name: Option<String> = "name", "A text.";
            flag: Option<bool> = "isFlag", "A flag.";
            list: Vec<String> = "list", "Several.";
            id: Needed = "id", "An id.";
            secret: Raw = "secret", "To the letter.";
        }
    }

    #[test]
    fn what_is_read_is_what_is_described() {
        let sent = |text: &str| Set::read(&Parameters::parse(text.as_bytes()));
        let set = sent("NAME=+a+&isflag=true&list=a;b&id=7&secret=+s+").unwrap();
        let texts = (set.name.as_deref(), set.id.0.as_deref(), set.secret.0.as_deref());
        assert_eq!((texts, set.flag, set.list), ((Some("a"), Some("7"), Some(" s ")), Some(true), vec!["a".to_owned(), "b".to_owned()]));
        assert!(sent("isFlag=perhaps").is_err_and(|failure| failure.to_string().starts_with("isFlag should be")));
        let described: Vec<_> = Set::described().into_iter().map(|one| (one.name, one.required, one.schema["type"].clone())).collect();
        let kinds = [("name", false, "string"), ("isFlag", false, "boolean"), ("list", false, "string"), ("id", true, "string")];
        assert_eq!(described[..4], kinds.map(|(name, required, kind)| (name, required, Value::from(kind))));
    }
}
