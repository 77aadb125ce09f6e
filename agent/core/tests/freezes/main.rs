//! What is told of threads that stand still, and that nothing is told of those that do not: this program runs itself again as the host.
#![allow(unsafe_code)] // Two mutexes of the C library, which say who holds them, and a debugger.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod debugger;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod host;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod mutex;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod stories;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod symbol;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() {
    if let Some(scene) = std::env::var_os("CANDOR_HOST") {
        host::play(scene.to_str().unwrap());
        return;
    }
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), stories::all()).exit();
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {}
