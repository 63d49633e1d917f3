//! Readiness: whether the server can do its work now. It checks the database, the keys, the stores of rows and artifacts, and the clock.
//!
//! Each is checked at most once a second, however many requests come, and has two seconds to answer. The result is in general words, since anybody can
//! read it; the causes are in the log.

use std::time::Duration;

use insightgate_engine::{Engine, EngineError};
use insightgate_store::{Store, StoreError};
use serde::Serialize;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout};

use crate::background::Background;
use crate::clock::Clock;
use crate::executions::link;
use crate::failure::{Failure, STORE_AWAY_SECONDS};
use crate::keys::signing;
use crate::keys::vault::Vault;

/// How long a result is reused.
const GOOD: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(2);
/// How often the check writes to a store that can be reached. Stores may keep every version, and charge for each write.
const WRITES: Duration = Duration::from_secs(60);
/// The difference from the database's clock beyond which it is reported.
const CLOCK_SECONDS: i64 = 30;

/// The result of the check of one thing that the server needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub ok: bool,
    /// What cannot be done, and why. For a check that passed, a remark.
    pub detail: Option<String>,
}

/// The results of the last checks.
#[derive(Debug, Default)]
pub struct Readiness {
    database: Mutex<Option<Looked>>,
    writes: Mutex<Option<Looked>>,
    keys: Mutex<Option<Looked>>,
    artifacts: Mutex<Option<Looked>>,
    rows: Mutex<Option<Looked>>,
    written: Mutex<Option<Instant>>,
}

#[derive(Debug, Clone)]
struct Looked {
    at: Instant,
    found: Result<(), Trouble>,
    /// By how many seconds the database's clock is ahead of this machine's, if it was asked.
    ahead: i64,
}

#[derive(Debug, Clone)]
struct Trouble {
    words: String,
    /// Whether it does not answer, so that a request that needs it would wait.
    away: bool,
}

impl Readiness {
    /// Runs all checks concurrently. Background loops are named only while they are stuck. That does not fail the check, since requests are still answered.
    pub(crate) async fn checks(
        &self,
        (store, vault): (&Store, &Vault),
        clock: &Clock,
        engine: &Engine,
        background: &Background,
    ) -> Vec<Check> {
        let (database, writes, keys) = (self.database(store, clock), self.writes(store), self.keys(store, vault));
        let (database, writes, keys, artifacts, rows) = futures::join!(database, writes, keys, self.artifacts(engine), self.rows(engine));
        let ahead = database.ahead;
        let clock = (ahead.abs() > CLOCK_SECONDS).then(|| {
            let way = if ahead > 0 { "behind" } else { "ahead of" };
            format!("this machine's clock is {} seconds {way} the database's", ahead.abs())
        });
        let mut checks = vec![
            check("database", "nothing can be answered", database),
            check("databaseWrites", "nothing can be changed, and no token can be given", writes),
            check("keys", "tokens and links cannot be signed after the next start", keys),
            check("artifacts", "reports cannot be written", artifacts),
            check("data", "queries cannot be answered", rows),
            Check { name: "clock", ok: true, detail: clock },
        ];
        let stuck = background.stuck();
        if !stuck.is_empty() {
            let told: Vec<_> = stuck.iter().map(|(name, time)| format!("{name}: nothing got done for {} s", time.as_secs())).collect();
            checks.push(Check { name: "background", ok: true, detail: Some(told.join("; ")) });
        }
        checks
    }

    /// Fails at once if the store of rows is away, before anybody waits for it.
    pub(crate) async fn rows_can_be_read(&self, engine: &Engine) -> Result<(), Failure> {
        in_reach(self.rows(engine).await)
    }

    /// Fails at once if the store of artifacts is away.
    pub(crate) async fn artifacts_can_be_read(&self, engine: &Engine) -> Result<(), Failure> {
        in_reach(self.artifacts(engine).await)
    }

    async fn database(&self, store: &Store, clock: &Clock) -> Looked {
        let mut kept = self.database.lock().await;
        if let Some(looked) = still_good(&kept) {
            return looked;
        }
        let mut ahead = 0;
        // SQLite goes on to work on a file that has lost its name.
        let answered = async { futures::try_join!(store.lease_time(), store.check_place()).map(|(time, ())| time) };
        let found = match timeout(LIMIT, answered).await {
            Ok(Ok(time)) => {
                if !clock.is_manual() {
                    // The clock may follow the database's, so its correction is taken out to compare the machine's own clock.
                    let machine = clock.now() - clock.offset();
                    ahead = (time - machine.timestamp_millis()) / 1000;
                }
                Ok(())
            }
            Ok(Err(error)) => Err(of_database(&error)),
            Err(_) => Err(no_answer("the database does not answer")),
        };
        keep(&mut kept, found, ahead)
    }

    async fn writes(&self, store: &Store) -> Looked {
        let mut kept = self.writes.lock().await;
        if let Some(looked) = still_good(&kept) {
            return looked;
        }
        let found = match timeout(LIMIT, store.check_writes()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(of_database(&error)),
            Err(_) => Err(no_answer("the database does not answer")),
        };
        keep(&mut kept, found, 0)
    }

    /// Whether the keys in the database open with the deployment's own key. Those that this process has opened before continue to work without it.
    async fn keys(&self, store: &Store, vault: &Vault) -> Looked {
        let mut kept = self.keys.lock().await;
        if let Some(looked) = still_good(&kept) {
            return looked;
        }
        let opening = async {
            for purpose in [signing::PURPOSE, link::PURPOSE] {
                let keys = store.keys(purpose).await.map_err(|error| of_database(&error))?;
                if keys.is_empty() {
                    return Err(lasting("there is none in the database"));
                }
                if keys.iter().any(|key| vault.open(purpose, &key.sealed).is_err()) {
                    return Err(lasting("the server has another encryption key than the one that they were stored with"));
                }
            }
            Ok(())
        };
        let found = timeout(LIMIT, opening).await.unwrap_or_else(|_| Err(no_answer("the database does not answer")));
        keep(&mut kept, found, 0)
    }

    async fn artifacts(&self, engine: &Engine) -> Looked {
        let mut kept = self.artifacts.lock().await;
        if let Some(looked) = still_good(&kept) {
            return looked;
        }
        let mut written = self.written.lock().await;
        let write = written.is_none_or(|at| at.elapsed() > WRITES);
        let found = of_store("the artifact store", timeout(LIMIT, engine.check_artifacts(write)).await);
        if found.is_err() {
            // The next check writes, so that a store that can be listed but not written to does not pass.
            *written = None;
        } else if write {
            *written = Some(Instant::now());
        }
        keep(&mut kept, found, 0)
    }

    async fn rows(&self, engine: &Engine) -> Looked {
        let mut kept = self.rows.lock().await;
        if let Some(looked) = still_good(&kept) {
            return looked;
        }
        let found = of_store("the data store", timeout(LIMIT, engine.check_rows()).await);
        keep(&mut kept, found, 0)
    }
}

fn still_good(kept: &MutexGuard<'_, Option<Looked>>) -> Option<Looked> {
    kept.as_ref().filter(|looked| looked.at.elapsed() < GOOD).cloned()
}

fn keep(kept: &mut MutexGuard<'_, Option<Looked>>, found: Result<(), Trouble>, ahead: i64) -> Looked {
    let looked = Looked { at: Instant::now(), found, ahead };
    **kept = Some(looked.clone());
    looked
}

fn check(name: &'static str, what: &str, looked: Looked) -> Check {
    match looked.found {
        Ok(()) => Check { name, ok: true, detail: None },
        Err(trouble) => Check { name, ok: false, detail: Some(format!("{what}: {}", trouble.words)) },
    }
}

fn in_reach(looked: Looked) -> Result<(), Failure> {
    match looked.found {
        // The same words that the caller would get from the request itself.
        Err(trouble) if trouble.away => Err(Failure::Unavailable {
            told: "The storage cannot be reached. Try again shortly.".to_owned(),
            wait_seconds: STORE_AWAY_SECONDS,
            cause: trouble.words,
        }),
        // Any other trouble is reported by the operation that it prevents.
        _ => Ok(()),
    }
}

fn of_database(error: &StoreError) -> Trouble {
    tracing::error!(%error, hint = error.hint(), "the database cannot be used");
    let words = match error {
        StoreError::Moved { .. } => "its file was moved, deleted or replaced, and what is written now will be lost".to_owned(),
        _ => error.outage().map_or_else(|| "the database failed".to_owned(), |outage| outage.to_string()),
    };
    Trouble { words, away: true }
}

/// Trouble that does not pass by itself.
fn lasting(words: &str) -> Trouble {
    tracing::error!(cause = words, "the keys cannot be used");
    Trouble { words: words.to_owned(), away: false }
}

fn of_store(which: &str, outcome: Result<Result<(), EngineError>, tokio::time::error::Elapsed>) -> Result<(), Trouble> {
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::error!(%error, "{which} cannot be used");
            Err(Trouble { words: format!("{which} {}", error.trouble()), away: error.is_away() })
        }
        Err(_) => Err(no_answer(&format!("{which} does not answer"))),
    }
}

fn no_answer(words: &str) -> Trouble {
    let cause = format!("no answer within {} seconds", LIMIT.as_secs());
    tracing::error!(cause, "{words}");
    Trouble { words: words.to_owned(), away: true }
}
