//! Addresses and names in a network: IPv4, IPv6, hardware addresses, hosts, wireless networks.

use super::{
    Found, Kind,
    context::{Join, Value, key_before, says_nothing, text_at},
    view::{View, holds_han, is_one_of},
    vocabulary::technical,
    words::Class,
};
use std::{net::Ipv6Addr, ops::Range};

pub(super) fn find(view: &View<'_>, found: &mut Found) {
    if view.has_digits() && view.has(b'.') {
        ipv4(view, found);
    }
    let pairs =
        |b: u8, least: usize| view.has(b) && view.s.iter().filter(|&&c| c == b).count() >= least;
    if pairs(b':', 2) || pairs(b'-', 5) {
        colons(view, found);
    }
    if view.has(b'-') || view.has(b'.') {
        hosts(view, found);
    }
}

fn ipv4(view: &View<'_>, found: &mut Found) {
    for run in view.words().filter(|run| !run.letters && run.len() <= 3) {
        let at = run.start;
        if view.at(run.end) != b'.' || view.before(at) == b'.' {
            continue;
        }
        let mut stop = view.run(at, |b| b.is_ascii_digit() || b == b'.');
        while view.before(stop) == b'.' {
            stop -= 1;
        }
        let range = at..stop;
        if let Some(octets) = quad(view.of(&range))
            && !stays(octets)
            && !version_before(view, at, stop)
            && !view.guarded(&range)
            && !view.at(stop).is_ascii_alphabetic()
        {
            found.cut(range, Kind::Ip, "IPv4 address");
        }
    }
}

/// Four numbers of at most 255, written without leading zeros.
fn quad(text: &[u8]) -> Option<[u8; 4]> {
    let mut octets = [0; 4];
    let mut parts = text.split(|&b| b == b'.');
    for to in &mut octets {
        let part = parts.next()?;
        if part.len() > 3 || part.len() > 1 && part[0] == b'0' {
            return None;
        }
        *to = std::str::from_utf8(part).ok()?.parse().ok()?;
    }
    parts.next().is_none().then_some(octets)
}

/// Addresses that are the same on every device: this host, any host, everybody, and masks.
fn stays(octets: [u8; 4]) -> bool {
    octets[0] == 127 || octets == [0; 4] || octets[0] == 255
}

/// Whether a version of software stands here: after its name, as in `HarmonyOS 4.2.0.120` or `Chrome/99.0.1.2`.
fn version_before(view: &View<'_>, at: usize, end: usize) -> bool {
    let before = view.before(at);
    if matches!(before, b'v' | b'V')
        || view.at(end) == b'-' && view.at(end + 1).is_ascii_alphabetic()
    {
        return true;
    }
    if before == b'/' {
        let word = view.run_back(at - 1, 32, |b| b.is_ascii_alphanumeric() || b == b'_');
        let product = view.of(&(word..at - 1));
        return view.at(end) != b':'
            && !product.is_empty()
            && view.opens(word)
            && !matches!(view.before(word), b'.' | b'-')
            && product[0].is_ascii_uppercase()
            || key_before(view, at - 1)
                .is_some_and(|key| key.class == Class::Version && key.join == Join::Touching);
    }
    if key_before(view, at).is_some_and(|key| key.class == Class::Version) {
        return true;
    }
    // `EMUI_12.0.0.253`, `libfoo-1.2.3.4.so`
    matches!(before, b'_' | b'-') && {
        let word = view.run_back(at - 1, 24, |b| b.is_ascii_alphabetic());
        view.name_before(at - 1).is_some_and(|(start, class)| {
            class == Class::Version && start <= word && view.opens(word)
        }) || view.is_at(end, ".so")
            || view.is_at(end, ".jar")
            || view.is_at(end, ".aar")
            || view.is_at(end, ".apk")
            || view.is_at(end, ".dll")
    }
}

/// IPv6 and hardware addresses.
fn colons(view: &View<'_>, found: &mut Found) {
    let s = view.s;
    let mut at = 0;
    while at < s.len() {
        if !(s[at].is_ascii_hexdigit() || s[at] == b':') {
            at += 1;
            continue;
        }
        let end = view.run(at, |b| b.is_ascii_hexdigit() || b == b':');
        at = after_word(view, at, end);
        if end - at == 2
            && view.at(end) == b'-'
            && (view.opens(at) || view.before(at) == b':')
            && let Some(range) = hardware(view, at)
        {
            at = range.end;
            found.cut(range, Kind::Mac, "hardware address");
            continue;
        }
        let opens = view.opens(at) || view.before(at) == b':';
        if end - at >= 4 && opens && !matches!(view.before(at), b'>' | b'_' | b'$') {
            if let Some(range) = hardware(view, at) {
                at = range.end;
                found.cut(range, Kind::Mac, "hardware address");
                continue;
            }
            if let Some(range) = ipv6(view, at, end) {
                at = range.end.max(end);
                found.cut(range, Kind::Ip, "IPv6 address");
                continue;
            }
        }
        at = end.max(at + 1);
    }
}

/// Where an address may begin in a run of hexadecimal digits and colons: behind the first colon, if what stands before that is a word
/// (`failed:`, `失败：`) and no group of an address.
fn after_word(view: &View<'_>, at: usize, end: usize) -> usize {
    let Some(colon) = (at..end.min(at + 8)).find(|&at| view.s[at] == b':') else {
        return at;
    };
    let start = view.run_back(colon, 5, |b| b.is_ascii_alphanumeric());
    let is_group = colon - start <= 4
        && start < colon
        && view.of(&(start..colon)).iter().all(u8::is_ascii_hexdigit);
    if is_group || colon + 1 >= end || view.s[colon + 1] == b':' {
        at
    } else {
        colon + 1
    }
}

/// Six pairs of hexadecimal digits with `:` or `-` between them, that are not part of a longer dump.
fn hardware(view: &View<'_>, at: usize) -> Option<Range<usize>> {
    let separator = view.at(at + 2);
    if !matches!(separator, b':' | b'-') {
        return None;
    }
    let end = at + 17;
    let text = view.s.get(at..end)?;
    let pairs = text.chunks(3).all(|c| {
        c[0].is_ascii_hexdigit()
            && c[1].is_ascii_hexdigit()
            && c.get(2).is_none_or(|&s| s == separator)
    });
    let outside = |b: u8, far: u8| b == separator && far.is_ascii_hexdigit();
    if !pairs
        || !view.closes(end)
        || outside(view.at(end), view.at(end + 1))
        || view.before(at) == separator && is_pair_before(view, at - 1)
        || view.guarded(&(at..end))
    {
        return None;
    }
    let digits = || text.iter().filter(|&&b| b != separator);
    let fixed = digits().all(|&b| b == b'0')
        || digits().all(|b| b.eq_ignore_ascii_case(&b'f'))
        || text == b"02:00:00:00:00:00";
    (!fixed).then_some(at..end)
}

/// Whether exactly two hexadecimal digits end here.
fn is_pair_before(view: &View<'_>, end: usize) -> bool {
    let start = view.run_back(end, 3, |b| b.is_ascii_alphanumeric());
    end - start == 2 && view.of(&(start..end)).iter().all(u8::is_ascii_hexdigit)
}

/// An address that the standard library reads, and that has enough of an address not to be a path in a program.
fn ipv6(view: &View<'_>, at: usize, end: usize) -> Option<Range<usize>> {
    let text = view.of(&(at..end));
    let colons = text.iter().filter(|&&b| b == b':').count();
    if colons < 2 {
        return None;
    }
    // An IPv4 address may stand at its end.
    let mut stop = end;
    if view.at(end) == b'.' && view.before(end).is_ascii_digit() {
        stop = view.run(end, |b| b.is_ascii_digit() || b == b'.');
        while view.before(stop) == b'.' {
            stop -= 1;
        }
    }
    let mut start = at;
    // A single colon at either side is punctuation.
    if view.at(start) == b':' && view.at(start + 1) != b':' {
        start += 1;
    }
    if view.before(stop) == b':' && view.before(stop - 1) != b':' {
        stop -= 1;
    }
    if start >= stop
        || matches!(view.at(stop), b'_' | b'<' | b'(' | b'$')
        || view.at(stop).is_ascii_alphanumeric()
    {
        return None;
    }
    let text = view.of(&(start..stop));
    let address: Ipv6Addr = std::str::from_utf8(text).ok()?.parse().ok()?;
    if address.is_unspecified() || address.is_loopback() {
        return None;
    }
    let digit = text.iter().any(u8::is_ascii_digit);
    let pairs = text.split(|&b| b == b':').all(|group| group.len() == 2);
    if pairs
        || !(digit || text.iter().filter(|&&b| b == b':').count() >= 4)
        || view.guarded(&(start..stop))
    {
        return None;
    }
    if !text.contains(&b'.') && text.iter().filter(|b| b.is_ascii_hexdigit()).count() < 3 {
        return None;
    }
    Some(start..stop)
}

/// Computers whose names their makers or their owners gave them.
fn hosts(view: &View<'_>, found: &mut Found) {
    let mut next = 0;
    for run in view.words().filter(|run| run.letters) {
        let at = run.start;
        if at < next || !matches!(view.at(run.end), b'-' | b'.') {
            continue;
        }
        let end = view.run(at, |b| b.is_ascii_alphanumeric() || b == b'-');
        next = end;
        let label = view.of(&(at..end));
        if label.len() >= 6
            && label.contains(&b'-')
            && (windows_name(label) || apple_name(label) || named_after_owner(label))
        {
            let mut stop = end;
            for suffix in [".local", ".lan", ".home"] {
                if view.is_at(end, suffix) && view.closes(end + suffix.len()) {
                    stop = end + suffix.len();
                }
            }
            found.cut(at..stop, Kind::Host, "name of a computer");
        } else if view.at(end) == b'.' {
            for suffix in [
                ".local",
                ".lan",
                ".localdomain",
                ".home.arpa",
                ".mshome.net",
            ] {
                let stop = end + suffix.len();
                if view.is_at(end, suffix)
                    && view.closes(stop)
                    && !matches!(view.at(stop), b'.' | b'/' | b'_' | b'(')
                    && !matches!(view.before(at), b'/' | b'.' | b'_' | b'$')
                    && !is_one_of(
                        label,
                        &[
                            "localhost",
                            "default",
                            "tree",
                            "thread",
                            "env",
                            "config",
                            "settings",
                        ],
                    )
                {
                    let start = view.run_back(at, 24, |b| b >= 0x80);
                    found.cut(start..stop, Kind::Host, "name in a local network");
                }
            }
        }
    }
}

/// `DESKTOP-4F2K9QX`: what the installer of Windows gives.
fn windows_name(label: &[u8]) -> bool {
    [
        "DESKTOP-", "LAPTOP-", "WIN-", "MININT-", "desktop-", "laptop-",
    ]
    .iter()
    .any(|p| {
        label.strip_prefix(p.as_bytes()).is_some_and(|rest| {
            (6..=12).contains(&rest.len())
                && rest.iter().all(u8::is_ascii_alphanumeric)
                && (rest
                    .iter()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
                    || rest.iter().any(u8::is_ascii_digit))
        })
    })
}

/// `wangfang-pc`: somebody, and what kind of computer it is.
fn named_after_owner(label: &[u8]) -> bool {
    let Some(dash) = label.iter().rposition(|&b| b == b'-') else {
        return false;
    };
    let (owner, kind) = (&label[..dash], &label[dash + 1..]);
    is_one_of(
        kind,
        &[
            "pc",
            "mbp",
            "mba",
            "macbook",
            "laptop",
            "desktop",
            "thinkpad",
            "iphone",
            "ipad",
            "imac",
            "notebook",
            "nas",
            "workstation",
            "surface",
            "xps",
            "phone",
            "matebook",
        ],
    ) && owner.len() >= 3
        && owner.iter().all(u8::is_ascii_alphanumeric)
        && owner.iter().any(u8::is_ascii_alphabetic)
        && !is_one_of(
            owner,
            &[
                "unknown", "client", "server", "android", "windows", "linux", "mobile", "generic",
                "remote", "cloud", "web", "for", "non", "im", "mini", "the", "any", "multi",
                "tablet", "wechat", "qq",
            ],
        )
}

/// `LiLeideMacBook-Pro`, `Alices-iPhone`: the owner's name and the model.
fn apple_name(label: &[u8]) -> bool {
    [
        "MacBook",
        "iPhone",
        "iPad",
        "iMac",
        "Mac-mini",
        "MacBook-Pro",
        "MacBook-Air",
        "ThinkPad",
        "thinkpad",
        "XPS",
        "Pixel",
    ]
    .iter()
    .any(|model| {
        label
            .windows(model.len())
            .position(|w| w == model.as_bytes())
            .is_some_and(|at| {
                let owner = &label[..at];
                at >= 3
                    && (owner.ends_with(b"-") || owner.ends_with(b"de") || owner.ends_with(b"s"))
                    && owner[0].is_ascii_alphabetic()
            })
    })
}

/// A value after a word for a host, a wireless network, or a hardware or network address.
pub(super) fn keyed(
    view: &View<'_>,
    class: Class,
    at: usize,
    value: Option<&Value>,
    join: Join,
    found: &mut Found,
) {
    match class {
        Class::Ssid => ssid(view, at, join, found),
        Class::Host => {
            if let Some(value) = value
                && (join != Join::Bracket || value.quoted)
            {
                host(view, value, found);
            }
        }
        Class::Mac => {
            if let Some(value) = value {
                let text = view.of(&value.range);
                let digits = text.iter().filter(|b| b.is_ascii_hexdigit()).count();
                let only = text.iter().all(|b| {
                    b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'-' | b'*' | b'x')
                });
                let fixed = |digit: u8| {
                    text.iter()
                        .all(|b| b.eq_ignore_ascii_case(&digit) || !b.is_ascii_hexdigit())
                };
                if only
                    && digits >= 8
                    && !fixed(b'0')
                    && !fixed(b'f')
                    && text != b"02:00:00:00:00:00"
                {
                    found.cut(
                        value.range.clone(),
                        Kind::Mac,
                        "value after a word for a hardware address",
                    );
                }
            }
        }
        _ => {}
    }
}

fn ssid(view: &View<'_>, at: usize, join: Join, found: &mut Found) {
    if join == Join::Touching && view.at(at) < 0x80 {
        return;
    }
    let Some(value) = text_at(view, at, join) else {
        return;
    };
    let text = view.of(&value.range);
    let word = text.split(|&b| b == b' ').next().unwrap_or_default();
    let state = is_one_of(word, STATES) || text.contains(&b':') && !value.quoted;
    if says_nothing(text) || state || text.len() > 96 || technical(text) && !value.quoted {
        return;
    }
    let chosen = |b: &u8| b.is_ascii_digit() || b.is_ascii_uppercase() || matches!(b, b'_' | b'-');
    let named = text.iter().any(chosen) || holds_han(text);
    let fits = match (value.quoted, join) {
        (true, _) => named || is_before_ssid(view, at),
        (false, Join::Assigned) => is_before_ssid(view, at),
        _ => {
            let loud = word.iter().all(u8::is_ascii_uppercase) && word.len() <= 8;
            named && !loud && is_before_ssid(view, at)
        }
    };
    if fits {
        found.cut(
            value.range,
            Kind::Ssid,
            "value after a word for a wireless network",
        );
    }
}

/// What is said about a wireless network that is not its name.
#[rustfmt::skip]
const STATES: &[&str] = &[
    "wifi", "cellular", "connected", "disconnected", "enabled", "disabled", "on", "off", "lost", "available",
    "changed", "up", "down", "scanning", "scan", "idle", "lte", "4g", "5g", "unknown", "<unknown", "none", "mobile",
    "ethernet", "state", "signal", "rssi", "strength", "direct", "module", "chip", "driver", "is", "type", "list",
    "results", "band",
];

/// Only a word that cannot mean the technique itself may be followed by a bare name.
fn is_before_ssid(view: &View<'_>, at: usize) -> bool {
    let start = at.saturating_sub(24);
    let text = view.of(&(start..at)).to_ascii_lowercase();
    [
        "ssid",
        "hotspot",
        "热点",
        "wifi名",
        "network name",
        "wi-fi",
        "wifi",
        "wlan",
        "essid",
        "apname",
        "无线网",
        "路由器",
    ]
    .iter()
    .any(|w| super::view::holds(&text, w.as_bytes()))
}

fn host(view: &View<'_>, value: &Value, found: &mut Found) {
    let text = view.of(&value.range);
    if says_nothing(text) || text.len() > 64 || value.join <= Join::Space && !value.quoted {
        return;
    }
    // A port may follow.
    let name = match text.iter().rposition(|&b| b == b':') {
        Some(colon) if text[colon + 1..].iter().all(u8::is_ascii_digit) => &text[..colon],
        _ => text,
    };
    let plain = name
        .iter()
        .all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.') || b >= 0x80);
    if !plain || name.is_empty() || name.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
        return;
    }
    let local = [&b".local"[..], b".lan", b".home", b".localdomain"]
        .iter()
        .any(|s| name.ends_with(s));
    let public = name.contains(&b'.') && !local;
    if public
        || a_server(name)
        || is_one_of(
            name,
            &[
                "localhost",
                "host",
                "unreachable",
                "down",
                "resolved",
                "app",
                "gateway",
                "server",
                "android",
                "ios",
                "windows",
                "linux",
                "macos",
                "x86_64",
                "aarch64",
                "arm64",
                "android-build",
                "buildhost",
            ],
        )
    {
        return;
    }
    found.cut(
        value.range.start..value.range.start + name.len(),
        Kind::Host,
        "value after a word for a computer",
    );
}

/// `gw-03`, `im-conn-12`, `node1`: the part a server plays, with a number.
fn a_server(name: &[u8]) -> bool {
    let first = name.iter().take_while(|b| b.is_ascii_lowercase()).count();
    is_one_of(
        &name[..first],
        &[
            "gw", "gateway", "api", "web", "db", "node", "srv", "server", "proxy", "lb", "im",
            "conn", "cache", "redis", "mysql", "kafka", "edge", "cdn", "relay", "turn", "stun",
            "push", "worker", "master", "slave", "pod", "ip", "ec", "k", "ingress", "nginx",
            "store", "cell", "pop", "frontend", "backend", "access", "ws", "msg", "media", "sfu",
            "mcu",
        ],
    ) && first < name.len()
        || name.iter().all(|b| b.is_ascii_lowercase())
            && is_one_of(
                name,
                &[
                    "gateway", "proxy", "server", "nginx", "redis", "mysql", "kafka", "ingress",
                    "backend", "frontend",
                ],
            )
}
