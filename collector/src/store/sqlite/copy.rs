//! Copying the database while it is written, and checking it.

use super::open::{self, FILE, failed};
use crate::store::{StoreError, body};
use std::fs::File;
use std::path::Path;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Reports that can be read.
    pub reports: u64,
    /// What is wrong. Quotes nothing of any report.
    pub wrong: Vec<String>,
}

/// Wrong things that are named; more are of no more use.
const MOST: usize = 100;

/// Copies the database of one directory into another one, as it is at one moment, while others write. When this returns, the
/// copy is on the disk.
pub(super) fn copy(data: &Path, to: &Path) -> Result<(), StoreError> {
    open::make_directory(to).map_err(|error| unusable(to, &error))?;
    let file = to.join(FILE);
    let db = open::for_asking(data)?;
    // One read transaction, and what was free or erased is not in the copy.
    db.execute("VACUUM INTO ?", [file.to_string_lossy()])
        .map_err(failed)?;
    let sync = || {
        File::open(&file)?.sync_all()?;
        File::open(to)?.sync_all()
    };
    sync().map_err(|error| unusable(to, &error))
}

fn unusable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}

/// The JSON of every report that is kept; of one that is damaged, what is wrong with it.
pub(super) fn bodies(data: &Path) -> Result<Vec<String>, StoreError> {
    let db = open::for_asking(data)?;
    let read = || -> rusqlite::Result<Vec<String>> {
        let mut reports = db.prepare("SELECT written FROM report")?;
        let mut rows = reports.query([])?;
        let mut bodies = Vec::new();
        while let Some(row) = rows.next()? {
            let json = body::json(row.get_ref(0)?.as_blob()?);
            bodies.push(json.map_or_else(|wrong| wrong, |json| json.into_owned()));
        }
        Ok(bodies)
    };
    read().map_err(failed)
}

/// Checks every page, every reference and every report.
pub(super) fn check(data: &Path) -> Result<Checked, StoreError> {
    let db = open::for_asking(data)?;
    let check = || -> rusqlite::Result<Checked> {
        let mut checked = Checked::default();
        let mut pages = db.prepare(&format!("PRAGMA integrity_check({MOST})"))?;
        for found in pages.query_map([], |row| row.get::<_, String>(0))? {
            let found = found?;
            if found != "ok" {
                checked.wrong.push(found);
            }
        }
        if !checked.wrong.is_empty() {
            // What is read from damaged pages says nothing.
            return Ok(checked);
        }
        let mut references = db.prepare("PRAGMA foreign_key_check")?;
        for table in references.query_map([], |row| row.get::<_, String>(0))? {
            let table = table?;
            checked.complain(format!("a row of {table} refers to one that is not there"));
        }
        let mut reports = db.prepare("SELECT seq, hex(id), written FROM report")?;
        let mut rows = reports.query([])?;
        while let Some(row) = rows.next()? {
            let (seq, id): (i64, String) = (row.get(0)?, row.get(1)?);
            match body::report(row.get_ref(2)?.as_blob()?) {
                Ok(report) if report.id.to_string() == id.to_ascii_lowercase() => {
                    checked.reports += 1;
                }
                Ok(_) => checked.complain(format!("report {seq} is kept under another id")),
                Err(_) => checked.complain(format!("report {seq} cannot be read")),
            }
        }
        Ok(checked)
    };
    check().map_err(failed)
}

impl Checked {
    fn complain(&mut self, what: String) {
        if self.wrong.len() < MOST {
            self.wrong.push(what);
        }
    }
}
