//! `insightgate_unsplit_and` returns its first argument: a condition that the optimizer neither splits nor moves.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::reach;
use crate::reach::{PlanPart, Reach};

/// Returns the condition unchanged. A scan that sees no AND in it evaluates its parts together.
pub(crate) fn unsplit_and() -> Arc<ScalarUDF> {
    reach::function(UnsplitAnd { signature: Signature::exact(vec![DataType::Boolean], Volatility::Immutable) })
}

/// Returns `condition` unchanged and keeps it above the node that makes `column`: to the optimizer the result is volatile and depends on the column.
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
