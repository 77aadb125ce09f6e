//! The demo's command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

/// Starts a collector and a fleet of chat clients that crash, freeze and lose their connection, and shows what arrives.
#[derive(Debug, Clone, Parser)]
#[command(name = "cargo demo", version)]
pub struct Options {
    /// End when the fleet is done; fail unless everything recorded arrived exactly once.
    #[arg(long)]
    pub once: bool,
    /// Devices in the fleet.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub devices: u16,
    /// Longest time that the fleet may take.
    #[arg(long, value_name = "N", default_value_t = 180, value_parser = clap::value_parser!(u64).range(10..=3600))]
    pub seconds: u64,
    /// Kill the collector in the middle, to see that nothing is lost or counted twice.
    #[arg(long)]
    pub kill_collector: bool,
    /// Directory for everything the demo writes: empty, or left by an earlier demo. Default: `demo` in the target directory.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments after the program's name; one `--` in front, as in `cargo demo -- --once`, changes nothing.
    ///
    /// # Errors
    /// What clap has to say, `--help` included.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut arguments = arguments.into_iter().peekable();
        arguments.next_if(|first| first == "--");
        Self::try_parse_from(std::iter::once(OsString::from("cargo demo")).chain(arguments))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Options, clap::Error> {
        Options::read(text.split_whitespace().map(OsString::from))
    }

    #[test]
    fn the_demo_is_asked_for_with_or_without_two_dashes_in_front() {
        for text in ["--once --devices 3", "-- --once --devices 3"] {
            let options = read(text).unwrap();
            assert_eq!(
                (options.once, options.devices, options.kill_collector),
                (true, 3, false),
                "{text}"
            );
        }
        assert!(!read("").unwrap().once);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "--devices 0",
            "--devices 201",
            "--seconds 5",
            "now",
            "-- -- --once",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
