//! The address that is called: the registered one, with the report's id in the documented position.

use url::Url;
use uuid::Uuid;

use super::CallbackMethod;

/// The address for a POST is `<url>/<id>`, and for a GET `<url>?reportId=<id>`. A query is kept, since it may contain the receiver's key: the segment
/// goes before it, the parameter after it. A question mark at the end is kept too: `https://x/cb?` is called as `https://x/cb?/<id>`.
pub fn target(url: &Url, method: CallbackMethod, report: Uuid) -> Url {
    let mut target = url.clone();
    target.set_fragment(None);
    match method {
        CallbackMethod::Get => {
            target.query_pairs_mut().append_pair("reportId", &report.to_string());
        }
        CallbackMethod::Post if target.query() == Some("") => target.set_query(Some(&format!("/{report}"))),
        CallbackMethod::Post => {
            // This always succeeds, since every http or https address has segments.
            if let Ok(mut segments) = target.path_segments_mut() {
                segments.pop_if_empty().push(&report.to_string());
            }
        }
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_stands_where_the_documents_put_it_and_a_query_stays() {
        const ID: &str = "00000000-0000-0000-0000-00000000000a";
        for (registered, post, get) in [
            ("https://x/cb", "https://x/cb/<id>", "https://x/cb?reportId=<id>"),
            ("https://x/cb/", "https://x/cb/<id>", "https://x/cb/?reportId=<id>"),
            ("https://x", "https://x/<id>", "https://x/?reportId=<id>"),
            ("https://x/cb?", "https://x/cb?/<id>", "https://x/cb?reportId=<id>"),
            ("https://x/cb?#f", "https://x/cb?/<id>", "https://x/cb?reportId=<id>"),
            ("https://x/cb?code=a%2Bb", "https://x/cb/<id>?code=a%2Bb", "https://x/cb?code=a%2Bb&reportId=<id>"),
            ("https://x/cb?a=1&b#part", "https://x/cb/<id>?a=1&b", "https://x/cb?a=1&b&reportId=<id>"),
            ("https://x?code=1", "https://x/<id>?code=1", "https://x/?code=1&reportId=<id>"),
            ("http://x:8080/a%20b/%2F", "http://x:8080/a%20b/%2F/<id>", "http://x:8080/a%20b/%2F?reportId=<id>"),
        ] {
            for (method, expected) in [(CallbackMethod::Post, post), (CallbackMethod::Get, get)] {
                let url = Url::parse(registered).unwrap();
                assert_eq!(target(&url, method, Uuid::from_u128(10)).as_str(), expected.replace("<id>", ID), "{registered}");
            }
        }
    }
}
