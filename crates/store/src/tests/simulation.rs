//! Schedulers and runners crash, stall, come back late and lose answers, under clocks that jump: no slot is lost, and none is executed twice.
//!
//! Everything follows from a seed. Time and faults are simulated; the database and its statements are real.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const WORLDS: u64 = 100;
const SCHEDULES: u64 = 100;
const STEPS: u32 = 900;
const LEASE: i64 = 30_000;

/// A small generator (SplitMix64) that gives the same numbers everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Such checksums as only this claim writes.
fn sums_of(epoch: Epoch) -> Vec<[u8; 32]> {
    vec![[epoch.number() as u8; 32]]
}

struct World {
    store: Store,
    dice: Dice,
    /// The product's clock.
    now: DateTime<Utc>,
    /// The database's clock, in milliseconds.
    lease_now: i64,
    ids: u128,
    /// The claim that each runner believes to hold.
    runners: Vec<Option<ClaimedExecution>>,
    /// Claims of runners that died or never received an answer; they may still try to finish.
    ghosts: Vec<ClaimedExecution>,
    /// For each execution, the epochs whose end the database accepted for the first time.
    published: BTreeMap<Uuid, BTreeSet<Epoch>>,
    deleted: BTreeSet<Uuid>,
}

impl World {
    async fn tick(&mut self) -> usize {
        let (limit, mut ids) = (1 + self.dice.below(20) as u32, self.ids);
        let mut new_id = || {
            ids += 1;
            Ok::<_, StoreError>(Uuid::from_u128(ids))
        };
        let taken = self.store.queue_due_reports(self.now, CatchUp::All, limit, &mut new_id).await.unwrap();
        self.ids = ids;
        taken
    }

    async fn claim(&mut self, runner: usize) -> bool {
        let claimed = self.store.claim_execution(self.lease_now, self.lease_now + LEASE).await.unwrap();
        let found = claimed.is_some();
        if let Some(before) = std::mem::replace(&mut self.runners[runner], claimed) {
            self.ghosts.push(before);
        }
        found
    }

    /// The artifact of the claim's epoch is complete; reports the end.
    async fn complete(&mut self, claimed: &ClaimedExecution) -> bool {
        let execution = &claimed.execution;
        let outcome = Outcome::Completed { artifact: artifact(execution.epoch), note: None, sums: sums_of(execution.epoch) };
        let held = self.store.finish_execution(claimed, &outcome, None, self.now).await.unwrap();
        if held {
            self.published.entry(execution.id).or_default().insert(execution.epoch);
            assert!(!self.deleted.contains(&execution.report), "a deleted report has no executions");
        }
        held
    }

    async fn step(&mut self) {
        let runner = self.dice.below(self.runners.len() as u64) as usize;
        match self.dice.below(100) {
            0..12 => {
                self.now += TimeDelta::minutes(self.dice.below(240) as i64);
                self.lease_now += self.dice.below(5000) as i64;
            }
            // The machine's clock is set back.
            12..14 => self.now -= TimeDelta::minutes(self.dice.below(120) as i64),
            14..18 => self.lease_now += self.dice.below(2 * LEASE as u64) as i64,
            18..28 => {
                self.tick().await;
            }
            28..58 => {
                // A runner that claims while it holds an execution was restarted under the same name.
                if self.runners[runner].is_none() || self.dice.below(10) == 0 {
                    self.claim(runner).await;
                }
            }
            58..64 => {
                if let Some(held) = &self.runners[runner] {
                    let (id, epoch) = (held.execution.id, held.execution.epoch);
                    if !self.store.extend_lease(id, epoch, self.lease_now + LEASE, 0).await.unwrap() {
                        self.runners[runner] = None;
                    }
                }
            }
            64..84 => {
                if let Some(held) = self.runners[runner].take() {
                    self.complete(&held).await;
                    // The answer was lost, so that the runner will report the same again.
                    if self.dice.below(8) == 0 {
                        self.ghosts.push(held);
                    }
                }
            }
            84..89 => {
                if let Some(held) = self.runners[runner].take() {
                    let retry = Outcome::Retry { reason: "the store was away".into(), not_before: self.lease_now + 2000 };
                    self.store.finish_execution(&held, &retry, None, self.now).await.unwrap();
                }
            }
            89..93 => {
                if let Some(held) = self.runners[runner].take() {
                    self.ghosts.push(held);
                }
            }
            93..95 => {
                if let Some(held) = self.runners[runner].take() {
                    self.store.release_execution(held.execution.id, held.execution.epoch).await.unwrap();
                    self.ghosts.push(held);
                }
            }
            95..99 => {
                if !self.ghosts.is_empty() {
                    let ghost = self.dice.below(self.ghosts.len() as u64) as usize;
                    let ghost = self.ghosts.swap_remove(ghost);
                    self.complete(&ghost).await;
                }
            }
            _ => {
                let report = Uuid::from_u128(1 + u128::from(self.dice.below(SCHEDULES)));
                if self.dice.below(20) == 0 && self.store.delete_report(OWNER, Program::Mpn, report, at(0)).await.unwrap() {
                    self.deleted.insert(report);
                }
            }
        }
    }

    /// There are no more faults: everything that is due is done.
    async fn settle(&mut self) {
        self.now += TimeDelta::days(60);
        while self.tick().await > 0 {}
        for runner in &mut self.runners {
            *runner = None;
        }
        // Longer than any execution waits after the deaths of its attempts.
        self.lease_now += 100 * LEASE;
        while self.claim(0).await {
            let held = self.runners[0].take().unwrap();
            assert!(self.complete(&held).await);
        }
        for ghost in std::mem::take(&mut self.ghosts) {
            self.complete(&ghost).await;
        }
    }
}

async fn live(seed: u64) {
    let Deployment { store, _folder, .. } = deployment().await;
    let mut dice = Dice(seed);
    let runners = (0..2 + dice.below(4)).map(|_| None).collect();
    let mut world = World {
        store,
        dice,
        now: at(0),
        lease_now: 0,
        ids: 1 << 64,
        runners,
        ghosts: Vec::new(),
        published: BTreeMap::new(),
        deleted: BTreeSet::new(),
    };
    let mut expected = BTreeMap::new();
    for id in 1..=SCHEDULES {
        let start = at(0) + TimeDelta::minutes(world.dice.below(3000) as i64);
        let (interval, count) = (4 + world.dice.below(9) as u32, 1 + world.dice.below(4) as u32);
        let scheduled = report(u128::from(id), Timing::Recurring(Schedule::new(start, interval, Some(count), 0)));
        world.store.add_report(&scheduled, None, None).await.unwrap().unwrap();
        let slots: Vec<_> = (0..count).map(|slot| start + TimeDelta::hours(i64::from(slot * interval))).collect();
        expected.insert(scheduled.id, slots);
    }
    for _ in 0..STEPS {
        world.step().await;
    }
    world.settle().await;
    for (report, slots) in expected {
        let all = world.store.executions(OWNER, Program::Mpn, &[report], &ExecutionFilter::default()).await.unwrap();
        if world.deleted.contains(&report) {
            assert!(all.is_empty(), "seed {seed}");
            continue;
        }
        let mut anchors: Vec<_> = all.iter().map(|record| record.execution.anchor).collect();
        anchors.reverse();
        assert_eq!(anchors, slots, "seed {seed}: a slot was lost or doubled");
        for ExecutionRecord { execution, report } in &all {
            assert_eq!(execution.status, ExecutionStatus::Completed, "seed {seed}");
            assert_eq!(report.status, ReportStatus::Inactive, "seed {seed}");
            let published = &world.published[&execution.id];
            assert_eq!(published.len(), 1, "seed {seed}: published twice");
            let epoch = execution.artifact.as_ref().unwrap().epoch;
            assert!(published.contains(&epoch), "seed {seed}");
            assert_eq!(world.store.block_sums(execution.id, epoch, 0).await.unwrap(), Some(sums_of(epoch)), "seed {seed}");
        }
    }
}

#[tokio::test]
async fn ten_thousand_schedules_lose_no_slot_and_double_none() {
    // Each statement over a network takes a round trip.
    let worlds = if std::env::var("POSTGRES_URL").is_ok() { WORLDS / 25 } else { WORLDS };
    for seed in 0..worlds {
        live(seed).await;
    }
}
