//! What the servers say: a new token, one call with it, and the end of the application's secret where it can be known. It judges nothing.

use chrono::DateTime;
use insightgate_client::manage::ManageClient;
use insightgate_client::{ClientError, FirstCall, Token, TokenRefusal};
use serde_json::Value;

use crate::command_error::CommandError;
use crate::commands::login::token::second_factor;
use crate::profiles::{Profile, Purpose};
use crate::session::{clock, connected};

/// Hosts of the real service and of its authority.
const MICROSOFT: [&str; 7] = [
    "microsoftonline.com",
    "microsoftonline.us",
    "login.windows.net",
    "login.microsoft.com",
    "sts.windows.net",
    "partnercenter.microsoft.com",
    "partner.microsoft.com",
];

pub struct Evidence {
    pub place: Place,
    /// By this machine's clock, Unix seconds.
    pub now: i64,
    pub grant: Grant,
    pub call: Call,
    /// Seconds that this machine's clock is ahead of the server's.
    pub clock_ahead: Option<i64>,
    pub secret_ends: Option<i64>,
}

/// Where, and as whom.
#[derive(Debug, Clone, Default)]
pub struct Place {
    pub authority: String,
    pub endpoint: String,
    pub program: String,
    pub client_id: String,
    /// The profile's, or whoever signed in.
    pub username: Option<String>,
    /// Of the authority: an id or a domain.
    pub tenant: String,
    /// As `--profile` named it; None where commands find it without.
    pub profile: Option<String>,
    pub has_secret: bool,
    /// Whether this is the real service, and not a server of this program.
    pub microsofts: bool,
}

/// What the authority answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Grant {
    Token(Granted),
    Refused(TokenRefusal),
    /// Only a person can sign in.
    SignInNeeded(Option<String>),
    Failed(Trouble),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted {
    /// Unix seconds by this machine's clock.
    pub expires_at: i64,
    /// None if the token does not say.
    pub second_factor: Option<bool>,
    /// Whether it is for an application alone.
    pub alone: bool,
}

/// What the API answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// With no token there was nothing to ask.
    NotMade,
    Answer(Answered),
    Failed(Trouble),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    pub message: Option<String>,
    pub code: Option<u64>,
    /// Of `WWW-Authenticate`: the error, and its description.
    pub challenge: Option<String>,
    /// Whether the token meets a requirement of a second factor, if the server said so.
    pub mfa: Option<bool>,
    pub datasets: usize,
}

/// Nobody answered, or somebody else did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub reason: String,
    pub hint: Option<String>,
}

impl Evidence {
    /// `named`: the profile as `--profile` names it, if it has to.
    pub async fn gather(profile: &Profile, named: Option<&str>) -> Result<Evidence, CommandError> {
        let settings = match profile.insights() {
            // Without a password or a sign-in before there is somebody to sign in, which is a prerequisite too.
            Err(_) if profile.password.is_none() && (profile.username.is_some() || profile.client_secret.is_none()) => {
                profile.person(Purpose::Data)?
            }
            other => other?,
        };
        let client = connected(profile, settings.clone())?;
        let authority = settings.authority_token_url.trim_end_matches("/oauth2/token").to_owned();
        let mut place = Place {
            tenant: tenant(&authority, profile.username.as_deref()),
            profile: named.map(str::to_owned),
            microsofts: is_microsofts(&authority) || is_microsofts(&settings.api_base),
            authority,
            endpoint: settings.api_base.clone(),
            program: profile.program()?.to_string(),
            client_id: settings.client_id.clone(),
            username: profile.username.clone(),
            has_secret: settings.client_secret.is_some(),
        };
        let clock = clock();
        let (grant, token) = match client.new_token().await {
            Ok(token) => (Grant::Token(granted(&token)), Some(token)),
            Err(ClientError::Token(refusal)) => (Grant::Refused(*refusal), None),
            Err(ClientError::SignInNeeded { reason }) => (Grant::SignInNeeded(reason), None),
            Err(error @ (ClientError::Unreachable { .. } | ClientError::Unexpected { .. })) => (Grant::Failed(trouble(&error)), None),
            Err(error) => return Err(error.into()),
        };
        let signed_in = token.as_ref().and_then(Token::claims).and_then(|claims| claims.get("upn")?.as_str().map(str::to_owned));
        place.username = place.username.or(signed_in);
        let before = clock();
        let looked = client.first_call(token.as_ref()).await;
        let after = clock();
        let clock_ahead = looked.as_ref().ok().and_then(date).map(|date| ahead(date, before, after));
        let call = match (looked, &token) {
            (Ok(call), Some(_)) => answered(call, &place),
            // Without a token it shows only that somebody answers, and what time it is there.
            (Ok(_), None) => Call::NotMade,
            (Err(error), _) => Call::Failed(trouble(&error)),
        };
        let secret_ends = if place.microsofts { None } else { secret_ends(profile, &place).await };
        Ok(Evidence { place, now: after, grant, call, clock_ahead, secret_ends })
    }
}

/// Whoever is of any tenant is of the user name's domain.
fn tenant(authority: &str, username: Option<&str>) -> String {
    let last = authority.rsplit('/').next().unwrap_or_default();
    let domain = username.and_then(|name| name.rsplit_once('@')).map(|(_, domain)| domain);
    domain.filter(|_| matches!(last, "organizations" | "common")).unwrap_or(last).to_owned()
}

fn granted(token: &Token) -> Granted {
    let claims = token.claims().unwrap_or_default();
    let says = |name: &str| claims.get(name).is_some();
    let alone = claims.get("idtyp").and_then(Value::as_str) == Some("app") || (!says("scp") && !says("upn") && says("appid") | says("azp"));
    Granted { expires_at: token.expires_at, second_factor: second_factor(token), alone }
}

fn trouble(error: &ClientError) -> Trouble {
    Trouble { reason: error.to_string(), hint: error.hint() }
}

fn answered(call: FirstCall, place: &Place) -> Call {
    let header = |name: &str| call.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let Some(answer) = call.answer else {
        let reason = format!("something that is not this API answered at {} (status {})", place.endpoint, call.status);
        let hint = "check the endpoint: it is the server's own address, without a proxy's page in front".to_owned();
        return Call::Failed(Trouble { reason, hint: Some(hint) });
    };
    Call::Answer(Answered {
        status: call.status,
        message: answer.message.filter(|message| !message.is_empty()),
        code: answer.code,
        challenge: header("www-authenticate").and_then(|header| challenge(&header)),
        mfa: header("ismfacompliant").map(|value| value.trim().eq_ignore_ascii_case("true")),
        datasets: answer.datasets,
    })
}

/// The description of a challenge, or its error without one.
fn challenge(header: &str) -> Option<String> {
    let named = |name: &str| header.split_once(&format!("{name}=\""))?.1.split('"').next().map(str::to_owned);
    named("error_description").or_else(|| named("error"))
}

/// Unix seconds of the answer's `Date`.
fn date(call: &FirstCall) -> Option<i64> {
    let text = call.headers.get("date")?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text).ok().map(|date| date.timestamp())
}

/// A header has whole seconds, and was written somewhere between asking and hearing.
fn ahead(date: i64, before: i64, after: i64) -> i64 {
    if before > date { before - date } else { (after - date).min(0) }
}

fn is_microsofts(address: &str) -> bool {
    let host = url::Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    MICROSOFT.iter().any(|known| host == *known || host.ends_with(&format!(".{known}")))
}

/// When the profile's secret ends, Unix seconds. Only an operator of a server of this program can look.
async fn secret_ends(profile: &Profile, place: &Place) -> Option<i64> {
    let secret = profile.client_secret.as_deref().filter(|_| profile.operator.is_some())?;
    let tenant = place.authority.rsplit('/').next()?;
    let mut client = ManageClient::new(profile.management().ok()?, clock()).ok()?;
    if let Some(store) = profile.token_store() {
        client = client.keeping_tokens(store);
    }
    let secrets = client.secrets(tenant, &place.client_id).await.ok()?.value;
    let own = secrets.into_iter().find(|known| known.hint.as_deref().is_some_and(|hint| !hint.is_empty() && secret.starts_with(hint)))?;
    DateTime::parse_from_rfc3339(own.expires.as_deref()?).ok().map(|end| end.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_and_a_service_is_known() {
        let header = "Bearer error=\"invalid_token\", error_description=\"the token expired\"";
        assert_eq!(challenge(header).as_deref(), Some("the token expired"));
        assert_eq!(challenge("Bearer error=\"invalid_request\"").as_deref(), Some("invalid_request"));
        assert_eq!(challenge("Bearer"), None);
        for (address, microsofts) in [
            ("https://login.microsoftonline.com/contoso.example", true),
            ("https://api.partnercenter.microsoft.com/insights/v1/mpn", true),
            ("https://login.microsoftonline.com.evil.example/t", false),
            ("https://127.0.0.1:7443/t", false),
        ] {
            assert_eq!(is_microsofts(address), microsofts, "{address}");
        }
        assert_eq!([ahead(100, 50, 60), ahead(100, 90, 110), ahead(100, 160, 161)], [-40, 0, 60]);
    }
}
