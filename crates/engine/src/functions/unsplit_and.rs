//! `insightgate_unsplit_and` returns its first argument: a condition that the optimizer neither splits nor moves.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::reach;
use crate::reach::{PlanPart, Reach};

/// A condition as it is. A scan that knows no AND in it evaluates its parts at once.
pub(crate) fn unsplit_and() -> Arc<ScalarUDF> {
    reach::function(UnsplitAnd { signature: Signature::exact(vec![DataType::Boolean], Volatility::Immutable) })
}

/// `condition` as it is, kept above what makes `column`: the optimizer takes it for one whose answer may change, and that depends on it.
pub(crate) fn above(column: Expr, condition: Expr) -> Expr {
    reach::function(UnsplitAnd { signature: Signature::any(2, Volatility::Volatile) }).call(vec![condition, column])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct UnsplitAnd {
    signature: Signature,
}

impl PlanPart for UnsplitAnd {
    const REACH: Reach = Reach::AnyProcess;
}

impl ScalarUDFImpl for UnsplitAnd {
    fn name(&self) -> &str {
        "insightgate_unsplit_and"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match arguments.args.into_iter().next() {
            Some(argument) => Ok(argument),
            None => exec_err!("insightgate_unsplit_and takes an argument"),
        }
    }
}
