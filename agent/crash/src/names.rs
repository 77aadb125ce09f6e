//! Thread names that may be told. A raw name may hold anything (`conn-` and a user's number), so only names that were declared
//! are ever written.

use candor_dump::layout::names;

/// The kernel keeps so many bytes of a thread's name.
const KEPT: usize = 15;

/// The place among the declared names, from 1, of a name as the kernel keeps it; 0 for any other. Numbers at the end, which
/// pools give to their threads, do not count. Anywhere.
pub(crate) fn index(declared: &[&str], name: [u8; 16]) -> u16 {
    let len = name
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(name.len());
    let name = without_number(name.get(..len).unwrap_or_default());
    let same = |declared: &&str| {
        let declared = declared.as_bytes();
        !name.is_empty() && without_number(declared.get(..KEPT).unwrap_or(declared)) == name
    };
    declared
        .iter()
        .take(names::COUNT)
        .position(same)
        .map_or(0, |index| index as u16 + 1)
}

fn without_number(mut name: &[u8]) -> &[u8] {
    while let [rest @ .., b'0'..=b'9'] = name {
        name = rest;
    }
    while let [rest @ .., b'-' | b'_' | b'#' | b'.' | b':' | b' '] = name {
        name = rest;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str) -> u16 {
        let mut kept = [0; 16];
        let len = name.len().min(KEPT);
        kept[..len].copy_from_slice(&name.as_bytes()[..len]);
        index(&["worker", "tokio-runtime-worker", "42"], kept)
    }

    #[test]
    fn declared_names_are_found_with_and_without_a_number_and_cut_as_the_kernel_cuts_them() {
        for name in [
            "worker",
            "worker-7",
            "worker_12",
            "worker #3",
            "worker123456",
        ] {
            assert_eq!(found(name), 1, "{name}");
        }
        assert_eq!(found("tokio-runtime-worker"), 2);
    }

    #[test]
    fn other_names_are_not_told() {
        for name in [
            "",
            "work",
            "workers",
            "worker-of-anna",
            "conn-13800138000",
            "13800138000",
            "42",
            "-",
        ] {
            assert_eq!(found(name), 0, "{name}");
        }
    }
}
