//! Where somebody is or lives: postal addresses and coordinates.

use super::{
    Found, Kind,
    charset::CharSet,
    context::{Join, Value, key_before},
    phrases::Phrases,
    view::View,
    words::Class,
};

/// Where the name of an administrative level ends.
#[rustfmt::skip]
static LEVELS: Phrases<46> = Phrases::of(&[
    "特别行政区", "自治区", "省", "自治州", "地区", "市", "盟", "自治县", "新区", "区", "县", "旗", "街道", "镇",
    "乡", "开发区", "工业园", "科技园", "高新区", "村", "社区", "大街", "大道", "路", "街", "巷", "胡同", "弄", "里",
    "号院", "小区", "花园", "公寓", "大厦", "广场", "苑", "号楼", "栋", "幢", "座", "楼", "单元", "层", "室", "房",
    "号",
]);
/// How small each level is: 1 is a province, 9 a room.
#[rustfmt::skip]
const SIZES: [u8; 46] = [
    1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 6, 5, 6, 6, 6, 6, 6, 6, 6, 7, 7,
    7, 7, 7, 8, 8, 9, 9, 6,
];

/// Provinces and large cities with which an address begins without a word before it.
#[rustfmt::skip]
static PLACES: Phrases<106> = Phrases::of(&[
    "北京", "上海", "天津", "重庆", "广东", "江苏", "浙江", "山东", "四川", "湖北", "湖南", "河南", "河北", "福建",
    "安徽", "江西", "陕西", "山西", "辽宁", "吉林", "黑龙江", "云南", "贵州", "甘肃", "青海", "海南", "台湾",
    "内蒙古", "广西", "西藏", "宁夏", "新疆", "香港", "澳门", "深圳", "广州", "杭州", "南京", "苏州", "成都", "武汉",
    "西安", "长沙", "郑州", "青岛", "济南", "大连", "沈阳", "哈尔滨", "长春", "厦门", "福州", "宁波", "无锡", "合肥",
    "南昌", "昆明", "贵阳", "南宁", "太原", "石家庄", "兰州", "乌鲁木齐", "海口", "银川", "西宁", "呼和浩特", "拉萨",
    "东莞", "佛山", "珠海", "惠州", "中山", "温州", "常州", "嘉兴", "绍兴", "金华", "台州", "南通", "徐州", "扬州",
    "泉州", "烟台", "潍坊", "洛阳", "唐山", "保定", "芜湖", "赣州", "宜昌", "襄阳", "株洲", "桂林", "柳州", "绵阳",
    "遵义", "大理", "三亚", "汕头", "湛江", "江门", "镇江", "盐城", "淮安", "连云港",
]);

/// What numbers in an address are written with, besides digits.
const NUMERALS: CharSet = CharSet::of("一二三四五六七八九十百零甲乙丙丁东西南北");

pub(super) fn find(view: &View<'_>, found: &mut Found) {
    if view.has_han() {
        chinese(view, found);
    }
    if view.has_digits() {
        western(view, found);
        if view.has(b'.') {
            pairs(view, found);
        }
        if view.has(0xb0) {
            degrees(view, found);
        }
    }
}

/// Whether the name of a province or a large city stands at `at`.
pub(super) fn is_place(view: &View<'_>, at: usize) -> bool {
    PLACES.at(view.s, at).is_some()
}

fn chinese(view: &View<'_>, found: &mut Found) {
    let mut next = 0;
    for run in view.han_runs() {
        if run.end <= next {
            continue;
        }
        let mut at = run.start.max(next);
        while at < run.end {
            if is_place(view, at)
                && let Some(end) = chain(view, at, 2)
            {
                found.cut(at..end, Kind::Address, "postal address");
                next = end;
                at = end;
            } else {
                at += 3;
            }
        }
        // Without a province, a road and a number are needed.
        if next <= run.start
            && let Some(end) = chain(view, run.start, 3)
            && key_before(view, run.start)
                .is_none_or(|key| key.class == Class::Address || key.class == Class::Geo)
        {
            found.cut(run.start..end, Kind::Address, "postal address");
            next = end;
        }
    }
}

/// The end of a chain of levels, from the larger to the smaller, that starts at `start` and has at least `least` of them.
fn chain(view: &View<'_>, start: usize, least: usize) -> Option<usize> {
    let (mut at, mut level, mut count, mut end, mut numbered, mut road) =
        (start, 0, 0, start, false, false);
    let mut since = 0;
    while at < view.s.len() && since <= 36 && at - start <= 300 {
        let b = view.s[at];
        if b.is_ascii_alphanumeric()
            || matches!(b, b'-' | b'#' | b'~')
            || (b == b' ' && since == 0 && count > 0 && more_address(view, at + 1))
        {
            let number = view.run(at, |b| {
                b.is_ascii_alphanumeric() || matches!(b, b'-' | b'#' | b'~')
            });
            since += number.max(at + 1) - at;
            at = number.max(at + 1);
            continue;
        }
        if view.han_at(at).is_none() {
            break;
        }
        match LEVELS.entry_at(view.s, at) {
            // A level needs a name or a number before it.
            Some((name, index)) if since > 0 => {
                let next = SIZES[index];
                let digits = view.before(at).is_ascii_alphanumeric()
                    || view.han_before(at).is_some_and(|c| NUMERALS.has(c));
                let fits = if next >= 6 {
                    digits
                        || matches!(
                            name,
                            "小区" | "花园" | "公寓" | "大厦" | "广场" | "苑" | "座" | "栋" | "楼"
                        )
                } else {
                    since >= 6 || next <= 2
                };
                at += name.len();
                if fits && (next >= level || next >= 6) {
                    count += 1;
                    level = next;
                    end = at;
                    numbered |= digits && next >= 6;
                    road |= (4..=6).contains(&next) && since >= 6;
                    since = 0;
                } else {
                    since += name.len();
                }
            }
            _ => {
                at += 3;
                since += 3;
            }
        }
    }
    if count < least || !numbered && !road || least > 2 && !(numbered && road) {
        return None;
    }
    // A room may stand at the end without its word: `3号楼1201`.
    let room = view.run(end, |b| b.is_ascii_alphanumeric() || b == b'-');
    Some(
        if numbered
            && room > end
            && view
                .of(&(end..room))
                .iter()
                .filter(|b| b.is_ascii_digit())
                .count()
                >= 2
        {
            room
        } else {
            end
        },
    )
}

fn more_address(view: &View<'_>, at: usize) -> bool {
    let digits = view.run(at, |b| b.is_ascii_alphanumeric());
    let mut next = digits;
    if digits == at {
        next = view.han_run(at, 6);
        return LEVELS.before(view.s, next).is_some();
    }
    LEVELS
        .entry_at(view.s, next)
        .is_some_and(|(_, index)| SIZES[index] >= 6)
}

/// Words at the end of the name of a street in English.
#[rustfmt::skip]
const STREETS: &[&str] = &[
    "street", "st", "st.", "avenue", "ave", "ave.", "road", "rd", "rd.", "lane", "ln", "boulevard", "blvd", "drive",
    "dr", "dr.", "court", "ct", "way", "place", "square", "terrace", "parkway", "highway",
];

/// `221B Baker Street, London NW1 6XE`.
fn western(view: &View<'_>, found: &mut Found) {
    for run in view.words().filter(|run| run.digits && run.len() <= 6) {
        let (at, number) = (run.start, run.end);
        if !view.s[at].is_ascii_digit() {
            continue;
        }
        if number - at <= 6 && view.at(number) == b' ' && view.at(number + 1).is_ascii_uppercase() {
            let (mut word, mut words) = (number + 1, 0);
            while words < 5 {
                let end = view.run(word, |b| {
                    b.is_ascii_alphanumeric() || matches!(b, b'\'' | b'-' | b'.')
                });
                let text = view.of(&(word..end));
                if !view.at(word).is_ascii_uppercase() && !view.at(word).is_ascii_digit() {
                    break;
                }
                let trimmed = text.strip_suffix(b".").unwrap_or(text);
                if words >= 1 && is_street(trimmed) {
                    found.cut(
                        at..rest_of_address(view, end),
                        Kind::Address,
                        "postal address",
                    );
                    break;
                }
                if view.at(end) != b' ' {
                    break;
                }
                word = end + 1;
                words += 1;
            }
        }
    }
}

fn is_street(word: &[u8]) -> bool {
    word[..word.len().min(1)].iter().all(u8::is_ascii_uppercase)
        && super::view::is_one_of(word, STREETS)
}

/// Flat, city, state and code after the street.
fn rest_of_address(view: &View<'_>, mut end: usize) -> usize {
    for _ in 0..4 {
        let at = view.run(end, |b| matches!(b, b',' | b' '));
        let next = view.run(at, |b| {
            b.is_ascii_alphanumeric() || matches!(b, b'#' | b'.' | b'-')
        });
        let named = view.at(at).is_ascii_uppercase()
            || view.at(at).is_ascii_digit() && view.at(end) != b','
            || view.at(at) == b'#';
        if at == end || at - end > 2 || next == at || !named || matches!(view.at(next), b'=' | b':')
        {
            break;
        }
        let mut next = next;
        while matches!(view.before(next), b'.' | b'-') {
            next -= 1;
        }
        end = next;
        while view.at(end) == b' ' && view.at(end + 1).is_ascii_uppercase() {
            let word = view.run(end + 1, |b| b.is_ascii_alphanumeric());
            if matches!(view.at(word), b'=' | b':') {
                break;
            }
            end = word;
        }
    }
    end
}

/// A decimal with a sign: where it ends, its value, how many places it has.
fn decimal(view: &View<'_>, at: usize) -> Option<(usize, f64, usize)> {
    let from = if matches!(view.at(at), b'-' | b'+') {
        at + 1
    } else {
        at
    };
    let dot = view.run(from, |b| b.is_ascii_digit());
    if dot == from || dot - from > 3 || view.at(dot) != b'.' {
        return None;
    }
    let end = view.run(dot + 1, |b| b.is_ascii_digit());
    let value = std::str::from_utf8(view.s.get(at..end)?)
        .ok()?
        .trim_start_matches('+')
        .parse()
        .ok()?;
    Some((end, value, end - dot - 1))
}

/// Two decimals beside each other that can be a latitude and a longitude.
fn pairs(view: &View<'_>, found: &mut Found) {
    let mut at = 0;
    while at < view.s.len() {
        let b = view.s[at];
        let begins = b.is_ascii_digit() || b == b'-' && view.at(at + 1).is_ascii_digit();
        if !begins
            || !view.opens(at)
            || matches!(view.before(at), b'.')
            || b != b'-' && view.before(at) == b'-'
        {
            at += 1;
            continue;
        }
        let Some((end, first, places)) = decimal(view, at) else {
            at = view.run(at + 1, |b| b.is_ascii_digit() || b == b'.');
            continue;
        };
        let between = view.run(end, |b| matches!(b, b',' | b' ' | b';' | b'/' | b'|'));
        let second = if between > end && between - end <= 3 {
            decimal(view, between)
        } else {
            None
        };
        if let Some((stop, second, more)) = second
            && places >= 4
            && more >= 4
            && first.fract() != 0.0
            && second.fract() != 0.0
            && view.closes(stop)
            && view.at(stop) != b'.'
            && view.at(stop) != b'%'
            && (within(first, second) || within(second, first))
            && first.abs().max(second.abs()) >= 5.0
            && key_before(view, at)
                .is_none_or(|key| !matches!(key.class, Class::Metric | Class::Version))
        {
            found.cut(at..end, Kind::Geo, "coordinates");
            found.cut(between..stop, Kind::Geo, "coordinates");
            at = stop;
        } else {
            at = end;
        }
    }
}

fn within(latitude: f64, longitude: f64) -> bool {
    latitude.abs() <= 90.0 && longitude.abs() <= 180.0
}

/// `39°54'20"N`.
fn degrees(view: &View<'_>, found: &mut Found) {
    for at in view.places("°") {
        let start = view.run_back(at, 10, |b| b.is_ascii_digit() || b == b'.' || b == b'-');
        let end = view.run(at + 2, |b| {
            b.is_ascii_digit()
                || matches!(b, b'\'' | b'"' | b'.' | b' ' | 0xe2 | 0x80 | 0xb2 | 0xb3)
        });
        let side = matches!(view.at(end), b'N' | b'S' | b'E' | b'W') && view.closes(end + 1);
        let minutes = view.of(&(at + 2..end)).iter().any(u8::is_ascii_digit);
        if start < at && (side || minutes && view.of(&(at + 2..end)).contains(&b'\'')) {
            found.cut(
                start..if side { end + 1 } else { end },
                Kind::Geo,
                "degrees of a place",
            );
        }
    }
}

/// A value after a word for an address or for coordinates.
pub(super) fn keyed(view: &View<'_>, class: Class, value: &Value, found: &mut Found) {
    match class {
        Class::Geo => coordinates(view, value, found),
        _ => address(view, value, found),
    }
}

fn coordinates(view: &View<'_>, value: &Value, found: &mut Found) {
    if value.join <= Join::Touching && view.before(value.range.start) < 0x80 {
        return;
    }
    let mut at = value.range.start;
    if matches!(view.at(at), b'(' | b'[') {
        at += 1;
    }
    for _ in 0..2 {
        let Some((end, degrees, places)) = decimal(view, at) else {
            return;
        };
        if places < 2
            || degrees.abs() > 180.0
            || !view.closes(end) && !matches!(view.at(end), b'N' | b'S' | b'E' | b'W')
        {
            return;
        }
        found.cut(at..end, Kind::Geo, "value after a word for a place");
        at = view.run(end, |b| matches!(b, b',' | b' ' | b';' | b'/'));
        if at == end {
            return;
        }
    }
}

fn address(view: &View<'_>, value: &Value, found: &mut Found) {
    let text = view.of(&value.range);
    if !super::view::holds_han(text) {
        // In English: a number and several words.
        let digits = text.iter().any(u8::is_ascii_digit);
        let words = text
            .split(|&b| b == b' ')
            .filter(|w| w.first().is_some_and(u8::is_ascii_uppercase))
            .count();
        if digits
            && words >= 2
            && (value.join == Join::Assigned || value.quoted)
            && text.len() <= 160
        {
            found.cut(
                value.range.start..rest_of_address(view, value.range.end),
                Kind::Address,
                "value after a word for an address",
            );
        }
        return;
    }
    let levels = LEVELS.within(text).count();
    let place = PLACES.any_in(text);
    if value.join >= Join::Verb
        && (levels >= 2 || place || levels == 1 && text.iter().any(u8::is_ascii_digit))
        && !super::vocabulary::technical(text)
    {
        found.cut(
            value.range.clone(),
            Kind::Address,
            "value after a word for an address",
        );
    }
}
