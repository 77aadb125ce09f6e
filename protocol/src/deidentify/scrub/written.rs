//! What people write and choose: nicknames, names of groups, messages. They have no shape of their own; what stands beside
//! them tells.

use super::{
    Found, Kind,
    context::{Join, PAIRS, Value, key_before, quoted_at, says_nothing, text_at},
    phrases::Phrases,
    view::{View, holds, holds_han, is_one_of},
    vocabulary::{spoken, technical},
    words::Class,
};
use std::ops::Range;

/// The longest message without quotes, in bytes.
const LONGEST: usize = 1024;

/// A value after a word for a nickname, a group, a message, or what somebody looks for.
pub(super) fn keyed(
    view: &View<'_>,
    class: Class,
    key: Range<usize>,
    at: usize,
    join: Join,
    found: &mut Found,
) {
    match class {
        Class::Nick => nick(view, key, at, join, found),
        Class::Group => group(view, key, at, join, found),
        Class::Message => message(view, at, join, found),
        Class::Note => note(view, at, join, found),
        _ => query(view, at, join, found),
    }
}

fn nick(view: &View<'_>, key: Range<usize>, at: usize, join: Join, found: &mut Found) {
    let Some(value) = text_at(view, at, join) else {
        return;
    };
    let text = view.of(&value.range);
    let bare = !value.quoted && join <= Join::Space;
    if says_nothing(text)
        || text.len() > 96
        || join == Join::Touching && !value.quoted
        || a_number(text)
    {
        return;
    }
    if bare {
        // One word of Chinese, or one that no program would say.
        let end = first_word(view, &value);
        let word = view.of(&(value.range.start..end));
        let chosen = holds_han(word) && !technical(word)
            || word.iter().any(u8::is_ascii_digit) && word.len() >= 4
            || word.iter().any(|b| *b >= 0xf0);
        if chosen && !is_one_of(word, &["utf8"]) && !starts_prose(word) {
            found.cut(
                value.range.start..end,
                Kind::Nick,
                "value after a word for a nickname",
            );
        }
        return;
    }
    // An alias or a remark in ASCII is as often a part of a program.
    let loose_key = is_one_of(view.of(&key), &["alias", "remark", "mention", "mentioned"]);
    if (!value.quoted && technical(text)) || loose_key && text.is_ascii() && !spoken(text) {
        return;
    }
    found.cut(value.range, Kind::Nick, "value after a word for a nickname");
}

/// Chinese words that go on with a sentence.
fn starts_prose(word: &[u8]) -> bool {
    [
        "长度",
        "包含",
        "不能",
        "不合",
        "不可",
        "不支持",
        "不存在",
        "不一致",
        "不匹配",
        "不得",
        "为",
        "已",
        "过",
        "超",
        "重复",
        "含",
        "格式",
        "是",
        "非",
        "太",
        "必",
        "修改",
        "字段",
        "或",
        "和",
        "的",
        "未",
        "仅",
        "只",
        "需",
        "要",
    ]
    .iter()
    .any(|w| word.starts_with(w.as_bytes()))
}

fn first_word(view: &View<'_>, value: &Value) -> usize {
    view.run(value.range.start, |b| b != b' ')
        .min(value.range.end)
}

fn a_number(text: &[u8]) -> bool {
    text.iter()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'%'))
}

fn group(view: &View<'_>, key: Range<usize>, at: usize, join: Join, found: &mut Found) {
    let Some(value) = text_at(view, at, join) else {
        return;
    };
    let text = view.of(&value.range);
    if says_nothing(text) || text.len() > 120 || a_number(text) || text.contains(&b'=') {
        return;
    }
    let named = view
        .of(&key)
        .to_ascii_lowercase()
        .windows(4)
        .any(|w| w == b"name" || w == b"itle" || w == b"bjec");
    let han = holds_han(text);
    let fits = match (value.quoted, join) {
        (true, _) => {
            han && !technical(text)
                || named
                || han && text.ends_with("群".as_bytes())
                || text.contains(&b' ') && !technical(text)
        }
        (false, Join::Touching) => false,
        (false, Join::Space | Join::Bracket) => {
            han && !technical(text) && !starts_prose(text) && text.len() >= 9
        }
        (false, _) => han && !technical(text) || named && !technical(text),
    };
    if fits {
        let end = if value.quoted || join > Join::Bracket {
            value.range.end
        } else {
            first_word(view, &value)
        };
        found.cut(
            value.range.start..end,
            Kind::Group,
            "value after a word for a group",
        );
    }
}

fn message(view: &View<'_>, at: usize, join: Join, found: &mut Found) {
    let Some(value) = written_at(view, at, join) else {
        return;
    };
    let text = view.of(&value.range);
    if says_nothing(text) || matches!(text[0], b'{' | b'[' | b'<') || a_number(text) {
        return;
    }
    let words = text.split(|&b| b == b' ').filter(|w| w.len() > 1).count();
    let token = words <= 1
        && text
            .iter()
            .all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'/' | b'.'));
    let fits = if value.quoted {
        !(token
            && (text
                .iter()
                .all(|b| b.is_ascii_lowercase() || matches!(b, b'/' | b'-' | b'_' | b'.'))
                || text.iter().all(|b| b.is_ascii_uppercase() || *b == b'_')))
    } else if join >= Join::Verb {
        holds_han(text) && (!technical(text) || spoken(text))
            || spoken(text)
            || words >= 2 && !technical(text) && !text.contains(&b'=')
    } else {
        join == Join::Space && holds_han(text) && spoken(text)
    };
    if fits {
        found.cut(
            value.range,
            Kind::Message,
            "value after a word for a message",
        );
    }
}

/// A message without quotes goes on over commas, up to the next named value.
fn written_at(view: &View<'_>, at: usize, join: Join) -> Option<Value> {
    if let Some(range) = quoted_at(view, at) {
        return (!range.is_empty()).then_some(Value {
            range,
            quoted: true,
            join,
        });
    }
    let stop = view.s.len().min(at + LONGEST);
    let mut end = at;
    while end < stop {
        match view.s[end] {
            b'\n' | b'\r' | b'\t' | b'"' | b'<' | b'|' | b'}' | 0x1a => break,
            b' ' | b',' | b';' | b'&' if named_value_at(view, end + 1) => break,
            b' ' if end > at
                && view.han_before(end).is_some_and(|_| {
                    technical(view.of(&(end + 1..view.run(end + 1, |b| b >= 0x80))))
                }) =>
            {
                break;
            }
            b' ' if view.is_at(end, " -> ") || view.is_at(end, " => ") || view.is_at(end, " (") => {
                break;
            }
            _ => end += 1,
        }
    }
    while end > at && matches!(view.s[end - 1], b' ' | b',' | b';') {
        end -= 1;
    }
    view.step(end - at);
    (end > at).then_some(Value {
        range: at..end,
        quoted: false,
        join,
    })
}

/// `type=text`, ` code: 3`.
fn named_value_at(view: &View<'_>, at: usize) -> bool {
    let start = view.run(at, |b| b == b' ');
    let end = view.run(start, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
    });
    end > start
        && view.at(start).is_ascii_alphabetic()
        && (view.at(end) == b'=' || view.at(end) == b':' && view.at(end + 1) != b'/')
}

fn note(view: &View<'_>, at: usize, join: Join, found: &mut Found) {
    if join < Join::Verb && !matches!(view.at(at), b'"' | b'\'' | 0xe3) {
        return;
    }
    let Some(value) = written_at(view, at, join) else {
        return;
    };
    let text = view.of(&value.range);
    if !says_nothing(text)
        && text.len() >= 4
        && spoken(text)
        && !technical(text)
        && !matches!(text[0], b'{' | b'[')
    {
        found.cut(
            value.range,
            Kind::Message,
            "somebody's words after a word for a text",
        );
    }
}

fn query(view: &View<'_>, at: usize, join: Join, found: &mut Found) {
    let Some(value) = text_at(view, at, join) else {
        return;
    };
    let text = view.of(&value.range);
    let fits = (value.quoted || join >= Join::Verb)
        && !says_nothing(text)
        && (holds_han(text) && (!technical(text) || spoken(text))
            || text.split(|b| matches!(b, b' ' | b'+')).count() >= 2
                && value.quoted
                && !technical(text));
    let sql = text.iter().any(|b| matches!(b, b'=' | b'*' | b'(' | b'{'));
    if fits && !sql {
        found.cut(value.range, Kind::Message, "what somebody looked for");
    }
}

/// Words before quoted text that say that it is something a person chose.
#[rustfmt::skip]
static CHOSEN: Phrases<56> = Phrases::of(&[
    "群", "聊", "会话", "联系人", "好友", "用户", "昵称", "成员", "对方", "点击", "打开", "进入", "选择", "搜索", "查看", "进群", "视频通话", "语音通话", "备注", "聊天页",
    "长按", "切换到", "添加", "邀请", "移除", "加入", "退出", "转发给", "转发", "发给", "发送", "收到", "回复",
    "聊天", "chat", "contact", "group", "member", "friend", "tap", "click", "select", "open", "search", "press",
    "user", "with", "conversation", "room", "said", "moments", "profile", "mention", "mute", "invite", "remark",
]);
/// Words before quoted text that say that it is a part of the program.
#[rustfmt::skip]
static CONTROLS: Phrases<24> = Phrases::of(&[
    "按钮", "菜单", "页面", "标签", "字段", "列", "表", "参数", "配置", "选项", "模块", "权限", "命令", "button",
    "menu", "tab", "field", "column", "table", "option", "permission", "command", "dialog", "key",
]);
/// What stands on buttons.
#[rustfmt::skip]
static LABELS: Phrases<46> = Phrases::of(&[
    "确定", "取消", "发送", "设置", "返回", "登录", "注册", "下一步", "完成", "保存", "编辑", "删除", "搜索", "更多",
    "分享", "关闭", "提交", "我的", "首页", "消息", "通讯录", "发现", "同意", "拒绝", "允许", "重试", "跳过", "复制",
    "粘贴", "转发", "收藏", "撤回", "拍照", "相册", "语音", "视频", "图片", "文件", "位置", "表情", "扫一扫", "关于",
    "隐私", "退出", "添加", "朋友圈",
]);

/// Quoted text that nothing names: what a person chose, where something was opened, tapped or looked for.
pub(super) fn find(view: &View<'_>, found: &mut Found) {
    if view.has_han() {
        mentions(view, found);
        group_suffixes(view, found);
    } else if !view.has(b'"') && !view.has(b'\'') {
        return;
    }
    let mut at = 0;
    while at < view.s.len() {
        let quote = matches!(view.s[at], b'"' | b'\'') && view.before(at) != b'\\'
            || view.s[at] == 0xe3 && PAIRS.iter().any(|(open, _)| view.is_at(at, open));
        if !quote {
            at += 1;
            continue;
        }
        let Some(range) = quoted_at(view, at) else {
            at += 1;
            continue;
        };
        let text = view.of(&range);
        let next = if range.len() <= 120 {
            range.end
        } else {
            at + 1
        };
        if a_quoted_remark(view, at, text) {
            found.cut(range.clone(), Kind::Message, "quoted text as people speak");
        } else if range.len() <= 120
            && holds_han(text)
            && !technical(text)
            && !is_label(text)
            && !text.contains(&b':')
            && !text.contains(&b'=')
            && chosen_before(view, at)
        {
            found.cut(
                range.clone(),
                Kind::Nick,
                "quoted text where somebody chose something",
            );
        }
        at = next.max(at + 1);
        // Past the closing mark.
        if matches!(view.at(at), b'"' | b'\'') {
            at += 1;
        }
    }
}

/// Whether a quoted text is what one person says to another, whatever stands before it.
fn a_quoted_remark(view: &View<'_>, quote: usize, text: &[u8]) -> bool {
    text.len() >= 9
        && spoken(text)
        && !technical(text)
        && !text.contains(&b'=')
        && !text.contains(&b'{')
        && key_before(view, quote + 1)
            .is_none_or(|key| !matches!(key.class, Class::Plain | Class::Metric | Class::Version))
}

/// `@追风少年 `: somebody who is spoken to.
fn mentions(view: &View<'_>, found: &mut Found) {
    for at in (0..view.s.len()).filter(|&i| view.s[i] == b'@') {
        if view.before(at).is_ascii_alphanumeric() {
            continue;
        }
        let end = view.run(at + 1, |b| {
            b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-') || b >= 0x80
        });
        let end = (at + 1..end)
            .find(|&i| {
                ["。", "、", "，", "」", "】"]
                    .iter()
                    .any(|mark| view.is_at(i, mark))
            })
            .unwrap_or(end);
        let name = view.of(&(at + 1..end));
        let spoken_to = holds_han(name)
            || name.len() >= 3
                && view.at(end) == b' '
                && view.han_at(end + 1).is_some()
                && name.iter().any(u8::is_ascii_alphabetic);
        if spoken_to && name.len() <= 60 && !name.contains(&b'.') {
            found.cut(at + 1..end, Kind::Nick, "name after an at sign");
        }
    }
}

fn is_label(text: &[u8]) -> bool {
    LABELS.is(text)
}

fn chosen_before(view: &View<'_>, at: usize) -> bool {
    if key_before(view, at + 1).is_some_and(|key| {
        matches!(
            key.class,
            Class::Plain | Class::Metric | Class::File | Class::Version | Class::Note
        )
    }) {
        return false;
    }
    let from = at.saturating_sub(48);
    let from = (from..at).find(|&i| view.s[i] & 0xc0 != 0x80).unwrap_or(at);
    let before = view.of(&(from..at)).to_ascii_lowercase();
    match (CHOSEN.last_end(&before), CONTROLS.last_end(&before)) {
        (Some(chosen), Some(control)) => chosen > control,
        (Some(_), None) => true,
        _ => false,
    }
}

/// `三年二班家长群`: names of groups that say that they are groups.
fn group_suffixes(view: &View<'_>, found: &mut Found) {
    #[rustfmt::skip]
static SUFFIXES: Phrases<22> = Phrases::of(&[
    "家长群", "业主群", "交流群", "工作群", "粉丝群", "同学群", "同事群", "班级群", "家族群", "亲友群", "闺蜜群",
    "车友群", "购物群", "通知群", "校友群", "战友群", "福利群", "吃货群", "拼车群", "邻居群", "读书群", "项目群",
]);
    for at in view.places("群") {
        let end = at + 3;
        if SUFFIXES.before(view.s, end).is_some()
            && !["聊", "主", "成", "组", "名", "号", "公"]
                .iter()
                .any(|w| view.is_at(end, w))
        {
            let start = view.run_back(end, 45, |b| b >= 0x80);
            let mut start = start;
            for word in [
                "群聊", "进入", "打开", "加入", "退出", "解散", "创建", "在", "到", "会话",
            ] {
                if holds(view.of(&(start..end)), word.as_bytes())
                    && let Some(i) = view
                        .of(&(start..end))
                        .windows(word.len())
                        .rposition(|w| w == word.as_bytes())
                    && start + i + word.len() < end - 6
                {
                    start += i + word.len();
                }
            }
            if view.han_at(start).is_some() {
                found.cut(start..end, Kind::Group, "name of a group");
            }
        }
    }
}
