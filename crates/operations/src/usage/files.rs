//! Writes events into the database, and a day's events of a tenant into one file, of which there is a new version as long as the day lasts.
//!
//! The file is complete an hour after the end of its day. Then the events are removed from the database. One process at a time writes a file. A version is
//! named after the number of its events and never changes; readers take the newest. The one before stays for those who read it already.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use insightgate_query::datasets::builtin;
use insightgate_query::datasets::catalog::Dataset;
use insightgate_store::{AccessDay, AccessRow, StoreError};

use super::event::Noted;
use crate::background::turn::Turn;
use crate::context::Context;
use crate::failure::Failure;

/// Events that are written in one transaction.
const AT_ONCE: usize = 500;
/// Files that are written in one turn. Further ones wait for the next.
const FILES_AT_ONCE: u32 = 1_000;
/// How long a process may take for a file, by the database's time. Afterwards another one may write it.
const CLAIM_MILLISECONDS: i64 = 120_000;
/// Events of a day come at most this long after its end: other processes write what they have within seconds.
const LATE: TimeDelta = TimeDelta::hours(1);
/// Days that are forgotten between two looks.
const DAYS_AT_ONCE: u32 = 100;

/// Writes the events that wait in memory into the database; at the `end` of the process the counts of the current minute too.
///
/// # Errors
/// When the database does not answer. The events are kept.
pub async fn write_down(context: &Context, end: bool) -> Result<(), StoreError> {
    let _one_at_a_time = context.usage.writing.lock().await;
    loop {
        let now = context.clock.now();
        let noted = context.usage.first(AT_ONCE, now.timestamp().div_euclid(60), end);
        if noted.is_empty() {
            return Ok(());
        }
        let rows: Vec<AccessRow> = noted.iter().filter_map(stored).collect();
        context.store.add_access_rows(day_of(now), &rows).await?;
        context.usage.written(noted.len());
    }
}

/// Writes each file that lacks events, and completes those of days that are over.
///
/// # Errors
/// When the database or the store of artifacts does not answer for some of them; the others are written.
pub async fn write_files(context: &Context, turn: &Turn) -> Result<(), Failure> {
    let dataset = builtin::access_log().map_err(Failure::internal)?;
    let complete_before = day_of(context.clock.now() - LATE);
    let mut outcome = Ok(());
    for day in context.store.unwritten_access_days(complete_before, FILES_AT_ONCE).await? {
        turn.goes_on();
        let written = write_file(context, &dataset, &day, day.day < complete_before).await;
        if written.is_err() {
            outcome = written;
        }
    }
    outcome
}

async fn write_file(context: &Context, dataset: &Arc<Dataset>, day: &AccessDay, ends: bool) -> Result<(), Failure> {
    let now = context.store.lease_time().await?;
    if !context.store.claim_access_day(day, now, now + CLAIM_MILLISECONDS).await? {
        return Ok(());
    }
    let rows = context.store.access_rows(day).await?;
    let count = rows.len() as u64;
    if count != day.written {
        let events: Vec<Noted> = rows.into_iter().filter_map(read).collect();
        let columns = dataset.columns.iter().map(|column| events.iter().map(|event| event.value(&column.name)).collect()).collect();
        context.engine.put_log_file(day.tenant, &version_name(day, count), dataset, columns).await?;
    }
    let kept = [version_name(day, count), version_name(day, day.written)];
    context.engine.delete_log_files(day.tenant, &format!("{}.{}.", date(day.day), day.generation), &kept).await?;
    Ok(context.store.access_day_written(day, count, ends).await?)
}

/// Removes the files of days that ended before this time, and what waits of them.
///
/// # Errors
/// When the database or the store of artifacts does not answer. What was removed before stays removed.
pub(crate) async fn forget(context: &Context, before: DateTime<Utc>, turn: &Turn) -> Result<(), Failure> {
    loop {
        let old = context.store.access_days_before(day_of(before), DAYS_AT_ONCE).await?;
        if old.is_empty() {
            return Ok(());
        }
        for day in &old {
            turn.goes_on();
            // The day is known as long as it has files.
            context.engine.delete_log_files(day.tenant, &format!("{}.", date(day.day)), &[]).await?;
            context.store.forget_access_day(day).await?;
        }
    }
}

/// Every day that is known.
pub(crate) async fn known_days(context: &Context) -> Result<Vec<AccessDay>, Failure> {
    Ok(context.store.access_days_before(i64::MAX, u32::MAX).await?)
}

/// Forgets what came since a state of the database that has been brought back. `before` are the days that were known until then.
///
/// # Errors
/// When the database or the store of artifacts does not answer.
pub(crate) async fn go_back(context: &Context, before: &[AccessDay]) -> Result<(), Failure> {
    let _one_at_a_time = context.usage.writing.lock().await;
    context.usage.forget();
    let known = known_days(context).await?;
    for day in before {
        let (tenant, date) = (day.tenant, date(day.day));
        let Some(known) = known.iter().find(|known| (known.tenant, known.day) == (tenant, day.day)) else {
            context.engine.delete_log_files(tenant, &format!("{date}."), &[]).await?;
            continue;
        };
        for generation in known.generation..=day.generation {
            context.engine.delete_log_files(tenant, &format!("{date}.{generation}."), &[version_name(known, known.written)]).await?;
        }
    }
    Ok(())
}

/// Days since 1970.
fn day_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(86_400)
}

/// Such as `2026-11-22.0.0000000012`: in the order of days, by which the rows of an answer are ordered where nothing else orders them.
fn version_name(day: &AccessDay, events: u64) -> String {
    format!("{}.{}.{events:010}", date(day.day), day.generation)
}

fn date(day: i64) -> NaiveDate {
    DateTime::UNIX_EPOCH.checked_add_signed(TimeDelta::days(day)).unwrap_or_default().date_naive()
}

fn stored(Noted { id, tenant, at, access }: &Noted) -> Option<AccessRow> {
    let fields = serde_json::to_string(access);
    let fields = fields.map_err(|error| tracing::error!(%error, "an event of the access log cannot be written"));
    Some(AccessRow { id: *id, tenant: *tenant, at: *at, fields: fields.ok()? })
}

/// An event that cannot be read, which a later version may have written, is named in the log and left out, so that the others are written.
fn read(AccessRow { id, tenant, at, fields }: AccessRow) -> Option<Noted> {
    let access = serde_json::from_str(&fields);
    let access = access.map_err(|error| tracing::error!(%error, %id, "an event of the access log cannot be read"));
    Some(Noted { id, tenant, at, access: access.ok()? })
}
