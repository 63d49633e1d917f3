//! Texts as numbers while rows are grouped: a text that a dictionary holds is looked up once a dictionary, and rows are then told apart by
//! numbers, which costs a fraction of telling texts apart.
//!
//! Two functions share one table: `insightgate_code` gives a text its number, `insightgate_text` gives it back. The table lives as long as
//! the plan, so that a plan that travels needs to be cut above the second of them.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Int32Type};
use datafusion::common::{ScalarValue, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::text_test::is_same;

/// Dictionaries that are remembered: a few streams read a row group each.
const REMEMBERED: usize = 8;

/// The numbers of one column's texts.
#[derive(Default)]
struct Codes {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    numbers: HashMap<Arc<str>, i32>,
    texts: Vec<Arc<str>>,
    /// Dictionaries, kept so that their memory is not another's, with the numbers of their values.
    dictionaries: Vec<(StringArray, Arc<[Option<i32>]>)>,
}

/// `column`, a dictionary, as numbers; and the numbers as texts again.
pub(crate) fn coded(column: Expr) -> (Expr, impl Fn(Expr) -> Expr) {
    let codes = Arc::new(Codes::default());
    let function = |name, decodes| {
        let signature = Signature::any(1, Volatility::Immutable);
        Arc::new(ScalarUDF::from(Function { codes: Arc::clone(&codes), name, decodes, signature }))
    };
    let (code, text) = (function("insightgate_code", false), function("insightgate_text", true));
    (code.call(vec![column]), move |number| text.call(vec![number]))
}

struct Function {
    codes: Arc<Codes>,
    name: &'static str,
    decodes: bool,
    signature: Signature,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.codes, &other.codes) && self.decodes == other.decodes
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.codes).hash(state);
        self.decodes.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(if self.decodes { DataType::Utf8 } else { DataType::Int32 })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [argument] = arguments.args.as_slice() else { return exec_err!("{} takes one argument", self.name) };
        let array = argument.to_array(arguments.number_rows)?;
        let array: ArrayRef = if self.decodes { Arc::new(self.codes.texts(&array)?) } else { Arc::new(self.codes.numbers(&array)?) };
        Ok(match argument {
            ColumnarValue::Scalar(_) if !array.is_empty() => ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?),
            _ => ColumnarValue::Array(array),
        })
    }
}

impl Codes {
    fn numbers(&self, array: &ArrayRef) -> Result<Int32Array> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dictionary) = array.as_dictionary_opt::<Int32Type>()
            && let Some(values) = dictionary.values().as_string_opt::<i32>()
        {
            let of_values = known.of_dictionary(values);
            drop(known);
            let keys = dictionary.keys();
            if keys.null_count() == 0 && of_values.iter().all(Option::is_some) {
                let numbers =
                    keys.values().iter().map(|key| usize::try_from(*key).ok().and_then(|key| *of_values.get(key)?).unwrap_or_default());
                return Ok(Int32Array::from_iter_values(numbers));
            }
            return Ok(keys.iter().map(|key| *of_values.get(usize::try_from(key?).ok()?)?).collect());
        }
        match array.as_string_opt::<i32>() {
            Some(texts) => Ok(texts.iter().map(|text| text.map(|text| known.number(text))).collect()),
            None => exec_err!("insightgate_code takes texts, not {}", array.data_type()),
        }
    }

    fn texts(&self, array: &ArrayRef) -> Result<StringArray> {
        let Some(numbers) = array.as_primitive_opt::<Int32Type>() else {
            return exec_err!("insightgate_text takes numbers, not {}", array.data_type());
        };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let text = |number: i32| known.texts.get(usize::try_from(number).ok()?).map(AsRef::as_ref);
        Ok(numbers.iter().map(|number| number.and_then(text)).collect())
    }
}

impl Known {
    fn of_dictionary(&mut self, values: &StringArray) -> Arc<[Option<i32>]> {
        if let Some((_, numbers)) = self.dictionaries.iter().find(|(known, _)| is_same(known, values)) {
            return Arc::clone(numbers);
        }
        let numbers: Arc<[Option<i32>]> = values.iter().map(|text| text.map(|text| self.number(text))).collect();
        if self.dictionaries.len() == REMEMBERED {
            self.dictionaries.remove(0);
        }
        self.dictionaries.push((values.clone(), Arc::clone(&numbers)));
        numbers
    }

    fn number(&mut self, text: &str) -> i32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        // More texts than there are numbers do not fit into memory either.
        let number = i32::try_from(self.texts.len()).unwrap_or(i32::MAX);
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }
}
