//! A filter for DISTINCT that may pass duplicates but never drops the first row of a group. It drops most rows before they are grouped: those whose
//! codes were already seen at an earlier place.
//!
//! If rows are grouped by [codes](crate::functions::codes), which are small numbers, one lookup in an array tells whether a row can be the first with
//! its codes. Rows may come in any order, and a row whose codes do not fit into the array passes. Of equal rows, the one at the first place always passes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{Array, AsArray, BooleanArray};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use crate::reach;
use crate::reach::{PlanPart, Reach};

/// The bits of all codes together. The array has eight bytes for each combination that these bits can tell apart.
const BITS: u32 = 20;

/// With more columns than this, too few bits are left for each of them.
const MOST_COLUMNS: usize = 4;

/// Whether a row with these codes at `place` may be the first of its group. `None` for too many columns.
pub(crate) fn may_be_first(codes: Vec<Expr>, place: Expr) -> Option<Expr> {
    if codes.is_empty() || codes.len() > MOST_COLUMNS {
        return None;
    }
    let function = MayBeFirst {
        bits: BITS / u32::try_from(codes.len()).ok()?,
        first: Arc::default(),
        // The result depends on earlier calls.
        signature: Signature::any(codes.len() + 1, Volatility::Volatile),
    };
    Some(reach::function(function).call(codes.into_iter().chain([place]).collect()))
}

struct MayBeFirst {
    /// The bits of each code.
    bits: u32,
    /// The least place seen of each combination of codes, indexed by their bits.
    first: Arc<Mutex<Vec<i64>>>,
    signature: Signature,
}

impl fmt::Debug for MayBeFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("insightgate_may_be_first")
    }
}

impl PartialEq for MayBeFirst {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.first, &other.first)
    }
}

impl Eq for MayBeFirst {}

impl Hash for MayBeFirst {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.first).hash(state);
    }
}

impl PlanPart for MayBeFirst {
    const REACH: Reach = Reach::ThisProcess;
}

impl ScalarUDFImpl for MayBeFirst {
    fn name(&self) -> &str {
        "insightgate_may_be_first"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let Some((places, codes)) = arrays.split_last() else { return exec_err!("insightgate_may_be_first takes codes and a place") };
        let Some(places) = places.as_primitive_opt::<Int64Type>() else { return exec_err!("a place is no {}", places.data_type()) };
        let Some(codes) = codes.iter().map(|codes| codes.as_primitive_opt::<Int32Type>()).collect::<Option<Vec<_>>>() else {
            return exec_err!("insightgate_may_be_first takes codes");
        };
        let (most, bits) = (1_usize << self.bits, self.bits);
        // The code 0 stands for null. `None` for a code of too many bits.
        let slot = |row: usize| {
            codes.iter().try_fold(0_usize, |slot, codes| {
                let code = if codes.is_null(row) { 0 } else { usize::try_from(codes.value(row)).ok()? + 1 };
                (code < most).then_some(slot << bits | code)
            })
        };
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let met = BooleanBuffer::collect_bool(places.len(), |row| {
            let Some(slot) = slot(row) else { return true };
            if first.len() <= slot {
                first.resize((slot + 1).next_power_of_two(), i64::MAX);
            }
            match first.get_mut(slot) {
                // The same row may be asked about again, and passes again.
                Some(known) if *known < places.value(row) => false,
                Some(known) => {
                    *known = places.value(row);
                    true
                }
                None => true,
            }
        });
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::new(met, None))))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashMap;

    use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array};
    use datafusion::arrow::datatypes::Field;
    use datafusion::config::ConfigOptions;

    use super::*;

    fn asked(function: &MayBeFirst, codes: &[&[Option<i32>]], places: &[i64]) -> Vec<bool> {
        let codes = codes.iter().map(|codes| Arc::new(Int32Array::from(codes.to_vec())) as ArrayRef);
        let args = codes.chain([Arc::new(Int64Array::from(places.to_vec())) as ArrayRef]).map(ColumnarValue::Array).collect();
        let answer = function.invoke_with_args(ScalarFunctionArgs {
            args,
            arg_fields: Vec::new(),
            number_rows: places.len(),
            return_field: Arc::new(Field::new("", DataType::Boolean, true)),
            config_options: Arc::new(ConfigOptions::default()),
        });
        let ColumnarValue::Array(met) = answer.unwrap() else { return Vec::new() };
        met.as_boolean().iter().map(Option::unwrap).collect()
    }

    fn function(columns: usize) -> MayBeFirst {
        let bits = BITS / u32::try_from(columns).unwrap();
        MayBeFirst { bits, first: Arc::default(), signature: Signature::any(columns + 1, Volatility::Volatile) }
    }

    #[test]
    fn the_first_row_of_each_kind_passes_in_whatever_order_rows_come() {
        let function = function(2);
        let mut first: HashMap<(Option<i32>, Option<i32>), i64> = HashMap::new();
        let mut passed: HashMap<(Option<i32>, Option<i32>), i64> = HashMap::new();
        let mut number_of_passed = 0;
        for batch in 0..50_i64 {
            let rows: Vec<_> = (0..100_i64)
                .map(|row| {
                    let place = (batch * 7 % 50) * 100 + row;
                    let code = |by: i64| i32::try_from(place * by % 13).ok().filter(|code| *code > 0);
                    (code(5), code(11), place)
                })
                .collect();
            let columns = [rows.iter().map(|row| row.0).collect::<Vec<_>>(), rows.iter().map(|row| row.1).collect()];
            let places: Vec<i64> = rows.iter().map(|row| row.2).collect();
            let met = asked(&function, &[&columns[0], &columns[1]], &places);
            for ((one, other, place), met) in rows.into_iter().zip(met) {
                let least = first.entry((one, other)).or_insert(place);
                *least = place.min(*least);
                if met {
                    number_of_passed += 1;
                    let least = passed.entry((one, other)).or_insert(place);
                    *least = place.min(*least);
                }
            }
        }
        assert_eq!(passed, first);
        assert!(number_of_passed < 500, "{number_of_passed} of 5000 rows passed");
    }

    #[test]
    fn codes_of_too_many_bits_pass() {
        let function = function(4);
        let (low, high) = (vec![Some(30), Some(30)], vec![Some(31), Some(31)]);
        assert_eq!(asked(&function, &[&low, &low, &low, &low], &[1, 2]), [true, false]);
        assert_eq!(asked(&function, &[&low, &low, &low, &high], &[1, 2]), [true, true]);
        assert_eq!(asked(&function, &[&low, &low, &low, &low], &[1, 2]), [true, false], "asked again");
        assert!(may_be_first(Vec::new(), Expr::default()).is_none() && may_be_first(vec![Expr::default(); 5], Expr::default()).is_none());
    }
}
