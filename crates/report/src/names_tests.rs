//! The names that are stored and sent. They must never change, since databases and clients contain them.

use crate::callback::{CallbackEvent, CallbackMethod, CallbackState};
use crate::execution::ExecutionStatus;
use crate::schedule::CatchUp;
use crate::scheduled_report::ReportStatus;

#[test]
fn names_stay_and_are_read_back() {
    for (method, name) in [(CallbackMethod::Get, "GET"), (CallbackMethod::Post, "POST")] {
        assert_eq!((method.name(), CallbackMethod::from_name(&name.to_lowercase())), (name, Some(method)));
    }
    for (event, name) in [(CallbackEvent::Completed, "completed"), (CallbackEvent::Failed, "failed")] {
        assert_eq!(
            (event.name(), CallbackEvent::from_name(name), CallbackEvent::from_name(&name.to_uppercase())),
            (name, Some(event), None)
        );
    }
    let states = ["pending", "delivered", "failed", "cancelled"];
    assert_eq!(CallbackState::ALL.iter().map(|state| state.name()).collect::<Vec<_>>(), states);
    assert_eq!(CallbackState::from_name("Delivered"), Some(CallbackState::Delivered));
    let statuses = ["Pending", "Running", "Paused", "Completed", "Failed", "Cancelled"];
    assert_eq!(ExecutionStatus::ALL.iter().map(|status| status.name()).collect::<Vec<_>>(), statuses);
    assert_eq!(ExecutionStatus::from_name("completed"), Some(ExecutionStatus::Completed));
    for (status, name) in [(ReportStatus::Active, "Active"), (ReportStatus::Paused, "Paused"), (ReportStatus::Inactive, "Inactive")] {
        assert_eq!(
            (status.name(), ReportStatus::from_name(name), ReportStatus::from_name(&name.to_lowercase())),
            (name, Some(status), None)
        );
    }
    assert_eq!(CatchUp::ALL.iter().map(|policy| policy.name()).collect::<Vec<_>>(), ["latest", "all", "none"]);
    assert_eq!((CatchUp::from_name("none"), CatchUp::from_name("None")), (Some(CatchUp::None), None));
}
