//! A horizontal bar that shows a share, for a cell of a table. The figure stands beside it as text.

use super::{Tone, number};
use askama::Template;

/// A bar, ready to be written into a page.
#[derive(Debug, Clone, Template)]
#[template(
    source = r#"<svg class="share" aria-hidden="true"><rect class="rest" width="100%" height="6" y="5" rx="1"/><rect class="{{ class }}" width="{{ percent }}%" height="6" y="5" rx="1"/></svg>"#,
    ext = "html"
)]
pub(crate) struct ShareBar {
    class: &'static str,
    percent: String,
}

impl askama::filters::HtmlSafe for ShareBar {}

impl ShareBar {
    /// `part` of `whole`; empty when there is no whole.
    pub(crate) fn new(tone: Tone, part: u64, whole: u64) -> Self {
        let percent = if whole == 0 {
            0.0
        } else {
            (part as f64 / whole as f64 * 100.0).min(100.0)
        };
        Self {
            class: tone.class(),
            percent: number(percent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_never_longer_than_the_whole() {
        assert!(
            ShareBar::new(Tone::Accent, 1, 3)
                .to_string()
                .contains(r#"width="33.33%""#)
        );
        assert!(
            ShareBar::new(Tone::Accent, 5, 0)
                .to_string()
                .contains(r#"width="0%""#)
        );
        assert!(
            ShareBar::new(Tone::Accent, 5, 3)
                .to_string()
                .contains(r#"width="100%""#)
        );
    }
}
