//! `insightgate_fold`: the one function of ours in plans. It folds letter case, so that comparisons of strings ignore it.
//!
//! It holds no state, so that its name is all that another process needs to run the same plan.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringBuilder, StringViewBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{ScalarValue, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

static FOLD: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::from(Fold::new())));

/// The function, to be registered where plans run.
pub fn fold_function() -> Arc<ScalarUDF> {
    Arc::clone(&FOLD)
}

pub(crate) fn folded(expression: Expr) -> Expr {
    fold_function().call(vec![expression])
}

struct Fold {
    signature: Signature,
}

impl Fold {
    fn new() -> Self {
        Fold { signature: Signature::uniform(1, vec![DataType::Utf8View, DataType::Utf8], Volatility::Immutable) }
    }
}

impl fmt::Debug for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fold")
    }
}

impl PartialEq for Fold {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Fold {}

impl Hash for Fold {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl ScalarUDFImpl for Fold {
    fn name(&self) -> &str {
        "insightgate_fold"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [kind @ (DataType::Utf8View | DataType::Utf8)] => Ok(kind.clone()),
            other => exec_err!("insightgate_fold takes one string, not {other:?}"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match arguments.args.as_slice() {
            [ColumnarValue::Array(array)] => Ok(ColumnarValue::Array(fold_array(array)?)),
            [ColumnarValue::Scalar(scalar)] => Ok(ColumnarValue::Scalar(fold_scalar(scalar)?)),
            other => exec_err!("insightgate_fold takes one argument, not {}", other.len()),
        }
    }
}

fn fold_scalar(scalar: &ScalarValue) -> Result<ScalarValue> {
    let text = |text: &Option<String>| text.as_ref().map(|text| insightgate_query::fold::fold(text).into_owned());
    match scalar {
        ScalarValue::Utf8View(value) => Ok(ScalarValue::Utf8View(text(value))),
        ScalarValue::Utf8(value) => Ok(ScalarValue::Utf8(text(value))),
        other => exec_err!("insightgate_fold takes a string, not {}", other.data_type()),
    }
}

fn fold_array(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Utf8View => {
            let strings = array.as_string_view();
            if strings.iter().flatten().all(is_folded) {
                return Ok(Arc::clone(array));
            }
            let mut builder = StringViewBuilder::with_capacity(strings.len());
            let mut scratch = String::new();
            for value in strings {
                builder.append_option(value.map(|text| fold_into(text, &mut scratch)));
            }
            Ok(Arc::new(builder.finish()))
        }
        DataType::Utf8 => {
            let strings = array.as_string::<i32>();
            if strings.iter().flatten().all(is_folded) {
                return Ok(Arc::clone(array));
            }
            let mut builder = StringBuilder::with_capacity(strings.len(), strings.values().len());
            let mut scratch = String::new();
            for value in strings {
                builder.append_option(value.map(|text| fold_into(text, &mut scratch)));
            }
            Ok(Arc::new(builder.finish()))
        }
        other => exec_err!("insightgate_fold takes strings, not {other}"),
    }
}

/// No character can change: the common case in columns of codes and keys.
fn is_folded(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
}

/// One buffer serves a whole batch.
fn fold_into<'a>(text: &'a str, scratch: &'a mut String) -> &'a str {
    if text.is_ascii() {
        scratch.clear();
        scratch.push_str(text);
        scratch.make_ascii_lowercase();
        return scratch;
    }
    match insightgate_query::fold::fold(text) {
        std::borrow::Cow::Borrowed(text) => text,
        std::borrow::Cow::Owned(text) => {
            *scratch = text;
            scratch
        }
    }
}
