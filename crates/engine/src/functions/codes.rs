//! Encodes texts as numbers while rows are grouped: each text of a dictionary is looked up once per dictionary, and rows are then compared by
//! numbers, which costs a fraction of comparing texts.
//!
//! Two functions share one table: `insightgate_code` turns a text into its number, `insightgate_text` turns the number back. The table lives as long
//! as the plan, so that a plan that runs in several processes needs to be cut above the second function.

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Int32Type};
use datafusion::common::{ScalarValue, exec_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::functions::remembered::Remembered;
use crate::reach;
use crate::reach::{PlanPart, Reach};

/// The bytes that each text takes in the table and in the list in addition to its own.
const BESIDES: usize = 32;

/// The texts take more memory than they were given. The plan has to be made again without codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the different texts of a column take more memory than was given to them")]
pub(crate) struct TooMany;

/// Whether an error comes from [`TooMany`].
pub(crate) fn are_too_many(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::External(cause) if cause.is::<TooMany>())
}

/// The numbers of the texts of one column.
#[derive(Default)]
struct Codes {
    hasher: DefaultHashBuilder,
    known: RwLock<Known>,
    /// For each dictionary, the numbers of its values.
    dictionaries: Remembered<Option<i32>>,
}

#[derive(Default)]
struct Known {
    numbers: HashTable<i32>,
    /// All texts, one behind the other, and the end of each.
    texts: String,
    ends: Vec<usize>,
    /// The bytes that further texts may take.
    room: usize,
}

/// Returns `column`, a dictionary, as numbers, and a function that turns the numbers back into texts. Evaluation fails with [`TooMany`] when the
/// texts take more than `room` bytes.
pub(crate) fn coded(column: Expr, room: usize) -> (Expr, impl Fn(Expr) -> Expr) {
    let codes = Shared(Arc::new(Codes { known: RwLock::new(Known { room, ..Known::default() }), ..Codes::default() }));
    let signature = || Signature::any(1, Volatility::Immutable);
    let code = reach::function(Code { codes: codes.clone(), signature: signature() });
    let text = reach::function(Text { codes, signature: signature() });
    (code.call(vec![column]), move |number| text.call(vec![number]))
}

/// The table of the two functions that share it. Two functions are equal if they use the same table.
#[derive(Clone)]
struct Shared(Arc<Codes>);

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Shared {}

impl Hash for Shared {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("codes")
    }
}

/// `insightgate_code`: turns a text into its number.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Code {
    codes: Shared,
    signature: Signature,
}

impl PlanPart for Code {
    const REACH: Reach = Reach::ThisProcess;
}

impl ScalarUDFImpl for Code {
    fn name(&self) -> &str {
        "insightgate_code"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        converted(&arguments, |texts| Ok(Arc::new(self.codes.0.numbers(texts)?)))
    }
}

/// `insightgate_text`: turns a number into its text.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Text {
    codes: Shared,
    signature: Signature,
}

impl PlanPart for Text {
    const REACH: Reach = Reach::ThisProcess;
}

impl ScalarUDFImpl for Text {
    fn name(&self) -> &str {
        "insightgate_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        converted(&arguments, |numbers| Ok(Arc::new(self.codes.0.texts(numbers)?)))
    }
}

fn converted(arguments: &ScalarFunctionArgs, convert: impl Fn(&ArrayRef) -> Result<ArrayRef>) -> Result<ColumnarValue> {
    let [argument] = arguments.args.as_slice() else { return exec_err!("a function of codes takes one argument") };
    let array = convert(&argument.to_array(arguments.number_rows)?)?;
    Ok(match argument {
        ColumnarValue::Scalar(_) if !array.is_empty() => ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?),
        _ => ColumnarValue::Array(array),
    })
}

impl Codes {
    fn numbers(&self, array: &ArrayRef) -> Result<Int32Array> {
        if let Some(dictionary) = array.as_dictionary_opt::<Int32Type>()
            && let Some(values) = dictionary.values().as_string_opt::<i32>()
        {
            let of_values = self.of_dictionary(values)?;
            let keys = dictionary.keys();
            if keys.null_count() == 0 && of_values.iter().all(Option::is_some) {
                let numbers =
                    keys.values().iter().map(|key| usize::try_from(*key).ok().and_then(|key| *of_values.get(key)?).unwrap_or_default());
                return Ok(Int32Array::from_iter_values(numbers));
            }
            return Ok(keys.iter().map(|key| *of_values.get(usize::try_from(key?).ok()?)?).collect());
        }
        match array.as_string_opt::<i32>() {
            Some(texts) => Ok(self.of_texts(texts)?.into()),
            None => exec_err!("insightgate_code takes texts, not {}", array.data_type()),
        }
    }

    fn of_dictionary(&self, values: &StringArray) -> Result<Arc<[Option<i32>]>> {
        match self.dictionaries.find(values) {
            Some(numbers) => Ok(numbers),
            None => Ok(self.dictionaries.keep(values, self.of_texts(values)?.into())),
        }
    }

    /// Looks the texts up under the read lock first: most are known after a while, and looking them up does not block other streams.
    fn of_texts(&self, texts: &StringArray) -> Result<Vec<Option<i32>>> {
        let hashed = |text: &str| self.hasher.hash_one(text);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut numbers: Vec<Option<i32>> = texts.iter().map(|text| text.and_then(|text| known.number(text, hashed(text)))).collect();
        drop(known);
        let is_new = |(number, text): &(&mut Option<i32>, Option<&str>)| number.is_none() && text.is_some();
        let mut new = numbers.iter_mut().zip(texts).filter(is_new).peekable();
        if new.peek().is_some() {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            for (number, text) in new {
                let text = text.unwrap_or_default();
                *number = Some(known.number(text, hashed(text)).map_or_else(|| known.learn(text, hashed), Ok)?);
            }
        }
        Ok(numbers)
    }

    fn texts(&self, array: &ArrayRef) -> Result<StringArray> {
        let Some(numbers) = array.as_primitive_opt::<Int32Type>() else {
            return exec_err!("insightgate_text takes numbers, not {}", array.data_type());
        };
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        Ok(numbers.iter().map(|number| number.and_then(|number| known.text(number))).collect())
    }
}

impl Known {
    fn text(&self, number: i32) -> Option<&str> {
        text_of(number, &self.texts, &self.ends)
    }

    fn number(&self, text: &str, hash: u64) -> Option<i32> {
        self.numbers.find(hash, |number| self.text(*number) == Some(text)).copied()
    }

    fn learn(&mut self, text: &str, hashed: impl Fn(&str) -> u64) -> Result<i32> {
        let too_many = || DataFusionError::External(Box::new(TooMany));
        self.room = self.room.checked_sub(text.len() + BESIDES).ok_or_else(too_many)?;
        let number = i32::try_from(self.ends.len()).map_err(|_| too_many())?;
        self.texts.push_str(text);
        self.ends.push(self.texts.len());
        let Known { numbers, texts, ends, .. } = self;
        numbers.insert_unique(hashed(text), number, |number| hashed(text_of(*number, texts, ends).unwrap_or_default()));
        Ok(number)
    }
}

fn text_of<'t>(number: i32, texts: &'t str, ends: &[usize]) -> Option<&'t str> {
    let number = usize::try_from(number).ok()?;
    let start = number.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied())?;
    texts.get(start..*ends.get(number)?)
}
