//! Sizes, durations and counts as people read them.

/// `3 reports`, `1 report`.
pub(crate) fn count(number: u64, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {}", plural(one))
    }
}

fn plural(one: &str) -> String {
    match one.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{stem}ies"),
        _ => format!("{one}s"),
    }
}

/// Bytes in units of 1024: `740 B`, `12.3 KiB`, `4.0 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 3] = ["KiB", "MiB", "GiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 1023.95 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{amount:.1} {}", UNITS[unit])
}

/// Microseconds with three digits: `870 us`, `2.13 ms`, `1.20 s`; from a minute on as [`seconds`].
pub(crate) fn micros(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..999_500 => format!("{} ms", three_digits(micros as f64 / 1e3)),
        999_500..59_950_000 => format!("{} s", three_digits(micros as f64 / 1e6)),
        _ => seconds(micros / 1_000_000),
    }
}

/// Milliseconds: `0 ms`, `340 ms`, `2.13 s`, `5 min 3 s`.
pub(crate) fn millis(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        _ => micros(millis.saturating_mul(1000)),
    }
}

/// Seconds in the two largest units: `12 s`, `5 min 3 s`, `2 h 4 min`, `7 d`.
pub(crate) fn seconds(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let largest = UNITS
        .iter()
        .position(|(size, _)| seconds >= *size)
        .unwrap_or(UNITS.len() - 1);
    let (size, unit) = UNITS[largest];
    let whole = format!("{} {unit}", seconds / size);
    match UNITS.get(largest + 1) {
        Some((smaller, unit)) if seconds % size / smaller > 0 => {
            format!("{whole} {} {unit}", seconds % size / smaller)
        }
        _ => whole,
    }
}

fn three_digits(number: f64) -> String {
    if number < 9.995 {
        format!("{number:.2}")
    } else if number < 99.95 {
        format!("{number:.1}")
    } else {
        format!("{number:.0}")
    }
}

/// `part` of `whole` in percent; 0 of nothing.
pub(crate) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 * 100.0 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_well_at_their_borders() {
        let read = |amounts: &[u64], f: fn(u64) -> String| -> Vec<String> {
            amounts.iter().map(|&amount| f(amount)).collect()
        };
        assert_eq!(
            read(&[0, 1023, 1024, 1_048_570, 4 << 20, u64::MAX], bytes),
            [
                "0 B",
                "1023 B",
                "1.0 KiB",
                "1.0 MiB",
                "4.0 MiB",
                "17179869184.0 GiB"
            ]
        );
        assert_eq!(
            read(
                &[
                    0, 999, 1000, 12_345, 999_499, 999_500, 59_949_999, 60_000_000
                ],
                micros
            ),
            [
                "0 us", "999 us", "1.00 ms", "12.3 ms", "999 ms", "1.00 s", "59.9 s", "1 min"
            ]
        );
        assert_eq!(
            read(&[0, 999, 1000, 61_000, u64::MAX], millis),
            ["0 ms", "999 ms", "1.00 s", "1 min 1 s", "213503982 d 8 h"]
        );
        assert_eq!(
            read(&[0, 59, 60, 3661, 7_260, 604_800], seconds),
            ["0 s", "59 s", "1 min", "1 h 1 min", "2 h 1 min", "7 d"]
        );
        assert_eq!(
            [count(1, "retry"), count(0, "retry"), count(2, "day")],
            ["1 retry", "0 retries", "2 days"]
        );
        assert_eq!((percent(1, 4), percent(1, 0)), (25.0, 0.0));
    }
}
