//! Names of persons. Chinese names are found by their surname and by what stands beside them; other names only after a word
//! that says that a name follows.

use super::{
    Found, Kind,
    context::{Join, Value, key_before, says_nothing, text_at},
    names_zh::{ALSO_GIVEN, AMBIGUOUS, CLEAR, COMPOUND, GIVEN, is_word},
    phrases::Phrases,
    view::{View, holds_han, is_one_of},
    vocabulary::{interface, spoken, technical},
    words::Class,
};
use std::ops::Range;

/// Titles after a name.
#[rustfmt::skip]
static TITLES: Phrases<14> = Phrases::of(&[
    "先生", "女士", "小姐", "太太", "同学", "老师", "经理", "医生", "师傅", "主任", "教授", "阿姨", "总监", "律师",
]);
/// Verbs with which a program goes on after the name of somebody who did something.
#[rustfmt::skip]
static VERBS: Phrases<76> = Phrases::of(&[
    "加入", "退出", "转账", "充值", "发红包", "接通", "挂号", "预约", "开户", "分享", "转发", "关注", "好友", "等", "邀请", "撤回", "发来", "发送", "发起", "发布", "创建", "修改", "移除", "踢出", "正在", "拍了拍",
    "上线", "下线", "登录", "登陆", "登出", "已读", "已", "来电", "呼叫", "请求", "的", "被", "未", "在", "向", "给",
    "于", "说", "回复", "点赞", "离开", "进入", "申请", "提交", "取消", "删除", "添加", "注册", "注销", "更新",
    "处理", "失败", "成功", "绑定", "解绑", "认证", "验证", "实名", "收到", "拒绝", "同意", "接听", "挂断", "签收",
    "下单", "支付", "不存在", "无", "与", "和",
]);
/// Words before a name that no list of keys holds, because they are common otherwise.
#[rustfmt::skip]
static BEFORE: Phrases<43> = Phrases::of(&[
    "收到", "联系", "通知", "视频通话", "语音通话", "聊天页", "与", "对象", "关于", "由", "给", "向", "和", "与", "被", "邀请", "移除", "踢出", "添加", "删除", "呼叫", "来自",
    "转给", "转账给", "发给", "发送给", "回复", "感谢", "经办", "找", "叫", "是", "为", "跟", "对", "@", "拨打",
    "致电", "指派给", "分配给", "请", "让", "将",
]);

pub(super) fn find(view: &View<'_>, found: &mut Found) {
    if view.has(b'D') || view.has(b'H') {
        greetings(view, found);
    }
    if !view.has_han() {
        return;
    }
    for run in view.han_runs() {
        in_run(view, run.start..run.end, found);
    }
}

/// Names in one run of Chinese characters.
fn in_run(view: &View<'_>, run: Range<usize>, found: &mut Found) {
    if let Some(rule) = whole_run(view, &run) {
        found.cut(run, Kind::Person, rule);
        return;
    }
    let mut at = run.start;
    while at + 6 <= run.end {
        match surname(view, at).and_then(|(len, _)| name_at(view, &run, at, at + len)) {
            Some((end, rule)) => {
                found.cut(at..end, Kind::Person, rule);
                at = end;
            }
            None => at += 3,
        }
    }
}

/// How much a text looks like a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// It begins with a surname.
    Weak,
    /// A surname, and characters that stand in names.
    Fair,
    /// A surname that begins few other words, and characters that parents choose.
    Strong,
}

/// How much the characters from `at` to `end` look like a name, whose surname ends at `given`.
fn likeness(view: &View<'_>, at: usize, given: usize, end: usize) -> Option<Likeness> {
    let (_, clear) = surname(view, at)?;
    let all = |fits: fn(char) -> bool| {
        (given..end)
            .step_by(3)
            .all(|i| view.han_at(i).is_some_and(fits))
    };
    let chosen = all(|c| GIVEN.has(c));
    let usual = chosen || all(|c| GIVEN.has(c) || ALSO_GIVEN.has(c));
    let two = end - given >= 6;
    Some(match (clear, chosen, usual) {
        (true, true, _) => Likeness::Strong,
        (false, true, _) if two => Likeness::Strong,
        (true, _, true) | (false, true, _) => Likeness::Fair,
        _ => Likeness::Weak,
    })
}

/// Whether the whole run is a name, and why.
fn whole_run(view: &View<'_>, run: &Range<usize>) -> Option<&'static str> {
    let len = run.end - run.start;
    let text = view.of(run);
    if !(6..=12).contains(&len) || technical(text) || interface(text) {
        return None;
    }
    let key = key_before(view, run.start);
    let class = key.map(|key| key.class);
    let joined = key.is_some_and(|key| key.join != Join::Touching);
    let surname = surname(view, run.start)
        .filter(|(surname, _)| (3..=6).contains(&(len - surname.min(&len))));
    let like =
        surname.and_then(|(surname, _)| likeness(view, run.start, run.start + surname, run.end));
    let word = is_word(text) || starts_word(view, run.start) && len > 6;
    let verb = view.is_han_at(run.start) && VERBS.at(view.s, run.start).is_some();
    match class {
        Some(Class::Person)
            if joined && (like.is_some() && !is_word(text) || len <= 9 && !word && !verb) =>
        {
            Some("name after a word for a person")
        }
        Some(Class::User | Class::Peer | Class::Nick | Class::Account | Class::Social)
            if !word && like >= Some(Likeness::Fair) =>
        {
            Some("name after a word for a person")
        }
        Some(Class::Metric | Class::Plain | Class::Version | Class::Digest | Class::Address) => {
            None
        }
        _ if !word
            && like == Some(Likeness::Strong)
            && !super::place::is_place(view, run.start) =>
        {
            Some("surname and given name")
        }
        _ => None,
    }
}

/// Whether a word that is no name begins at `at`.
fn starts_word(view: &View<'_>, at: usize) -> bool {
    is_word(view.of(&(at..at + 6))) || is_word(view.of(&(at..at + 9)))
}

/// The length in bytes of the surname at `at`, and whether few other words begin with it.
fn surname(view: &View<'_>, at: usize) -> Option<(usize, bool)> {
    let c = view.han_at(at)?;
    if let Some(name) = COMPOUND.at(view.s, at) {
        return Some((name.len(), true));
    }
    let clear = CLEAR.has(c);
    (clear || AMBIGUOUS.has(c)).then_some((3, clear))
}

/// The end of a name inside a run, whose surname begins at `at` and ends at `given`, and why it is taken for one.
fn name_at(
    view: &View<'_>,
    run: &Range<usize>,
    at: usize,
    given: usize,
) -> Option<(usize, &'static str)> {
    if given + 3 > run.end && TITLES.at(view.s, given).is_none() {
        return None;
    }
    let key = if at == run.start {
        key_before(view, at)
    } else {
        key_inside(view, run.start, at)
    };
    let class = key.map(|key| key.class);
    let named = class == Some(Class::Person);
    let asked = named
        || matches!(
            class,
            Some(Class::User | Class::Peer | Class::Nick | Class::Account | Class::Social)
        );
    let before = at > run.start
        && BEFORE
            .before(view.s, at)
            .is_some_and(|w| run.start + w.len() <= at);
    let begins = at == run.start;
    for len in [6, 3, 0] {
        let end = given + len;
        let titled = TITLES
            .at(view.s, end)
            .is_some_and(|title| end + title.len() <= run.end);
        if !titled || starts_word(view, at) && len > 0 {
            continue;
        }
        let like = likeness(view, at, given, end);
        if like == Some(Likeness::Strong)
            || like.is_some() && (asked || begins && CLEAR.has(view.han_at(at)?))
        {
            return Some((end, "name before a title"));
        }
    }
    if !(asked || before || begins) || starts_word(view, at) && !(named && begins) {
        return None;
    }
    // The run goes on after the name: the longer name first, if its characters are ones that names have.
    for len in [6, 3] {
        let end = given + len;
        if end > run.end {
            continue;
        }
        let like = likeness(view, at, given, end)?;
        let verb = VERBS.at(view.s, end).is_some();
        let closed = end == run.end;
        let strong = like == Likeness::Strong && !super::place::is_place(view, at);
        let fits = named && like >= Likeness::Fair
            || asked && like >= Likeness::Fair && (verb || closed)
            || before && strong && (len == 6 || verb || closed)
            || begins && strong && verb;
        if fits {
            return Some((
                end,
                if asked {
                    "name after a word for a person"
                } else {
                    "name beside a verb"
                },
            ));
        }
    }
    None
}

/// The word before `at` in the same run of characters.
fn key_inside(view: &View<'_>, run_start: usize, at: usize) -> Option<super::context::Key> {
    let (start, class) = view.name_before(at)?;
    (start >= run_start).then_some(super::context::Key {
        class,
        join: Join::Touching,
    })
}

/// Whether a text has the shape of a Chinese name.
pub(super) fn is_name(view: &View<'_>, range: &Range<usize>) -> bool {
    let end = view.han_run(range.start, 5);
    end == range.end
        && !is_word(view.of(range))
        && surname(view, range.start).is_some_and(|(len, clear)| {
            let given = range.start + len;
            (3..=6).contains(&range.end.saturating_sub(given))
                && likeness(view, range.start, given, range.end)
                    >= Some(if clear {
                        Likeness::Weak
                    } else {
                        Likeness::Fair
                    })
        })
}

/// Names beside what was found already: `王芳 13800000000`, `Alice <alice@example.org>`.
pub(super) fn beside(view: &View<'_>, found: &mut Found) {
    let anchors: Vec<Range<usize>> = found
        .0
        .iter()
        .filter(|one| {
            matches!(
                one.kind,
                Kind::Phone
                    | Kind::IdCard
                    | Kind::Email
                    | Kind::BankCard
                    | Kind::Passport
                    | Kind::Account
                    | Kind::Social
            )
        })
        .map(|one| one.range.clone())
        .collect();
    for anchor in anchors {
        before_anchor(view, &anchor, found);
        after_anchor(view, &anchor, found);
    }
}

fn joint(b: u8) -> bool {
    matches!(
        b,
        b' ' | b','
            | b';'
            | b':'
            | b'|'
            | b'/'
            | b'('
            | b'"'
            | b'\''
            | b'\t'
            | b'<'
            | b'-'
            | b'='
            | b'['
    )
}

fn before_anchor(view: &View<'_>, anchor: &Range<usize>, found: &mut Found) {
    let mut at = view.run_back(anchor.start, 6, joint);
    // A word for the number may stand between: `王芳 手机 138...`, `王芳 (phone 138...)`.
    if let Some((start, class)) = view.name_before(at)
        && matches!(
            class,
            Class::Phone
                | Class::IdCard
                | Class::Card
                | Class::Email
                | Class::Account
                | Class::Passport
        )
        && at < anchor.start
    {
        at = view.run_back(start, 6, joint);
    }
    if at == anchor.start {
        return;
    }
    let floor = view.run_back(at, 12, |b| b >= 0x80);
    let range = floor..at;
    if !range.is_empty()
        && range.len() <= 12
        && is_name(view, &range)
        && !technical(view.of(&range))
    {
        found.cut(range, Kind::Person, "name beside an identifier");
        return;
    }
    if view.before(anchor.start) == b'<' {
        display_name(view, anchor.start - 1, found);
    }
}

/// `Alice Johnson <alice@example.org>`.
fn display_name(view: &View<'_>, open: usize, found: &mut Found) {
    let end = view.run_back(open, 2, |b| matches!(b, b' ' | b'"'));
    let start = view.run_back(end, 60, |b| {
        b.is_ascii_alphabetic() || matches!(b, b' ' | b'.' | b'\'' | b'-') || b >= 0x80
    });
    let mut from = start;
    // Only the capitalised words before the address.
    for word in view.of(&(start..end)).split(|&b| b == b' ').rev() {
        if !word
            .first()
            .is_some_and(|b| b.is_ascii_uppercase() || *b >= 0x80)
        {
            break;
        }
        from = end.min(if from == start { end } else { from })
            - word.len()
            - usize::from(from != start);
    }
    if from > start
        || view
            .of(&(start..end))
            .first()
            .is_some_and(u8::is_ascii_uppercase)
    {
        let words = view.of(&(from.max(start)..end));
        if words.len() >= 2 && !is_one_of(words, &["From", "To", "Cc", "Mail"]) {
            found.cut(from.max(start)..end, Kind::Person, "name before an address");
        }
    }
}

fn after_anchor(view: &View<'_>, anchor: &Range<usize>, found: &mut Found) {
    let start = view.run(anchor.end, |b| joint(b) || b == b')');
    if start == anchor.end || start - anchor.end > 5 {
        return;
    }
    let end = view.han_run(start, 5);
    if end > start && is_name(view, &(start..end)) && !technical(view.of(&(start..end))) {
        found.cut(start..end, Kind::Person, "name beside an identifier");
    }
}

/// A value after a word for a person or for a name.
pub(super) fn keyed(
    view: &View<'_>,
    class: Class,
    key: Range<usize>,
    at: usize,
    join: Join,
    found: &mut Found,
) {
    let Some(value) = text_at(view, at, join) else {
        return;
    };
    let text = view.of(&value.range);
    if says_nothing(text) || text.len() > 80 || join == Join::Touching && !value.quoted {
        return;
    }
    if holds_han(text) {
        chinese(view, class, &value, found);
        return;
    }
    // Letters of any alphabet, spaces and the signs of names.
    let letters = text
        .iter()
        .all(|&b| b.is_ascii_alphabetic() || matches!(b, b' ' | b'\'' | b'-' | b'.') || b >= 0x80);
    if !letters || text.len() < 2 {
        return;
    }
    let words = text.split(|&b| b == b' ');
    let capitals = words
        .clone()
        .filter(|w| {
            w.first()
                .is_some_and(|b| b.is_ascii_uppercase() || *b >= 0x80)
        })
        .count();
    let count = words.count();
    let named = view
        .of(&key)
        .to_ascii_lowercase()
        .windows(4)
        .any(|w| w == b"name");
    let first = text
        .first()
        .is_some_and(|b| b.is_ascii_uppercase() || *b >= 0x80);
    let full = first && count >= 2 && capitals >= 2 && capitals + 1 >= count;
    let fits = match class {
        Class::Person => {
            full || (value.quoted || named && join >= Join::Verb) && count <= 3 && !technical(text)
        }
        Class::User | Class::Peer => {
            full && (join >= Join::Verb || value.quoted) && !technical(text)
        }
        _ => full && about_somebody(view, key.start) && !technical(text),
    };
    if fits {
        // The words after the name are the program's.
        let end = if value.quoted {
            value.range.end
        } else {
            capitalised(view, value.range.start, value.range.end)
        };
        found.cut(
            value.range.start..end,
            Kind::Person,
            "value after a word for a person",
        );
    }
}

fn capitalised(view: &View<'_>, start: usize, end: usize) -> usize {
    let mut at = start;
    let mut last = start;
    while at < end {
        let word = view.run(at, |b| b != b' ').min(end);
        if !(view.at(at).is_ascii_uppercase() || view.at(at) >= 0x80) && last > start {
            break;
        }
        last = word;
        at = word + 1;
    }
    last
}

fn about_somebody(view: &View<'_>, at: usize) -> bool {
    super::account::of_a_person(view, at)
}

fn chinese(view: &View<'_>, class: Class, value: &Value, found: &mut Found) {
    let text = view.of(&value.range);
    if class == Class::Name {
        if technical(text) && !spoken(text) || !(value.quoted || value.join == Join::Assigned) {
            return;
        }
        let kind = match super::account::structure_around(view, value.range.start) {
            Some(Class::Group | Class::Conversation) => Kind::Group,
            _ if text.ends_with("群".as_bytes()) => Kind::Group,
            _ => Kind::Person,
        };
        found.cut(value.range.clone(), kind, "value after a word for a name");
        return;
    }
    if class == Class::Person && (value.quoted || value.join >= Join::Verb) {
        // A name may hold a dot and letters; prose is longer.
        let end = value.range.end.min(value.range.start + 36);
        let stop = view
            .of(&(value.range.start..end))
            .iter()
            .position(|b| matches!(b, b' ' | b'(' | b'['))
            .map_or(end, |i| value.range.start + i);
        let name = value.range.start..if value.quoted { value.range.end } else { stop };
        if name.len() <= 36 && !technical(view.of(&name)) {
            found.cut(name, Kind::Person, "value after a word for a person");
        }
    }
    // Other classes are served by the search for names itself.
}

/// `Dear Alice Johnson,`: whom a letter greets.
fn greetings(view: &View<'_>, found: &mut Found) {
    for at in (0..view.s.len()).filter(|&i| matches!(view.s[i], b'D' | b'H') && view.opens(i)) {
        let Some(greeting) = ["Dear ", "Hi "].iter().find(|g| view.is_at(at, g)) else {
            continue;
        };
        let start = at + greeting.len();
        let (mut end, mut words) = (start, 0);
        while words < 3
            && (view.at(end).is_ascii_uppercase()
                || view.at(end) >= 0xc3 && view.han_at(end).is_none())
        {
            let word = view.run(end, |b| {
                b.is_ascii_alphabetic() || matches!(b, b'\'' | b'-') || b >= 0x80
            });
            words += 1;
            end = word + usize::from(view.at(word) == b' ');
            if view.at(word) != b' ' {
                end = word;
                break;
            }
        }
        while view.before(end) == b' ' {
            end -= 1;
        }
        let closed = matches!(view.at(end), b',' | b'!' | b':' | b'.' | 0);
        let name = view.of(&(start..end));
        if words > 0
            && closed
            && !is_one_of(
                name,
                &[
                    "User", "Customer", "Sir", "Madam", "All", "Team", "World", "There", "Everyone",
                ],
            )
        {
            found.cut(start..end, Kind::Person, "name in a greeting");
        }
    }
}
