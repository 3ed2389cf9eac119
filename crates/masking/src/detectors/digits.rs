//! Clusters of digits: cards, state numbers, telephones, IPv4 addresses.
//!
//! A cluster is a row of digit groups with short separators between. Each is tried whole, then every window that
//! starts and ends at a blank: `ref 12 4111 1111 1111 1111` holds a card. A group is never cut, so that a long id
//! does not become a card by accident.

use super::context::Shape;
use super::groups::{Group, Window, between};
use super::scan::Scan;
use super::topic::Topic;
use super::{Kind, cards, checks, ids, lists, phones, places, versions};
use crate::lexical::{at, before, is_word, part, run_end};

pub(super) const MOST_DIGITS: usize = 48;
const MOST_GROUPS: usize = 24;

/// Digit groups that stand together.
pub(super) struct Cluster<'a> {
    text: &'a [u8],
    start: usize,
    digits: [u8; MOST_DIGITS],
    groups: [Group; MOST_GROUPS],
    group_count: usize,
    /// Whether every digit stands alone (`4 1 1 1 …`): the groups are then one.
    is_spaced: bool,
    /// Whether more groups follow than are read at once.
    is_cut: bool,
    /// Where a telephone's extension ends that is glued to the last group, `x123`; zero where there is none.
    extension: usize,
}

/// Scans the cluster whose first group starts there; answers where scanning goes on.
pub(super) fn cluster(scan: &mut Scan<'_>, start: usize) -> usize {
    let text = scan.text;
    if let Some(end) = few_digits_alone(text, start) {
        return end;
    }
    let mut cluster = Cluster::at(text, start);
    if !cluster.read() {
        return run_end(text, start, usize::MAX, |b| b.is_ascii_digit());
    }
    let end = cluster.end();
    if cluster.group_count == 1
        && cluster.digit_count() == 4
        && let Some(end) = cards::between_marks(scan, start)
    {
        return end;
    }
    if let Some(found) = apart(scan, start, end, cluster.digit_count()) {
        return found;
    }
    if cluster.digit_count() < 4 {
        return end;
    }
    let next = if cluster.is_cut { cluster.resume() } else { end };
    cluster.join_single_digits();
    cluster.drop_zero_fraction();
    // Short numbers are nothing, whatever is said of them, but four of them with dots may be an address.
    if is_short(cluster.digit_count(), cluster.group_count) || !scan.spend(24 * cluster.group_count) {
        return end;
    }
    let topic = lists::topic(scan, start, end);
    // A value that ends with the last group may go on behind a cut: it is read again from its start.
    let count = cluster.group_count - usize::from(cluster.is_cut);
    // Numbers of some precision are measurements.
    if !cluster.is_cut
        && let Some(window) = cluster.window(0, count, topic)
        && !(window.is_decimal() && scan.context.shape == Shape::Number)
        && let Some((from, to, kind)) = classify(scan, &window)
    {
        let to = cluster.with_extension(to, kind);
        scan.found(from, to, kind);
        lists::found(scan, from, to, topic);
        return end.max(to);
    }
    // A group is never cut, and a fraction is not cut from its number.
    if count < 2 || count == 2 && cluster.digit_count() < 14 && before(text, cluster.second()) == b'.' {
        return next;
    }
    // What tells itself comes before what words make of any digits: it would be cut.
    let mut done = next;
    let mut first = 0;
    while first < count {
        let evident = cluster.windows(scan, (first, count), Topic::NONE);
        let ((from, behind), to) = evident.unwrap_or(((count, count), done));
        done = done.max(to);
        while !topic.is_none()
            && let Some(((_, last), to)) = cluster.windows(scan, (first, from), topic)
        {
            done = done.max(to);
            first = last;
        }
        first = behind;
    }
    done
}

/// Numbers whose sign no cluster has: coordinates of somebody's, and of those over a hundred in Sweden.
#[inline]
fn apart(scan: &mut Scan<'_>, start: usize, end: usize, count: usize) -> Option<usize> {
    match at(scan.text, end) {
        b',' if count >= 5 => places::pair(scan, start, end),
        b'+' if count == 6 => {
            let last = run_end(scan.text, end + 1, 5, |b| b.is_ascii_digit());
            let mut digits = [0; 10];
            let all = part(scan.text, start, end).iter().chain(part(scan.text, end + 1, last));
            digits.iter_mut().zip(all).for_each(|(digit, b)| *digit = b.wrapping_sub(b'0'));
            let is_one = end - start == 6
                && last - end == 5
                && checks::se_personnummer(&digits)
                && !is_word(at(scan.text, last))
                && !is_word(before(scan.text, start));
            is_one.then(|| scan.found(start, last, Kind::NationalId)).map(|()| last)
        }
        _ => None,
    }
}

/// The end of a group of three digits at most behind which a blank and a letter stand: most numbers in prose.
#[inline]
fn few_digits_alone(text: &[u8], start: usize) -> Option<usize> {
    let end = run_end(text, start, 3, |b| b.is_ascii_digit());
    matches!(part(text, end, end + 2), [b' ', letter] if letter.is_ascii_alphabetic()).then_some(end)
}

/// Whether so few digits in so few groups can be nothing that [`classify`] knows.
const fn is_short(digits: usize, groups: usize) -> bool {
    digits < 6 && groups < 4
}

fn has_no_fraction(window: &Window<'_>) -> bool {
    window.groups.get(1).is_some_and(|group| window.spelling(group).iter().all(|&b| b == b'0'))
}

/// What a window is, and its span.
fn classify(scan: &Scan<'_>, window: &Window<'_>) -> Option<(usize, usize, Kind)> {
    let (start, end) = (window.start(), window.end());
    if let Some(found) = phones::international(window) {
        return Some(found);
    }
    let kind = if is_ipv4(scan, window) {
        Some(Kind::IpAddress)
    } else if window.is_decimal() {
        None
    } else if cards::is_card(window) {
        Some(Kind::Card)
    } else {
        social_security(window).or_else(|| ids::of_digits(window))
    };
    if let Some(kind) = kind {
        return Some((start, end, kind));
    }
    if let Some((start, kind)) = ids::around_digits(window) {
        let end = if kind == Kind::NationalId { ids::suffix_end(window.text, end) } else { end };
        return Some((start, end, kind));
    }
    if window.is_decimal() {
        return None;
    }
    phones::national(window).or_else(|| by_topic(window).map(|kind| (start, end, kind)))
}

fn social_security(window: &Window<'_>) -> Option<Kind> {
    let digits = window.digits;
    if digits.len() != 9 {
        return None;
    }
    let is_evident =
        window.is_shaped(&[3, 2, 4]) && window.mark().is_some_and(|mark| mark != b'/') || window.is_spaced;
    let is_named = window.topic.has(Topic::SSN) && window.groups.len() <= 3;
    if checks::us_ssn(digits) && (is_evident || is_named) {
        Some(Kind::UsSsn)
    } else if checks::us_itin(digits)
        && (is_evident || window.topic.has(Topic::NATIONAL) || window.topic.has(Topic::SSN))
    {
        Some(Kind::UsItin)
    } else {
        None
    }
}

/// Numbers that only the words around tell apart from any other.
fn by_topic(window: &Window<'_>) -> Option<Kind> {
    let topic = window.topic;
    let count = window.digits.len();
    if topic.is_none() || window.starts_with_date() || window.groups.len() > 5 {
        return None;
    }
    if topic.has(Topic::SSN) && count == 9 {
        Some(Kind::UsSsn)
    } else if topic.has(Topic::PASSPORT) && (7..=10).contains(&count) {
        Some(Kind::Passport)
    } else if topic.has(Topic::LICENSE) && (6..=14).contains(&count) {
        Some(Kind::DriverLicense)
    } else if topic.has(Topic::DEVICE) && (14..=20).contains(&count) {
        Some(Kind::Device)
    } else if topic.has(Topic::NATIONAL) && (7..=18).contains(&count) {
        Some(Kind::NationalId)
    } else if topic.has(Topic::MEDICAL) && (6..=12).contains(&count) {
        Some(Kind::MedicalId)
    } else if topic.has(Topic::BANK) && (6..=20).contains(&count) {
        Some(Kind::BankAccount)
    } else {
        None
    }
}

fn is_ipv4(scan: &Scan<'_>, window: &Window<'_>) -> bool {
    if window.groups.len() != 4 || window.separator() != Some(b'.') {
        return false;
    }
    let is_octet = |group: &Group| {
        let octet = window.spelling(group);
        let value = octet.iter().take(4).fold(0_u32, |n, b| n * 10 + u32::from(b - b'0'));
        octet.len() <= 3 && value <= 255 && (octet.len() == 1 || at(octet, 0) != b'0')
    };
    let first = window.digits.get(..window.groups.first().map_or(0, |g| g.len())).unwrap_or_default();
    // Addresses of no machine in particular: this host, loopback, masks.
    let is_nobody = matches!(first, [0] | [1, 2, 7] | [2, 5, 5]);
    let (start, end) = (window.start(), window.end());
    let is_apart = before(window.text, start) != b'.'
        && !(at(window.text, end) == b'.' && at(window.text, end + 1).is_ascii_digit());
    is_apart
        && !is_nobody
        && window.groups.iter().all(is_octet)
        && !versions::is_version(window.text, start, end, scan.context)
}

/// Groups of a cluster, from the first up to but not with the second.
type Groups = (usize, usize);

impl<'a> Cluster<'a> {
    /// Finds the first value among those groups; answers its groups, and where it ends in the text.
    fn windows(&self, scan: &mut Scan<'_>, (from, to): Groups, topic: Topic) -> Option<(Groups, usize)> {
        for first in from..to {
            for last in (first + 1..=to).rev() {
                if first == 0 && last == self.group_count || !self.may_cut(first, last) {
                    continue;
                }
                let Some(window) = self.window(first, last, topic) else { break };
                if is_short(window.digits.len(), window.groups.len()) {
                    break;
                }
                if !scan.spend(4) {
                    continue;
                }
                if let Some((start, end, kind)) = classify(scan, &window) {
                    let end = self.with_extension(end, kind);
                    scan.found(start, end, kind);
                    lists::found(scan, start, end, topic);
                    return Some(((first, last), end));
                }
            }
        }
        None
    }

    /// The cluster whose first group starts there, not read yet.
    const fn at(text: &'a [u8], start: usize) -> Self {
        Self {
            text,
            start,
            digits: [0; MOST_DIGITS],
            groups: [Group { start: 0, end: 0, first: 0, count: 0 }; MOST_GROUPS],
            group_count: 0,
            is_spaced: false,
            is_cut: false,
            extension: 0,
        }
    }

    /// Reads the groups; false when the first has more digits than anything known.
    fn read(&mut self) -> bool {
        let text = self.text;
        let mut position = self.start;
        let mut digits = 0;
        loop {
            let end = run_end(text, position, MOST_DIGITS + 1, |b| b.is_ascii_digit());
            let count = end - position;
            // In scripts without blanks words are glued to numbers.
            let is_glued = at(text, end).is_ascii_alphanumeric();
            let extension = if is_glued && count == 4 { extension_end(text, end) } else { None };
            if digits + count > MOST_DIGITS || is_glued && extension.is_none() {
                self.is_cut = digits + count > MOST_DIGITS;
                break;
            }
            let Some(slot) = self.groups.get_mut(self.group_count) else { break };
            let Some(group) = Group::of(position - self.start, end - self.start, digits, count) else {
                break;
            };
            *slot = group;
            for (place, &byte) in self.digits.iter_mut().skip(digits).zip(part(text, position, end)) {
                *place = byte - b'0';
            }
            self.group_count += 1;
            digits += count;
            if let Some(extension) = extension {
                self.extension = extension;
                break;
            }
            let next = run_end(text, end, 3, |b| {
                matches!(b, b' ' | b'-' | b'.' | b'/' | b'(' | b')' | b'_' | b'\n' | b'\r' | b'\t')
            });
            let is_joined = next > end && at(text, next).is_ascii_digit() && is_seam(part(text, end, next));
            if !is_joined || self.group_count == MOST_GROUPS {
                self.is_cut = is_joined;
                break;
            }
            position = next;
        }
        self.group_count > 0
    }

    fn groups(&self) -> &[Group] {
        self.groups.get(..self.group_count).unwrap_or_default()
    }

    fn end(&self) -> usize {
        self.groups().last().map_or(0, |group| self.start + usize::from(group.end))
    }

    /// Where reading goes on behind a cut: at the first group with which a value could start that goes on there, and
    /// never at the first one of this cluster.
    fn resume(&self) -> usize {
        const LONGEST: usize = 19;
        const MOST: usize = 8;
        let all = self.digit_count();
        let may_start = |&(place, group): &(usize, &Group)| {
            place > 0 && place + MOST >= self.group_count && all - group.first() <= LONGEST
        };
        let group = self.groups().iter().enumerate().find(may_start);
        group.map_or(self.end(), |(_, group)| self.start + usize::from(group.start))
    }

    /// The end of what was found, with the extension if it is a telephone's.
    fn with_extension(&self, end: usize, kind: Kind) -> usize {
        if kind != Kind::Phone || end != self.end() {
            return end;
        }
        end.max(self.extension).max(spoken_extension_end(self.text, end).unwrap_or(0))
    }

    /// Where the second group starts.
    fn second(&self) -> usize {
        self.groups().get(1).map_or(0, |group| self.start + usize::from(group.start))
    }

    fn digit_count(&self) -> usize {
        self.groups().last().map_or(0, |group| group.first() + group.len())
    }

    /// Makes one group of digits that all stand alone, unless they are a list that counts.
    fn join_single_digits(&mut self) {
        const FEWEST: usize = 8;
        let groups = self.groups();
        let count = self.group_count;
        if count < FEWEST || groups.iter().any(|group| group.len() != 1) {
            return;
        }
        let digits = self.digits.get(..count).unwrap_or_default();
        let is_counting = digits.windows(2).all(|pair| matches!(pair, [a, b] if a.abs_diff(*b) <= 1))
            || digits.iter().all(|&d| d <= 1);
        let end = groups.last().map_or(0, |group| group.end);
        // `0.1 0.2 0.3` are fractions.
        let spelling = between(self.text, self.start, 0, end);
        let is_list = is_counting || spelling.contains(&b'.') && spelling.contains(&b' ');
        if !is_list {
            let whole = Group { start: 0, end, first: 0, count: u8::try_from(count).unwrap_or(0) };
            if let Some(first) = self.groups.first_mut() {
                *first = whole;
            }
            self.group_count = 1;
            self.is_spaced = true;
        }
    }

    /// `4111111111111111.00` is a number with a scale.
    fn drop_zero_fraction(&mut self) {
        let is_whole_number = self
            .window(0, self.group_count, Topic::NONE)
            .is_some_and(|w| w.is_decimal() && has_no_fraction(&w));
        if is_whole_number {
            self.group_count = 1;
        }
    }

    fn window(&self, first: usize, last: usize, topic: Topic) -> Option<Window<'_>> {
        let groups = self.groups().get(first..last)?;
        let from = groups.first()?.first();
        let ending = groups.last()?;
        let to = ending.first() + ending.len();
        Some(Window {
            text: self.text,
            cluster_start: self.start,
            groups,
            digits: self.digits.get(from..to.min(MOST_DIGITS))?,
            is_whole: first == 0 && last == self.group_count,
            is_spaced: self.is_spaced,
            topic,
        })
    }

    /// Whether a window may end where it does: at the cluster's ends, at a blank, or at a slash; four numbers with dots
    /// between at a hyphen, too, since addresses stand in ranges.
    fn may_cut(&self, first: usize, last: usize) -> bool {
        let seam = |left: usize| match (self.groups().get(left), self.groups().get(left + 1)) {
            (Some(a), Some(b)) => between(self.text, self.start, a.end, b.start),
            _ => b" ",
        };
        let is_address = last - first == 4 && (first..last - 1).all(|left| seam(left) == b".");
        let is_open = |left: usize| {
            seam(left)
                .iter()
                .any(|&s| matches!(s, b' ' | b'/' | b'_' | b'\n' | b'\r' | b'\t') || s == b'-' && is_address)
        };
        // The digits of a card often stand in one group.
        let may_be_card =
            matches!(self.groups().get(first..last), Some([group]) if (14..=19).contains(&group.len()));
        // A fraction has a point before its digits, too.
        let is_long = |place: usize| self.groups().get(place).is_some_and(|group| group.len() >= 14);
        let is_edge = |left: usize| {
            is_open(left)
                || may_be_card
                    && (seam(left) == b"-" || seam(left) == b"." && is_long(left) && is_long(left + 1))
        };
        first.checked_sub(1).is_none_or(is_edge) && is_edge(last - 1)
    }
}

/// The end of a telephone's extension that is glued there, `x123`.
pub(super) fn extension_end(text: &[u8], from: usize) -> Option<usize> {
    let end = run_end(text, from + 1, 7, |b| b.is_ascii_digit());
    let is_one = matches!(at(text, from), b'x' | b'X') && (from + 2..from + 8).contains(&end);
    (is_one && !at(text, end).is_ascii_alphanumeric()).then_some(end)
}

/// The end of a telephone's extension that is named there, ` ext. 906`.
fn spoken_extension_end(text: &[u8], from: usize) -> Option<usize> {
    const WORDS: [&[u8]; 8] =
        [b"ext", b"extn", b"extension", b"x", b"durchwahl", b"poste", b"anexo", b"interno"];
    let blank = |from: usize| run_end(text, from, 2, |b| matches!(b, b' ' | b','));
    let word = blank(from);
    let word_end = run_end(text, word, 10, |b| b.is_ascii_alphabetic());
    let is_named = WORDS.iter().any(|known| part(text, word, word_end).eq_ignore_ascii_case(known));
    let digits = run_end(text, word_end, 3, |b| matches!(b, b'.' | b':' | b'#' | b' '));
    let end = run_end(text, digits, 7, |b| b.is_ascii_digit());
    let is_number = (digits + 1..digits + 7).contains(&end) && !at(text, end).is_ascii_alphanumeric();
    (is_named && word > from && is_number).then_some(end)
}

/// Whether those bytes may stand within one number.
fn is_seam(bytes: &[u8]) -> bool {
    const PAIRS: [&[u8]; 12] =
        [b"  ", b") ", b")-", b" (", b" -", b"- ", b" /", b"/ ", b". ", b"-(", b" .", b"\r\n"];
    const TRIPLES: [&[u8]; 4] = [b" - ", b" / ", b" . ", b") -"];
    match bytes.len() {
        1 => true,
        2 => PAIRS.contains(&bytes),
        3 => TRIPLES.contains(&bytes),
        _ => false,
    }
}
