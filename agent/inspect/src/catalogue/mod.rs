//! `candor catalogue`: what may leave a device, in the forms that users, app stores and privacy policies ask for. Pure: all of it
//! follows from the catalogue of the protocol.

mod data_safety;
mod json;
mod markdown;
mod snippet;
mod xcprivacy;

use candor_protocol::catalogue::{Category, Extra, FIELDS, Field, Platforms, chinese};

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A table for people.
    Markdown,
    /// For programs: every field with everything that is declared of it.
    Json,
    /// Apple's `PrivacyInfo.xcprivacy`.
    Xcprivacy,
    /// The answers to Google Play's questions on data safety, as CSV.
    DataSafety,
    /// A paragraph for the privacy policy of an app.
    Snippet,
}

/// In which language; forms for app stores have one only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lang {
    En,
    Zh,
}

/// The catalogue in a form and a language.
pub(crate) fn render(format: Format, lang: Lang) -> String {
    match format {
        Format::Markdown => markdown::render(lang),
        Format::Json => json::render(),
        Format::Xcprivacy => xcprivacy::render(),
        Format::DataSafety => data_safety::render(),
        Format::Snippet => snippet::render(lang),
    }
}

/// What changed between two versions of the catalogue, and whether users have to be asked again.
pub(crate) fn changes(from: u32, to: u32, lang: Lang) -> String {
    let change = candor_protocol::catalogue::Change::between(from, to);
    let mut text = match (lang, change.must_ask_again()) {
        (Lang::En, true) => format!(
            "Version {to} has {} fields that version {from} has not. Users have to be asked again; until they agree, these are left out:\n\n",
            change.added.len()
        ),
        (Lang::En, false) => {
            format!(
                "Version {to} has no field that version {from} has not. Nobody has to be asked again.\n"
            )
        }
        (Lang::Zh, true) => format!(
            "第 {to} 版比第 {from} 版多 {} 个字段。须重新征得用户同意；在用户同意之前，不会发送这些字段：\n\n",
            change.added.len()
        ),
        (Lang::Zh, false) => {
            format!("第 {to} 版没有第 {from} 版之外的字段，无须重新征得同意。\n")
        }
    };
    for field in change.added {
        let meaning = lang.text(field.meaning);
        text.push_str(&format!("- `{}`: {meaning}\n", field.path));
    }
    text
}

impl Lang {
    const fn pick(self, en: &'static str, zh: &'static str) -> &'static str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }

    /// A text of the catalogue; in English where a translation is missing, which a test of the catalogue forbids.
    fn text(self, english: &'static str) -> &'static str {
        match self {
            Self::En => english,
            Self::Zh => chinese(english).unwrap_or(english),
        }
    }

    fn platforms(self, field: &Field) -> &'static str {
        match field.platforms() {
            Platforms::All => self.pick("all", "全部"),
            Platforms::Linux => self.pick("Linux", "Linux"),
        }
    }

    fn category(self, category: Category) -> &'static str {
        match category {
            Category::Random => self.pick("Random numbers", "随机编号"),
            Category::Device => self.pick("Device classes", "设备类别"),
            Category::Crash => self.pick("Crash data", "崩溃数据"),
            Category::Performance => self.pick("Performance data", "性能数据"),
            Category::Diagnostic => self.pick("Other diagnostic data", "其他诊断数据"),
        }
    }

    fn extra(self, extra: Extra) -> &'static str {
        match extra {
            Extra::Breadcrumbs => self.pick("what the app did before a crash", "崩溃前应用的操作"),
            Extra::Foreground => {
                self.pick("whether the app was in the foreground", "应用是否处于前台")
            }
            Extra::Usage => self.pick(
                "how much memory and how many files were in use",
                "内存与打开文件的使用程度",
            ),
        }
    }

    /// Whether a field is always sent, or what has to be switched on for it.
    fn need(self, field: &Field) -> String {
        match field.extra {
            None => self.pick("required", "必要").to_owned(),
            Some(extra) => format!("{} `{extra}`", self.pick("optional:", "可选：")),
        }
    }
}

/// The fields of a category.
fn of(category: Category) -> impl Iterator<Item = &'static Field> {
    FIELDS
        .iter()
        .filter(move |field| field.category() == category)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// What is checked in, so that a change of the catalogue shows in review, and a developer can link to it.
    const CHECKED_IN: [(&str, Format, Lang); 7] = [
        ("catalogue.en.md", Format::Markdown, Lang::En),
        ("catalogue.zh.md", Format::Markdown, Lang::Zh),
        ("catalogue.json", Format::Json, Lang::En),
        ("PrivacyInfo.xcprivacy", Format::Xcprivacy, Lang::En),
        ("data-safety.csv", Format::DataSafety, Lang::En),
        ("policy.en.md", Format::Snippet, Lang::En),
        ("policy.zh.md", Format::Snippet, Lang::Zh),
    ];

    #[test]
    fn what_is_checked_in_is_what_the_catalogue_says() {
        let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/catalogue");
        let write = std::env::var_os("CANDOR_WRITE_CATALOGUE").is_some();
        for (name, format, lang) in CHECKED_IN {
            let (path, made) = (dir.join(name), render(format, lang));
            if write {
                std::fs::create_dir_all(&dir).unwrap();
                std::fs::write(&path, &made).unwrap();
            }
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(
                kept, made,
                "{name} is out of date; run this test with CANDOR_WRITE_CATALOGUE=1 and look at the difference"
            );
        }
    }

    #[test]
    fn every_field_is_in_every_table() {
        for text in [
            render(Format::Markdown, Lang::En),
            render(Format::Markdown, Lang::Zh),
            render(Format::Json, Lang::En),
        ] {
            for field in FIELDS {
                assert!(text.contains(field.path), "{} is missing", field.path);
            }
        }
    }

    #[test]
    fn a_later_version_says_who_has_to_be_asked() {
        assert!(changes(1, 2, Lang::En).contains("asked again; until"));
        assert!(changes(1, 2, Lang::Zh).contains("重新征得用户同意"));
        assert!(changes(2, 2, Lang::En).contains("Nobody has to be asked again"));
    }
}
