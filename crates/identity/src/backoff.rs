//! Exponential backoff: each wait is a multiple of the one before, up to the longest.

/// A backoff. `first` and `longest` are in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub first: i64,
    pub factor: i64,
    pub longest: i64,
}

impl Backoff {
    /// The wait in seconds. `before` is the number of waits so far.
    pub const fn wait(self, before: u32) -> i64 {
        let wait = self.first.saturating_mul(self.factor.saturating_pow(before));
        if wait < self.longest { wait } else { self.longest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest() {
        let backoff = Backoff { first: 60, factor: 2, longest: 3600 };
        assert_eq!([0, 1, 5, 6, 70, u32::MAX].map(|before| backoff.wait(before)), [60, 120, 1920, 3600, 3600, 3600]);
        let free = Backoff { longest: i64::MAX, ..backoff };
        assert_eq!(free.wait(u32::MAX), i64::MAX);
    }
}
