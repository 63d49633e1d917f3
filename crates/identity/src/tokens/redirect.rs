//! Redirect URIs: where the answer of an authorization may be sent.

/// The loopback hosts, whose port an application cannot know when it is registered (RFC 8252, 7.3).
const LOOPBACK: [&str; 3] = ["http://localhost", "http://127.0.0.1", "http://[::1]"];

/// Whether `sent` matches the registered URI: the texts are equal or, for a loopback address, equal apart from the port.
pub fn redirect_matches(registered: &str, sent: &str) -> bool {
    if !is_plain(sent) {
        return false;
    }
    registered == sent || loopback(registered).is_some_and(|known| loopback(sent).is_some_and(|asked| known == asked))
}

/// The URI up to its path, as a page's policy names the target of its form. `None` for a text that is not a URI.
pub fn origin(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    let named =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    if !named(scheme) {
        return None;
    }
    match rest.strip_prefix("//") {
        Some(after) if matches!(scheme, "http" | "https") => {
            let host = after.find(['/', '?', '#']).unwrap_or(after.len());
            uri.get(..scheme.len() + 3 + host).filter(|_| host > 0)
        }
        // For an application's own scheme, it is only the scheme.
        _ => uri.get(..=scheme.len()),
    }
}

/// Host and path of a loopback URI, without the port. An empty path is the root.
fn loopback(uri: &str) -> Option<(&'static str, &str)> {
    let (host, rest) = LOOPBACK.iter().find_map(|host| uri.strip_prefix(host).map(|rest| (*host, rest)))?;
    let after_port = match rest.strip_prefix(':') {
        Some(port) => {
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            port.split_at_checked(digits).filter(|(number, _)| number.parse::<u16>().is_ok())?.1
        }
        None => rest,
    };
    match after_port {
        "" | "/" => Some((host, "/")),
        path if path.starts_with(['/', '?']) => Some((host, path)),
        // For example a longer host name, or a text that would turn the port into credentials.
        _ => None,
    }
}

/// Whether the URI has no character that is unsafe in a header or a page, and no fragment, which the answer may need.
fn is_plain(uri: &str) -> bool {
    uri.len() <= 2048 && uri.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_port_of_this_machine_is_free() {
        for (registered, sent, matches) in [
            ("https://app.contoso.example/back", "https://app.contoso.example/back", true),
            ("https://app.contoso.example/back", "https://app.contoso.example/back/", false),
            ("https://app.contoso.example/back", "https://app.contoso.example:444/back", false),
            ("https://app.contoso.example/back", "https://app.contoso.example/back?more=1", false),
            ("https://app.contoso.example/back", "https://app.contoso.example/back#part", false),
            ("https://app.contoso.example", "https://app.contoso.example.evil.example", false),
            ("http://localhost", "http://localhost", true),
            ("http://localhost", "http://localhost:51234", true),
            ("http://localhost", "http://localhost:51234/", true),
            ("http://localhost", "http://localhost:51234/path", false),
            ("http://localhost/path", "http://localhost:51234/path", true),
            ("http://localhost", "http://127.0.0.1:51234", false),
            ("http://127.0.0.1", "http://127.0.0.1:51234/", true),
            ("http://[::1]", "http://[::1]:51234", true),
            ("http://localhost", "http://localhost.evil.example", false),
            ("http://localhost", "http://localhost:80@evil.example", false),
            ("http://localhost", "http://localhost:80.evil.example", false),
            ("http://localhost", "http://localhost@evil.example/", false),
            ("http://localhost", "http://localhost:99999/", false),
            ("http://localhost", "http://localhost:/", false),
            ("http://localhost", "https://localhost", false),
            ("msal1234://auth", "msal1234://auth", true),
            ("msal1234://auth", "msal1234://auth\r\nX: y", false),
        ] {
            assert_eq!(redirect_matches(registered, sent), matches, "{registered} {sent}");
        }
    }

    #[test]
    fn an_origin_ends_before_the_path() {
        for (uri, expected) in [
            ("https://app.contoso.example/back?a=b", Some("https://app.contoso.example")),
            ("http://localhost:51234", Some("http://localhost:51234")),
            ("http://[::1]:51234/", Some("http://[::1]:51234")),
            ("msal1234://auth", Some("msal1234:")),
            ("urn:ietf:wg:oauth:2.0:oob", Some("urn:")),
            ("https:///x", None),
            ("no uri", None),
            ("", None),
        ] {
            assert_eq!(origin(uri), expected, "{uri}");
        }
    }
}
