//! Words and the values beside them: finds each word that says something and hands its value to the family it names.

use super::{
    Found, account, birth, citizen,
    context::{Join, joined_after, token_at},
    device, network, opaque, person, place, secret,
    view::View,
    words::{self, Class},
    written,
};
use std::ops::Range;

/// The most values that one word names, as in `members=[a, b, c]`.
const LIST: usize = 64;

pub(super) fn find(view: &View<'_>, found: &mut Found) {
    for (run, name) in view.named_runs() {
        if run.han {
            for at in (run.start..run.end).step_by(3).skip(1) {
                if matches!(view.han_at(at), Some('为' | '是' | '叫')) {
                    word_ends(view, at, words::ending_at(view.s, at), found);
                }
            }
        } else if matches!(view.at(run.end), b'_' | b'-')
            && view.at(run.end + 1).is_ascii_alphanumeric()
        {
            // The name goes on.
            continue;
        }
        word_ends(view, run.end, name, found);
    }
    inserts(view, found);
}

fn word_ends(view: &View<'_>, end: usize, name: Option<(usize, Class)>, found: &mut Found) {
    let Some((start, class)) = name else {
        return;
    };
    if matches!(
        class,
        Class::Plain | Class::Metric | Class::Digest | Class::Version
    ) {
        return;
    }
    // `</name>` closes.
    if view.before(start) == b'/' && view.is_before(start, "</")
        || view.at(end).is_ascii_alphanumeric() && view.before(end) < 0x80
    {
        return;
    }
    let Some((at, join)) = joined_after(view, end) else {
        return;
    };
    // A value never touches an English word; `QQ号` goes on, and its own end is judged later.
    if join == Join::Touching && view.before(end) < 0x80 {
        return;
    }
    if class == Class::Cookie
        && view
            .of(&(start..end))
            .to_ascii_lowercase()
            .ends_with(b"cookie")
        && join == Join::Assigned
    {
        secret::cookie_header(view, at, found);
        return;
    }
    values(view, class, start..end, at, join, found);
}

/// One value, or each of a list.
fn values(
    view: &View<'_>,
    class: Class,
    key: Range<usize>,
    at: usize,
    join: Join,
    found: &mut Found,
) {
    let open = view.at(at);
    if !(matches!(open, b'[' | b'(') && join == Join::Assigned) {
        value(view, class, key, at, join, found);
        return;
    }
    let mut item = at + 1;
    for _ in 0..LIST {
        item = view.run(item, |b| b == b' ');
        if item >= view.s.len() || matches!(view.at(item), b']' | b')') {
            return;
        }
        value(view, class, key.clone(), item, join, found);
        let Some(one) = token_at(view, item, join) else {
            return;
        };
        item = one.range.end + usize::from(one.quoted);
        match view.at(item) {
            b',' => item += 1,
            _ => return,
        }
    }
}

fn value(
    view: &View<'_>,
    class: Class,
    key: Range<usize>,
    at: usize,
    join: Join,
    found: &mut Found,
) {
    match class {
        Class::Nick | Class::Group | Class::Message | Class::Note | Class::Query => {
            return written::keyed(view, class, key, at, join, found);
        }
        Class::Person | Class::Name => return person::keyed(view, class, key, at, join, found),
        Class::Device => return device::keyed(view, class, at, join, found),
        _ => {}
    }
    let value = token_at(view, at, join);
    match class {
        Class::Ssid | Class::Host | Class::Mac => {
            return network::keyed(view, class, at, value.as_ref(), join, found);
        }
        Class::User | Class::Peer => person::keyed(view, class, key, at, join, found),
        Class::Address => {
            if let Some(text) = super::context::text_at(view, at, join) {
                place::keyed(view, class, &text, found);
            }
            return;
        }
        _ => {}
    }
    let Some(value) = value else { return };
    match class {
        Class::Password | Class::Token | Class::Code | Class::Cookie => {
            secret::keyed(view, class, &value, found)
        }
        Class::Account
        | Class::User
        | Class::Peer
        | Class::Id
        | Class::Conversation
        | Class::Social => account::keyed(view, class, &value, found),
        Class::DeviceId | Class::Push | Class::Uuid | Class::Imei | Class::Imsi | Class::Iccid => {
            opaque::keyed_device(view, class, &value, found)
        }
        Class::Geo => place::keyed(view, class, &value, found),
        Class::Birth => birth::keyed(view, &value, found),
        Class::Passport | Class::IdCard | Class::TaxId | Class::Plate => {
            citizen::keyed(view, class, &value, found)
        }
        Class::Blob => opaque::keyed(view, &value, found),
        _ => {}
    }
}

/// `INSERT INTO t (name, phone) VALUES ('a', 'b')`: each value belongs to the column at its place.
fn inserts(view: &View<'_>, found: &mut Found) {
    if !view.has(b'(') {
        return;
    }
    for at in (0..view.s.len()).filter(|&i| matches!(view.s[i], b'V' | b'v')) {
        if !view.s[at..]
            .get(..6)
            .is_some_and(|w| w.eq_ignore_ascii_case(b"values"))
        {
            continue;
        }
        let close = view.run_back(at, 4, |b| b == b' ');
        let open = view.run(at + 6, |b| b == b' ');
        if view.before(close) != b')' || view.at(open) != b'(' {
            continue;
        }
        let columns = view.run_back(close - 1, 512, |b| b != b'(');
        let mut item = open + 1;
        for column in view.of(&(columns..close - 1)).split(|&b| b == b',') {
            let column_end = column
                .iter()
                .rposition(|b| b.is_ascii_alphanumeric())
                .map_or(0, |i| i + 1);
            item = view.run(item, |b| b == b' ');
            if let Some((_, class)) = words::ending_at(column, column_end) {
                let key = item..item;
                value(view, class, key, item, Join::Assigned, found);
            }
            let Some(one) = token_at(view, item, Join::Assigned) else {
                break;
            };
            item = one.range.end + usize::from(one.quoted);
            if view.at(item) != b',' {
                break;
            }
            item += 1;
        }
    }
}
