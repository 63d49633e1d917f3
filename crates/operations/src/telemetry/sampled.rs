//! What is looked at when somebody asks: background loops, what waits, memory, the process. This module keeps the last look.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

type Number = Gauge<u64, AtomicU64>;
type Seconds = Gauge<f64, AtomicU64>;
type Label = [(&'static str, &'static str); 1];

#[derive(Debug, Default)]
pub(crate) struct Sampled {
    pub(crate) checks: Family<Label, Number>,
    pub(crate) turns: Family<Label, Counter>,
    pub(crate) failures: Family<Label, Counter>,
    pub(crate) since_success: Family<Label, Seconds>,
    pub(crate) last_turn: Family<Label, Seconds>,
    pub(crate) stuck: Family<Label, Number>,
    pub(crate) waiting: Family<[(&'static str, &'static str); 2], Number>,
    pub(crate) oldest: Family<Label, Seconds>,
    pub(crate) memory_limit: Number,
    pub(crate) memory_held: Number,
    pub(crate) queries_waiting: Number,
    pub(crate) downloads: Number,
    pub(crate) process: Process,
}

impl Sampled {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("check_ok", "Whether a check of /readyz passed: 1, or 0", self.checks.clone());
        registry.register("background_turns", "Turns of a background loop that ended", self.turns.clone());
        registry.register(
            "background_failures",
            "Turns of a background loop that failed, took too long or panicked",
            self.failures.clone(),
        );
        let about = "Time since the last success of a background loop, or else since its start";
        registry.register_with_unit("background_since_success", about, Unit::Seconds, self.since_success.clone());
        let about = "Time that the last turn of a background loop took";
        registry.register_with_unit("background_last_turn", about, Unit::Seconds, self.last_turn.clone());
        let about = "Whether a background loop had no success for so long that only a fault explains it: 1, or 0";
        registry.register("background_stuck", about, self.stuck.clone());
        registry.register(
            "queue_length",
            "Executions, callbacks and mails that wait or run, of all processes together",
            self.waiting.clone(),
        );
        let about = "Time for which the oldest execution, callback or mail that is due has waited; 0 if none is";
        registry.register_with_unit("queue_oldest", about, Unit::Seconds, self.oldest.clone());
        let about = "Memory that all queries may hold together (engine.memory_mib)";
        registry.register_with_unit("engine_memory_limit", about, Unit::Bytes, self.memory_limit.clone());
        registry.register_with_unit(
            "engine_memory_held",
            "Memory that running queries have reserved",
            Unit::Bytes,
            self.memory_held.clone(),
        );
        registry.register("engine_queries_waiting", "Queries that wait for memory", self.queries_waiting.clone());
        registry.register("downloads_under_way", "Downloads that have a place now", self.downloads.clone());
    }
}

/// The names that every program gives to these numbers.
#[derive(Debug, Default)]
pub(crate) struct Process {
    pub(crate) cpu: Counter<f64, AtomicU64>,
    pub(crate) resident: Number,
    pub(crate) virtual_memory: Number,
    pub(crate) threads: Number,
    pub(crate) open_files: Number,
    pub(crate) most_files: Number,
    pub(crate) started: Seconds,
}

impl Process {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit("process_cpu", "Time on processors", Unit::Seconds, self.cpu.clone());
        registry.register_with_unit("process_resident_memory", "Memory in use", Unit::Bytes, self.resident.clone());
        registry.register_with_unit("process_virtual_memory", "Address space", Unit::Bytes, self.virtual_memory.clone());
        registry.register("process_threads", "Threads", self.threads.clone());
        registry.register("process_open_fds", "Open files and connections", self.open_files.clone());
        registry.register("process_max_fds", "The most open files and connections", self.most_files.clone());
        registry.register_with_unit("process_start_time", "When the process began, since 1970", Unit::Seconds, self.started.clone());
    }
}
