//! Keys and tokens that say what they are: by prefix, by armour, by the URL that they stand in.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind, packed};

use super::scan::Scan;
use super::{Kind, passwords};
use crate::lexical::{at, before, is_word, part, run_end, run_start};

/// The bytes that may follow a prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tail {
    /// Letters and digits.
    Alphanumeric,
    /// Letters, digits, `_`, `-`.
    Url,
    /// Letters, digits, `_`, `-`, `.`, `/`, `+`, `=`.
    Wide,
    /// Capitals and digits, exactly so many.
    Capitals,
    /// Hexadecimal digits.
    Hex,
}

impl Tail {
    const fn holds(self, byte: u8) -> bool {
        match self {
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Wide => {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'+' | b'=')
            }
            Self::Capitals => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_hexdigit(),
        }
    }
}

/// What a literal starts.
#[derive(Clone, Copy, Debug)]
enum Rule {
    /// A key: so many bytes of that tail at least.
    Key(Kind, Tail, usize),
    /// Like a key, but at the start of a word and exactly so long.
    Exact(Kind, Tail, usize),
    Jwt,
    /// A bot's number, this, and 33 more.
    Telegram,
    /// `user:password` stand before it.
    Dsn,
    Armour,
    Url,
    /// A name of a password or secret: its value follows.
    Name(passwords::Name),
    /// A word for a birth: a date follows.
    Birth,
}

const KEYS: &[(&str, Rule)] = &[
    ("AKIA", Rule::Exact(Kind::AwsKey, Tail::Capitals, 16)),
    ("ASIA", Rule::Exact(Kind::AwsKey, Tail::Capitals, 16)),
    ("ABIA", Rule::Exact(Kind::AwsKey, Tail::Capitals, 16)),
    ("ACCA", Rule::Exact(Kind::AwsKey, Tail::Capitals, 16)),
    ("ghp_", Rule::Key(Kind::GithubToken, Tail::Alphanumeric, 20)),
    ("gho_", Rule::Key(Kind::GithubToken, Tail::Alphanumeric, 20)),
    ("ghu_", Rule::Key(Kind::GithubToken, Tail::Alphanumeric, 20)),
    ("ghs_", Rule::Key(Kind::GithubToken, Tail::Wide, 20)),
    ("ghr_", Rule::Key(Kind::GithubToken, Tail::Alphanumeric, 20)),
    ("github_pat_", Rule::Key(Kind::GithubToken, Tail::Url, 20)),
    ("xoxb-", Rule::Key(Kind::SlackToken, Tail::Url, 10)),
    ("xoxp-", Rule::Key(Kind::SlackToken, Tail::Url, 10)),
    ("xoxa-", Rule::Key(Kind::SlackToken, Tail::Url, 10)),
    ("xoxr-", Rule::Key(Kind::SlackToken, Tail::Url, 10)),
    ("xoxs-", Rule::Key(Kind::SlackToken, Tail::Url, 10)),
    ("xoxc-", Rule::Key(Kind::SlackToken, Tail::Url, 10)),
    ("xoxd-", Rule::Key(Kind::SlackToken, Tail::Wide, 10)),
    ("xoxe.", Rule::Key(Kind::SlackToken, Tail::Wide, 10)),
    ("xoxe-", Rule::Key(Kind::SlackToken, Tail::Wide, 10)),
    ("xapp-", Rule::Key(Kind::SlackToken, Tail::Url, 10)),
    ("hooks.slack.com/", Rule::Key(Kind::SlackToken, Tail::Wide, 20)),
    ("sk_live_", Rule::Key(Kind::StripeKey, Tail::Alphanumeric, 10)),
    ("sk_test_", Rule::Key(Kind::StripeKey, Tail::Alphanumeric, 10)),
    ("rk_live_", Rule::Key(Kind::StripeKey, Tail::Alphanumeric, 10)),
    ("rk_test_", Rule::Key(Kind::StripeKey, Tail::Alphanumeric, 10)),
    ("whsec_", Rule::Key(Kind::StripeKey, Tail::Wide, 16)),
    ("sk-ant-", Rule::Key(Kind::AnthropicKey, Tail::Url, 16)),
    ("sk-proj-", Rule::Key(Kind::OpenAiKey, Tail::Url, 16)),
    ("sk-svcacct-", Rule::Key(Kind::OpenAiKey, Tail::Url, 16)),
    ("sk-admin-", Rule::Key(Kind::OpenAiKey, Tail::Url, 16)),
    ("sk-None-", Rule::Key(Kind::OpenAiKey, Tail::Url, 16)),
    ("sk-or-v1-", Rule::Key(Kind::Secret, Tail::Url, 16)),
    ("sk-", Rule::Key(Kind::OpenAiKey, Tail::Alphanumeric, 32)),
    ("AIza", Rule::Key(Kind::GoogleKey, Tail::Url, 30)),
    ("GOCSPX-", Rule::Key(Kind::GoogleKey, Tail::Url, 20)),
    ("ya29.", Rule::Key(Kind::GoogleKey, Tail::Wide, 20)),
    ("glpat-", Rule::Key(Kind::Secret, Tail::Wide, 16)),
    ("gldt-", Rule::Key(Kind::Secret, Tail::Wide, 16)),
    ("glrt-", Rule::Key(Kind::Secret, Tail::Wide, 16)),
    ("glptt-", Rule::Key(Kind::Secret, Tail::Wide, 16)),
    ("glsa_", Rule::Key(Kind::Secret, Tail::Url, 16)),
    ("glc_", Rule::Key(Kind::Secret, Tail::Wide, 24)),
    ("npm_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("pypi-", Rule::Key(Kind::Secret, Tail::Url, 50)),
    ("rubygems_", Rule::Key(Kind::Secret, Tail::Hex, 40)),
    ("dckr_pat_", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("dckr_oat_", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("hf_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("SG.", Rule::Key(Kind::Secret, Tail::Wide, 40)),
    ("shpat_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("shpss_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("shpca_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("shppa_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("dop_v1_", Rule::Key(Kind::Secret, Tail::Hex, 40)),
    ("doo_v1_", Rule::Key(Kind::Secret, Tail::Hex, 40)),
    ("dor_v1_", Rule::Key(Kind::Secret, Tail::Hex, 40)),
    ("dapi", Rule::Exact(Kind::Secret, Tail::Hex, 32)),
    ("hvs.", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("hvb.", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("atlasv1.", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("ATATT3x", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("ATCTT3x", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("ATBB", Rule::Key(Kind::Secret, Tail::Alphanumeric, 24)),
    ("EAACEdEose0cBA", Rule::Key(Kind::Secret, Tail::Alphanumeric, 8)),
    ("lin_api_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 24)),
    ("ntn_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("secret_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 32)),
    ("PMAK-", Rule::Key(Kind::Secret, Tail::Url, 24)),
    ("NRAK-", Rule::Key(Kind::Secret, Tail::Alphanumeric, 20)),
    ("sq0atp-", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("sq0csp-", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("sq0idp-", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("AGE-SECRET-KEY-1", Rule::Key(Kind::PrivateKey, Tail::Alphanumeric, 40)),
    ("dp.pt.", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("dp.st.", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("pplx-", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("gsk_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("xai-", Rule::Key(Kind::Secret, Tail::Alphanumeric, 40)),
    ("tvly-", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("r8_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("sntrys_", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("sntryu_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("phc_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("phx_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("sbp_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("pscale_tkn_", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("pscale_pw_", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("xkeysib-", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("key-", Rule::Exact(Kind::Secret, Tail::Hex, 32)),
    ("figd_", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("pul-", Rule::Exact(Kind::Secret, Tail::Hex, 40)),
    ("tfp_", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("nvapi-", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("fo1_", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("FlyV1 fm2_", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("CCIPAT_", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("bkua_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("SK", Rule::Exact(Kind::Secret, Tail::Hex, 32)),
    (":AA", Rule::Telegram),
    ("@tcp(", Rule::Dsn),
    ("@unix(", Rule::Dsn),
    ("ops_eyJ", Rule::Key(Kind::Secret, Tail::Wide, 100)),
    ("eyJ", Rule::Jwt),
    ("-----BEGIN", Rule::Armour),
    ("---- BEGIN", Rule::Armour),
    ("PuTTY-User-Key-File", Rule::Armour),
    ("://", Rule::Url),
    ("dob", Rule::Birth),
    ("birth", Rule::Birth),
    ("born", Rule::Birth),
    ("geboren", Rule::Birth),
    ("naissance", Rule::Birth),
    ("nacimiento", Rule::Birth),
    ("nascimento", Rule::Birth),
];

/// Every literal that is looked for, in one automaton.
pub(super) struct Literals {
    automaton: Option<AhoCorasick>,
    /// A few pieces of the literals that may stand in plain prose; without one of them, a colon, an equals sign
    /// or a long run of characters, no literal is worth looking for.
    hints: Option<packed::Searcher>,
    rules: Vec<(&'static str, Rule)>,
}

impl Literals {
    pub fn new() -> Self {
        let names = passwords::NAMES.iter().map(|&(word, name)| (word, Rule::Name(name)));
        let rules: Vec<_> = KEYS.iter().copied().chain(names).collect();
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::DFA))
            .build(rules.iter().map(|(word, _)| word))
            .ok();
        let hints = packed::Config::new()
            .builder()
            .extend(["assw", "ASSW", "irth", "IRTH", "born", "Born", "DOB", "dob", "PRIVATE", "eboren"])
            .build();
        Self { automaton, hints, rules }
    }
}

impl Literals {
    pub fn has_hint(&self, text: &[u8]) -> bool {
        self.hints.as_ref().is_none_or(|hints| hints.find(text).is_some())
    }
}

impl Scan<'_> {
    /// Every literal in the text, and what it starts.
    pub(super) fn literals(&mut self) {
        let literals = self.literals;
        let Some(automaton) = &literals.automaton else {
            // SECURITY: without its automaton a scan sees nothing; it must not call that clean.
            self.fuel = 0;
            return;
        };
        let text = self.text;
        let mut done = 0;
        for found in automaton.find_iter(text) {
            let Some(&(word, rule)) = literals.rules.get(found.pattern().as_usize()) else { continue };
            // A name within what was found still speaks for what is behind it.
            if found.start() < done && !matches!(rule, Rule::Name(_)) {
                continue;
            }
            let end = match rule {
                Rule::Key(kind, tail, least) => self.key(word, found.start(), found.end(), kind, tail, least),
                Rule::Exact(kind, tail, length) => {
                    self.exact(word, found.start(), found.end(), kind, tail, length)
                }
                Rule::Jwt => self.jwt(found.start()),
                Rule::Dsn => self.dsn(found.start(), found.end()),
                Rule::Telegram => self.telegram(found.start(), found.end()),
                Rule::Armour => self.armour(found.start()),
                Rule::Url => self.url(found.start(), found.end()),
                Rule::Name(name) => passwords::value(self, name, found.start(), found.end()),
                Rule::Birth => passwords::birth(self, found.start(), found.end()),
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
        if part(text, start, end) != word.as_bytes() || before(text, start).is_ascii_alphanumeric() {
            return None;
        }
        let last = run_end(text, end, usize::MAX, |b| tail.holds(b));
        // Words joined by dashes have prefixes like these; keys have digits or capitals.
        let is_random = part(text, end, last).iter().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        if last - end < least || !is_random {
            return None;
        }
        let from = if word.starts_with("hooks") {
            run_start(text, start, 8, |b| matches!(b, b'h' | b't' | b'p' | b's' | b':' | b'/'))
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

    fn dsn(&mut self, start: usize, end: usize) -> Option<usize> {
        let text = self.text;
        let from = run_start(text, start, 128, |b| b > b' ' && !matches!(b, b'"' | b'\'' | b'='));
        let last = run_end(text, end, 256, |b| b > b' ' && !matches!(b, b'"' | b'\''));
        memchr::memchr(b':', part(text, from, start))?;
        self.found(from, last, Kind::ConnectionString);
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

    /// A URL with a user and a password, or with a secret for a user.
    fn url(&mut self, start: usize, end: usize) -> Option<usize> {
        const LONGEST: usize = 2048;
        let text = self.text;
        let scheme =
            run_start(text, start, 24, |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        let last = run_end(text, end, LONGEST, |b| b > b' ' && !matches!(b, b'"' | b'<' | b'>' | b'`'));
        if scheme == start || !self.spend(last - end) {
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
