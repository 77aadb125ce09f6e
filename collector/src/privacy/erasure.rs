//! Erasing: the reports, what copies hold of them, a receipt, and an entry in the trail.

use super::audit::{Deed, Did};
use super::calendar::{DAY, date};
use super::receipt::{Erased, Receipt, Statement};
use crate::state::State;
use crate::store::{Part, Store, StoreError};
use candor_protocol::deidentify::{AppName, Pseudonym};
use sha2::{Digest, Sha256};

/// What is to be erased of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Everything of installations.
    Installations(Vec<Pseudonym>),
    /// A part.
    Part(Part),
}

impl Wanted {
    fn named(&self) -> Erased {
        match self {
            Self::Installations(pseudonyms) => {
                let hash = |one: &Pseudonym| super::key::hex(&Sha256::digest(one.as_str()));
                Erased::Installations(pseudonyms.iter().map(hash).collect())
            }
            Self::Part(Part::App) => Erased::App,
            Self::Part(Part::Release(release)) => Erased::Release(release.clone()),
            Self::Part(Part::Range { from, to }) => Erased::Range {
                from: *from,
                to: *to,
            },
        }
    }

    /// For the trail, which keeps no pseudonym.
    fn said(&self) -> String {
        match self {
            Self::Installations(pseudonyms) => format!("{} pseudonyms", pseudonyms.len()),
            Self::Part(Part::App) => "all".to_owned(),
            Self::Part(Part::Release(release)) => format!("release {release}"),
            Self::Part(Part::Range { from, to }) => {
                let said = |at: u64| match at % DAY {
                    0 => date(at),
                    _ => at.to_string(),
                };
                format!("from {} to {}", said(*from), said(*to))
            }
        }
    }
}

/// Erases, and proves it. Late reports are refused from now on.
///
/// # Errors
/// When the store or the office cannot write. Asking again is safe: what is erased already is erased no second time.
pub async fn erase<S: Store>(
    state: &State<S>,
    who: &str,
    app: &AppName,
    wanted: &Wanted,
) -> Result<Receipt, StoreError> {
    let now = state.clock.now();
    let reports = match wanted {
        Wanted::Installations(pseudonyms) => {
            state.office.forget_in_requests(app, Some(pseudonyms))?;
            state.store.erase(app, pseudonyms, now).await?
        }
        Wanted::Part(part) => {
            if *part == Part::App {
                state.office.forget_in_requests(app, None)?;
                state.office.forget_exports(app, u64::MAX)?;
            }
            let reports = state.store.erase_part(app, part, now).await?;
            // After the reports: nothing is told of them any more.
            let forgotten = state.alerts.forget(app, part);
            forgotten.map_err(super::unwritten)?;
            reports
        }
    };
    let statement = Statement {
        receipt: 1,
        number: super::key::hex(&rand::random::<[u8; 8]>()),
        app: app.clone(),
        erased: wanted.named(),
        reports,
        at: now,
        by: who.to_owned(),
        after: state.office.trail().head().map_err(super::unwritten)?,
    };
    let receipt = state.office.keep_receipt(statement)?;
    let number = &receipt.statement.number;
    state.office.note(
        now,
        &Deed {
            who,
            did: Did::Erased,
            app: Some(app),
            what: format!("{}: {reports} reports, receipt {number}", wanted.said()),
        },
    )?;
    tracing::info!(%app, reports, who, receipt = number, "reports were erased");
    Ok(receipt)
}
