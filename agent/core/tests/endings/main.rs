//! How runs end, and what the next start tells of them: this program runs itself again as the host that dies.
#![allow(unsafe_code)] // The victims are meant to crash, and safe code cannot crash like this.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod stories;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod victim;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() {
    if let Some(fate) = std::env::var_os("CANDOR_VICTIM") {
        victim::meet(fate.to_str().unwrap());
        return;
    }
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), stories::all()).exit();
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {}
