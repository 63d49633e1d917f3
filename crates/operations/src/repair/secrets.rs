//! Whether the encryption keys open every secret of the database, and the secrets are what they should be.

use aws_lc_rs::signature::RsaKeyPair;
use insightgate_store::{Sealed, SealedPlace};

use crate::keys::signing;
use crate::keys::vault::Vault;
use crate::repair::finding::{Finding, Kind};

/// Looks at each secret. Returns what is wrong.
pub fn check_secrets(vault: &Vault, sealed: &[Sealed]) -> Vec<Finding> {
    sealed.iter().filter_map(|sealed| check(vault, sealed)).collect()
}

fn check(vault: &Vault, Sealed { place, id, purpose, text }: &Sealed) -> Option<Finding> {
    let finding = |kind, detail: &str| {
        let (subject, advice) = match place {
            SealedPlace::Keys => (
                format!("the {purpose} key {id}"),
                "put the encryption key back that was used before, in INSIGHTGATE_ENCRYPTION_KEY, in INSIGHTGATE_OLD_ENCRYPTION_KEYS or as the \
                 file encryption.key; or put a backup of the database in its place",
            ),
            SealedPlace::TotpSecrets => (
                format!("the second factor of the user {id}"),
                "put the encryption key back that was used before, or a backup of the database; else remove the second factor: insightgate user totp reset",
            ),
            SealedPlace::CallbackSecrets => (
                format!("the callback secret {id}"),
                "put the encryption key back that was used before, or a backup of the database; else make another: insightgate callback secret make",
            ),
            SealedPlace::Mails => (
                format!("the mail {id}, which has a verification code"),
                "put the encryption key back that was used before, or a backup of the database; else have another code sent: insightgate tenant verify",
            ),
        };
        Some(Finding { kind, tenant: None, execution: None, subject, detail: detail.to_owned(), advice: advice.to_owned(), mended: false })
    };
    match vault.open(purpose, text) {
        Err(_) => finding(Kind::SecretSealed, "none of the encryption keys opens it"),
        Ok(plain) if *place == SealedPlace::Keys && purpose == signing::PURPOSE && RsaKeyPair::from_pkcs8(&plain).is_err() => {
            finding(Kind::SecretUnusable, "it is no RSA key")
        }
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_that_does_not_open_is_named_with_what_helps() {
        let vault = Vault::new(&[7; 32]).unwrap();
        let sealed = |vault: &Vault, place, purpose: &str| {
            let text = vault.seal(purpose, b"text").unwrap();
            Sealed { place, id: "1".to_owned(), purpose: purpose.to_owned(), text }
        };
        let sound = [sealed(&vault, SealedPlace::Keys, "link"), sealed(&vault, SealedPlace::TotpSecrets, "totp 1")];
        assert_eq!(check_secrets(&vault, &sound), []);
        assert_eq!(check_secrets(&vault, &[sealed(&vault, SealedPlace::Keys, "signing")])[0].kind, Kind::SecretUnusable);
        let other = Vault::new(&[8; 32]).unwrap();
        for (place, purpose, told) in [
            (SealedPlace::Keys, "link", "the link key 1"),
            (SealedPlace::TotpSecrets, "totp 1", "user totp reset"),
            (SealedPlace::CallbackSecrets, "callback 1", "callback secret make"),
            (SealedPlace::Mails, "mail 1", "tenant verify"),
        ] {
            let found = check_secrets(&vault, &[sealed(&other, place, purpose)]);
            let [finding] = found.as_slice() else { panic!("{found:?}") };
            assert_eq!(finding.kind, Kind::SecretSealed);
            assert!(finding.subject.contains(told) || finding.advice.contains(told), "{finding:?}");
            assert!(finding.is_open());
        }
    }
}
