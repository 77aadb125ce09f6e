//! The machine, read once per run on the agent's own thread, and kept as classes only.

use candor_protocol::report::{Arch, Device, Os};
use sysinfo::System;

/// This machine as coarse classes. Reads the version of the system and the size of memory; nothing that names a machine.
pub(crate) fn read() -> Device {
    let memory = System::new().map_or(0, |mut system| {
        system.refresh_memory();
        system.total_memory()
    });
    let cores = std::thread::available_parallelism().map_or(0, |cores| cores.get() as u64);
    Device::coarse(
        os(),
        System::os_version().ok().as_deref(),
        arch(),
        cores,
        memory,
    )
}

fn os() -> Os {
    match std::env::consts::OS {
        "linux" => Os::Linux,
        "android" => Os::Android,
        "ios" => Os::Ios,
        "macos" => Os::Macos,
        "windows" => Os::Windows,
        _ => Os::Other,
    }
}

fn arch() -> Arch {
    match std::env::consts::ARCH {
        "x86_64" => Arch::X86_64,
        "x86" => Arch::X86,
        "aarch64" => Arch::Aarch64,
        "arm" => Arch::Arm,
        _ => Arch::Other,
    }
}
