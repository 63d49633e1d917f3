//! Threads for queries, separate from those that answer requests, and separate for each tenant.
//!
//! A query decodes and compares for a long time without yielding. On the threads of requests, every request would wait for it. On threads that all
//! queries share, a small query would wait for each step of a large one. With separate threads the operating system divides the cores among them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::error::EngineError;

/// The bytes of stack for each thread that plans or runs queries: code that visits a plan recurses into its expressions. A quarter of it suffices
/// when every limit of the query language is reached at once, even without optimisation (`tests/limits.rs`).
pub const STACK: usize = 16 << 20;

/// The number of tenants that compute on separate threads before two of them share threads.
const ROOMS: usize = 4;

/// Tests limit every query to a quarter.
const STACK_OF_QUERIES: usize = if cfg!(test) { STACK / 4 } else { STACK };

#[derive(Clone)]
pub(crate) struct Workers(Arc<Shared>);

struct Shared {
    /// The number of threads in each room.
    threads: usize,
    rooms: Mutex<Vec<Room>>,
}

/// The threads are created when they are first needed.
#[derive(Default)]
struct Room {
    runtime: Option<Runtime>,
    /// The number of running queries of each tenant in this room.
    tenants: HashMap<Uuid, usize>,
}

/// The place where a query runs, which is freed when it is dropped.
pub(crate) struct Desk {
    workers: Workers,
    room: usize,
    tenant: Uuid,
    handle: Handle,
}

impl Workers {
    pub(crate) fn new(threads: usize) -> Workers {
        let rooms = (0..ROOMS).map(|_| Room::default()).collect();
        Workers(Arc::new(Shared { threads: threads.max(1), rooms: Mutex::new(rooms) }))
    }

    /// Takes a place in the room where the tenant already is, or else in the emptiest one.
    pub(crate) fn desk(&self, tenant: Uuid) -> Result<Desk, EngineError> {
        let mut rooms = self.lock();
        let is_here = |room: &Room| room.tenants.contains_key(&tenant);
        let load = |room: &Room| room.tenants.values().sum::<usize>();
        let found = rooms.iter_mut().enumerate().min_by_key(|(number, room)| (!is_here(room), load(room), *number));
        let Some((number, room)) = found else { return Err(EngineError::Plan("there are no threads".to_owned())) };
        let handle = match &room.runtime {
            Some(runtime) => runtime.handle().clone(),
            None => {
                let threads = self.0.threads;
                let runtime = Builder::new_multi_thread()
                    .worker_threads(threads)
                    .thread_name("query")
                    .thread_stack_size(STACK_OF_QUERIES)
                    .enable_all()
                    .build();
                let runtime = runtime.map_err(EngineError::io("threads for queries"))?;
                room.runtime.insert(runtime).handle().clone()
            }
        };
        *room.tenants.entry(tenant).or_default() += 1;
        Ok(Desk { workers: self.clone(), room: number, tenant, handle })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Room>> {
        self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Runs the work on the room's threads. If the returned future is dropped before the work ends, the work is aborted.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, EngineError> {
        let mut tasks = JoinSet::new();
        tasks.spawn_on(work, &self.handle);
        match tasks.join_next().await {
            Some(Ok(done)) => Ok(done),
            Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            _ => Err(EngineError::Plan("the query was stopped".to_owned())),
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let mut rooms = self.workers.lock();
        let Some(room) = rooms.get_mut(self.room) else { return };
        if let Some(count) = room.tenants.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                room.tenants.remove(&self.tenant);
            }
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // Waiting for the threads here would block the thread that drops the engine.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn tenants_have_threads_of_their_own_while_there_are_rooms() {
        let workers = Workers::new(1);
        let desk = |tenant: u128| workers.desk(Uuid::from_u128(tenant)).unwrap();
        let many: Vec<_> = (0..10).map(|_| desk(1)).collect();
        assert!(many.iter().all(|desk| desk.room == 0));
        let others = [desk(2), desk(3), desk(4)];
        assert_eq!(others.each_ref().map(|desk| desk.room), [1, 2, 3]);
        assert_eq!(desk(2).room, 1);
        assert_eq!(desk(5).room, 1, "the emptiest");
        drop(others);
        assert_eq!(many.len(), workers.lock().iter().map(|room| room.tenants.values().sum::<usize>()).sum::<usize>());
    }

    #[tokio::test]
    async fn work_goes_on_while_another_room_is_kept_busy_and_ends_when_it_is_dropped() {
        let workers = Workers::new(1);
        let (busy, other) = (workers.desk(Uuid::from_u128(1)).unwrap(), workers.desk(Uuid::from_u128(2)).unwrap());
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let (started, is_started) = tokio::sync::oneshot::channel();
        let blocking = async move {
            started.send(()).unwrap();
            blocked.recv().unwrap();
        };
        let keeping = tokio::spawn(async move { busy.run(blocking).await });
        is_started.await.unwrap();
        assert_eq!(other.run(async { 7 }).await.unwrap(), 7);
        release.send(()).unwrap();
        keeping.await.unwrap().unwrap();
        let (kept, gone) = tokio::sync::oneshot::channel::<()>();
        let waiting = async move {
            std::future::pending::<()>().await;
            drop(kept);
        };
        assert!(tokio::time::timeout(std::time::Duration::ZERO, other.run(waiting)).await.is_err());
        assert!(gone.await.is_err(), "what it held is dropped");
    }
}
