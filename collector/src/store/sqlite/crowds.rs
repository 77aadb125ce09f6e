//! Which installations were counted in which minute: in memory, for a few minutes, and never on the disk.

use std::collections::HashSet;

/// A minute of one connection: app, minute, name, endpoint.
type Minute = (i64, u64, i64, i64);

/// Installations that reconnected a moment ago.
#[derive(Default)]
pub(super) struct Crowds {
    met: HashSet<(Minute, [u8; 16])>,
    newest: u64,
}

/// How long an installation is remembered, in seconds: as long as reports of one minute arrive.
const REMEMBERED: u64 = 600;
/// More than this are not remembered; of a larger crowd some may be counted twice.
const MOST: usize = 200_000;

impl Crowds {
    /// Whether the installation is new in this minute.
    pub(super) fn meet(&mut self, minute: Minute, pseudonym: [u8; 16]) -> bool {
        if minute.1 > self.newest {
            self.newest = minute.1;
            let oldest = self.newest.saturating_sub(REMEMBERED);
            self.met.retain(|((_, minute, ..), _)| *minute >= oldest);
        }
        if self.met.len() >= MOST {
            self.met.clear();
        }
        self.met.insert((minute, pseudonym))
    }

    /// Forgets everything: what was given up was not counted.
    pub(super) fn clear(&mut self) {
        self.met.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_is_new_once_in_a_minute_and_forgotten_after_ten() {
        let mut crowds = Crowds::default();
        let minute = |minute| (1, minute, 2, 3);
        assert!(crowds.meet(minute(6_000), [7; 16]));
        assert!(!crowds.meet(minute(6_000), [7; 16]));
        assert!(crowds.meet(minute(6_000), [8; 16]));
        assert!(crowds.meet(minute(6_060), [7; 16]));
        crowds.meet(minute(6_660), [9; 16]);
        assert_eq!(crowds.met.len(), 2, "the first minute is forgotten");
    }
}
