//! Telephone numbers: E.164, North American, and national ones by the words around.

use super::Kind;
use super::checks;
use super::digits::{Window, extension_end};
use super::topic::Topic;
use crate::lexical::{before, is_word};

type Found = (usize, usize, Kind);

/// `+33 6 12 34 56 78`, `0049 30 1234567`.
pub(super) fn international(window: &Window<'_>) -> Option<Found> {
    let start = window.start();
    let open = if before(window.text, start) == b'(' { start - 1 } else { start };
    let count = window.digits.len();
    let has_plus = before(window.text, open) == b'+';
    if has_plus {
        let sign = open - 1;
        let is_free = !is_word(before(window.text, sign));
        let is_number = (8..=15).contains(&count) && window.digits.first() != Some(&0);
        let from = if before(window.text, sign) == b'(' { sign - 1 } else { sign };
        return (is_free && is_number).then_some((from, window.end(), Kind::Phone));
    }
    // A prefix for abroad is only one where the number is written as a telephone's.
    let has_prefix = matches!(window.digits, [0, 0, 1..=9, ..]) && (11..=17).contains(&count);
    let is_written = window.is_whole && window.groups.len() >= 3 || window.topic.has(Topic::PHONE);
    (has_prefix && is_written && !window.starts_with_date()).then_some((start, window.end(), Kind::Phone))
}

/// North American numbers by their shape; any other by the words around.
pub(super) fn national(window: &Window<'_>) -> Option<Found> {
    let start = if before(window.text, window.start()) == b'(' { window.start() - 1 } else { window.start() };
    let found = (start, window.end(), Kind::Phone);
    let count = window.digits.len();
    if window.starts_with_date() {
        return None;
    }
    if window.is_spaced {
        return (10..=15).contains(&count).then_some(found);
    }
    if is_north_american(window) {
        return Some(found);
    }
    let is_number = (7..=15).contains(&count) && window.groups.len() <= 7;
    (window.topic.has(Topic::PHONE) && is_number).then_some(found)
}

fn is_north_american(window: &Window<'_>) -> bool {
    let (national, seams) = if window.is_shaped(&[1, 3, 3, 4]) && window.digits.first() == Some(&1) {
        (window.digits.get(1..).unwrap_or_default(), [window.seam(1), window.seam(2)])
    } else if window.is_shaped(&[3, 3, 4]) {
        (window.digits, [window.seam(0), window.seam(1)])
    } else {
        return false;
    };
    // Blanks alone stand between any three numbers.
    let is_joined = seams.iter().any(|seam| seam.iter().any(|&b| matches!(b, b'-' | b'.' | b')')));
    let area = checks::number(national, 0, 3);
    let exchange = checks::number(national, 3, 6);
    let is_given = (200..=999).contains(&area) && area % 100 != 11 && (200..=999).contains(&exchange);
    is_joined && (is_given || extension_end(window.text, window.end()).is_some())
}
