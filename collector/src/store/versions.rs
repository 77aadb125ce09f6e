//! Which of two releases is the later one.

use std::cmp::Ordering;

/// Compares versions part by part: numbers by value, everything else as text, a number after text. What two versions begin
/// with alike and only one goes on with makes that one the later, except for a pre-release after `-`.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let (a_main, a_pre) = split(a);
    let (b_main, b_pre) = split(b);
    parts(a_main)
        .cmp(parts(b_main))
        .then_with(|| match (a_pre, b_pre) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) => parts(a).cmp(parts(b)),
        })
}

fn split(version: &str) -> (&str, Option<&str>) {
    let version = version.strip_prefix('v').unwrap_or(version);
    let version = version.split('+').next().unwrap_or(version);
    version
        .split_once('-')
        .map_or((version, None), |(main, pre)| (main, Some(pre)))
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Text(&'a str),
    Number(u128),
}

fn parts(version: &str) -> impl Iterator<Item = Part<'_>> {
    version
        .split(['.', '_', '-'])
        .map(|part| part.parse().map_or(Part::Text(part), Part::Number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_the_order_in_which_they_are_published() {
        let order = [
            "1.2",
            "1.2.3-alpha.2",
            "1.2.3-alpha.10",
            "1.2.3-beta",
            "1.2.3",
            "1.2.10",
            "v1.10.0",
            "2024.05.1",
        ];
        for (at, earlier) in order.iter().enumerate() {
            for later in &order[at + 1..] {
                assert_eq!(compare(earlier, later), Ordering::Less, "{earlier} {later}");
                assert_eq!(
                    compare(later, earlier),
                    Ordering::Greater,
                    "{earlier} {later}"
                );
            }
        }
        assert_eq!(compare("1.2.3+build.1", "1.2.3+build.2"), Ordering::Equal);
    }
}
