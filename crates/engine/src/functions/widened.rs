//! `insightgate_widened` converts an Int64 to a decimal. Every Int64 fits, so that it skips the range check of each value that a cast makes.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::reach;
use crate::reach::{PlanPart, Reach};

/// The most digits of an Int64.
pub(crate) const INT64_PRECISION: u8 = 19;

const WIDE: DataType = DataType::Decimal128(INT64_PRECISION, 0);

pub(crate) fn widened(number: Expr) -> Expr {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> =
        LazyLock::new(|| reach::function(Widened { signature: Signature::exact(vec![DataType::Int64], Volatility::Immutable) }));
    FUNCTION.call(vec![number])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Widened {
    signature: Signature,
}

impl PlanPart for Widened {
    const REACH: Reach = Reach::AnyProcess;
}

impl ScalarUDFImpl for Widened {
    fn name(&self) -> &str {
        "insightgate_widened"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(WIDE)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let [array] = arrays.as_slice() else { return exec_err!("insightgate_widened takes one argument, not {}", arrays.len()) };
        Ok(ColumnarValue::Array(Arc::new(widen(array)?)))
    }
}

fn widen(array: &ArrayRef) -> Result<Decimal128Array> {
    let Some(numbers) = array.as_primitive_opt::<Int64Type>() else { return exec_err!("{} is no Int64", array.data_type()) };
    Ok(numbers.unary::<_, Decimal128Type>(i128::from).with_precision_and_scale(INT64_PRECISION, 0)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use datafusion::arrow::array::{Array, Int64Array};

    use super::*;

    #[test]
    fn every_number_is_widened_as_it_is() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(-1), Some(i64::MAX)]));
        let wide = widen(&numbers).unwrap();
        assert_eq!(wide.iter().collect::<Vec<_>>(), [Some(i64::MIN.into()), None, Some(-1), Some(i64::MAX.into())]);
        assert_eq!(*wide.data_type(), WIDE);
        wide.validate_decimal_precision(INT64_PRECISION).unwrap();
    }
}
