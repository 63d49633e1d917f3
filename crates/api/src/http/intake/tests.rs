use axum::body::to_bytes;
use futures::StreamExt as _;
use futures::stream;

use super::*;

const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

/// An intake with room for six requests and 60 bytes, and for two requests and 20 bytes of one address.
fn small() -> Arc<Intake> {
    let intake = Intake::new(0, 0);
    Arc::new(Intake { most: Load { requests: 6, bytes: 60 }, most_per_address: Load { requests: 2, bytes: 20 }, ..intake })
}

fn request(intake: &Arc<Intake>, address: IpAddr) -> Result<Arc<Held>, Full> {
    Held::request(intake, Some(address)).map(Arc::new)
}

/// A body whose blocks arrive one after the other, each after this many seconds of the test's paused clock.
fn counted(held: &Arc<Held>, blocks: usize, bytes: usize, seconds: u64) -> Counted {
    let blocks = stream::iter(0..blocks).then(move |_| async move {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; bytes]))
    });
    let begun = Instant::now();
    let deadline = Box::pin(sleep_until(begun + held.intake.body_time));
    Counted { body: Body::from_stream(blocks), held: Arc::clone(held), begun, came: 0, deadline }
}

fn dripping(held: &Arc<Held>, blocks: usize, bytes: usize, seconds: u64) -> Body {
    Body::new(counted(held, blocks, bytes, seconds))
}

fn address(number: u32) -> IpAddr {
    IpAddr::V4(std::net::Ipv4Addr::from_bits(number))
}

#[test]
fn requests_have_a_bound_and_addresses_a_share() {
    let intake = small();
    let held = [request(&intake, ONE).unwrap(), request(&intake, ONE).unwrap()];
    assert_eq!(request(&intake, ONE).err(), Some(Full::Address));
    let others: Vec<_> = [OTHER, OTHER, address(3)].map(|other| request(&intake, other).unwrap()).into();
    assert_eq!(request(&intake, address(3)).err(), Some(Full::Server), "five are under way, and one is left to all others");
    let last = request(&intake, address(4)).expect("one of the others");
    assert_eq!(request(&intake, address(5)).err(), Some(Full::Server), "six are under way");
    drop((held, last));
    let again = [request(&intake, address(4)).unwrap(), request(&intake, ONE).unwrap()];
    drop((others, again));
    let under_way = intake.under_way();
    assert!(under_way.all == Load::default() && under_way.addresses.is_empty(), "nothing is kept of what ended: {under_way:?}");
}

#[tokio::test]
async fn bodies_take_what_they_hold_and_give_it_back() {
    let intake = small();
    let (first, second, other) = (request(&intake, ONE).unwrap(), request(&intake, ONE).unwrap(), request(&intake, OTHER).unwrap());
    let read = async |held: &Arc<Held>, bytes| to_bytes(dripping(held, 1, bytes, 0), usize::MAX).await.map(|body| body.len());
    assert_eq!(read(&first, 15).await.unwrap(), 15);
    assert!(read(&second, 6).await.is_err(), "its address has its share");
    assert_eq!(second.fault.load(Ordering::Relaxed), ADDRESS_FULL);
    assert_eq!(read(&other, 20).await.unwrap(), 20);
    let third = request(&intake, address(3)).unwrap();
    assert!(read(&third, 13).await.is_err(), "as much must be left to all others");
    assert_eq!(third.fault.load(Ordering::Relaxed), SERVER_FULL);
    drop(first);
    assert_eq!(read(&second, 15).await.unwrap(), 15);
}

/// Something is left, however many addresses take all that they can get.
#[tokio::test]
async fn something_is_left_for_the_next_address() {
    for greedy in [1, 2, 20, 200] {
        let intake = Arc::new(Intake::new(1024, 256));
        let mut held = Vec::new();
        for round in 0..600 {
            for number in 0..greedy {
                if let Ok(request) = request(&intake, address(number)) {
                    let _ = to_bytes(dripping(&request, 1, 16 << 10, 0), usize::MAX).await;
                    held.push(request);
                }
            }
            if round % 50 == 49 {
                let honest = request(&intake, address(9_999)).expect("a place for a request");
                assert!(to_bytes(dripping(&honest, 1, 8 << 10, 0), usize::MAX).await.is_ok(), "{greedy}: {:?}", intake.under_way().all);
            }
        }
    }
}

/// Addresses with one request each may fill all places, since a first request is always allowed.
#[test]
fn many_small_addresses_keep_no_other_from_a_free_place() {
    let intake = Arc::new(Intake::new(1024, 256));
    let held: Vec<_> = (0..1023).map(|number| request(&intake, address(number)).expect("a first request")).collect();
    assert_eq!(request(&intake, address(0)).err(), Some(Full::Server), "it has one, and the last place is another's");
    let newcomer = request(&intake, address(9_999)).expect("the last place");
    assert_eq!(request(&intake, address(10_000)).err(), Some(Full::Server));
    drop((held, newcomer));
    assert_eq!(intake.under_way().all, Load::default());
}

#[tokio::test(start_paused = true)]
async fn a_body_must_come_at_a_least_rate() {
    let intake = Arc::new(Intake::new(8, 8));
    for (blocks, bytes, seconds, taken) in [
        // One byte every fourteen seconds, and one every second.
        (3, 1, 14, false),
        (100, 1, 1, false),
        // A slow connection: 8 KiB a second.
        (40, 8 << 10, 1, true),
        (1, 4 << 10, 14, true),
    ] {
        let held = request(&intake, ONE).unwrap();
        let begun = Instant::now();
        let read = to_bytes(dripping(&held, blocks, bytes, seconds), usize::MAX).await;
        assert_eq!(read.is_ok(), taken, "{blocks} × {bytes} bytes, {seconds} s apart");
        assert_eq!(held.fault.load(Ordering::Relaxed) == TOO_SLOW, !taken);
        assert!(taken || begun.elapsed() <= Duration::from_secs(17), "{:?}", begun.elapsed());
    }
}

/// A thousand connections with dozens of requests each, all of them half sent, stay within the bound together.
#[tokio::test]
async fn half_sent_forms_stay_within_the_bound() {
    let intake = Arc::new(Intake::new(1024, 256));
    let mut held = Vec::new();
    for connection in 0..1024_u32 {
        let address = IpAddr::V4(std::net::Ipv4Addr::from_bits(connection / 256));
        for _ in 0..32 {
            if let Ok(request) = request(&intake, address)
                && to_bytes(dripping(&request, 4, 4 << 10, 0), usize::MAX).await.is_ok()
            {
                held.push(request);
            }
        }
    }
    let all = intake.under_way().all;
    assert!(all.bytes <= 32 << 20 && all.requests <= 1024, "{all:?}");
    assert!(!held.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_leaves_of_a_body_is_read_if_it_is_small_and_comes() {
    let intake = Arc::new(Intake::new(8, 8));
    for (blocks, bytes, seconds, drained) in [(1, 20, 1, true), (16, 64 << 10, 0, true), (40, 64 << 10, 0, false), (2, 20, 2, false)] {
        let held = request(&intake, ONE).unwrap();
        let begun = Instant::now();
        let body = Lent(Arc::new(Mutex::new(counted(&held, blocks, bytes, seconds))));
        assert_eq!(is_drained(body).await, drained, "{blocks} x {bytes} bytes, {seconds} s apart");
        assert!(begun.elapsed() <= DRAIN_TIME + Duration::from_secs(1), "{:?}", begun.elapsed());
        assert_eq!(intake.under_way().all.bytes, 0, "what is dropped at once takes no room");
    }
}
