//! Names that people give their devices: `李雷的 iPhone`, `Alice’s MacBook Pro`.

use super::{
    Found, Kind,
    context::{Join, says_nothing, text_at},
    view::{View, holds_han, is_one_of},
    words::Class,
};

/// What a device is called after its owner.
#[rustfmt::skip]
const DEVICES: &[&str] = &[
    "iPhone", "iPad", "MacBook", "iMac", "Mac", "AirPods", "Apple Watch", "Watch", "HomePod", "Apple TV", "华为",
    "荣耀", "小米", "红米", "三星", "魅族", "一加", "努比亚", "真我", "联想", "中兴", "坚果", "锤子", "苹果", "Redmi",
    "OPPO", "vivo", "OnePlus", "realme", "HUAWEI", "Huawei", "HONOR", "Honor", "Xiaomi", "Samsung", "Galaxy", "Pixel",
    "Nokia", "Mate", "Nova", "nova", "ThinkPad", "Surface", "手机", "平板", "笔记本", "电脑", "耳机", "手表", "音箱",
    "车机", "蓝牙耳机", "电视", "Phone", "phone", "Laptop", "laptop", "Buds",
];

/// Words of a model after the device.
#[rustfmt::skip]
const MODEL_WORDS: &[&str] = &[
    "pro", "max", "mini", "plus", "air", "ultra", "se", "xr", "xs", "x", "lite", "note", "fold", "flip", "mate",
    "nova", "book", "watch", "find", "reno", "magic", "neo", "tab", "pad", "gt", "turbo", "edge", "play", "galaxy",
    "buds", "phone", "series", "redmi", "pocket",
];

pub(super) fn find(view: &View<'_>, found: &mut Found) {
    if view.has_han() {
        for at in view.places("的") {
            possessed(view, at, at + 3, found);
        }
    }
    if view.has(b'\'') {
        for at in (0..view.s.len())
            .filter(|&i| view.is_at(i, "'s ") || view.is_at(i, "' ") && view.before(i) == b's')
        {
            let after = view.run(at, |b| b != b' ') + 1;
            possessed(view, at, after, found);
        }
    }
}

/// A device after its owner, whose name ends at `owner_end`.
fn possessed(view: &View<'_>, owner_end: usize, after: usize, found: &mut Found) {
    let start = view.run(after, |b| b == b' ');
    let Some(device) = DEVICES.iter().find(|d| view.is_at(start, d)) else {
        return;
    };
    if start - after > 1 {
        return;
    }
    let owner = owner_start(view, owner_end);
    if owner == owner_end || pronoun(view.of(&(owner..owner_end))) {
        return;
    }
    found.cut(
        owner..model_end(view, start + device.len()),
        Kind::Device,
        "device named after its owner",
    );
}

/// Where the owner's name starts: Chinese characters, or capitalised words.
fn owner_start(view: &View<'_>, end: usize) -> usize {
    let mut at = end;
    for _ in 0..8 {
        match view.char_before(at) {
            Some(c)
                if super::charset::is_han(c)
                    || c.is_alphanumeric()
                    || matches!(c, '_' | '·' | '-') =>
            {
                at -= c.len_utf8()
            }
            _ => break,
        }
    }
    if view.has_han() && view.han_at(at).is_some() {
        // What the program says before the name does not belong to it.
        for verb in [
            "连接",
            "已连接",
            "设备",
            "发现",
            "配对",
            "来自",
            "名称",
            "断开",
            "蓝牙",
            "投屏到",
            "切换到",
            "找到",
        ] {
            if let Some(found) = view
                .of(&(at..end))
                .windows(verb.len())
                .rposition(|w| w == verb.as_bytes())
            {
                at = at.max(at + found + verb.len());
            }
        }
        return at;
    }
    let word = view.run_back(end, 24, |b| b.is_ascii_alphanumeric() || b == b'-');
    let mut start = if view.at(word).is_ascii_alphabetic() {
        word
    } else {
        end
    };
    // First and last name.
    if start < end && view.before(start) == b' ' && view.at(start).is_ascii_uppercase() {
        let first = view.run_back(start - 1, 24, |b| b.is_ascii_alphabetic());
        if view.at(first).is_ascii_uppercase()
            && first < start - 1
            && view.opens(first)
            && view
                .of(&(first..start - 1))
                .iter()
                .skip(1)
                .all(u8::is_ascii_lowercase)
            && !is_one_of(
                view.of(&(first..start - 1)),
                &[
                    "connected",
                    "device",
                    "found",
                    "to",
                    "with",
                    "paired",
                    "name",
                ],
            )
        {
            start = first;
        }
    }
    start
}

fn pronoun(owner: &[u8]) -> bool {
    [
        "我", "你", "您", "他", "她", "用户", "当前", "新", "旧", "所有", "其他", "对方",
    ]
    .iter()
    .any(|w| owner == w.as_bytes())
        || is_one_of(owner, &["user", "it", "let", "that", "what", "device"])
}

/// Models have numbers and words of their own: ` 15 Pro Max`, `P40`, ` Mate 60`.
fn model_end(view: &View<'_>, mut end: usize) -> usize {
    end = view.run(end, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+')
    });
    for _ in 0..4 {
        let start = if view.at(end) == b' ' { end + 1 } else { end };
        let word = view.run(start, |b| {
            b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'_')
        });
        let text = view.of(&(start..word));
        let number = text.iter().any(u8::is_ascii_digit)
            && text.len() <= 6
            && !text.ends_with(b"ms")
            && !text.ends_with(b"s");
        let known = is_one_of(text, MODEL_WORDS);
        if word == start || matches!(view.at(word), b'=' | b':') || !(number || known) {
            break;
        }
        end = word;
    }
    // `(2)` after a second device of the same name.
    let bracket = if view.at(end) == b' ' { end + 1 } else { end };
    if view.at(bracket) == b'('
        && view.at(bracket + 1).is_ascii_digit()
        && view.at(bracket + 2) == b')'
    {
        return bracket + 3;
    }
    end
}

/// A value after a word for the name of a device.
pub(super) fn keyed(view: &View<'_>, class: Class, at: usize, join: Join, found: &mut Found) {
    debug_assert!(class == Class::Device);
    let Some(value) = text_at(view, at, join) else {
        return;
    };
    let text = view.of(&value.range);
    if says_nothing(text)
        || text.len() > 96
        || join <= Join::Space && !value.quoted
        || super::vocabulary::technical(text) && !value.quoted
    {
        return;
    }
    let owned = holds_han(text)
        || text.contains(&b'\'')
        || text.contains(&b'-')
        || text.contains(&b' ')
        || text.iter().any(u8::is_ascii_uppercase);
    if owned {
        found.cut(
            value.range,
            Kind::Device,
            "value after a word for the name of a device",
        );
    }
}
