//! What may be kept of an answer: its beginning, without what looks like a card number or a signing secret. Receivers echo what they got,
//! and error pages show more than their authors know.

use super::super::courier::ANSWER_KEPT;

/// What stands instead.
const HIDDEN: &str = "[redacted]";
/// How many digits a card number has.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// What secrets begin with.
const SECRETS: [&str; 4] = ["whsec_", "whsk_", "v1,", "v1a,"];
/// How long a secret is at least, after its beginning.
const SECRET_LENGTH: usize = 16;

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
    let mut text = text.to_owned();
    for start in SECRETS {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| rest.find(start)).map(|at| from + at + start.len()) {
            let rest = text.get(at..).unwrap_or_default();
            let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"+/=_-".contains(b)).count();
            if length >= SECRET_LENGTH {
                text.replace_range(at..at + length, HIDDEN);
            }
            from = at;
        }
    }
    text
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
    fn only_the_beginning_is_kept_and_what_is_no_text_becomes_one() {
        let (kept, more) = head(&vec![b'a'; ANSWER_KEPT + 1]);
        assert_eq!((kept.len(), more), (ANSWER_KEPT, true));
        assert_eq!(head(&[0xff, b'a']), ("\u{fffd}a".to_owned(), false));
        // A letter that is cut in two is no reason to fail.
        let (kept, more) = head("é".repeat(ANSWER_KEPT).as_bytes());
        assert!(more && kept.starts_with("éé"));
    }
}
