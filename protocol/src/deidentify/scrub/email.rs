//! E-mail addresses.

use super::{Found, Kind, view::View};

/// File extensions that stand where a top-level domain stands in names such as `icon@2x.png`.
const EXTENSIONS: [&[u8]; 16] = [
    b"png", b"jpg", b"jpeg", b"webp", b"gif", b"svg", b"bmp", b"ico", b"mp4", b"mp3", b"wav",
    b"json", b"xml", b"so", b"js", b"css",
];

pub(super) fn find(view: &View<'_>, found: &mut Found) {
    let s = view.s;
    if !view.has(b'@') {
        return;
    }
    for at in (0..s.len()).filter(|&i| s[i] == b'@') {
        let before = s[..at]
            .iter()
            .rev()
            .take_while(|&&b| b == b' ')
            .take(2)
            .count();
        let local = s[..at - before]
            .iter()
            .rev()
            .take(64)
            .take_while(|&&b| local_part(b))
            .count();
        let after = s[at + 1..]
            .iter()
            .take_while(|&&b| b == b' ')
            .take(2)
            .count();
        let Some(domain) = domain(&s[at + 1 + after..]) else {
            continue;
        };
        if local == 0 {
            continue;
        }
        let start = at - before - local;
        let user = &s[start..at - before];
        let end = at + 1 + after + domain;
        if in_web_address(view, start) {
            continue;
        }
        if user == b"git" && matches!(s.get(end), Some(b':' | b'/') | None) {
            continue;
        }
        found.cut(start..end, Kind::Email, "e-mail address");
    }
}

/// Whether this is the `user:password@host` of a web address, which is another family's.
fn in_web_address(view: &View<'_>, start: usize) -> bool {
    let authority = view.run_back(start, 200, |b| {
        b > b' ' && !matches!(b, b'/' | b'"' | b'\'' | b'?' | b'#' | b',')
    });
    view.is_before(authority, "://")
}

fn local_part(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'%' | b'+' | b'-')
}

/// The length of the domain at the start of `s`: labels with dots, and letters at the end.
fn domain(s: &[u8]) -> Option<usize> {
    let len = s
        .iter()
        .take(253)
        .take_while(|&&b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        .count();
    let mut name = &s[..len];
    while let [rest @ .., b'.' | b'-'] = name {
        name = rest;
    }
    let dot = name.iter().rposition(|&b| b == b'.')?;
    let tld = &name[dot + 1..];
    let letters = (2..=18).contains(&tld.len()) && tld.iter().all(u8::is_ascii_alphabetic);
    let extension = EXTENSIONS.iter().any(|e| tld.eq_ignore_ascii_case(e));
    (dot > 0 && letters && !extension).then_some(name.len())
}

#[cfg(test)]
mod tests {
    use super::super::clean;

    #[test]
    fn an_address_goes_and_what_only_looks_like_one_stays() {
        assert_eq!(
            clean("mail to wang_fang@example.org failed"),
            "mail to ‹email› failed"
        );
        assert_eq!(clean("用户wang_fang＠example.org登录"), "用户‹email›登录");
        assert_eq!(clean("?mail=a.b%40example.org&x=1"), "?mail=‹email›&x=1");
        for text in [
            "icon@2x.png",
            "tokio@1.38.0",
            "memcpy@GLIBC_2.14",
            "git@github.com:rust-lang/rust.git",
        ] {
            assert_eq!(clean(text), text);
        }
    }
}
