//! Pings: closures that are posted to a loop and say how long it takes to come round to them.

use super::super::Switch;
use super::thresholds::Thresholds;
use super::watch::{PAUSED, State, THREADS};
use candor_protocol::deidentify::Name;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::runtime::Handle;

/// What is posted to a loop, to be run there once. It takes some nanoseconds, and never blocks or panics.
pub type Ping = Box<dyn FnOnce() + Send>;

/// A watch over an event loop that is sent pings. Dropping it ends the watch.
#[derive(Debug)]
pub struct Pings {
    state: Option<Arc<State>>,
}

/// How a ping comes to its loop.
pub(super) enum Post {
    /// By a function of the host's.
    Host(Box<dyn Fn(Ping) + Send + Sync>),
    /// As a task of a runtime.
    Runtime(Handle),
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host(_) => "Host",
            Self::Runtime(_) => "Runtime",
        })
    }
}

impl Pings {
    pub(crate) const INERT: Self = Self { state: None };

    pub(crate) fn new(state: Arc<State>) -> Self {
        Self { state: Some(state) }
    }

    /// No ping is sent, and no freeze told, until [`resume`](Self::resume): for a time in which the loop does not turn.
    pub fn pause(&self) {
        if let Some(state) = &self.state {
            state.rest(PAUSED, true);
        }
    }

    /// Ends a pause.
    pub fn resume(&self) {
        if let Some(state) = &self.state {
            state.rest(PAUSED, false);
        }
    }
}

impl Drop for Pings {
    fn drop(&mut self) {
        if let Some(state) = &self.state {
            state.give_up();
        }
    }
}

/// A ping on its way. A loop that has ended drops it, which answers it too: there is nothing left that could freeze.
struct OnItsWay(Arc<State>);

impl OnItsWay {
    fn answer(self) {
        self.0.note_thread();
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// So many of the first pings to a runtime are accompanied by tasks that find out which threads its workers are.
const SCOUTED: u64 = 10;

impl State {
    /// The state of a watch that sends pings by `post`.
    pub(crate) fn pinged(
        name: Name,
        thresholds: Thresholds,
        switch: Arc<Switch>,
        post: impl Fn(Ping) + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, thresholds, switch).by(Post::Host(Box::new(post)))
    }

    /// The state of a watch that sends pings to a runtime: one that none of its workers comes round to is a freeze.
    pub(crate) fn of_runtime(
        name: Name,
        thresholds: Thresholds,
        switch: Arc<Switch>,
        runtime: Handle,
    ) -> Self {
        Self::new(name, thresholds, switch).by(Post::Runtime(runtime))
    }

    /// Sends a ping, if this watch does and none is on its way. Calls the host: not under a permit.
    pub(crate) fn ping(self: &Arc<Self>) {
        let Some(post) = self.post() else { return };
        if !self.begin_ping() {
            return;
        }
        let ping = OnItsWay(self.clone());
        let post = || match post {
            Post::Host(post) => post(Box::new(move || ping.answer())),
            Post::Runtime(runtime) => {
                runtime.spawn(async move { ping.answer() });
                self.scout(runtime);
            }
        };
        if catch_unwind(AssertUnwindSafe(post)).is_err() {
            // It will not work the next time either.
            self.give_up();
        }
    }

    /// A ping is answered by whichever worker comes first, so that it alone would not tell all of them.
    fn scout(self: &Arc<Self>, runtime: &Handle) {
        let workers = runtime.metrics().num_workers();
        if workers < 2 || self.pings_sent() > SCOUTED {
            return;
        }
        for _ in 0..2 * workers.min(THREADS) {
            let state = self.clone();
            runtime.spawn(async move {
                state.note_thread();
                // Whoever takes it up again may be another.
                tokio::task::yield_now().await;
                state.note_thread();
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::Ordering::Relaxed;

    /// A loop that keeps what is posted to it.
    fn watched() -> (Arc<State>, Arc<Mutex<Vec<Ping>>>) {
        let switch = Arc::new(Switch::default());
        switch.open.store(true, Relaxed);
        let queue: Arc<Mutex<Vec<Ping>>> = Arc::default();
        let posted = queue.clone();
        let post = move |ping| posted.lock().unwrap().push(ping);
        let name = Name::declare("loop");
        let state = State::pinged(name, Thresholds::default(), switch, post);
        (Arc::new(state), queue)
    }

    #[test]
    fn a_ping_is_a_turn_until_the_loop_runs_it() {
        let (state, queue) = watched();
        assert_eq!(state.threads(), []);
        state.ping();
        state.ping();
        assert_eq!(queue.lock().unwrap().len(), 1, "one at a time");
        assert_ne!(state.look().turn, 0);
        let ping = queue.lock().unwrap().pop().unwrap();
        ping();
        assert_eq!(state.look().turn, 0);
        assert_eq!(state.threads(), [candor_crash::current_thread()]);
    }

    #[test]
    fn a_loop_that_throws_a_ping_away_has_ended() {
        let (state, queue) = watched();
        state.ping();
        queue.lock().unwrap().clear();
        assert_eq!(state.look().turn, 0);
        assert_eq!(state.threads(), []);
    }

    #[test]
    fn a_loop_that_may_rest_gets_no_pings() {
        let (state, queue) = watched();
        state.background(true);
        state.ping();
        state.background(false);
        state.rest(PAUSED, true);
        state.ping();
        assert_eq!(queue.lock().unwrap().len(), 0);
        state.rest(PAUSED, false);
        state.ping();
        assert_eq!(queue.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_function_that_panics_ends_its_watch_and_nothing_else() {
        let switch = Arc::new(Switch::default());
        switch.open.store(true, Relaxed);
        let name = Name::declare("loop");
        let post = |_| std::panic::resume_unwind(Box::new("the host's"));
        let state = Arc::new(State::pinged(name, Thresholds::default(), switch, post));
        state.ping();
        assert!(state.is_dropped());
    }
}
