//! Texts that many reports share, each stored once.

use rusqlite::{OptionalExtension, Transaction};
use std::collections::HashMap;

/// Texts whose ids are remembered. A sender that makes up releases must not fill the memory.
const REMEMBERED: usize = 10_000;

/// Ids of texts, as far as they are remembered.
#[derive(Default)]
pub(super) struct Words(HashMap<String, i64>);

impl Words {
    /// The id of a text, which is stored when it is new.
    pub(super) fn id(&mut self, tx: &Transaction<'_>, text: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.0.get(text) {
            return Ok(*id);
        }
        let known: Option<i64> = tx
            .prepare_cached("SELECT id FROM word WHERE text = ?")?
            .query_row([text], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => {
                tx.prepare_cached("INSERT INTO word (text) VALUES (?)")?
                    .execute([text])?;
                tx.last_insert_rowid()
            }
        };
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert(text.to_owned(), id);
        Ok(id)
    }

    /// Forgets everything: what was stored in a transaction that was given up has no id.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
