//! Keys are replaced while the server runs: nothing that was signed becomes invalid before its time, and nothing stays valid after it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use insightgate_operations::executions::link::LinkKeys;
use insightgate_operations::keys::reseal::seal_anew;
use insightgate_operations::keys::rotate::{rotate_signing_key, tend_keys};
use insightgate_operations::keys::signing::SigningKeys;
use insightgate_operations::keys::vault::Vault;

use crate::tests::harness::*;

#[tokio::test]
async fn a_signing_key_is_published_then_signs_then_only_verifies_then_goes() {
    let deployment = Deployment::new().await;
    let context = &deployment.context;
    let published = async || {
        let keys = deployment.fetch("/common/discovery/v2.0/keys", &[]).await.json()["keys"].as_array().unwrap().clone();
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let signer = || {
        let header = deployment.token(ANA).split('.').next().unwrap().to_owned();
        decoded(&header)["kid"].as_str().unwrap().to_owned()
    };
    let accepted = async |token: &str| {
        let answer = deployment.fetch("/insights/v1/mpn/ScheduledDataset", &[("authorization", &format!("Bearer {token}"))]).await;
        answer.status == 200
    };
    let first = published().await;
    deployment.advance(TimeDelta::days(1));
    rotate_signing_key(context, "test", None).await.unwrap();
    let both = published().await;
    assert_eq!((both.len(), both.contains(&first[0])), (2, true), "the new one is shown before it is used");
    assert_eq!(signer(), first[0]);

    deployment.advance(TimeDelta::minutes(5) - TimeDelta::seconds(1));
    tend_keys(context).await.unwrap();
    assert_eq!(signer(), first[0]);
    let last = deployment.token(ANA);
    assert!(accepted(&last).await);

    deployment.advance(TimeDelta::seconds(1));
    tend_keys(context).await.unwrap();
    assert_ne!(signer(), first[0]);
    let (of_new, signer_now) = (deployment.token(ANA), signer());
    deployment.advance(TimeDelta::seconds(3598));
    tend_keys(context).await.unwrap();
    assert!(accepted(&last).await, "until its last second");
    deployment.advance(TimeDelta::seconds(1));
    assert!(!accepted(&last).await && accepted(&of_new).await);
    assert_eq!(published().await.len(), 2);

    deployment.advance(TimeDelta::minutes(6));
    tend_keys(context).await.unwrap();
    assert_eq!(published().await, std::slice::from_ref(&signer_now));
    assert_eq!(deployment.audited("key.rotate").await.len(), 1);

    // By age, without a request.
    deployment.advance(TimeDelta::days(90));
    tend_keys(context).await.unwrap();
    tend_keys(context).await.unwrap();
    assert_eq!(published().await.len(), 2);
    let events = deployment.audited("key.rotate").await;
    assert_eq!((events.len(), events[0].detail != signer_now), (2, true));
}

#[tokio::test]
async fn links_outlive_their_keys_successor_and_keys_at_rest_change_theirs() {
    let deployment = Deployment::new().await;
    let context = &deployment.context;
    let id = ANA.user.unwrap();
    let sign = |days| context.links.sign(id, "a.csv", deployment.now() + TimeDelta::days(days));
    deployment.advance(TimeDelta::days(89));
    let link = sign(89);
    deployment.advance(TimeDelta::days(1));
    tend_keys(context).await.unwrap();
    assert_eq!(sign(88).sig, link.sig, "other processes have to take the new key up first");
    deployment.advance(TimeDelta::minutes(5));
    tend_keys(context).await.unwrap();
    let later = context.links.sign(id, "a.csv", deployment.now() + TimeDelta::days(88) - TimeDelta::minutes(5));
    assert_eq!(later.se, link.se);
    assert_ne!(later.sig, link.sig, "a new key signs");
    deployment.advance(TimeDelta::days(87));
    tend_keys(context).await.unwrap();
    assert_eq!(context.links.check(id, "a.csv", &link, deployment.now()), Ok(()));
    assert_eq!(context.store.keys("link").await.unwrap().len(), 2);
    deployment.advance(TimeDelta::days(4));
    tend_keys(context).await.unwrap();
    assert!(context.links.check(id, "a.csv", &link, deployment.now()).is_err());

    // Another encryption key: everything can be opened, is sealed again, and the old key is no longer needed.
    let token = deployment.token(ANA);
    let totp = context.vault.seal(&format!("totp {id}"), b"second factor").unwrap();
    context.store.set_totp(id, Some(&totp)).await.unwrap();
    let (old, new) = ([7; 32], [8; 32]);
    let alone = Vault::new(&new).unwrap();
    assert!(SigningKeys::load(&context.store, &alone, &context.clock).await.is_err());
    let both = Vault::new(&new).unwrap().with_old(&old).unwrap();
    let sealed = context.store.sealed().await.unwrap().len();
    assert_eq!(seal_anew(&context.store, &both).await.unwrap(), sealed);
    assert_eq!(seal_anew(&context.store, &both).await.unwrap(), 0, "nothing is left to do");
    let keys = SigningKeys::load(&context.store, &alone, &context.clock).await.unwrap();
    assert!(keys.verify(&token).is_ok());
    LinkKeys::load(&context.store, &alone, &context.clock, &context.random).await.unwrap();
    let kept = context.store.user_credentials_by_id(CONTOSO, id).await.unwrap().unwrap().totp_secret.unwrap();
    assert_eq!(alone.open(&format!("totp {id}"), &kept).unwrap(), b"second factor");
}

fn decoded(part: &str) -> serde_json::Value {
    let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}
