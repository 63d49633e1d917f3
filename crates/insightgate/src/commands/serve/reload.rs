//! Reads the configuration again on SIGHUP. What can change while the server runs holds from the next request on, and of everything else that has
//! changed the log says that it needs a restart. A configuration that is not valid changes nothing.
//!
//! The certificate has a loop of its own (`tls`), and so have the definitions of datasets, which are noticed without a signal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use insightgate_api::{ApiState, router};
use insightgate_operations::background::driver::Loop;
use insightgate_operations::background::turn::Next;
use insightgate_operations::failure::Failure;
use tokio::sync::{Mutex, watch};
use tokio::task::spawn_blocking;

use crate::config::{self, Configuration, Given, LIVE};
use crate::log;
use crate::server::connections::Admission;
use crate::server::open_files::canonical;
use crate::server::tls::hangups;

/// The loop is woken by the signal; otherwise a turn does nothing.
const PERIOD: Duration = Duration::from_secs(600);

type Replace = Box<dyn Fn(&Configuration, &Given) + Send + Sync>;

/// What is read again, and what takes it over.
pub struct Reload {
    file: PathBuf,
    /// What the running server goes by.
    known: Given,
    replace: Vec<Replace>,
}

impl Reload {
    /// For a server that has just read this file.
    pub fn of(file: &Path, known: Given) -> Reload {
        Reload { file: file.to_owned(), known, replace: Vec::new() }
    }

    /// A listener whose router is made anew. `base` is the address at which it listens.
    pub fn replaces(
        &mut self,
        router_of: watch::Sender<Router>,
        base: String,
        state: impl Fn(&Configuration, &Given, &str) -> ApiState + Send + Sync + 'static,
    ) {
        self.replace.push(Box::new(move |configuration, given| {
            // The one before is dropped; requests that it answers go on.
            drop(router_of.send_replace(router(state(configuration, given, &base))));
        }));
    }

    /// The loop that waits for the signal.
    pub fn on_hangup(self, admission: Admission) -> Loop {
        let (reload, asked, hangups) = (Arc::new(Mutex::new(self)), Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(hangups())));
        let told = Arc::clone(&asked);
        let work = move |_| {
            let (reload, admission, asked) = (Arc::clone(&reload), admission.clone(), told.swap(false, Ordering::Relaxed));
            async move {
                if asked {
                    let mut reload = reload.lock_owned().await;
                    // Reading a file blocks its thread.
                    spawn_blocking(move || reload.again(&admission)).await.map_err(Failure::internal)?;
                }
                Ok(Next::Period)
            }
        };
        Loop::new("configuration", "the configuration could not be read again", PERIOD, work).woken_by(move || {
            let (hangups, asked) = (Arc::clone(&hangups), Arc::clone(&asked));
            async move {
                hangups.lock().await.next().await;
                asked.store(true, Ordering::Relaxed);
            }
        })
    }

    fn again(&mut self, admission: &Admission) {
        let (configuration, given) = match config::load_again(&self.file) {
            Ok(loaded) => loaded,
            Err(error) => {
                tracing::error!(%error, "the configuration was to be read again and cannot be used; nothing has changed");
                return;
            }
        };
        let (live, others) = changed(&self.known, &given);
        for key in &live {
            self.known.take(key, &given);
        }
        if !live.is_empty() {
            admission.trust(configuration.trusted_proxies.iter().map(canonical).collect());
            self.replace.iter().for_each(|replace| replace(&configuration, &self.known));
        }
        for key in &live {
            if *key == "log.level"
                && let Err(why) = log::change_filter(&configuration.log_level)
            {
                tracing::warn!(setting = key, "a changed setting has no effect: {why}");
                continue;
            }
            tracing::warn!(setting = key, "a changed setting holds from now on");
        }
        for key in &others {
            tracing::warn!(setting = key, "a changed setting needs a restart");
        }
        tracing::info!(changed = live.len(), need_restart = others.len(), "the configuration was read again");
    }
}

/// The keys that have changed: those that hold at once, and those that need a restart.
fn changed(known: &Given, given: &Given) -> (Vec<String>, Vec<String>) {
    known.differences(given).into_iter().partition(|key| LIVE.contains(&key.as_str()))
}
