//! Takes secrets and names of persons out of what is recorded, before anything is written.
//!
//! A secret is masked by the name of its field, as the sandbox does it (`crates/api/src/sandbox/masked.rs`), and is remembered: wherever else it turns
//! up, such as in a message, it is masked too. A sign-in name is replaced by one that is the same in the whole recording. Nothing remembered is written.

use std::collections::{BTreeMap, VecDeque};

use axum::http::HeaderMap;
use insightgate_api::masked::{MASK, headers, is_secret, pairs_as, within};
use serde_json::{Map, Value};

/// The secrets that are remembered, and how short one may be: a shorter one would be found in ordinary words.
const MOST_SECRETS: usize = 2_000;
const SHORTEST_SECRET: usize = 6;
/// The sign-in names that are told apart.
const MOST_USERS: usize = 1_000;
/// The domain of the names that stand for others, which begin with [`SOMEBODY`] and a number.
pub(in super::super) const NOBODY: &str = "redacted.example";
pub(in super::super) const SOMEBODY: &str = "user-";
/// Fields of a form or query that hold a sign-in name.
const USER_FIELDS: [&str; 6] = ["username", "login_hint", "upn", "preferred_username", "unique_name", "email"];
/// A signed token as it begins: `{"` in base64url.
const TOKEN_START: &str = "eyJ";
const SHORTEST_TOKEN: usize = 40;

/// Headers of a request that the sandbox does not show.
const MORE_OF_REQUESTS: [&str; 1] = ["validatemfa"];
/// Headers of an answer that are recorded.
const OF_ANSWERS: [&str; 19] = [
    "content-type",
    "content-encoding",
    "content-length",
    "content-range",
    "content-disposition",
    "accept-ranges",
    "etag",
    "last-modified",
    "retry-after",
    "www-authenticate",
    "allow",
    "location",
    "date",
    "cache-control",
    "ms-requestid",
    "ms-correlationid",
    "ratelimit",
    "ratelimit-policy",
    "deprecation",
];

/// What one recording knows.
#[derive(Default)]
pub(in super::super) struct Redactor {
    secrets: VecDeque<String>,
    users: Vec<String>,
}

impl Redactor {
    /// Remembers each secret of a body, so that it is known before the body is written.
    fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(secret) if is_secret(name) => self.remember(secret),
                        _ => self.learn(value),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            Value::String(text) => within(text).iter().for_each(|value| self.learn(value)),
            _ => {}
        }
    }

    fn remember(&mut self, secret: &str) {
        if secret.len() < SHORTEST_SECRET || self.secrets.iter().any(|known| known == secret) {
            return;
        }
        if self.secrets.len() >= MOST_SECRETS {
            self.secrets.pop_front();
        }
        self.secrets.push_back(secret.to_owned());
    }

    pub fn json(&mut self, value: Value) -> Value {
        self.learn(&value);
        self.masked(value)
    }

    fn masked(&mut self, value: Value) -> Value {
        match value {
            Value::Object(fields) => {
                let mut shown = Map::new();
                for (name, value) in fields {
                    let value = match value {
                        Value::Null => Value::Null,
                        _ if is_secret(&name) => MASK.into(),
                        Value::String(user) if is_user(&name) => self.user(&user).into(),
                        other => self.masked(other),
                    };
                    shown.insert(name, value);
                }
                Value::Object(shown)
            }
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.masked(item)).collect()),
            Value::String(text) => self.nested(&text).unwrap_or_else(|| self.text(&text)).into(),
            other => other,
        }
    }

    /// A text that is JSON in its turn, where something in it is to be masked.
    fn nested(&mut self, text: &str) -> Option<String> {
        let value = within(text)?;
        let shown = self.masked(value.clone());
        (shown != value).then(|| shown.to_string())
    }

    /// Pairs of a query or form.
    pub fn pairs(&mut self, text: &str) -> String {
        let mut secrets = Vec::new();
        pairs_as(text.as_bytes(), |_, value| value.to_owned(), |secret| secrets.push(secret.to_owned()));
        secrets.iter().for_each(|secret| self.remember(secret));
        let shown = |name: &str, value: &str| if is_user(name) { self.user(value) } else { self.text(value) };
        pairs_as(text.as_bytes(), shown, |_| {})
    }

    /// A text: an address with its query, a message, or anything else.
    pub fn text(&mut self, text: &str) -> String {
        let words = text.split_inclusive(char::is_whitespace);
        let text: String = words.map(|word| self.address(word, word.len() == text.len())).collect();
        let text = self.without_pairs(&text);
        let text = without_tokens(&self.without_users(&text));
        self.secrets.iter().fold(text, |text, secret| if text.contains(secret.as_str()) { text.replace(secret, MASK) } else { text })
    }

    /// A word in which an address has no secrets in its query and fragment. `alone`: it may be a path.
    fn address(&mut self, word: &str, alone: bool) -> String {
        let is_address = word.contains("://") || (alone && word.starts_with('/'));
        if !is_address {
            return word.to_owned();
        }
        let word = self.without_credentials(word);
        if !word.contains(['?', '#']) {
            return word;
        }
        // What ends a sentence or a quotation is no part of it.
        let (word, end) = word.split_at(word.trim_end_matches(|c: char| c.is_whitespace() || "\"'.,;)>".contains(c)).len());
        let (rest, fragment) = word.split_once('#').map_or((word, None), |(rest, fragment)| (rest, Some(fragment)));
        let mut shown = match rest.split_once('?') {
            Some((place, query)) => format!("{place}?{}", self.pairs(query)),
            None => rest.to_owned(),
        };
        if let Some(fragment) = fragment {
            shown = format!("{shown}#{}", self.pairs(fragment));
        }
        shown + end
    }

    /// Addresses without the name and the password before their hosts.
    fn without_credentials(&mut self, word: &str) -> String {
        let (mut shown, mut rest) = (String::with_capacity(word.len()), word);
        while let Some((scheme, after)) = rest.split_once("://") {
            let (authority, behind) = after.split_at(after.find(['/', '?', '#']).unwrap_or(after.len()));
            shown.extend([scheme, "://"]);
            match authority.rsplit_once('@') {
                Some((credentials, host)) => {
                    self.remember(credentials.split_once(':').map_or(credentials, |(_, password)| password));
                    shown.extend([MASK, "@", host]);
                }
                None => shown.push_str(authority),
            }
            rest = behind;
        }
        shown + rest
    }

    /// Pairs of a query without its address: within another one, or in a page or script, which write `&` in their own way.
    fn without_pairs(&mut self, text: &str) -> String {
        let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
        while let Some((before, after)) = rest.split_once('=') {
            shown.extend([before, "="]);
            let (head, name) = before.split_at(before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "$_.-".contains(c)).len());
            let escaped = name.strip_prefix("u0026").filter(|_| head.ends_with('\\'));
            let name = escaped.unwrap_or(name);
            let (value, behind) =
                after.split_at(after.find(|c: char| c.is_whitespace() || "&\"'<>#;\\".contains(c)).unwrap_or(after.len()));
            let in_query = escaped.is_some() || head.ends_with(['?', '&', ';', '#']);
            rest = if in_query && is_secret(name) && !value.is_empty() && !value.starts_with(MASK) {
                self.remember(value);
                shown.push_str(MASK);
                behind
            } else {
                after
            };
        }
        shown + rest
    }

    /// A path may hold a sign-in name, or a token. Otherwise it stays as it was sent.
    pub fn path(&mut self, path: &str) -> String {
        let open = path.replace("%40", "@");
        let shown = self.text(&open);
        if shown == open { path.to_owned() } else { shown }
    }

    pub fn request_headers(&mut self, sent: &HeaderMap) -> BTreeMap<String, String> {
        let mut shown: BTreeMap<String, String> = headers(sent)
            .into_iter()
            .map(|(name, value)| (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect();
        // Its host is the recorder's own.
        shown.remove("host");
        shown.extend(self.named(sent, &MORE_OF_REQUESTS));
        for secret in ["authorization", "x-aaduserticket"].iter().filter_map(|name| sent.get(*name)?.to_str().ok()) {
            self.remember(secret.rsplit(' ').next().unwrap_or(secret));
        }
        shown
    }

    pub fn answer_headers(&mut self, sent: &HeaderMap) -> BTreeMap<String, String> {
        self.named(sent, &OF_ANSWERS)
    }

    fn named(&mut self, sent: &HeaderMap, names: &[&str]) -> BTreeMap<String, String> {
        let mut shown = BTreeMap::new();
        for name in names {
            if let Some(value) = sent.get(*name) {
                shown.insert((*name).to_owned(), self.text(&String::from_utf8_lossy(value.as_bytes())));
            }
        }
        shown
    }

    /// The name that stands for a sign-in name.
    fn user(&mut self, name: &str) -> String {
        if name.ends_with(NOBODY) || name.is_empty() {
            return name.to_owned();
        }
        let name = name.to_lowercase();
        let place = match self.users.iter().position(|known| *known == name) {
            Some(place) => place + 1,
            None if self.users.len() < MOST_USERS => {
                self.users.push(name);
                self.users.len()
            }
            None => 0,
        };
        format!("{SOMEBODY}{place}@{NOBODY}")
    }

    /// Replaces what looks like a sign-in name or an e-mail address.
    fn without_users(&mut self, text: &str) -> String {
        if !text.contains('@') {
            return text.to_owned();
        }
        let mut shown = String::with_capacity(text.len());
        for word in text.split_inclusive(|c: char| !(c.is_alphanumeric() || "@._+-".contains(c))) {
            let name = word.trim_end_matches(|c: char| !c.is_alphanumeric());
            match name.split_once('@') {
                Some((person, domain)) if !person.is_empty() && !domain.is_empty() => {
                    shown.push_str(&self.user(name));
                    shown.push_str(word.get(name.len()..).unwrap_or_default());
                }
                _ => shown.push_str(word),
            }
        }
        shown
    }
}

fn is_user(name: &str) -> bool {
    USER_FIELDS.iter().any(|field| name.eq_ignore_ascii_case(field))
}

/// Masks what looks like a signed token, wherever it stands.
fn without_tokens(text: &str) -> String {
    if !text.contains(TOKEN_START) {
        return text.to_owned();
    }
    let words = text.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)));
    let shown = words.map(|word| {
        let token = word.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)));
        if token.len() >= SHORTEST_TOKEN && token.starts_with(TOKEN_START) {
            format!("{MASK}{}", word.get(token.len()..).unwrap_or_default())
        } else {
            word.to_owned()
        }
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_masked_by_name_and_then_wherever_they_stand() {
        let mut redactor = Redactor::default();
        let form = redactor.pairs(
            "grant_type=password&client_id=a-1&client_secret=s3cretOne&username=Ann%40contoso.example&password=p4ssw0rd&scope=openid",
        );
        assert_eq!(
            form,
            "grant_type=password&client_id=a-1&client_secret=***&username=user-1%40redacted.example&password=***&scope=openid"
        );
        let refused =
            json!({"error_description": "AADSTS50126: p4ssw0rd of ann@contoso.example is wrong, (bob@contoso.example)", "trace_id": "t"});
        assert_eq!(
            redactor.json(refused)["error_description"],
            "AADSTS50126: *** of user-1@redacted.example is wrong, (user-2@redacted.example)"
        );
        let granted = json!({"token_type": "Bearer", "access_token": "abcdefgh", "id_token": "x", "refresh_token": null, "expires_in": "3599", "say": "abcdefgh!"});
        let shown = json!({"token_type": "Bearer", "access_token": "***", "id_token": "***", "refresh_token": null, "expires_in": "3599", "say": "***!"});
        assert_eq!(redactor.json(granted), shown);
        let device =
            json!({"device_code": "dddddddd", "user_code": "ABCDEFGH", "message": "enter ABCDEFGH at https://a.example/devicecode"});
        assert_eq!(redactor.json(device)["message"], "enter *** at https://a.example/devicecode");
    }

    #[test]
    fn links_keep_everything_but_their_signature() {
        let mut redactor = Redactor::default();
        assert_eq!(
            redactor.text("https://a.example/artifacts/x.csv?sv=1&sig=abc%2Fdefg&se=2026"),
            "https://a.example/artifacts/x.csv?sv=1&sig=***&se=2026"
        );
        assert_eq!(redactor.text("https://b.example/back#code=secretcode&state=s"), "https://b.example/back#code=***&state=s");
        assert_eq!(redactor.text("https://b.example/?state=s#code=secretcode"), "https://b.example/?state=s#code=***");
        assert_eq!(
            redactor.text("gone: (https://b.example/f?se=1&sig=another-one) is over"),
            "gone: (https://b.example/f?se=1&sig=***) is over"
        );
        // Known from the link.
        assert_eq!(redactor.text("the signature abc/defg has ended"), "the signature *** has ended");
        assert_eq!(redactor.text("is this a / b? yes"), "is this a / b? yes");
    }

    #[test]
    fn tokens_and_names_are_found_without_a_field() {
        let mut redactor = Redactor::default();
        let token = format!("eyJ{}.eyJ{}.sig", "a".repeat(30), "b".repeat(30));
        assert_eq!(redactor.text(&format!("token {token}, ended")), "token ***, ended");
        assert_eq!(redactor.text("eyJ is short"), "eyJ is short");
        assert_eq!(redactor.path("/common/userrealm/Ann%40contoso.example"), "/common/userrealm/user-1@redacted.example");
        let again = redactor.text("user-1@redacted.example and ann@contoso.example.");
        assert_eq!(again, "user-1@redacted.example and user-1@redacted.example.");
        assert_eq!(redactor.text("a @ b, @mention, trailing@"), "a @ b, @mention, trailing@");
    }

    #[test]
    fn secrets_are_found_in_addresses_and_texts_of_any_form() {
        let mut redactor = Redactor::default();
        let mut json = |value: Value| redactor.json(value);
        assert_eq!(json(json!({"CallbackUrl": "https://u:p4$SECRET!URLPW@h/"})), json!({"CallbackUrl": "https://***@h/"}));
        assert_eq!(json(json!({"message": "p4$SECRET!URLPW"})), json!({"message": "***"}));
        assert_eq!(json(json!({"link": "HTTPS://h/f?sv=1&sig=abcdefg"})), json!({"link": "HTTPS://h/f?sv=1&sig=***"}));
        let nested = json!({"text": "{\"password\": \"hunter2-hunter2\", \"a\": 1}", "said": "hunter2-hunter2"});
        assert_eq!(json(nested), json!({"text": "{\"a\":1,\"password\":\"***\"}", "said": "***"}));
        assert_eq!(json(json!({"text": "{\"a\": 1}", "other": "{0} of [1]"})), json!({"text": "{\"a\": 1}", "other": "{0} of [1]"}));
        assert_eq!(redactor.pairs("x=%26sig%3Dabcdefgh%26se%3D1"), "x=%26sig%3D***%26se%3D1");
        assert_eq!(redactor.text("f(\"/f?a=1\\u0026sig=ijklmnop\") x&amp;sig=qrstuvw<"), "f(\"/f?a=1\\u0026sig=***\") x&amp;sig=***<");
        assert_eq!(redactor.text("SELECT a FROM b WHERE Code=5 AND x=y"), "SELECT a FROM b WHERE Code=5 AND x=y");
        let token = format!("eyJ{}.sig", "a".repeat(40));
        assert_eq!(redactor.path(&format!("/insights/v1/{token}/ann%40contoso.example")), "/insights/v1/***/user-1@redacted.example");
        assert_eq!(redactor.path("/insights/v1/a%40/%20"), "/insights/v1/a%40/%20");
    }

    #[test]
    fn a_token_of_a_header_is_known_in_a_body() {
        let mut redactor = Redactor::default();
        let mut sent = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer opaque-token"),
            ("cookie", "a=b"),
            ("host", "127.0.0.1"),
            ("range", "bytes=0-"),
            ("validatemfa", "true"),
        ] {
            sent.insert(name, HeaderValue::from_static(value));
        }
        let shown = redactor.request_headers(&sent);
        assert_eq!(shown.get("authorization").map(String::as_str), Some("Bearer ***"));
        assert_eq!((shown.contains_key("range"), shown.contains_key("validatemfa"), shown.get("host")), (true, true, None));
        assert_eq!(redactor.text("got opaque-token"), "got ***");
        let mut answered = HeaderMap::new();
        answered.insert("location", HeaderValue::from_static("https://a.example/?code=thecodeitself&state=1"));
        answered.insert("set-cookie", HeaderValue::from_static("session=1"));
        let shown = redactor.answer_headers(&answered);
        assert_eq!(shown.get("location").map(String::as_str), Some("https://a.example/?code=***&state=1"));
        assert_eq!(shown.len(), 1);
    }
}
