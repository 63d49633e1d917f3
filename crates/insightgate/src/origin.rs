//! The normalised form of an origin: scheme and host in lower case, the port only if it is not the scheme's default, and nothing after it. Issuers,
//! links and comparisons of them use it.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

/// Normalises an address that clients use.
///
/// # Errors
///
/// If the text is not an origin: in words that say what is expected.
pub fn public(text: &str) -> Result<String, String> {
    let wrong = || format!("should be an address such as \"https://insights.example.com\", without a path, but is \"{text}\"");
    let trimmed = text.trim().trim_end_matches('/');
    let url = Url::parse(trimmed).map_err(|_| wrong())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() || !matches!(url.scheme(), "http" | "https") {
        return Err(wrong());
    }
    // The library forgives all of these.
    if trimmed.contains(['\\', '@', '\t', '\n', '\r', ' ', '?', '#']) || trimmed.split("://").nth(1).is_none_or(|rest| rest.contains('/')) {
        return Err(wrong());
    }
    let host = match url.host().ok_or_else(wrong)? {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            let is_name = !name.is_empty() && name.split('.').all(|label| !label.is_empty());
            is_name.then(|| name.to_owned()).ok_or_else(wrong)?
        }
        number => number.to_string(),
    };
    if host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified()) || host == "[::]" {
        return Err(format!(
            "should be an address that clients can ask, but is \"{text}\", which stands for every address of this machine"
        ));
    }
    // None where it is the scheme's own.
    Ok(url.port().map_or_else(|| format!("{}://{host}", url.scheme()), |port| format!("{}://{host}:{port}", url.scheme())))
}

/// The origin by which clients on this machine reach a listener.
pub fn of_listener(scheme: &str, address: SocketAddr) -> String {
    // An address that means all of them cannot be asked for.
    let address = if is_every(address) { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address };
    let own = matches!((scheme, address.port()), ("https", 443) | ("http", 80));
    let host = if address.is_ipv6() { format!("[{}]", address.ip()) } else { address.ip().to_string() };
    if own { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{}", address.port()) }
}

/// Whether an address to listen at cannot be used by clients, such as `0.0.0.0`.
pub fn is_every(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_unspecified()
}

/// Without the port.
pub fn host(origin: &str) -> String {
    Url::parse(origin).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_form() {
        for (text, expected) in [
            ("https://insights.example.com", "https://insights.example.com"),
            ("https://Insights.Example.com:443/", "https://insights.example.com"),
            ("HTTPS://insights.example.com./", "https://insights.example.com"),
            ("http://insights.example.com:80", "http://insights.example.com"),
            ("http://insights.example.com:443", "http://insights.example.com:443"),
            ("https://insights.example.com:08443", "https://insights.example.com:8443"),
            ("https://insights.example.com:", "https://insights.example.com"),
            ("https://10.0.0.1:7443", "https://10.0.0.1:7443"),
            ("https://[2001:DB8:0::1]:443", "https://[2001:db8::1]"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            (" https://localhost:7443// ", "https://localhost:7443"),
        ] {
            assert_eq!(public(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "",
            "insights.example.com",
            "ftp://insights.example.com",
            "https://",
            "https:insights.example.com",
            "https://insights.example.com/path",
            "https://insights.example.com/a/..",
            "https://insights.example.com?",
            "https://insights.example.com#part",
            "https://me@insights.example.com",
            "https://insights.example.com\\@evil.example",
            "https://insights example.com",
            "https://a..b",
            "https://insights.example.com:99999",
            "https://0.0.0.0:7443",
            "https://[::]:7443",
        ] {
            assert!(public(text).is_err(), "{text}: {:?}", public(text));
        }
    }

    #[test]
    fn a_listener_is_asked_by_an_address_that_there_is() {
        for (scheme, address, expected) in [
            ("https", "127.0.0.1:7443", "https://127.0.0.1:7443"),
            ("https", "10.0.0.1:443", "https://10.0.0.1"),
            ("http", "10.0.0.1:80", "http://10.0.0.1"),
            ("http", "10.0.0.1:443", "http://10.0.0.1:443"),
            ("https", "0.0.0.0:7443", "https://127.0.0.1:7443"),
            ("https", "[::]:443", "https://127.0.0.1"),
            ("https", "[::1]:7443", "https://[::1]:7443"),
        ] {
            assert_eq!(of_listener(scheme, address.parse().unwrap()), expected);
        }
        assert!(["0.0.0.0:1", "[::]:1", "[::ffff:0.0.0.0]:1"].iter().all(|address| is_every(address.parse().unwrap())));
        assert!(!["127.0.0.1:1", "[::1]:1"].iter().any(|address| is_every(address.parse().unwrap())));
    }
}
