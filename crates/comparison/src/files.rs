//! Which files of a bundle differ, and where.

use std::collections::{BTreeMap, BTreeSet};

use legible::{Look, told};

/// Lines of one file that are shown, at most, of either side.
const LINES: usize = 40;

/// One line for each file that differs, and its lines that do.
pub(crate) fn changes(before: &BTreeMap<String, Vec<u8>>, after: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut found = Vec::new();
    for path in paths {
        let name = told(path, Look::Name);
        match (before.get(path), after.get(path)) {
            (Some(before), Some(after)) if before == after => {}
            (Some(before), Some(after)) => {
                found.push(format!("changed {name}"));
                found.extend(lines(before, after));
            }
            (Some(_), None) => found.push(format!("removed {name}")),
            (None, Some(after)) => {
                found.push(format!("added   {name}"));
                found.extend(lines(&[], after));
            }
            (None, None) => {}
        }
    }
    found
}

/// What lies between the lines that both begin and end with: those of before, then those of after.
fn lines(before: &[u8], after: &[u8]) -> Vec<String> {
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let alike = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let (before, after) = (before.get(alike..).unwrap_or_default(), after.get(alike..).unwrap_or_default());
    let at_end = before.iter().rev().zip(after.iter().rev()).take_while(|(one, other)| one == other).count();
    let side = |sign: char, lines: &[&str]| {
        let differing = lines.len().saturating_sub(at_end);
        let shown = lines.iter().take(differing.min(LINES));
        // SECURITY: whoever wrote the bundle does not write on the terminal of whoever judges it.
        let mut told: Vec<String> =
            shown.map(|line| format!("  {sign} {}", told(line, Look::Code))).collect();
        let more = differing.saturating_sub(LINES);
        if more > 0 {
            told.push(format!("  {sign} and {more} lines more"));
        }
        told
    };
    let mut found = side('-', before);
    found.extend(side('+', after));
    found
}
