//! Tables that are downloaded.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// A table, to be kept under this name.
pub(super) fn download(name: &str, table: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, table).into_response()
}

/// A text as a cell. What a spreadsheet would take for a formula is kept from being one.
pub(super) fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{guard}{}\"", text.replace('"', "\"\"")),
        false => format!("{guard}{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_cell_or_becomes_a_formula() {
        assert_eq!(cell("im::load"), "im::load");
        assert_eq!(cell("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(cell("=1+2"), "'=1+2");
        assert_eq!(cell("@a,b"), "\"'@a,b\"");
    }
}
