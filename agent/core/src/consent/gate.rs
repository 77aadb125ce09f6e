//! The gate, and the permit that only it makes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::Notify;

/// Open while both the developer and the user want it, closed for good once the user does not.
///
/// Everything that writes or sends takes a [`Permit`], which borrows the gate: [`Gate::close`] returns only when no
/// permit is held any more. Nothing that holds one may call back into the gate or the host.
#[derive(Debug, Default)]
pub struct Gate {
    passing: RwLock<()>,
    closed: AtomicBool,
    closing: Notify,
}

/// Proof that writing and sending is allowed, for as long as it is held.
#[derive(Debug)]
pub struct Permit<'gate> {
    gate: &'gate Gate,
    _passing: RwLockReadGuard<'gate, ()>,
}

impl Gate {
    /// A gate that is open. Only the agent makes one, for a consent that is complete.
    pub(crate) fn open() -> Self {
        Self::default()
    }

    /// A permit, unless the gate is closed.
    pub fn permit(&self) -> Option<Permit<'_>> {
        if self.closed.load(Ordering::Acquire) {
            return None;
        }
        let passing = self.passing.read().unwrap_or_else(PoisonError::into_inner);
        // Closing sets the flag before it waits for the lock, so whoever has the lock now and sees no flag is waited for.
        (!self.closed.load(Ordering::Acquire)).then_some(Permit {
            gate: self,
            _passing: passing,
        })
    }

    /// Whether a permit can be had, for decisions that write nothing.
    pub fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Acquire)
    }

    /// Closes the gate and waits until no permit is held. What waits for the network is told and gives up at once.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.closing.notify_waiters();
        drop(self.passing.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Permit<'_> {
    /// Runs `work` unless the gate closes meanwhile; then `work` is dropped where it stands and the answer is `None`.
    pub(crate) async fn while_open<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let closing = self.gate.closing.notified();
        let mut closing = std::pin::pin!(closing);
        closing.as_mut().enable();
        if !self.gate.is_open() {
            return None;
        }
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|context| {
            if closing.as_mut().poll(context).is_ready() {
                return std::task::Poll::Ready(None);
            }
            work.as_mut().poll(context).map(Some)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    #[test]
    fn a_closed_gate_gives_no_permit() {
        let gate = Gate::open();
        assert!(gate.permit().is_some());
        gate.close();
        assert!(gate.permit().is_none());
        assert!(!gate.is_open());
    }

    #[test]
    fn closing_returns_only_when_no_permit_is_held() {
        let gate = Arc::new(Gate::open());
        let (has_permit, permit_held) = channel();
        let (release, may_release) = channel::<()>();
        let holder = std::thread::spawn({
            let gate = gate.clone();
            move || {
                let permit = gate.permit().unwrap();
                has_permit.send(()).unwrap();
                may_release.recv().unwrap();
                let seen_closing = !gate.is_open();
                drop(permit);
                seen_closing
            }
        });
        permit_held.recv().unwrap();
        let closer = std::thread::spawn({
            let gate = gate.clone();
            move || gate.close()
        });
        while gate.is_open() {
            std::thread::yield_now();
        }
        assert!(
            !closer.is_finished(),
            "the gate closed over a permit that was held"
        );
        release.send(()).unwrap();
        assert!(holder.join().unwrap());
        closer.join().unwrap();
    }

    #[test]
    fn what_waits_for_the_network_gives_up_when_the_gate_closes() {
        let gate = Arc::new(Gate::open());
        let (has_permit, permit_held) = channel();
        let sender = std::thread::spawn({
            let gate = gate.clone();
            move || {
                let permit = gate.permit().unwrap();
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                has_permit.send(()).unwrap();
                runtime.block_on(permit.while_open(std::future::pending::<()>()))
            }
        });
        permit_held.recv().unwrap();
        gate.close();
        assert_eq!(sender.join().unwrap(), None);
    }
}
