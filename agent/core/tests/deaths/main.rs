//! What the agent makes of deaths: this program runs itself again as the host that dies, looks at what it left, and lets the
//! next start tell of it.
#![allow(unsafe_code)] // Safe code cannot crash like this.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods)] // The harness has patience, and measures it.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod ends;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod harness;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod rust;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod victim;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, kind, dir, release] = &arguments[..]
        && flag == harness::VICTIM
    {
        victim::main(kind, std::path::Path::new(dir), release);
        return;
    }
    let all = rust::stories().into_iter().chain(ends::stories()).collect();
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), all).exit();
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {}
