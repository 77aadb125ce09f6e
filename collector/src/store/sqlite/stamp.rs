//! Says that something has changed, to those who remember it.

use rusqlite::Transaction;

/// Issues in a day.
pub(super) const DAY: i64 = 0;
/// What was said about issues, and which releases have shown them.
pub(super) const SAID: i64 = 1;

/// What is counted of issues in the day that begins at `day` has changed.
pub(super) fn day(tx: &Transaction<'_>, app: i64, day: u64) -> rusqlite::Result<()> {
    write(tx, app, DAY, day)
}

/// What was said about issues has changed, or which releases have shown them.
pub(super) fn said(tx: &Transaction<'_>, app: i64) -> rusqlite::Result<()> {
    write(tx, app, SAID, 0)
}

/// Every day may have changed.
pub(super) fn all_days(tx: &Transaction<'_>, app: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE stamp SET stamp = random() WHERE app = ? AND about = ?")?
        .execute((app, DAY))?;
    Ok(())
}

fn write(tx: &Transaction<'_>, app: i64, about: i64, day: u64) -> rusqlite::Result<()> {
    // Drawn, since a number that goes on would be the same again after a database was put back.
    tx.prepare_cached(
        "INSERT INTO stamp (app, about, day, stamp) VALUES (?, ?, ?, random()) ON CONFLICT DO UPDATE SET stamp = excluded.stamp",
    )?
    .execute((app, about, day))?;
    Ok(())
}
