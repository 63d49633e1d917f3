//! `insightgate_digest` replaces a text by 128 bits where texts are compared but never shown, such as to count the distinct texts of a group.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::reach;
use crate::reach::{PlanPart, Reach};

const DIGEST: DataType = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);

/// A keyed SipHash with a random key of this process, so that another process would compute other digests. The chance that two of a thousand million
/// different texts have the same digest is 1 in 10^20.
pub(crate) fn digest(text: Expr) -> Expr {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> =
        LazyLock::new(|| reach::function(Digest { signature: Signature::exact(vec![DataType::Utf8], Volatility::Immutable) }));
    FUNCTION.call(vec![text])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Digest {
    signature: Signature,
}

impl PlanPart for Digest {
    const REACH: Reach = Reach::ThisProcess;
}

impl ScalarUDFImpl for Digest {
    fn name(&self) -> &str {
        "insightgate_digest"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DIGEST)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let [array] = arrays.as_slice() else { return exec_err!("insightgate_digest takes one argument, not {}", arrays.len()) };
        Ok(ColumnarValue::Array(Arc::new(digests(array)?)))
    }
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
    use datafusion::arrow::array::StringArray;

    use super::*;

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
