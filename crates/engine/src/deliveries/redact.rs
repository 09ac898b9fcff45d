//! What may be kept of an answer: its beginning, without what looks like a card number or a secret. Receivers echo what they got, and
//! error pages show more than their authors know. Rather too much is left out than too little.

use super::super::courier::ANSWER_KEPT;
use std::ops::Range;

/// What stands instead.
const HIDDEN: &str = "[redacted]";
/// How many digits a card number has.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// What secrets begin with, in lower case, and how many characters follow at the least. They count in the middle of a word, too: an escaped
/// line end may stand before them.
const SECRETS: [(&str, usize); 20] = [
    ("whsec_", 1),
    ("whsk_", 1),
    ("v1,", 16),
    ("v1a,", 16),
    ("sk_live_", 1),
    ("sk_test_", 1),
    ("rk_live_", 1),
    ("rk_test_", 1),
    ("dk_live_", 1),
    ("dk_test_", 1),
    ("ghp_", 8),
    ("gho_", 8),
    ("ghs_", 8),
    ("ghu_", 8),
    ("github_pat_", 8),
    ("xoxb-", 8),
    ("xoxp-", 8),
    ("xoxa-", 8),
    ("xoxs-", 8),
    ("xapp-", 8),
];
/// What stands before credentials, and how long those are at the least where nothing else says that they are some.
const SCHEMES: [(&str, usize); 2] = [("bearer ", 8), ("basic ", 8)];
/// How the names of secret fields end, in lower case and without what stands between words.
const NAMES: [&str; 10] =
    ["password", "passwd", "pwd", "passphrase", "secret", "token", "apikey", "secretkey", "privatekey", "authorization"];
/// How far before its value the name of a field is looked for.
const NAME_REACH: usize = 48;

/// The beginning of an answer's body, and whether there was more.
pub(super) fn head(body: &[u8]) -> (String, bool) {
    let kept = body.get(..ANSWER_KEPT).unwrap_or(body);
    (redacted(&String::from_utf8_lossy(kept)), body.len() > ANSWER_KEPT)
}

/// The text without what must not be kept.
pub(super) fn redacted(text: &str) -> String {
    without_cards(&without_secrets(text))
}

fn without_secrets(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut shown = String::with_capacity(text.len());
    let (mut at, mut told) = (0, 0);
    while at < text.len() {
        let Some(hidden) = secret_at(lower.as_bytes(), at) else {
            at += 1;
            continue;
        };
        shown.push_str(text.get(told..hidden.start).unwrap_or_default());
        shown.push_str(HIDDEN);
        (at, told) = (hidden.end, hidden.end);
    }
    shown.push_str(text.get(told..).unwrap_or_default());
    shown
}

/// What must be hidden because of what stands here. It begins after this place and ends at a whole character.
fn secret_at(text: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..)?;
    if let [b':' | b'=', ..] = rest {
        return named(text, at);
    }
    SECRETS.iter().chain(&SCHEMES).filter(|(begins, _)| rest.starts_with(begins.as_bytes())).find_map(|(begins, least)| {
        let start = at + begins.len();
        let end = until(text, start, |b| !(b.is_ascii_alphanumeric() || b"+/=_-.~".contains(&b)));
        (end - start >= *least).then_some(start..end)
    })
}

/// The value after this `:` or `=`, where the name before it is one of a secret.
fn named(text: &[u8], sign: usize) -> Option<Range<usize>> {
    let before = text.get(sign.saturating_sub(NAME_REACH)..sign)?;
    let backwards = before.iter().rev().skip_while(|b| b" \t\\\"'".contains(b));
    let mut name: Vec<u8> = backwards
        .take_while(|b| b.is_ascii_alphanumeric() || b"_-.".contains(b))
        .filter(|b| b.is_ascii_alphanumeric())
        .copied()
        .collect();
    name.reverse();
    if !NAMES.iter().any(|end| name.ends_with(end.as_bytes())) {
        return None;
    }
    let mut start = until(text, sign + 1, |b| !b" \t\\[>=".contains(&b));
    let quote = text.get(start).copied().filter(|b| b"\"'".contains(b));
    start += usize::from(quote.is_some());
    let scheme = SCHEMES.iter().find(|(scheme, _)| text.get(start..).is_some_and(|rest| rest.starts_with(scheme.as_bytes())));
    start += scheme.map_or(0, |(scheme, _)| scheme.len());
    let end = match quote {
        Some(quote) => end_of_quoted(text, start, quote),
        None if text.get(sign) == Some(&b':') => until(text, start, |b| b"\r\n,;&<}]\"".contains(&b)),
        None => until(text, start, |b| b.is_ascii_whitespace() || b",;&<}]\"".contains(&b)),
    };
    (end > start).then_some(start..end)
}

/// Where the quote closes that was opened before, or the end where it does not.
fn end_of_quoted(text: &[u8], start: usize, quote: u8) -> usize {
    let mut escaped = false;
    until(text, start, |b| {
        let closes = b == quote && !escaped;
        escaped = b == b'\\' && !escaped;
        closes
    })
}

/// The first place from here on whose byte is such, or the end.
fn until(text: &[u8], start: usize, such: impl FnMut(u8) -> bool) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    start + rest.iter().copied().position(such).unwrap_or(rest.len())
}

/// Runs of digits, with single spaces or dashes between, that are as long as card numbers and pass their check digit.
fn without_cards(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let run = run_of_digits(from);
        let (digits, after) = from.split_at(run);
        shown.push_str(before);
        shown.push_str(if is_card(digits) { HIDDEN } else { digits });
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// How many bytes of the text are digits with single separators between them.
fn run_of_digits(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(byte) = bytes.get(end) {
        let between = b" -".contains(byte) && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !byte.is_ascii_digit() && !between {
            break;
        }
        end += 1;
    }
    end
}

fn is_card(run: &str) -> bool {
    let digits: Vec<u32> = run.chars().filter_map(|c| c.to_digit(10)).collect();
    let doubled = |d: u32| if d > 4 { d * 2 - 9 } else { d * 2 };
    let sum: u32 = digits.iter().rev().enumerate().map(|(i, d)| if i % 2 == 1 { doubled(*d) } else { *d }).sum();
    CARD_DIGITS.contains(&digits.len()) && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_and_secrets_are_not_kept_and_other_text_is() {
        for (text, kept) in [
            ("card 4242424242424242 refused", "card [redacted] refused"),
            ("4242 4242 4242 4242", "[redacted]"),
            ("378282246310005, 5555-5555-5555-4444", "[redacted], [redacted]"),
            ("4242424242424243 is none", "4242424242424243 is none"),
            ("order 1001 at 2026-11-21 10:00", "order 1001 at 2026-11-21 10:00"),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw!", "whsec_[redacted]!"),
            ("sig v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,short", "sig v1,[redacted] v1,short"),
            ("café 12-", "café 12-"),
            ("", ""),
        ] {
            assert_eq!(redacted(text), kept, "{text}");
        }
    }

    #[test]
    fn keys_and_credentials_are_not_kept() {
        for (text, kept) in [
            (concat!("no such key: sk_", "live_51Habc."), "no such key: sk_live_[redacted]"),
            (concat!(r"\nrk_", "test_abc123!"), r"\nrk_test_[redacted]!"),
            (concat!("dk_", "live_0123456789"), "dk_live_[redacted]"),
            (concat!("ghp_", "0123456789abcdef, xox", "b-12345678-abc"), "ghp_[redacted], xoxb-[redacted]"),
            ("got Bearer abc.def-123~= from you", "got Bearer [redacted] from you"),
            ("BASIC dXNlcjpwYXNz\"", "BASIC [redacted]\""),
            (
                "pk_live_51Habc, task_management_service, a bearer of news",
                "pk_live_51Habc, task_management_service, a bearer of news",
            ),
        ] {
            assert_eq!(redacted(text), kept, "{text}");
        }
    }

    #[test]
    fn values_of_secret_fields_are_not_kept_and_the_others_are() {
        for (text, kept) in [
            (r#"{"password":"hunter2","user":"ada"}"#, r#"{"password":"[redacted]","user":"ada"}"#),
            (r#"{"db_Password" : "a\"b é", "n": 1}"#, r#"{"db_Password" : "[redacted]", "n": 1}"#),
            (r#"{"api-key":["x1"],"token":12,"ok":true}"#, r#"{"api-key":["[redacted]"],"token":[redacted],"ok":true}"#),
            ("user=ada&passwd=a%20b&client_secret=c&n=1", "user=ada&passwd=[redacted]&client_secret=[redacted]&n=1"),
            ("Authorization: Bearer abc\r\nHost: x", "Authorization: Bearer [redacted]\r\nHost: x"),
            ("authorization: Digest abc def\nHost: x", "authorization: [redacted]\nHost: x"),
            ("'apiKey' => 'x y', 'n' => 1", "'apiKey' => '[redacted]', 'n' => 1"),
            (r#""{\"secret\":\"abc\"}""#, r#""{\"secret\":\"[redacted]""#),
            (r#"{"password":"cut of"#, r#"{"password":"[redacted]"#),
            (r#"{"password":"","tokens":3,"secretary":"Bob"}"#, r#"{"password":"","tokens":3,"secretary":"Bob"}"#),
            ("token=", "token="),
        ] {
            assert_eq!(redacted(text), kept, "{text}");
        }
    }

    #[test]
    fn a_text_full_of_beginnings_is_walked_once() {
        for (part, kept) in [("token=", "token=[redacted]"), ("sk_live_", "sk_live_[redacted]")] {
            assert!(redacted(&part.repeat(20_000)) == kept, "{part}");
        }
        for part in ["v1,", "bearer ", "=", "é"] {
            let text = part.repeat(20_000);
            assert!(redacted(&text) == text, "{part}");
        }
    }

    #[test]
    fn only_the_beginning_is_kept_and_what_is_no_text_becomes_one() {
        let (kept, more) = head(&vec![b'a'; ANSWER_KEPT + 1]);
        assert_eq!((kept.len(), more), (ANSWER_KEPT, true));
        assert_eq!(head(&[0xff, b'a']), ("\u{fffd}a".to_owned(), false));
        // A letter that is cut in two is no reason to fail.
        let (kept, more) = head("é".repeat(ANSWER_KEPT).as_bytes());
        assert!(more && kept.starts_with("éé"));
    }
}
