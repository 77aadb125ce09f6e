//! Panic messages without what changes from one time to the next.

/// Characters of a title; a longer message is cut.
const TITLE: usize = 160;

/// What kind of panic it is, by how the messages of the language itself begin; `panic` for all others.
pub(super) fn panic_kind(message: &str) -> &'static str {
    const KINDS: &[(&str, &str)] = &[
        ("index out of bounds", "index out of bounds"),
        ("range end index", "slice out of bounds"),
        ("range start index", "slice out of bounds"),
        ("slice index", "slice out of bounds"),
        ("byte index", "string cut inside a character"),
        ("start byte index", "string cut inside a character"),
        ("end byte index", "string cut inside a character"),
        ("called `Option::unwrap()`", "unwrap of None"),
        ("called `Result::unwrap()`", "unwrap of Err"),
        ("called `Result::unwrap_err()`", "unwrap of Ok"),
        ("attempt to divide by zero", "division by zero"),
        (
            "attempt to calculate the remainder with a divisor of zero",
            "division by zero",
        ),
        ("attempt to ", "arithmetic overflow"),
        ("already borrowed", "already borrowed"),
        ("already mutably borrowed", "already borrowed"),
        ("RefCell already", "already borrowed"),
        ("assertion ", "assertion"),
        ("internal error: entered unreachable code", "unreachable"),
        ("not yet implemented", "not implemented"),
        ("not implemented", "not implemented"),
        ("capacity overflow", "capacity overflow"),
        ("memory allocation of", "out of memory"),
    ];
    KINDS
        .iter()
        .find(|(start, _)| message.starts_with(start))
        .map_or("panic", |(_, kind)| kind)
}

/// `panic: index out of bounds: the len is ‹n› but the index is ‹n›`.
pub(super) fn title(message: &str) -> String {
    let template = template(message);
    if template.is_empty() {
        return "panic".to_owned();
    }
    let mut title = format!("panic: {template}");
    if let Some((cut, _)) = title.char_indices().nth(TITLE) {
        title.truncate(cut);
        title.push('…');
    }
    title
}

/// The first line of a message with everything that varies replaced: numbers and long hexadecimal ids by `‹n›`, quoted text
/// by `‹text›`, paths by `‹path›`, the insides of braces and brackets and what de-identification had replaced already by
/// `‹value›`. Code in back-quotes stays.
pub(super) fn template(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default().trim();
    // What follows is the debug form of any value.
    let known = [
        "called `Result::unwrap()` on an `Err` value",
        "called `Result::unwrap_err()` on an `Ok` value",
    ];
    if let Some(known) = known.iter().find(|known| line.starts_with(**known)) {
        return (*known).to_owned();
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let (piece, length) = match first {
            '‹' => ("‹value›", inside(rest, '‹', '›')),
            '"' => ("‹text›", quoted(rest, '"')),
            '\'' if starts_quote(&out, rest) => ("‹text›", quoted(rest, '\'')),
            '`' => {
                let length = quoted(rest, '`');
                if is_code(&rest[..length]) {
                    (&rest[..length], length)
                } else {
                    ("‹text›", length)
                }
            }
            '{' => ("{‹value›}", inside(rest, '{', '}')),
            '[' => ("[‹value›]", inside(rest, '[', ']')),
            _ if is_word(first) => {
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                word(&rest[..length], &mut out);
                ("", length)
            }
            _ => (&rest[..first.len_utf8()], first.len_utf8()),
        };
        out.push_str(piece);
        rest = &rest[length..];
    }
    merged(&out.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Replacements that touch each other are one: a path of which a part was replaced before is still one path.
fn merged(template: &str) -> String {
    let mut merged = template.to_owned();
    for (pair, one) in [
        ("‹path›‹value›", "‹path›"),
        ("‹value›‹path›", "‹path›"),
        ("‹path›‹path›", "‹path›"),
        ("‹value›‹value›", "‹value›"),
    ] {
        while merged.contains(pair) {
            merged = merged.replace(pair, one);
        }
    }
    merged
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '\\' | '%' | '@' | '+' | '~')
}

/// Appends a word with what varies in it replaced.
fn word(word: &str, out: &mut String) {
    // The full stop that ends a sentence is no part of a number or a path.
    let (word, stop) = match word.strip_suffix('.') {
        Some(bare) if !bare.is_empty() => (bare, "."),
        _ => (word, ""),
    };
    let slashes = word.matches(['/', '\\']).count();
    let letters = word.chars().any(char::is_alphabetic);
    if letters && (slashes > 1 || word.starts_with(['/', '\\', '~'])) {
        out.push_str("‹path›");
    } else if is_id(word) {
        out.push_str("‹n›");
    } else {
        digits(word, out);
    }
    out.push_str(stop);
}

/// A long hexadecimal number, perhaps in groups, or one with `0x`.
fn is_id(word: &str) -> bool {
    let (digits, prefixed) = match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(digits) => (digits, true),
        None => (word, false),
    };
    let hex = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    hex && (prefixed || (digits.len() >= 8 && digits.bytes().any(|byte| byte.is_ascii_digit())))
}

/// Appends `word` with each number in it replaced: a sign in front, and points between digits, belong to it.
fn digits(word: &str, out: &mut String) {
    let mut rest = word;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let before = &rest[..start];
        let sign_only = start == 1 && rest.len() == word.len() && before.starts_with(['-', '+']);
        out.push_str(if sign_only { "" } else { before });
        out.push_str("‹n›");
        let number = &rest[start..];
        let end = number
            .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '_'))
            .unwrap_or(number.len());
        rest = &number[end..];
    }
    out.push_str(rest);
}

/// Whether the `'` at the start of `rest` opens a quotation: not the one in `can't`.
fn starts_quote(before: &str, rest: &str) -> bool {
    !before
        .chars()
        .next_back()
        .is_some_and(char::is_alphanumeric)
        && rest[1..].contains('\'')
}

/// Length of a quotation that begins `text`, quotes included; escaped quotes do not end it. One that does not end reaches to
/// the end of the text, since messages are cut.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\\' if !escaped => escaped = true,
            c if c == quote && !escaped => return at + c.len_utf8(),
            _ => escaped = false,
        }
    }
    text.len()
}

/// Length of what the bracket that begins `text` encloses, brackets included; up to the end where it is not closed.
fn inside(text: &str, open: char, close: char) -> usize {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return at + c.len_utf8();
            }
        }
    }
    text.len()
}

/// Whether something in back-quotes is code, such as `Option::unwrap()` or `left == right`, and not a value: a bare word could
/// be anybody's name.
fn is_code(quoted: &str) -> bool {
    let inside = quoted.trim_matches('`');
    let allowed = |c: char| c.is_ascii_alphabetic() || "_:()<>=!&*, ".contains(c);
    let marks = inside.contains(['(', '<', '>', '=']) || inside.contains("::");
    (marks && inside.len() <= 64 && inside.chars().all(allowed))
        || matches!(inside, "None" | "Some" | "Ok" | "Err")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_varies_is_replaced_and_what_does_not_stays() {
        for (message, wanted) in [
            (
                "index out of bounds: the len is 3 but the index is 7",
                "index out of bounds: the len is ‹n› but the index is ‹n›",
            ),
            (
                "called `Option::unwrap()` on a `None` value",
                "called `Option::unwrap()` on a `None` value",
            ),
            (
                "called `Result::unwrap()` on an `Err` value: Os { code: 2 }",
                "called `Result::unwrap()` on an `Err` value",
            ),
            ("no header in /data/chats/7.db", "no header in ‹path›"),
            ("no user 'wang' here", "no user ‹text› here"),
            ("can't decode \"a \\\" b\" now", "can't decode ‹text› now"),
            (
                "bad frame Frame { id: 1, inner: { x: [1, 2] } } seen",
                "bad frame Frame {‹value›} seen",
            ),
            ("sizes [1, 2, 3]", "sizes [‹value›]"),
            (
                "cannot open /data/‹user›/a.db now",
                "cannot open ‹path› now",
            ),
            ("call ‹phone› or ‹email›", "call ‹value› or ‹value›"),
            (
                "took -3.5 ms, id 0xdeadBEEF, 550e8400-e29b-41d4-a716-446655440000.",
                "took ‹n› ms, id ‹n›, ‹n›.",
            ),
            ("12ms of v2 in utf8", "‹n›ms of v‹n› in utf‹n›"),
            ("either and/or both", "either and/or both"),
            (
                "assertion `left == right` failed\n  left: 1\n right: 2",
                "assertion `left == right` failed",
            ),
            ("unknown `室友 7`", "unknown ‹text›"),
            ("unknown user `wang`", "unknown user ‹text›"),
            ("not closed \"abc", "not closed ‹text›"),
            ("", ""),
        ] {
            assert_eq!(template(message), wanted, "{message}");
        }
    }

    #[test]
    fn a_title_is_one_short_line() {
        assert_eq!(title("boom\nand more"), "panic: boom");
        assert_eq!(title(""), "panic");
        assert_eq!(title(&"界".repeat(500)).chars().count(), TITLE + 1);
    }

    proptest! {
        #[test]
        fn any_message_has_a_template_without_digits(message in ".*") {
            let template = template(&message);
            prop_assert!(!template.chars().any(|c| c.is_ascii_digit()), "{template}");
        }

        #[test]
        fn numbers_do_not_change_the_template(a in any::<i64>(), b in any::<f32>().prop_filter("a number", |b| b.is_finite())) {
            let of = |a: String, b: String| template(&format!("read {a} of {b} items from slot {a}"));
            prop_assert_eq!(of(a.to_string(), format!("{b:.3}")), of("7".to_owned(), "9".to_owned()));
        }
    }
}
