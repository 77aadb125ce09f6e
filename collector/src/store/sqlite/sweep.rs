//! Words that nothing refers to any more: a name that only erased or expired reports had is gone with them.

use super::writer::Work;

/// Where words are referred to: small tables, in which nearly every word is found.
const SUMMARIES: &[(&str, &[&str])] = &[
    ("run_count", &["release", "os", "device"]),
    ("fault_count", &["release"]),
    ("issue_count", &["release", "os", "device"]),
    ("issue_release", &["release"]),
    (
        "connection_sum",
        &["release", "os", "region", "name", "endpoint"],
    ),
    ("reconnect_minute", &["name", "endpoint"]),
];

/// And large ones, which are asked about the others only. A report can outlive its summaries where a clock was wrong.
const REPORTS: &[(&str, &[&str])] = &[
    ("run", &["release", "os", "device"]),
    ("report", &["release", "os", "device"]),
    (
        "connection_install",
        &["release", "os", "region", "name", "endpoint"],
    ),
];

/// Forgets words that nothing refers to.
pub(super) fn sweep(work: &mut Work<'_>) -> rusqlite::Result<()> {
    let (summaries, reports) = (used(SUMMARIES), used(REPORTS));
    let unused = format!("SELECT id FROM word WHERE id NOT IN ({summaries})");
    let mut query = work.tx.prepare_cached(&unused)?;
    if query.exists([])? {
        let gone = format!("DELETE FROM word WHERE id IN ({unused}) AND id NOT IN ({reports})");
        work.tx.execute(&gone, [])?;
        // Ids of words are given again.
        work.words.clear();
    }
    Ok(())
}

fn used(tables: &[(&str, &[&str])]) -> String {
    let columns = tables.iter().flat_map(|(table, columns)| {
        let column = move |column| format!("SELECT {column} FROM {table}");
        columns.iter().map(column)
    });
    columns.collect::<Vec<_>>().join(" UNION ")
}
