//! From what somebody typed to one report. Pure.

/// The fewest digits of an id that are shown.
const SHORTEST: usize = 8;

/// How many of the last digits of `ids` tell all of them apart, at least 8.
///
/// The last ones: reports that one run gives rise to have ids that differ only at the end.
pub(crate) fn short_length(ids: &[&str]) -> usize {
    let longest = ids.iter().map(|id| id.len()).max().unwrap_or(SHORTEST);
    let apart = |length: usize| {
        let mut ends: Vec<&str> = ids.iter().map(|id| end(id, length)).collect();
        ends.sort_unstable();
        ends.windows(2).all(|pair| pair[0] != pair[1])
    };
    (SHORTEST..longest)
        .find(|&length| apart(length))
        .unwrap_or(longest)
}

/// The last `length` digits of an id.
pub(crate) fn end(id: &str, length: usize) -> &str {
    id.get(id.len().saturating_sub(length)..).unwrap_or(id)
}

/// The index of the one id that begins or ends with `wanted`.
///
/// # Errors
/// Says that there is none, or which there are, and what to do.
pub(crate) fn find(ids: &[&str], wanted: &str) -> Result<usize, String> {
    if ids.is_empty() {
        return Err("there is no report on this device".to_owned());
    }
    let digits = wanted.to_ascii_lowercase();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!(
            "{wanted:?} is no id: ids have the digits 0-9 and a-f; `candor list` shows them"
        ));
    }
    let matching: Vec<usize> = (0..ids.len())
        .filter(|&index| ids[index].starts_with(&digits) || ids[index].ends_with(&digits))
        .collect();
    match matching[..] {
        [] => Err(format!(
            "no report's id begins or ends with {digits}; `candor list` shows what there is"
        )),
        [one] => Ok(one),
        [first, ..] if matching.iter().all(|&other| ids[other] == ids[first]) => Ok(first),
        _ => {
            let mut message = format!(
                "{} reports have an id that begins or ends with {digits}; give more digits of the one you mean:",
                matching.len()
            );
            for &index in matching.iter().take(10) {
                message.push_str("\n  ");
                message.push_str(ids[index]);
            }
            if matching.len() > 10 {
                message.push_str("\n  ...");
            }
            Err(message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 3] = [
        "00112233445566778899aabbccddee01",
        "00112233445566778899aabbccddee02",
        "ffeeddccbbaa99887766554433221100",
    ];

    #[test]
    fn a_beginning_or_an_end_that_is_unique_is_enough() {
        assert_eq!(find(&IDS, "ff"), Ok(2));
        assert_eq!(find(&IDS, "EE02"), Ok(1));
        assert_eq!(find(&IDS, IDS[0]), Ok(0));
    }

    #[test]
    fn what_is_not_unique_or_not_there_says_what_to_do() {
        let several = find(&IDS, "0011").unwrap_err();
        assert!(
            several.contains("2 reports") && several.contains(IDS[1]),
            "{several}"
        );
        assert!(find(&IDS, "abc").unwrap_err().contains("candor list"));
        assert!(find(&IDS, "xyz").unwrap_err().contains("0-9 and a-f"));
        assert!(find(&IDS, "").is_err());
        assert!(find(&[], "00").unwrap_err().contains("no report"));
    }

    #[test]
    fn short_ids_tell_all_reports_apart() {
        assert_eq!(short_length(&IDS), 8);
        let alike = ["0a00000000", "0b00000000"];
        assert_eq!(short_length(&alike), 9);
        assert_eq!(short_length(&[IDS[0], IDS[0]]), 32);
        assert_eq!(short_length(&[]), 8);
        assert_eq!(end("0123", 8), "0123");
    }
}
