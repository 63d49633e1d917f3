//! How far an execution is, as a poll shows it: a replay waits until it is as far as it was recorded.

use serde_json::Value;

use super::aligned::field;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    /// There is nothing to see yet.
    Unseen,
    Pending,
    Running,
    /// Over, without a link.
    Over,
    /// Over, and its file can be had.
    Linked,
}

/// None for an answer that is no poll, or that says something else.
pub(super) fn progress(path: &str, status: u16, body: &Value) -> Option<Progress> {
    let lower = path.to_ascii_lowercase();
    if !lower.contains("/scheduledreport/") || !lower.split('/').any(|segment| segment == "execution") {
        return None;
    }
    match status {
        404 => Some(Progress::Unseen),
        200 => {
            let Some(execution) = field(body, "value").and_then(Value::as_array).and_then(|list| list.first()) else {
                return Some(Progress::Unseen);
            };
            let is_linked = field(execution, "reportAccessSecureLink").is_some_and(Value::is_string);
            match field(execution, "executionStatus")?.as_str()?.to_ascii_lowercase().as_str() {
                "pending" => Some(Progress::Pending),
                "running" => Some(Progress::Running),
                "completed" if is_linked => Some(Progress::Linked),
                _ => Some(Progress::Over),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn polls_show_how_far_an_execution_is() {
        let path = "/insights/v1/mpn/ScheduledReport/execution/72fa95ab-35f5-4d44-a1ee-503abbc88003";
        let of = |execution: Value| progress(path, 200, &json!({"value": [execution]}));
        let found = [
            progress(path, 404, &Value::Null),
            of(json!({"executionStatus": "Pending"})),
            of(json!({"executionStatus": "Running"})),
            of(json!({"executionStatus": "Completed", "reportAccessSecureLink": null})),
            of(json!({"ExecutionStatus": "Completed", "ReportAccessSecureLink": "x"})),
        ];
        assert!(found.is_sorted() && found.iter().all(Option::is_some), "{found:?}");
        assert_eq!(progress(path, 200, &json!({"value": []})), Some(Progress::Unseen));
        assert_eq!(progress(path, 500, &Value::Null), None);
        assert_eq!(progress("/insights/v1/mpn/ScheduledReport", 200, &json!({"value": []})), None);
    }
}
