//! What a partner may have: counts of installations of one past week, of classes that are large, with noise.
//!
//! * A cell is a release on a system. An installation is in one cell only, that of its latest run, so that a pseudonym adds at
//!   most 1 to each of the three counts of one cell. A device has at most two pseudonyms in a week, so it changes each count by
//!   at most 2.
//! * Each count gets noise of the discrete Laplace distribution, drawn exactly by `opendp`; its scale follows from that 2.
//! * A cell is given only if it has at least [`LEAST`] installations. That alone would tell by its absence that there is one
//!   fewer, so the noisy count must be larger by a [`margin`], too: a cell that could disappear for want of one device is
//!   given with a probability of at most [`DELTA`].
//! * Every export costs [`EPSILON`] of a budget that the app has for a year, whoever gets it; the same export to the same
//!   partner is kept and given again.
//! * A cell is named by a hash that is keyed with the partner's own key, and its counts have noise of their own, so what two
//!   partners have cannot be joined. What the names stand for is for the operator alone.

use super::audit::{Deed, Did};
use super::calendar::{self, DAY};
use super::key::hex;
use super::{Office, files, unwritten};
use crate::state::State;
use crate::store::{Population, Span, Store, StoreError};
use candor_protocol::deidentify::AppName;
use opendp::domains::AtomDomain;
use opendp::measurements::make_laplace;
use opendp::measures::MaxDivergence;
use opendp::metrics::AbsoluteDistance;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The fewest installations of a cell.
pub const LEAST: u64 = 50;
/// What one export costs of the budget: how much more likely anything becomes by one device being there, as a logarithm.
pub const EPSILON: f64 = 1.0;
/// What an app has for 365 days.
pub const EPSILON_A_YEAR: f64 = 12.0;
/// The probability that a cell is given which would not be there with one device less.
pub const DELTA: f64 = 1e-6;

/// Counts of a cell.
const COUNTS: f64 = 3.0;
/// By how much one device can change one count.
const SENSITIVITY: i64 = 2;
/// Seconds of a week.
const WEEK: u64 = 7 * DAY;

/// Why there is no export.
#[derive(Debug)]
pub enum NoExport {
    /// The partner is not in the register.
    UnknownPartner,
    /// The app has spent its budget of this year.
    NoBudget,
    /// The week is not over.
    NotOver,
    /// The store or the office failed.
    Failed(StoreError),
}

impl From<StoreError> for NoExport {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl std::fmt::Display for NoExport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownPartner => f.write_str(
                "there is no partner of this name; `candor-collector partner add` says what one may do with exports",
            ),
            Self::NoBudget => write!(
                f,
                "the app has spent its privacy budget of {EPSILON_A_YEAR} for 365 days; another export would tell too much"
            ),
            Self::NotOver => f.write_str("the week is not over yet"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

/// Partners by name.
pub(super) type Partners = BTreeMap<String, Partner>;

/// Somebody who may have exports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partner {
    /// What exports may be used for.
    pub purpose: String,
    /// When it was added, in seconds since 1970-01-01 UTC.
    pub added: u64,
    /// What its cells are named with; nobody is told.
    key: String,
}

/// What was spent of a budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// When, in seconds since 1970-01-01 UTC.
    pub at: u64,
    /// Of which app's.
    pub app: AppName,
    /// For whom.
    pub partner: String,
    /// The first day of the week that was exported.
    pub week: String,
    /// How much.
    pub epsilon: f64,
}

/// What a partner gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// For whom.
    pub partner: String,
    /// What it may be used for.
    pub purpose: String,
    /// The first day of the week.
    pub week: String,
    /// The fewest installations of a cell, before noise.
    pub least: u64,
    /// See the module.
    pub epsilon: f64,
    /// See the module.
    pub delta: f64,
    /// The scale of the noise of each count.
    pub scale: f64,
    /// Sorted by name, so that their order tells nothing.
    pub cells: Vec<Cell>,
}

/// Counts of installations of one class, with noise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Its name, for this partner only.
    pub group: String,
    /// Installations.
    pub installs: u64,
    /// Those of which a run crashed.
    pub crashed: u64,
    /// Those of which a run froze.
    pub frozen: u64,
}

/// The scale of the noise that makes all counts of a device cost `epsilon` together.
fn scale(epsilon: f64) -> f64 {
    SENSITIVITY as f64 * COUNTS / epsilon
}

/// How far above [`LEAST`] a noisy count must be: noise of this size has a probability of at most [`DELTA`].
fn margin(scale: f64) -> i64 {
    (scale * (1.0 / DELTA).ln()).ceil() as i64
}

/// Adds noise to a count; what falls below zero is zero.
type Noise = dyn Fn(u64) -> Result<i64, StoreError>;

fn noise(scale: f64) -> Result<Box<Noise>, StoreError> {
    let fault = |error: opendp::error::Error| StoreError::Fault(format!("no noise: {error}"));
    let laplace = make_laplace::<_, _, MaxDivergence>(
        AtomDomain::<i64>::default(),
        AbsoluteDistance::<i64>::default(),
        scale,
        None,
    )
    .map_err(fault)?;
    // That the noise is what it is said to be is not left to a formula of ours.
    let cost = laplace.map(&SENSITIVITY).map_err(fault)? * COUNTS;
    if cost > EPSILON * 1.000_001 {
        return Err(StoreError::Fault(format!(
            "an export would cost {cost}, not {EPSILON}"
        )));
    }
    Ok(Box::new(move |count| {
        laplace
            .invoke(&i64::try_from(count).unwrap_or(i64::MAX))
            .map_err(fault)
    }))
}

/// The name of a cell for one partner.
fn name(key: &str, app: &AppName, cell: &Population) -> String {
    let (release, os) = (&cell.release, &cell.os);
    let text = format!("{key}\n{app}\n{release}\n{os}\n");
    hex(&Sha256::digest(text)[..16])
}

/// The cells that a partner may have, and what the name of each stands for.
fn cells(
    population: &[Population],
    key: &str,
    app: &AppName,
    noise: &Noise,
    margin: i64,
) -> Result<Vec<(Cell, String)>, StoreError> {
    let mut cells = Vec::new();
    for class in population.iter().filter(|class| class.installs >= LEAST) {
        let installs = noise(class.installs)?;
        if installs < LEAST as i64 + margin {
            continue;
        }
        let count = |noisy: i64| u64::try_from(noisy).unwrap_or(0);
        let cell = Cell {
            group: name(key, app, class),
            installs: count(installs),
            crashed: count(noise(class.crashed)?),
            frozen: count(noise(class.frozen)?),
        };
        cells.push((cell, format!("{} on {}", class.release, class.os)));
    }
    cells.sort_by(|(a, _), (b, _)| a.group.cmp(&b.group));
    Ok(cells)
}

/// Makes an export of the week that begins with the day `week`, or gives the one that was made.
///
/// # Errors
/// [`NoExport`].
pub async fn export<S: Store>(
    state: &State<S>,
    who: &str,
    app: &AppName,
    partner: &str,
    week: u64,
) -> Result<Export, NoExport> {
    let office = &state.office;
    let now = state.clock.now();
    let registered = office
        .partners()?
        .get(partner)
        .cloned()
        .ok_or(NoExport::UnknownPartner)?;
    let span = Span {
        from: week - week % DAY,
        to: week - week % DAY + WEEK,
        step: WEEK,
    };
    if span.to > now {
        return Err(NoExport::NotOver);
    }
    let week = calendar::date(span.from);
    let path = office.export_path(app, partner, &week)?;
    if let Ok(bytes) = std::fs::read(&path)
        && let Ok(export) = serde_json::from_slice(&bytes)
    {
        note(
            office,
            who,
            app,
            now,
            format!("{partner}: week of {week}, again"),
        )?;
        return Ok(export);
    }
    let population = state.store.population(app, span).await?;
    let scale = scale(EPSILON);
    let noise = noise(scale)?;
    // Spent before anything is drawn: what is lost on the way has been told to nobody, and is paid for all the same.
    office.spend(Spent {
        at: now,
        app: app.clone(),
        partner: partner.to_owned(),
        week: week.clone(),
        epsilon: EPSILON,
    })?;
    let cells = cells(&population, &registered.key, app, &noise, margin(scale))?;
    let names: BTreeMap<&str, &str> = cells
        .iter()
        .map(|(cell, name)| (cell.group.as_str(), name.as_str()))
        .collect();
    files::save(&path.with_extension("names.json"), &names).map_err(unwritten)?;
    let export = Export {
        partner: partner.to_owned(),
        purpose: registered.purpose,
        week: week.clone(),
        least: LEAST,
        epsilon: EPSILON,
        delta: DELTA,
        scale,
        cells: cells.iter().map(|(cell, _)| cell.clone()).collect(),
    };
    note(
        office,
        who,
        app,
        now,
        format!("{partner}: week of {week}, {} cells", export.cells.len()),
    )?;
    files::save(&path, &export).map_err(unwritten)?;
    Ok(export)
}

fn note(
    office: &Office,
    who: &str,
    app: &AppName,
    now: u64,
    what: String,
) -> Result<(), StoreError> {
    let deed = Deed {
        who,
        did: Did::Exported,
        app: Some(app),
        what,
    };
    office.note(now, &deed)
}

impl Office {
    /// The partners.
    ///
    /// # Errors
    /// When the register cannot be read.
    pub fn partners(&self) -> Result<std::sync::Arc<Partners>, StoreError> {
        self.partners.read().map_err(unwritten)
    }

    /// Adds a partner; `false` when there is one of this name.
    ///
    /// # Errors
    /// When the register cannot be written.
    pub fn add_partner(
        &self,
        who: &str,
        name: &AppName,
        purpose: &str,
        now: u64,
    ) -> Result<bool, StoreError> {
        let new = self
            .partners
            .change(|partners| {
                let new = !partners.contains_key(name.as_str());
                partners.entry(name.to_string()).or_insert_with(|| Partner {
                    purpose: purpose.to_owned(),
                    added: now,
                    key: hex(&rand::random::<[u8; 32]>()),
                });
                new
            })
            .map_err(unwritten)?;
        if new {
            let deed = Deed {
                who,
                did: Did::PartnerAdded,
                app: None,
                what: format!("{name}: {purpose}"),
            };
            self.note(now, &deed)?;
        }
        Ok(new)
    }

    /// What was spent of the budgets, oldest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn spent(&self) -> Result<std::sync::Arc<Vec<Spent>>, StoreError> {
        self.budget.read().map_err(unwritten)
    }

    fn spend(&self, spent: Spent) -> Result<(), NoExport> {
        let enough = self
            .budget
            .change(|ledger| {
                let year = spent.at.saturating_sub(365 * DAY);
                let so_far: f64 = ledger
                    .iter()
                    .filter(|one| one.app == spent.app && one.at > year)
                    .map(|one| one.epsilon)
                    .sum();
                let enough = so_far + spent.epsilon <= EPSILON_A_YEAR;
                if enough {
                    ledger.push(spent);
                }
                enough
            })
            .map_err(unwritten)?;
        if enough {
            Ok(())
        } else {
            Err(NoExport::NoBudget)
        }
    }

    fn exports(&self, app: &AppName) -> PathBuf {
        self.directory.join("exports").join(app.as_str())
    }

    fn export_path(&self, app: &AppName, partner: &str, week: &str) -> Result<PathBuf, StoreError> {
        let directory = self.exports(app);
        files::directory(&directory).map_err(unwritten)?;
        Ok(directory.join(format!("{partner}-{week}.json")))
    }

    /// Forgets exports that were made before `before`.
    ///
    /// # Errors
    /// When the directory cannot be changed.
    pub fn forget_exports(&self, app: &AppName, before: u64) -> Result<(), StoreError> {
        let forget = |directory: &Path| -> io::Result<()> {
            for entry in std::fs::read_dir(directory)? {
                let entry = entry?;
                let made = entry.metadata()?.modified()?;
                let made = made
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap_or_default();
                if made.as_secs() < before {
                    std::fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        match forget(&self.exports(app)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unwritten(error)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> AppName {
        "im".parse().unwrap()
    }

    fn class(release: &str, installs: u64) -> Population {
        Population {
            release: release.parse().unwrap(),
            os: "linux 12.4".to_owned(),
            installs,
            crashed: installs / 10,
            frozen: 0,
        }
    }

    fn given(population: &[Population], key: &str) -> Vec<Cell> {
        let scale = scale(EPSILON);
        let noise = noise(scale).unwrap();
        let cells = cells(population, key, &app(), &noise, margin(scale)).unwrap();
        cells.into_iter().map(|(cell, _)| cell).collect()
    }

    #[test]
    fn noise_costs_what_it_is_said_to_cost_and_has_the_spread_it_is_said_to_have() {
        let scale = scale(EPSILON);
        let noise = noise(scale).unwrap();
        let draws: Vec<f64> = (0..4_000)
            .map(|_| noise(1_000).unwrap() as f64 - 1_000.0)
            .collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let spread = draws.iter().map(|draw| draw.abs()).sum::<f64>() / draws.len() as f64;
        // The mean of the absolute value is the scale; both figures of 4,000 draws are within five standard errors.
        assert!(
            mean.abs() < 5.0 * scale * 2f64.sqrt() / 4_000f64.sqrt(),
            "{mean}"
        );
        assert!(
            (spread - scale).abs() < 5.0 * scale / 4_000f64.sqrt(),
            "{spread}"
        );
    }

    #[test]
    fn a_cell_of_fewer_than_fifty_is_never_given() {
        let population = [class("1.0", 49), class("1.1", 5_000)];
        for _ in 0..200 {
            let cells = given(&population, "key");
            assert_eq!(cells.len(), 1);
            assert!(cells[0].installs > 4_000);
        }
        // One that is barely there is not told by whether it is there.
        let barely = (0..200).filter(|_| !given(&[class("1.0", 50)], "key").is_empty());
        assert_eq!(barely.count(), 0);
    }

    #[test]
    fn what_two_partners_have_cannot_be_joined() {
        let population: Vec<_> = (0..40).map(|n| class(&format!("1.{n}"), 2_000)).collect();
        let (one, two) = (given(&population, "one"), given(&population, "two"));
        assert_eq!((one.len(), two.len()), (40, 40));
        for a in &one {
            assert!(two.iter().all(|b| a.group != b.group));
        }
        // Nor by their order, nor by their counts.
        let places = |cells: &[Cell], key| {
            let named = |n: usize| name(key, &app(), &population[n]);
            (0..40)
                .map(|n| {
                    cells
                        .iter()
                        .position(|cell| cell.group == named(n))
                        .unwrap()
                })
                .collect::<Vec<_>>()
        };
        assert_ne!(places(&one, "one"), places(&two, "two"));
        let counts = |cells: &[Cell]| cells.iter().map(|cell| cell.installs).collect::<Vec<_>>();
        assert_ne!(counts(&one), counts(&two));
        // The same partner knows a cell again next week.
        assert_eq!(given(&population, "one")[7].group, one[7].group);
    }
}
