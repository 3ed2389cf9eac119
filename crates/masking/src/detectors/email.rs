//! E-mail addresses, plain and in words (`ana [at] example [dot] com`).

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, Input, MatchKind};

use super::Kind;
use super::scan::Scan;
use crate::lexical::{at, before, part, run_end, run_start};

/// The longest local part and domain that are looked at (RFC 5321, section 4.5.3.1).
const LONGEST_LOCAL: usize = 64;
const LONGEST_LABEL: usize = 63;

/// The characters of local parts that people have: of those that RFC 5322 allows besides, all stand between values more
/// often. Guests of a directory have `#EXT#` in theirs.
const fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || byte >= 0x80
        || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'#' | b'&')
}

const fn is_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte >= 0x80
}

/// Every `@` with something before and a domain behind it.
pub(super) fn at_signs(scan: &mut Scan<'_>) {
    let text = scan.text;
    let mut from = 0;
    while let Some(found) = memchr::memchr(b'@', text.get(from..).unwrap_or_default()) {
        let sign = from + found;
        from = sign + 1;
        if !scan.spend(16) {
            return;
        }
        // Blanks around the sign are a disguise where the rest is an address.
        let Some(end) = domain_end(text, sign + 1) else {
            payment_address(scan, sign);
            continue;
        };
        let Some(start) = local_start(text, sign) else { continue };
        // `git@host:path` names a repository.
        if part(text, start, sign) == b"git" && matches!(at(text, end), b':' | b'/') {
            continue;
        }
        scan.found(start, end, Kind::Email);
        from = end;
    }
}

/// `9842567036@paytm`: who is paid by UPI (National Payments Corporation of India), at a bank or an app.
fn payment_address(scan: &mut Scan<'_>, sign: usize) {
    const SHORTEST: usize = 3;
    const HANDLES: [&[u8]; 32] = [
        b"fbl",
        b"ikwik",
        b"freecharge",
        b"kotak",
        b"yesbank",
        b"idfcbank",
        b"waicici",
        b"jupiteraxis",
        b"airtel",
        b"barodampay",
        b"cnrb",
        b"yesg",
        b"naviaxis",
        b"indus",
        b"upi",
        b"paytm",
        b"ybl",
        b"ibl",
        b"axl",
        b"apl",
        b"okhdfcbank",
        b"oksbi",
        b"okicici",
        b"okaxis",
        b"ptsbi",
        b"ptyes",
        b"pthdfc",
        b"ptaxis",
        b"axisb",
        b"icici",
        b"sbi",
        b"hdfcbank",
    ];
    let text = scan.text;
    let end = run_end(text, sign + 1, 16, is_label);
    // A telephone before a handle is a payer's, whatever the bank.
    let number = run_start(text, sign, 11, |b| b.is_ascii_digit());
    let handle = part(text, sign + 1, end);
    let is_payer = sign - number == 10
        && matches!(at(text, number), b'6'..=b'9')
        && !is_label(before(text, number))
        && handle.len() >= 3
        && handle.iter().all(u8::is_ascii_lowercase)
        && at(text, end) != b'.';
    let is_handle = is_payer || HANDLES.iter().any(|known| handle.eq_ignore_ascii_case(known));
    if is_handle && let Some(start) = local_start(text, sign).filter(|start| sign - start >= SHORTEST) {
        scan.found(start, end, Kind::BankAccount);
    }
}

fn local_start(text: &[u8], sign: usize) -> Option<usize> {
    if before(text, sign) == b'"' {
        // A quoted local part.
        let open = run_start(text, sign - 1, LONGEST_LOCAL, |b| b != b'"' && b >= b' ');
        return (before(text, open) == b'"').then(|| open - 1);
    }
    let mut start = run_start(text, sign, LONGEST_LOCAL, is_local);
    // Punctuation before the address is not part of it.
    while start < sign
        && !at(text, start).is_ascii_alphanumeric()
        && at(text, start) < 0x80
        && at(text, start) != b'_'
    {
        start += 1;
    }
    // `bounce-ana.lopez=example.org@lists.example.com`
    if before(text, start) == b'=' && part(text, start, sign).contains(&b'.') {
        let outer = run_start(text, start - 1, LONGEST_LOCAL, |b| is_local(b) || b == b'=');
        let label = part(text, outer, start - 1);
        let is_returned = [&b"bounce"[..], b"return", b"owner", b"prvs", b"srs0", b"srs1"]
            .iter()
            .any(|word| label.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)));
        if is_returned {
            return Some(outer);
        }
    }
    (start < sign).then_some(start)
}

/// The end of a domain with a top-level one; none when there is none.
fn domain_end(text: &[u8], from: usize) -> Option<usize> {
    if at(text, from) == b'[' {
        let end = run_end(text, from + 1, 48, |b| {
            b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'I' | b'P' | b'v')
        });
        return (at(text, end) == b']' && end > from + 7).then_some(end + 1);
    }
    let mut labels = 0;
    let mut end = from;
    let mut last = (from, from);
    loop {
        let label_end = run_end(text, end, LONGEST_LABEL, is_label);
        if label_end == end {
            break;
        }
        last = (end, label_end);
        labels += 1;
        if at(text, label_end) != b'.' || labels > 10 {
            break;
        }
        end = label_end + 1;
    }
    let (top_start, top_end) = last;
    let top = part(text, top_start, top_end);
    let top = part(top, 0, run_end(top, 0, LONGEST_LABEL, |b| b != b'-'));
    let is_name = top.len() >= 2 && top.iter().all(|b| b.is_ascii_alphabetic() || *b >= 0x80)
        || part(text, top_start, top_start + 4).eq_ignore_ascii_case(b"xn--");
    if labels < 2 || !is_name || is_file_name(text, from, top) {
        return None;
    }
    Some(top_end)
}

/// `icon@2x.png` and its like.
fn is_file_name(text: &[u8], from: usize, top: &[u8]) -> bool {
    const ENDINGS: [&[u8]; 14] = [
        b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"css", b"json", b"html", b"js", b"ts", b"txt",
        b"yaml", b"yml",
    ];
    let is_scaled =
        at(text, from).is_ascii_digit() && at(text, from + 1) == b'x' && at(text, from + 2) == b'.';
    is_scaled || ENDINGS.iter().any(|ending| top.eq_ignore_ascii_case(ending))
}

/// Addresses whose `@` and dots are written out.
pub(super) fn in_words(scan: &mut Scan<'_>) {
    let text = scan.text;
    let mut from = 0;
    while let Some((start, end, sign)) = next_at_word(text, from) {
        // The blank behind one word may stand before the next.
        from = end - usize::from(before(text, end) == b' ');
        if !scan.spend(64) {
            return;
        }
        let local_end = run_start(text, start, 3, |b| b == b' ');
        let local_begin = spelt_local_start(text, local_end);
        if local_begin == local_end {
            continue;
        }
        let domain = run_end(text, end, 3, |b| b == b' ');
        if let Some(domain_end) = spelt_domain_end(text, domain, sign)
            && !(sign == Sign::Bare && is_verb(part(text, local_begin, local_end)))
            && !is_mention(text, (local_begin, local_end), (start, end), domain_end)
        {
            scan.found(local_begin, domain_end, Kind::Email);
            from = domain_end;
        }
    }
}

/// Whether ` @name.ending` mentions a file as people do who attach one to a prompt: `look at @notes.txt`. By the word before it, or
/// by an ending that is no domain's.
fn is_mention(
    text: &[u8],
    (local_begin, local_end): (usize, usize),
    (sign_start, sign_end): (usize, usize),
    domain_end: usize,
) -> bool {
    const WORDS: [&[u8]; 30] = [
        b"at",
        b"in",
        b"on",
        b"to",
        b"of",
        b"by",
        b"for",
        b"from",
        b"with",
        b"into",
        b"and",
        b"or",
        b"the",
        b"this",
        b"see",
        b"file",
        b"files",
        b"read",
        b"open",
        b"check",
        b"use",
        b"using",
        b"edit",
        b"run",
        b"fix",
        b"update",
        b"summarize",
        b"summarise",
        b"review",
        b"load",
    ];
    const ENDINGS: [&[u8]; 28] = [
        b"txt", b"csv", b"tsv", b"json", b"jsonl", b"yaml", b"yml", b"toml", b"xml", b"html", b"css", b"sql",
        b"js", b"jsx", b"ts", b"tsx", b"ipynb", b"pdf", b"docx", b"xlsx", b"pptx", b"parquet", b"log",
        b"lock", b"java", b"png", b"jpg", b"jpeg",
    ];
    let is_mark =
        at(text, sign_start) == b'@' && before(text, sign_start) == b' ' && is_label(at(text, sign_end));
    let local = part(text, local_begin, local_end);
    let top = part(text, run_start(text, domain_end, LONGEST_LABEL, is_label), domain_end);
    let is_one_of = |known: &[&[u8]], word: &[u8]| known.iter().any(|known| word.eq_ignore_ascii_case(known));
    is_mark && (is_verb(local) || is_one_of(&WORDS, local) || is_one_of(&ENDINGS, top))
}

/// Whether a word before ` at ` makes a sentence of it: `look at example dot org`.
fn is_verb(word: &[u8]) -> bool {
    const VERBS: [&[u8]; 13] = [
        b"look", b"looking", b"meet", b"meeting", b"see", b"me", b"us", b"is", b"are", b"be", b"work",
        b"works", b"live",
    ];
    VERBS.iter().any(|verb| word.eq_ignore_ascii_case(verb))
}

/// How sure an `at` is one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// `[at]`, `(at)`, `@` with blanks.
    Marked,
    /// ` at `.
    Bare,
}

/// Words that stand for `@`, and how sure each is: marked as no word of a sentence is, or a word of its own.
const AT_WORDS: &[(&str, Sign)] = &[
    ("@", Sign::Marked),
    ("[at]", Sign::Marked),
    ("(at)", Sign::Marked),
    ("{at}", Sign::Marked),
    ("<at>", Sign::Marked),
    ("_at_", Sign::Marked),
    ("[ at ]", Sign::Marked),
    ("( at )", Sign::Marked),
    ("-at-", Sign::Marked),
    ("[a]", Sign::Marked),
    ("(a)", Sign::Marked),
    (" at ", Sign::Bare),
    (" arroba ", Sign::Marked),
    ("[arroba]", Sign::Marked),
    ("(arroba)", Sign::Marked),
    (" arobase ", Sign::Marked),
    ("[arobase]", Sign::Marked),
    ("(arobase)", Sign::Marked),
    (" chiocciola ", Sign::Marked),
    ("[chiocciola]", Sign::Marked),
    ("(chiocciola)", Sign::Marked),
    (" apenstaartje ", Sign::Marked),
    (" malpa ", Sign::Marked),
    ("(malpa)", Sign::Marked),
    (" zavinac ", Sign::Marked),
    (" kukac ", Sign::Marked),
];

fn at_words() -> Option<&'static AhoCorasick> {
    static AUTOMATON: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    AUTOMATON
        .get_or_init(|| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::LeftmostLongest)
                .build(AT_WORDS.iter().map(|(word, _)| word))
                .ok()
        })
        .as_ref()
}

/// The next word that stands for `@`: its bounds, brackets included.
fn next_at_word(text: &[u8], from: usize) -> Option<(usize, usize, Sign)> {
    let words = at_words()?;
    let mut position = from;
    loop {
        let found = words.find(Input::new(text).span(position..text.len()))?;
        let (start, end) = (found.start(), found.end());
        let (word, sign) = *AT_WORDS.get(found.pattern().as_usize())?;
        if word != "@" {
            return Some((start, end, sign));
        }
        position = end;
        let label = run_end(text, end, LONGEST_LABEL, is_label);
        let is_odd = before(text, start) == b' '
            || label == end
            || matches!(at(text, label), b'(' | b'[' | b'{' | b' ' | b'_');
        if is_odd {
            return Some((start, end, sign));
        }
    }
}

fn spelt_local_start(text: &[u8], end: usize) -> usize {
    let mut start = run_start(text, end, LONGEST_LOCAL, |b| {
        b.is_ascii_alphanumeric() || b >= 0x80 || matches!(b, b'.' | b'_' | b'+' | b'-')
    });
    // `ana dot lopez at …`
    for _ in 0..3 {
        let gap = run_start(text, start, 2, |b| b == b' ');
        let Some(dot) = gap.checked_sub(3) else { break };
        let (word, skip) = if part(text, dot, gap).eq_ignore_ascii_case(b"dot") {
            (dot, 0)
        } else if matches!(before(text, gap), b']' | b')')
            && gap >= 5
            && part(text, gap - 4, gap - 1).eq_ignore_ascii_case(b"dot")
        {
            (gap - 5, 0)
        } else {
            break;
        };
        let left = run_start(text, word, 2, |b| b == b' ') - skip;
        let earlier = run_start(text, left, LONGEST_LOCAL, |b| {
            b.is_ascii_alphanumeric() || b >= 0x80 || matches!(b, b'.' | b'_' | b'+' | b'-')
        });
        if earlier == left {
            break;
        }
        start = earlier;
    }
    start
}

/// The end of a domain whose dots may be words; at least one dot, and a bare `at` needs one in words.
fn spelt_domain_end(text: &[u8], from: usize, sign: Sign) -> Option<usize> {
    let mut end = run_end(text, from, LONGEST_LABEL, is_label);
    if end == from {
        return None;
    }
    let (mut dots, mut words) = (0, 0);
    let mut top = (from, end);
    while dots < 8 {
        let Some((after, is_word)) = spelt_dot(text, end, sign) else { break };
        let label_end = run_end(text, after, LONGEST_LABEL, is_label);
        if label_end == after {
            break;
        }
        dots += 1;
        words += usize::from(is_word);
        top = (after, label_end);
        end = label_end;
    }
    let top = part(text, top.0, top.1);
    let is_name = (2..=24).contains(&top.len()) && top.iter().all(|b| b.is_ascii_alphabetic() || *b >= 0x80);
    let is_sure = words > 0 || sign == Sign::Marked && dots > 0;
    (dots > 0 && is_name && is_sure).then_some(end)
}

/// A dot at a position, as a character or in words: where the next label starts, and whether it was a word.
fn spelt_dot(text: &[u8], from: usize, sign: Sign) -> Option<(usize, bool)> {
    const DOTS: [&[u8]; 7] = [b"dot", b"punkt", b"punto", b"ponto", b"point", b"punt", b"kropka"];
    let gap = run_end(text, from, 2, |b| matches!(b, b' ' | b'_' | b'-'));
    let open = matches!(at(text, gap), b'[' | b'(' | b'{');
    let word = gap + usize::from(open);
    // `at` is a word of many sentences, and so are most of these.
    let known = match sign {
        Sign::Marked => DOTS.as_slice(),
        Sign::Bare => DOTS.get(..2).unwrap_or_default(),
    };
    let spelt = known.iter().find(|dot| part(text, word, word + dot.len()).eq_ignore_ascii_case(dot));
    if let Some(dot) = spelt.filter(|_| open || gap > from) {
        let close = word + dot.len() + usize::from(open);
        let next = run_end(text, close, 2, |b| matches!(b, b' ' | b'_' | b'-'));
        let is_closed = if open { matches!(before(text, close), b']' | b')' | b'}') } else { next > close };
        return is_closed.then_some((next, true));
    }
    if open && at(text, word) == b'.' && matches!(at(text, word + 1), b']' | b')' | b'}') {
        return Some((run_end(text, word + 2, 2, |b| b == b' '), true));
    }
    let next = run_end(text, gap + 1, usize::from(gap > from), |b| b == b' ');
    (at(text, gap) == b'.' && is_label(at(text, next))).then_some((next, false))
}
