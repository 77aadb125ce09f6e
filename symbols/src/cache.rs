//! A bounded cache: what was used since the last turn stays.

use std::collections::HashMap;
use std::hash::Hash;

/// Keeps at least the `half` most recently used entries, at most twice as many.
pub(crate) struct Cache<K, V> {
    half: usize,
    recent: HashMap<K, V>,
    older: HashMap<K, V>,
}

impl<K: Hash + Eq, V> Cache<K, V> {
    pub(crate) fn new(half: usize) -> Self {
        Self {
            half,
            recent: HashMap::new(),
            older: HashMap::new(),
        }
    }

    pub(crate) fn get<T>(&mut self, key: &K, take: impl FnOnce(&V) -> T) -> Option<T> {
        if let Some(value) = self.recent.get(key) {
            return Some(take(value));
        }
        let (key, value) = self.older.remove_entry(key)?;
        let taken = take(&value);
        self.insert(key, value);
        Some(taken)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.recent.len() >= self.half {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(key, value);
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.recent.retain(|_, value| keep(value));
        self.older.retain(|_, value| keep(value));
    }

    pub(crate) fn clear(&mut self) {
        self.recent.clear();
        self.older.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut cache = Cache::new(2);
        for key in 0..100 {
            cache.insert(key, key);
            assert_eq!(cache.get(&0, |value| *value), Some(0), "after {key}");
            assert!(cache.recent.len() + cache.older.len() <= 4);
        }
        assert_eq!(cache.get(&50, |value| *value), None);
    }
}
