//! Free text that went through the scrubber and was cut to a length.

use super::{Reason, Refused, scrub::clean, wire::plain_string};

macro_rules! scrubbed {
    ($(#[$doc:meta])* $type:ident, $max:expr, $shape:expr) => {
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Box<str>);

        impl $type {
            /// The most bytes that it holds, as UTF-8.
            pub const MAX_BYTES: usize = $max;

            /// De-identifies `text` and cuts it to [`MAX_BYTES`](Self::MAX_BYTES). Takes anything.
            pub fn scrub(text: &str) -> Self {
                let shape: fn(&str) -> String = $shape;
                Self(settle(text, $max, shape).into())
            }

            /// The text that is left.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            fn check(text: &str) -> Result<Self, Refused> {
                let refuse = |reason| Err(Refused::new(stringify!($type), reason));
                if text.len() > $max {
                    return refuse(Reason::TooLong { max: $max });
                }
                let again = Self::scrub(text);
                if again.as_str() != text {
                    return refuse(Reason::NotScrubbed);
                }
                Ok(again)
            }
        }

        plain_string!($type);
    };
}

scrubbed! {
    /// A message that a developer, a library or the system wrote, such as a panic message: at most 256 bytes.
    CleanText, 256, clean
}

scrubbed! {
    /// The base name of a library or an executable: at most 64 bytes.
    ModuleName, 64, |path| clean(base_name(path))
}

scrubbed! {
    /// The name of a thread: at most 16 bytes. The counter at the end of a pool thread's name becomes `#`, so that all
    /// threads of one pool have one name.
    ThreadName, 16, thread_name
}

scrubbed! {
    /// Where a line of source code is: relative to its crate, or from the root of an app or a toolchain; at most 128 bytes.
    SourcePath, 128, |path| clean(relative_to_crate(path))
}

/// How often a value is shaped before it has to stand still.
const ROUNDS: usize = 4;

/// How much more than `max` is looked at: enough for replacements that are shorter than what they replace.
const WINDOW: usize = 8;

/// Shapes and cuts until nothing changes any more, so that checking the result later changes nothing either.
fn settle(text: &str, max: usize, shape: fn(&str) -> String) -> String {
    let mut now = cut(&shape(cut(text, max * WINDOW)), max).to_owned();
    for _ in 0..ROUNDS {
        let next = shape(&now);
        let next = cut(&next, max);
        if next == now {
            return now;
        }
        now = next.to_owned();
    }
    String::new()
}

/// The longest start of `text` that has at most `max` bytes and does not end inside a character, a replacement or, where
/// that can be told, a token: half an identifier is harder to recognise than a whole one.
fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let start = &text[..end];
    if let Some(open) = start.rfind('‹')
        && !start[open..].contains('›')
    {
        return &start[..open];
    }
    let tail = start
        .bytes()
        .rev()
        .take_while(u8::is_ascii_alphanumeric)
        .count();
    let inside_token = text.as_bytes()[end].is_ascii_alphanumeric();
    if inside_token && tail < end && tail <= max / 2 {
        &start[..end - tail]
    } else {
        start
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\'])
        .find(|part| !part.is_empty())
        .unwrap_or_default()
}

/// Threads whose names are written in well-known code, without the counter at their end.
const POOLS: [&str; 20] = [
    "main",
    "tokio-rt-worker",
    "tokio-runtime-w",
    "tokio-runtime-worker",
    "Binder:",
    "binder:",
    "candor-upload",
    "candor-watch",
    "RenderThread",
    "FinalizerDaemon",
    "FinalizerWatchd",
    "ReferenceQueueD",
    "HeapTaskDaemon",
    "Signal Catcher",
    "Jit thread pool",
    "Profile Saver",
    "OkHttp",
    "pool-",
    "rayon-",
    "AsyncTask #",
];

impl ThreadName {
    /// The name, if it is one of well-known code or was declared by the app's developer; numbers at the end do not count, and
    /// become `#`. Any other name may hold anything (`conn-` and a user's number, a password), in a form that no rule can
    /// recognise, so that it is not told at all.
    pub fn declared(name: &str, declared: &[&str]) -> Option<Self> {
        /// Systems keep so many bytes of a thread's name.
        const KEPT: usize = 15;
        let name = name.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        let bare = without_number(name);
        let is = |known: &&str| {
            let known = without_number(known);
            known == bare || (name.len() == KEPT && known.starts_with(bare))
        };
        let known = !bare.is_empty() && (POOLS.iter().any(is) || declared.iter().any(is));
        known.then(|| Self::scrub(name))
    }
}

fn without_number(name: &str) -> &str {
    name.trim_end_matches(|c: char| {
        c.is_ascii_digit() || matches!(c, '_' | '-' | '#' | '.' | ':' | ' ')
    })
}

fn thread_name(name: &str) -> String {
    let name = name.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '_' | '-' | '#'));
    if POOLS.contains(&name) || POOLS.contains(&bare) {
        return generalised(name);
    }
    let clean = clean(name);
    // What the scrubber left still may end in a counter.
    generalised(&clean)
}

/// Replaces the digits at the end by one `#`.
fn generalised(name: &str) -> String {
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if bare.len() == name.len() {
        name.to_owned()
    } else {
        format!("{}#", bare.trim_end_matches('#'))
    }
}

/// Cuts what stands before the crate: everything up to a registry's crate, or up to the last `src` directory's own start.
/// Paths of the toolchain (`/rustc/...`) and of the system stay whole.
fn relative_to_crate(path: &str) -> &str {
    if path.starts_with("/rustc/") || path.starts_with("/system/") || path.starts_with("/apex/") {
        return path;
    }
    let slashes = |b: u8| b == b'/' || b == b'\\';
    let absolute =
        path.bytes().next().is_some_and(slashes) || path.as_bytes().get(1) == Some(&b':');
    if !absolute {
        return path;
    }
    for marker in ["/registry/src/", "\\registry\\src\\"] {
        if let Some(at) = path.find(marker) {
            let rest = &path[at + marker.len()..];
            return rest.find(['/', '\\']).map_or(rest, |end| &rest[end + 1..]);
        }
    }
    for marker in ["/src/", "\\src\\"] {
        if let Some(at) = path.rfind(marker) {
            return &path[at + 1..];
        }
    }
    path
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_names_of_known_code_and_declared_ones_are_told() {
        let told = |name| {
            ThreadName::declared(name, &["decoder", "very-long-name-of-a-pool"])
                .map(|name| name.to_string())
        };
        assert_eq!(told("main").as_deref(), Some("main"));
        assert_eq!(told("decoder-12").as_deref(), Some("decoder-#"));
        assert_eq!(told("tokio-rt-worker").as_deref(), Some("tokio-rt-worker"));
        assert_eq!(told("very-long-name-").as_deref(), Some("very-long-name-"));
        for other in [
            "",
            "12",
            "Kr4nich!7zug",
            "conn-7391846250",
            "decoders",
            "very-long",
        ] {
            assert_eq!(told(other), None, "{other}");
        }
    }

    use super::*;

    #[test]
    fn text_is_cut_on_a_character_and_not_inside_a_replacement() {
        let long = "超时".repeat(100);
        let clean = CleanText::scrub(&long);
        assert!(clean.as_str().len() <= 256 && long.starts_with(clean.as_str()));

        let mail = format!("{} alice@example.org", "x ".repeat(123));
        let clean = CleanText::scrub(&mail);
        assert!(
            !clean.as_str().contains("alice") && !clean.as_str().contains('‹'),
            "{clean}"
        );
    }

    #[test]
    fn what_was_scrubbed_is_accepted_from_the_wire_and_what_was_not_is_refused() {
        let clean = CleanText::scrub("login failed for alice@example.org");
        let wire = serde_json::to_string(&clean).unwrap();
        assert_eq!(serde_json::from_str::<CleanText>(&wire).unwrap(), clean);

        let said = serde_json::from_str::<CleanText>("\"login failed for alice@example.org\"")
            .unwrap_err()
            .to_string();
        assert!(said.contains("de-identification would change"), "{said}");
        assert!(!said.contains("alice"), "{said}");
    }

    #[test]
    fn a_module_is_its_base_name() {
        assert_eq!(
            ModuleName::scrub("/data/app/~~x==/com.example.im/lib/arm64/libim.so").as_str(),
            "libim.so"
        );
        assert_eq!(
            ModuleName::scrub("C:\\Program Files\\IM\\im.exe").as_str(),
            "im.exe"
        );
        assert_eq!(ModuleName::scrub("").as_str(), "");
    }

    #[test]
    fn threads_of_one_pool_have_one_name() {
        assert_eq!(
            ThreadName::scrub("tokio-rt-worker"),
            ThreadName::scrub("tokio-rt-worker\0")
        );
        assert_eq!(ThreadName::scrub("im-io-3"), ThreadName::scrub("im-io-12"));
        assert_eq!(
            ThreadName::scrub("Binder:12345_6").as_str(),
            "Binder:12345_#"
        );
    }

    #[test]
    fn source_stands_relative_to_its_crate() {
        for (path, left) in [
            ("src/net/conn.rs", "src/net/conn.rs"),
            ("/Users/alice/work/im/src/net/conn.rs", "src/net/conn.rs"),
            (
                "C:\\Users\\alice\\im\\src\\net\\conn.rs",
                "src\\net\\conn.rs",
            ),
            (
                "/home/bob/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/bytes-1.6.0/src/buf.rs",
                "bytes-1.6.0/src/buf.rs",
            ),
            (
                "/rustc/eeb90cda1969383f56a2637cbd3037bdf598841c/library/core/src/option.rs",
                "/rustc/eeb90cda1969383f56a2637cbd3037bdf598841c/library/core/src/option.rs",
            ),
        ] {
            assert_eq!(SourcePath::scrub(path).as_str(), left);
        }
    }
}
