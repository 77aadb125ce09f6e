//! Which reports of an issue are counted together in its days.

use crate::store::Dimension;
use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef};

/// All reports, or those of one class, as the tables of days name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Class(i64);

/// Ids of words are below.
const WORDS: i64 = 1 << 40;

impl Class {
    /// Whatever the class.
    pub(super) const ALL: Self = Self(0);

    /// Every class of a report: `words` are the ids of its release, system and machine.
    pub(super) const fn each([release, os, device]: [i64; 3]) -> [Self; 4] {
        [
            Self::ALL,
            Self::of(Dimension::Release, release),
            Self::of(Dimension::Os, os),
            Self::of(Dimension::Device, device),
        ]
    }

    /// The class of a dimension that the word with this id names.
    pub(super) const fn of(dimension: Dimension, word: i64) -> Self {
        Self((dimension as i64 + 1) * WORDS + word)
    }

    /// From the first to before the second lie the classes of a dimension.
    pub(super) const fn range(dimension: Dimension) -> (Self, Self) {
        let Self(first) = Self::of(dimension, 0);
        (Self(first), Self(first + WORDS))
    }

    /// The one that would come next: a range of this one alone ends there.
    pub(super) const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The id of the word that names it.
    pub(super) const fn word(self) -> i64 {
        self.0 % WORDS
    }
}

impl ToSql for Class {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for Class {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}
