//! Where in a text literals stand.

use std::sync::{Arc, OnceLock};

use super::literals::{Level, Rule, all};
use crate::lexical::{filled_up, part};

/// Every literal that is looked for, under the first three bytes of each: an automaton of so many does not fit the
/// nearest cache, and most bytes of most texts start none of them.
pub(super) struct Literals {
    /// By the hash of three bytes: the bits of the levels of what starts so.
    levels: Box<[u8; SLOTS]>,
    /// By the same hash: the place of the bucket.
    places: Box<[u16; SLOTS]>,
    /// Literals that start alike or share a hash, the longest first. The first one is empty.
    buckets: Vec<Vec<Entry>>,
}

/// A literal as its bucket has it.
struct Entry {
    /// Its first eight bytes, in small letters, and which bits of eight bytes they are.
    head: u64,
    mask: u64,
    word: &'static str,
    rule: Rule,
}

impl Entry {
    fn new(word: &'static str, rule: Rule) -> Self {
        let length = word.len().min(8);
        let mask = u64::MAX.checked_shr(64 - 8 * u32::try_from(length).unwrap_or(0)).unwrap_or(0);
        Self { head: head(word.as_bytes()) & mask, mask, word, rule }
    }
}

/// The first eight bytes in small letters; what is taken for each other besides is told apart afterwards.
#[inline]
fn head(text: &[u8]) -> u64 {
    let bytes = match text.first_chunk::<8>() {
        Some(bytes) => *bytes,
        None => filled_up(text),
    };
    u64::from_le_bytes(bytes) | u64::from_le_bytes([0x20; 8])
}

/// Hashes of three bytes.
const SLOTS: usize = 1 << 14;

/// Positions that are looked at together.
const BLOCK: usize = 16;

/// Bytes that are read for a block.
const SPAN: usize = BLOCK + 2;

/// Folds the case of letters; what it takes for each other besides is told apart afterwards. So shifted, few trigrams of
/// ordinary texts share a slot with a literal's.
#[inline]
const fn hash(first: u8, second: u8, third: u8) -> u16 {
    let (first, second, third) = ((first | 0x20) as u16, (second | 0x20) as u16, (third | 0x20) as u16);
    ((first << 9) ^ (second << 4) ^ third) & (SLOTS as u16 - 1)
}

impl Literals {
    /// The tables are large and the same for every set.
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<Literals>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(|| Arc::new(Self::new(all()))))
    }

    fn new(rules: impl Iterator<Item = (&'static str, Rule)>) -> Self {
        let mut literals =
            Self { levels: Box::new([0; SLOTS]), places: Box::new([0; SLOTS]), buckets: vec![Vec::new()] };
        for (word, rule) in rules {
            match *word.as_bytes() {
                [first, second, third, ..] => literals.add(hash(first, second, third), word, rule),
                // The only ones that are so short have hexadecimal digits behind.
                [first, second] => {
                    for third in b"0123456789abcdef" {
                        literals.add(hash(first, second, *third), word, rule);
                    }
                }
                [_] | [] => {}
            }
        }
        for bucket in &mut literals.buckets {
            bucket.sort_by_key(|entry| std::cmp::Reverse(entry.word.len()));
        }
        literals
    }

    fn add(&mut self, hash: u16, word: &'static str, rule: Rule) {
        let slot = usize::from(hash);
        if let Some(levels) = self.levels.get_mut(slot) {
            *levels |= rule.level(word).bit();
        }
        let Some(place) = self.places.get_mut(slot) else { return };
        if *place == 0 {
            *place = u16::try_from(self.buckets.len()).unwrap_or(0);
            self.buckets.push(Vec::new());
        }
        if let Some(bucket) = self.buckets.get_mut(usize::from(*place)) {
            bucket.push(Entry::new(word, rule));
        }
    }

    /// The next literal from `from` on: where it starts, and the longest one that does so there, whatever the case of
    /// its letters.
    #[inline]
    pub fn next(&self, text: &[u8], from: usize, level: Level) -> Option<(usize, &'static str, Rule)> {
        let mut position = from;
        while position + 3 <= text.len() {
            let tail = text.get(position..).unwrap_or_default();
            let filled: [u8; 24];
            let (block, passed) = match (tail.first_chunk::<SPAN>(), text.last_chunk::<SPAN>()) {
                (Some(block), _) => (block, 0),
                // The last block starts before: what is passed over again was looked at.
                (None, Some(block)) => (block, SPAN - tail.len()),
                (None, None) => {
                    // No literal has a zero in it.
                    filled = filled_up(tail);
                    (filled.first_chunk::<SPAN>()?, 0)
                }
            };
            let mut starts = self.starts(block, level.mask()) >> passed;
            while starts != 0 {
                let place = position + starts.trailing_zeros() as usize;
                if let Some((word, rule)) = self.starting_at(text, place) {
                    return Some((place, word, rule));
                }
                starts &= starts - 1;
            }
            position += BLOCK;
        }
        None
    }

    /// The positions of a block at which a literal of those levels may start, a bit each.
    #[inline]
    fn starts(&self, block: &[u8; SPAN], mask: u8) -> u32 {
        let hashes = hashes(block);
        let levels = |hash: &u16| self.levels.get(usize::from(*hash)).copied().unwrap_or(0);
        // Looked up again where there is something: keeping all of them costs more than that.
        if hashes.iter().fold(0, |seen, hash| seen | levels(hash)) & mask == 0 {
            return 0;
        }
        hashes.iter().rev().fold(0, |starts, hash| (starts << 1) | u32::from(levels(hash) & mask != 0))
    }

    /// The longest literal that starts there.
    fn starting_at(&self, text: &[u8], position: usize) -> Option<(&'static str, Rule)> {
        let tail = text.get(position..)?;
        let &[first, second, third, ..] = tail else { return None };
        let place = self.places.get(usize::from(hash(first, second, third)))?;
        let bucket = self.buckets.get(usize::from(*place))?;
        let head = head(tail);
        let starts = |entry: &&Entry| {
            head & entry.mask == entry.head
                && part(tail, 0, entry.word.len()).eq_ignore_ascii_case(entry.word.as_bytes())
        };
        bucket.iter().find(starts).map(|entry| (entry.word, entry.rule))
    }
}

/// The hash at each position of a block; written so that it is compiled to vector code.
#[inline]
fn hashes(block: &[u8; SPAN]) -> [u16; BLOCK] {
    let mut hashes = [0; BLOCK];
    let (_, seconds) = block.split_at(1);
    let (_, thirds) = block.split_at(2);
    for (((slot, &first), &second), &third) in hashes.iter_mut().zip(block).zip(seconds).zip(thirds) {
        *slot = hash(first, second, third);
    }
    hashes
}

#[cfg(test)]
mod tests {
    use aho_corasick::{AhoCorasick, Anchored, Input, MatchKind, StartKind};
    use proptest::prelude::*;

    use super::super::literals::Tail;
    use super::*;

    /// What the table stands in for: an automaton that is asked at every position.
    fn by_automaton(automaton: &AhoCorasick, text: &[u8]) -> Vec<(usize, &'static str)> {
        let words: Vec<_> = all().map(|(word, _)| word).collect();
        (0..text.len())
            .filter_map(|start| {
                let input = Input::new(text).range(start..).anchored(Anchored::Yes);
                let found = automaton.try_find(input).unwrap()?;
                Some((start, words[found.pattern().as_usize()]))
            })
            .filter(|(start, word)| word.len() > 2 || text.get(start + 2).is_some_and(u8::is_ascii_hexdigit))
            .collect()
    }

    fn automaton() -> &'static AhoCorasick {
        static AUTOMATON: OnceLock<AhoCorasick> = OnceLock::new();
        AUTOMATON.get_or_init(|| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::LeftmostLongest)
                .start_kind(StartKind::Anchored)
                .build(all().map(|(word, _)| word))
                .unwrap()
        })
    }

    fn pieces() -> impl Strategy<Value = String> {
        let words: Vec<_> = all().map(|(word, _)| word).collect();
        let word = prop::sample::select(words);
        prop_oneof![
            word.clone().prop_map(str::to_owned),
            word.clone().prop_map(|word| word.to_ascii_uppercase()),
            (word, 0..8_usize).prop_map(|(word, cut)| word.chars().take(cut).collect()),
            "[ -~]{0,6}",
            "[\\x00\u{e9}]",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_table_finds_what_the_automaton_does(pieces in prop::collection::vec(pieces(), 0..12)) {
            let text = pieces.concat();
            let literals = Literals::shared();
            for level in [Level::Words, Level::Names, Level::Keys] {
                let mut found = Vec::new();
                let mut from = 0;
                while let Some((start, word, _)) = literals.next(text.as_bytes(), from, level) {
                    found.push((start, word));
                    from = start + 1;
                }
                let all = by_automaton(automaton(), text.as_bytes());
                if level == Level::Keys {
                    prop_assert_eq!(found, all);
                    continue;
                }
                // At a lower level no more is found, and nothing of that level is missed.
                let rule_of = |word: &str| super::all().find(|(other, _)| *other == word).unwrap().1;
                prop_assert!(found.iter().all(|hit| all.contains(hit)));
                let mut due = all.iter().filter(|(_, word)| rule_of(word).level(word) <= level);
                prop_assert!(due.all(|hit| found.contains(hit)));
            }
        }
    }

    #[test]
    fn every_key_is_part_of_a_run_that_its_level_asks_for() {
        let is_run = |byte: u8| Tail::Wide.holds(byte) || byte == b'~';
        let is_telling = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        for (word, rule) in all() {
            assert!(word.len() >= 2, "{word}");
            let ending = word.bytes().rev().take_while(|b| is_run(*b));
            let (length, is_told) = match rule {
                Rule::Key(_, _, least) => (least, true),
                Rule::Exact(_, Tail::Capitals, length) => (length, true),
                Rule::Exact(_, tail, length) => {
                    // Small letters alone are a run that is long in itself.
                    assert!(tail != Tail::Wide && length >= 12, "{word}");
                    (length, true)
                }
                Rule::Within(before, _) => (before, true),
                Rule::Jwt | Rule::Azure | Rule::Telegram => (20, word.bytes().any(is_telling)),
                Rule::Armour if !word.contains(' ') => (0, word.bytes().any(is_telling)),
                Rule::PasswordFile
                | Rule::Wifi
                | Rule::Armour
                | Rule::Dsn
                | Rule::Url
                | Rule::Name(_)
                | Rule::Birth
                | Rule::Address => {
                    assert!(rule.level(word) < Level::Keys);
                    continue;
                }
            };
            assert!(word.len() > 2 || matches!(rule, Rule::Exact(_, Tail::Hex, _)), "{word}");
            assert!(length + ending.count() >= super::super::gate::SHORT_RUN && is_told, "{word}");
            assert_eq!(rule.level(word), Level::Keys);
        }
    }
}
