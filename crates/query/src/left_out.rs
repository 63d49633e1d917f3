//! Rows that a query without TIMESPAN leaves out: the queries that find them, and the note about them.
//!
//! No query is executed here: the caller looks for one row on each side.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::datasets::catalog::Field;
use crate::plan::{Plan, Selected, WindowSource};
use crate::timespan::{TimeSpan, Window};

/// The rows that the default time span of a query may leave out.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut {
    /// A plan whose rows meet the query's row conditions, without the rest of the query. One row is enough.
    pub plan: Plan,
    /// The period before the rows that are read.
    pub earlier: Window,
    /// The period after them, such as the current month.
    pub later: Window,
    column: String,
    span: TimeSpan,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

/// `None` if the query or its caller gave a time, or if the dataset has no dates.
pub fn left_out(plan: &Plan, window: Window, source: WindowSource) -> Option<LeftOut> {
    let (WindowSource::Default(span), Window::Between { start: Some(start), end }) = (source, window) else { return None };
    let date = Field::Column(plan.dataset.date_column?);
    let column = plan.name_of(date).to_owned();
    let any = Plan::any_row(&plan.dataset, Selected { field: date, name: column.clone() }, plan.row_conditions.clone());
    let last = NaiveDate::from_ymd_opt(9999, 12, 31)?.and_time(NaiveTime::MIN).and_utc();
    let (earlier, later) = (Window::Between { start: None, end: start }, Window::Between { start: Some(end), end: last });
    Some(LeftOut { plan: any, earlier, later, column, span, start, end })
}

impl LeftOut {
    /// The note for rows before the period, after it, or both; `None` if there are none.
    pub fn note(&self, has_earlier: bool, has_later: bool) -> Option<String> {
        let LeftOut { column, span, start, end, .. } = self;
        let (start, end) = (start.date_naive(), end.date_naive());
        let sides = match (has_earlier, has_later) {
            (false, false) => return None,
            (true, false) => format!("before {start}"),
            (false, true) => format!("from {end} on"),
            (true, true) => format!("before {start} and from {end} on"),
        };
        Some(format!(
            "without TIMESPAN a query reads {span}, here {column} from {start} to before {end}: rows {sides} are left out; TIMESPAN LIFETIME reads all"
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::datasets::builtin;
    use crate::plan;

    #[test]
    fn what_is_looked_for_has_the_conditions_on_rows_and_nothing_else() {
        let catalog = builtin::catalog("mpn");
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let looked_for = |text: &str, start| {
            let plan = plan(text, &catalog).unwrap();
            left_out(&plan, plan.window(now, start, None), plan.window_source(start, None))
        };
        let text = "SELECT PartnerLocationID, CustomerCount FROM CustomersAndTenants WHERE Product = 'x' AND CustomerCount > 1 ORDER BY CustomerCount LIMIT 9";
        let found = looked_for(text, None).unwrap();
        assert_eq!((found.plan.row_conditions.len(), found.plan.grouped, found.plan.limit), (1, false, Some(1)));
        assert!(found.plan.group_conditions.is_empty() && found.plan.order.is_empty());
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(found.earlier, Window::Between { start: None, end: at("2026-05-01T00:00:00Z") });
        assert!(matches!(found.later, Window::Between { start: Some(start), .. } if start == at("2026-11-01T00:00:00Z")));
        let said = |sides| {
            format!(
                "without TIMESPAN a query reads LAST_6_MONTHS, here Month from 2026-05-01 to before 2026-11-01: rows {sides} are left out; \
                 TIMESPAN LIFETIME reads all"
            )
        };
        assert_eq!(found.note(false, false), None);
        assert_eq!(found.note(false, true), Some(said("from 2026-11-01 on")));
        assert_eq!(found.note(true, false), Some(said("before 2026-05-01")));
        assert_eq!(found.note(true, true), Some(said("before 2026-05-01 and from 2026-11-01 on")));

        assert_eq!(looked_for("SELECT Month FROM OfficeUsage TIMESPAN LAST_6_MONTHS", None), None);
        assert_eq!(looked_for("SELECT Month FROM OfficeUsage", Some(now)), None);
        assert_eq!(looked_for("SELECT MPNId FROM Profile", None), None);
    }
}
