//! One look for all who ask at the same time. A page asks a dozen questions at once, and each has to know what was kept before it was
//! asked: a look that began after that is as good as its own.

use crate::store::StoreError;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use tokio::sync::Mutex;

/// What was seen last, and when it was begun to be looked at.
pub(super) struct Shared<T> {
    /// Counts questions and looks.
    now: AtomicU64,
    last: Mutex<Option<(u64, Result<T, StoreError>)>>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self {
            now: AtomicU64::new(0),
            last: Mutex::new(None),
        }
    }
}

impl<T: Clone> Shared<T> {
    /// What a look that began after this was called has seen: another's, or else `look`.
    pub(super) async fn see(
        &self,
        look: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let asked = self.now.fetch_add(1, SeqCst);
        let mut last = self.last.lock().await;
        if let Some((began, seen)) = &*last
            && *began > asked
        {
            return seen.clone();
        }
        let began = self.now.fetch_add(1, SeqCst);
        let seen = look.await;
        *last = Some((began, seen.clone()));
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    #[tokio::test]
    async fn who_asks_while_it_is_looked_shares_the_next_look_and_who_asks_later_sees_anew() {
        let (shared, looks) = (Shared::default(), AtomicU64::new(0));
        let look = async || {
            let which = looks.fetch_add(1, SeqCst);
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            match which {
                2 => Err(StoreError::Unavailable("away".to_owned())),
                which => Ok(which),
            }
        };
        let asked = join_all((0..12).map(|_| shared.see(look()))).await;
        let mut expected = vec![Ok(1); 12];
        expected[0] = Ok(0);
        assert_eq!(asked, expected, "the second look began after all had asked");
        // A failure is told to whoever asked before it, and not kept.
        assert!(shared.see(look()).await.is_err());
        assert_eq!(shared.see(look()).await, Ok(3));
        assert_eq!(looks.load(SeqCst), 4);
    }
}
