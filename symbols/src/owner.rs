//! Whose code a frame is, by the names of its module and its function alone.
//!
//! Source files are not considered here: a build with less debug information has none, and the same fault must read the
//! same.

use crate::clean::clean;
use crate::tables;

/// Whose code a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The app's or the SDK's.
    App,
    /// A well-known library that is linked into the app.
    Library,
    /// The language's runtime, panic machinery and the agent itself included.
    Runtime,
    /// The operating system's.
    System,
}

impl Owner {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Library => "library",
            Self::Runtime => "runtime",
            Self::System => "system",
        }
    }
}

/// Whose code a frame is. A function that is not known to be anybody else's is the app's, and so is code without a name
/// in a module that is not the system's.
pub fn owner(module: Option<&str>, function: Option<&str>) -> Owner {
    if module.is_some_and(tables::is_system_module) {
        return Owner::System;
    }
    let Some(function) = function else {
        return Owner::App;
    };
    // Cleaning takes away the path of an `impl` block, which is what tells the library's own types from the app's.
    if root(function).is_some_and(|root| tables::RUNTIME_CRATES.contains(&root))
        || is_of_primitive(function)
    {
        return Owner::Runtime;
    }
    let function = clean(function);
    if tables::is_runtime_function(&function) {
        return Owner::Runtime;
    }
    match root(&function) {
        Some(root) if tables::RUNTIME_CRATES.contains(&root) => Owner::Runtime,
        Some(root) if tables::LIBRARY_CRATES.contains(&root) => Owner::Library,
        _ => Owner::App,
    }
}

/// Whether a cleaned function raises or reports a panic: everything called by it is no part of the fault.
pub fn is_panic_machinery(function: &str) -> bool {
    tables::PANIC_FUNCTIONS.contains(&function)
        || tables::PANIC_PREFIXES
            .iter()
            .any(|prefix| function.starts_with(prefix))
}

/// Whether a cleaned function only begins a thread or turns its loop, so that it says nothing about what the thread did.
pub fn is_thread_base(function: &str) -> bool {
    let last = function.rsplit("::").next().unwrap_or(function);
    tables::THREAD_BASE.contains(&last)
}

/// Whether a function belongs to a type of the language itself, such as `<str>::to_lowercase` or `<i32 as Step>::forward`.
fn is_of_primitive(function: &str) -> bool {
    const PRIMITIVES: [&str; 18] = [
        "str", "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32",
        "i64", "i128", "isize", "f32", "f64", "[T]",
    ];
    let Some((head, _)) = function
        .strip_prefix('<')
        .and_then(|rest| rest.split_once('>'))
    else {
        return false;
    };
    let own_type = head.split(" as ").next().unwrap_or(head);
    PRIMITIVES.contains(&own_type.trim_start_matches('&'))
}

/// The first segment of a path of more than one.
fn root(function: &str) -> Option<&str> {
    function.split_once("::").map(|(root, _)| root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_belong_to_whom_they_should() {
        for (module, function, wanted) in [
            (Some("libc.so.6"), Some("abort"), Owner::System),
            (
                None,
                Some("core::ptr::const_ptr::<impl *const T>::read_volatile"),
                Owner::Runtime,
            ),
            (None, Some("<str>::to_lowercase"), Owner::Runtime),
            (None, Some("<i32 as Step>::forward"), Owner::Runtime),
            (None, Some("<im::Session as Drop>::drop"), Owner::App),
            (Some("libc.so.6"), None, Owner::System),
            (Some("libc-2.31.so"), Some("raise"), Owner::System),
            (Some("linux-vdso.so.1"), None, Owner::System),
            (Some("libart.so"), None, Owner::System),
            (Some("libimage.so"), None, Owner::App),
            (Some("im"), None, Owner::App),
            (None, None, Owner::App),
            (Some("im"), Some("im::history::parse_header"), Owner::App),
            (
                Some("im"),
                Some("<im::History as core::fmt::Display>::fmt"),
                Owner::App,
            ),
            (
                Some("im"),
                Some("<core::option::Option<im::Header> as core::fmt::Debug>::fmt"),
                Owner::Runtime,
            ),
            (
                Some("im"),
                Some("core::ops::function::FnOnce::call_once{{vtable.shim}}"),
                Owner::Runtime,
            ),
            (
                Some("im"),
                Some("__rustc::rust_begin_unwind"),
                Owner::Runtime,
            ),
            (
                Some("im"),
                Some("__rustc[a5b8e1c2d3f40516]::rust_begin_unwind"),
                Owner::Runtime,
            ),
            (Some("im"), Some("rust_begin_unwind"), Owner::Runtime),
            (
                Some("im"),
                Some("std::rt::lang_start::{{closure}}"),
                Owner::Runtime,
            ),
            (Some("im"), Some("main"), Owner::Runtime),
            (Some("im"), Some("_start"), Owner::Runtime),
            (
                Some("im"),
                Some("candor_agent::capture::crash::hook"),
                Owner::Runtime,
            ),
            (
                Some("im"),
                Some("tokio::runtime::task::raw::poll"),
                Owner::Library,
            ),
            (
                Some("im"),
                Some("<tokio::io::Reader as im::Read>::read"),
                Owner::Library,
            ),
            (Some("im"), Some("standard::read"), Owner::App),
            (Some("im"), Some("corelib::read"), Owner::App),
            (
                Some("libchat.so"),
                Some("chat::Session::open(char const*)"),
                Owner::App,
            ),
        ] {
            assert_eq!(owner(module, function), wanted, "{module:?} {function:?}");
        }
    }

    #[test]
    fn a_start_of_a_thread_says_nothing_about_what_it_did() {
        for base in ["im::main", "im::ui::run_loop", "start_thread"] {
            assert!(is_thread_base(base), "{base}");
        }
        for work in ["im::history::load", "im::main_window::open", "im::runner"] {
            assert!(!is_thread_base(work), "{work}");
        }
    }
}
