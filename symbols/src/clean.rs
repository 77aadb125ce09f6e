//! A function's name without what changes from build to build.

/// The path of a function: no hash, generic arguments, parameters, closures, or parts that an optimiser split off.
///
/// A method of a trait is named by the type it runs on: `<im::History as core::fmt::Display>::fmt` and
/// `im::history::<impl core::fmt::Display for im::History>::fmt` are both `im::History::fmt`.
///
/// Cleaning a cleaned name changes nothing. A name of which nothing would be left is returned as it is.
pub fn clean(function: &str) -> String {
    let function = function.trim();
    let mut cleaned = once(function);
    // Each round can only make the name shorter, so it ends.
    loop {
        let again = once(&cleaned);
        if again.len() >= cleaned.len() {
            return if cleaned.is_empty() {
                function.to_owned()
            } else {
                cleaned
            };
        }
        cleaned = again;
    }
}

fn once(function: &str) -> String {
    let function = without_split_off(function);
    let function = without_parameters(function);
    let segments = segments(function);
    let mut path: Vec<String> = Vec::with_capacity(segments.len());
    for (index, segment) in segments.iter().enumerate() {
        match kind(segment, index) {
            Segment::Dropped => {}
            Segment::Plain(name) => path.push(name.to_owned()),
            Segment::Type(name) => path = vec![once(name)],
        }
    }
    path.join("::")
}

enum Segment<'a> {
    /// Says nothing about which function it is.
    Dropped,
    /// A name.
    Plain(&'a str),
    /// A type whose methods follow; its path replaces everything before it.
    Type(&'a str),
}

fn kind(segment: &str, index: usize) -> Segment<'_> {
    let segment = segment.trim();
    if segment.is_empty() || segment.starts_with('{') || is_hash(segment) {
        return Segment::Dropped;
    }
    if let Some(inside) = segment
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
    {
        if let Some(implemented) = inside.strip_prefix("impl ") {
            return Segment::Type(
                split_at_depth_zero(implemented, " for ").map_or(implemented, |(_, on)| on),
            );
        }
        // In front it is the type that a method runs on; further in, generic arguments.
        return match split_at_depth_zero(inside, " as ") {
            Some((on, _)) => Segment::Type(bare_type(on)),
            None if index == 0 => Segment::Type(bare_type(inside)),
            None => Segment::Dropped,
        };
    }
    let name = segment
        .find(['<', '{', '['])
        .map_or(segment, |end| &segment[..end]);
    // `operator<` and `operator<<` of C++ are names, not generic arguments.
    let name = if name == "operator" { segment } else { name };
    match name.trim() {
        "" => Segment::Dropped,
        name => Segment::Plain(name.strip_prefix("r#").unwrap_or(name)),
    }
}

/// A type without what stands before its path.
fn bare_type(on: &str) -> &str {
    let mut on = on.trim();
    for prefix in ["&", "*const ", "*mut ", "mut ", "dyn ", "impl "] {
        on = on.strip_prefix(prefix).unwrap_or(on).trim_start();
    }
    on
}

/// `h` and sixteen hexadecimal digits, as the older mangling of Rust ends.
fn is_hash(segment: &str) -> bool {
    segment.len() == 17
        && segment.starts_with('h')
        && segment
            .bytes()
            .skip(1)
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Cuts `@@GLIBC_2.34`, `@plt`, `.cold`, `.llvm.123`, `.constprop.0` and the like.
fn without_split_off(function: &str) -> &str {
    let function = function
        .find('@')
        .filter(|at| *at > 0)
        .map_or(function, |at| &function[..at]);
    let ends = [
        ".cold",
        ".llvm.",
        ".constprop.",
        ".isra.",
        ".part.",
        ".lto_priv.",
        ".clone.",
        " [clone",
    ];
    let end = ends
        .iter()
        .filter_map(|end| function.find(end))
        .min()
        .filter(|end| *end > 0);
    end.map_or(function, |end| &function[..end])
}

/// Cuts the parameters of a C++ function and the return type that templates have.
fn without_parameters(function: &str) -> &str {
    const ANONYMOUS: &str = "(anonymous namespace)";
    let names_end = function
        .rfind(ANONYMOUS)
        .map_or(0, |at| at + ANONYMOUS.len());
    let open = find_at_depth_zero(&function[names_end..], "(").map(|at| names_end + at);
    let Some(open) = open.filter(|open| *open > 0) else {
        return function;
    };
    let name = &function[..open];
    // `operator()(int)`: the first pair is the name.
    let name = if name.ends_with("operator") {
        function.get(..open + 2).unwrap_or(name)
    } else {
        name
    };
    if name.contains("operator") {
        return name;
    }
    let mut name = name;
    while let Some((_, after)) = split_at_depth_zero(name, " ") {
        name = after;
    }
    name
}

/// Splits a path at `::`, but not inside of brackets.
fn segments(path: &str) -> Vec<&str> {
    let mut segments = Vec::new();
    let mut rest = path;
    while let Some((segment, after)) = split_at_depth_zero(rest, "::") {
        segments.push(segment);
        rest = after;
    }
    segments.push(rest);
    segments
}

fn split_at_depth_zero<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    find_at_depth_zero(text, separator).map(|at| (&text[..at], &text[at + separator.len()..]))
}

/// Where `wanted` stands outside of all brackets. Brackets that do not match are text.
fn find_at_depth_zero(text: &str, wanted: &str) -> Option<usize> {
    let mut depth = 0usize;
    let bytes = text.as_bytes();
    for at in 0..bytes.len() {
        if depth == 0 && bytes[at..].starts_with(wanted.as_bytes()) {
            return Some(at);
        }
        match bytes[at] {
            b'<' | b'{' | b'[' | b'(' => depth += 1,
            // The arrow of a function's return type is no bracket.
            b'>' if at > 0 && bytes[at - 1] == b'-' => {}
            b'>' | b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_function_has_one_name_in_every_build() {
        for (raw, wanted) in [
            ("im::history::parse_header", "im::history::parse_header"),
            (
                "im::history::parse_header::h0123456789abcdef",
                "im::history::parse_header",
            ),
            ("im::history::parse<u32>", "im::history::parse"),
            ("im::history::parse::<u32>", "im::history::parse"),
            (
                "im::history::parse::<im::a::B, [u8; 4]>",
                "im::history::parse",
            ),
            ("alloc::vec::Vec<T,A>::push", "alloc::vec::Vec::push"),
            ("im::main::{{closure}}", "im::main"),
            ("im::main::{closure#0}", "im::main"),
            ("im::main::{{closure}}::{{closure}}", "im::main"),
            ("im::main::{closure_env#0}<u8>", "im::main"),
            ("im::login::{async_fn#0}", "im::login"),
            ("im::login::{async_block_env#1}", "im::login"),
            ("im[a5b8e1c2d3f40516]::history::parse", "im::history::parse"),
            (
                "<im::History as core::fmt::Display>::fmt",
                "im::History::fmt",
            ),
            (
                "<im::History<T> as core::fmt::Display>::fmt",
                "im::History::fmt",
            ),
            (
                "<&mut im::History as core::iter::Iterator>::next",
                "im::History::next",
            ),
            ("<im::History>::load", "im::History::load"),
            ("im::history::<impl im::History>::load", "im::History::load"),
            (
                "im::history::<impl core::fmt::Display for im::History>::fmt",
                "im::History::fmt",
            ),
            (
                "<alloc::boxed::Box<dyn im::Job> as core::ops::FnOnce<()>>::call_once",
                "alloc::boxed::Box::call_once",
            ),
            (
                "core::ops::function::FnOnce::call_once{{vtable.shim}}",
                "core::ops::function::FnOnce::call_once",
            ),
            (
                "core::ptr::drop_in_place<im::Chat>",
                "core::ptr::drop_in_place",
            ),
            ("im::load.cold.1", "im::load"),
            ("im::load.llvm.1234567890", "im::load"),
            ("parse_header.constprop.0", "parse_header"),
            ("read@@GLIBC_2.2.5", "read"),
            ("memcpy@plt", "memcpy"),
            (
                "chat::Session::open(char const*, int)",
                "chat::Session::open",
            ),
            (
                "chat::Session::open(char const*) const",
                "chat::Session::open",
            ),
            ("void chat::send<int>(int)", "chat::send"),
            (
                "std::vector<int, std::allocator<int> >::push_back(int const&)",
                "std::vector::push_back",
            ),
            (
                "(anonymous namespace)::helper(int)",
                "(anonymous namespace)::helper",
            ),
            ("main", "main"),
            ("decode_frame<1>", "decode_frame"),
            ("{closure#0}", "{closure#0}"),
            ("", ""),
        ] {
            assert_eq!(clean(raw), wanted, "{raw}");
        }
    }

    #[test]
    fn different_functions_keep_different_names() {
        let names = [
            "im::a::load",
            "im::b::load",
            "<im::A as im::Load>::load",
            "<im::B as im::Load>::load",
            "im::load_all",
        ];
        let mut cleaned: Vec<String> = names.iter().map(|name| clean(name)).collect();
        cleaned.sort();
        cleaned.dedup();
        assert_eq!(cleaned.len(), names.len());
    }

    proptest::proptest! {
        #[test]
        fn cleaning_a_cleaned_name_changes_nothing(name in "[a-c:<>{}()& \\[\\].@#h0-3]{0,40}") {
            let cleaned = clean(&name);
            proptest::prop_assert_eq!(clean(&cleaned), cleaned);
        }

        #[test]
        fn any_text_can_be_cleaned(name in ".*") {
            proptest::prop_assert!(clean(&name).len() <= name.len());
        }
    }
}
