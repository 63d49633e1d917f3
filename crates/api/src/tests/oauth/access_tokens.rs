//! Which tokens the API accepts, and the documents with which others can verify them.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use insightgate_identity::tokens::token::AccessClaims;
use serde_json::{Value, json};
use uuid::Uuid;

use super::token_endpoint::{ask, v1};
use crate::tests::harness::*;

async fn present(deployment: &Deployment, token: &str) -> Answer {
    let request = Request::get("/insights/v1/mpn/ScheduledDataset").header(header::AUTHORIZATION, format!("Bearer {token}"));
    deployment.send(request.body(Body::empty()).unwrap()).await
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn forged_and_misdirected_tokens_are_not_accepted() {
    let deployment = Deployment::new().await;
    let other = Deployment::with_own_keys().await;
    let good = deployment.token(ANA);
    let parts: Vec<&str> = good.split('.').collect();
    let key = deployment.fetch("/common/discovery/keys", &[]).await.json()["keys"][0].clone();
    let (kid, modulus) = (key["kid"].clone(), key["n"].as_str().unwrap().to_owned());
    let resigned = |header: Value| {
        let text = format!("{}.{}", part(&header), parts[1]);
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &URL_SAFE_NO_PAD.decode(&modulus).unwrap()), text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac))
    };
    let foreign = other.token(ANA);
    let foreign_signature = foreign.rsplit('.').next().unwrap();
    let claims = |change: fn(&mut insightgate_identity::tokens::token::AccessClaims)| {
        let mut claims = deployment.claims(ANA);
        change(&mut claims);
        deployment.context.signing.sign(&claims).unwrap()
    };
    let id_token = ask(&deployment, &v1(), &[("scope", Some("openid"))]).await.json()["id_token"].as_str().unwrap().to_owned();
    let operator = OPERATOR_APP.to_string();
    let management =
        [("grant_type", Some("client_credentials")), ("client_id", Some(&*operator)), ("resource", Some("api://insightgate/manage"))];
    let management = ask(&deployment, &v1(), &management).await.json()["access_token"].as_str().unwrap().to_owned();
    let cases = [
        ("another key", foreign.clone()),
        ("another key under our id", format!("{}.{}.{foreign_signature}", part(&json!({"alg": "RS256", "kid": kid})), parts[1])),
        ("alg none", format!("{}.{}.", part(&json!({"alg": "none", "kid": kid})), parts[1])),
        ("alg none, signature kept", format!("{}.{}.{}", part(&json!({"alg": "none", "kid": kid})), parts[1], parts[2])),
        ("HS256 with the public key", resigned(json!({"alg": "HS256", "kid": kid}))),
        ("no key id", format!("{}.{}.{}", part(&json!({"alg": "RS256"})), parts[1], parts[2])),
        ("changed claims", format!("{}.{}.{}", parts[0], part(&serde_json::to_value(deployment.claims(ZOE)).unwrap()), parts[2])),
        ("no signature", format!("{}.{}", parts[0], parts[1])),
        ("another audience", claims(|claims| claims.aud = "https://graph.microsoft.com".into())),
        ("the management API's", management),
        ("another issuer", claims(|claims| claims.iss = format!("{BASE}/{FABRIKAM}/"))),
        ("another tenant", claims(|claims| (claims.tid, claims.iss) = (FABRIKAM, format!("{BASE}/{FABRIKAM}/")))),
        ("an unknown tenant", claims(|claims| (claims.tid, claims.iss) = (Uuid::nil(), format!("{BASE}/{}/", Uuid::nil())))),
        ("another tenant's user", claims(|claims| claims.oid = ZOE.user.unwrap())),
        ("another tenant's application", claims(|claims| claims.appid = Some(FOREIGN_APP))),
        ("no application", claims(|claims| claims.appid = None)),
        ("not valid yet", claims(|claims| claims.nbf = claims.iat + 1)),
        ("expired", claims(|claims| claims.exp = claims.iat)),
        ("an id token", id_token),
        ("nonsense", "nonsense".to_owned()),
        ("nothing", String::new()),
    ];
    for (what, token) in &cases {
        let answer = present(&deployment, token).await;
        assert_eq!(answer.refused(401), "Unauthorized", "{what}");
        let kind = if *what == "nothing" { "invalid_request" } else { "invalid_token" };
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with(&format!("Bearer error=\"{kind}\", error_description=\"")), "{what}: {challenge}");
    }
    present(&deployment, &good).await.ok();
}

#[tokio::test]
async fn a_token_lives_one_hour() {
    let deployment = Deployment::new().await;
    let token = deployment.token(ANA);
    deployment.advance(TimeDelta::seconds(3599));
    present(&deployment, &token).await.ok();
    deployment.advance(TimeDelta::seconds(1));
    present(&deployment, &token).await.refused(401);
}

/// The documented body says "Unauthorized" and no more; the header says what can be mended.
#[tokio::test]
async fn a_refusal_says_why() {
    let deployment = Deployment::new().await;
    let sign = |change: fn(&mut AccessClaims)| {
        let mut claims = deployment.claims(ANA);
        change(&mut claims);
        deployment.context.signing.sign(&claims).unwrap()
    };
    for (token, why) in [
        (sign(|claims| claims.exp = claims.iat), "the token expired at 2026-11-22T12:00:00Z"),
        (sign(|claims| claims.nbf = claims.iat + 3600), "the token is not valid before 2026-11-22T13:00:00Z"),
        (sign(|claims| claims.aud = "https://graph.example/\"\\".into()), "the token is for the audience 'https://graph.example/'/'"),
        (sign(|claims| claims.iss = "https://elsewhere.example/".into()), "the token was issued by 'https://elsewhere.example/'"),
        (sign(|claims| claims.appid = Some(FOREIGN_APP)), "the tenant, application or user of the token is gone"),
        ("nonsense".to_owned(), "the token is malformed or its signature is wrong"),
    ] {
        let answer = present(&deployment, &token).await;
        assert_eq!(answer.refused(401), "Unauthorized");
        assert_eq!(answer.header("www-authenticate"), format!("Bearer error=\"invalid_token\", error_description=\"{why}\""));
    }
    let path = "/insights/v1/mpn/ScheduledDataset";
    let two = [("authorization", format!("Bearer {}", deployment.token(ANA))), ("x-aaduserticket", "other".to_owned())];
    for (headers, challenge) in [
        (&[][..], "Bearer"),
        (
            &[("authorization", "Basic YTpi")],
            "Bearer error=\"invalid_request\", error_description=\"the Authorization header is not 'Bearer <token>'\"",
        ),
        (
            &[(two[0].0, two[0].1.as_str()), (two[1].0, two[1].1.as_str())],
            "Bearer error=\"invalid_request\", error_description=\"Authorization and X-AadUserTicket hold different tokens\"",
        ),
    ] {
        let answer = deployment.fetch(path, headers).await;
        assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, challenge));
    }
}

/// A fixed public address also fixes the issuer's host.
#[tokio::test]
async fn with_a_public_address_the_issuer_is_bound_to_it() {
    let deployment = Deployment::with(|settings| settings.public_url = Some(BASE.to_owned())).await;
    present(&deployment, &deployment.token(ANA)).await.ok();
    let mut claims = deployment.claims(ANA);
    claims.iss = format!("https://elsewhere.example/{CONTOSO}/");
    present(&deployment, &deployment.context.signing.sign(&claims).unwrap()).await.refused(401);
}

#[tokio::test]
async fn discovery_leads_to_the_key_that_verifies() {
    let deployment = Deployment::new().await;
    let tokens = [
        ("", ask(&deployment, &v1(), &[]).await, format!("{BASE}/{CONTOSO}/")),
        ("v2.0/", ask(&deployment, &super::token_endpoint::v2(), &[]).await, format!("{BASE}/{CONTOSO}/v2.0")),
    ];
    for (version, token, issuer) in tokens {
        for tenant in [CONTOSO.to_string(), "contoso.example".to_owned()] {
            let document = deployment.fetch(&format!("/{tenant}/{version}.well-known/openid-configuration"), &[]).await.json();
            assert_eq!(document["issuer"], issuer);
            let keys = deployment.fetch(document["jwks_uri"].as_str().unwrap(), &[]).await.json();
            let answer = token.json();
            let token = answer["access_token"].as_str().unwrap();
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let (head, claims) = signed.split_once('.').unwrap();
            let decoded = |text: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
            assert_eq!(decoded(claims)["iss"], issuer);
            let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == decoded(head)["kid"]).unwrap();
            let number = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
            let public = RsaPublicKeyComponents { n: number("n"), e: number("e") };
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            public.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature).unwrap();
            assert!(public.verify(&RSA_PKCS1_2048_8192_SHA256, claims.as_bytes(), &signature).is_err());
        }
    }
    let organizations = deployment.fetch("/organizations/v2.0/.well-known/openid-configuration", &[]).await.json();
    assert_eq!(organizations["issuer"], format!("{BASE}/{{tenantid}}/v2.0"));
    let unknown = deployment.fetch("/unknown.example/.well-known/openid-configuration", &[]).await;
    assert_eq!(super::token_endpoint::refused(&unknown, "invalid_tenant", 400), 90002);
    let malformed = deployment.fetch("/no_tenant/.well-known/openid-configuration", &[]).await;
    assert_eq!(super::token_endpoint::refused(&malformed, "invalid_request", 400), 900023);
}

#[tokio::test]
async fn what_authentication_libraries_ask_first() {
    let deployment = Deployment::new().await;
    let asked = format!("{BASE}/{CONTOSO}/oauth2/v2.0/authorize");
    let instance =
        deployment.fetch(&format!("/common/discovery/instance?api-version=1.1&authorization_endpoint={asked}"), &[]).await.json();
    assert_eq!(instance["tenant_discovery_endpoint"], format!("{BASE}/{CONTOSO}/v2.0/.well-known/openid-configuration"));
    assert_eq!(instance["metadata"][0]["aliases"], json!(["insights.example"]));
    let realm = deployment.fetch("/common/UserRealm/ana@contoso.example?api-version=1.0", &[]).await.json();
    assert_eq!((&realm["account_type"], &realm["domain_name"]), (&json!("Managed"), &json!("contoso.example")));
    // The answer does not reveal whether a user exists.
    let nobody = deployment.fetch("/common/UserRealm/nobody@contoso.example?api-version=1.0", &[]).await.json();
    assert_eq!(nobody, realm);
}
