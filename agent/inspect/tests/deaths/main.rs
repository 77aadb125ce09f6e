//! From a real death to the inspector's text. This program is also the victim.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod stories;
/// Where sources of a real app stand: paths are shown from `src` on.
#[path = "src/victim.rs"]
mod victim;

use libtest_mimic::{Arguments, Trial};

fn main() {
    if let Some(fate) = std::env::var_os("CANDOR_VICTIM") {
        victim::meet(fate.to_str().unwrap());
        return;
    }
    let trials = stories::ALL
        .iter()
        .map(|&(name, story)| {
            Trial::test(name, move || {
                story();
                Ok(())
            })
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
