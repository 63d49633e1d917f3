//! What sign-ins leave behind: counts of wrong passwords, codes and tokens, all of which are limited.

use insightgate_identity::guessing::{KNOWN_ADDRESSES, KNOWN_FOR, Lockout, WrongPassword};
use insightgate_identity::tokens::device::{WAITING_PER_ADDRESS, WAITING_PER_APPLICATION};
use insightgate_identity::tokens::refresh::{KEPT_PER_SIGN_IN, KEPT_PER_USER, LIFETIME};

use super::*;

pub(super) const APP: Uuid = Uuid::from_u128(2);

pub(super) async fn populated() -> Deployment {
    let deployment = deployment().await;
    deployment.store.add_application(&Application::confidential(APP, tenant().id, "Reports"), at(0)).await.unwrap();
    let user = User::new(OWNER, tenant().id, "analyst@contoso.example".into());
    deployment.store.add_user(&user, Some("hash"), at(0)).await.unwrap();
    deployment
}

fn one_more(count: Lockout) -> Lockout {
    Lockout { failures: count.failures + 1, ..count }
}

pub(super) async fn rows(store: &Store, table: &str) -> i64 {
    let query = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    sqlx::query(query).fetch_one(&store.pool).await.unwrap().try_get(0).unwrap()
}

#[tokio::test]
async fn strangers_share_a_count_and_known_addresses_have_their_own() {
    let Deployment { store, _folder, .. } = populated().await;
    let ana = Subject::User(OWNER);
    let failures = async |network: Option<&str>| {
        let found = store.sign_in_count(&ana, network, at(1)).await.unwrap();
        (found.count.failures, found.is_known())
    };
    store.know_address(OWNER, "home", at(0)).await.unwrap();
    for network in [None, Some("a"), Some("b"), Some("home")] {
        store.change_sign_in_count(&ana, network, at(1), one_more).await.unwrap();
    }
    assert_eq!((failures(None).await, failures(Some("b")).await, failures(Some("home")).await), ((3, false), (3, false), (1, true)));
    // Names that do not exist are counted in the same way, but no address is ever known for them.
    let nobody = Subject::Nobody("digest".into());
    store.change_sign_in_count(&nobody, Some("home"), at(1), one_more).await.unwrap();
    let found = store.change_sign_in_count(&nobody, None, at(1), one_more).await.unwrap();
    assert_eq!((found.count.failures, found.is_known()), (1, false));
    // The count is read as it was written.
    let recent = vec![WrongPassword(1), WrongPassword(u128::MAX)];
    let count = Lockout { failures: 3, until: Some(at(9)), since: at(4), recent };
    store.change_sign_in_count(&ana, Some("home"), at(1), |_| count.clone()).await.unwrap();
    assert_eq!(store.sign_in_count(&ana, Some("home"), at(1)).await.unwrap().count, count);
    // A sign-in that is recorded again leaves the count unchanged; after an old one the address is unknown again.
    store.know_address(OWNER, "home", at(1)).await.unwrap();
    assert_eq!(store.sign_in_count(&ana, Some("home"), at(1)).await.unwrap().count, count);
    let late = store.sign_in_count(&ana, Some("home"), at(1) + KNOWN_FOR).await.unwrap();
    assert_eq!((late.count.failures, late.is_known()), (3, false));
}

#[tokio::test]
async fn a_user_is_known_from_the_last_addresses_alone() {
    let Deployment { store, _folder, .. } = populated().await;
    for number in 0..i64::from(KNOWN_ADDRESSES) + 5 {
        store.know_address(OWNER, &format!("network {number}"), at(number)).await.unwrap();
        store.know_address(OWNER, "office", at(number)).await.unwrap();
    }
    assert_eq!(rows(&store, "sign_in_counts").await, i64::from(KNOWN_ADDRESSES));
    let now = at(100);
    let known = async |network: &str| store.sign_in_count(&Subject::User(OWNER), Some(network), now).await.unwrap().is_known();
    assert!(known("office").await && known("network 14").await && known("network 6").await && !known("network 5").await);
    assert!(!is_news(&store.sign_in_count(&Subject::User(OWNER), Some("office"), at(15)).await.unwrap(), at(15)));
    assert!(is_news(&store.sign_in_count(&Subject::User(OWNER), Some("office"), at(40)).await.unwrap(), at(40)));
    assert!(is_news(&SignInCount::default(), at(40)));
}

/// Existing and unknown names take the same number of writes, and so does a wrong password that is not counted again.
#[tokio::test]
async fn each_wrong_password_is_one_write() {
    let Deployment { store, _folder, .. } = populated().await;
    if store.is_shared() {
        return;
    }
    let log = _folder.path().join("insightgate.db-wal");
    let length = || std::fs::metadata(&log).unwrap().len();
    let (ana, nobody) = (Subject::User(OWNER), Subject::Nobody("digest".into()));
    for subject in [&ana, &nobody] {
        store.change_sign_in_count(subject, None, at(1), one_more).await.unwrap();
    }
    let mut written = Vec::new();
    for (minute, subject, counted) in [(1, &ana, true), (2, &nobody, true), (3, &ana, false), (4, &nobody, false)] {
        let before = length();
        let now = at(1) + TimeDelta::minutes(minute);
        store.change_sign_in_count(subject, None, now, |count| if counted { one_more(count) } else { count }).await.unwrap();
        written.push(length() - before);
    }
    assert!(written[0] > 0 && written.iter().all(|bytes| *bytes == written[0]), "{written:?}");
}

/// A session of the owner that is signed in.
pub(super) fn session(digest: &str, signed_in: DateTime<Utc>, expires: DateTime<Utc>) -> SignInSession {
    SignInSession {
        digest: digest.to_owned(),
        tenant: tenant().id,
        user: OWNER,
        missing: None,
        offered_secret: None,
        amr: "pwd".into(),
        signed_in,
        expires,
    }
}

/// A code of the owner that leads to refresh tokens of this family.
pub(super) fn authorization_code(digest: &str, family: u128, expires: DateTime<Utc>) -> AuthorizationCode {
    AuthorizationCode {
        digest: digest.to_owned(),
        family: Uuid::from_u128(family),
        tenant: tenant().id,
        application: APP,
        user: OWNER,
        redirect_uri: "u".into(),
        challenge: None,
        nonce: None,
        resource: "r".into(),
        openid: false,
        offline: true,
        amr: "pwd".into(),
        expires,
        used: false,
    }
}

pub(super) fn code(id: u64, network: &str, expires: DateTime<Utc>) -> DeviceCode {
    DeviceCode {
        digest: format!("digest {id}"),
        user_code: format!("code {id}"),
        tenant: tenant().id,
        application: APP,
        resource: "r".into(),
        openid: false,
        offline: true,
        expires,
        state: DeviceState::Pending,
        network: network.into(),
    }
}

#[tokio::test]
async fn device_codes_have_shares_and_the_greediest_gives_way() {
    let Deployment { store, _folder, .. } = populated().await;
    let add = async |id: u64, network: &str| store.add_device_code(&code(id, network, at(1)), at(0)).await.unwrap();
    let mut id = 0;
    let share = u64::from(WAITING_PER_ADDRESS);
    for network in 0..u64::from(WAITING_PER_APPLICATION) / share {
        for _ in 0..share {
            assert_eq!(add(id, &format!("network {network}")).await, AddedDeviceCode::Added);
            id += 1;
        }
    }
    assert_eq!(add(id, "network 1").await, AddedDeviceCode::Full(at(1)));
    // Another address gets its place all the same, and in the end an equal share.
    assert_eq!(add(id, "honest").await, AddedDeviceCode::Added);
    assert_eq!(rows(&store, "device_codes").await, i64::from(WAITING_PER_APPLICATION));
    assert!(store.device_code(&format!("digest {id}")).await.unwrap().is_some());
    // An approved code no longer waits, and later the others have expired.
    assert!(store.decide_device_code("digest 55", None).await.unwrap());
    assert_eq!(add(id + 1, "another").await, AddedDeviceCode::Added);
    assert_eq!(store.add_device_code(&code(id + 2, "network 1", at(3)), at(2)).await.unwrap(), AddedDeviceCode::Added);
    assert_eq!(store.add_device_code(&code(id + 2, "network 2", at(3)), at(2)).await.unwrap(), AddedDeviceCode::Taken);
    // Another application has places of its own.
    let other = Uuid::from_u128(9);
    store.add_application(&Application::confidential(other, tenant().id, "Other"), at(0)).await.unwrap();
    let elsewhere = DeviceCode { application: other, ..code(id + 3, "network 1", at(1)) };
    assert_eq!(store.add_device_code(&elsewhere, at(0)).await.unwrap(), AddedDeviceCode::Added);
}

pub(super) fn token(digest: &str, family: u128, issued: DateTime<Utc>) -> RefreshTokenRecord {
    RefreshTokenRecord {
        digest: digest.into(),
        family: Uuid::from_u128(family),
        tenant: tenant().id,
        application: APP,
        user: OWNER,
        resource: "r".into(),
        amr: "pwd".into(),
        expires: issued + LIFETIME,
    }
}

/// A token that is stored in a vault and used again and again is kept; tokens that nobody used are removed.
#[tokio::test]
async fn a_sign_in_keeps_the_tokens_that_are_used() {
    let Deployment { store, _folder, .. } = populated().await;
    store.add_refresh_token(&token("in a vault", 1, at(0))).await.unwrap();
    let uses = i64::from(KEPT_PER_SIGN_IN) + 30;
    for number in 1..=uses {
        let used = UsedToken { digest: "in a vault".into(), now: at(number), good_since: Some(at(0)) };
        let by = token(&format!("thrown away {number}"), 1, at(number));
        assert!(store.replace_refresh_token(used, Some(by), None).await.unwrap());
    }
    store.add_refresh_token(&token("another sign-in", 2, at(0))).await.unwrap();
    assert_eq!(store.trim_refresh_tokens().await.unwrap(), 31);
    assert_eq!(store.trim_refresh_tokens().await.unwrap(), 0);
    assert_eq!(rows(&store, "refresh_tokens").await, i64::from(KEPT_PER_SIGN_IN) + 1);
    for (digest, there) in [
        ("in a vault".to_owned(), true),
        (format!("thrown away {uses}"), true),
        ("thrown away 1".into(), false),
        ("another sign-in".into(), true),
    ] {
        assert_eq!(store.refresh_token(&digest).await.unwrap().is_some(), there, "{digest}");
    }
}

/// A program that signs in with the password each time and discards its refresh tokens.
#[tokio::test]
async fn a_user_keeps_so_many_tokens_of_one_application() {
    let Deployment { store, _folder, .. } = populated().await;
    let number = u128::from(KEPT_PER_USER) + 20;
    for number in 0..number {
        let issued = at(0) + TimeDelta::seconds(i64::try_from(number).unwrap());
        store.add_refresh_token(&token(&format!("token {number}"), 100 + number, issued)).await.unwrap();
    }
    assert_eq!(store.trim_refresh_tokens().await.unwrap(), 20);
    assert!(store.refresh_token("token 19").await.unwrap().is_none() && store.refresh_token("token 20").await.unwrap().is_some());
}

#[tokio::test]
async fn what_has_ended_goes() {
    let Deployment { store, _folder, .. } = populated().await;
    let day = |days: i64| at(days * 24);
    let forget = async |now: DateTime<Utc>| {
        while store.forget_ended_sign_ins(now, true).await.unwrap() > 0 {}
    };
    store.add_refresh_token(&token("expires", 1, day(0))).await.unwrap();
    store.add_refresh_token(&token("revoked", 2, day(80))).await.unwrap();
    store.add_refresh_token(&token("stays", 3, day(80))).await.unwrap();
    store.revoke_refresh_family(Uuid::from_u128(2), None).await.unwrap();
    store.change_sign_in_count(&Subject::User(OWNER), None, day(80), one_more).await.unwrap();
    store.change_sign_in_count(&Subject::Nobody("n".into()), None, day(80), one_more).await.unwrap();
    store.know_address(OWNER, "home", at(1)).await.unwrap();
    store.know_address(OWNER, "office", day(80)).await.unwrap();
    assert!(store.put_sign_in_session(&session("s", day(80), at(80 * 24 + 12)), None, false).await.unwrap());
    let authorization = authorization_code("a", 4, day(80) + TimeDelta::minutes(10));
    assert!(store.add_authorization_code(&authorization, "s").await.unwrap());
    store.add_device_code(&code(1, "n", day(80) + TimeDelta::minutes(15)), day(80)).await.unwrap();
    let tables = ["device_codes", "authorization_codes", "sign_in_sessions", "sign_in_counts", "refresh_tokens"];
    let counted = async || {
        let mut counts = Vec::new();
        for table in tables {
            counts.push(rows(&store, table).await);
        }
        counts
    };
    forget(day(80)).await;
    assert_eq!(counted().await, [1, 1, 1, 4, 3]);
    for (now, left) in [
        (day(80) + TimeDelta::minutes(31), [0, 1, 1, 4, 3]),
        (day(80) + TimeDelta::minutes(71), [0, 0, 1, 4, 3]),
        (at(80 * 24 + 13), [0, 0, 0, 4, 3]),
        (at(81 * 24 + 1), [0, 0, 0, 2, 3]),
        (day(86), [0, 0, 0, 2, 3]),
        (day(88), [0, 0, 0, 2, 2]),
        (day(91), [0, 0, 0, 1, 2]),
    ] {
        forget(now).await;
        assert_eq!(counted().await, left, "{now}");
    }
    // A clock that is a year ahead removes nothing that is valid for months.
    assert_eq!(store.forget_ended_sign_ins(day(400), false).await.unwrap(), 0);
    forget(day(98)).await;
    assert_eq!(counted().await, [0, 0, 0, 1, 1]);
    assert_eq!(store.refresh_token("stays").await.unwrap().unwrap().1, RefreshTokenState::Fresh);
}

#[tokio::test]
async fn sessions_and_codes_of_a_user_are_bounded() {
    let Deployment { store, _folder, .. } = populated().await;
    for number in 0..120 {
        assert!(store.put_sign_in_session(&session(&format!("s{number}"), at(number), at(1000)), None, false).await.unwrap());
    }
    assert_eq!(rows(&store, "sign_in_sessions").await, 100);
    assert!(store.sign_in_session("s119").await.unwrap().is_some() && store.sign_in_session("s0").await.unwrap().is_none());
}
