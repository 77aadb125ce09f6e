//! What is known by name: modules of the system, crates and functions of the runtime, well-known libraries.

/// Modules of the system: the part of the base name before `.so`, without a version such as `-2.31`.
const SYSTEM_MODULES: &[&str] = &[
    // Linux with glibc or musl.
    "ld",
    "ld-linux",
    "ld-linux-aarch64",
    "ld-linux-armhf",
    "ld-linux-x86-64",
    "ld-musl-aarch64",
    "ld-musl-x86_64",
    "libBrokenLocale",
    "libanl",
    "libc",
    "libc.musl-x86_64",
    "libdl",
    "libgcc_s",
    "libm",
    "libnsl",
    "libnss_dns",
    "libnss_files",
    "libpthread",
    "libresolv",
    "librt",
    "libstdc++",
    "libutil",
    "linux-gate",
    "linux-vdso",
    "linux-vdso64",
    // Graphics and desktop libraries that run an app's callbacks.
    "libEGL",
    "libGL",
    "libGLX",
    "libX11",
    "libdbus-1",
    "libgdk-3",
    "libgio-2.0",
    "libglib-2.0",
    "libgobject-2.0",
    "libgtk-3",
    "libgtk-4",
    "libwayland-client",
    "libxcb",
    // Android.
    "app_process",
    "app_process32",
    "app_process64",
    "libandroid",
    "libandroid_runtime",
    "libart",
    "libbase",
    "libbinder",
    "libbinder_ndk",
    "libc++",
    "libc++_shared",
    "libc_malloc_debug",
    "libgui",
    "libhwui",
    "libinput",
    "liblog",
    "libnativehelper",
    "libnetd_client",
    "libskia",
    "libssl_android",
    "libui",
    "libutils",
    "linker",
    "linker64",
];

/// Endings of modules that are compiled from the system's own code.
const SYSTEM_ENDINGS: &[&str] = &[".oat", ".odex", ".art", ".vdex"];

pub(crate) fn is_system_module(module: &str) -> bool {
    if module.starts_with('[') || SYSTEM_ENDINGS.iter().any(|ending| module.ends_with(ending)) {
        return true;
    }
    let stem = module.split(".so").next().unwrap_or(module);
    let version_free = stem
        .rsplit_once('-')
        .filter(|(_, version)| is_version(version))
        .map_or(stem, |(name, _)| name);
    [stem, version_free]
        .iter()
        .any(|name| SYSTEM_MODULES.contains(name))
}

fn is_version(text: &str) -> bool {
    text.contains('.')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Crates of the runtime, and the agent's own.
pub(crate) const RUNTIME_CRATES: &[&str] = &[
    "__rustc",
    "addr2line",
    "alloc",
    "backtrace",
    "backtrace_rs",
    "candor_agent",
    "candor_capi",
    "candor_crash",
    "compiler_builtins",
    "core",
    "gimli",
    "hashbrown",
    "memchr",
    "miniz_oxide",
    "panic_abort",
    "panic_unwind",
    "proc_macro",
    "rustc_demangle",
    "std",
    "std_detect",
    "test",
    "unwind",
];

/// Crates that run an app's code or that an app calls for everyday work; a fault is seldom theirs.
pub(crate) const LIBRARY_CRATES: &[&str] = &[
    "ahash",
    "anyhow",
    "async_executor",
    "async_io",
    "async_std",
    "async_task",
    "axum",
    "bytes",
    "chrono",
    "color_eyre",
    "crossbeam",
    "crossbeam_channel",
    "crossbeam_deque",
    "crossbeam_epoch",
    "crossbeam_utils",
    "dashmap",
    "env_logger",
    "eyre",
    "flate2",
    "flume",
    "futures",
    "futures_channel",
    "futures_core",
    "futures_executor",
    "futures_util",
    "glib",
    "gtk4",
    "h2",
    "http",
    "hyper",
    "hyper_util",
    "indexmap",
    "jni",
    "lazy_static",
    "lock_api",
    "log",
    "mio",
    "native_tls",
    "once_cell",
    "openssl",
    "parking_lot",
    "parking_lot_core",
    "polling",
    "prost",
    "quinn",
    "rand",
    "rand_core",
    "rayon",
    "rayon_core",
    "regex",
    "regex_automata",
    "reqwest",
    "ring",
    "rusqlite",
    "rustls",
    "sentry",
    "sentry_core",
    "serde",
    "serde_core",
    "serde_json",
    "signal_hook",
    "slab",
    "smallvec",
    "smol",
    "socket2",
    "sqlx",
    "thiserror",
    "threadpool",
    "time",
    "tokio",
    "tokio_rustls",
    "tokio_tungstenite",
    "tokio_util",
    "tonic",
    "tower",
    "tracing",
    "tracing_core",
    "tracing_subscriber",
    "tungstenite",
    "url",
    "winit",
];

/// Functions of the runtime that have no path.
const RUNTIME_FUNCTIONS: &[&str] = &[
    "_start",
    "__clone",
    "__libc_start_call_main",
    "__libc_start_main",
    "__libc_start_main_impl",
    "__restore_rt",
    "__pthread_kill_implementation",
    "abort",
    "clone",
    "clone3",
    "main",
    "pthread_kill",
    "raise",
    "start_thread",
    "thread_start",
];

const RUNTIME_PREFIXES: &[&str] = &[
    "_Unwind_", "__cxa_", "__gxx_", "__rust_", "__rustc", "rust_", "_ZSt",
];

/// Whether a cleaned function without a path is the runtime's.
pub(crate) fn is_runtime_function(function: &str) -> bool {
    !function.contains("::")
        && (RUNTIME_FUNCTIONS.contains(&function)
            || RUNTIME_PREFIXES
                .iter()
                .any(|prefix| function.starts_with(prefix)))
}

/// Functions that raise or report a panic, cleaned.
pub(crate) const PANIC_FUNCTIONS: &[&str] = &[
    "__rust_end_short_backtrace",
    "__rust_start_panic",
    "rust_begin_unwind",
    "rust_panic",
    "core::option::expect_failed",
    "core::option::unwrap_failed",
    "core::result::unwrap_failed",
    "core::str::slice_error_fail",
    "core::str::slice_error_fail_rt",
    "core::slice::copy_from_slice_impl::len_mismatch_fail",
    "std::panic::panic_any",
    "std::process::abort",
    "std::sys::backtrace::__rust_end_short_backtrace",
    "std::sys_common::backtrace::__rust_end_short_backtrace",
    "alloc::alloc::handle_alloc_error",
    "alloc::raw_vec::capacity_overflow",
    "alloc::raw_vec::handle_error",
    "std::alloc::rust_oom",
];

/// How the names of such functions begin.
pub(crate) const PANIC_PREFIXES: &[&str] = &[
    "__rustc::rust_",
    "__rustc::__rust_",
    "core::cell::panic_",
    "core::panicking::",
    "core::slice::index::slice_",
    "std::panicking::begin_panic",
    "std::panicking::default_hook",
    "std::panicking::panic_",
    "std::panicking::rust_panic",
];

/// Last segments of functions that begin a thread or turn its loop.
pub(crate) const THREAD_BASE: &[&str] = &[
    "__rust_begin_short_backtrace",
    "_start",
    "block_on",
    "clone",
    "clone3",
    "dispatch_loop",
    "event_loop",
    "main",
    "main_loop",
    "message_loop",
    "real_main",
    "run",
    "run_event_loop",
    "run_forever",
    "run_loop",
    "run_until",
    "start_thread",
    "thread_main",
    "thread_start",
    "worker_loop",
    "worker_main",
];
