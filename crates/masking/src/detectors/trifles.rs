//! Short texts that hold nothing, told at a glance.

use super::context::{Context, Shape};
use crate::lexical::{at, run_end};

/// Whether a look at a short text is enough to tell that nothing can be found in it.
///
/// INVARIANT: never true where the scanners would find anything; a property test holds it to that.
pub(super) fn is_nothing(text: &[u8], context: Context) -> bool {
    context.shape == Shape::Number && is_measure(text)
        || context.topic().is_none()
            && (is_tiny(text) || is_small_number(text) || is_day(text) || is_short_phrase(text))
}

/// Six bytes have no room for more than an address of a machine or of mail, or a name with its value.
fn is_tiny(text: &[u8]) -> bool {
    text.len() <= 6 && text.iter().all(|b| b.is_ascii() && !matches!(b, b'@' | b':' | b'='))
}

/// A few letters: too short for a key, for an address that is written out, and for what stands behind a name.
fn is_short_phrase(text: &[u8]) -> bool {
    text.len() <= 11
        && (text.iter().all(|b| b.is_ascii_alphabetic() || *b == b' ')
            || text.iter().all(|b| b.is_ascii_lowercase() || matches!(b, b' ' | b'_' | b'-')))
}

/// Fewer digits than any number that tells itself, and no fraction long enough for an encoding.
fn is_small_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let whole = run_end(digits, 0, 11, |b| b.is_ascii_digit());
    let end = if at(digits, whole) == b'.' {
        run_end(digits, whole + 1, 11, |b| b.is_ascii_digit())
    } else {
        whole
    };
    (1..=10).contains(&whole) && end == digits.len()
}

/// `2026-11-26`
pub(super) fn is_day(text: &[u8]) -> bool {
    let is_like = |(byte, like): (&u8, &u8)| if *like == b'0' { byte.is_ascii_digit() } else { byte == like };
    text.len() == 10 && text.iter().zip(b"0000-00-00").all(is_like)
}

/// Whether that is a number of few digits, or one with a fraction: nothing is hidden in it.
fn is_measure(text: &[u8]) -> bool {
    if text.len() < 7 {
        return text.iter().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E'));
    }
    has_fraction(text)
}

/// Whether that is a number with a fraction that is not zero.
pub(super) fn has_fraction(text: &[u8]) -> bool {
    let point = text.iter().position(|&b| b == b'.').unwrap_or(text.len());
    let (whole, fraction) = text.split_at(point);
    let is_number = |digits: &[u8]| digits.iter().all(u8::is_ascii_digit);
    let has_fraction = fraction.iter().any(|b| matches!(b, b'1'..=b'9'));
    has_fraction
        && is_number(fraction.get(1..).unwrap_or_default())
        && is_number(whole.strip_prefix(b"-").unwrap_or(whole))
}

#[cfg(test)]
mod tests {
    use domain::SqlType;
    use proptest::prelude::*;

    use super::super::gate::Gate;
    use super::super::literals::Level;
    use super::super::lookup::Literals;
    use super::super::scan::{find, look};
    use super::super::settings::DetectorSet;
    use super::super::{Finder, cards};
    use super::*;

    /// Texts about as long as what is told without a look, longer ones of pieces that mean something, and what is found.
    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "ana",
                "@",
                "at",
                "dot",
                " dot ",
                "(at)",
                "arroba",
                "password",
                "pwd ",
                "token",
                "is ",
                "cvv ",
                "swift ",
                "bic ",
                "DEUTDEFF",
                "Hunter!",
                "born ",
                "May ",
                "1963",
                "ssn ",
                "tel ",
                "+49 30 ",
                "536-22-",
                "1234",
                "64::1",
                "fe80::",
                ".",
                ": ",
                "=",
                "AKIA",
                "eyJ",
                "ghp_",
                "%40",
                "\\u0040",
                "---- BEGIN ",
                "PRIVATE KEY",
                "://",
                "\u{200b}",
                "\u{e9}",
                "\"",
                "'",
                "<",
                ">",
                "vin ",
            ])
            .prop_map(str::to_owned),
            "[ -~]{0,4}",
            "[0-9]{1,9}",
            "[A-Za-z0-9]{1,36}",
            "[a-z]{1,9} ",
        ];
        let short = prop_oneof![
            "[ -~]{0,7}",
            "[A-Za-z ]{0,13}",
            "[a-z _-]{0,13}",
            "[0-9A-Za-z@:=.%_-]{0,8}",
            "[+-]?[0-9]{0,13}[.]?[0-9]{0,13}",
            "[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}[A-Z-]{0,2}",
            "(pw|pwd|pass|cvv)[:= ][ -~]{1,6}",
            "[ab]{1,2}[ _-](at|arroba|malpa)[ _-][ab]{1,2}[ ._-](dot|punkt|)[ ._-]?[ab]{2}",
            "[a-c]{0,4}[@:.][a-c0-9:]{1,4}[.:][a-c0-9]{1,3}",
        ];
        let wrapped = ("[ -~]{0,3}", prop::sample::select(FOUND.to_vec()), "[ -~]{0,3}", 0..40_usize);
        prop_oneof![
            short,
            prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat()),
            wrapped.prop_map(|(before, found, behind, cut)| {
                let kept =
                    if cut < 8 { found.get(..found.len() - cut.min(found.len())) } else { Some(found) };
                format!("{before}{}{behind}", kept.unwrap_or(found))
            }),
            prop::sample::select(FOUND.to_vec()).prop_map(str::to_owned),
        ]
    }

    /// What the scanners find. None of it is anybody's.
    const FOUND: &[&str] = &[
        "4111111111111111",
        "4111111111111111.00",
        "15108695088",
        "1630615123457",
        "8001015009087",
        "536-22-1234",
        "0049 30 1234567",
        "12.531.909-2",
        "AKIAABCDEFGHIJKLMNOP",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "xoxb-a1b2c3d4e5",
        "key-abcdefabcdefabcdefabcdefabcdefab",
        "hooks.slack.com/a.b.c.d.e.f.g.h.i.1.k",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0",
        "abc8Q~a.b~c.d~e.f~g.h~i.j~k.l~m.n~o.p~q",
        "12345678:AAabcdefghijklmnopqrstuvwxyzabcdefg",
        "-----BEGIN PRIVATE KEY-----",
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
        "postgres://app:secret@db",
        "app:secret@tcp(db)",
        "password is Hunter!x",
        "password \"with blanks\"",
        "token abc-def-ghijk",
        "bearer abcdefg1hijklm",
        "swift DEUTDEFF",
        "born May 163",
        "ana arroba example punkt de",
        "a(at)b.de",
        "64::1",
        "a@b.co",
        "pw=aB1",
    ];

    fn contexts() -> Vec<Context> {
        let text = SqlType::Text { length: 100 };
        let number = SqlType::Fixed { precision: 38, scale: 2 };
        let moment = SqlType::TimestampNtz { scale: 9 };
        let mut contexts: Vec<_> =
            ["", "NOTE", "PHONE", "VIN", "CARD_NUMBER", "PASSPORT", "BUILD", "API_KEY"]
                .iter()
                .flat_map(|name| [&text, &number, &moment].map(|kind| Context::of_column(name, kind, true)))
                .collect();
        contexts.extend([Context::of_text(""), Context::of_column("ssn", &text, false).plain()]);
        contexts
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

        /// The shortcuts against the scanners, each of which looks at everything.
        #[test]
        fn what_is_passed_over_has_nothing_in_it(text in texts()) {
            let (literals, set) = (Literals::shared(), DetectorSet::all());
            for context in contexts() {
                let (mut short, mut whole) = (Finder::default(), Finder::default());
                find(&literals, &set, &text, context, &mut short);
                let mut gate = Gate::of(text.as_bytes());
                gate.level = Level::Keys;
                let is_said = context.kind_by_name(&text).is_some();
                let is_measured = context.shape == Shape::Number && is_measure(text.as_bytes())
                    || cards::written_out(text.as_bytes()).is_some();
                if !is_said && !is_measured && gate.can_find(context) {
                    look(&literals, &set, &text, context, &mut whole, &gate);
                    prop_assert_eq!(&short.findings, &whole.findings, "{:?}", context);
                }
            }
        }
    }
}
