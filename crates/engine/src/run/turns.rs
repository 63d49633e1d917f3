//! Decides whose turn it is to take from the engine's memory: weighted start-time fair queueing between tenants.
//!
//! It knows only tenants and bytes: no clock, no threads and no queries. The same calls always give the same turns.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

/// How many later queries may pass the query whose turn it is, if they fit beside what it waits for.
const MOST_PASSES: u32 = 32;

/// The weight of a tenant that is not in the map.
pub(crate) const USUAL_WEIGHT: u32 = 1;

/// The cost of a byte for a tenant of the weight 1, scaled up so that a whole number remains when it is divided by a weight.
const COST: u128 = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// A caller waits for it.
    Preview,
    /// It may run long.
    Export,
}

/// The limits, in bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    pub(crate) limit: usize,
    /// The bytes that one tenant leaves to others, and that all exports together leave to previews.
    pub(crate) spare: usize,
    /// The bytes that one tenant's exports may hold together.
    pub(crate) exports_of_one: usize,
    /// Previews of this size or less may pass a larger one that waits for room, if their tenants hold nothing.
    pub(crate) small: usize,
    pub(crate) weights: HashMap<Uuid, u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) tenant: Uuid,
    pub(crate) lane: Lane,
    pub(crate) bytes: usize,
}

pub(crate) type Ticket = u64;

#[derive(Debug, Default)]
pub(crate) struct Turns {
    rules: Rules,
    held: usize,
    held_by_exports: usize,
    tenants: HashMap<Uuid, Tenant>,
    /// The virtual time: that of the tenant that had the last turn.
    now: u128,
    passes: u32,
    /// The query that is first in line and waits for room.
    head: Option<Ticket>,
    next: Ticket,
}

#[derive(Debug, Default)]
struct Tenant {
    held: usize,
    held_by_exports: usize,
    /// The virtual time of the tenant's next turn.
    turn: u128,
    /// The waiting queries, in the order in which they came.
    previews: VecDeque<Waiting>,
    exports: VecDeque<Waiting>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    ticket: Ticket,
    bytes: usize,
}

impl Tenant {
    fn waits(&self) -> bool {
        !(self.previews.is_empty() && self.exports.is_empty())
    }

    fn queue(&mut self, lane: Lane) -> &mut VecDeque<Waiting> {
        match lane {
            Lane::Preview => &mut self.previews,
            Lane::Export => &mut self.exports,
        }
    }
}

impl Turns {
    pub(crate) fn new(rules: Rules) -> Turns {
        Turns { rules, ..Turns::default() }
    }

    pub(crate) fn held(&self) -> usize {
        self.held
    }

    pub(crate) fn holds(&self, tenant: Uuid) -> bool {
        self.tenants.get(&tenant).is_some_and(|tenant| tenant.held > 0)
    }

    /// Puts a query at the end of its tenant's queue. It must not ask for more than the limit.
    pub(crate) fn enter(&mut self, asked: Asked) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        let now = self.now;
        let tenant = self.tenants.entry(asked.tenant).or_default();
        if !tenant.waits() {
            // An idle tenant does not save up turns.
            tenant.turn = tenant.turn.max(now);
        }
        tenant.queue(asked.lane).push_back(Waiting { ticket, bytes: asked.bytes });
        ticket
    }

    /// The query whose turn it is, if there is room for it; it holds its bytes from then on.
    pub(crate) fn grant(&mut self) -> Option<(Ticket, Asked)> {
        let mut firsts: Vec<(u128, Ticket, Asked)> = self.tenants.iter().filter_map(|(id, tenant)| self.first(*id, tenant)).collect();
        firsts.sort_unstable_by_key(|(turn, ticket, _)| (*turn, *ticket));
        self.set_aside(&mut firsts);
        let room = self.rules.limit.saturating_sub(self.held);
        let (_, ticket, first) = firsts.first().copied()?;
        if first.bytes <= room {
            (self.passes, self.head) = (0, None);
            return Some(self.granted(ticket, first));
        }
        self.head = Some(ticket);
        if self.passes >= MOST_PASSES {
            return None;
        }
        let (_, ticket, small) = firsts.into_iter().find(|(_, _, asked)| self.may_pass(*asked, room))?;
        self.passes += 1;
        Some(self.granted(ticket, small))
    }

    /// Sets aside the queries for which only the end of an export makes room, which may take an hour: no other query waits behind them. But no export
    /// begins whose turn comes after theirs, so that the room becomes free eventually.
    fn set_aside(&self, firsts: &mut Vec<(u128, Ticket, Asked)>) {
        let Rules { limit, spare, .. } = self.rules;
        let beside_exports = |most: usize| most.saturating_sub(self.held_by_exports);
        let mut waits_for_exports = false;
        firsts.retain(|(_, _, asked)| {
            let fits = match asked.lane {
                Lane::Preview => asked.bytes <= beside_exports(limit),
                // An export that runs alone may take more than usual, since otherwise a large one would never run.
                Lane::Export => self.held_by_exports == 0 || asked.bytes <= beside_exports(limit.saturating_sub(spare)),
            };
            let may_begin = fits && (asked.lane == Lane::Preview || !waits_for_exports);
            waits_for_exports |= !fits;
            may_begin
        });
    }

    /// The query leaves the queue without a turn. If others waited behind it, its tenant is charged as for a turn, since otherwise the tenant's next
    /// query would delay them again.
    pub(crate) fn leave(&mut self, ticket: Ticket, asked: Asked) {
        if self.head == Some(ticket) {
            (self.passes, self.head) = (0, None);
            self.charge(asked);
        }
        self.withdraw(ticket, asked);
    }

    /// Removes a query that was not willing to wait.
    pub(crate) fn withdraw(&mut self, ticket: Ticket, asked: Asked) {
        if let Some(tenant) = self.tenants.get_mut(&asked.tenant) {
            tenant.queue(asked.lane).retain(|waiting| waiting.ticket != ticket);
        }
        self.forget_idle();
    }

    fn charge(&mut self, asked: Asked) {
        let weight = self.rules.weights.get(&asked.tenant).copied().unwrap_or(USUAL_WEIGHT).max(1);
        if let Some(tenant) = self.tenants.get_mut(&asked.tenant) {
            self.now = self.now.max(tenant.turn);
            tenant.turn += asked.bytes.max(1) as u128 * COST / u128::from(weight);
        }
    }

    pub(crate) fn give_back(&mut self, asked: Asked) {
        self.held = self.held.saturating_sub(asked.bytes);
        let exported = if asked.lane == Lane::Export { asked.bytes } else { 0 };
        self.held_by_exports = self.held_by_exports.saturating_sub(exported);
        if let Some(tenant) = self.tenants.get_mut(&asked.tenant) {
            tenant.held = tenant.held.saturating_sub(asked.bytes);
            tenant.held_by_exports = tenant.held_by_exports.saturating_sub(exported);
        }
        self.forget_idle();
    }

    /// The tenant's first query that the tenant's limits allow to have a turn: previews go before exports.
    fn first(&self, id: Uuid, tenant: &Tenant) -> Option<(u128, Ticket, Asked)> {
        [(Lane::Preview, &tenant.previews), (Lane::Export, &tenant.exports)].into_iter().find_map(|(lane, queue)| {
            let first = queue.front()?;
            let asked = Asked { tenant: id, lane, bytes: first.bytes };
            self.may_hold(tenant, asked).then_some((tenant.turn, first.ticket, asked))
        })
    }

    /// A tenant that holds nothing may take more than usual, since otherwise a large query would never run.
    fn may_hold(&self, tenant: &Tenant, asked: Asked) -> bool {
        let Rules { limit, spare, exports_of_one, .. } = self.rules;
        let within = |held: usize, most: usize| held == 0 || held + asked.bytes <= most;
        let most = limit.saturating_sub(spare);
        within(tenant.held, most) && (asked.lane == Lane::Preview || within(tenant.held_by_exports, exports_of_one))
    }

    fn may_pass(&self, asked: Asked, room: usize) -> bool {
        let holds_nothing = self.tenants.get(&asked.tenant).is_some_and(|tenant| tenant.held == 0);
        asked.lane == Lane::Preview && asked.bytes <= self.rules.small.min(room) && holds_nothing
    }

    fn granted(&mut self, ticket: Ticket, asked: Asked) -> (Ticket, Asked) {
        let exported = if asked.lane == Lane::Export { asked.bytes } else { 0 };
        self.held += asked.bytes;
        self.held_by_exports += exported;
        if let Some(tenant) = self.tenants.get_mut(&asked.tenant) {
            tenant.queue(asked.lane).pop_front();
            tenant.held += asked.bytes;
            tenant.held_by_exports += exported;
        }
        self.charge(asked);
        (ticket, asked)
    }

    /// Forgets tenants that neither hold nor wait, once their last turn is paid for.
    fn forget_idle(&mut self) {
        let now = self.now;
        self.tenants.retain(|_, tenant| tenant.held > 0 || tenant.waits() || tenant.turn > now);
        if self.tenants.values().all(|tenant| tenant.held == 0 && !tenant.waits()) {
            self.tenants.clear();
            (self.now, self.passes) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);
    const C: Uuid = Uuid::from_u128(3);

    /// Three shares of 40: a tenant may hold two of them, and its exports one.
    fn turns() -> Turns {
        weighted(&[])
    }

    fn weighted(weights: &[(Uuid, u32)]) -> Turns {
        Turns::new(Rules { limit: 120, spare: 40, exports_of_one: 40, small: 10, weights: weights.iter().copied().collect() })
    }

    fn preview(tenant: Uuid, bytes: usize) -> Asked {
        Asked { tenant, lane: Lane::Preview, bytes }
    }

    fn export(tenant: Uuid, bytes: usize) -> Asked {
        Asked { tenant, lane: Lane::Export, bytes }
    }

    fn enter(turns: &mut Turns, asked: Asked) {
        turns.enter(asked);
    }

    fn all(turns: &mut Turns) -> Vec<Asked> {
        std::iter::from_fn(|| turns.grant().map(|(_, asked)| asked)).collect()
    }

    #[test]
    fn one_tenant_leaves_room_that_another_takes_at_once() {
        let mut turns = turns();
        (0..40).for_each(|_| enter(&mut turns, preview(A, 40)));
        assert_eq!(all(&mut turns), [preview(A, 40); 2]);
        turns.enter(preview(B, 40));
        assert_eq!(all(&mut turns), [preview(B, 40)]);
        assert_eq!(turns.held(), 120);
    }

    #[test]
    fn tenants_take_turns_however_many_wait() {
        let mut turns = turns();
        (0..40).for_each(|_| enter(&mut turns, preview(A, 40)));
        (0..3).for_each(|_| enter(&mut turns, preview(B, 40)));
        (0..3).for_each(|_| enter(&mut turns, preview(C, 40)));
        let mut running = all(&mut turns);
        let mut order = running.clone();
        while order.len() < 12 {
            turns.give_back(running.remove(0));
            let granted = all(&mut turns);
            order.extend(&granted);
            running.extend(granted);
        }
        let of = |tenant: Uuid, first: usize| order.iter().take(first).filter(|asked| asked.tenant == tenant).count();
        assert_eq!((of(A, 3), of(B, 3), of(C, 3)), (1, 1, 1));
        assert_eq!((of(A, 9), of(B, 9), of(C, 9)), (3, 3, 3));
        assert_eq!(of(A, 12), 6, "the others have no more");
    }

    #[test]
    fn a_weight_is_that_many_turns() {
        let mut turns = Turns::new(Rules { limit: 10, weights: [(A, 3)].into(), ..Rules::default() });
        for _ in 0..40 {
            turns.enter(preview(A, 10));
            turns.enter(preview(B, 10));
        }
        let mut of_a = 0;
        for _ in 0..40 {
            let (_, asked) = turns.grant().unwrap();
            assert!(turns.grant().is_none());
            of_a += usize::from(asked.tenant == A);
            turns.give_back(asked);
        }
        assert_eq!(of_a, 30);
    }

    #[test]
    fn turns_are_paid_for_by_the_byte() {
        let mut turns = Turns::new(Rules { limit: 10, ..Rules::default() });
        for _ in 0..40 {
            turns.enter(preview(A, 10));
            turns.enter(preview(B, 5));
        }
        let (mut bytes, mut last) = (HashMap::new(), Vec::new());
        for _ in 0..30 {
            last.extend(all(&mut turns));
            let done: Asked = last.remove(0);
            *bytes.entry(done.tenant).or_insert(0) += done.bytes;
            turns.give_back(done);
        }
        assert!(bytes[&A] == bytes[&B] || bytes[&A].abs_diff(bytes[&B]) <= 10, "{bytes:?}");
    }

    #[test]
    fn a_tenant_that_was_away_saves_no_turns_up() {
        let mut turns = Turns::new(Rules { limit: 10, ..Rules::default() });
        for _ in 0..50 {
            turns.enter(preview(A, 10));
            let (_, asked) = turns.grant().unwrap();
            turns.enter(preview(A, 10));
            turns.give_back(asked);
            let (_, asked) = turns.grant().unwrap();
            turns.give_back(asked);
        }
        turns.enter(preview(A, 10));
        let (_, held) = turns.grant().unwrap();
        for _ in 0..10 {
            turns.enter(preview(A, 10));
            turns.enter(preview(B, 10));
        }
        turns.give_back(held);
        let mut order = Vec::new();
        for _ in 0..6 {
            let (_, asked) = turns.grant().unwrap();
            order.push(asked.tenant);
            turns.give_back(asked);
        }
        assert_eq!(order.iter().filter(|tenant| **tenant == A).count(), 3, "{order:?}");
    }

    #[test]
    fn exports_leave_room_to_previews_and_to_other_tenants_exports() {
        let mut turns = turns();
        (0..5).for_each(|_| enter(&mut turns, export(A, 40)));
        assert_eq!(all(&mut turns), [export(A, 40)]);
        (0..5).for_each(|_| enter(&mut turns, export(B, 40)));
        assert_eq!(all(&mut turns), [export(B, 40)]);
        turns.enter(export(C, 40));
        assert_eq!(all(&mut turns), []);
        turns.enter(preview(A, 40));
        assert_eq!(all(&mut turns), [preview(A, 40)]);
    }

    #[test]
    fn previews_go_before_the_exports_of_their_tenant() {
        let mut turns = turns();
        turns.enter(preview(A, 120));
        let held = all(&mut turns).remove(0);
        turns.enter(export(A, 40));
        turns.enter(preview(A, 40));
        turns.give_back(held);
        assert_eq!(all(&mut turns), [preview(A, 40), export(A, 40)]);
    }

    #[test]
    fn a_small_preview_passes_a_large_one_that_waits_but_not_for_ever() {
        let mut turns = turns();
        turns.enter(preview(A, 40));
        turns.enter(preview(A, 40));
        turns.enter(preview(B, 30));
        assert_eq!(all(&mut turns).len(), 3);
        let large = turns.enter(preview(C, 40));
        let mut passed = 0;
        loop {
            turns.enter(preview(Uuid::from_u128(100 + u128::from(passed)), 10));
            let Some((ticket, asked)) = turns.grant() else { break };
            assert_ne!(ticket, large);
            passed += 1;
            turns.give_back(asked);
        }
        assert_eq!(passed, MOST_PASSES);
        turns.give_back(preview(A, 40));
        assert_eq!(turns.grant().unwrap().0, large);
    }

    /// An export may hold its memory for an hour.
    #[test]
    fn nobody_waits_behind_what_only_an_exports_end_makes_room_for() {
        for large in [preview(A, 90), export(A, 90)] {
            let mut turns = turns();
            turns.enter(export(B, 40));
            assert_eq!(all(&mut turns), [export(B, 40)]);
            let mut waiting = (turns.enter(large), large);
            for number in 0..10 * MOST_PASSES {
                // It gives up and comes back, and another tenant's preview proceeds beside it, small or not.
                turns.leave(waiting.0, waiting.1);
                waiting.0 = turns.enter(large);
                let asked = preview(C, if number % 2 == 0 { 10 } else { 40 });
                turns.enter(asked);
                assert_eq!(all(&mut turns), [asked], "{number}");
                turns.give_back(asked);
            }
            // No later export takes the room from it.
            turns.enter(export(C, 40));
            turns.enter(export(C, 40));
            assert_eq!(all(&mut turns), []);
            turns.give_back(export(B, 40));
            assert_eq!(all(&mut turns).first(), Some(&large));
        }
    }

    #[test]
    fn who_gives_up_at_the_head_of_the_line_goes_to_its_end() {
        let mut turns = turns();
        turns.enter(preview(B, 80));
        assert_eq!(all(&mut turns).len(), 1);
        let first = turns.enter(preview(A, 100));
        turns.enter(preview(A, 100));
        assert_eq!(all(&mut turns), []);
        turns.enter(preview(C, 60));
        assert_eq!(all(&mut turns), [], "too large to pass");
        turns.leave(first, preview(A, 100));
        turns.give_back(preview(B, 80));
        assert_eq!(all(&mut turns), [preview(C, 60)]);
    }

    #[test]
    fn whoever_asks_for_more_than_is_usual_gets_it_when_it_holds_nothing() {
        let mut turns = turns();
        turns.enter(export(A, 120));
        assert_eq!(all(&mut turns), [export(A, 120)]);
        turns.enter(preview(A, 1));
        assert_eq!(all(&mut turns), []);
    }

    #[test]
    fn who_leaves_the_queue_leaves_no_trace() {
        let mut turns = turns();
        turns.enter(preview(A, 120));
        let held = all(&mut turns).remove(0);
        let tickets: Vec<_> = [preview(B, 40), export(B, 40), preview(C, 40)].map(|asked| (turns.enter(asked), asked)).into();
        assert_eq!(all(&mut turns), []);
        tickets.into_iter().for_each(|(ticket, asked)| turns.leave(ticket, asked));
        turns.give_back(held);
        assert!(turns.tenants.is_empty() && turns.held == 0 && turns.held_by_exports == 0 && turns.now == 0);
    }
}
