//! What must hold for the scrubber whatever it is given.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use candor_protocol::deidentify::{CleanText, ModuleName, SourcePath, ThreadName, scrub};
use proptest::prelude::*;

/// Words and signs from which rules are triggered, in any order.
const PIECES: &[&str] = &[
    "phone",
    "=",
    ":",
    "\"",
    "'",
    " ",
    "  ",
    ",",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    "/",
    "\\",
    "//",
    "://",
    "@",
    "#",
    "%",
    "&",
    ";",
    "|",
    "-",
    "_",
    ".",
    "+",
    "~",
    "\n",
    "\t",
    "\\n",
    "\\u",
    "1380000",
    "13800000000",
    "138 0000 0000",
    "+86",
    "+1 415 555 0148",
    "010-55550123",
    "7100000000000000001",
    "0:1:",
    "110105194912310028",
    "6222020000000000",
    "203.0.113.9",
    "2001:db8::1",
    "::",
    "::1",
    "00:11:22:33:44:55",
    "6c1e2371-53dd-4ad4-b4cf-ad0ca708a6a9",
    "eyJhbGciOiJIUzI1NiJ9.",
    "Bearer ",
    "Basic ",
    "password",
    "token",
    "cookie",
    "uid",
    "from",
    "members",
    "name",
    "nick",
    "content",
    "body",
    "ssid",
    "host",
    "u_",
    "user_",
    "im_",
    "wxid_",
    "@TGS#",
    "si_",
    "alice@example.org",
    "/home/",
    "C:\\Users\\",
    ".pdf",
    "Download/",
    "39.904200",
    "116.407400",
    "°",
    "N",
    "birthday",
    "1999-05-12",
    "P<CHN",
    "<<<",
    "-----BEGIN ",
    "AKIA",
    "0x",
    "_ZN",
    "::h0123456789abcdef",
    "/rustc/",
    "2024-05-02T12:08:16",
    "sha256",
    "王",
    "王芳",
    "张伟",
    "欧阳",
    "的",
    " iPhone",
    "用户",
    "姓名",
    "昵称",
    "手机号",
    "群聊",
    "「",
    "」",
    "《",
    "内容",
    "京A",
    "12345",
    "北京",
    "市",
    "区",
    "路",
    "9号",
    "室",
    "先生",
    "为",
    "是",
    "超时",
    "我",
    "你",
    "‹phone›",
    "‹",
    "›",
    "\u{200b}",
    "\u{feff}",
    "１３８",
    "：",
    "，",
    "。",
    "é",
    "😀",
    "\u{1a}",
    "%E9%99%88",
    "\\u9648",
    "\\xe9",
    "VALUES",
    "VALUES (",
    "Some(",
    "User {",
    "type=",
    "a",
    "b",
    "A",
    "f",
    "0",
    "1",
    "9",
    "ms",
    "bytes",
    "X",
];

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::collection::vec(prop::sample::select(PIECES), 0..40).prop_map(|parts| parts.concat()),
        1 => ".{0,200}",
        1 => "[ -~\u{4e00}-\u{4e80}]{0,120}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scrubbing_what_was_scrubbed_changes_nothing(text in texts()) {
        let once = scrub(&text).text;
        let twice = scrub(&once);
        prop_assert_eq!(&twice.text, &once);
        prop_assert!(twice.removed.is_empty());
    }

    #[test]
    fn what_is_said_to_be_removed_lies_in_the_text_in_order(text in texts()) {
        let mut end = 0;
        for one in scrub(&text).removed {
            prop_assert!(one.range.start >= end && one.range.start < one.range.end);
            prop_assert!(text.get(one.range.clone()).is_some(), "on whole characters");
            end = one.range.end;
        }
    }

    #[test]
    fn a_text_without_findings_is_the_same_text(text in texts()) {
        let scrubbed = scrub(&text);
        prop_assert_eq!(scrubbed.removed.is_empty(), scrubbed.text == text);
    }

    #[test]
    fn every_type_accepts_what_it_wrote(text in texts()) {
        macro_rules! crosses {
            ($($type:ident)*) => {$(
                let value = $type::scrub(&text);
                prop_assert!(value.as_str().len() <= $type::MAX_BYTES);
                let wire = serde_json::to_string(&value).unwrap();
                prop_assert_eq!(serde_json::from_str::<$type>(&wire).unwrap(), value);
            )*};
        }
        crosses!(CleanText ModuleName ThreadName SourcePath);
    }
}

#[test]
fn a_user_s_directory_is_found_although_an_escape_took_its_separator() {
    for (text, left) in [
        (
            r"open C:\Users\u5c0f\u718a\x failed",
            r"open C:\Users‹os-user›\x failed",
        ),
        (
            r"open C:\Users\\u5c0f\u718a\x failed",
            r"open C:\Users‹os-user›\x failed",
        ),
        (
            r"open C:\\Users\\\u5c0f\u718a\\x failed",
            r"open C:\\Users\\‹os-user›\\x failed",
        ),
    ] {
        assert_eq!(scrub(text).text, left);
    }
}
