//! How much is being done at a time, and that no app takes what another one needs.
//!
//! An app may take up to its share: all places by one more than the apps that are being served, so that whoever comes next
//! always finds some. Whoever is above its share, since others came, takes nothing more until it has given back.

use candor_protocol::deidentify::AppName;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Places of one kind of work.
#[derive(Debug)]
pub(super) struct Places {
    /// The most that is there.
    most: Held,
    taken: Mutex<Taken>,
}

/// Places, and bytes in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) places: usize,
    pub(super) bytes: usize,
}

#[derive(Debug, Default)]
struct Taken {
    all: Held,
    apps: HashMap<AppName, Held>,
}

impl Places {
    /// At least one of each.
    pub(super) fn new(most: Held) -> Arc<Self> {
        let most = Held {
            places: most.places.max(1),
            bytes: most.bytes.max(1),
        };
        Arc::new(Self {
            most,
            taken: Mutex::default(),
        })
    }

    /// A place for an app, with so many bytes; `None` when it has its share, or nothing is left.
    pub(super) fn take(self: &Arc<Self>, app: &AppName, bytes: usize) -> Option<Place> {
        let mut taken = self.taken();
        let more = Held { places: 1, bytes };
        if !taken.may(app, more, self.most) {
            return None;
        }
        taken.add(app, more);
        drop(taken);
        Some(Place {
            places: self.clone(),
            app: app.clone(),
            bytes,
        })
    }

    /// How much is taken now.
    pub(super) fn all(&self) -> Held {
        self.taken().all
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn may(&self, app: &AppName, more: Held, most: Held) -> bool {
        let mine = self.apps.get(app).copied().unwrap_or_default();
        let served = self.apps.len() + usize::from(!self.apps.contains_key(app));
        let fits = |mine: usize, all: usize, more: usize, most: usize| {
            // Whoever has nothing may have one thing, however large, as long as it is there.
            let share = most / (served + 1);
            more == 0 || (all + more <= most && (mine == 0 || mine + more <= share))
        };
        fits(mine.places, self.all.places, more.places, most.places)
            && fits(mine.bytes, self.all.bytes, more.bytes, most.bytes)
    }

    fn add(&mut self, app: &AppName, more: Held) {
        for held in [&mut self.all, self.apps.entry(app.clone()).or_default()] {
            held.places += more.places;
            held.bytes += more.bytes;
        }
    }
}

/// A place that is taken, until this value is gone.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    app: AppName,
    bytes: usize,
}

impl Place {
    /// Takes more bytes. Whether there were some; if not, nothing has changed.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let mut taken = self.places.taken();
        let more = Held { places: 0, bytes };
        let only = taken
            .apps
            .get(&self.app)
            .is_some_and(|mine| mine.places == 1);
        let fits = taken.all.bytes + bytes <= self.places.most.bytes;
        if fits && (only || taken.may(&self.app, more, self.places.most)) {
            taken.add(&self.app, more);
            self.bytes += bytes;
            return true;
        }
        false
    }

    /// Gives back what is more than so many bytes.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        let less = self.bytes.saturating_sub(bytes);
        let mut taken = self.places.taken();
        taken.all.bytes -= less;
        if let Some(mine) = taken.apps.get_mut(&self.app) {
            mine.bytes -= less;
        }
        self.bytes -= less;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        let less = |held: &mut Held| {
            held.places -= 1;
            held.bytes -= self.bytes;
        };
        less(&mut taken.all);
        if let Some(mine) = taken.apps.get_mut(&self.app) {
            less(mine);
            if mine.places == 0 {
                taken.apps.remove(&self.app);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn app(number: usize) -> AppName {
        format!("app-{number}").parse().unwrap()
    }

    #[test]
    fn whoever_comes_second_finds_a_place_however_much_the_first_one_wants() {
        let places = Places::new(Held {
            places: 12,
            bytes: 1_200,
        });
        let noisy: Vec<_> = (0..100).filter_map(|_| places.take(&app(0), 1)).collect();
        assert_eq!(noisy.len(), 6);
        let second: Vec<_> = (0..100).filter_map(|_| places.take(&app(1), 1)).collect();
        assert_eq!(second.len(), 4);
        assert!(places.take(&app(2), 1).is_some());
        // The first one has more than its share now, and gets nothing until it is below it.
        assert!(places.take(&app(0), 1).is_none());
        drop(noisy);
        assert!(places.take(&app(0), 1).is_some());
    }

    #[test]
    fn whoever_has_a_place_may_go_on_when_others_come() {
        let places = Places::new(Held {
            places: 12,
            bytes: 1_200,
        });
        let mut noisy: Vec<_> = (0..6).filter_map(|_| places.take(&app(0), 1)).collect();
        let _others: Vec<_> = (1..4).map(|other| places.take(&app(other), 1)).collect();
        assert!(noisy.iter_mut().all(|place| place.grow(10)));
    }

    #[test]
    fn bytes_are_shared_as_places_are() {
        let places = Places::new(Held {
            places: 100,
            bytes: 900,
        });
        let mut large = places.take(&app(0), 10).unwrap();
        // Alone, one thing may be as large as there is room.
        assert!(large.grow(600));
        assert!(places.take(&app(0), 10).is_none());
        assert!(!large.grow(400));
        assert!(places.take(&app(1), 200).is_some());
        assert_eq!(places.all().bytes, 610);
    }

    proptest! {
        #[test]
        fn never_more_than_there_is_and_everything_comes_back(
            steps in prop::collection::vec((0usize..5, 0usize..300, any::<bool>()), 0..200),
        ) {
            let places = Places::new(Held { places: 10, bytes: 1_000 });
            let mut held: Vec<Place> = Vec::new();
            for (number, bytes, give_back) in steps {
                if give_back && !held.is_empty() {
                    held.remove(number % held.len());
                } else if let Some(mut place) = places.take(&app(number), bytes) {
                    place.grow(bytes);
                    place.shrink_to(number * 100);
                    held.push(place);
                }
                let all = places.all();
                prop_assert!(all.places <= 10 && all.bytes <= 1_000);
                prop_assert_eq!(all.places, held.len());
                prop_assert_eq!(all.bytes, held.iter().map(|place| place.bytes).sum::<usize>());
            }
            held.clear();
            prop_assert_eq!(places.all(), Held::default());
            prop_assert!(places.taken().apps.is_empty());
        }
    }
}
