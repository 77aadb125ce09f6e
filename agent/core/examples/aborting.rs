//! A host for the tests of deaths. They build it with `panic = "abort"`, as many apps are built and no test can be.
#![allow(unsafe_code)] // Safe code cannot crash like this.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[path = "../tests/deaths/victim.rs"]
#[allow(dead_code)]
mod victim;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, _, kind, dir, release] = &arguments[..] else {
        panic!("not meant to be run by hand: --victim KIND DIR RELEASE")
    };
    victim::main(kind, std::path::Path::new(dir), release);
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {}
