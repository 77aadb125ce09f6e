//! Ways to die, each in a process of its own: this program runs itself again as the victim, then reads the dump that the
//! victim left.
#![allow(unsafe_code)]
// Most of it is unsound, and meant to be.
#![allow(clippy::undocumented_unsafe_blocks)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod cpp;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod crowds;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod deaths;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod harness;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod hosts;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod sampled;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod sandbox;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod shortage;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod stories;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod victims;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod wrecks;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, rest)) if first == harness::VICTIM => return victims::main(rest),
        Some((first, [folder])) if first == "--deaths" => {
            return deaths::list(std::path::Path::new(folder));
        }
        _ => {}
    }
    let arguments = libtest_mimic::Arguments::from_args();
    libtest_mimic::run(&arguments, stories::all()).exit();
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {}
