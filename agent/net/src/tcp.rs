//! What the system's TCP knows of a socket: `TCP_INFO`.
//!
//! The kernel says how much of the structure it filled; older ones fill less, so every field is looked up by its place and may
//! be missing. Places are those of `struct tcp_info` in `<linux/tcp.h>`; fields are only ever added at its end.

use candor_agent::TcpSample;
use std::time::Duration;

/// What counts up for as long as a socket lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    segments: u32,
    retransmits: u32,
}

/// The sample in what the kernel filled. `before` are the totals at the sample before, and are brought up to date.
pub(crate) fn sample(info: &[u8], before: &mut Totals) -> TcpSample {
    let byte = |at: usize| info.get(at).copied().unwrap_or(0);
    let word = |at: usize| {
        let bytes = info.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_ne_bytes(bytes))
    };
    let micros = |at| {
        // Zero and all bits set mean that nothing was measured yet.
        word(at)
            .filter(|&time| time != 0 && time != u32::MAX)
            .map(|time| Duration::from_micros(time.into()))
    };
    let now = Totals {
        segments: word(156).unwrap_or(before.segments),
        retransmits: word(100).unwrap_or(before.retransmits),
    };
    let app_limited = byte(7) & 1 != 0;
    let rate = info
        .get(160..168)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u64::from_ne_bytes);
    let sample = TcpSample {
        rtt: micros(68),
        rtt_var: micros(72),
        min_rtt: micros(148),
        segments: now.segments.wrapping_sub(before.segments),
        retransmits: now.retransmits.wrapping_sub(before.retransmits),
        lost: word(32).unwrap_or(0),
        delivery_rate: rate.filter(|&rate| rate > 0 && !app_limited),
    };
    *before = now;
    sample
}

/// Asks the kernel. `None` where it has no answer.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) fn ask<S: std::os::fd::AsFd>(socket: &S, before: &mut Totals) -> Option<TcpSample> {
    // More than any kernel fills today.
    let mut info = [0; 512];
    let filled = candor_crash::tcp_info(socket.as_fd(), &mut info);
    (filled > 0).then(|| sample(&info[..filled.min(info.len())], before))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The structure of a connection that has sent something, as far as `length`.
    fn info(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; 248];
        let mut put = |at: usize, value: u32| {
            bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        };
        put(32, 2);
        put(68, 20_000);
        put(72, 5_000);
        put(100, 7);
        put(148, 18_000);
        put(156, 100);
        put(160, 1_000_000);
        bytes.truncate(length);
        bytes
    }

    #[test]
    fn every_field_stands_in_its_place_and_counters_are_told_as_differences() {
        let mut totals = Totals::default();
        let first = sample(&info(248), &mut totals);
        assert_eq!(first.rtt, Some(Duration::from_millis(20)));
        assert_eq!(first.rtt_var, Some(Duration::from_millis(5)));
        assert_eq!(first.min_rtt, Some(Duration::from_millis(18)));
        assert_eq!((first.segments, first.retransmits, first.lost), (100, 7, 2));
        assert_eq!(first.delivery_rate, Some(1_000_000));
        let second = sample(&info(248), &mut totals);
        assert_eq!((second.segments, second.retransmits), (0, 0));
    }

    #[test]
    fn an_older_kernel_says_less_and_nothing_is_made_up() {
        let mut totals = Totals::default();
        let old = sample(&info(104), &mut totals);
        assert_eq!((old.retransmits, old.segments), (7, 0));
        assert_eq!((old.min_rtt, old.delivery_rate), (None, None));
        for length in 0..=248 {
            sample(&info(length), &mut Totals::default());
        }
    }

    #[test]
    fn a_rate_that_the_app_limited_is_no_rate_of_the_network() {
        let mut limited = info(248);
        limited[7] |= 1;
        assert_eq!(sample(&limited, &mut Totals::default()).delivery_rate, None);
        let mut unmeasured = info(248);
        unmeasured[148..152].copy_from_slice(&[0xff; 4]);
        unmeasured[68..72].copy_from_slice(&[0; 4]);
        let sample = sample(&unmeasured, &mut Totals::default());
        assert_eq!((sample.rtt, sample.min_rtt), (None, None));
    }
}
