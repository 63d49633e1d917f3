//! `insightgate_meets` evaluates a predicate of the language on a column, as [`TextPredicate`] defines it.
//!
//! A column that comes as a dictionary is tested once for each of its different values, not once for each row. The predicate is all that another
//! process needs to make the same function: the remembered results of dictionaries only save work.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{AnyDictionaryArray, Array, ArrayRef, AsArray, BooleanArray, StringArray};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use insightgate_query::matching::{Stands, TextPredicate};
use insightgate_query::plan::Predicate;
use memchr::memmem::Finder;

use crate::encode::text_of;
use crate::functions::remembered::Remembered;
use crate::reach;
use crate::reach::{PlanPart, Reach};

/// Whether the value of `subject`, as an export writes it, meets the predicate. `None` for a predicate that does not look at text.
pub(crate) fn meets(subject: Expr, predicate: &Predicate) -> Option<Expr> {
    let meets = Meets {
        compiled: TextPredicate::new(predicate)?,
        spelled: format!("{predicate:?}"),
        signature: Signature::any(1, Volatility::Immutable),
        dictionaries: Remembered::default(),
    };
    Some(reach::function(meets).call(vec![subject]))
}

struct Meets {
    compiled: TextPredicate,
    /// The predicate as text, to compare plans.
    spelled: String,
    signature: Signature,
    /// For each dictionary, which of its values meet the predicate.
    dictionaries: Remembered<bool>,
}

impl fmt::Debug for Meets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Meets({})", self.spelled)
    }
}

impl PartialEq for Meets {
    fn eq(&self, other: &Self) -> bool {
        self.spelled == other.spelled
    }
}

impl Eq for Meets {}

impl Hash for Meets {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spelled.hash(state);
    }
}

impl PlanPart for Meets {
    const REACH: Reach = Reach::AnyProcess;
}

impl ScalarUDFImpl for Meets {
    fn name(&self) -> &str {
        "insightgate_meets"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match arguments.args.as_slice() {
            [ColumnarValue::Array(array)] => Ok(ColumnarValue::Array(Arc::new(self.array(array)?))),
            [ColumnarValue::Scalar(scalar)] => {
                let met = self.array(&scalar.to_array()?)?;
                Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&met, 0)?))
            }
            other => exec_err!("insightgate_meets takes one argument, not {}", other.len()),
        }
    }
}

impl Meets {
    /// The result is null where the value is null.
    fn array(&self, array: &ArrayRef) -> Result<BooleanArray> {
        let met = match array.data_type() {
            DataType::Utf8 => self.texts(array.as_string()),
            DataType::Dictionary(_, values) if **values == DataType::Utf8 => self.dictionary(array.as_any_dictionary()),
            _ => self.others(array)?,
        };
        Ok(BooleanArray::new(met, array.logical_nulls()))
    }

    fn texts(&self, array: &StringArray) -> BooleanBuffer {
        if let Some((stands, wanted, negated)) = self.compiled.only_text()
            && let Some(texts) = Texts::foldable_by_byte(array, wanted)
        {
            return match stands {
                Stands::Alone => texts.that(negated, |text| text.eq_ignore_ascii_case(wanted.as_bytes())),
                Stands::AtStart => {
                    let begins = |begin: &[u8]| begin.eq_ignore_ascii_case(wanted.as_bytes());
                    texts.that(negated, |text| text.get(..wanted.len()).is_some_and(begins))
                }
                Stands::Anywhere => texts.that_hold(wanted.as_bytes(), negated),
            };
        }
        let mut scratch = String::new();
        BooleanBuffer::collect_bool(array.len(), |row| array.is_valid(row) && self.compiled.matches(array.value(row), &mut scratch))
    }

    fn dictionary(&self, array: &dyn AnyDictionaryArray) -> BooleanBuffer {
        let values = array.values().as_string::<i32>();
        // An earlier filter has left few rows of a large dictionary: test the rows rather than the dictionary.
        if array.len() < values.len() / 8 && self.dictionaries.find(values).is_none() {
            let mut scratch = String::new();
            let keys = array.normalized_keys();
            return BooleanBuffer::collect_bool(array.len(), |row| {
                let value = keys.get(row).copied().filter(|key| *key < values.len() && !array.keys().is_null(row));
                value.is_some_and(|key| values.is_valid(key) && self.compiled.matches(values.value(key), &mut scratch))
            });
        }
        let met = self.dictionaries.find(values).unwrap_or_else(|| self.dictionaries.keep(values, self.texts(values).iter().collect()));
        if met.iter().all(|met| !met) {
            return BooleanBuffer::new_unset(array.len());
        }
        match array.keys().as_primitive_opt::<datafusion::arrow::datatypes::Int32Type>() {
            Some(keys) => {
                let keys = keys.values();
                BooleanBuffer::collect_bool(array.len(), |row| {
                    let key = keys.get(row).and_then(|key| usize::try_from(*key).ok());
                    key.and_then(|key| met.get(key)).copied().unwrap_or(false)
                })
            }
            None => {
                let keys = array.normalized_keys();
                BooleanBuffer::collect_bool(array.len(), |row| keys.get(row).and_then(|key| met.get(*key)).copied().unwrap_or(false))
            }
        }
    }

    /// Tests columns that are not texts by the text that an export writes.
    fn others(&self, array: &ArrayRef) -> Result<BooleanBuffer> {
        let texts = text_of(array).map_err(|error| datafusion::error::DataFusionError::External(Box::new(error)))?;
        Ok(self.texts(&texts))
    }
}

/// The texts of an array as bytes.
struct Texts<'a> {
    bytes: &'a [u8],
    /// Where the texts begin and end. The offsets count from a place that may lie before `bytes`.
    offsets: &'a [i32],
}

impl<'a> Texts<'a> {
    /// Returns the texts if each byte can be folded by itself as far as `wanted` is concerned: bytes beyond ASCII are no part of an ASCII text,
    /// unless they belong to one of the letters that fold to an ASCII letter. Otherwise returns `None`.
    fn foldable_by_byte(array: &'a StringArray, wanted: &str) -> Option<Texts<'a>> {
        let offsets = array.value_offsets();
        let bytes = array.value_data().get(*offsets.first()? as usize..*offsets.last()? as usize)?;
        let distant = |folded: char, spelled: &str| wanted.contains(folded) && Finder::new(spelled).find(bytes).is_some();
        let folds = wanted.is_ascii() && (bytes.is_ascii() || !(distant('k', "\u{212a}") || distant('s', "\u{17f}")));
        folds.then_some(Texts { bytes, offsets })
    }

    /// Which of the texts meet the test, or do not meet it if `negated`.
    fn that(&self, negated: bool, test: impl Fn(&[u8]) -> bool) -> BooleanBuffer {
        let start = self.offsets.first().copied().unwrap_or_default();
        let text = |from: i32, to: i32| self.bytes.get((from - start) as usize..(to - start) as usize);
        let texts = self.offsets.windows(2).map(|pair| if let [from, to] = pair { text(*from, *to) } else { None });
        texts.map(|text| text.is_some_and(&test) != negated).collect()
    }

    /// Which of the texts contain `wanted`, or do not if `negated`. All texts are searched in one pass.
    fn that_hold(&self, wanted: &[u8], negated: bool) -> BooleanBuffer {
        let start = self.offsets.first().copied().unwrap_or_default();
        let ends = self.offsets.get(1..).unwrap_or_default();
        let folded = self.bytes.to_ascii_lowercase();
        let finder = Finder::new(wanted);
        let mut met = vec![negated; ends.len()];
        let (mut row, mut from) = (0, 0);
        while let Some(found) = folded.get(from..).and_then(|rest| finder.find(rest)) {
            let found = from + found;
            while ends.get(row).is_some_and(|end| (end - start) as usize <= found) {
                row += 1;
            }
            let Some(end) = ends.get(row).map(|end| (end - start) as usize) else { break };
            if found + wanted.len() <= end {
                if let Some(met) = met.get_mut(row) {
                    *met = !negated;
                }
                from = end;
            } else {
                from = found + 1;
            }
        }
        BooleanBuffer::from(met)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use datafusion::arrow::array::{Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int32Array};
    use datafusion::arrow::datatypes::Int32Type;
    use insightgate_query::column::{Comparison, Value};

    use super::*;

    fn function(predicate: Predicate) -> Meets {
        Meets {
            compiled: TextPredicate::new(&predicate).unwrap(),
            spelled: String::new(),
            signature: Signature::any(1, Volatility::Immutable),
            dictionaries: Remembered::default(),
        }
    }

    fn like(pattern: &str, negated: bool) -> Meets {
        function(Predicate::Like { pattern: pattern.to_owned(), negated })
    }

    fn met(function: &Meets, array: impl Array + 'static) -> Vec<Option<bool>> {
        let array: ArrayRef = Arc::new(array);
        function.array(&array).unwrap().iter().collect()
    }

    #[test]
    fn dictionaries_answer_as_their_rows_would() {
        let rows = vec![Some("Red"), None, Some("blue"), Some("RED"), Some("größe"), Some("red"), Some("")];
        let equal = Predicate::Compare(Comparison::Equal, Value::String("rEd".to_owned()));
        for function in [function(equal), like("%E%", false), like("%e%", true), like("r_d", false)] {
            let plain = met(&function, StringArray::from(rows.clone()));
            let dictionary: DictionaryArray<Int32Type> = rows.iter().copied().collect();
            assert_eq!(met(&function, dictionary.clone()), plain);
            assert_eq!(met(&function, dictionary.clone()), plain, "remembered");
            assert_eq!(function.dictionaries.len(), 1);
            assert_eq!(met(&function, dictionary.slice(2, 3)), plain[2..5], "a slice");
        }
    }

    #[test]
    fn a_few_rows_of_a_large_dictionary_do_not_test_all_of_it() {
        let values: StringArray = (0..100).map(|n| Some(format!("value {n}"))).collect();
        let dictionary = DictionaryArray::<Int32Type>::new(Int32Array::from(vec![Some(7), None, Some(70)]), Arc::new(values));
        let function = like("%70", false);
        assert_eq!(met(&function, dictionary), [Some(false), None, Some(true)]);
        assert_eq!(function.dictionaries.len(), 0);
    }

    #[test]
    fn a_text_is_found_within_values_only() {
        let rows = StringArray::from(vec![Some("xab"), Some("cab"), Some("abc"), None, Some("ABCabc"), Some(""), Some("bc")]);
        let expected = [Some(false), Some(false), Some(true), None, Some(true), Some(false), Some(false)];
        assert_eq!(met(&like("%abc%", false), rows.clone()), expected);
        assert_eq!(met(&like("%abc%", true), rows.clone()), expected.map(|met| met.map(|met| !met)));
        assert_eq!(met(&like("%abc%", false), rows.slice(1, 4)), expected[1..5]);
        let mixed = StringArray::from(vec!["Größe XL", "größe x", "東京 xl", "\u{212a}XL", "s\u{17f}"]);
        assert_eq!(met(&like("%xl%", false), mixed.clone()), [true, false, true, true, false].map(Some));
        assert_eq!(met(&like("%kxl%", false), mixed.clone()), [false, false, false, true, false].map(Some));
        assert_eq!(met(&like("%ss%", false), mixed.clone()), [false, false, false, false, true].map(Some));
        assert_eq!(met(&like("%ÖSS%", true), mixed.clone()), [true; 5].map(Some));
        assert_eq!(met(&like("%ÖßE%", false), mixed), [true, true, false, false, false].map(Some));
        assert_eq!(
            met(&like("%kel%", false), StringArray::from(vec!["\u{212a}ELVIN", "kelvin", "other"])),
            [Some(true), Some(true), Some(false)]
        );
    }

    #[test]
    fn a_text_is_compared_as_each_of_its_values_would_be() {
        let texts = ["", "k", "K", "\u{212a}", "\u{212a}a", "ks", "K\u{17f}", "kS and more", "größe", "GRÖẞE", "s", "\u{17f}x", "東京"];
        for wanted in ["", "k", "ks", "KS", "s", "größe", "sx", "東", "kS and more"] {
            for negated in [false, true] {
                let comparison = if negated { Comparison::NotEqual } else { Comparison::Equal };
                let begins = Predicate::Like { pattern: format!("{wanted}%"), negated };
                for predicate in [Predicate::Compare(comparison, Value::String(wanted.to_owned())), begins] {
                    let function = function(predicate);
                    // Texts beside them may contain letters beyond ASCII that fold to ASCII ones.
                    for texts in [texts.as_slice(), &texts[5..6], &texts[7..9]] {
                        let array = StringArray::from(texts.to_vec());
                        let one_by_one = |text: &&str| Some(function.compiled.matches(text, &mut String::new()));
                        assert_eq!(met(&function, array), texts.iter().map(one_by_one).collect::<Vec<_>>(), "{wanted} {texts:?}");
                    }
                }
            }
        }
        let slice = StringArray::from(texts.to_vec()).slice(5, 3);
        assert_eq!(met(&like("KS%", false), slice), [Some(true); 3]);
    }

    #[test]
    fn other_types_are_tested_by_what_an_export_writes() {
        let decimals = Decimal128Array::from(vec![Some(1250), Some(-5), None]).with_precision_and_scale(10, 2).unwrap();
        assert_eq!(met(&like("12.5_", false), decimals.clone()), [Some(true), Some(false), None]);
        assert_eq!(met(&like("-%", true), decimals), [Some(true), Some(false), None]);
        assert_eq!(met(&like("1970-01-0%", false), Date32Array::from(vec![0, 30])), [Some(true), Some(false)]);
        assert_eq!(met(&like("0.1", false), Float64Array::from(vec![0.1, 1.0])), [Some(true), Some(false)]);
        assert_eq!(met(&like("TR%", false), BooleanArray::from(vec![true, false])), [Some(true), Some(false)]);
    }
}
