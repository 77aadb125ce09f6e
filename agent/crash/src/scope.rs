//! Which crashes are our business.

use crate::api::Scope;

/// Address ranges that are kept.
const RANGES: usize = 16;

/// A scope in a form that a handler can ask.
#[derive(Debug)]
pub(crate) struct Bounds {
    app: bool,
    names: Vec<String>,
    ranges: [(usize, usize); RANGES],
}

impl Bounds {
    pub(crate) fn new(scope: &Scope) -> Self {
        let mut bounds = Self {
            app: false,
            names: Vec::new(),
            ranges: [(0, 0); RANGES],
        };
        match scope {
            Scope::App => bounds.app = true,
            Scope::Modules { names, ranges } => {
                bounds.names.clone_from(names);
                for (to, from) in bounds.ranges.iter_mut().zip(ranges) {
                    *to = (from.start, from.end);
                }
            }
        }
        bounds
    }

    /// Everything is our business: no stack has to be looked at. Anywhere.
    pub(crate) const fn is_app(&self) -> bool {
        self.app
    }

    /// Whether a module of this file name is ours.
    pub(crate) fn names(&self, file: &str) -> bool {
        self.names.iter().any(|name| name == file)
    }

    /// Whether an address is ours. Anywhere.
    pub(crate) fn holds(&self, address: usize) -> bool {
        self.ranges
            .iter()
            .any(|(first, end)| (*first..*end).contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_before_its_end_and_the_whole_app_needs_none() {
        let bounds = Bounds::new(&Scope::Modules {
            names: vec!["libim.so".into()],
            ranges: vec![10..20, 5..5],
        });
        let held: Vec<usize> = (0..30).filter(|address| bounds.holds(*address)).collect();
        assert_eq!(held, (10..20).collect::<Vec<_>>());
        assert!(bounds.names("libim.so") && !bounds.names("libim.so.1") && !bounds.is_app());
        assert!(Bounds::new(&Scope::App).is_app());
    }
}
