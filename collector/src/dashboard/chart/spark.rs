//! A sparkline: a row of small bars without an axis.

use super::Tone;
use crate::dashboard::words::{Words, fill};
use askama::Template;

/// A sparkline, ready to be written into a page.
#[derive(Debug, Clone, Template)]
#[template(
    source = r#"<svg class="spark" role="img" aria-label="{{ summary }}" viewBox="0 0 {{ width }} 20" preserveAspectRatio="none" width="96" height="20"><path class="base" d="M0 19.5H{{ width }}"/>{% if !path.is_empty() %}<path class="bars {{ class }}" d="{{ path }}"/>{% endif %}</svg>"#,
    ext = "html"
)]
pub(crate) struct Spark {
    class: &'static str,
    summary: String,
    width: usize,
    path: String,
}

impl askama::filters::HtmlSafe for Spark {}

impl Spark {
    /// A sparkline of counts, oldest first.
    pub(crate) fn new(w: &Words, tone: Tone, values: &[u64]) -> Self {
        let most = values.iter().copied().max().unwrap_or(0);
        let path = values
            .iter()
            .enumerate()
            .filter(|&(_, &value)| value > 0)
            .map(|(index, &value)| {
                // At least one pixel, so that a single report is seen beside a thousand.
                let height = (value as f64 / most as f64 * 18.0).round().max(1.0);
                format!("M{} 20v-{height}h3v{height}z", index * 4)
            })
            .collect();
        let sum: u64 = values.iter().sum();
        let summary = fill(w.spark, &[&sum, &most]);
        Self {
            class: tone.class(),
            summary,
            width: (values.len() * 4).max(4),
            path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::words::Lang;

    #[test]
    fn the_largest_fills_the_height_and_the_smallest_is_still_seen() {
        let spark = Spark::new(Lang::En.words(), Tone::Crash, &[0, 1, 1_000]);
        assert_eq!(spark.path, "M4 20v-1h3v1zM8 20v-18h3v18z");
        assert!(
            spark
                .to_string()
                .contains("1001 in all, at most 1000 at a time")
        );
    }

    #[test]
    fn nothing_is_an_empty_line() {
        let html = Spark::new(Lang::En.words(), Tone::Crash, &[]).to_string();
        assert!(
            html.contains(r#"viewBox="0 0 4 20""#) && !html.contains("bars"),
            "{html}"
        );
    }
}
