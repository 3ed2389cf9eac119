//! Values that only their names make sensitive: `password: …`, `api_key=…`, `born on …`.

use super::Kind;
use super::context::is_placeholder;
use super::names::Name;
use super::scan::Scan;
use super::topics::{self, Atoms};
use crate::lexical::{at, before, is_word, part, run_end, run_start};

/// The fewest bytes of a key that end at a bar.
const SHORTEST_FIELD: usize = 8;

/// The value behind a name; answers its end.
pub(super) fn value(scan: &mut Scan<'_>, name: Name, start: usize, end: usize) -> Option<usize> {
    let text = scan.text;
    let is_word_of_its_own = matches!(name, Name::Scheme | Name::Cvv | Name::Bic | Name::Pin | Name::Spaced);
    if !scan.spend(32) || is_word_of_its_own && is_word(before(text, start)) {
        return None;
    }
    if name == Name::Seed {
        let earlier = run_start(text, start, 2, |b| matches!(b, b' ' | b'_' | b'-'));
        let word = part(text, run_start(text, earlier, 9, is_word), earlier);
        let is_one = at(text, start).eq_ignore_ascii_case(&b'p')
            && ![&b"seed"[..], b"recovery", b"secret", b"backup", b"wallet", b"mnemonic"]
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known));
        return if is_one { None } else { seed(scan, end) };
    }
    // A name may be the beginning of a longer word.
    if matches!(name, Name::Bic | Name::Pin) && is_word(before(text, end)) && is_word(at(text, end)) {
        return None;
    }
    // Assemblies of .NET are told by a key that everybody knows.
    let is_public = run_start(text, start, 9, |b| b.is_ascii_alphabetic());
    if name == Name::Secret && part(text, is_public, start).eq_ignore_ascii_case(b"publickey") {
        return None;
    }
    let from = match name {
        Name::Scheme => run_end(text, end, 2, |b| b == b' '),
        Name::Argument => run_end(text, end, 2, |b| b == b' '),
        Name::Password
        | Name::Spaced
        | Name::Secret
        | Name::Cvv
        | Name::Bic
        | Name::Seed
        | Name::Pin
        | Name::Key => value_start(text, end)?,
    };
    let opening = at(text, from);
    let (from, last) = match name {
        Name::Password | Name::Spaced => value_bounds(text, from),
        Name::Secret | Name::Scheme | Name::Key => {
            // Lines of fields have a bar between; a few keys have one behind their number.
            let (from, last) = value_bounds(text, from);
            let bar = memchr::memchr(b'|', part(text, from, last)).filter(|bar| *bar >= SHORTEST_FIELD);
            (from, bar.map_or(last, |bar| from + bar))
        }
        Name::Argument => {
            let (from, last) = value_bounds(text, from);
            // `-u user:password`
            let colon = memchr::memchr(b':', part(text, from, last));
            let is_user = at(text, start + 1) != b's';
            (if is_user { from + colon? + 1 } else { from }, last)
        }
        Name::Cvv | Name::Bic | Name::Seed | Name::Pin => {
            let from = run_end(text, from, 2, |b| matches!(b, b'"' | b'\'' | b'`' | b'*'));
            (from, run_end(text, from, 16, is_word))
        }
    };
    let value = part(text, from, last);
    // SECURITY: a name within a long value would have the same bytes looked at again.
    if value.len() > 64 && !scan.spend(value.len()) {
        return None;
    }
    // The key in armour is hidden whole, from its first line to its last.
    if value.starts_with(b"-----BEGIN") || value.starts_with(b"---- BEGIN") {
        return None;
    }
    let is_said = before(text, from) == b' '
        && !matches!(before(text, run_start(text, from, 3, |b| b == b' ')), b':' | b'=' | b'>')
        || matches!(before(text, from), b'\n' | b'\t');
    // SQL has its passwords in quotes.
    let is_quoted = matches!(opening, b'"' | b'\'') && part(text, start, end).ends_with(b"by");
    let is_value = match name {
        Name::Password | Name::Spaced => {
            // `one-time password 089737`
            let is_once = || {
                (4..=8).contains(&value.len())
                    && value.iter().all(u8::is_ascii_digit)
                    && part(text, start.saturating_sub(5), start).trim_ascii().eq_ignore_ascii_case(b"time")
            };
            is_password(value, is_said && !is_quoted) || is_once()
        }
        Name::Argument => value.len() >= 3 && !value.iter().all(u8::is_ascii_lowercase),
        Name::Pin => (4..=8).contains(&value.len()) && value.iter().all(u8::is_ascii_digit),
        Name::Key => is_long_key(text, start, value),
        Name::Secret => is_key(value),
        Name::Bic => super::context::is_bic(value),
        Name::Seed => false,
        Name::Cvv => (3..=4).contains(&value.len()) && value.iter().all(u8::is_ascii_digit),
        Name::Scheme => {
            value.len() >= 12 && value.iter().any(u8::is_ascii_digit) && is_key(value)
                || value.ends_with(b"==") && value.len() >= 8
        }
    };
    let is_open = !matches!(before(text, from), b'"' | b'\'' | b'`');
    if !is_value
        || std::str::from_utf8(value).is_ok_and(is_placeholder)
        || is_open && is_code(value, at(text, last))
    {
        return None;
    }
    let kind = match name {
        Name::Password | Name::Spaced | Name::Argument | Name::Pin => Kind::Password,
        Name::Secret | Name::Scheme | Name::Key | Name::Seed => Kind::Secret,
        Name::Cvv => Kind::Card,
        Name::Bic => Kind::BankAccount,
    };
    scan.found(from, last, kind);
    Some(last)
}

/// The words from which a key is made, behind their name; answers their end.
fn seed(scan: &mut Scan<'_>, end: usize) -> Option<usize> {
    const MOST: usize = 24;
    const FEWEST: usize = 12;
    let text = scan.text;
    let is_mark = |b: u8| matches!(b, b':' | b'=' | b'-' | b'"' | b'\'' | b' ' | b'\n' | b'\t' | b'>');
    let mut said = run_end(text, end, 6, is_mark);
    if part(text, said, said + 3) == b"is " {
        said = run_end(text, said + 3, 3, is_mark);
    }
    let (mut count, mut next, mut last) = (0, said, said);
    while count < MOST && scan.spend(9) {
        let word_end = run_end(text, next, 9, |b| b.is_ascii_lowercase());
        if !(3..=8).contains(&(word_end - next)) || is_word(at(text, word_end)) {
            break;
        }
        (count, last) = (count + 1, word_end);
        next = run_end(text, word_end, 2, |b| matches!(b, b' ' | b',' | b'\n' | b'-'));
        if next == word_end {
            break;
        }
    }
    if count < FEWEST {
        return None;
    }
    scan.found(said, last, Kind::Secret);
    Some(last)
}

/// Where a value starts behind its name: after a sign, or after `is`.
fn value_start(text: &[u8], end: usize) -> Option<usize> {
    // The sign may belong to the literal itself.
    if matches!(before(text, end), b'=' | b':') {
        return Some(mark_end(text, run_end(text, end, 2, |b| b == b' ')));
    }
    // The rest of the name: `password_hash`, `tokens`, `secret_access_key`.
    let rest = run_end(text, end, 24, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let tail = part(text, end, rest);
    const ABOUT: [&[u8]; 8] = [b"hash", b"type", b"count", b"_id", b"policy", b"length", b"expire", b"reset"];
    if ABOUT.iter().any(|about| {
        tail.len() >= about.len() && tail.windows(about.len()).any(|w| w.eq_ignore_ascii_case(about))
    }) {
        return None;
    }
    let quote = run_end(text, rest, 2, |b| matches!(b, b'"' | b'\'' | b'\\' | b']' | b'*' | b'`'));
    let gap = bracket_end(text, run_end(text, quote, 3, |b| matches!(b, b' ' | b'\t')));
    if let Some(sign) = sign_end(text, gap) {
        return Some(sign);
    }
    // `| password | … |`, `key="Password" value="…"`
    if at(text, gap) == b'|' {
        return Some(run_end(text, gap + 1, 3, |b| b == b' '));
    }
    if part(text, gap, gap + 6).eq_ignore_ascii_case(b"value=") {
        return Some(gap + 6);
    }
    // `password - …`, and the value in a line of its own.
    if gap > quote && part(text, gap, gap + 2) == b"- " {
        return Some(gap + 2);
    }
    let line = run_end(text, gap, 2, |b| matches!(b, b'\r' | b'\n'));
    if line > gap {
        return Some(line);
    }
    // `the password is …`, `password changed to: …`
    const VERBS: [&[u8]; 17] = [
        b"is", b"was", b"has", b"been", b"now", b"to", b"as", b"changed", b"set", b"reset", b"lautet",
        b"ist", b"es", b"son", b"est", b"e", b"jest",
    ];
    let mut said = gap;
    for _ in 0..4 {
        let end = run_end(text, said, 9, |b| b.is_ascii_alphabetic());
        let is_verb = VERBS.iter().any(|verb| part(text, said, end).eq_ignore_ascii_case(verb));
        if is_verb && matches!(at(text, end), b':' | b'=') {
            return sign_end(text, end);
        }
        if !is_verb || at(text, end) != b' ' {
            break;
        }
        said = run_end(text, end, 3, |b| matches!(b, b' ' | b':'));
    }
    (gap > quote).then_some(said)
}

/// Behind a sign between a name and its value, blanks, the end of a form's line; none where there is no sign.
fn sign_end(text: &[u8], from: usize) -> Option<usize> {
    let sign = match part(text, from, from + 2) {
        b"->" => from + 2,
        _ => run_end(text, from, 2, |b| matches!(b, b':' | b'=' | b'>')),
    };
    if sign == from {
        return None;
    }
    let next = mark_end(text, run_end(text, sign, 3, |b| matches!(b, b' ' | b'\t')));
    // A form has the value in its next line.
    let line = run_end(text, next, 2, |b| matches!(b, b'\r' | b'\n'));
    Some(if line > next { run_end(text, line, 3, |b| b == b' ') } else { next })
}

/// Behind the marks of bold text, `**password:** …`.
fn mark_end(text: &[u8], from: usize) -> usize {
    let end = run_end(text, from, 2, |b| b == b'*');
    if end == from + 2 { run_end(text, end, 2, |b| b == b' ') } else { from }
}

/// Behind a word or two in brackets, `password (temp): …`.
fn bracket_end(text: &[u8], from: usize) -> usize {
    const LONGEST: usize = 20;
    if at(text, from) != b'(' {
        return from;
    }
    let close = run_end(text, from + 1, LONGEST, |b| b.is_ascii_alphabetic() || b == b' ');
    if at(text, close) == b')' { run_end(text, close + 1, 2, |b| b == b' ') } else { from }
}

/// The bounds of a value: between its quotes, or up to a blank.
fn value_bounds(text: &[u8], from: usize) -> (usize, usize) {
    const LONGEST: usize = 512;
    let escaped = usize::from(at(text, from) == b'\\');
    let open = at(text, from + escaped);
    if matches!(open, b'"' | b'\'' | b'`') {
        let start = from + escaped + 1;
        let end = run_end(text, start, usize::MAX, |b| b != open && b != b'\n');
        let end = if escaped == 1 && before(text, end) == b'\\' { end - 1 } else { end };
        return (start, end);
    }
    if open == b'<' {
        // A placeholder may have blanks in it.
        let close = run_end(text, from, 40, |b| b != b'>' && b != b'\n');
        if at(text, close) == b'>' {
            return (from, close + 1);
        }
    }
    let is_value = |b: u8| b > b' ' && !matches!(b, b'"' | b'`');
    let mut end = run_end(text, from, LONGEST, is_value);
    // In connection strings and queries another pair follows.
    for mark in [b';', b'&'] {
        if let Some(cut) = memchr::memchr(mark, part(text, from, end)) {
            let name = run_end(text, from + cut + 1, 40, |b| {
                b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b' ')
            });
            if cut > 0 && (at(text, name) == b'=' || from + cut + 1 == end) {
                end = from + cut;
            }
        }
    }
    if end == from + LONGEST {
        // Nothing of a longer one stays.
        end = run_end(text, end, usize::MAX, |b| is_value(b) && !matches!(b, b'&' | b';'));
    }
    let trailing = part(text, from, end)
        .iter()
        .rev()
        .take_while(|b| matches!(b, b'.' | b',' | b';' | b':' | b'\''))
        .count();
    (from, end - trailing)
}

/// What a program has there instead of a value: a call, a variable of its surroundings. `next` follows it.
fn is_code(value: &[u8], next: u8) -> bool {
    const SURROUNDINGS: [&[u8]; 9] = [
        b"process.env",
        b"os.environ",
        b"os.getenv",
        b"system.getenv",
        b"import.meta.env",
        b"env.",
        b"secrets.",
        b"$(",
        b"${",
    ];
    let is_surrounding =
        |known: &[u8]| part(value, 0, known.len()).eq_ignore_ascii_case(known) && value.len() > known.len();
    if SURROUNDINGS.iter().any(|known| is_surrounding(known)) || value == b"${{" || value == b"$(" {
        return true;
    }
    let is_variable = |b: &u8| b.is_ascii_uppercase() || *b == b'_';
    if let [b'$', name @ ..] = value {
        return name.len() >= 3 && name.iter().all(is_variable);
    }
    // `getpass()`, `jwt.encode(payload,`
    let is_name = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'.');
    let name = run_end(value, 0, 40, is_name);
    let inner = value.get(name + 1..).unwrap_or_default();
    name >= 3
        && at(value, name) == b'('
        && (next == b',' || matches!(value.last(), Some(b')' | b'(' | b'"' | b'\'')))
        && inner.iter().all(|b| !b.is_ascii_digit())
}

fn is_password(value: &[u8], is_said: bool) -> bool {
    let has_mark = value.iter().any(|b| !b.is_ascii_lowercase());
    let is_capitalised = value.iter().skip(1).all(u8::is_ascii_lowercase);
    // Prose says much about passwords that is none: without a sign between, only what no word looks like counts.
    let is_likely = if is_said {
        let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
        let is_mixed = digits >= 3 && value.len() >= 8 && value.iter().all(u8::is_ascii_alphanumeric);
        classes(value) >= 3 && value.len() >= 6 || is_mixed && classes(value) == 2
    } else {
        value.len() >= 4 || has_mark && !is_capitalised
    };
    value.len() >= 3 && is_likely
}

/// How many of small letters, capitals, digits and signs there are.
fn classes(value: &[u8]) -> usize {
    let has = |test: fn(&u8) -> bool| usize::from(value.iter().any(test));
    has(u8::is_ascii_lowercase)
        + has(u8::is_ascii_uppercase)
        + has(u8::is_ascii_digit)
        + has(|b| !b.is_ascii_alphanumeric())
}

/// Long enough, and mixed as no word is.
fn is_key(value: &[u8]) -> bool {
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    let upper = value.iter().filter(|b| b.is_ascii_uppercase()).count();
    let lower = value.iter().filter(|b| b.is_ascii_lowercase()).count();
    let others = value.len() - digits - upper - lower;
    let is_mixed = digits > 0 && (upper > 0 || lower > 0)
        || upper > 1 && lower > 1 && value.len() >= 16
        || others > 0 && value.len() >= 12;
    value.len() >= 8 && is_mixed && others * 2 <= value.len()
}

/// Whether a value behind `…_key` is one that opens something: the name may say that it is a key of rows or pages.
fn is_long_key(text: &[u8], start: usize, value: &[u8]) -> bool {
    const SHORTEST: usize = 20;
    let from = run_start(text, start, 40, |b| b.is_ascii_alphanumeric() || b == b'_');
    let hints = std::str::from_utf8(part(text, from, start)).map_or(Atoms::NONE, topics::of_name);
    let is_harmless = hints.has(
        Atoms::HARMLESS
            .or(Atoms::DIGEST)
            .or(Atoms::ABOUT)
            .or(Atoms::OTHER_NUMBER)
            .or(Atoms::THING)
            .or(Atoms::ID),
    );
    let is_plain = value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'_'));
    value.len() >= SHORTEST && is_plain && !is_harmless && is_key(value)
}

/// Passwords behind words of other scripts: `пароль: …`. Such words stand in folded texts only.
pub(super) fn in_other_scripts(scan: &mut Scan<'_>) {
    const LONGEST: usize = 40;
    let text = scan.text;
    let mut from = 0;
    while let Some(found) = memchr::memchr2(b':', b'=', text.get(from..).unwrap_or_default()) {
        let sign = from + found;
        from = sign + 1;
        let end = run_start(text, sign, 2, |b| matches!(b, b' ' | b'-'));
        let start = run_start(text, end, LONGEST, |b| is_word(b) || b == b'-');
        let word = part(text, start, end);
        if word.is_ascii() || !scan.spend(2 * LONGEST) || !topics::of_glued_word(word).has(Atoms::PASSWORD) {
            continue;
        }
        let (start, last) = value_bounds(text, run_end(text, sign + 1, 3, |b| b == b' '));
        let value = part(text, start, last);
        if is_password(value, false) && !std::str::from_utf8(value).is_ok_and(is_placeholder) {
            scan.found(start, last, Kind::Password);
            from = last.max(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, stays};

    #[test]
    fn a_value_is_found_behind_any_sign_that_people_put_there() {
        for name in ["pass = ", "DB_PASS = ", "clave = ", "pw : "] {
            check(&format!("{name}hunter22"), &format!("{name}[PASSWORD]"));
        }
        for name in
            ["password - ", "**password:** ", "password\n", "password (temp): ", "password reset to: "]
        {
            check(&format!("{name}Xk78!4917"), &format!("{name}[PASSWORD]"));
        }
        let key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        for name in ["secret key: ", "aws secret key = ", "secret_key - ", "secret-key: "] {
            check(&format!("{name}{key}"), &format!("{name}[SECRET]"));
        }
        for name in ["cvv \"", "security code: ", "CVV code ", "CVV - "] {
            check(&format!("{name}061 x"), &format!("{name}[CARD] x"));
        }
        check("mot_de_passe=hunter22", "mot_de_passe=[PASSWORD]");
        check("pin = 3314", "pin = [PASSWORD]");
        stays("compass = north and bypass : allowed, spin = 3314");
        stays("password - forgotten, see below");
        stays("select id, password, address_line_1 from people");
        stays("password\ncreated_at\nupdated");
        stays("security code: none");
        let words = "abstract zero acid above abuse actor adult agent album alley amount angle";
        for name in ["seed phrase: ", "recovery phrase is ", "my mnemonic \"", "Wallet phrase:\n"] {
            check(&format!("{name}{words}"), &format!("{name}[SECRET]"));
        }
        stays("the phrase: this is only what somebody wrote to us about the new album, it is long");
        for code in ["BIC DEUTDEFF", "BIC NWRTFR9I", "bic: DEUTDEFF500", "SWIFT NWRTFR9I"] {
            let (name, _) = code.split_at(code.find('D').or(code.find('N')).unwrap_or(0));
            check(code, &format!("{name}[BANK_ACCOUNT]"));
        }
        stays("aerobic EXERCISE, BICYCLES EVERYONE");
        check("Authorization: Bearer 8f14e45fceea167a|retry", "Authorization: Bearer [SECRET]|retry");
        check("token: 12|Xk78aQ4917bZqLm3", "token: [SECRET]");
    }

    #[test]
    fn a_private_key_in_quotes_is_hidden_whole() {
        let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END PRIVATE KEY-----";
        for name in ["PRIVATE_KEY=\"", "private_key: '", "token=\"", "password: \""] {
            check(&format!("{name}{key}\""), &format!("{name}[PRIVATE_KEY]\""));
        }
    }

    #[test]
    fn what_a_program_has_for_a_value_stays() {
        for code in [
            "password = getpass()",
            "const apiKey = process.env.KEY;",
            "token = jwt.encode(payload, key)",
            "export PASSWORD=$(cat /run/secrets/pw)",
            "password: ${{ secrets.DB_PASSWORD }}",
            "auth_token=os.environ[\"TOKEN\"]",
            "curl -H \"Authorization: Bearer $TOKEN\"",
            "PGPASSWORD=$DB_PASSWORD psql",
        ] {
            stays(code);
        }
        check("password = \"getpass()\"", "password = \"[PASSWORD]\"");
        check("password = hunter(22)", "password = [PASSWORD]");
    }
}
