//! Patterns of a deployment's own.

use super::scan::Scan;
use super::{Finding, Kind};
use crate::lexical::part;

/// How far before a hit a context word may stand.
const REACH: usize = 48;

/// Tries every pattern of the set's own on the text.
///
/// A pattern's match has a longest length, so that all matches of one are found in one walk.
pub(super) fn find(scan: &mut Scan<'_>) {
    let set = scan.set;
    for (place, pattern) in (0_u8..).zip(set.custom()) {
        let Some(expression) = &pattern.expression else {
            // SECURITY: what a pattern should find must not pass because the pattern is broken.
            scan.fuel = 0;
            return;
        };
        let is_named = pattern.context.is_empty() || scan.context.named & (1_u32 << place) != 0;
        for hit in expression.find_iter(scan.text) {
            if hit.is_empty() || !is_named && !is_spoken(scan.text, hit.start(), &pattern.context) {
                continue;
            }
            let finding = Finding::new(hit.start(), hit.end(), Kind::Custom);
            scan.findings.push(Finding { custom: place + 1, ..finding });
        }
    }
}

/// Whether one of the words stands shortly before a position.
fn is_spoken(text: &[u8], position: usize, words: &[String]) -> bool {
    let before = part(text, position.saturating_sub(REACH), position);
    words.iter().any(|word| {
        let word = word.as_bytes();
        !word.is_empty() && before.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
    })
}
