//! Wrong passwords: what locks whom out, what is forgotten, and that guessing stays hopeless whatever the strategy. And floods of wrong passwords.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use axum::Extension;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use chrono::TimeDelta;
use insightgate_identity::application::Permission;
use insightgate_identity::guessing::{Counted, DAILY_FOR_A_USER};
use insightgate_operations::credentials::second_factor::offer;
use insightgate_operations::random::Random;
use tower::ServiceExt as _;
use url::form_urlencoded::Serializer;

use super::token_endpoint::{refused, v1};
use crate::tests::harness::*;

const ANAS: &str = "ana@contoso.example";
const BENS: &str = "ben@contoso.example";
const HOME: [u8; 4] = [192, 0, 2, 1];
const OFFICE: [u8; 4] = [198, 51, 100, 1];

/// A password grant from an address.
async fn from(deployment: &Deployment, address: impl Into<IpAddr>, username: &str, password: &str) -> Answer {
    let client = APP.to_string();
    let fields = [
        ("grant_type", "password"),
        ("client_id", client.as_str()),
        ("client_secret", SECRET),
        ("resource", RESOURCE),
        ("username", username),
        ("password", password),
    ];
    post_from(deployment, address.into(), &v1(), &fields).await
}

pub(crate) async fn post_from(deployment: &Deployment, address: IpAddr, path: &str, fields: &[(&str, &str)]) -> Answer {
    let router = deployment.router.clone().layer(Extension(ConnectInfo(SocketAddr::from((address, 1)))));
    let form = Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.header(header::HOST, "insights.example").body(Body::from(form)).unwrap();
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// An address that was never used before.
fn fresh(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number))
}

/// The number of a refusal, and the seconds after which to try again.
fn number(answer: &Answer) -> (u64, Option<i64>) {
    let wait = answer.headers.get("retry-after").map(|value| value.to_str().unwrap().parse().unwrap());
    (refused(answer, "invalid_grant", 400), wait)
}

fn wrong(number: u32) -> String {
    format!("wrong password {number}")
}

/// From any address and with any client: only clients from addresses where the user is unknown are locked out.
#[tokio::test]
async fn strangers_lock_out_strangers_alone() {
    let deployment = Deployment::new().await;
    assert_eq!(from(&deployment, HOME, ANAS, PASSWORD).await.status, 200);
    for guess in 0..Counted::Name.free() {
        assert_eq!(number(&from(&deployment, fresh(guess), ANAS, &wrong(guess)).await), (50126, None), "{guess}");
    }
    assert_eq!(number(&from(&deployment, fresh(100), ANAS, PASSWORD).await), (50053, Some(60)));
    for _ in 0..3 {
        assert_eq!(from(&deployment, HOME, ANAS, PASSWORD).await.status, 200);
    }
    // Her own sign-ins do not help the strangers.
    assert_eq!(number(&from(&deployment, fresh(101), ANAS, &wrong(101)).await), (50053, Some(60)));
    // Her own wrong passwords lock nobody else out.
    for guess in 0..Counted::Name.free() {
        assert_eq!(number(&from(&deployment, HOME, ANAS, &wrong(guess)).await), (50126, None), "{guess}");
    }
    assert_eq!(number(&from(&deployment, HOME, ANAS, PASSWORD).await), (50053, Some(60)));
    assert_eq!(from(&deployment, HOME, BENS, PASSWORD).await.status, 200);
    deployment.advance(TimeDelta::seconds(60));
    assert_eq!(from(&deployment, HOME, ANAS, PASSWORD).await.status, 200);
    // A new password unlocks the account for everybody.
    let hash = deployment.context.passwords.hash(PASSWORD, &Random::default()).await.unwrap();
    for guess in 200..220 {
        from(&deployment, fresh(guess), ANAS, &wrong(guess)).await;
    }
    assert_eq!(number(&from(&deployment, fresh(300), ANAS, PASSWORD).await).0, 50053);
    deployment.context.store.set_user_password(ANA.user.unwrap(), &hash, false).await.unwrap();
    assert_eq!(from(&deployment, fresh(300), ANAS, PASSWORD).await.status, 200);
}

/// A job that continues with last month's password, from where its user is known and from elsewhere.
#[tokio::test]
async fn the_same_wrong_password_locks_nobody_out() {
    let deployment = Deployment::new().await;
    assert_eq!(from(&deployment, HOME, ANAS, PASSWORD).await.status, 200);
    for _ in 0..60 {
        for address in [HOME, OFFICE] {
            assert_eq!(number(&from(&deployment, address, ANAS, "last month's").await), (50126, None));
        }
        deployment.advance(TimeDelta::minutes(1));
    }
    for (address, name) in [(HOME, ANAS), (OFFICE, ANAS), (OFFICE, BENS)] {
        assert_eq!(from(&deployment, address, name, PASSWORD).await.status, 200, "{name}");
    }
}

/// Many users behind one address: those who are known there continue, and their sign-ins lower its count.
#[tokio::test]
async fn a_shut_address_is_open_for_those_who_are_known_there() {
    let deployment = Deployment::new().await;
    assert_eq!(from(&deployment, OFFICE, ANAS, PASSWORD).await.status, 200);
    let spray = async |guesses: std::ops::Range<u32>| {
        for guess in guesses {
            assert_eq!(number(&from(&deployment, OFFICE, &format!("user{guess}@contoso.example"), "Winter2026!").await).0, 50126);
        }
    };
    spray(0..Counted::Address.free()).await;
    assert_eq!(number(&from(&deployment, OFFICE, BENS, PASSWORD).await), (50053, Some(60)));
    assert_eq!(from(&deployment, HOME, BENS, PASSWORD).await.status, 200);
    assert_eq!(from(&deployment, OFFICE, ANAS, PASSWORD).await.status, 200);
    assert_eq!(from(&deployment, OFFICE, BENS, PASSWORD).await.status, 200, "her sign-in has lowered the count");
    // Another sign-in of the same user within the hour does not.
    spray(100..120).await;
    for _ in 0..5 {
        assert_eq!(from(&deployment, OFFICE, ANAS, PASSWORD).await.status, 200);
    }
    assert_eq!(number(&from(&deployment, OFFICE, "lea@contoso.example", PASSWORD).await).0, 50053);
}

/// The answers are the same for each name, whether or not it exists.
#[tokio::test]
async fn no_answer_tells_who_exists() {
    let deployment = Deployment::new().await;
    assert_eq!(from(&deployment, HOME, ANAS, PASSWORD).await.status, 200);
    let mut told = Vec::new();
    for name in [ANAS, "nobody@contoso.example"] {
        let mut answers = Vec::new();
        for guess in 0..40_u32 {
            // Some passwords are tried again, and some come after a wait.
            let password = wrong(guess % 17);
            answers.push(number(&from(&deployment, fresh(guess), &name.to_uppercase(), &password).await));
            if guess % 5 == 0 {
                deployment.advance(TimeDelta::seconds(i64::from(guess) * 20));
            }
        }
        told.push(answers);
        deployment.advance(TimeDelta::days(1));
    }
    assert_eq!(told[0], told[1]);
    assert!(told[0].iter().any(|(number, _)| *number == 50053) && told[0].iter().any(|(number, _)| *number == 50126));
}

/// A day of strangers who know one name, have any number of addresses, and try as soon as they may.
#[tokio::test]
async fn strangers_have_few_guesses_a_day() {
    let deployment = Deployment::new().await;
    assert_eq!(from(&deployment, HOME, ANAS, PASSWORD).await.status, 200);
    let (end, mut judged, mut tries) = (deployment.now() + TimeDelta::days(1), 0, 0);
    while deployment.now() < end {
        tries += 1;
        match number(&from(&deployment, fresh(tries), ANAS, &wrong(tries)).await) {
            (50126, None) => judged += 1,
            (50053, Some(wait)) => deployment.advance(TimeDelta::seconds(wait)),
            other => panic!("{other:?}"),
        }
    }
    assert!((90..=DAILY_FOR_A_USER).contains(&judged), "{judged}");
    assert_eq!(from(&deployment, HOME, ANAS, PASSWORD).await.status, 200);
}

/// A stranger with the password but not the second factor is known nowhere, and gets no more guesses at the code, however many addresses they use.
#[tokio::test]
async fn the_right_password_buys_no_guesses_at_the_code() {
    let deployment = Deployment::new().await;
    let user = deployment.context.store.user(CONTOSO, ANA.user.unwrap()).await.unwrap().unwrap();
    let offered = offer(&deployment.context, &user).unwrap();
    deployment.context.store.set_totp(user.id, Some(&offered.sealed)).await.unwrap();
    for address in 0..Counted::Name.free() {
        let answer = from(&deployment, fresh(address), ANAS, PASSWORD).await;
        assert_eq!(refused(&answer, "interaction_required", 400), 50076);
        assert_eq!(number(&from(&deployment, fresh(address), ANAS, &wrong(address)).await).0, 50126);
    }
    for address in 0..Counted::Name.free() {
        assert_eq!(number(&from(&deployment, fresh(address), ANAS, PASSWORD).await).0, 50053, "{address}");
    }
}

/// A password grant with this client secret, from an address.
async fn with_secret(deployment: &Deployment, address: impl Into<IpAddr>, secret: &str) -> Answer {
    let client = APP.to_string();
    let fields = [
        ("grant_type", "password"),
        ("client_id", client.as_str()),
        ("client_secret", secret),
        ("resource", RESOURCE),
        ("username", ANAS),
        ("password", PASSWORD),
    ];
    post_from(deployment, address.into(), &v1(), &fields).await
}

/// Whoever guesses at client secrets is slowed and seen. Nobody can keep the application out, not even from the same address.
#[tokio::test]
async fn wrong_client_secrets_slow_their_address_and_lock_no_application() {
    let deployment = Deployment::new().await;
    let is_wrong = |answer: &Answer| refused(answer, "invalid_client", 401) == 7000215;
    let is_slowed = |answer: &Answer| (refused(answer, "temporarily_unavailable", 429), answer.header("retry-after").to_owned());
    for guess in 0..Counted::Address.free() {
        assert!(is_wrong(&with_secret(&deployment, OFFICE, &wrong(guess)).await), "{guess}");
        assert_eq!(with_secret(&deployment, OFFICE, SECRET).await.status, 200, "{guess}");
    }
    assert_eq!(is_slowed(&with_secret(&deployment, OFFICE, &wrong(100)).await), (90055, "60".to_owned()));
    assert_eq!(with_secret(&deployment, OFFICE, SECRET).await.status, 200, "the application is let in");
    assert!(is_wrong(&with_secret(&deployment, HOME, &wrong(100)).await), "another address");
    // Secrets and passwords are counted apart.
    assert_eq!(number(&from(&deployment, OFFICE, BENS, "wrong").await), (50126, None));
    // Each further one is answered, and doubles the wait.
    for (wait, next) in [(60, "120"), (120, "240")] {
        deployment.advance(TimeDelta::seconds(wait));
        assert!(is_wrong(&with_secret(&deployment, OFFICE, &wrong(1000 + u32::try_from(wait).unwrap())).await));
        assert_eq!(is_slowed(&with_secret(&deployment, OFFICE, &wrong(101)).await), (90055, next.to_owned()));
    }
    assert_eq!(with_secret(&deployment, OFFICE, SECRET).await.status, 200);
    let events = deployment.audited("token.refuse").await;
    let times = |number: &str| -> u64 {
        let is_it =
            |event: &&insightgate_store::AuditEvent| event.address.as_deref() == Some("198.51.100.1") && event.detail.starts_with(number);
        events.iter().filter(is_it).map(|event| event.occurrences).sum()
    };
    assert_eq!((times("AADSTS7000215"), times("AADSTS90055")), (u64::from(Counted::Address.free()) + 2, 3), "{events:?}");
}

/// A program that still has the secret of last year calls in a loop, from the address of others.
#[tokio::test]
async fn the_same_wrong_secret_slows_nobody() {
    let deployment = Deployment::new().await;
    for _ in 0..3 * Counted::Address.free() {
        assert_eq!(refused(&with_secret(&deployment, OFFICE, "last year's").await, "invalid_client", 401), 7000215);
        deployment.advance(TimeDelta::minutes(1));
    }
    assert_eq!(refused(&with_secret(&deployment, OFFICE, "another one").await, "invalid_client", 401), 7000215);
}

/// Wrong sign-ins for many names from many addresses, with more at once than can be hashed or wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_leaves_users_their_sign_ins() {
    let deployment = Arc::new(Deployment::new().await);
    for who in [ANA, BEN] {
        deployment.hash_as_usual(who).await;
    }
    deployment.context.store.grant_consent(DESKTOP_APP, Permission::PartnerApi, None, deployment.now()).await.unwrap();
    assert_eq!(from(&deployment, HOME, ANAS, PASSWORD).await.status, 200);
    let (over, judged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    const ATTACKERS: u32 = 100;
    let flood: Vec<_> = (0..ATTACKERS)
        .map(|attacker| {
            let (deployment, over, judged) = (Arc::clone(&deployment), Arc::clone(&over), Arc::clone(&judged));
            tokio::spawn(async move {
                let (mut refusals, mut guess) = (0, 0);
                while !over.load(Ordering::Relaxed) {
                    guess += 1;
                    let answer =
                        from(&deployment, fresh(attacker), &format!("user{attacker}.{guess}@contoso.example"), "Winter2026!").await;
                    if answer.status == 429 {
                        assert_eq!((refused(&answer, "temporarily_unavailable", 429), answer.header("retry-after")), (90055, "2"));
                        refusals += 1;
                    } else {
                        judged.fetch_add(1, Ordering::Relaxed);
                    }
                    tokio::task::yield_now().await;
                }
                refusals
            })
        })
        .collect();
    // An address that has not failed yet may be a new user's as well as an attacker's: the flood is recognised once its addresses have failed, which
    // each of them does in its first turn. Known users do not wait for that.
    let (mut known, mut new) = (0, 0);
    while judged.load(Ordering::Relaxed) < ATTACKERS {
        assert_eq!(from(&deployment, HOME, ANAS, PASSWORD).await.status, 200);
    }
    for number in 0..20 {
        known += u32::from(from(&deployment, HOME, ANAS, PASSWORD).await.status == 200);
        // A new address each time, from which no sign-in has failed.
        new += u32::from(from(&deployment, fresh(1_000_000 + number), BENS, PASSWORD).await.status == 200);
    }
    over.store(true, Ordering::Relaxed);
    let mut refusals = 0;
    for attacker in flood {
        refusals += attacker.await.unwrap();
    }
    assert_eq!(known, 20);
    assert!(new >= 15, "{new}");
    assert!(refusals > 0, "it was no flood");
}
