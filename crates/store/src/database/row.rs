//! Values as the tables store them: identifiers as TEXT, times as milliseconds.

use chrono::{DateTime, Utc};
use insightgate_identity::role::Locations;
use insightgate_report::execution::Epoch;
use serde_json::{Map, Value};
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
        Locations::Only(mpn_ids) => Some(Value::from(mpn_ids.clone()).to_string()),
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

/// A row of another table that a statement returned in one of its columns, as a JSON object.
pub(crate) struct ObjectRow(Map<String, Value>);

impl ObjectRow {
    pub(crate) fn of(row: &AnyRow, column: &'static str) -> Result<ObjectRow, StoreError> {
        let text = row.text(column)?;
        serde_json::from_str(&text).map(ObjectRow).map_err(|_| StoreError::Corrupt { column, value: text.chars().take(70).collect() })
    }

    /// The value as `read` finds it, unless it is NULL. Every column that is asked for is there.
    fn optional<T>(&self, column: &'static str, read: impl Fn(&Value) -> Option<T>) -> Result<Option<T>, StoreError> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| StoreError::Corrupt { column, value: value.to_string() }),
            None => Err(sqlx::Error::ColumnNotFound(column.to_owned()).into()),
        }
    }
}

impl Read for ObjectRow {
    fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.optional_text(column)?.ok_or_else(|| null(column))
    }

    fn optional_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.optional(column, |value| value.as_str().map(str::to_owned))
    }

    fn number(&self, column: &'static str) -> Result<i64, StoreError> {
        self.optional_number(column)?.ok_or_else(|| null(column))
    }

    fn optional_number(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.optional(column, Value::as_i64)
    }
}

fn null(column: &'static str) -> StoreError {
    StoreError::Corrupt { column, value: "NULL".to_owned() }
}

fn to_instant(column: &'static str, value: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(value).ok_or_else(|| StoreError::Corrupt { column, value: value.to_string() })
}
