//! User names of operating systems outside paths: prompts, system logs, listings of files.

use super::{
    Found, Kind,
    view::{View, is_one_of},
};
use std::ops::Range;

pub(super) fn find(view: &View<'_>, found: &mut Found) {
    if view.has(b'~') {
        for at in (0..view.s.len()).filter(|&i| view.s[i] == b'~') {
            tilde(view, at, found);
        }
    }
    if view.has(b'@') {
        prompts(view, found);
    }
    if view.has(b' ') {
        system_log(view, found);
        listing(view, found);
    }
    if view.has(b'(') && view.has(b'=') {
        numbered(view, found);
    }
}

fn word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
}

/// Accounts that every system has.
fn of_the_system(name: &[u8]) -> bool {
    is_one_of(
        name,
        &[
            "root",
            "nobody",
            "daemon",
            "bin",
            "sys",
            "system",
            "shell",
            "adb",
            "wheel",
            "staff",
            "admin",
            "www",
            "www-data",
            "nginx",
            "mysql",
            "postgres",
            "sshd",
            "user",
            "users",
            "none",
            "everyone",
            "sdcard_rw",
            "media_rw",
            "radio",
            "wifi",
            "log",
            "the",
            "this",
            "each",
            "all",
            "any",
            "a",
            "an",
            "id",
            "input",
            "data",
            "group",
            "authentication",
            "agent",
            "interaction",
            "space",
            "mode",
            "cancelled",
            "requested",
            "null",
        ],
    )
}

/// `~alice/`.
fn tilde(view: &View<'_>, at: usize, found: &mut Found) {
    let end = view.run(at + 1, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
    });
    let starts_path = matches!(
        view.before(at),
        b' ' | b'"' | b'\'' | b'=' | b':' | b'(' | 0
    );
    if starts_path && end > at + 2 && view.at(at + 1).is_ascii_alphabetic() && view.at(end) == b'/'
    {
        found.cut(at + 1..end, Kind::OsUser, "user's directory");
    }
}

/// `alice@laptop:~$`: the prompt of a shell.
fn prompts(view: &View<'_>, found: &mut Found) {
    for at in (0..view.s.len()).filter(|&i| view.s[i] == b'@') {
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        let start = view.run_back(at, 32, word);
        let end = view.run(at + 1, word);
        let path = view.at(end) == b':' && matches!(view.at(end + 1), b'~' | b'/');
        if start < at && end > at + 1 && path && view.of(&(start..at)) != b"git" {
            found.cut(start..end, Kind::OsUser, "prompt of a shell");
        }
    }
}

/// What stands before a user's name in the logs of `sshd`, `sudo`, `su` and `cron`.
#[rustfmt::skip]
const BEFORE: &[&str] = &[
    "publickey for ", "password for ", "opened for user ", "closed for user ", "for invalid user ", "Invalid user ",
    "invalid user ", "for user ", "by user ", "as user ", "login by ", "logged in as ", "running as ", "sudo: ",
    "su: (to root) ", "owned by ", "switching to user ", "keyboard-interactive/pam for ", "whoami: ",
];

fn system_log(view: &View<'_>, found: &mut Found) {
    for run in view.words().filter(|run| (2..=6).contains(&run.len())) {
        if !is_one_of(
            view.of(&(run.start..run.end)),
            &["for", "user", "by", "as", "sudo", "whoami", "root"],
        ) {
            continue;
        }
        let start = view.run(run.end, |b| matches!(b, b':' | b')' | b' '));
        if !view.at(start).is_ascii_alphabetic()
            || !BEFORE.iter().any(|text| view.is_before(start, text))
        {
            continue;
        }
        let mut end = view.run(start, word);
        while matches!(view.before(end), b'.' | b'-') {
            end -= 1;
        }
        let name = start..end;
        if !of_the_system(view.of(&name)) && ends_a_name(view, &name) {
            found.cut(name, Kind::OsUser, "user in a system log");
        }
    }
}

/// Whether what follows a word is what follows a name, and not more of a sentence.
fn ends_a_name(view: &View<'_>, name: &Range<usize>) -> bool {
    let text = view.of(name);
    if text.iter().any(u8::is_ascii_digit) {
        return true;
    }
    [
        " from ", " by ", " at ", " on ", " : ", "(", ":", ",", "@", ";", " (", " in ",
    ]
    .iter()
    .any(|after| view.is_at(name.end, after))
        || matches!(view.at(name.end), 0 | b'\n' | b'"' | b'\'' | b')')
}

/// `-rw-r--r--  1 alice  staff  1024 ...`: the owner and the group of a file.
fn listing(view: &View<'_>, found: &mut Found) {
    let mut line = 0;
    while line < view.s.len() {
        let mode = view.run(line, |b| {
            matches!(
                b,
                b'r' | b'w'
                    | b'x'
                    | b'-'
                    | b's'
                    | b't'
                    | b'd'
                    | b'l'
                    | b'S'
                    | b'T'
                    | b'@'
                    | b'+'
                    | b'.'
            )
        });
        if (10..=11).contains(&(mode - line)) && view.at(mode) == b' ' {
            let links = view.run(mode, |b| b == b' ');
            let after = view.run(links, |b| b.is_ascii_digit());
            let mut start = view.run(after, |b| b == b' ');
            for _ in 0..2 {
                let end = view.run(start, word);
                if after > links
                    && end > start
                    && !of_the_system(view.of(&(start..end)))
                    && !view.at(start).is_ascii_digit()
                {
                    found.cut(start..end, Kind::OsUser, "owner in a listing of files");
                }
                start = view.run(end, |b| b == b' ');
            }
        }
        line = view.run(line, |b| b != b'\n') + 1;
    }
}

/// `uid=501(alice)`.
fn numbered(view: &View<'_>, found: &mut Found) {
    for at in (0..view.s.len()).filter(|&i| view.s[i] == b'(') {
        let number = view.run_back(at, 10, |b| b.is_ascii_digit());
        let end = view.run(at + 1, word);
        let name = at + 1..end;
        if number < at
            && view.is_before(number, "id=")
            && view.at(end) == b')'
            && view.at(at + 1).is_ascii_alphabetic()
            && !of_the_system(view.of(&name))
        {
            found.cut(name, Kind::OsUser, "user beside its number");
        }
    }
}
