//! The style sheet, the script and the icon, served from the binary. Their names hold a hash of what is in them, so a
//! browser may keep them forever and still sees every change.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// A file that pages refer to.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Where it is served.
    pub(crate) path: String,
    kind: &'static str,
    body: &'static str,
}

/// All files that pages refer to.
#[derive(Debug)]
pub(crate) struct Assets {
    /// The style sheet.
    pub(crate) style: Asset,
    /// The script.
    pub(crate) script: Asset,
    /// The icon.
    pub(crate) icon: Asset,
}

/// The files, named by what is in them.
pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: asset("candor", "css", "text/css; charset=utf-8", include_str!("../../assets/candor.css")),
    script: asset("candor", "js", "text/javascript; charset=utf-8", include_str!("../../assets/candor.js")),
    icon: asset("icon", "svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
});

fn asset(stem: &str, extension: &str, kind: &'static str, body: &'static str) -> Asset {
    let hash: String = Sha256::digest(body).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    Asset { path: format!("/assets/{stem}.{hash}.{extension}"), kind, body }
}

/// `GET /assets/{name}`.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    let Assets { style, script, icon } = &*ASSETS;
    match [style, script, icon].into_iter().find(|asset| asset.path.strip_prefix("/assets/") == Some(&name)) {
        Some(asset) => {
            let headers = [
                (header::CONTENT_TYPE, asset.kind),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            (headers, asset.body).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_gets_another_name() {
        let name = |body| asset("a", "css", "text/css", body).path;
        assert_ne!(name("a{}"), name("b{}"));
        assert_eq!(name("a{}"), name("a{}"));
    }

    #[test]
    fn the_files_are_small_and_refer_to_nothing_outside() {
        let Assets { style, script, icon } = &*ASSETS;
        let all = [style, script, icon];
        assert!(all.iter().map(|asset| asset.body.len()).sum::<usize>() < 48 * 1024);
        for asset in all {
            let outside = asset.body.replace("http://www.w3.org/2000/svg", "");
            assert!(!outside.contains("//") || !outside.contains("http"), "{}", asset.path);
            assert!(!outside.contains("@import") && !outside.contains("url("), "{}", asset.path);
        }
    }
}
