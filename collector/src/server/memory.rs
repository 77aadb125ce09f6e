//! How files are mapped into the process.

/// Maps files in small pages from now on. Names are searched in files of many megabytes that are mapped; in large pages, each of which
/// counts as two megabytes of this process, a few dozen searches would make all of such a file count.
pub(super) fn map_sparingly() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "files may be mapped in large pages");
    }
}
