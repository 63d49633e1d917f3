//! Which recorded requests are made once more. A recording may come from a stranger: it leads to the documented API alone, and changes nothing that it did
//! not make itself.

use super::mapping::{Mapping, is_id};

/// What the API has below a program.
const FOLDERS: [&str; 6] = ["scheduleddataset", "scheduledqueries", "scheduledreport", "limits", "swagger", "openapi.json"];
const VERSIONS: [&str; 2] = ["v1", "v1.1"];
const PROGRAMS: [&str; 2] = ["mpn", "cmp"];
const MOST_SEGMENTS: usize = 8;

/// What a request does to what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    Makes,
    /// Of what the replay made.
    Changes,
}

/// `path` has the ids of here. The reason why not, for a person.
pub(super) fn effect(method: &str, path: &str, mapping: &Mapping) -> Result<Effect, &'static str> {
    let outside = "it is not of the documented API";
    let lower = path.to_ascii_lowercase();
    let segments: Vec<&str> = lower.strip_prefix('/').ok_or(outside)?.trim_end_matches('/').split('/').collect();
    let plain = |segment: &&str| {
        !segment.is_empty()
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            && !segment.starts_with('.')
    };
    let ["insights", version, program, rest @ ..] = segments.as_slice() else { return Err(outside) };
    let known = VERSIONS.contains(version) && PROGRAMS.contains(program) && rest.first().is_some_and(|folder| FOLDERS.contains(folder));
    if !known || segments.len() > MOST_SEGMENTS || !segments.iter().all(plain) {
        return Err(outside);
    }
    match (method, rest) {
        ("GET" | "HEAD", _) | ("POST", ["scheduledqueries", "testqueryresult"]) => Ok(Effect::Reads),
        ("POST", ["scheduledqueries" | "scheduledreport"]) => Ok(Effect::Makes),
        ("PUT" | "DELETE", _) => {
            let mut ids = rest.iter().filter(|segment| is_id(segment)).peekable();
            let own = ids.peek().is_some() && ids.all(|id| mapping.is_own(id));
            if own { Ok(Effect::Changes) } else { Err("it changes what this replay did not make") }
        }
        _ => Err(outside),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_documented_api_is_asked_and_only_what_was_made_is_changed() {
        let (own, other) = ("0f0f0f0f-35f5-4d44-a1ee-503abbc88003", "72fa95ab-35f5-4d44-a1ee-503abbc88003");
        let mut mapping = Mapping::default();
        mapping.made(own);
        let of = |method: &str, path: &str| effect(method, path, &mapping);
        assert_eq!(of("GET", "/insights/v1/mpn/ScheduledDataset"), Ok(Effect::Reads));
        assert_eq!(of("GET", "/Insights/v1.1/cmp/ScheduledReport/execution/x-1/"), Ok(Effect::Reads));
        assert_eq!(of("POST", "/insights/v1/mpn/ScheduledQueries/testQueryResult"), Ok(Effect::Reads));
        assert_eq!(of("POST", "/insights/v1/mpn/ScheduledReport"), Ok(Effect::Makes));
        assert_eq!(of("DELETE", &format!("/insights/v1/mpn/ScheduledReport/{own}")), Ok(Effect::Changes));
        assert_eq!(of("PUT", &format!("/insights/v1/mpn/ScheduledReport/pause/{own}")), Ok(Effect::Changes));
        for (method, path) in [
            ("DELETE", format!("/insights/v1/mpn/ScheduledReport/{other}")),
            ("DELETE", format!("/insights/v1/mpn/ScheduledReport/{own}/{other}")),
            ("DELETE", "/insights/v1/mpn/ScheduledReport".to_owned()),
            ("PATCH", format!("/insights/v1/mpn/ScheduledReport/{own}")),
            ("POST", "/insights/v1/mpn/ScheduledDataset".to_owned()),
            ("GET", "/manage/v1/tenants".to_owned()),
            ("POST", "/sandbox/v1/reset".to_owned()),
            ("GET", "/insights/v1/mpn/../../../manage/v1/tenants".to_owned()),
            ("GET", "/insights/v1/mpn/ScheduledReport/%2e%2e/x".to_owned()),
            ("GET", "/insights/v1/mpn//ScheduledReport".to_owned()),
            ("GET", "/insights/v1/mpn/ScheduledReport@elsewhere.example".to_owned()),
            ("GET", "//elsewhere.example/insights/v1/mpn/ScheduledReport".to_owned()),
            ("GET", "https://elsewhere.example/insights/v1/mpn/ScheduledReport".to_owned()),
            ("GET", "@elsewhere.example/insights/v1/mpn/ScheduledReport".to_owned()),
            ("GET", "/insights/v2/mpn/ScheduledReport".to_owned()),
            ("GET", "/insights/v1/mpn".to_owned()),
        ] {
            assert!(of(method, &path).is_err(), "{method} {path}");
        }
    }
}
