//! Values as the tables store them: identifiers as TEXT, times as milliseconds.

use chrono::{DateTime, Utc};
use insightgate_identity::role::Locations;
use insightgate_report::execution::Epoch;
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::StoreError;

pub(crate) fn written_epoch(epoch: Epoch) -> i64 {
    i64::try_from(epoch.number()).unwrap_or(i64::MAX)
}

pub(crate) fn millis(instant: DateTime<Utc>) -> i64 {
    instant.timestamp_millis()
}

/// `None` stands for the whole organisation.
pub(crate) fn written_locations(locations: &Locations) -> Option<String> {
    match locations {
        Locations::Organization => None,
        Locations::Only(mpn_ids) => Some(serde_json::Value::from(mpn_ids.clone()).to_string()),
    }
}

/// A list that cannot be read is an error, which is logged. It never covers the whole organisation.
pub(crate) fn read_locations(stored: Option<String>) -> Result<Locations, StoreError> {
    match stored {
        None => Ok(Locations::Organization),
        Some(json) => match serde_json::from_str(&json) {
            Ok(mpn_ids) => Ok(Locations::Only(mpn_ids)),
            Err(_) => Err(StoreError::Corrupt { column: "locations", value: json }),
        },
    }
}

/// Typed reads of one row. A value that this version cannot have written is an error, and never becomes a default.
pub(crate) trait Read {
    fn text(&self, column: &'static str) -> Result<String, StoreError>;
    fn optional_text(&self, column: &'static str) -> Result<Option<String>, StoreError>;
    fn number(&self, column: &'static str) -> Result<i64, StoreError>;
    fn optional_number(&self, column: &'static str) -> Result<Option<i64>, StoreError>;

    fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        Ok(self.number(column)? != 0)
    }

    fn id(&self, column: &'static str) -> Result<Uuid, StoreError> {
        let text = self.text(column)?;
        Uuid::try_parse(&text).map_err(|_| StoreError::Corrupt { column, value: text })
    }

    fn optional_id(&self, column: &'static str) -> Result<Option<Uuid>, StoreError> {
        let Some(text) = self.optional_text(column)? else { return Ok(None) };
        Uuid::try_parse(&text).map(Some).map_err(|_| StoreError::Corrupt { column, value: text })
    }

    fn epoch(&self, column: &'static str) -> Result<Epoch, StoreError> {
        Ok(Epoch::new(self.count(column)?))
    }

    fn optional_epoch(&self, column: &'static str) -> Result<Option<Epoch>, StoreError> {
        Ok(self.optional_count(column)?.map(Epoch::new))
    }

    fn instant(&self, column: &'static str) -> Result<DateTime<Utc>, StoreError> {
        to_instant(column, self.number(column)?)
    }

    fn optional_instant(&self, column: &'static str) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.optional_number(column)?.map(|value| to_instant(column, value)).transpose()
    }

    /// A name that `parse` must recognise.
    fn named<T>(&self, column: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
        let text = self.text(column)?;
        parse(&text).ok_or(StoreError::Corrupt { column, value: text })
    }

    /// A count that was stored as BIGINT.
    fn count<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, StoreError> {
        let value = self.number(column)?;
        T::try_from(value).map_err(|_| StoreError::Corrupt { column, value: value.to_string() })
    }

    fn optional_count<T: TryFrom<i64>>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        let Some(value) = self.optional_number(column)? else { return Ok(None) };
        T::try_from(value).map(Some).map_err(|_| StoreError::Corrupt { column, value: value.to_string() })
    }
}

impl Read for AnyRow {
    fn text(&self, column: &'static str) -> Result<String, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn optional_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn number(&self, column: &'static str) -> Result<i64, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn optional_number(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        Ok(self.try_get(column)?)
    }
}

fn to_instant(column: &'static str, value: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(value).ok_or_else(|| StoreError::Corrupt { column, value: value.to_string() })
}
