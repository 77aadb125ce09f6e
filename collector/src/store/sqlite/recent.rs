//! What was asked for last, up to so many bytes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Keeps what was asked for last, each with the stamp that it was read under.
pub(super) struct Recent<K, S, T> {
    kept: HashMap<K, Kept<S, T>>,
    /// Of all that is kept.
    bytes: usize,
    most: usize,
    /// Counts questions.
    now: u64,
}

struct Kept<S, T> {
    stamp: S,
    used: u64,
    bytes: usize,
    what: Arc<T>,
}

impl<K: Copy + Eq + Hash, S: PartialEq, T> Recent<K, S, T> {
    /// At most so many bytes.
    pub(super) fn of(most: usize) -> Self {
        Self {
            kept: HashMap::new(),
            bytes: 0,
            most,
            now: 0,
        }
    }

    /// What is kept under this stamp.
    pub(super) fn get(&mut self, key: &K, stamp: &S) -> Option<Arc<T>> {
        self.now += 1;
        let kept = self.kept.get_mut(key)?;
        kept.used = self.now;
        (kept.stamp == *stamp).then(|| kept.what.clone())
    }

    /// Keeps this; what nobody asked for for longest goes where there is too much.
    pub(super) fn keep(&mut self, key: K, stamp: S, what: Arc<T>, bytes: usize) {
        let new = Kept {
            stamp,
            used: self.now,
            bytes,
            what,
        };
        self.bytes += bytes;
        let replaced = self.kept.insert(key, new);
        self.forget(replaced);
        while self.bytes > self.most {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used);
            let Some((&oldest, _)) = oldest else { break };
            let gone = self.kept.remove(&oldest);
            self.forget(gone);
        }
    }

    fn forget(&mut self, gone: Option<Kept<S, T>>) {
        self.bytes -= gone.map_or(0, |gone| gone.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asked_for_for_long_is_forgotten_when_there_is_too_much() {
        let mut recent = Recent::of(4);
        for key in 0..5 {
            assert_eq!(recent.get(&key, &'a'), None);
            recent.keep(key, 'a', Arc::new(key * 10), 1);
        }
        let left: Vec<bool> = (0..5).map(|key| recent.get(&key, &'a').is_some()).collect();
        assert_eq!(left, [false, true, true, true, true]);
        assert_eq!(recent.get(&4, &'b'), None, "it has changed since");
        recent.keep(4, 'b', Arc::new(41), 1);
        assert!((1..5).all(|key| recent.kept.contains_key(&key)));
        assert_eq!(recent.bytes, 4, "what is replaced takes no room");
    }
}
