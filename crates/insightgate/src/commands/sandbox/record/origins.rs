//! Where a request goes: the API, the authority, or the place of a file that an answer has linked to. And back: addresses in answers that name one of
//! them lead to the recorder. Only the documented API and what an authority needs are passed on; the sandbox and the management of a server never are.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use url::Url;

use crate::commands::sandbox::recording::Kind;

/// The folder of files that lie at another host than the API.
const LINKS: &str = "/link/";
/// The hosts of files that are told apart: an account of a store is one.
const MOST_PLACES: usize = 64;
/// Fields that link to a file.
const LINK_FIELDS: [&str; 2] = ["reportAccessSecureLink", "reportLocation"];
/// What paths of an authority have in them.
const OF_AUTHORITIES: [&str; 4] = ["/oauth2/", "/.well-known/", "/discovery/", "/userrealm/"];

/// What an authority shows to persons, below `/oauth2/`.
const PAGES: [&str; 4] = ["/authorize", "/deviceauth", "/devicelogin", "/logout"];

pub(super) struct Origins {
    upstream: String,
    authority: String,
    /// Places of files that answers have linked to, as origins.
    places: Mutex<Vec<String>>,
}

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub kind: Kind,
    pub address: String,
}

impl Origins {
    pub fn new(upstream: String, authority: String) -> Origins {
        Origins { upstream, authority, places: Mutex::default() }
    }

    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// None for a path that is not passed on.
    pub fn route(&self, path: &str, query: Option<&str>) -> Option<Route> {
        if !is_plain(path) {
            return None;
        }
        // Clients put an address that ends with a slash before a path that begins with one.
        let path = format!("/{}", path.trim_start_matches('/'));
        let lower = path.to_ascii_lowercase();
        let (kind, origin, path) = if lower.starts_with("/insights/") {
            (Kind::Api, self.upstream.clone(), path.as_str())
        } else if lower.starts_with("/artifacts/") {
            (Kind::Link, self.upstream.clone(), path.as_str())
        } else if let Some(rest) = path.strip_prefix(LINKS) {
            let (place, _) = rest.split_once('/')?;
            let origin = self.places().get(place.parse::<usize>().ok()?.checked_sub(1)?)?.clone();
            (Kind::Link, origin, rest.get(place.len()..)?)
        } else if OF_AUTHORITIES.iter().any(|part| lower.contains(part)) && !is_of_server(&lower) {
            (Kind::Authority, self.authority.clone(), path.as_str())
        } else {
            return None;
        };
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        Some(Route { kind, address: format!("{origin}{path}{query}") })
    }

    /// An answer in JSON whose addresses lead to `own`, the recorder's origin. Nothing else of the text changes. `preview`: whether it has the rows of a
    /// query, which may have any words in them: no place is learned from those.
    pub fn pointed_here(&self, kind: Kind, preview: bool, own: &str, text: &str) -> String {
        let pairs = match kind {
            Kind::Authority => vec![(self.authority.clone(), own.to_owned())],
            Kind::Api | Kind::Link if preview => vec![(self.upstream.clone(), own.to_owned())],
            Kind::Api | Kind::Link => self.files_of(text, own),
        };
        pairs.iter().fold(text.to_owned(), |text, (from, to)| {
            // Only an address that goes on is one: an origin alone names a resource.
            let escaped = |origin: &str| origin.replace('/', "\\/");
            text.replace(&format!("\"{from}/"), &format!("\"{to}/"))
                .replace(&format!("\"{}\\/", escaped(from)), &format!("\"{}\\/", escaped(to)))
        })
    }

    /// The value of a header, in the same way.
    pub fn header_pointed_here(&self, own: &str, value: &str) -> String {
        [&self.upstream, &self.authority].iter().fold(value.to_owned(), |value, origin| match value.strip_prefix(origin.as_str()) {
            Some(rest) if rest.starts_with('/') => format!("{own}{rest}"),
            _ => value.replace(&format!("\"{origin}/"), &format!("\"{own}/")),
        })
    }

    /// The upstream's own links, and those to other hosts, which get a folder each.
    fn files_of(&self, text: &str, own: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if let Ok(answer) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) {
            links(&answer, &mut found);
        }
        let mut pairs = vec![(self.upstream.clone(), own.to_owned())];
        for origin in found.iter().filter_map(|link| origin(link)) {
            if origin == self.upstream || pairs.iter().any(|(from, _)| *from == origin) {
                continue;
            }
            if let Some(place) = self.place(&origin) {
                pairs.push((origin, format!("{own}{LINKS}{place}")));
            }
        }
        pairs
    }

    /// Its number, from 1. None if there are too many.
    fn place(&self, origin: &str) -> Option<usize> {
        let mut places = self.places();
        if let Some(at) = places.iter().position(|place| place == origin) {
            return Some(at + 1);
        }
        if places.len() >= MOST_PLACES {
            return None;
        }
        places.push(origin.to_owned());
        Some(places.len())
    }

    fn places(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a browser shows what is there. Its forms and cookies are for the authority alone, and no client reads them.
pub(super) fn is_page(kind: Kind, path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    kind == Kind::Authority && lower.contains("/oauth2/") && PAGES.iter().any(|page| lower.trim_end_matches('/').ends_with(page))
}

/// Without segments that would lead elsewhere once the address is read.
fn is_plain(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let read = lower.replace("%2e", ".").replace("%2f", "/").replace("%3b", ";");
    // Some servers take what stands behind a semicolon for parameters of the segment.
    let dots = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    path.starts_with('/') && !lower.contains(['\\', '#', '?']) && !lower.contains("%5c") && !read.split('/').any(dots)
}

/// What an Insightgate has beside its API, whatever it is named below.
fn is_of_server(lower: &str) -> bool {
    ["/sandbox/", "/manage/"].iter().any(|folder| lower.starts_with(folder))
}

fn links(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(link) if LINK_FIELDS.iter().any(|field| name.eq_ignore_ascii_case(field)) => found.push(link.clone()),
                    other => links(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| links(item, found)),
        _ => {}
    }
}

fn origin(link: &str) -> Option<String> {
    let url = Url::parse(link).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.username().is_empty())?;
    Some(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "http://127.0.0.1:9";

    fn microsoft() -> Origins {
        Origins::new("https://api.example".into(), "https://login.example".into())
    }

    fn address(origins: &Origins, path: &str) -> Option<String> {
        origins.route(path, None).map(|route| route.address)
    }

    #[test]
    fn each_host_gets_its_own_paths() {
        let origins = microsoft();
        let asked = origins.route("/insights/v1/mpn/ScheduledReport", Some("a=b")).unwrap();
        assert_eq!(asked, Route { kind: Kind::Api, address: "https://api.example/insights/v1/mpn/ScheduledReport?a=b".into() });
        let token = origins.route("/contoso.example/oauth2/token", None).unwrap();
        assert_eq!(token, Route { kind: Kind::Authority, address: "https://login.example/contoso.example/oauth2/token".into() });
        assert_eq!(address(&origins, "//insights/v1/mpn/x").as_deref(), Some("https://api.example/insights/v1/mpn/x"));
        assert_eq!(address(&origins, "/common/userrealm/a@b").as_deref(), Some("https://login.example/common/userrealm/a@b"));
        for refused in [
            "/",
            "/sandbox/v1/reset",
            "/manage/v1/tenants",
            "/sandbox/oauth2/x",
            "/t/oauth2/../../sandbox/v1/reset",
            "/t/oauth2/%2E%2e/%2e./sandbox/v1/reset",
            "/insights/../manage/v1/tenants",
            "/insights/\\..\\x",
            "/insights/..%2fmanage",
            "/insights/..;/manage/v1/tenants",
            "/insights/%2E.%3Ba=b%2Fx",
            "/metrics",
            "/link/1/file.csv",
            "/link/0/file.csv",
            "/link/x",
        ] {
            assert_eq!(address(&origins, refused), None, "{refused}");
        }
    }

    #[test]
    fn links_lead_to_the_recorder_and_from_there_to_their_place() {
        let origins = microsoft();
        let text = r#"{"value":[{"reportAccessSecureLink":"https://store.example/c/f.csv?sig=x","reportLocation":"https:\/\/api.example\/artifacts\/f.csv","query":"SELECT 'https://store.example'"}],"nextLink":"https://api.example/insights/v1/mpn/ScheduledReport?p=2","resource":"https://api.example"}"#;
        let here = origins.pointed_here(Kind::Api, false, OWN, text);
        assert_eq!(
            here,
            r#"{"value":[{"reportAccessSecureLink":"http://127.0.0.1:9/link/1/c/f.csv?sig=x","reportLocation":"http:\/\/127.0.0.1:9\/artifacts\/f.csv","query":"SELECT 'https://store.example'"}],"nextLink":"http://127.0.0.1:9/insights/v1/mpn/ScheduledReport?p=2","resource":"https://api.example"}"#
        );
        let file = origins.route("/link/1/c/f.csv", Some("sig=x")).unwrap();
        assert_eq!(file, Route { kind: Kind::Link, address: "https://store.example/c/f.csv?sig=x".into() });
        assert_eq!(address(&origins, "/link/3/c/f.csv"), None);
        let marked = "\u{feff}{\"reportLocation\":\"https://other.example/f\"}";
        assert_eq!(origins.pointed_here(Kind::Api, false, OWN, marked), "\u{feff}{\"reportLocation\":\"http://127.0.0.1:9/link/2/f\"}");
        let metadata = r#"{"token_endpoint":"https://login.example/t/oauth2/token","scope":"https://api.example/user_impersonation"}"#;
        assert_eq!(
            origins.pointed_here(Kind::Authority, false, OWN, metadata),
            r#"{"token_endpoint":"http://127.0.0.1:9/t/oauth2/token","scope":"https://api.example/user_impersonation"}"#
        );
        assert_eq!(origins.header_pointed_here(OWN, "https://login.example/t/oauth2/logout"), "http://127.0.0.1:9/t/oauth2/logout");
        assert_eq!(
            origins.header_pointed_here(OWN, r#"Bearer authorization_uri="https://login.example/t/oauth2/authorize""#),
            r#"Bearer authorization_uri="http://127.0.0.1:9/t/oauth2/authorize""#
        );
        assert_eq!(origins.header_pointed_here(OWN, "https://login.example.evil/"), "https://login.example.evil/");
    }

    #[test]
    fn pages_of_the_authority_are_told_from_what_clients_read() {
        let of = |path: &str| is_page(Kind::Authority, path);
        for page in ["/common/oauth2/v2.0/authorize", "/t/oauth2/Authorize/", "/common/oauth2/deviceauth", "/t/oauth2/v2.0/logout"] {
            assert!(of(page) && !is_page(Kind::Api, page), "{page}");
        }
        for read in ["/t/oauth2/token", "/t/oauth2/v2.0/devicecode", "/t/v2.0/.well-known/openid-configuration", "/authorize"] {
            assert!(!of(read), "{read}");
        }
    }

    #[test]
    fn no_place_is_learned_from_a_data_row() {
        let origins = microsoft();
        let rows = r#"{"value":[{"reportLocation":"http://169.254.169.254/latest"}],"nextLink":"https://api.example/insights/x?p=2"}"#;
        let here = origins.pointed_here(Kind::Api, true, OWN, rows);
        assert_eq!(here, rows.replace("https://api.example/", &format!("{OWN}/")));
        assert!(origins.places().is_empty());
    }

    #[test]
    fn places_of_files_are_bounded() {
        let origins = microsoft();
        for number in 0..MOST_PLACES + 5 {
            origins.pointed_here(Kind::Api, false, OWN, &format!(r#"{{"reportAccessSecureLink":"https://s{number}.example/f"}}"#));
        }
        assert_eq!(origins.places().len(), MOST_PLACES);
        let beyond = r#"{"reportAccessSecureLink":"https://beyond.example/f"}"#;
        assert_eq!(origins.pointed_here(Kind::Api, false, OWN, beyond), beyond);
    }
}
