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
    style: asset(
        "candor",
        "css",
        "text/css; charset=utf-8",
        include_str!("../../assets/candor.css"),
    ),
    script: asset(
        "candor",
        "js",
        "text/javascript; charset=utf-8",
        include_str!("../../assets/candor.js"),
    ),
    icon: asset(
        "icon",
        "svg",
        "image/svg+xml",
        include_str!("../../assets/icon.svg"),
    ),
});

fn asset(stem: &str, extension: &str, kind: &'static str, body: &'static str) -> Asset {
    let hash: String = Sha256::digest(body)
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Asset {
        path: format!("/assets/{stem}.{hash}.{extension}"),
        kind,
        body,
    }
}

/// `GET /assets/{name}`.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    let Assets {
        style,
        script,
        icon,
    } = &*ASSETS;
    match [style, script, icon]
        .into_iter()
        .find(|asset| asset.path.strip_prefix("/assets/") == Some(&name))
    {
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
        let Assets {
            style,
            script,
            icon,
        } = &*ASSETS;
        let all = [style, script, icon];
        assert!(all.iter().map(|asset| asset.body.len()).sum::<usize>() < 48 * 1024);
        for asset in all {
            let outside = asset.body.replace("http://www.w3.org/2000/svg", "");
            assert!(
                !outside.contains("//") || !outside.contains("http"),
                "{}",
                asset.path
            );
            assert!(
                !outside.contains("@import") && !outside.contains("url("),
                "{}",
                asset.path
            );
        }
    }

    /// The two colours of a variable: in light and in dark.
    fn colours(name: &str) -> [[f64; 3]; 2] {
        let css = ASSETS.style.body;
        let start = css.find(&format!("--{name}: light-dark(")).expect(name);
        let mut hex = css[start..].split('#').skip(1).map(|rest| &rest[..6]);
        let mut next = || {
            let number = u32::from_str_radix(hex.next().unwrap(), 16).unwrap();
            [16, 8, 0].map(|shift| f64::from((number >> shift) & 255) / 255.0)
        };
        [next(), next()]
    }

    /// Contrast as WCAG 2.2 defines it: 1 to 21.
    fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
        let luminance = |colour: [f64; 3]| {
            let linear = |part: f64| {
                if part <= 0.04045 {
                    part / 12.92
                } else {
                    ((part + 0.055) / 1.055).powf(2.4)
                }
            };
            0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_is_legible_on_every_ground_in_light_and_in_dark() {
        for text in ["text", "quiet", "accent", "crash", "freeze"] {
            for ground in ["ground", "surface", "raised", "accent-soft"] {
                for theme in [0, 1] {
                    let ratio = contrast(colours(text)[theme], colours(ground)[theme]);
                    assert!(
                        ratio >= 4.5,
                        "{text} on {ground}, theme {theme}: {ratio:.2}"
                    );
                }
            }
        }
    }

    #[test]
    fn marks_of_charts_stand_out_from_the_surface() {
        for mark in ["fill", "crash-fill", "freeze-fill", "k1", "k3"] {
            for theme in [0, 1] {
                let ratio = contrast(colours(mark)[theme], colours("surface")[theme]);
                assert!(ratio >= 3.0, "{mark}, theme {theme}: {ratio:.2}");
            }
        }
    }
}
