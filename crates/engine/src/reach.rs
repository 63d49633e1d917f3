//! The reach of a part of a plan: the seam at which a plan could be cut and distributed to other processes.
//!
//! Every part that the engine itself puts into the library's plans has a type that says here whether another process could make the same part. A test
//! checks every such type and lists them. This module knows neither the meaning of a plan nor the library's own parts, which can all be sent to other
//! processes.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reach {
    /// Another process can make the same part from what the plan says about it, and gets the same results from it.
    AnyProcess,
    /// It holds memory of this process, or its results depend on such memory. If two such parts share memory, everything between them stays here too.
    ThisProcess,
}

/// A part that the engine itself puts into plans.
pub(crate) trait PlanPart {
    const REACH: Reach;
}

/// Makes a function of the engine, as plans call it. There is no other way to make one.
pub(crate) fn function<F: ScalarUDFImpl + PlanPart + 'static>(function: F) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(Marked { reach: F::REACH, function: ScalarUDF::from(function) }))
}

/// Makes any other part where it enters a plan.
pub(crate) fn part<P: PlanPart>(part: P) -> Arc<P> {
    Arc::new(part)
}

/// How far a function reaches; `None` for one of the library's own.
#[cfg(test)]
pub(crate) fn of(function: &ScalarUDF) -> Option<Reach> {
    function.inner().downcast_ref::<Marked>().map(|marked| marked.reach)
}

/// The function itself, marked with its reach.
#[derive(PartialEq, Eq, Hash)]
struct Marked {
    function: ScalarUDF,
    reach: Reach,
}

impl fmt::Debug for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.function.inner().fmt(f)
    }
}

impl ScalarUDFImpl for Marked {
    fn name(&self) -> &str {
        self.function.inner().name()
    }

    fn signature(&self) -> &Signature {
        self.function.inner().signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.function.inner().return_type(arguments)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.function.inner().invoke_with_args(arguments)
    }
}

#[cfg(test)]
mod tests;
