//! From a real death to the inspector's text. This program is also the victim.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

/// Where sources of a real app stand: paths are shown from `src` on.
#[path = "src/foreign.rs"]
mod foreign;
mod minidumps;
mod stories;
/// Where sources of a real app stand: paths are shown from `src` on.
#[path = "src/victim.rs"]
mod victim;

use libtest_mimic::{Arguments, Trial};

fn main() {
    if let Ok(fate) = std::env::var("CANDOR_VICTIM") {
        match fate.split_once("minidump-") {
            Some((_, "writer")) => foreign::write_minidump(),
            Some((_, fate)) => foreign::meet(fate),
            None => victim::meet(&fate),
        }
        return;
    }
    let trials = stories::ALL
        .iter()
        .chain(minidumps::ALL)
        .map(|&(name, story)| {
            Trial::test(name, move || {
                story();
                Ok(())
            })
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
