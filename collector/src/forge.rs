//! Where an app's source is shown to people: from a file and a line of a stack to an address at the forge.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// The longest template and the longest prefix, in bytes.
const LONGEST: usize = 500;

/// What stays as it is in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What a template may stand for.
const PLACES: [&str; 3] = ["{release}", "{file}", "{line}"];

/// Where the source of an app is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forge {
    /// An address with `{release}`, `{file}` and `{line}` in it.
    template: String,
    /// What files of builds begin with that those of the forge do not: the directory in which it is built. Empty where there is none.
    #[serde(default)]
    strip: String,
}

impl Forge {
    /// A forge, if the template is an `https` address with `{file}` in its path and nothing in braces but `{release}`, `{file}` and
    /// `{line}`.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn new(template: &str, strip: &str) -> Result<Self, String> {
        let (template, strip) = (template.trim(), strip.trim().replace('\\', "/"));
        if template.len() > LONGEST || strip.len() > LONGEST {
            return Err(format!("it has at most {LONGEST} bytes"));
        }
        let rest = template
            .strip_prefix("https://")
            .ok_or("the address begins with https://")?;
        let (host, path) = rest
            .split_once('/')
            .ok_or("a path follows the name of the host")?;
        let is_host = |letter: char| letter.is_ascii_alphanumeric() || "-.:".contains(letter);
        if host.is_empty() || !host.chars().all(is_host) {
            return Err("the name of the host is letters, digits, dots and a port".to_owned());
        }
        let mut left = path.to_owned();
        for place in PLACES {
            left = left.replace(place, "");
        }
        if left.contains(['{', '}']) {
            return Err(format!("only {} may stand in braces", PLACES.join(", ")));
        }
        let is_odd = |letter: char| !letter.is_ascii_graphic() || "\"'<>\\^`|".contains(letter);
        if left.contains(is_odd) || strip.contains(char::is_control) {
            return Err(
                "it holds no spaces, quotes or other letters than those of addresses".to_owned(),
            );
        }
        if !path.contains("{file}") {
            return Err("{file} has to stand in it".to_owned());
        }
        Ok(Self {
            template: template.to_owned(),
            strip,
        })
    }

    /// The template.
    pub fn template(&self) -> &str {
        &self.template
    }

    /// What is left out of files.
    pub fn strip(&self) -> &str {
        &self.strip
    }

    /// The address of a line, unless the file is not one of the app's source: absolute and elsewhere than where it is built, or above that.
    pub(crate) fn link(&self, release: &str, file: &str, line: u32) -> Option<String> {
        let file = file.replace('\\', "/");
        let file = match file.strip_prefix(&self.strip) {
            // A directory is left out, not the beginning of a name.
            Some(rest) if self.strip.is_empty() || self.strip.ends_with('/') => rest,
            Some(rest) if rest.starts_with('/') => &rest[1..],
            _ => &file,
        };
        let is_elsewhere = file.starts_with('/') || file.as_bytes().get(1) == Some(&b':');
        let file = file.trim_start_matches("./");
        if release == ".."
            || is_elsewhere
            || file.is_empty()
            || file.split('/').any(|part| part == "..")
        {
            return None;
        }
        let release = utf8_percent_encode(release, PATH).to_string();
        let file = utf8_percent_encode(file, PATH).to_string();
        // A template that an older settings file holds is looked at again: only what `new` takes becomes a link.
        let template = Self::new(&self.template, "").ok()?.template;
        // Nothing that is put in holds a brace: those are encoded.
        let link = template
            .replace("{release}", &release)
            .replace("{file}", &file)
            .replace("{line}", &line.to_string());
        Some(link)
    }
}

/// What the trail says of a change.
pub(crate) fn said(forge: Option<&Forge>) -> String {
    match forge {
        Some(forge) => format!("source at {}, built in {:?}", forge.template, forge.strip),
        None => "source is shown nowhere".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEMPLATE: &str = "https://forge.example/im/app/blob/v{release}/{file}#L{line}";

    #[test]
    fn a_line_leads_to_the_forge() {
        let forge = Forge::new(TEMPLATE, "/build/im").unwrap();
        let link = |file| forge.link("1.2.3+4", file, 7);
        let expected = "https://forge.example/im/app/blob/v1.2.3%2B4/src/a%20b.rs#L7";
        assert_eq!(link("/build/im/src/a b.rs").as_deref(), Some(expected));
        assert_eq!(link("src/a b.rs").as_deref(), Some(expected));
        assert_eq!(link("./src\\a b.rs").as_deref(), Some(expected));
        for elsewhere in [
            "/build/immense/src/a.rs",
            "/rustc/1/library/core/src/a.rs",
            "C:\\src\\a.rs",
            "src/../../a.rs",
            "",
        ] {
            assert_eq!(link(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_forge_is_refused() {
        for template in [
            "",
            "http://forge.example/{file}",
            "javascript:alert('{file}')",
            "https://{file}/x",
            "https://me@forge.example/{file}",
            "https://forge.example",
            "https://forge.example/{line}",
            "https://forge.example/{file}{path}",
            "https://forge.example/{file}\" onclick=\"x",
            "https:///{file}",
            &format!("https://forge.example/{{file}}{}", "x".repeat(LONGEST)),
        ] {
            assert!(Forge::new(template, "").is_err(), "{template}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_stack_says_a_link_stays_at_the_forge(release in ".*", file in ".*", line: u32, strip in ".{0,9}") {
            let forge = Forge { template: TEMPLATE.to_owned(), strip };
            if let Some(link) = forge.link(&release, &file, line) {
                let rest = link.strip_prefix("https://forge.example/im/app/blob/v");
                prop_assert!(rest.is_some(), "{link}");
                let plain = |letter: char| letter.is_ascii_alphanumeric() || "/-_.~%#".contains(letter);
                prop_assert!(link["https:".len()..].chars().all(plain), "{link}");
                prop_assert!(!rest.unwrap_or_default().split('/').any(|part| part == ".."), "{link}");
            }
        }
    }
}
