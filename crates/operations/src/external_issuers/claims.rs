//! What a token of an external issuer must contain, and what it must not contain.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use insightgate_identity::external_identity::ExternalBearer;
use jsonwebtoken::Validation;
use serde_json::{Map, Value};

use super::keys::PublishedKey;
use super::settings::{IssuerSettings, TenantSource};
use super::token_header::TokenHeader;
use super::{Audience, ExternalFault};

/// By how many seconds an issuer's clock may differ from ours. The built-in authority uses our own clock.
const SKEW: i64 = 60;
/// Header members by which a token would bring its own key, or change what its signature means.
const REFUSED_MEMBERS: [&str; 8] = ["crit", "jku", "jwk", "x5u", "b64", "zip", "enc", "cty"];
/// The `typ` of an access token. Many issuers write JWT for every kind of token.
const ACCESS_TOKEN_TYPES: [&str; 2] = ["at+jwt", "application/at+jwt"];
/// Claims that only id tokens have.
const ID_TOKEN_CLAIMS: [&str; 3] = ["at_hash", "c_hash", "s_hash"];
/// The most bytes of an identifier.
const ID_LIMIT: usize = 256;

/// The claims of a token whose signature was verified.
pub(super) struct VerifiedClaims(Map<String, Value>);

/// Reads the header, and checks that everything in it may be accepted from this issuer.
pub(super) fn read_header(token: &str, issuer: &IssuerSettings) -> Result<TokenHeader, ExternalFault> {
    let encoded = token.split('.').next().unwrap_or_default();
    let decoded = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| ExternalFault::Malformed("the header is not base64url"))?;
    let header: Map<String, Value> =
        serde_json::from_slice(&decoded).map_err(|_| ExternalFault::Malformed("the header is no JSON object"))?;
    if let Some(member) = REFUSED_MEMBERS.iter().find(|member| header.contains_key(**member)) {
        return Err(ExternalFault::Header((*member).to_owned()));
    }
    let named = header.get("alg").and_then(Value::as_str).ok_or(ExternalFault::Malformed("the header has no alg"))?;
    let algorithm = issuer.algorithms.iter().find(|allowed| *allowed == named).and_then(|allowed| allowed.parse().ok());
    let algorithm = algorithm.ok_or_else(|| ExternalFault::Algorithm(named.chars().take(16).collect()))?;
    let typ = match header.get("typ") {
        None => "JWT",
        Some(typ) => typ.as_str().ok_or(ExternalFault::Malformed("typ is no text"))?,
    };
    let is_access_token = ACCESS_TOKEN_TYPES.iter().any(|known| known.eq_ignore_ascii_case(typ));
    if !is_access_token && (issuer.require_at_jwt || !typ.eq_ignore_ascii_case("JWT")) {
        return Err(ExternalFault::Type(typ.chars().take(64).collect()));
    }
    let kid = header.get("kid").and_then(Value::as_str).filter(|kid| !kid.is_empty());
    let kid = kid.ok_or(ExternalFault::Malformed("the header names no key (kid)"))?;
    Ok(TokenHeader { kid: kid.to_owned(), algorithm })
}

impl PublishedKey {
    pub(super) fn verify(&self, token: &str, header: &TokenHeader) -> Result<VerifiedClaims, ExternalFault> {
        let mut validation = Validation::new(header.algorithm);
        // Times and audience are checked later, with the product's clock and the issuer's settings rather than the library's.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Ok(VerifiedClaims(jsonwebtoken::decode::<Map<String, Value>>(token, &self.verifier, &validation)?.claims))
    }
}

impl VerifiedClaims {
    /// The bearer and how the user signed in.
    pub(super) fn check(
        &self,
        issuer: &IssuerSettings,
        audience: Audience,
        now: DateTime<Utc>,
    ) -> Result<(ExternalBearer, Vec<String>), ExternalFault> {
        let name = self.text("iss")?;
        if name != issuer.url {
            return Err(ExternalFault::Issuer(name.to_owned()));
        }
        self.check_times(now.timestamp())?;
        let wanted = match audience {
            Audience::Insights => &issuer.audiences,
            Audience::Management => &issuer.management_audiences,
        };
        self.check_audience(wanted)?;
        self.check_kind()?;
        Ok((self.bearer(issuer)?, self.texts("amr")))
    }

    fn check_times(&self, now: i64) -> Result<(), ExternalFault> {
        let expires = self.seconds("exp")?.ok_or_else(|| ExternalFault::Missing("exp".to_owned()))?;
        if now >= expires.saturating_add(SKEW) {
            return Err(ExternalFault::Expired(expires));
        }
        for claim in ["nbf", "iat"] {
            if let Some(begins) = self.seconds(claim)?.filter(|begins| now < begins.saturating_sub(SKEW)) {
                return Err(ExternalFault::NotYetValid(begins));
            }
        }
        Ok(())
    }

    fn check_audience(&self, wanted: &[String]) -> Result<(), ExternalFault> {
        let named = match self.0.get("aud") {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        match named.iter().any(|name| wanted.iter().any(|audience| audience == name)) {
            true => Ok(()),
            false => Err(ExternalFault::Audience(named.join(", ").chars().take(ID_LIMIT).collect())),
        }
    }

    /// Refuses a token that is not a bearer access token, although its audience fits.
    fn check_kind(&self) -> Result<(), ExternalFault> {
        if let Some(claim) = ID_TOKEN_CLAIMS.iter().find(|claim| self.0.contains_key(**claim)) {
            return Err(ExternalFault::Type(format!("id token, with {claim}")));
        }
        // Keycloak writes the kind of the token into the claim `typ`.
        if let Some(typ) = self.0.get("typ").and_then(Value::as_str).filter(|typ| !typ.eq_ignore_ascii_case("Bearer")) {
            return Err(ExternalFault::Type(typ.chars().take(64).collect()));
        }
        // Such a token is bound to a key whose possession must be proved (RFC 7800). That proof is not supported here.
        if self.0.contains_key("cnf") {
            return Err(ExternalFault::Confirmation);
        }
        Ok(())
    }

    fn bearer(&self, issuer: &IssuerSettings) -> Result<ExternalBearer, ExternalFault> {
        let tenant = match &issuer.tenant {
            TenantSource::Claim(claim) => self.text(claim)?.to_owned(),
            TenantSource::Fixed(_) => String::new(),
        };
        let mut named = issuer.application_claims.iter().filter(|claim| self.0.contains_key(claim.as_str()));
        let first = named.next().ok_or_else(|| ExternalFault::Missing(issuer.application_claims.join(", ")))?;
        let application = self.text(first)?;
        for other in named {
            if self.text(other)? != application {
                return Err(ExternalFault::TwoApplications(first.clone(), other.clone()));
            }
        }
        let alone = self.is_application_alone(issuer, application);
        let subject = match alone {
            true => application,
            false => self.text(&issuer.user_claim)?,
        };
        Ok(ExternalBearer { tenant, application: application.to_owned(), subject: subject.to_owned(), alone })
    }

    /// Whether the token says that it is an application's own, without a user: its subject is the application (RFC 9068, 2.2), or `idtyp` says so, or, if
    /// the user claim is Entra ID's object id, the subject is a service principal (`oid` equals `sub`) without a delegated scope.
    fn is_application_alone(&self, issuer: &IssuerSettings, application: &str) -> bool {
        let claim = |name: &str| self.0.get(name).and_then(Value::as_str);
        let is_service_principal = || claim("oid").is_some() && claim("oid") == claim("sub") && claim("scp").is_none();
        claim("sub") == Some(application) || claim("idtyp") == Some("app") || issuer.user_claim == "oid" && is_service_principal()
    }

    fn text(&self, claim: &str) -> Result<&str, ExternalFault> {
        let text = self.0.get(claim).and_then(Value::as_str).filter(|text| !text.is_empty() && text.len() <= ID_LIMIT);
        text.ok_or_else(|| ExternalFault::Missing(claim.to_owned()))
    }

    fn texts(&self, claim: &str) -> Vec<String> {
        let items = self.0.get(claim).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// A NumericDate, whose fraction is cut off if it has one. It is an error if the claim is present and not a number.
    fn seconds(&self, claim: &str) -> Result<Option<i64>, ExternalFault> {
        let Some(value) = self.0.get(claim) else { return Ok(None) };
        let whole = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
        whole.map(Some).ok_or_else(|| ExternalFault::Missing(claim.to_owned()))
    }
}
