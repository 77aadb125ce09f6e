//! Patterns in which `*` stands for any text and `?` for one letter.

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob(Vec<char>);

impl Glob {
    pub(super) fn new(pattern: &str) -> Self {
        Self(pattern.chars().collect())
    }

    /// Whether all of `text` is as the pattern says. Takes at most the product of both lengths, however many stars there are.
    pub(super) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut at, mut in_text) = (0, 0);
        // The last star, and from where it is tried to stand for one letter more.
        let mut star: Option<(usize, usize)> = None;
        while in_text < text.len() {
            match self.0.get(at) {
                Some('*') => {
                    star = Some((at, in_text));
                    at += 1;
                }
                Some(letter) if *letter == '?' || *letter == text[in_text] => {
                    at += 1;
                    in_text += 1;
                }
                _ => match star {
                    Some((place, from)) => {
                        star = Some((place, from + 1));
                        at = place + 1;
                        in_text = from + 1;
                    }
                    None => return false,
                },
            }
        }
        self.0[at..].iter().all(|letter| *letter == '*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same, by the definition.
    fn by_definition(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|from| by_definition(rest, &text[from..])),
            Some((letter, rest)) => text.split_first().is_some_and(|(first, left)| {
                (*letter == '?' || letter == first) && by_definition(rest, left)
            }),
        }
    }

    proptest! {
        #[test]
        fn it_matches_what_the_definition_says(pattern in "[ab?*]{0,8}", text in "[ab]{0,10}") {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = by_definition(&letters(&pattern), &letters(&text));
            prop_assert_eq!(Glob::new(&pattern).matches(&text), expected);
        }

        #[test]
        fn a_text_with_a_star_instead_of_a_part_matches_it(before in "[^*?]{0,9}", part in ".{0,9}", after in "[^*?]{0,9}") {
            let text = format!("{before}{part}{after}");
            let starred = format!("{before}*{after}");
            prop_assert!(Glob::new(&starred).matches(&text));
        }
    }

    #[test]
    fn many_stars_take_no_longer_than_few() {
        let pattern = "*a".repeat(2_000);
        assert!(!Glob::new(&pattern).matches(&"a".repeat(1_999)));
        assert!(Glob::new(&pattern).matches(&"a".repeat(2_000)));
    }
}
