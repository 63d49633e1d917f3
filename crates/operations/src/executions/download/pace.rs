//! Hands pieces of an artifact to its reader, and detects a reader that is too slow: one that makes us wait and reads less than it has to.
//!
//! Only the time counts in which a piece is ready and there is no room for it. The time that the object store takes is not the reader's fault.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use super::Broken;
use crate::executions::downloads::DownloadSettings;

/// The most pieces that are ready for a reader.
pub(super) const READY: usize = 4;

pub(super) type Piece = Result<Bytes, Broken>;

/// Why nothing more is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The reader has gone.
    Gone,
    /// It takes less than it has to.
    Slow,
    /// The download takes longer than any may.
    Long,
}

pub(super) struct Pace {
    reader: Sender<Piece>,
    wait: Wait,
    until: Instant,
}

impl Pace {
    /// `reader` has room for [`READY`] pieces.
    pub(super) fn new(reader: Sender<Piece>, settings: &DownloadSettings) -> Pace {
        // Beyond what the clock can say is for ever.
        let now = Instant::now();
        let until = now.checked_add(settings.longest).unwrap_or(now + Duration::from_secs(1 << 30));
        Pace { reader, wait: Wait { least: settings.least_rate, window: settings.slow, ..Wait::default() }, until }
    }

    pub(super) async fn hand_over(&mut self, piece: Bytes) -> Result<(), Ended> {
        self.room(1).await?;
        self.wait.taken += piece.len() as u64;
        // There is room, and nobody else sends.
        self.reader.try_send(Ok(piece)).map_err(|_| Ended::Gone)
    }

    /// Returns once the reader has read all pieces.
    pub(super) async fn handed_over(&mut self) -> Result<(), Ended> {
        self.room(READY).await
    }

    /// Hands over the error as the last piece, if there is room. A reader that does not get it still sees that its artifact is too short.
    pub(super) fn give_up(self, error: Broken) {
        let _ = self.reader.try_send(Err(error));
    }

    async fn room(&mut self, pieces: usize) -> Result<(), Ended> {
        if self.reader.is_closed() {
            return Err(Ended::Gone);
        }
        if self.reader.capacity() >= pieces {
            return Ok(());
        }
        self.wait.begins();
        loop {
            let began = Instant::now();
            tokio::select! {
                biased;
                found = self.reader.reserve_many(pieces) => {
                    // Not used: they are free again at once.
                    drop(found.map_err(|_| Ended::Gone)?);
                    return if self.wait.is_too_slow_after(began.elapsed()) { Err(Ended::Slow) } else { Ok(()) };
                }
                () = tokio::time::sleep(self.wait.left()) => {
                    if self.wait.is_too_slow_after(began.elapsed()) {
                        return Err(Ended::Slow);
                    }
                }
                () = tokio::time::sleep_until(self.until) => return Err(Ended::Long),
            }
        }
    }
}

/// How long a reader made us wait, and what it took meanwhile.
#[derive(Debug, Default)]
struct Wait {
    /// Bytes a second.
    least: u64,
    window: Duration,
    waited: Duration,
    taken: u64,
}

impl Wait {
    /// What was taken before the window is not of it.
    fn begins(&mut self) {
        if self.waited.is_zero() {
            self.taken = 0;
        }
    }

    /// Of waiting, until it is looked again.
    fn left(&self) -> Duration {
        self.window.saturating_sub(self.waited)
    }

    /// Counts a wait. At the end of each window says whether too little was taken in it.
    fn is_too_slow_after(&mut self, wait: Duration) -> bool {
        self.waited += wait;
        if self.waited < self.window {
            return false;
        }
        let least = u128::from(self.least) * self.waited.as_millis() / 1000;
        let slow = self.taken == 0 || u128::from(self.taken) < least;
        (self.waited, self.taken) = (Duration::ZERO, 0);
        slow
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::sync::mpsc;

    use super::*;

    const PIECE: Bytes = Bytes::from_static(&[7; 1024]);

    fn settings() -> DownloadSettings {
        DownloadSettings {
            least_rate: 1024,
            slow: Duration::from_secs(60),
            longest: Duration::from_secs(3600),
            ..DownloadSettings::default()
        }
    }

    /// Hands over so many pieces of 1 KiB; how that ended, and after how many seconds.
    async fn handed(
        pieces: usize,
        mut before_each: impl AsyncFnMut(),
        read: impl AsyncFnOnce(mpsc::Receiver<Piece>),
    ) -> (Result<(), Ended>, u64) {
        let (sender, receiver) = mpsc::channel(READY);
        let mut pace = Pace::new(sender, &settings());
        let began = Instant::now();
        let hand_over = async move {
            for _ in 0..pieces {
                before_each().await;
                pace.hand_over(PIECE).await?;
            }
            pace.handed_over().await
        };
        let (ended, ()) = tokio::join!(hand_over, read(receiver));
        (ended, began.elapsed().as_secs())
    }

    async fn seconds(count: f64) {
        tokio::time::sleep(Duration::from_secs_f64(count)).await;
    }

    /// Takes one piece each so many seconds.
    async fn every(wait: f64, mut pieces: mpsc::Receiver<Piece>) {
        loop {
            seconds(wait).await;
            if pieces.recv().await.is_none() {
                return;
            }
        }
    }

    /// Takes nothing, and is there until it is cut off.
    async fn never(pieces: mpsc::Receiver<Piece>) {
        while !pieces.is_closed() && pieces.sender_strong_count() > 0 {
            seconds(1.0).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stops_is_cut_off_after_the_window() {
        assert_eq!(handed(1000, async || {}, never).await, (Err(Ended::Slow), 60));
        // Also when all that there is lies ready.
        let (ended, after) = handed(2, async || {}, never).await;
        assert!(ended == Err(Ended::Slow) && (60..=120).contains(&after), "{ended:?} {after}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_below_the_least_rate_is_cut_off_and_one_above_is_not() {
        let (ended, after) = handed(1000, async || {}, |pieces| every(1.5, pieces)).await;
        assert!(ended == Err(Ended::Slow) && (60..=125).contains(&after), "{ended:?} {after}");
        let (ended, after) = handed(1000, async || {}, |pieces| every(0.9, pieces)).await;
        assert!(ended.is_ok() && after >= 890, "{ended:?} {after}");
    }

    #[tokio::test(start_paused = true)]
    async fn how_long_the_store_takes_is_not_the_readers_fault() {
        let (ended, after) = handed(10, async || seconds(120.0).await, |pieces| every(0.0, pieces)).await;
        assert!(ended.is_ok() && after >= 1200, "{ended:?} {after}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_download_takes_longer_than_any_may() {
        let (ended, after) = handed(10_000, async || {}, |pieces| every(0.9, pieces)).await;
        assert!(ended == Err(Ended::Long) && (3600..=3605).contains(&after), "{ended:?} {after}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_goes_is_noticed_at_once() {
        let leave = |pieces: mpsc::Receiver<Piece>| async move {
            seconds(3.0).await;
            drop(pieces);
        };
        assert_eq!(handed(1000, async || {}, leave).await, (Err(Ended::Gone), 3));
    }
}
