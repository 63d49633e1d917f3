//! Runs every loop on a Postgres behind a proxy that falls silent on one connection, once for each message that the loop sends. The test runs only if
//! `POSTGRES_URL` names a server, as it does under `cargo xtask test`.

mod prepared;
mod proxy;

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use insightgate_identity::program::Program;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use self::prepared::Prepared;
use self::proxy::Proxy;
use super::*;
use crate::audit::{self, Happening};
use crate::background::record::Record;
use crate::usage::event::{Access, Event};

/// Well below the time after which the store itself gives up a silent connection, so that the driver acts first.
const LIMIT: Duration = Duration::from_secs(2);
/// The limit for a turn that makes a key, which takes a core a second or more.
const LIMIT_OF_KEYS: Duration = Duration::from_secs(6);
/// An execution waits for the database several times, each up to the limit.
const WAITS: u32 = 4;
/// Extra time, for a busy machine.
const SLACK: Duration = Duration::from_secs(4);
/// How long a transaction whose connection fell silent may hold its locks, which make the turns after it fail.
const LOCKED: Duration = Duration::from_secs(15);
/// Cases that run concurrently.
const BESIDE: usize = 12;

fn limit_of(name: &str) -> Duration {
    if name == "keys" { LIMIT_OF_KEYS } else { LIMIT }
}

/// Runs one loop until a turn succeeds and its tasks have ended. Returns the number of messages that it sent, and its record.
async fn execute_one(prepared: &Prepared, name: &'static str, number: usize, silent_at: Option<usize>) -> (usize, Record) {
    let (url, artifacts) = prepared.copy(number).await;
    let proxy = Proxy::before(&url).await;
    let soon = WAITS * limit_of(name) + SLACK;
    let context = prepared.context(&proxy.url, &artifacts, limit_of(name)).await;
    let refusal = Happening {
        tenant: None,
        actor: "somebody".to_owned(),
        action: "token.refuse",
        subject: String::new(),
        detail: String::new(),
        correlation: None,
    };
    audit::count(&context, refusal, "reason", None);
    usage::record(&context, prepared::TENANT, Access::new(Event::Preview, Program::Mpn));
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let (_, one) = all(&context, 1).into_iter().find(|(_, one)| one.name() == name).unwrap();
    let one = one.copies(1).after_failure(Duration::from_millis(20)).grace(soon);
    proxy.fall_silent_at(silent_at);
    let begun = Instant::now();
    one.start(&context.background, &stopped, &mut tasks);
    let record = || context.background.records()[name].clone();
    let reaches = async |what: &str, within: Duration, is_there: fn(&Record) -> bool| {
        let there = async {
            loop {
                let changed = context.background.changed.notified();
                if is_there(&record()) {
                    return;
                }
                changed.await;
            }
        };
        let came = timeout_at(begun + within, there).await;
        assert!(came.is_ok(), "{name}, silent at {silent_at:?}: {what} within {within:?}: {:?}", record());
    };
    reaches("it says nothing", soon, |record| record.turns > 0).await;
    reaches("it does not go on", LOCKED + soon, |record| record.last_success.is_some()).await;
    stop.send_replace(true);
    let ended = timeout_at(Instant::now() + soon, async { while tasks.join_next().await.is_some() {} }).await;
    assert!(ended.is_ok(), "{name}, silent at {silent_at:?}: what it began does not end");
    let record = record();
    assert_eq!(record.panics, 0, "{name}, silent at {silent_at:?}");
    context.store.close().await;
    (proxy.sent(), record)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_falls_silent_at_any_statement_stops_no_loop() {
    let Ok(server) = std::env::var("POSTGRES_URL") else { return };
    let prepared = &Prepared::on(&server).await;
    let context = prepared.context(&prepared.copy(0).await.0, "template", LIMIT).await;
    let names: Vec<_> = all(&context, 1).into_iter().map(|(_, one)| one.name()).collect();
    context.store.close().await;
    let counting = names.iter().enumerate().map(|(number, name)| async move { execute_one(prepared, name, 1 + number, None).await.0 });
    let counts: Vec<usize> = stream::iter(counting).buffered(BESIDE).collect().await;
    let cases = names.iter().zip(&counts).flat_map(|(name, count)| (1..=*count).map(move |silent_at| (*name, silent_at)));
    let running = cases.enumerate().map(|(number, (name, silent_at))| async move {
        (name, execute_one(prepared, name, 100 + number, Some(silent_at)).await.1.failures)
    });
    let outcomes: Vec<_> = stream::iter(running).buffer_unordered(BESIDE).collect().await;
    for (name, count) in names.iter().zip(&counts) {
        let failures: u64 = outcomes.iter().filter(|(of, _)| of == name).map(|(_, failures)| failures).sum();
        eprintln!("{name}: silent at each of {count} messages in turn, {failures} failures recorded");
        assert!(*count > 0 && failures > 0, "{name} says nothing of {count} silences");
    }
}
