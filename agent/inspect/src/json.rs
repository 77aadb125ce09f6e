//! What is shown, as JSON. `JSON.md` describes every field; what it says stays true for as long as `format` is 1.

use serde::Serialize;

/// Version of the form.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Document<'a, T> {
    format: u32,
    #[serde(flatten)]
    shown: &'a T,
}

/// One JSON document, indented, with a line's end.
pub(crate) fn render<T: Serialize>(shown: &T) -> String {
    let document = Document {
        format: FORMAT,
        shown,
    };
    // Everything that is shown has names as keys, so it can be written.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}
