//! The audit trail: who read a single report, took a copy out, erased, or changed a setting, and when.
//!
//! A line is `HASH JSON`. The hash is the SHA-256 of the line before's hash, a line break, and this line's JSON, so no byte can
//! be changed without all that follows becoming wrong. There is a file for each month; when a month is too old to be kept,
//! an entry that names its last hash vouches for where the trail begins. Reports and installations are named by hashes of
//! their random numbers, so that an erased one leaves no trace here either.

use super::files;
use candor_protocol::deidentify::AppName;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What the first line follows.
const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Did {
    /// A single report was shown.
    ReportRead,
    /// Reports of an installation were handed out as a copy.
    CopyGiven,
    /// Aggregates were handed to a partner.
    Exported,
    /// Reports were erased.
    Erased,
    /// Reports or summaries were too old and were forgotten.
    Expired,
    /// The oldest months of this trail were too old and were forgotten; what is said is their last hash.
    TrailExpired,
    /// A setting was changed.
    SettingChanged,
    /// An app was added.
    AppAdded,
    /// An ingest key was added.
    KeyAdded,
    /// It was said when an ingest key ends.
    KeyEnded,
    /// A partner was added.
    PartnerAdded,
    /// A request of a person was opened, answered or refused.
    RequestChanged,
    /// A legal hold was asked for, approved or ended.
    HoldChanged,
    /// A batch was refused because of its region.
    RegionRefused,
    /// The end of the service was announced to agents.
    SunsetSigned,
    /// Somebody signed in.
    SignedIn,
    /// Somebody could not sign in.
    SignInRefused,
    /// A person was added, removed, or given another role or password.
    PersonChanged,
    /// A token of a program was added or ended.
    TokenChanged,
    /// Issues were resolved, ignored, opened again, assigned, noted, merged, split off, or muted.
    IssueChanged,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Counts from 1, without gaps.
    pub n: u64,
    /// When, in seconds since 1970-01-01 UTC.
    pub at: u64,
    /// Who: `agent`, `collector`, `command line`, `dashboard`, `api`, `token` and the name of a program's token, or the
    /// name of whoever signed in.
    pub who: String,
    /// What was done.
    pub did: Did,
    /// To which app's data; empty where it concerns all.
    pub app: String,
    /// The circumstances, in words of the collector's own.
    pub what: String,
}

/// What is to be written.
#[derive(Debug, Clone)]
pub struct Deed<'a> {
    /// Who.
    pub who: &'a str,
    /// What.
    pub did: Did,
    /// To which app's data.
    pub app: Option<&'a AppName>,
    /// The circumstances.
    pub what: String,
}

/// A trail that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// How many entries it has.
    pub entries: u64,
    /// The hash of the last one: whoever notes it can tell later that nothing was cut off.
    pub head: String,
}

/// Where a trail is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tampered {
    /// The file.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

impl std::fmt::Display for Tampered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (file, line, why) = (self.file.display(), self.line, self.why);
        write!(f, "{file}, line {line}: {why}")
    }
}

fn hash(before: &str, json: &str) -> String {
    super::key::hex(&Sha256::digest(format!("{before}\n{json}")))
}

/// The trail in a directory.
#[derive(Debug)]
pub struct Trail {
    directory: PathBuf,
}

impl Trail {
    pub(super) fn open(directory: PathBuf) -> io::Result<Self> {
        files::directory(&directory)?;
        Ok(Self { directory })
    }

    /// Writes a deed down; it is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written. Then the deed must not be done.
    pub fn write(&self, at: u64, deed: &Deed<'_>) -> io::Result<()> {
        let _locked = files::lock(&self.directory)?;
        let (n, before) = self.end()?;
        self.append(n + 1, &before, at, deed)
    }

    fn append(&self, n: u64, before: &str, at: u64, deed: &Deed<'_>) -> io::Result<()> {
        let entry = Entry {
            n,
            at,
            who: deed.who.to_owned(),
            did: deed.did,
            app: deed.app.map(AppName::to_string).unwrap_or_default(),
            what: deed.what.clone(),
        };
        let json = serde_json::to_string(&entry)?;
        let line = format!("{} {json}\n", hash(before, &json));
        let path = self.directory.join(format!("{}.log", month(at)));
        // Months are files in order; a clock that was set back must not write into an earlier one.
        let path = self
            .months()?
            .pop()
            .map_or(path.clone(), |last| last.max(path));
        let mut file = files::private(&path, OpenOptions::new().append(true).create(true))?;
        file.write_all(line.as_bytes())?;
        file.sync_data()
    }

    /// Number and hash of the last entry. What a power cut left of one that was never acknowledged is taken off.
    fn end(&self) -> io::Result<(u64, String)> {
        for path in self.months()?.into_iter().rev() {
            let text = fs::read_to_string(&path)?;
            let whole = text.rfind('\n').map_or(0, |end| end + 1);
            if whole < text.len() {
                OpenOptions::new()
                    .write(true)
                    .open(&path)?
                    .set_len(whole as u64)?;
            }
            let Some(line) = text.get(..whole).and_then(|text| text.lines().next_back()) else {
                continue;
            };
            let damaged = || io::Error::other(format!("{} is damaged", path.display()));
            let (hash, json) = line.split_once(' ').ok_or_else(damaged)?;
            let entry: Entry = serde_json::from_str(json).map_err(|_| damaged())?;
            return Ok((entry.n, hash.to_owned()));
        }
        Ok((0, BEGINNING.to_owned()))
    }

    /// The hash of the last entry.
    ///
    /// # Errors
    /// When the trail cannot be read.
    pub fn head(&self) -> io::Result<String> {
        let _locked = files::lock(&self.directory)?;
        Ok(self.end()?.1)
    }

    /// The files, oldest first.
    fn months(&self) -> io::Result<Vec<PathBuf>> {
        let mut months = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                months.push(path);
            }
        }
        months.sort();
        Ok(months)
    }

    /// Whether an entry has this hash.
    ///
    /// # Errors
    /// When the trail cannot be read.
    pub fn holds(&self, hash: &str) -> io::Result<bool> {
        for path in self.months()? {
            let text = fs::read_to_string(&path)?;
            if text
                .lines()
                .any(|line| line.split_once(' ').is_some_and(|(said, _)| said == hash))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The last entries, newest first.
    ///
    /// # Errors
    /// When the trail cannot be read.
    pub fn last(&self, most: usize) -> io::Result<Vec<Entry>> {
        let mut found = Vec::new();
        for path in self.months()?.into_iter().rev() {
            let text = fs::read_to_string(&path)?;
            let entries = text.lines().rev().filter_map(|line| {
                let (_, json) = line.split_once(' ')?;
                serde_json::from_str(json).ok()
            });
            found.extend(entries.take(most - found.len()));
            if found.len() == most {
                break;
            }
        }
        Ok(found)
    }

    /// Checks every byte.
    ///
    /// # Errors
    /// The outer one when the trail cannot be read, the inner one when it is not what was written.
    pub fn verify(&self) -> io::Result<Result<Whole, Tampered>> {
        let _locked = files::lock(&self.directory)?;
        let mut lines = Vec::new();
        for file in self.months()? {
            let bytes = fs::read(&file)?;
            let mut at = 0;
            let mut number = 0;
            while at < bytes.len() {
                number += 1;
                let place = |why| Tampered {
                    file: file.clone(),
                    line: number,
                    why,
                };
                let Some(length) = bytes[at..].iter().position(|&byte| byte == b'\n') else {
                    return Ok(Err(place("it does not end")));
                };
                let Ok(line) = std::str::from_utf8(&bytes[at..at + length]) else {
                    return Ok(Err(place("it is not text")));
                };
                lines.push((place("its hash is another one"), line.to_owned()));
                at += length + 1;
            }
        }
        Ok(check(&lines))
    }

    /// Forgets whole months that ended before `before`, and writes down what the trail begins after.
    pub(super) fn expire(&self, now: u64, before: u64) -> io::Result<u64> {
        let _locked = files::lock(&self.directory)?;
        let old = month(before);
        let mut gone = Vec::new();
        let mut last = None;
        let months = self.months()?;
        // The newest is kept whatever its age: the trail goes on from it.
        for path in months.iter().take(months.len().saturating_sub(1)) {
            if path
                .file_stem()
                .is_none_or(|stem| stem.to_string_lossy().as_ref() >= old.as_str())
            {
                break;
            }
            let text = fs::read_to_string(path)?;
            let hash = |line: &str| line.split_once(' ').map(|(hash, _)| hash.to_owned());
            last = text.lines().next_back().and_then(hash).or(last);
            gone.push(path);
        }
        let Some(last) = last else { return Ok(0) };
        let (n, head) = self.end()?;
        let deed = Deed {
            who: "collector",
            did: Did::TrailExpired,
            app: None,
            what: last,
        };
        self.append(n + 1, &head, now, &deed)?;
        for path in &gone {
            fs::remove_file(path)?;
        }
        Ok(gone.len() as u64)
    }
}

fn check(lines: &[(Tampered, String)]) -> Result<Whole, Tampered> {
    let mut entries = Vec::with_capacity(lines.len());
    for (place, line) in lines {
        let wrong = |why| Tampered {
            why,
            ..place.clone()
        };
        let (hash, json) = line
            .split_once(' ')
            .ok_or_else(|| wrong("it has no hash"))?;
        let entry: Entry = serde_json::from_str(json).map_err(|_| wrong("it is no entry"))?;
        entries.push((place, hash, json, entry));
    }
    let Some((first_place, first_hash, first_json, first)) = entries.first() else {
        return Ok(Whole {
            entries: 0,
            head: BEGINNING.to_owned(),
        });
    };
    // What the first line follows: nothing, or what a later entry vouches for.
    let vouched = entries
        .iter()
        .filter(|(.., entry)| entry.did == Did::TrailExpired)
        .map(|(.., entry)| entry.what.as_str());
    let mut before = std::iter::once(BEGINNING)
        .chain(vouched)
        .find(|before| hash(before, first_json) == *first_hash)
        .ok_or_else(|| (*first_place).clone())?
        .to_owned();
    if before == BEGINNING && first.n != 1 {
        return Err((*first_place).clone());
    }
    for (n, (place, said, json, entry)) in (first.n..).zip(&entries) {
        if hash(&before, json) != *said || entry.n != n {
            return Err((*place).clone());
        }
        (*said).clone_into(&mut before);
    }
    Ok(Whole {
        entries: entries.len() as u64,
        head: before,
    })
}

/// `2026-11`.
fn month(at: u64) -> String {
    super::calendar::date(at)
        .get(..7)
        .unwrap_or_default()
        .to_owned()
}

/// How often the same report is read by the same person within this many seconds counts once: a page refreshes itself.
const SAME_READ: u64 = 3_600;

/// Reads of single reports that were written down within the last hour.
#[derive(Debug, Default)]
pub(super) struct Reads(BTreeMap<(String, String), u64>);

impl Reads {
    /// Whether this read is to be written down.
    pub(super) fn is_new(&mut self, who: &str, what: &str, now: u64) -> bool {
        self.0.retain(|_, at| now.saturating_sub(*at) < SAME_READ);
        let key = (who.to_owned(), what.to_owned());
        let new = !self.0.contains_key(&key);
        if new {
            self.0.insert(key, now);
        }
        new
    }

    /// Takes back what could not be written down.
    pub(super) fn forget(&mut self, who: &str, what: &str) {
        self.0.remove(&(who.to_owned(), what.to_owned()));
    }
}

/// How a random number is named in the trail.
pub fn hashed(id: impl AsRef<str>) -> String {
    super::key::hex(&Sha256::digest(id.as_ref())[..8])
}

/// The directory of the trail below the data directory.
pub(super) fn directory(office: &Path) -> PathBuf {
    office.join("audit")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20.
    const START: u64 = 1_795_132_800;
    const DAY: u64 = 86_400;

    fn trail(days: u64) -> (tempfile::TempDir, Trail) {
        let directory = tempfile::tempdir().unwrap();
        let trail = Trail::open(directory.path().to_owned()).unwrap();
        let app: AppName = "im".parse().unwrap();
        for day in 0..days {
            let deed = Deed {
                who: "dashboard",
                did: Did::ReportRead,
                app: Some(&app),
                what: format!("report {}", hashed(day.to_string())),
            };
            trail.write(START + day * DAY, &deed).unwrap();
        }
        (directory, trail)
    }

    #[test]
    fn every_byte_that_is_altered_is_found() {
        let (_directory, trail) = trail(14);
        assert_eq!(trail.verify().unwrap().unwrap().entries, 14);
        let months = trail.months().unwrap();
        assert_eq!(months.len(), 2, "the trail crosses the end of a month");
        for path in months {
            let whole = fs::read(&path).unwrap();
            for at in 0..whole.len() {
                for flip in [1, 0x20, 0x80] {
                    let mut altered = whole.clone();
                    altered[at] ^= flip;
                    fs::write(&path, &altered).unwrap();
                    assert!(trail.verify().unwrap().is_err(), "byte {at} ^ {flip}");
                }
            }
            fs::write(&path, &whole).unwrap();
        }
        assert!(trail.verify().unwrap().is_ok());
    }

    #[test]
    fn a_line_that_is_taken_out_put_in_or_moved_is_found() {
        let (_directory, trail) = trail(9);
        let path = trail.months().unwrap().remove(0);
        let whole = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = whole.lines().collect();
        let mut wrong = vec![lines[1..].to_vec(), [&lines[..4], &lines[5..]].concat()];
        let mut moved = lines.clone();
        moved.swap(3, 4);
        wrong.push(moved);
        let mut doubled = lines.clone();
        doubled.insert(2, lines[1]);
        wrong.push(doubled);
        for lines in wrong {
            fs::write(&path, lines.join("\n") + "\n").unwrap();
            assert!(trail.verify().unwrap().is_err(), "{lines:?}");
        }
        // The end can only be missed by whoever knows it.
        fs::write(&path, lines[..8].join("\n") + "\n").unwrap();
        let cut = trail.verify().unwrap().unwrap();
        assert_eq!(cut.entries, 8);
    }

    #[test]
    fn old_months_go_and_the_rest_is_still_whole() {
        let (_directory, trail) = trail(100);
        let before = trail.months().unwrap().len();
        assert_eq!(
            trail.expire(START + 100 * DAY, START + 60 * DAY).unwrap(),
            2
        );
        assert_eq!(trail.months().unwrap().len(), before - 2);
        let whole = trail.verify().unwrap().unwrap();
        assert_eq!(trail.last(1).unwrap()[0].did, Did::TrailExpired);
        assert_eq!(trail.head().unwrap(), whole.head);
        // Taking more off without saying so is found.
        fs::remove_file(&trail.months().unwrap()[0]).unwrap();
        assert!(trail.verify().unwrap().is_err());
    }

    #[test]
    fn what_a_power_cut_left_is_taken_off_and_the_trail_goes_on() {
        let (_directory, trail) = trail(3);
        let path = trail.months().unwrap().pop().unwrap();
        let mut torn = fs::read(&path).unwrap();
        torn.extend_from_slice(b"0123 {\"n\":4,");
        fs::write(&path, torn).unwrap();
        let deed = Deed {
            who: "collector",
            did: Did::Expired,
            app: None,
            what: String::new(),
        };
        trail.write(START + 4 * DAY, &deed).unwrap();
        assert_eq!(trail.verify().unwrap().unwrap().entries, 4);
    }

    #[test]
    fn a_page_that_refreshes_itself_is_one_read_an_hour() {
        let mut reads = Reads::default();
        assert!(reads.is_new("dashboard", "a", 0));
        assert!(!reads.is_new("dashboard", "a", 3_599));
        assert!(reads.is_new("dashboard", "b", 3_599));
        assert!(reads.is_new("dashboard", "a", 3_600));
    }
}
