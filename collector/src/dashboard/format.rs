//! Numbers as people read them. Pure; the same in every language except for words about time.

use super::words::{Lang, fill};

/// What stands where there is nothing to tell.
pub(crate) const NOTHING: &str = "–";

/// `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `950`, `12.3k`, `4.1M`: for axes.
pub(crate) fn short_count(number: f64) -> String {
    let (scaled, unit) = match number {
        n if n >= 1e9 => (n / 1e9, "G"),
        n if n >= 1e6 => (n / 1e6, "M"),
        n if n >= 1e4 => (n / 1e3, "k"),
        n => (n, ""),
    };
    format!("{}{unit}", trimmed(scaled, 1))
}

/// `number` with at most `digits` digits after the point, without trailing zeros.
fn trimmed(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// `part` of `whole` in percent, with the digits that matter.
///
/// Near 0 and near 100 % two digits after the point are kept, and neither end is shown unless it is exact: 99.996 % is
/// `>99.99%`, since a crash is a crash. `NOTHING` when there is no whole.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return NOTHING.to_owned();
    }
    if part == 0 {
        return "0%".to_owned();
    }
    if part >= whole {
        return "100%".to_owned();
    }
    let percent = part as f64 / whole as f64 * 100.0;
    match percent {
        p if p > 99.99 => ">99.99%".to_owned(),
        p if p >= 99.0 => format!("{:.2}%", (p * 100.0).floor() / 100.0),
        p if p < 0.01 => "<0.01%".to_owned(),
        p if p < 1.0 => format!("{p:.2}%"),
        p => format!("{p:.1}%"),
    }
}

/// `1 - part/whole` in percent, as [`share`] writes it.
pub(crate) fn share_without(part: u64, whole: u64) -> String {
    share(whole.saturating_sub(part), whole)
}

/// A change of a share in percentage points, such as `+0.12`; `None` where one side has no whole or nothing changed in the
/// digits that are shown.
pub(crate) fn points_between(
    now: (u64, u64),
    before: (u64, u64),
) -> Option<(std::cmp::Ordering, String)> {
    if now.1 == 0 || before.1 == 0 {
        return None;
    }
    let difference = (now.0 as f64 / now.1 as f64 - before.0 as f64 / before.1 as f64) * 100.0;
    let text = format!("{difference:+.2}");
    match text.trim_start_matches(['+', '-']) {
        "0.00" => Some((std::cmp::Ordering::Equal, "±0.00".to_owned())),
        _ => Some((difference.total_cmp(&0.0), text.replace('-', "−"))),
    }
}

/// A change of a number in percent of what it was before, such as `+12%`; `None` without a before.
pub(crate) fn percent_between(now: u64, before: u64) -> Option<(std::cmp::Ordering, String)> {
    if before == 0 {
        return None;
    }
    let difference = (now as f64 / before as f64 - 1.0) * 100.0;
    match format!("{difference:+.0}").as_str() {
        "+0" | "-0" => Some((std::cmp::Ordering::Equal, "±0%".to_owned())),
        text => Some((
            difference.total_cmp(&0.0),
            format!("{}%", text.replace('-', "−")),
        )),
    }
}

/// A duration with three digits that matter, from microseconds: `850 µs`, `12.4 ms`, `1.24 s`, `2 min 5 s`, `3 h 4 min`, `2 d 3 h`.
pub(crate) fn micros(us: u64) -> String {
    let three = |value: f64| match value {
        v if v >= 99.95 => format!("{v:.0}"),
        v if v >= 9.995 => trimmed(v, 1),
        v => trimmed(v, 2),
    };
    let seconds = us / 1_000_000;
    let two = |whole: u64, unit: &str, rest: u64, rest_unit: &str| match rest {
        0 => format!("{whole} {unit}"),
        rest => format!("{whole} {unit} {rest} {rest_unit}"),
    };
    match us {
        0 => "0".to_owned(),
        1..1_000 => format!("{us} µs"),
        1_000..1_000_000 => match three(us as f64 / 1e3).as_str() {
            "1000" => "1 s".to_owned(),
            text => format!("{text} ms"),
        },
        _ if seconds < 60 => format!("{} s", three(us as f64 / 1e6)),
        _ if seconds < 3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        _ if seconds < 86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// As [`micros`], from milliseconds.
pub(crate) fn millis(ms: u64) -> String {
    micros(ms.saturating_mul(1_000))
}

/// As [`micros`], or [`NOTHING`].
pub(crate) fn micros_or_nothing(us: Option<u64>) -> String {
    us.map_or_else(|| NOTHING.to_owned(), micros)
}

/// `512 B`, `12.3 kB`, `4.10 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let number = bytes as f64;
    let (number, unit) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => (number / 1e3, "kB"),
        1_000_000..1_000_000_000 => (number / 1e6, "MB"),
        _ => (number / 1e9, "GB"),
    };
    let digits = if number < 10.0 {
        2
    } else {
        usize::from(number < 100.0)
    };
    format!("{number:.digits$} {unit}")
}

/// How long ago `at` was, seen from `now`, both in Unix seconds.
///
/// A full hour is taken for a time that was rounded to the hour, and nothing finer is claimed about it.
pub(crate) fn ago(at: u64, now: u64, lang: Lang) -> String {
    let w = lang.words();
    let past = now.saturating_sub(at);
    if at.is_multiple_of(3_600) && past < 86_400 {
        return match past / 3_600 {
            0 => w.this_hour.to_owned(),
            hours => fill(w.hours_ago, &[&hours]),
        };
    }
    match past {
        0..60 => w.just_now.to_owned(),
        60..3_600 => fill(w.minutes_ago, &[&(past / 60)]),
        3_600..86_400 => fill(w.hours_ago, &[&(past / 3_600)]),
        _ => fill(w.days_ago, &[&(past / 86_400)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering;

    #[test]
    fn counts_are_grouped_by_thousands() {
        let read: Vec<String> = [0, 12, 123, 1_234, 12_345, 1_234_567].map(count).into();
        assert_eq!(read, ["0", "12", "123", "1,234", "12,345", "1,234,567"]);
        let read: Vec<String> = [0.0, 0.5, 950.0, 12_300.0, 4_100_000.0]
            .map(short_count)
            .into();
        assert_eq!(read, ["0", "0.5", "950", "12.3k", "4.1M"]);
    }

    #[test]
    fn a_share_is_never_rounded_to_all_or_nothing() {
        assert_eq!(share(999_999, 1_000_000), ">99.99%");
        assert_eq!(share(99_999, 100_000), ">99.99%");
        assert_eq!(share(9_999, 10_000), "99.99%");
        assert_eq!(share(1, 1_000_000), "<0.01%");
        assert_eq!(share(1_000, 1_000), "100%");
        assert_eq!(share(0, 1_000), "0%");
        assert_eq!(share(0, 0), NOTHING);
    }

    #[test]
    fn a_share_keeps_the_digits_that_matter() {
        assert_eq!(share(9_962, 10_000), "99.62%");
        assert_eq!(share(1, 3), "33.3%");
        assert_eq!(share(3, 1_000), "0.30%");
        assert_eq!(share_without(38, 10_000), "99.62%");
    }

    #[test]
    fn a_change_needs_two_sides() {
        assert_eq!(points_between((99, 100), (0, 0)), None);
        assert_eq!(
            points_between((995, 1_000), (990, 1_000)),
            Some((Ordering::Greater, "+0.50".into()))
        );
        assert_eq!(
            points_between((990, 1_000), (995, 1_000)),
            Some((Ordering::Less, "−0.50".into()))
        );
        assert_eq!(
            points_between((990, 1_000), (99, 100)),
            Some((Ordering::Equal, "±0.00".into()))
        );
        assert_eq!(
            percent_between(150, 100),
            Some((Ordering::Greater, "+50%".into()))
        );
        assert_eq!(percent_between(100, 0), None);
    }

    #[test]
    fn durations_have_three_digits_and_a_unit_that_fits() {
        let read: Vec<String> = [
            0,
            850,
            12_400,
            123_456,
            999_999,
            1_240_000,
            59_940_000,
            125_000_000,
            11_040_000_000,
            183_600_000_000,
        ]
        .map(micros)
        .into();
        assert_eq!(
            read,
            [
                "0",
                "850 µs",
                "12.4 ms",
                "123 ms",
                "1 s",
                "1.24 s",
                "59.9 s",
                "2 min 5 s",
                "3 h 4 min",
                "2 d 3 h"
            ]
        );
    }

    #[test]
    fn a_time_that_was_rounded_to_the_hour_is_not_told_in_minutes() {
        let hour = 1_773_478_800;
        assert_eq!(ago(hour, hour + 26 * 60, Lang::En), "this hour");
        assert_eq!(ago(hour, hour + 86 * 60, Lang::En), "1 h ago");
        assert_eq!(ago(hour + 60, hour + 26 * 60, Lang::En), "25 min ago");
        assert_eq!(ago(hour, hour + 3 * 86_400, Lang::Zh), "3 天前");
    }
}
