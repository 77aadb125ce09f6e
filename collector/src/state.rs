//! What every request handler is given.

use crate::access::Door;
use crate::alerts::Alerts;
use crate::grouping::Rules;
use crate::kin::Kin;
use crate::late::Progress;
use crate::metrics::Metrics;
use crate::privacy::Office;
use crate::privacy::groups::SmallGroups;
use crate::store::Store;
use candor_symbols::Symbols;
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// What every request handler is given: where reports are kept, names for their addresses, what is owed to people, and the time.
pub struct State<S> {
    /// Where reports are kept.
    pub store: Arc<S>,
    /// Names for addresses.
    pub symbols: Arc<Symbols>,
    /// A developer's rules of grouping.
    pub rules: Arc<Rules>,
    /// Issues that those rules would split, and which are one.
    pub kin: Arc<Kin>,
    /// Settings, receipts, requests and the audit trail.
    pub office: Arc<Office>,
    /// Who comes in.
    pub door: Arc<Door>,
    /// Who is told what, and what was told.
    pub alerts: Arc<Alerts>,
    /// What is done with classes that few installations are in.
    pub small: SmallGroups,
    /// The time.
    pub clock: Clock,
    /// The collector's own figures.
    pub metrics: Arc<Metrics>,
    /// How far names that came late are given.
    pub late: Arc<Progress>,
}

impl<S: Store> State<S> {
    /// A state with the system's clock that merges small groups and lets in who is in the register beside the office.
    pub fn new(store: S, symbols: Symbols, office: Office) -> Self {
        Self {
            door: Arc::new(Door::of(office.data())),
            alerts: Arc::new(Alerts::of(office.data())),
            store: Arc::new(store),
            symbols: Arc::new(symbols),
            office: Arc::new(office),
            small: SmallGroups::default(),
            clock: Clock::system(),
            metrics: Arc::default(),
            late: Arc::default(),
            rules: Arc::default(),
            kin: Arc::default(),
        }
    }
}

// Derived, it would ask for `S: Clone`.
impl<S> Clone for State<S> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            symbols: self.symbols.clone(),
            office: self.office.clone(),
            door: self.door.clone(),
            alerts: self.alerts.clone(),
            small: self.small,
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            late: self.late.clone(),
            rules: self.rules.clone(),
            kin: self.kin.clone(),
        }
    }
}

/// The only reader of time in the collector.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::new(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs())
        })
    }

    /// A clock that tells what `now` returns, in seconds since 1970-01-01 UTC.
    pub fn new(now: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Seconds since 1970-01-01 UTC.
    pub fn now(&self) -> u64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
