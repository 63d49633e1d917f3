//! Who gets a turn. There is one thread, so that the order can be observed.

use std::pin::Pin;

use futures::FutureExt as _;

use super::*;

type Entering = Pin<Box<dyn Future<Output = Result<Turn, Busy>> + Send>>;

/// Enters the queue, and polls the request until it waits or is done.
fn ask(queue: &Arc<HashingQueue>, asker: Asker) -> Result<Entering, Busy> {
    let queue = Arc::clone(queue);
    let mut entering: Entering = Box::pin(async move { queue.enter(&asker).await });
    match (&mut entering).now_or_never() {
        None => Ok(entering),
        Some(Ok(turn)) => Ok(Box::pin(async move { Ok(turn) })),
        Some(Err(busy)) => Err(busy),
    }
}

fn known(name: &str) -> Asker {
    Asker::known(Some(name.to_owned()))
}

fn stranger(network: &str, failures: u32) -> Asker {
    Asker::stranger(Some(network.to_owned()), failures)
}

/// The order in which those who wait are served, by their names.
fn order(mut waiting: Vec<(String, Entering)>, running: Entering) -> Vec<String> {
    let mut order = Vec::new();
    let mut running = running.now_or_never().unwrap().unwrap();
    while !waiting.is_empty() {
        drop(running);
        let mut served = None;
        for (place, (_, entering)) in waiting.iter_mut().enumerate() {
            if let Some(outcome) = entering.now_or_never() {
                assert!(served.is_none(), "one at a time");
                served = Some((place, outcome.unwrap()));
            }
        }
        let (place, turn) = served.unwrap();
        order.push(waiting.remove(place).0);
        running = turn;
    }
    order
}

#[test]
fn known_users_have_three_turns_of_four() {
    let queue = HashingQueue::new(1);
    let running = ask(&queue, known("first")).unwrap();
    let mut waiting = Vec::new();
    for number in 0..4 {
        let name = format!("stranger {number}");
        waiting.push((name.clone(), ask(&queue, stranger(&name, 0)).unwrap()));
    }
    for number in 0..7 {
        let name = format!("known {number}");
        waiting.push((name.clone(), ask(&queue, known(&name)).unwrap()));
    }
    let order = order(waiting, running);
    let kinds: String = order.iter().map(|name| name.chars().next().unwrap()).collect();
    assert_eq!(kinds, "kkskkkskkss");
}

/// A flood from many addresses leaves turns to others.
#[test]
fn a_flood_of_strangers_fills_its_own_lane_alone() {
    let queue = HashingQueue::new(1);
    let running = ask(&queue, stranger("flood", 0)).unwrap();
    let mut waiting = Vec::new();
    for number in 0..2000 {
        // Each address has failed before, and tries several passwords at once.
        let name = format!("flood {}", number % 500);
        if let Ok(entering) = ask(&queue, stranger(&name, 1)) {
            waiting.push((name, entering));
        }
    }
    assert_eq!(waiting.len(), WAITING);
    let [flood, ana, new] = [stranger("flood 1", 1), known("ana"), stranger("new", 0)];
    assert_eq!([flood, ana, new].map(|asker| queue.is_full_for(&asker)), [true, false, false]);
    // A known user has a place and the next turn. A new address comes before those that failed, and displaces one of them.
    waiting.push(("known".into(), ask(&queue, known("ana")).unwrap()));
    waiting.push(("new".into(), ask(&queue, stranger("new", 0)).unwrap()));
    waiting.retain_mut(|(_, entering)| match entering.now_or_never() {
        None => true,
        Some(outcome) => {
            assert_eq!(outcome.unwrap_err(), Busy);
            false
        }
    });
    assert_eq!(waiting.len(), WAITING + 1);
    assert_eq!(order(waiting, running)[..2], ["known", "new"]);
}

/// A caller who holds all places keeps only those that nobody else wants.
#[test]
fn places_are_shared_out() {
    for (greedy, others) in
        [(known("greedy"), ["ana", "ben", "eve"].map(known)), (stranger("greedy", 0), ["ana", "ben", "eve"].map(|name| stranger(name, 0)))]
    {
        let queue = HashingQueue::new(1);
        let running = ask(&queue, greedy.clone()).unwrap();
        let mut waiting: Vec<_> = (0..WAITING).map(|_| ("greedy".to_owned(), ask(&queue, greedy.clone()).unwrap())).collect();
        assert_eq!(ask(&queue, greedy.clone()).err(), Some(Busy));
        for other in others {
            for _ in 0..2 {
                waiting.push((other.key.clone().unwrap(), ask(&queue, other.clone()).unwrap()));
            }
        }
        let before = waiting.len();
        waiting.retain_mut(|(_, entering)| entering.now_or_never().is_none_or(|outcome| outcome.is_ok()));
        assert_eq!((before, waiting.len()), (WAITING + 6, WAITING));
        let order = order(waiting, running);
        assert_eq!(order.iter().take(8).filter(|name| *name == "greedy").count(), 2, "{order:?}");
    }
}

#[test]
fn who_goes_away_gives_the_place_back() {
    let queue = HashingQueue::new(1);
    let _running = ask(&queue, known("first")).unwrap();
    for asker in [Asker::known(None), known("ana"), Asker::stranger(None, 0), stranger("network", 0)] {
        let mut waiting: Vec<_> = (0..WAITING).map(|_| ask(&queue, asker.clone()).unwrap()).collect();
        assert_eq!(ask(&queue, asker.clone()).err(), Some(Busy));
        waiting.pop();
        waiting.push(ask(&queue, asker.clone()).unwrap());
        assert_eq!(ask(&queue, asker.clone()).err(), Some(Busy));
    }
    let state = queue.lock();
    assert_eq!((state.running, state.known.places.len(), state.strangers.places.len()), (1, 0, 0));
    assert!(state.known.held.is_empty() && state.strangers.held.is_empty());
}

/// However many new addresses come, one that failed is served after a bounded number of them.
#[test]
fn who_failed_is_served_in_the_end() {
    let queue = HashingQueue::new(1);
    let mut running = ask(&queue, stranger("first", 0)).unwrap().now_or_never().unwrap().unwrap();
    let mut office = ask(&queue, stranger("office", 100)).unwrap();
    for number in 0_u64.. {
        assert!(number <= MOST_TURNS_BACK + 1, "never served");
        let mut fresh = ask(&queue, stranger(&format!("fresh {number}"), 0)).unwrap();
        drop(running);
        if let Some(turn) = (&mut office).now_or_never() {
            assert!(turn.is_ok() && number > 10);
            return;
        }
        running = (&mut fresh).now_or_never().unwrap().unwrap();
    }
}

#[test]
fn a_turn_that_nobody_takes_goes_to_the_next() {
    let queue = HashingQueue::new(1);
    let running = ask(&queue, known("first")).unwrap();
    let (gone, stays) = (ask(&queue, known("gone")).unwrap(), ask(&queue, known("stays")).unwrap());
    // The turn is given, but its caller goes away before taking it.
    drop(running);
    drop(gone);
    assert!(stays.now_or_never().unwrap().is_ok());
    assert_eq!(queue.lock().running, 0);
}
