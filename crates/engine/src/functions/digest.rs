//! Functions of ours that put numbers in the place of values.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Int64Type};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarUDF, Volatility, create_udf};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// Digits of an Int64.
pub(crate) const INT64_PRECISION: u8 = 19;

const WIDE: DataType = DataType::Decimal128(INT64_PRECISION, 0);
const DIGEST: DataType = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);

/// An Int64 as a decimal. Every Int64 is one, so that no value is looked at twice, as a cast does.
pub(crate) fn widened(number: Expr) -> Expr {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| function("insightgate_widened", DataType::Int64, WIDE, widen));
    FUNCTION.call(vec![number])
}

/// 128 bits that stand for a text where texts are told apart and never shown: keyed SipHash, under a key that this process drew. That two
/// of a thousand million different texts have the same has a chance of 1 in 10^20.
pub(crate) fn digest(text: Expr) -> Expr {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| function("insightgate_digest", DataType::Utf8, DIGEST, digests));
    FUNCTION.call(vec![text])
}

fn function(name: &str, takes: DataType, gives: DataType, make: fn(&ArrayRef) -> Result<Decimal128Array>) -> Arc<ScalarUDF> {
    let of_values = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let [array] = arrays.as_slice() else { return exec_err!("a function of one argument got {}", arrays.len()) };
        Ok(ColumnarValue::Array(Arc::new(make(array)?)))
    };
    Arc::new(create_udf(name, vec![takes], gives, Volatility::Immutable, Arc::new(of_values)))
}

fn widen(array: &ArrayRef) -> Result<Decimal128Array> {
    let Some(numbers) = array.as_primitive_opt::<Int64Type>() else { return exec_err!("{} is no Int64", array.data_type()) };
    Ok(numbers.unary::<_, Decimal128Type>(i128::from).with_precision_and_scale(INT64_PRECISION, 0)?)
}

fn digests(array: &ArrayRef) -> Result<Decimal128Array> {
    static KEYS: LazyLock<(u64, u64)> = LazyLock::new(|| (RandomState::new().hash_one(0), RandomState::new().hash_one(1)));
    let Some(texts) = array.as_string_opt::<i32>() else { return exec_err!("{} is no text", array.data_type()) };
    let hasher = SipHasher13::new_with_keys(KEYS.0, KEYS.1);
    let digest = |text: &str| {
        let mut hasher = hasher;
        hasher.write(text.as_bytes());
        hasher.finish128().as_u128().cast_signed()
    };
    let digests: Decimal128Array = texts.iter().map(|text| text.map(digest)).collect();
    Ok(digests.with_precision_and_scale(DECIMAL128_MAX_PRECISION, 0)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use datafusion::arrow::array::{Array, Int64Array, StringArray};

    use super::*;

    #[test]
    fn every_number_is_widened_as_it_is() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(-1), Some(i64::MAX)]));
        let wide = widen(&numbers).unwrap();
        assert_eq!(wide.iter().collect::<Vec<_>>(), [Some(i64::MIN.into()), None, Some(-1), Some(i64::MAX.into())]);
        assert_eq!(*wide.data_type(), WIDE);
        wide.validate_decimal_precision(INT64_PRECISION).unwrap();
    }

    #[test]
    fn equal_texts_and_no_others_have_a_digest_in_common() {
        let texts: Vec<Option<String>> = (0..5_000).map(|n| (n % 7 > 0).then(|| format!("text {}", n % 1_000))).collect();
        let array: ArrayRef = Arc::new(StringArray::from(texts.clone()));
        let digests = digests(&array).unwrap();
        let mut of_texts = std::collections::HashMap::new();
        for (text, digest) in texts.iter().zip(digests.iter()) {
            assert_eq!(text.is_some(), digest.is_some());
            assert_eq!(*of_texts.entry(text).or_insert(digest), digest);
        }
        let different: std::collections::HashSet<_> = of_texts.values().collect();
        assert_eq!((of_texts.len(), different.len()), (1_001, 1_001));
    }
}
