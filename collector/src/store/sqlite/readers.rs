//! Connections that read.

use super::open::{self, failed};
use super::remembered::Remembered;
use crate::store::{Answer, StoreError};
use candor_protocol::deidentify::AppName;
use rusqlite::{Connection, Transaction};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Questions that are answered at the same time.
const READERS: usize = 4;

/// A pool of reading connections.
pub(super) struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    data: PathBuf,
    free: Arc<Semaphore>,
    /// Those that are open and not in use. More are opened while more questions are asked at the same time.
    connections: Mutex<Vec<Connection>>,
    remembered: Arc<Remembered>,
}

impl Readers {
    pub(super) fn open(data: &Path) -> Result<Self, StoreError> {
        let first = open::for_reading(data)?;
        Ok(Self {
            shared: Arc::new(Shared {
                data: data.to_owned(),
                free: Arc::new(Semaphore::new(READERS)),
                connections: Mutex::new(vec![first]),
                remembered: Arc::default(),
            }),
        })
    }

    /// Asks in one read transaction, so that an answer of many queries is of one moment.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> impl Answer<T> {
        let shared = self.shared.clone();
        let question: Question<T> = Box::new(question);
        async move { shared.ask(question).await }
    }

    /// Asks about an app by its id; an app that does not exist has the answer that nothing is there.
    pub(super) fn ask_about<T: Default + Send + 'static>(
        &self,
        app: &AppName,
        question: impl FnOnce(&Transaction<'_>, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> impl Answer<T> {
        let app = app.clone();
        self.ask(move |db| match super::read::apps::id(db, &app)? {
            Some(app) => question(db, app),
            None => Ok(T::default()),
        })
    }
}

impl Readers {
    /// As [`ask_about`](Self::ask_about), for questions that remember what they have read.
    pub(super) fn recall<T: Default + Send + 'static>(
        &self,
        app: &AppName,
        question: impl FnOnce(&Transaction<'_>, i64, &Remembered) -> rusqlite::Result<T>
        + Send
        + 'static,
    ) -> impl Answer<T> {
        let remembered = self.shared.remembered.clone();
        self.ask_about(app, move |db, app| question(db, app, &remembered))
    }
}

type Question<T> = Box<dyn FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send>;

impl Shared {
    async fn ask<T: Send + 'static>(
        self: Arc<Self>,
        question: Question<T>,
    ) -> Result<T, StoreError> {
        let mut borrowed = self.borrow().await?;
        // Whoever asked may go away meanwhile; the connection comes back all the same.
        let asked = tokio::task::spawn_blocking(move || {
            let connection = match &mut borrowed.connection {
                Some(connection) => connection,
                none => none.insert(open::for_reading(&borrowed.shared.data)?),
            };
            let answer = connection.transaction().and_then(|tx| question(&tx));
            answer.map_err(failed)
        });
        asked
            .await
            .map_err(|_| StoreError::Fault("a question ended with a panic".to_owned()))?
    }

    async fn borrow(self: Arc<Self>) -> Result<Borrowed, StoreError> {
        let permit = self
            .free
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Stopped)?;
        let connection = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        Ok(Borrowed {
            connection,
            shared: self,
            _permit: permit,
        })
    }
}

/// A connection that goes back to the pool whatever happens; there are no more connections than permits.
struct Borrowed {
    /// None where it is still to be opened.
    connection: Option<Connection>,
    shared: Arc<Shared>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.shared
                .connections
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
        }
    }
}
