//! Whether the server can do its work now: the database, the places of rows and artifacts, and the clock.
//!
//! Each is checked at most once a second, however many requests come, and has two seconds. The result is in general words, since strangers read it;
//! the causes are in the log.

use std::time::Duration;

use insightgate_engine::{Engine, EngineError};
use insightgate_store::Store;
use serde::Serialize;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout};

use crate::background::Background;
use crate::clock::Clock;
use crate::failure::{Failure, STORE_AWAY_SECONDS};

/// How long an answer is good.
const GOOD: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(2);
/// How often a store is written to, while it can be reached: stores keep every version, and are paid by the write.
const WRITES: Duration = Duration::from_secs(60);
/// A clock that is further away from the database's is told of.
const CLOCK_SECONDS: i64 = 30;

/// One of the things that the server needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub ok: bool,
    /// What cannot be done, and why; for a check that passed, a remark.
    pub detail: Option<String>,
}

/// The results of the last checks.
#[derive(Debug, Default)]
pub struct Readiness {
    database: Mutex<Option<Looked>>,
    writes: Mutex<Option<Looked>>,
    artifacts: Mutex<Option<Looked>>,
    rows: Mutex<Option<Looked>>,
    written: Mutex<Option<Instant>>,
}

#[derive(Debug, Clone)]
struct Looked {
    at: Instant,
    found: Result<(), Trouble>,
    /// The database's clock less this machine's, in seconds, where it was asked.
    ahead: i64,
}

#[derive(Debug, Clone)]
struct Trouble {
    words: String,
    /// It does not answer: whoever needs it would wait.
    away: bool,
}

impl Readiness {
    /// All of them, side by side. Background loops are named only while they are stuck, which keeps no request from its answer.
    pub async fn checks(&self, store: &Store, clock: &Clock, engine: &Engine, background: &Background) -> Vec<Check> {
        let (database, writes) = (self.database(store, clock), self.writes(store));
        let (database, writes, artifacts, rows) = futures::join!(database, writes, self.artifacts(engine), self.rows(engine));
        let ahead = database.ahead;
        let clock = (ahead.abs() > CLOCK_SECONDS).then(|| {
            let way = if ahead > 0 { "behind" } else { "ahead of" };
            format!("this machine's clock is {} seconds {way} the database's", ahead.abs())
        });
        let mut checks = vec![
            check("database", "nothing can be answered", database),
            check("databaseWrites", "nothing can be changed, and no token can be given", writes),
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

    /// Before somebody waits for rows that lie in a store.
    pub(crate) async fn rows_can_be_read(&self, engine: &Engine) -> Result<(), Failure> {
        in_reach(self.rows(engine).await)
    }

    /// The same of the file of a report.
    pub(crate) async fn artifacts_can_be_read(&self, engine: &Engine) -> Result<(), Failure> {
        in_reach(self.artifacts(engine).await)
    }

    async fn database(&self, store: &Store, clock: &Clock) -> Looked {
        let mut kept = self.database.lock().await;
        if let Some(looked) = still_good(&kept) {
            return looked;
        }
        let mut ahead = 0;
        let found = match timeout(LIMIT, store.lease_time()).await {
            Ok(Ok(time)) => {
                if !clock.is_manual() {
                    // The clock may follow the database's: what it adds is the machine's to mend.
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

    async fn artifacts(&self, engine: &Engine) -> Looked {
        let mut kept = self.artifacts.lock().await;
        if let Some(looked) = still_good(&kept) {
            return looked;
        }
        let mut written = self.written.lock().await;
        let write = written.is_none_or(|at| at.elapsed() > WRITES);
        let found = of_store("the artifact store", timeout(LIMIT, engine.check_artifacts(write)).await);
        if found.is_err() {
            // The next look writes, so that it does not take a store that can be listed for one that can be written to.
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
        // In the words of a caller who finds out by itself.
        Err(trouble) if trouble.away => Err(Failure::Unavailable {
            told: "The storage cannot be reached. Try again shortly.".to_owned(),
            wait_seconds: STORE_AWAY_SECONDS,
            cause: trouble.words,
        }),
        // Whatever else is the matter shows where it stands in the way.
        _ => Ok(()),
    }
}

fn of_database(error: &insightgate_store::StoreError) -> Trouble {
    tracing::error!(%error, "the database cannot be used");
    let words = error.outage().map_or_else(|| "the database failed".to_owned(), |outage| outage.to_string());
    Trouble { words, away: true }
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
