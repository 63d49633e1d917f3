use futures::FutureExt as _;

use super::*;

fn places(total: usize, per_address: usize) -> Admission {
    Admission::new(Places { total, per_address, proxies: vec!["10.0.0.0/8".parse().unwrap()] })
}

fn peer(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn was_told(place: &Place) -> bool {
    place.activity.closed().now_or_never().is_some()
}

fn after(start: Instant, milliseconds: u64) -> Instant {
    start + Duration::from_millis(milliseconds)
}

#[tokio::test]
async fn who_has_its_share_loses_the_connection_that_waited_longest() {
    let (admission, start) = (places(100, 3), Instant::now());
    let held: Vec<Place> = (0..3).map(|number| admission.admit(peer("192.0.2.1"), after(start, number)).unwrap()).collect();
    // The first connection has served a request in the meantime, so that the second has waited longest.
    let request = held[0].activity.begin(false);
    held[0].activity.end(request, after(start, 10));
    let fourth = admission.admit(peer("192.0.2.1"), after(start, 20)).unwrap();
    assert_eq!(held.iter().map(was_told).collect::<Vec<_>>(), [false, true, false]);
    let other = admission.admit(peer("192.0.2.2"), after(start, 21)).unwrap();
    assert_eq!(admission.ledger().total, 4, "one went when one came");
    drop((held, fourth, other));
    let ledger = admission.ledger();
    assert!(ledger.total == 0 && ledger.shares.is_empty(), "every place is given back once: {ledger:?}");
}

#[tokio::test]
async fn what_is_at_work_is_never_closed_for_another() {
    let (admission, start) = (places(100, 2), Instant::now());
    let held = [0, 1].map(|number| admission.admit(peer("192.0.2.1"), after(start, number)).unwrap());
    let requests = held.each_ref().map(|place| place.activity.begin(true));
    assert!(admission.admit(peer("192.0.2.1"), after(start, 10)).is_none());
    // A connection that waits for its body, or for its client to read, may be closed once it has waited for a while.
    held[0].activity.waits_for_body(requests[0], after(start, 10));
    held[1].activity.waits_to_answer(requests[1], after(start, 20));
    assert!(admission.admit(peer("192.0.2.1"), after(start, 4_000)).is_none());
    // A single byte of a body does not restart the wait, but a block that was read does.
    held[0].activity.waits_for_body(requests[0], after(start, 5_000));
    held[1].activity.waits_to_answer(requests[1], after(start, 5_000));
    assert!(admission.admit(peer("192.0.2.1"), after(start, 6_000)).is_some());
    assert_eq!(held.each_ref().map(was_told), [true, false]);
}

#[tokio::test]
async fn when_all_places_are_taken_the_address_with_the_most_makes_room() {
    let (admission, start) = (places(6, 4), Instant::now());
    let honest = admission.admit(peer("198.51.100.7"), start).unwrap();
    let mut held = Vec::new();
    for (number, address) in ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2", "192.0.2.1"].into_iter().enumerate() {
        held.push(admission.admit(peer(address), after(start, 1 + number as u64)).unwrap());
    }
    let new = admission.admit(peer("198.51.100.8"), after(start, 50)).unwrap();
    assert!(was_told(&held[0]) && !held[1..].iter().any(was_told) && !was_told(&honest) && !was_told(&new));
    // Two addresses now have two connections each: of these, the one that waited longest is closed.
    let another = admission.admit(peer("198.51.100.9"), after(start, 60)).unwrap();
    assert!(was_told(&held[1]) && !held[2..].iter().any(was_told) && !was_told(&honest) && !was_told(&another));
    // If all connections are at work, there is no room.
    for place in held[2..].iter().chain([&honest, &new, &another]) {
        place.activity.begin(false);
    }
    assert!(admission.admit(peer("203.0.113.1"), after(start, 70)).is_none());
    assert_eq!(admission.ledger().total, 6);
}

#[tokio::test]
async fn networks_share_and_proxies_do_not() {
    let (admission, start) = (places(100, 1), Instant::now());
    let told = |one: &str, other: &str| {
        let first = admission.admit(peer(one), start).unwrap();
        let second = admission.admit(peer(other), after(start, 1)).unwrap();
        let told = was_told(&first);
        drop(second);
        told
    };
    for (one, other, shared) in [
        ("192.0.2.1", "192.0.2.1", true),
        ("192.0.2.1", "192.0.2.2", false),
        ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ("10.1.2.3", "10.1.2.3", false),
        ("10.1.2.3", "::ffff:10.1.2.3", false),
    ] {
        assert_eq!(told(one, other), shared, "{one} and {other}");
    }
}

#[test]
fn the_log_has_a_line_a_minute_for_an_address_and_remembers_few() {
    let (admission, start) = (places(1, 1), Instant::now());
    let mut ledger = admission.ledger();
    let one = share(peer("192.0.2.1"), &[]);
    for (seconds, warns) in [(0, true), (30, false), (59, false), (60, true), (61, false)] {
        assert_eq!(ledger.may_warn(one, start + Duration::from_secs(seconds)), warns, "{seconds}");
    }
    for number in 0..10_000_u32 {
        ledger.may_warn(share(IpAddr::from(number.to_be_bytes()), &[]), start + Duration::from_secs(61));
    }
    assert_eq!(ledger.warned.len(), WARNED);
    assert!(ledger.may_warn(one, start + Duration::from_secs(121)), "what is old makes room");
}

#[test]
fn full_places_have_one_line_a_minute_that_names_who_has_most() {
    let (admission, start) = (places(6, 4), Instant::now());
    let held: Vec<Place> = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.3"]
        .into_iter()
        .map(|address| admission.admit(peer(address), start).unwrap())
        .collect();
    assert_eq!(admission.ledger().full, None, "there was room");
    // Each connection is from another address and at work, so that none makes room.
    for place in &held {
        place.activity.begin(false);
    }
    for number in 0..1_000_u32 {
        assert!(admission.admit(IpAddr::from((0x0b00_0000 + number).to_be_bytes()), start).is_none());
    }
    let mut ledger = admission.ledger();
    assert_eq!(ledger.full, Some((start, 999)));
    assert!(ledger.warned.is_empty(), "the peers that came have no lines of their own");
    let newcomer = share(peer("198.51.100.7"), &[]);
    let mut warning = |seconds| ledger.warning(Crowd::Server, newcomer, start + Duration::from_secs(seconds));
    assert_eq!(warning(59), None);
    let named = Warning { crowd: Crowd::Server, client: peer("192.0.2.1"), connections: 3, left_out: 1_000 };
    assert_eq!((warning(60), warning(61)), (Some(named), None));
    assert_eq!(warning(120), Some(Warning { left_out: 1, ..named }));
}

#[test]
fn a_connection_ends_when_it_waited_too_long_for_its_client() {
    let timing = Timing::new(Duration::from_secs(75));
    let start = Instant::now();
    let at = |seconds: u64| start + Duration::from_secs(seconds);
    let kept = |activity: &Activity, seconds: u64| matches!(activity.verdict(at(seconds), &timing), Verdict::Keep(_));
    // A connection that is silent from the start, or whose head arrives byte by byte.
    let activity = Activity::new(start);
    activity.bytes_came(at(14));
    assert!(kept(&activity, 14));
    assert_eq!(activity.verdict(at(15), &timing), Verdict::NoHead);
    // A connection that is idle after a request, and one with half of a further head.
    let request = activity.begin(false);
    assert!(kept(&activity, 600), "a request under way has limits of its own");
    activity.end(request, at(600));
    assert!(kept(&activity, 674));
    assert_eq!(activity.verdict(at(675), &timing), Verdict::Idle);
    activity.bytes_left(at(610));
    assert!(kept(&activity, 684), "the rest of the answer was still on its way");
    activity.bytes_came(at(650));
    activity.bytes_came(at(664));
    assert!(kept(&activity, 664));
    assert_eq!(activity.verdict(at(665), &timing), Verdict::NoHead);
    // Over HTTP/2, pings and their answers are neither requests nor heads.
    let request = activity.begin(true);
    activity.end(request, at(700));
    for seconds in 700..774 {
        activity.bytes_came(at(seconds));
        activity.bytes_left(at(seconds));
        assert!(kept(&activity, seconds));
    }
    assert_eq!(activity.verdict(at(775), &timing), Verdict::Idle);
    // One answer is not taken, while another one is.
    let (stuck, quick) = (activity.begin(true), activity.begin(true));
    activity.waits_to_answer(stuck, at(800));
    activity.waits_to_answer(quick, at(919));
    assert!(kept(&activity, 919));
    assert_eq!(activity.verdict(at(920), &timing), Verdict::Stalled);
    activity.works(stuck);
    assert!(kept(&activity, 920), "the server takes its time itself");
}
