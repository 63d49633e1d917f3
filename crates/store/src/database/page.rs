//! Lists that are read page by page, the newest row first. A page begins behind the last row of the page before, so that new rows do not shift it.

use chrono::{DateTime, Utc};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row};
use uuid::Uuid;

use crate::database::dialect::placeholders;
use crate::database::row::{Read, millis};
use crate::{Store, StoreError};

/// The position after which a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagePlace {
    /// What the list is sorted by, in milliseconds.
    pub at: i64,
    pub id: Uuid,
}

#[derive(Debug, Clone)]
pub struct Page<Item> {
    pub items: Vec<Item>,
    /// The number of items that match the filter, on all pages.
    pub total: u64,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<PagePlace>,
}

impl Page<AnyRow> {
    pub(crate) fn read<Item>(self, read: impl Fn(&AnyRow) -> Result<Item, StoreError>) -> Result<Page<Item>, StoreError> {
        let items = self.items.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page { items, total: self.total, next: self.next })
    }
}

/// What is listed. The table has the column `id`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listing<'a> {
    pub(crate) columns: &'a str,
    pub(crate) table: &'a str,
    /// The column of the instant that the list is sorted by.
    pub(crate) at: &'static str,
}

/// The conditions that all rows of a list meet, with the values that are bound. Where there is no value, there is no condition.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    texts: Vec<String>,
    values: Vec<Value>,
}

#[derive(Debug)]
enum Value {
    Text(String),
    Number(i64),
}

impl Conditions {
    /// `{}` stands for the value in the condition.
    pub(crate) fn text(self, condition: &str, value: Option<impl ToString>) -> Conditions {
        match value {
            Some(value) => self.with(condition, Value::Text(value.to_string())),
            None => self,
        }
    }

    /// From the first instant on, and before the second.
    pub(crate) fn between(mut self, column: &str, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Conditions {
        for (comparison, instant) in [(">=", from), ("<", to)] {
            if let Some(instant) = instant {
                self = self.with(&format!("{column} {comparison} {{}}"), Value::Number(millis(instant)));
            }
        }
        self
    }

    /// Of no names, any will do.
    pub(crate) fn one_of(mut self, column: &str, names: &[&str]) -> Conditions {
        if !names.is_empty() {
            self.texts.push(format!("{column} IN ({})", placeholders(self.values.len(), names.len())));
            self.values.extend(names.iter().map(|name| Value::Text((*name).to_owned())));
        }
        self
    }

    fn with(mut self, condition: &str, value: Value) -> Conditions {
        self.values.push(value);
        self.texts.push(condition.replace("{}", &format!("${}", self.values.len())));
        self
    }

    pub(crate) fn behind(mut self, column: &str, place: PagePlace) -> Conditions {
        let (at, id) = (self.values.len() + 1, self.values.len() + 2);
        self.texts.push(format!("({column} < ${at} OR ({column} = ${at} AND id < ${id}))"));
        self.values.extend([Value::Number(place.at), Value::Text(place.id.to_string())]);
        self
    }

    /// The end of a statement.
    fn clause(&self) -> String {
        if self.texts.is_empty() { String::new() } else { format!(" WHERE {}", self.texts.join(" AND ")) }
    }

    /// The statement for a page; the values of the conditions are bound, and then the most rows.
    pub(crate) fn listed(&self, Listing { columns, table, at }: Listing<'_>) -> String {
        let (clause, last) = (self.clause(), self.values.len() + 1);
        format!("SELECT {columns} FROM {table}{clause} ORDER BY {at} DESC, id DESC LIMIT ${last}")
    }

    fn bound<'q>(&self, statement: String) -> Query<'q, Any, AnyArguments> {
        self.values.iter().fold(sqlx::query(AssertSqlSafe(statement)), |query, value| match value {
            Value::Text(text) => query.bind(text.clone()),
            Value::Number(number) => query.bind(*number),
        })
    }
}

impl Store {
    /// Reads a page of the rows that meet the conditions, and counts those of all pages.
    pub(crate) async fn page(
        &self,
        listing: Listing<'_>,
        conditions: Conditions,
        after: Option<PagePlace>,
        limit: u32,
    ) -> Result<Page<AnyRow>, StoreError> {
        let Listing { table, at, .. } = listing;
        let counted = conditions.bound(format!("SELECT COUNT(*) FROM {table}{}", conditions.clause()));
        let total: i64 = counted.fetch_one(&self.reports).await?.try_get(0)?;
        let conditions = match after {
            Some(place) => conditions.behind(at, place),
            None => conditions,
        };
        let listed = conditions.bound(conditions.listed(listing));
        let mut items = listed.bind(i64::from(limit) + 1).fetch_all(&self.reports).await?;
        let has_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = match items.last() {
            Some(last) if has_more => Some(PagePlace { at: last.number(at)?, id: last.id("id")? }),
            _ => None,
        };
        Ok(Page { items, total: u64::try_from(total).unwrap_or_default(), next })
    }
}
