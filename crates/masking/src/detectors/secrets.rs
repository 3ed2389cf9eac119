//! Keys and tokens that say what they are: by prefix, by armour, by the URL that they stand in.

use super::literals::{Level, Rule, Tail};
use super::scan::Scan;
use super::{Kind, births, passwords};
use crate::lexical::{at, before, is_word, part, run_end, run_start};

impl Scan<'_> {
    /// Every literal in the text, and what it starts.
    pub(super) fn literals(&mut self, level: Level) {
        let literals = self.literals;
        let text = self.text;
        let mut done = 0;
        let mut from = 0;
        while let Some((start, word, rule)) = literals.next(text, from, level) {
            if self.fuel == 0 {
                return;
            }
            from = start + 1;
            let behind = start + word.len();
            // A name within what was found still speaks for what is behind it.
            if start < done && !matches!(rule, Rule::Name(_) | Rule::Address) {
                continue;
            }
            let end = match rule {
                Rule::Key(kind, tail, least) => self.key(word, start, behind, kind, tail, least),
                Rule::Exact(kind, tail, length) => self.exact(word, start, behind, kind, tail, length),
                Rule::Within(least_before, least_behind) => {
                    self.within(word, start, behind, least_before, least_behind)
                }
                Rule::Jwt => self.jwt(start),
                Rule::Dsn => self.dsn(start, behind),
                Rule::Azure => self.azure(start, behind),
                Rule::Telegram => self.telegram(start, behind),
                Rule::Armour => self.armour(start),
                Rule::Url => self.url(start, behind),
                Rule::PasswordFile => self.password_file(start, behind),
                Rule::Wifi => self.wifi(start, behind),
                Rule::Name(name) => passwords::value(self, name, start, behind),
                Rule::Birth => births::birth(self, start, behind),
                Rule::Address => {
                    self.has_address_words = true;
                    continue;
                }
            };
            done = end.unwrap_or(done).max(done);
        }
    }

    fn key(
        &mut self,
        word: &str,
        start: usize,
        end: usize,
        kind: Kind,
        tail: Tail,
        least: usize,
    ) -> Option<usize> {
        let text = self.text;
        // A host's name may stand before.
        let is_apart = word.contains(".com/") || !before(text, start).is_ascii_alphanumeric();
        if part(text, start, end) != word.as_bytes() || !is_apart {
            return None;
        }
        let last = run_end(text, end, usize::MAX, |b| tail.holds(b));
        // Words joined by dashes have prefixes like these; keys have digits or capitals.
        let is_random = part(text, end, last).iter().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        if last - end < least || !is_random {
            // SECURITY: the next prefix in the same run would be looked at over the same bytes.
            self.spend(last - end);
            return None;
        }
        let from = if word.contains(".com/") {
            run_start(text, start, 80, |b| {
                b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'/')
            })
        } else if word == "atlasv1." && before(text, start) == b'.' {
            // The token's own name stands before.
            run_start(text, start - 1, 14, |b| b.is_ascii_alphanumeric())
        } else {
            start
        };
        self.found(from, last, kind);
        Some(last)
    }

    fn exact(
        &mut self,
        word: &str,
        start: usize,
        end: usize,
        kind: Kind,
        tail: Tail,
        length: usize,
    ) -> Option<usize> {
        let text = self.text;
        if part(text, start, end) != word.as_bytes() || is_word(before(text, start)) {
            return None;
        }
        let last = run_end(text, end, length, |b| tail.holds(b));
        if last - end != length || is_word(at(text, last)) {
            return None;
        }
        self.found(start, last, kind);
        Some(last)
    }

    fn within(
        &mut self,
        word: &str,
        start: usize,
        end: usize,
        least_before: usize,
        least_behind: usize,
    ) -> Option<usize> {
        const LONGEST: usize = 96;
        let text = self.text;
        if part(text, start, end) != word.as_bytes() || !self.spend(2 * LONGEST) {
            return None;
        }
        let from = run_start(text, start, LONGEST, |b| b.is_ascii_alphanumeric());
        let last = run_end(text, end, LONGEST, |b| b.is_ascii_alphanumeric());
        let has_digit = part(text, from, start).iter().any(u8::is_ascii_digit);
        if start - from < least_before || last - end < least_behind || last - from >= LONGEST || !has_digit {
            return None;
        }
        self.found(from, last, Kind::Secret);
        Some(last)
    }

    fn dsn(&mut self, start: usize, end: usize) -> Option<usize> {
        let text = self.text;
        let from = run_start(text, start, 128, |b| b > b' ' && !matches!(b, b'"' | b'\'' | b'='));
        let last = run_end(text, end, 256, |b| b > b' ' && !matches!(b, b'"' | b'\''));
        memchr::memchr(b':', part(text, from, start))?;
        self.found(from, last, Kind::ConnectionString);
        Some(last)
    }

    fn azure(&mut self, start: usize, end: usize) -> Option<usize> {
        let text = self.text;
        let from = run_start(text, start, 3, |b| Tail::Url.holds(b));
        let last = run_end(text, end, 64, |b| Tail::Url.holds(b) || matches!(b, b'~' | b'.'));
        if start - from != 3 || last - end < 31 {
            return None;
        }
        self.found(from, last, Kind::Secret);
        Some(last)
    }

    fn telegram(&mut self, start: usize, end: usize) -> Option<usize> {
        let text = self.text;
        let from = run_start(text, start, 12, |b| b.is_ascii_digit());
        let last = run_end(text, end, 40, |b| Tail::Url.holds(b));
        if !(8..=10).contains(&(start - from)) || !(32..=34).contains(&(last - end)) {
            return None;
        }
        self.found(from, last, Kind::Secret);
        Some(last)
    }

    /// Three (signed) or five (encrypted) parts of base64url.
    fn jwt(&mut self, start: usize) -> Option<usize> {
        let text = self.text;
        if part(text, start, start + 3) != b"eyJ" || before(text, start).is_ascii_alphanumeric() {
            return None;
        }
        let mut end = start;
        let mut parts = 0;
        loop {
            let part_end = run_end(text, end, usize::MAX, |b| Tail::Url.holds(b) || b == b'=');
            if part_end == end {
                break;
            }
            parts += 1;
            end = part_end;
            if parts == 5 || at(text, end) != b'.' || !Tail::Url.holds(at(text, end + 1)) {
                break;
            }
            end += 1;
        }
        // A header alone, cut off somewhere, is still a token's.
        let is_token = parts >= 2 && end - start >= 24
            || parts == 1
                && end - start >= 20
                && at(text, start + 3).is_ascii_alphabetic()
                && is_header(text, start, end);
        if !is_token {
            self.spend(end - start);
            return None;
        }
        self.found(start, end, Kind::Jwt);
        Some(end)
    }

    /// From the opening line to the closing one, or to the end of the text.
    fn armour(&mut self, start: usize) -> Option<usize> {
        let text = self.text;
        let head = part(text, start, (start + 80).min(text.len()));
        let is_private =
            memchr::memmem::find(head, b"PRIVATE KEY").is_some() || head.starts_with(b"PuTTY-User-Key-File");
        if !is_private {
            return None;
        }
        let body = text.get(start + 10..).unwrap_or_default();
        let close = [&b"-----END"[..], b"---- END", b"Private-MAC:"]
            .iter()
            .filter_map(|mark| memchr::memmem::find(body, mark))
            .min();
        let end = match close {
            Some(close) => {
                let mark = start + 10 + close + 8;
                // The closing line ends with dashes; what follows is other text.
                let line = run_end(text, mark, 80, |b| b != b'\n' && b != b'-' && b != b'\\');
                run_end(text, line, 5, |b| b == b'-')
            }
            None => text.len(),
        };
        self.found(start, end, Kind::PrivateKey);
        Some(end)
    }

    /// A line of PostgreSQL's password file, from its port on.
    fn password_file(&mut self, start: usize, end: usize) -> Option<usize> {
        const LONGEST: usize = 64;
        let text = self.text;
        let is_field = |b: u8| b > b' ' && !matches!(b, b':' | b'"' | b'\'');
        let database = run_end(text, end, LONGEST, is_field);
        let user = run_end(text, database + 1, LONGEST, is_field);
        let last = run_end(text, user + 1, LONGEST, |b| b > b' ' && b != b'"');
        let is_line = is_field(before(text, start))
            && database > end
            && at(text, database) == b':'
            && user > database + 1
            && at(text, user) == b':'
            && last > user + 1;
        if !is_line || !self.spend(3 * LONGEST) {
            return None;
        }
        self.found(user + 1, last, Kind::Password);
        Some(last)
    }

    /// What a code for a network's password holds.
    fn wifi(&mut self, start: usize, end: usize) -> Option<usize> {
        const LONGEST: usize = 160;
        let text = self.text;
        let body = part(text, end, text.len().min(end + LONGEST));
        let from =
            if body.starts_with(b"P:") { end + 2 } else { end + memchr::memmem::find(body, b";P:")? + 3 };
        if part(text, start, end) != b"WIFI:" || !self.spend(LONGEST) {
            return None;
        }
        let mut last = from;
        while !matches!(at(text, last), b';' | 0) && last < from + LONGEST {
            last += 1 + usize::from(at(text, last) == b'\\');
        }
        let last = last.min(text.len());
        (last > from).then(|| self.found(from, last, Kind::Password)).map(|()| last)
    }

    /// A URL with a user and a password, or with a secret for a user.
    fn url(&mut self, start: usize, end: usize) -> Option<usize> {
        const LONGEST: usize = 2048;
        let text = self.text;
        let scheme =
            run_start(text, start, 24, |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        if scheme == start {
            return None;
        }
        let last = run_end(text, end, LONGEST, |b| b > b' ' && !matches!(b, b'"' | b'<' | b'>' | b'`'));
        // SECURITY: the next one within would have the same bytes looked at again.
        if !self.spend(last - end) {
            return None;
        }
        let rest = part(text, end, last);
        let authority_end = run_end(rest, 0, LONGEST, |b| !matches!(b, b'/' | b'?' | b'#'));
        let authority = part(rest, 0, authority_end);
        let colon = memchr::memchr(b':', authority);
        let sign = memchr::memrchr(b'@', authority).or_else(|| {
            // A password may hold a slash; a port may not hold anything but digits.
            let port = colon.map(|colon| part(authority, colon + 1, authority_end))?;
            let is_port = port.iter().all(u8::is_ascii_digit);
            if is_port { None } else { memchr::memrchr(b'@', rest) }
        })?;
        let user = part(rest, 0, sign);
        let password = memchr::memchr(b':', user).map(|colon| part(user, colon + 1, sign));
        let is_secret = match password {
            Some(password) => !password.is_empty(),
            None => user.len() >= 16 && user.iter().any(u8::is_ascii_digit),
        };
        if !is_secret {
            return None;
        }
        let trimmed = last
            - part(text, end, last)
                .iter()
                .rev()
                .take_while(|b| matches!(b, b'.' | b',' | b';' | b')' | b'\''))
                .count();
        self.found(scheme, trimmed, Kind::ConnectionString);
        Some(trimmed)
    }
}

/// Where a key starts whose last part that word is: `pat….` and 64 hexadecimal digits (Airtable), `1/…:` and 32 (Asana).
pub(super) fn keyed_before(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let is_hex = || part(text, start, end).iter().all(u8::is_ascii_hexdigit);
    match (before(text, start), end - start) {
        (b'.', 64) => {
            let from = run_start(text, start - 1, 18, |b| b.is_ascii_alphanumeric());
            (start - 1 - from == 17 && part(text, from, from + 3) == b"pat" && is_hex()).then_some(from)
        }
        (b':', 32) => {
            let number = run_start(text, start - 1, 20, |b| b.is_ascii_digit());
            let from = number.checked_sub(2)?;
            let is_key = (10..20).contains(&(start - 1 - number))
                && at(text, from).is_ascii_digit()
                && at(text, from + 1) == b'/'
                && !is_word(before(text, from));
            (is_key && is_hex()).then_some(from)
        }
        _ => None,
    }
}

/// Whether base64 starts like a token's header (`{"alg`, `{"typ` …).
fn is_header(text: &[u8], start: usize, end: usize) -> bool {
    use base64::Engine as _;
    let head = part(text, start, (start + 40).min(end) / 4 * 4 + start % 4);
    let whole = head.len() / 4 * 4;
    let mut decoded = [0_u8; 32];
    let length = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode_slice(part(head, 0, whole), &mut decoded)
        .unwrap_or(0);
    let decoded = part(&decoded, 0, length);
    [&b"\"alg\""[..], b"\"typ\"", b"\"kid\"", b"\"enc\""]
        .iter()
        .any(|mark| memchr::memmem::find(decoded, mark).is_some())
}
