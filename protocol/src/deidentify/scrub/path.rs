//! Paths: the user's own part of them, and the names of a user's own documents. What the program is made of stays.

use super::{
    Found, Kind,
    view::{View, holds_han, is_one_of},
};

/// Directories whose next segment is a user, with their separators written as `/`.
#[rustfmt::skip]
const HOMES: &[&str] = &[
    "/home/", "/Users/", "/users/", "/export/home/", "/var/home/", "/usr/home/", "/media/",
    "/Volumes/", "/Documents and Settings/", "/mnt/home/", "/homes/",
];

/// Segments after those that are nobody.
#[rustfmt::skip]
const NOBODY: &[&str] = &[
    "shared", "public", "default", "default user", "all users", "library", "guest", "root", "user", "username", "me",
    "system", "macintosh hd", "data", "recovery", "preboot", "cdrom", "usb", "sdcard", "profile", "login", "search",
];

/// Directories in which people keep what they named themselves.
#[rustfmt::skip]
const OWN: &[&str] = &[
    "download", "downloads", "documents", "desktop", "pictures", "movies", "music", "dcim", "camera", "screenshots",
    "weixin", "wechat files", "wechat", "tencent", "qqfile_recv", "filerecv", "filerecive", "下载", "文档", "桌面",
    "图片", "attachments", "received", "share",
];

/// Extensions of what people write, record and send.
#[rustfmt::skip]
const DOCUMENTS: &[&str] = &[
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt", "rtf", "csv", "jpg", "jpeg", "png", "heic", "gif",
    "mp4", "mov", "m4a", "mp3", "amr", "wav", "zip", "rar", "7z", "pages", "numbers", "key", "vcf", "eml", "wps",
    "md", "html", "webp", "psd",
];

pub(super) fn find(view: &View<'_>, found: &mut Found) {
    if view.has(b'/') || view.has(b'\\') {
        homes(view, found);
    }
    if view.has(b'.') {
        documents(view, found);
    }
    if view.has(b'\\') {
        shares(view, found);
    }
}

fn separator(b: u8) -> bool {
    matches!(b, b'/' | b'\\')
}

fn homes(view: &View<'_>, found: &mut Found) {
    for at in (0..view.s.len()).filter(|&i| separator(view.s[i])) {
        if !matches!(
            view.at(at + 1) | 0x20,
            b'h' | b'u' | b'e' | b'v' | b'm' | b'd'
        ) {
            continue;
        }
        for &home in HOMES {
            let mut start = if home_at(view, at, home) {
                at + home.len()
            } else if loses_separator(view, at, home) {
                at + home.len() - 1
            } else {
                continue;
            };
            // `C:\\Users\\\\alice`: a path that was escaped more than once.
            start = view.run(start, separator);
            let end = segment_end(view, start);
            let name = view.of(&(start..end));
            let nobody = is_one_of(name, NOBODY)
                || matches!(name.first(), Some(b'.' | b'$' | b'%' | b'{' | b'<') | None);
            if nobody || in_web_address(view, at) || !rooted(view, at, home) {
                continue;
            }
            found.cut(start..end, Kind::OsUser, "user's directory");
        }
    }
}

/// Whether the separator after a directory of Windows was read as part of the escape that follows: `C:\Users\u5c0f\u718a`.
fn loses_separator(view: &View<'_>, at: usize, home: &str) -> bool {
    let name = &home[..home.len() - 1];
    view.at(at) == b'\\' && view.at(at + name.len()) >= 0x80 && home_at(view, at, name)
}

/// Whether a directory stands at `at`, with either separator. Windows does not care about capitals.
fn home_at(view: &View<'_>, at: usize, home: &str) -> bool {
    let Some(text) = view.s.get(at..at + home.len()) else {
        return false;
    };
    let windows = text[0] == b'\\';
    text.iter().zip(home.bytes()).all(|(&a, b)| {
        if b == b'/' {
            separator(a)
        } else if windows {
            a.eq_ignore_ascii_case(&b)
        } else {
            a == b
        }
    })
}

fn in_web_address(view: &View<'_>, at: usize) -> bool {
    let start = view.run_back(at, 200, |b| {
        b > b' ' && !matches!(b, b'"' | b'\'' | b'(' | b'<' | b'=')
    });
    let text = view.of(&(start..at));
    super::view::holds(text, b"://") && !super::view::holds(text, b"file:")
}

/// Whether a directory for homes stands where such a directory can stand. `/Users` means homes wherever it stands; the
/// other names are ordinary words in the middle of a path.
fn rooted(view: &View<'_>, at: usize, home: &str) -> bool {
    let before = view.before(at);
    let start =
        !before.is_ascii_alphanumeric() && !matches!(before, b'_' | b'-' | b'.') && before < 0x80
            || view.han_before(at).is_some();
    match home {
        "/media/" => start || view.is_before(at, "/run"),
        "/users/" => start && !separator(before) || before == b':',
        "/homes/" | "/Volumes/" => start,
        "/home/" => {
            start
                || [
                    "/export", "/var", "/usr", "/mnt", "/Data", "/chroot", "/rootfs",
                ]
                .iter()
                .any(|root| view.is_before(at, root))
        }
        _ => true,
    }
}

/// Where the segment that starts at `start` ends. A user's name may hold spaces if the path goes on after them.
fn segment_end(view: &View<'_>, start: usize) -> usize {
    let hard = |b: u8| {
        separator(b)
            || matches!(
                b,
                b'"' | b'\''
                    | b'`'
                    | b'\n'
                    | b'\r'
                    | b'\t'
                    | b'<'
                    | b'>'
                    | b'|'
                    | b'*'
                    | b'?'
                    | 0x1a
            )
    };
    let soft = |b: u8| {
        matches!(
            b,
            b' ' | b':' | b',' | b';' | b')' | b']' | b'}' | b'&' | b'='
        )
    };
    let first = view.run(start, |b| !hard(b) && !soft(b));
    // Chinese prose may follow a path without a space.
    let first = match view.of(&(start..first)).iter().position(|&b| b >= 0x80) {
        Some(at) if at > 0 && !separator(view.at(first)) => start + at,
        _ => first,
    };
    if view.at(first) == b' ' {
        let far = view.run(start, |b| !hard(b) && (!soft(b) || b == b' '));
        let words = view
            .of(&(start..far.min(start + 40)))
            .iter()
            .filter(|&&b| b == b' ')
            .count();
        if separator(view.at(far))
            && far - start <= 40
            && words <= 3
            && !separator(view.before(far))
        {
            return far;
        }
    }
    first
}

/// Files that people named: with Chinese characters in a path, or of a document's kind in a directory for documents.
fn documents(view: &View<'_>, found: &mut Found) {
    for dot in (0..view.s.len()).filter(|&i| view.s[i] == b'.') {
        let end = view.run(dot + 1, |b| b.is_ascii_alphanumeric());
        let extension = view.of(&(dot + 1..end));
        if !is_one_of(extension, DOCUMENTS) {
            continue;
        }
        let name = |b: u8| {
            !separator(b)
                && !matches!(
                    b,
                    b'"' | b'\''
                        | b'`'
                        | b'\n'
                        | b'\r'
                        | b'\t'
                        | b'<'
                        | b'>'
                        | b'|'
                        | b'*'
                        | b'?'
                        | b'='
                        | b':'
                        | b';'
                        | b','
                        | b'&'
                        | 0x1a
                )
        };
        let mut start = view.run_back(dot, 200, name);
        let in_path = separator(view.before(start));
        if !in_path {
            // Without a directory, a name ends at a space or at a Chinese mark.
            let space = view.run_back(dot, 120, |b| name(b) && b != b' ' && b != b'[' && b != b'(');
            start = start.max(space);
            while let Some(mark) = mark_between(view, start, dot) {
                start = mark;
            }
        }
        let stem = view.of(&(start..dot));
        if stem.is_empty() {
            continue;
        }
        let own = in_path && in_own_directory(view, start);
        if holds_han(stem) && (in_path || !super::vocabulary::technical(stem))
            || own && stem.iter().any(u8::is_ascii_alphanumeric)
        {
            found.cut(start..dot, Kind::File, "name of a document");
        }
    }
}

/// Where the last Chinese quotation mark before the file's name ends.
fn mark_between(view: &View<'_>, start: usize, end: usize) -> Option<usize> {
    ["「", "『", "《", "【", "。", "、"]
        .iter()
        .filter_map(|mark| {
            let mark = mark.as_bytes();
            view.of(&(start..end))
                .windows(mark.len())
                .rposition(|w| w == mark)
                .map(|at| start + at + mark.len())
        })
        .max()
}

fn in_own_directory(view: &View<'_>, start: usize) -> bool {
    let from = view.run_back(start, 160, |b| {
        !matches!(b, b'"' | b'\'' | b'\n' | b'\t' | b'<' | b'>' | b'|')
    });
    view.of(&(from..start))
        .split(|&b| separator(b))
        .any(|segment| is_one_of(segment, OWN))
}

/// `\\alice-pc\share`: a computer in the local network.
fn shares(view: &View<'_>, found: &mut Found) {
    for at in (0..view.s.len()).filter(|&i| view.s[i] == b'\\') {
        if !matches!(
            view.before(at),
            b' ' | b'"' | b'\'' | b'=' | b'(' | b':' | 0
        ) {
            continue;
        }
        // The shadow has made one backslash of two.
        let start = view.run(at, |b| b == b'\\');
        let end = view.run(start, |b| {
            b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.') || b >= 0x80
        });
        let name = view.of(&(start..end));
        if view.at(end) == b'\\'
            && name.len() >= 3
            && !(name[0] == b'x' && name.len() <= 4)
            && !is_one_of(name, SYSTEM_ROOTS)
            && view.before(at) != b':'
        {
            found.cut(start..end, Kind::Host, "computer of a share");
        }
    }
}

/// First segments of paths of Windows that are no computers.
#[rustfmt::skip]
const SYSTEM_ROOTS: &[&str] = &[
    "device", "localhost", "users", "windows", "systemroot", "registry", "driver", "basenamedobjects", "sessions",
    "global", "dosdevices", "program", "programdata", "pipe",
];
