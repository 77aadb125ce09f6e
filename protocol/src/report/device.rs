//! The machine, as classes so coarse that many share them.

use super::words;
use serde::{Deserialize, Serialize};

/// The machine, as coarse classes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Operating system.
    pub os: Os,
    /// Its version, at most two numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<OsVersion>,
    /// Processor architecture.
    pub arch: Arch,
    /// Logical processors, rounded down to a power of two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<u16>,
    /// Memory in GiB, rounded to the nearest power of two, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_gib: Option<u16>,
}

words! {
    /// Operating systems.
    pub enum Os {
        /// Linux, except Android.
        Linux = "linux",
        /// Android.
        Android = "android",
        /// iOS and iPadOS.
        Ios = "ios",
        /// macOS.
        Macos = "macos",
        /// Windows.
        Windows = "windows",
        /// Any other.
        Other = "other",
    }
}

words! {
    /// Processor architectures.
    pub enum Arch {
        /// 64-bit x86.
        X86_64 = "x86_64",
        /// 32-bit x86.
        X86 = "x86",
        /// 64-bit Arm.
        Aarch64 = "aarch64",
        /// 32-bit Arm.
        Arm = "arm",
        /// Any other.
        Other = "other",
    }
}

/// A version of an operating system: `major` or `major.minor`, nothing that tells builds apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct OsVersion(String);

impl OsVersion {
    /// Keeps the first two numbers of `version`. `None` when it does not begin with a number.
    pub fn coarse(version: &str) -> Option<Self> {
        let mut kept = String::new();
        for part in version.trim().split('.').take(2) {
            let digits: String = part
                .chars()
                .take_while(char::is_ascii_digit)
                .take(5)
                .collect();
            if digits.is_empty() {
                break;
            }
            if !kept.is_empty() {
                kept.push('.');
            }
            kept.push_str(&digits);
            if digits.len() != part.len() {
                break;
            }
        }
        (!kept.is_empty()).then_some(Self(kept))
    }

    /// `major` or `major.minor`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for OsVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let version = String::deserialize(deserializer)?;
        match Self::coarse(&version) {
            Some(coarse) if coarse.0 == version => Ok(coarse),
            _ => Err(serde::de::Error::custom(
                "a version of an operating system has one or two numbers",
            )),
        }
    }
}

/// Rounds down to a power of two; 0 stays 0.
pub(super) const fn power_of_two_below(number: u64) -> u16 {
    match number.checked_ilog2() {
        None => 0,
        Some(log) if log > 15 => 1 << 15,
        Some(log) => 1 << log,
    }
}

impl Device {
    /// A machine as coarse classes: `cores` logical processors and `memory_bytes` of memory; zero means unknown.
    pub fn coarse(
        os: Os,
        os_version: Option<&str>,
        arch: Arch,
        cores: u64,
        memory_bytes: u64,
    ) -> Self {
        // A machine sold as 16 GiB shows a little less, so memory goes to the nearest power of two.
        let gib = (memory_bytes as f64 / f64::from(1 << 30))
            .log2()
            .round()
            .clamp(0.0, 15.0);
        Self {
            os,
            os_version: os_version.and_then(OsVersion::coarse),
            arch,
            cores: (cores > 0).then(|| power_of_two_below(cores)),
            memory_gib: (memory_bytes > 0).then(|| 1 << gib as u16),
        }
    }

    /// The class of this machine in one word, such as `x86_64-8c-16g`: what pages break down by.
    pub fn class(&self) -> String {
        let mut class = self.arch.to_string();
        if let Some(cores) = self.cores {
            class.push_str(&format!("-{cores}c"));
        }
        if let Some(memory) = self.memory_gib {
            class.push_str(&format!("-{memory}g"));
        }
        class
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_keeps_only_its_class() {
        let device = Device::coarse(
            Os::Linux,
            Some("12.4.1-custom"),
            Arch::X86_64,
            12,
            16_502_345_728,
        );
        assert_eq!(
            device.os_version.as_ref().map(OsVersion::as_str),
            Some("12.4")
        );
        assert_eq!((device.cores, device.memory_gib), (Some(8), Some(16)));
        assert_eq!(device.class(), "x86_64-8c-16g");
    }

    #[test]
    fn what_is_unknown_is_left_out() {
        let device = Device::coarse(Os::Other, Some("rolling"), Arch::Other, 0, 0);
        assert_eq!(
            (device.os_version, device.cores, device.memory_gib),
            (None, None, None)
        );
    }

    #[test]
    fn a_version_that_tells_builds_apart_is_refused() {
        assert!(serde_json::from_str::<OsVersion>("\"12.4.1\"").is_err());
        assert!(serde_json::from_str::<OsVersion>("\"\"").is_err());
        assert!(serde_json::from_str::<OsVersion>("\"12.4\"").is_ok());
    }
}
