//! What the collector asked to leave out, remembered so that it is obeyed after a restart too.

use crate::consent::Permit;
use crate::files::{self, Files};
use crate::identity::Identity;
use candor_protocol::answer::{Accepted, Narrowing};
use candor_protocol::deidentify::Pseudonym;
use serde::{Deserialize, Serialize};

/// What was asked, and under which pseudonym the agent was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    #[serde(flatten)]
    narrowing: Narrowing,
    under: Option<Pseudonym>,
}

pub(crate) fn load(files: &Files) -> Narrowing {
    files::load::<Told>(&files.narrowing())
        .map(|told| told.narrowing)
        .unwrap_or_default()
}

/// What the collector need not say again. Only under the pseudonym under which it was said: whoever remembers what it said to
/// whom must not be able to link one pseudonym to the next.
pub(crate) fn known(files: &Files) -> Option<String> {
    let told: Told = files::load(&files.narrowing())?;
    let current = Identity::load(files).all().pop()?;
    (told.under == Some(current)).then(|| told.narrowing.tag())
}

/// Remembers what the last answer said. Whether that is news.
pub(crate) fn remember(permit: &Permit<'_>, files: &Files, said: &Accepted) -> bool {
    if said.narrowing_unchanged {
        return false;
    }
    let narrowing = said.narrowing.clone().unwrap_or_default();
    if narrowing == Narrowing::default() {
        return std::fs::remove_file(files.narrowing()).is_ok();
    }
    let told = Told {
        narrowing,
        under: Identity::load(files).all().pop(),
    };
    if files::load(&files.narrowing()).as_ref() == Some(&told) {
        return false;
    }
    files::save(permit, &files.narrowing(), &told).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::Gate;
    use candor_protocol::limits::PSEUDONYM_SECONDS;
    use candor_protocol::report::Kind;

    #[test]
    fn what_was_said_is_known_until_it_changes_or_the_pseudonym_does() {
        let dir = tempfile::tempdir().unwrap();
        let (files, gate) = (Files::new(dir.path()), Gate::open());
        let permit = gate.permit().unwrap();
        let mut identity = Identity::default();
        let mut begin = |now| {
            let current = identity.current(&permit, &files, now, PSEUDONYM_SECONDS);
            current.unwrap();
        };
        let less = Narrowing {
            kinds_off: vec![Kind::Freeze],
            ..Narrowing::default()
        };
        let says = |narrowing: Option<&Narrowing>, narrowing_unchanged| Accepted {
            narrowing: narrowing.cloned(),
            narrowing_unchanged,
            ..Accepted::default()
        };
        begin(1_000);
        assert_eq!(known(&files), None);
        assert!(remember(&permit, &files, &says(Some(&less), false)));
        assert_eq!(known(&files), Some(less.tag()));
        assert!(!remember(&permit, &files, &says(None, true)));
        assert_eq!(
            (load(&files), known(&files)),
            (less.clone(), Some(less.tag()))
        );

        // Under another pseudonym it is obeyed, and not told.
        begin(1_000 + PSEUDONYM_SECONDS);
        assert_eq!((load(&files), known(&files)), (less.clone(), None));
        assert!(remember(&permit, &files, &says(Some(&less), false)));
        assert_eq!(known(&files), Some(less.tag()));

        // An answer that asks for nothing takes everything back.
        assert!(remember(&permit, &files, &says(None, false)));
        assert_eq!((load(&files), known(&files)), (Narrowing::default(), None));
    }
}
