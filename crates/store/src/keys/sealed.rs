//! Lists everything that is encrypted at rest, so that a change of the encryption key misses nothing.

use sqlx::any::AnyRow;
use strum::VariantArray;

use crate::database::row::Read;
use crate::{Store, StoreError};

/// A column of sealed texts. Every new one has to be added here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum SealedPlace {
    Keys,
    TotpSecrets,
    CallbackSecrets,
    Mails,
}

impl SealedPlace {
    /// Selects `id`, `purpose` (for which the text was sealed) and `sealed`.
    pub(crate) fn select(self) -> &'static str {
        match self {
            SealedPlace::Keys => "SELECT id, purpose, sealed FROM keys",
            SealedPlace::TotpSecrets => {
                "SELECT id, 'totp ' || id AS purpose, totp_secret AS sealed FROM users WHERE totp_secret IS NOT NULL"
            }
            SealedPlace::CallbackSecrets => "SELECT id, 'callback ' || id AS purpose, sealed FROM callback_secrets",
            SealedPlace::Mails => "SELECT id, 'mail ' || id AS purpose, sealed FROM mails WHERE sealed IS NOT NULL",
        }
    }

    fn update(self) -> &'static str {
        match self {
            SealedPlace::Keys => "UPDATE keys SET sealed = $1 WHERE id = $2 AND sealed = $3",
            SealedPlace::TotpSecrets => "UPDATE users SET totp_secret = $1 WHERE id = $2 AND totp_secret = $3",
            SealedPlace::CallbackSecrets => "UPDATE callback_secrets SET sealed = $1 WHERE id = $2 AND sealed = $3",
            SealedPlace::Mails => "UPDATE mails SET sealed = $1 WHERE id = $2 AND sealed = $3",
        }
    }
}

/// A sealed text; this crate cannot read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub place: SealedPlace,
    pub id: String,
    pub purpose: String,
    pub text: String,
}

impl Sealed {
    pub(crate) fn read(place: SealedPlace, row: &AnyRow) -> Result<Sealed, StoreError> {
        Ok(Sealed { place, id: row.text("id")?, purpose: row.text("purpose")?, text: row.text("sealed")? })
    }
}

impl Store {
    /// # Errors
    /// When the database does not answer.
    pub async fn sealed(&self) -> Result<Vec<Sealed>, StoreError> {
        let mut found = Vec::new();
        for &place in SealedPlace::VARIANTS {
            for row in sqlx::query(place.select()).fetch_all(&self.pool).await? {
                found.push(Sealed::read(place, &row)?);
            }
        }
        Ok(found)
    }

    /// Returns false if the text has changed since it was read.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn replace_sealed(&self, place: SealedPlace, id: &str, text: &str, by: &str) -> Result<bool, StoreError> {
        let query = sqlx::query(place.update()).bind(by.to_owned()).bind(id.to_owned()).bind(text.to_owned());
        Ok(query.execute(&self.pool).await?.rows_affected() == 1)
    }
}
