//! Every word that pages say, in English and in Chinese. A word that is missing in one language does not compile.
//!
//! `{}` stands for a value; [`fill`] puts them in, in order.

use std::fmt::Display;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese, simplified.
    Zh,
}

impl Lang {
    /// The word in the address, the cookie and the page's `lang` attribute.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// The language of a word in the address.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::En, Self::Zh].into_iter().find(|lang| lang.word() == word)
    }

    /// The language that an `Accept-Language` header names first among those that are spoken here.
    pub(crate) fn preferred(header: &str) -> Self {
        let weighed = header.split(',').filter_map(|entry| {
            let (tag, weight) = entry.split_once(";q=").unwrap_or((entry, "1"));
            let language = tag.trim().split('-').next()?;
            Some((Self::parse(&language.to_ascii_lowercase())?, weight.trim().parse::<f32>().ok()?))
        });
        // Of equal weights the first counts.
        weighed.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(lang, _)| lang).unwrap_or_default()
    }

    /// The words of this language.
    pub(crate) const fn words(self) -> &'static Words {
        match self {
            Self::En => &EN,
            Self::Zh => &ZH,
        }
    }
}

/// `pattern` with its `{}` replaced by `values`, in order.
pub(crate) fn fill(pattern: &str, values: &[&dyn Display]) -> String {
    let mut parts = pattern.split("{}");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for (index, part) in parts.enumerate() {
        if let Some(value) = values.get(index) {
            out.push_str(&value.to_string());
        }
        out.push_str(part);
    }
    out
}

macro_rules! words {
    ($($key:ident: $en:literal, $zh:literal;)+) => {
        /// What pages say in one language.
        #[derive(Debug)]
        pub(crate) struct Words {
            $(pub(crate) $key: &'static str,)+
        }

        const EN: Words = Words { $($key: $en,)+ };
        const ZH: Words = Words { $($key: $zh,)+ };

        #[cfg(test)]
        const PAIRS: &[(&str, &str, &str)] = &[$((stringify!($key), $en, $zh),)+];
    };
}

words! {
    // Around every page.
    overview: "Overview", "概览";
    issues: "Issues", "问题";
    freezes: "Freezes", "卡顿";
    connections: "Connections", "连接";
    skip: "Skip to the content", "跳到正文";
    pages: "Pages", "页面";
    app: "App", "应用";
    range: "Range of time", "时间范围";
    dark: "Dark", "深色";
    light: "Light", "浅色";
    theme_hint: "Change between light and dark", "切换深浅色";
    lang_hint: "中文", "English";
    live: "Live", "实时";
    paused: "Paused", "已暂停";
    live_hint: "Stop or resume refreshing", "停止或继续刷新";
    back_to_now: "Back to now", "回到现在";
    keys_hint: "Keys: / filters, j and k move along a list, Enter opens, arrows read a chart.", "按键：/ 筛选，j 与 k 在列表中移动，Enter 打开，方向键读取图表。";
    footer: "Times are UTC. Reports tell the hour unless the app declares minutes.", "时间为 UTC。除非应用声明到分钟，报告只精确到小时。";

    // Time.
    this_hour: "this hour", "本小时内";
    just_now: "just now", "刚刚";
    minutes_ago: "{} min ago", "{} 分钟前";
    hours_ago: "{} h ago", "{} 小时前";
    days_ago: "{} d ago", "{} 天前";
    time_utc: "Time (UTC)", "时间（UTC）";

    // Charts.
    values: "Values", "数值";
    nothing_here: "Nothing in this range", "此范围内没有数据";
    chart_nothing: "{}: nothing.", "{}：无。";
    chart_total: "{}: {} in all, most {} at {}.", "{}：共 {}，最多 {}，在 {}。";
    chart_highest: "{}: highest {} at {}.", "{}：最高 {}，在 {}。";
    spark: "{} in all, at most {} at a time", "共 {}，单段最多 {}";
    frames_skipped: "{} frames of the system or the runtime", "{} 个系统或运行时栈帧";
    icicle_summary: "{} samples, most of them in {} ({}).", "{} 个样本，最多在 {}（{}）。";
    icicle_box: "{}: {} samples, {}", "{}：{} 个样本，{}";
    hottest: "Where the samples were", "样本所在";
    function: "Function", "函数";
    samples: "Samples", "样本";
    share: "Share", "占比";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_leave_room_for_the_same_values() {
        for (key, en, zh) in PAIRS {
            assert_eq!(en.matches("{}").count(), zh.matches("{}").count(), "{key}");
            assert!(!en.is_empty() && !zh.is_empty(), "{key}");
        }
    }

    #[test]
    fn values_are_put_in_in_order_and_not_read_again() {
        assert_eq!(fill("{} of {}", &[&1, &"{}"]), "1 of {}");
        assert_eq!(fill("nothing", &[&1]), "nothing");
    }

    #[test]
    fn the_browsers_preference_is_weighed() {
        assert_eq!(Lang::preferred("fr, zh-TW;q=0.5, en;q=0.8"), Lang::En);
        assert_eq!(Lang::preferred("zh,en"), Lang::Zh);
        assert_eq!(Lang::preferred("de"), Lang::En);
        assert_eq!(Lang::preferred(";;q=,"), Lang::En);
    }
}
