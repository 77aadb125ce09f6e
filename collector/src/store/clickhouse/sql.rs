//! Values as they stand in SQL. Whatever is not plainly harmless is written by its code.

use std::fmt::Write;

/// A text.
pub(super) fn text(value: &str) -> String {
    bytes(value.as_bytes())
}

/// Bytes.
pub(super) fn bytes(value: &[u8]) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('\'');
    for byte in value {
        if byte.is_ascii_alphanumeric() || b" .-_:".contains(byte) {
            out.push(char::from(*byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(out, "\\x{byte:02X}");
        }
    }
    out.push('\'');
    out
}

/// A list to be looked in; an empty one holds nothing.
pub(super) fn list<T>(values: impl IntoIterator<Item = T>, write: impl Fn(T) -> String) -> String {
    let values: Vec<String> = values.into_iter().map(write).collect();
    if values.is_empty() {
        // An empty list is no SQL, and no key is made of nothing.
        return "('')".to_owned();
    }
    format!("({})", values.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_its_quotes() {
        assert_eq!(text("im.chat_1-2 a"), "'im.chat_1-2 a'");
        assert_eq!(text("a'b\\?;\n"), "'a\\x27b\\x5C\\x3F\\x3B\\x0A'");
        assert_eq!(text("中"), "'\\xE4\\xB8\\xAD'");
        assert_eq!(bytes(&[0, 255, b'A']), "'\\x00\\xFFA'");
        assert_eq!(list([1, 2], |n| n.to_string()), "(1,2)");
        assert_eq!(list([""; 0], text), "('')");
    }
}
