//! Which tokens of an external issuer are accepted, and whom they identify.

use aws_lc_rs::hmac;
use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insightgate_operations::context::Settings;
use insightgate_operations::external_issuers::IssuerSettings;
use serde_json::{Value, json};

use crate::tests::harness::issuer::*;
use crate::tests::harness::*;

#[tokio::test]
async fn a_bound_user_gets_the_data_of_the_own_organisation() {
    let issuer = Issuer::start().await;
    let deployment = issuer.deployment().await;
    let token = issuer.token(&deployment, &FIRST, json!({}));
    present(&deployment, "mpn", &token).await.ok();
    let authorization = format!("Bearer {token}");
    let uri = "/insights/v1/mpn/ScheduledQueries/testQueryResult?exportQuery=SELECT%20Name%20FROM%20Sales%20ORDER%20BY%20Name%20ASC";
    let rows = deployment.fetch(uri, &[("authorization", &authorization)]).await.ok();
    assert_eq!(rows, [json!({"Name": "alpha"}), json!({"Name": "beta"}), json!({"Name": "gamma"})]);
    // The built-in authority's tokens are accepted too.
    present(&deployment, "mpn", &deployment.token(ANA)).await.ok();
    assert_eq!(issuer.fetches(), 1, "keys are kept");
}

#[tokio::test]
async fn other_forms_of_good_tokens_are_accepted() {
    let issuer = Issuer::start().await;
    let ec = IssuerKey::ec("curve");
    let marked = with(FIRST.public(), json!({"kid": "marked", "alg": "PS256"}));
    issuer.publish(&[json!({"kty": "oct", "k": "AAAA", "kid": "x"}), json!(7), FIRST.public(), ec.public(), marked]);
    let algorithms = ["RS256", "PS256", "ES256"].map(str::to_owned).to_vec();
    let deployment = issuer.bench_with(IssuerSettings { algorithms, ..issuer.settings() }, Settings::default()).await;
    let now = deployment.now().timestamp();
    let claims = issuer.claims(&deployment);
    let mut v1 = with(claims.clone(), json!({"appid": "app-at-issuer", "ver": "1.0"}));
    v1.as_object_mut().unwrap().remove("azp");
    let mut bare = claims.clone();
    for optional in ["nbf", "iat", "scp", "ver", "sub"] {
        bare.as_object_mut().unwrap().remove(optional);
    }
    let header = Issuer::header(&FIRST);
    let cases = [
        ("version 1", FIRST.sign(&header, &v1)),
        ("the least of claims", FIRST.sign(&header, &bare)),
        ("several audiences", issuer.token(&deployment, &FIRST, json!({"aud": ["other", AUDIENCE]}))),
        ("several claims of the application", issuer.token(&deployment, &FIRST, json!({"client_id": "app-at-issuer"}))),
        ("times with fractions", issuer.token(&deployment, &FIRST, json!({"exp": now as f64 + 10.5, "nbf": now as f64 - 0.5}))),
        ("Keycloak's mark", issuer.token(&deployment, &FIRST, json!({"typ": "Bearer"}))),
        ("marked as an access token", FIRST.sign(&with(header.clone(), json!({"typ": "at+jwt"})), &claims)),
        ("marked in full", FIRST.sign(&with(header.clone(), json!({"typ": "application/AT+JWT"})), &claims)),
        ("with a certificate's hash", FIRST.sign(&with(header.clone(), json!({"x5t": "AAAA"})), &claims)),
        ("PS256", FIRST.sign(&with(header.clone(), json!({"alg": "PS256"})), &claims)),
        ("PS256 by a key for that alone", FIRST.sign(&with(header, json!({"alg": "PS256", "kid": "marked"})), &claims)),
        ("ES256", ec.sign(&json!({"alg": "ES256", "kid": "curve"}), &claims)),
    ];
    for (what, token) in &cases {
        let answer = present(&deployment, "mpn", token).await;
        assert_eq!(answer.status, 200, "{what}");
    }
}

#[tokio::test]
async fn forged_and_misdirected_tokens_are_not_accepted() {
    let issuer = Issuer::start().await;
    let encryption = with(FIRST.public(), json!({"kid": "encryption", "use": "enc"}));
    let marked = with(FIRST.public(), json!({"kid": "marked", "alg": "RS512"}));
    let wrapping = with(FIRST.public(), json!({"kid": "wrapping", "key_ops": ["wrapKey"]}));
    let nameless = with(FIRST.public(), json!({"kid": ""}));
    issuer.publish(&[FIRST.public(), encryption, marked, wrapping, nameless]);
    let settings = IssuerSettings { management_audiences: vec!["api://manage".to_owned()], ..issuer.settings() };
    let deployment = issuer.bench_with(settings, Settings::default()).await;
    let good = issuer.token(&deployment, &FIRST, json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let headed = |changes: Value| FIRST.sign(&with(Issuer::header(&FIRST), changes), &issuer.claims(&deployment));
    let claimed = |changes: Value| issuer.token(&deployment, &FIRST, changes);
    let without = |name: &str| {
        let mut claims = issuer.claims(&deployment);
        claims.as_object_mut().unwrap().remove(name).unwrap();
        FIRST.sign(&Issuer::header(&FIRST), &claims)
    };
    let modulus = FIRST.public()["n"].as_str().unwrap().to_owned();
    let by_public_key = |secret: &[u8]| {
        let text = format!("{}.{}", part(&json!({"alg": "HS256", "kid": FIRST.kid})), parts[1]);
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac))
    };
    let other_key = SECOND.sign(&Issuer::header(&FIRST), &issuer.claims(&deployment));
    let now = deployment.now().timestamp();
    let cases = [
        ("another key under a known id", other_key),
        ("an unknown key", issuer.token(&deployment, &SECOND, json!({}))),
        ("alg none", format!("{}.{}.", part(&json!({"alg": "none", "kid": FIRST.kid})), parts[1])),
        ("alg none, signature kept", format!("{}.{}.{}", part(&json!({"alg": "none", "kid": FIRST.kid})), parts[1], parts[2])),
        ("HS256 with the public modulus", by_public_key(&URL_SAFE_NO_PAD.decode(&modulus).unwrap())),
        ("HS256 with the modulus as text", by_public_key(modulus.as_bytes())),
        ("HS256 with the key as text", by_public_key(FIRST.public().to_string().as_bytes())),
        ("an algorithm that is not asked for", headed(json!({"alg": "PS256"}))),
        ("an algorithm that the signature is not", headed(json!({"alg": "RS384"}))),
        ("an algorithm in lower case", headed(json!({"alg": "rs256"}))),
        ("no algorithm", FIRST.sign(&json!({"kid": FIRST.kid}), &issuer.claims(&deployment))),
        ("no key id", FIRST.sign(&json!({"alg": "RS256"}), &issuer.claims(&deployment))),
        ("an empty key id", headed(json!({"kid": ""}))),
        ("a key for encryption", headed(json!({"kid": "encryption"}))),
        ("a key for wrapping", headed(json!({"kid": "wrapping"}))),
        ("a key for another algorithm", headed(json!({"kid": "marked"}))),
        ("its own key", headed(json!({"jwk": FIRST.public()}))),
        ("its own key set", headed(json!({"jku": format!("{}/keys", issuer.url)}))),
        ("its own certificates", headed(json!({"x5u": format!("{}/keys", issuer.url)}))),
        ("something critical", headed(json!({"crit": ["exp"], "exp": now}))),
        ("compressed", headed(json!({"zip": "DEF"}))),
        ("nested", headed(json!({"cty": "JWT"}))),
        ("a logout token", headed(json!({"typ": "logout+jwt"}))),
        ("a type that is no text", headed(json!({"typ": 1}))),
        ("another audience", claimed(json!({"aud": "api://other"}))),
        ("an audience that only begins so", claimed(json!({"aud": format!("{AUDIENCE}/more")}))),
        ("an audience in upper case", claimed(json!({"aud": AUDIENCE.to_uppercase()}))),
        ("the management API's audience", claimed(json!({"aud": "api://manage"}))),
        ("no audience in a list", claimed(json!({"aud": []}))),
        ("no audience", without("aud")),
        ("an issuer with a slash more", claimed(json!({"iss": format!("{}/", issuer.url)}))),
        ("no issuer", without("iss")),
        ("no expiry", without("exp")),
        ("an expiry that is no number", claimed(json!({"exp": "2999"}))),
        ("expired", claimed(json!({"exp": now - 60}))),
        ("expired long ago", claimed(json!({"exp": i64::MIN}))),
        ("not valid yet", claimed(json!({"nbf": now + 61}))),
        ("a beginning that is no number", claimed(json!({"nbf": "soon"}))),
        ("issued in the future", claimed(json!({"iat": now + 61}))),
        ("no tenant", without("tid")),
        ("another tenant", claimed(json!({"tid": "another"}))),
        ("no user", without("oid")),
        ("an unknown user", claimed(json!({"oid": "zoe-at-issuer"}))),
        ("a user by name", claimed(json!({"oid": "zoe-at-issuer", "upn": "ana@contoso.example", "email": "ana@contoso.example"}))),
        ("a user in upper case", claimed(json!({"oid": "ANA-AT-ISSUER"}))),
        ("a list of users", claimed(json!({"oid": ["ana-at-issuer"]}))),
        ("an endless user", claimed(json!({"oid": "a".repeat(1000)}))),
        ("no application", without("azp")),
        ("an unknown application", claimed(json!({"azp": "other-at-issuer"}))),
        ("the user as application", claimed(json!({"azp": "ana-at-issuer"}))),
        ("two applications", claimed(json!({"appid": "other-at-issuer"}))),
        ("an id token", claimed(json!({"at_hash": "AAAA"}))),
        ("Keycloak's id token", claimed(json!({"typ": "ID"}))),
        ("bound to a key", claimed(json!({"cnf": {"jkt": "AAAA"}}))),
        ("changed claims", format!("{}.{}.{}", parts[0], part(&with(issuer.claims(&deployment), json!({"scp": "more"}))), parts[2])),
        ("no signature", format!("{}.{}", parts[0], parts[1])),
        ("an empty signature", format!("{}.{}.", parts[0], parts[1])),
        ("a part more", format!("{good}.{}", parts[2])),
        ("padding", format!("{good}=")),
        ("too long", claimed(json!({"padding": "x".repeat(16 << 10)}))),
    ];
    for (what, token) in &cases {
        let answer = present(&deployment, "mpn", token).await;
        assert_eq!(answer.refused(401), "Unauthorized", "{what}");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with("Bearer error=\"invalid_token\", error_description=\""), "{what}: {challenge}");
    }
    present(&deployment, "mpn", &good).await.ok();
}

#[tokio::test]
async fn clocks_may_differ_by_a_minute() {
    let issuer = Issuer::start().await;
    let deployment = issuer.deployment().await;
    let now = deployment.now().timestamp();
    for (changes, accepted) in [
        (json!({"exp": now - 59}), true),
        (json!({"exp": now - 60}), false),
        (json!({"nbf": now + 60, "iat": now + 60}), true),
        (json!({"nbf": now + 61}), false),
        (json!({"iat": now + 61}), false),
    ] {
        let answer = present(&deployment, "mpn", &issuer.token(&deployment, &FIRST, changes.clone())).await;
        assert_eq!(answer.status == 200, accepted, "{changes}");
    }
}

/// Only a token that says itself that it has no user identifies an application alone; a token of an unknown user never does.
#[tokio::test]
async fn an_application_alone_gets_what_it_may_have_alone() {
    let issuer = Issuer::start().await;
    let deployment = issuer.deployment().await;
    let token = |changes: Value, removed: &[&str]| {
        let mut claims = with(issuer.claims(&deployment), changes);
        removed.iter().for_each(|name| drop(claims.as_object_mut().unwrap().remove(*name)));
        FIRST.sign(&Issuer::header(&FIRST), &claims)
    };
    let alone = [
        token(json!({"sub": "app-at-issuer"}), &["oid", "scp"]),
        token(json!({"idtyp": "app", "oid": "principal", "sub": "other"}), &["scp"]),
        token(json!({"oid": "principal", "sub": "principal"}), &["scp"]),
    ];
    for token in &alone {
        present(&deployment, "cmp", token).await.ok();
        assert!(present(&deployment, "mpn", token).await.refused(403).contains("application and user"));
    }
    for token in [token(json!({}), &["oid"]), token(json!({}), &["oid", "scp"]), token(json!({"oid": "zoe"}), &["scp"])] {
        present(&deployment, "cmp", &token).await.refused(401);
    }
    // A service account that its issuer treats as a user, bound as the application that it is.
    let service = token(json!({"oid": "service-account"}), &[]);
    present(&deployment, "cmp", &service).await.refused(401);
    let body = issuer.binding(json!({"kind": "application", "externalId": "service-account", "application": APP}));
    assert_eq!(manage(&deployment, ANA, Method::POST, "contoso.example", "", body).await.status, 201);
    present(&deployment, "cmp", &service).await.ok();
    present(&deployment, "mpn", &service).await.refused(403);
}

#[tokio::test]
async fn claims_of_other_issuers_are_read_as_configured() {
    let issuer = Issuer::start().await;
    let application_claims = vec!["client_id".to_owned()];
    let settings = IssuerSettings { user_claim: "sub".to_owned(), application_claims, require_at_jwt: true, ..issuer.fixed() };
    let deployment = issuer.bench_with(settings, Settings::default()).await;
    let claims = json!({
        "iss": issuer.url, "aud": AUDIENCE, "exp": deployment.now().timestamp() + 60, "sub": "ana-at-issuer", "client_id": "app-at-issuer",
    });
    let header = with(Issuer::header(&FIRST), json!({"typ": "at+jwt"}));
    present(&deployment, "mpn", &FIRST.sign(&header, &claims)).await.ok();
    present(&deployment, "mpn", &FIRST.sign(&Issuer::header(&FIRST), &claims)).await.refused(401);
    // The default claims have no meaning here.
    let moved = with(claims, json!({"sub": "zoe-at-issuer", "oid": "ana-at-issuer", "azp": "app-at-issuer"}));
    present(&deployment, "mpn", &FIRST.sign(&header, &moved)).await.refused(401);
}

/// Roles, consents and enrollments are local and checked with each request, whatever the token says.
#[tokio::test]
async fn prerequisites_stay_local() {
    let issuer = Issuer::start().await;
    let deployment = issuer.deployment().await;
    let token = issuer.token(&deployment, &FIRST, json!({"roles": ["executive_report_viewer"], "wids": ["global_admin"]}));
    present(&deployment, "mpn", &token).await.ok();
    let role = insightgate_identity::role::Role::ExecutiveReportViewer;
    deployment.context.store.revoke_role(ANA.user.unwrap(), role).await.unwrap();
    assert!(present(&deployment, "mpn", &token).await.refused(403).contains("Executive report viewer"));
}

/// A token for one API is never accepted by the other; the audience is the issuer's own value for it.
#[tokio::test]
async fn a_token_for_management_opens_that_alone() {
    let issuer = Issuer::start().await;
    let settings = IssuerSettings { management_audiences: vec!["api://manage".to_owned()], ..issuer.settings() };
    let deployment = issuer.bench_with(settings, Settings { built_in_authority: false, ..Settings::default() }).await;
    let uri = "/manage/v1/tenants/contoso.example/externalIdentities";
    let list = async |token: &str| deployment.fetch(uri, &[("authorization", &format!("Bearer {token}"))]).await.status;
    let (data, management) =
        (issuer.token(&deployment, &FIRST, json!({})), issuer.token(&deployment, &FIRST, json!({"aud": "api://manage"})));
    assert_eq!((list(&data).await.as_u16(), list(&management).await.as_u16()), (401, 200));
    present(&deployment, "mpn", &management).await.refused(401);
    present(&deployment, "mpn", &data).await.ok();
    let stranger = issuer.token(&deployment, &FIRST, json!({"aud": "api://manage", "oid": "zoe-at-issuer"}));
    assert_eq!(list(&stranger).await, 401);
}

#[tokio::test]
async fn a_second_factor_at_the_issuer_counts() {
    let issuer = Issuer::start().await;
    let deployment = issuer.bench_with(issuer.settings(), Settings { require_mfa: true, ..Settings::default() }).await;
    present(&deployment, "mpn", &issuer.token(&deployment, &FIRST, json!({"amr": ["pwd", "mfa"]}))).await.ok();
    for amr in [json!(["pwd"]), json!([]), json!("mfa"), json!({"mfa": true}), json!(["MFA"])] {
        let answer = present(&deployment, "mpn", &issuer.token(&deployment, &FIRST, json!({"amr": amr}))).await;
        assert_eq!((answer.status.as_u16(), answer.text().contains("900421")), (401, true), "{}", answer.text());
    }
}

#[tokio::test]
async fn without_the_built_in_authority_only_the_issuer_counts() {
    let issuer = Issuer::start().await;
    let deployment = issuer.bench_with(issuer.settings(), Settings { built_in_authority: false, ..Settings::default() }).await;
    present(&deployment, "mpn", &issuer.token(&deployment, &FIRST, json!({}))).await.ok();
    present(&deployment, "mpn", &deployment.token(ANA)).await.refused(401);
    let token = format!("/{CONTOSO}/oauth2/token");
    let answers = [
        deployment.post_form(&token, &[("grant_type", "password")]).await,
        deployment.post_form("/common/oauth2/v2.0/token", &[]).await,
        deployment.fetch(&token, &[]).await,
        deployment.fetch(&format!("/{CONTOSO}/v2.0/.well-known/openid-configuration"), &[]).await,
        deployment.fetch("/common/discovery/v2.0/keys", &[]).await,
        deployment.fetch("/common/discovery/instance", &[]).await,
        deployment.fetch("/common/UserRealm/ana@contoso.example", &[]).await,
        deployment.fetch(&format!("/{CONTOSO}/oauth2/v2.0/authorize"), &[]).await,
        deployment.fetch("/common/oauth2/deviceauth", &[]).await,
        deployment.post_form("/common/sign-in", &[]).await,
        deployment.post_form("/common/oauth2/v2.0/devicecode", &[]).await,
    ];
    for answer in &answers {
        assert_eq!(crate::tests::oauth::token_endpoint::refused(answer, "invalid_request", 404), 90002);
    }
}
