//! The verifier of access tokens: no bytes make it fail in another way than by a refusal, and none are accepted but what was signed.

#![no_main]
// What cannot be set up cannot be run, and a panic is how a target says that it found something.
#![allow(clippy::expect_used, clippy::panic)]

use std::sync::OnceLock;

use insightgate_identity::tokens::token::{AccessClaims, Expectation};
use insightgate_operations::clock::Clock;
use insightgate_operations::keys::signing::SigningKeys;
use insightgate_operations::keys::vault::Vault;
use insightgate_store::Store;
use libfuzzer_sys::fuzz_target;

struct Target {
    keys: SigningKeys,
    good: String,
    _folder: tempfile::TempDir,
}

static TARGET: OnceLock<Target> = OnceLock::new();

fn set_up() -> Target {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("keys.db").display());
    let keys = runtime.block_on(async {
        let store = Store::open(&url).await.expect("a database");
        let vault = Vault::new(&[7; 32]).expect("a vault");
        SigningKeys::load(&store, &vault, &Clock::System).await.expect("keys")
    });
    let claims: AccessClaims = AccessClaims {
        aud: "https://api.example".into(),
        iss: "https://login.example/".into(),
        iat: 0,
        nbf: 0,
        exp: 3600,
        tid: Default::default(),
        oid: Default::default(),
        sub: "subject".into(),
        upn: None,
        appid: Some(Default::default()),
        azp: None,
        scp: Some("user_impersonation".into()),
        roles: Vec::new(),
        amr: vec!["pwd".into()],
        ver: "1.0".into(),
        uti: "1".into(),
    };
    let good = keys.sign(&claims).expect("a token");
    Target { keys, good, _folder: folder }
}

fuzz_target!(|bytes: &[u8]| {
    let target = TARGET.get_or_init(set_up);
    let expected = Expectation { audiences: &[], authority: None, now: chrono::DateTime::UNIX_EPOCH };
    // As they come, as claims between a header and a signature of ours, and as changes to a token of ours.
    if let Ok(text) = std::str::from_utf8(bytes) {
        let (head, rest) = target.good.split_once('.').expect("three parts");
        let (claims, signature) = rest.split_once('.').expect("three parts");
        let forged = [
            text.to_owned(),
            format!("{head}.{text}.{signature}"),
            format!("{text}.{claims}.{signature}"),
            format!("{head}.{claims}.{text}"),
        ];
        for token in forged.iter().filter(|token| **token != target.good) {
            if let Ok(claims) = target.keys.verify(token) {
                panic!("a token was accepted that nobody signed: {token} {:?}", claims.check(&expected));
            }
        }
    }
    let mut changed = target.good.clone().into_bytes();
    for (place, byte) in changed.iter_mut().zip(bytes) {
        *place ^= byte;
    }
    if let Ok(text) = String::from_utf8(changed)
        && text != target.good
    {
        assert!(target.keys.verify(&text).is_err(), "a changed token was accepted");
    }
});
