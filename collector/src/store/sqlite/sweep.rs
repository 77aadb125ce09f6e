//! Words that nothing refers to any more: a name that only erased or expired reports had is gone with them.

use super::writer::Work;

/// Where words are referred to. Every report that is kept is counted in one of these for longer than it is kept.
const REFERENCES: &[(&str, &[&str])] = &[
    ("run_count", &["release", "os", "device"]),
    ("fault_count", &["release"]),
    ("issue_count", &["release", "os", "device"]),
    (
        "connection_sum",
        &["release", "os", "region", "name", "endpoint"],
    ),
    ("reconnect_minute", &["name", "endpoint"]),
];

/// Forgets words that nothing refers to.
pub(super) fn sweep(work: &mut Work<'_>) -> rusqlite::Result<()> {
    let used: Vec<String> = REFERENCES
        .iter()
        .flat_map(|(table, columns)| {
            columns
                .iter()
                .map(move |column| format!("SELECT {column} FROM {table}"))
        })
        .collect();
    work.tx.execute(
        &format!(
            "DELETE FROM word WHERE id NOT IN ({})",
            used.join(" UNION ")
        ),
        [],
    )?;
    // Ids of words are given again.
    work.words.clear();
    Ok(())
}
