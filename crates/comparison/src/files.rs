//! Which files of a bundle differ, and where.

use std::collections::{BTreeMap, BTreeSet};

use legible::{Look, told};
use similar::{ChangeTag, TextDiff};

type Files = BTreeMap<String, Vec<u8>>;

/// One line for each file that differs, and each of its lines that do: all of them, for what is not shown is judged by nobody.
pub(crate) fn changes(before: &Files, after: &Files) -> Vec<String> {
    let (was, is) = (without(before, after), without(after, before));
    let mut moved: BTreeMap<&String, &String> = BTreeMap::new();
    for (path, bytes) in &is {
        // The same bytes under another name.
        let from =
            was.iter().find(|(old, same)| *same == bytes && !moved.values().any(|taken| taken == *old));
        if let Some((old, _)) = from {
            moved.insert(path, old);
        }
    }
    let gone = |path: &&String| !is.contains_key(path) && !moved.values().any(|old| old == path);
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
            (Some(before), None) if gone(&path) => {
                found.push(format!("removed {name}"));
                found.extend(lines(before, &[]));
            }
            (None, Some(after)) => match moved.get(path) {
                Some(old) => found.push(format!("renamed {} to {name}", told(old, Look::Name))),
                None => {
                    found.push(format!("added   {name}"));
                    found.extend(lines(&[], after));
                }
            },
            (Some(_), None) | (None, None) => {}
        }
    }
    found
}

/// The files of one whose paths the other does not have.
fn without<'a>(files: &'a Files, other: &Files) -> BTreeMap<&'a String, &'a Vec<u8>> {
    files.iter().filter(|(path, _)| !other.contains_key(*path)).collect()
}

/// The lines that differ, in their order; what lies apart is told with its line.
fn lines(before: &[u8], after: &[u8]) -> Vec<String> {
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    let differing = TextDiff::from_lines(before.as_ref(), after.as_ref());
    let mut found = Vec::new();
    for (at, group) in differing.grouped_ops(0).iter().enumerate() {
        if at > 0 {
            let line = group.first().map_or(0, |first| first.new_range().start).saturating_add(1);
            found.push(format!("  line {line}:"));
        }
        for change in group.iter().flat_map(|op| differing.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => continue,
            };
            // SECURITY: whoever wrote the bundle does not write on the terminal of whoever judges it.
            let line = change.value().trim_end_matches(['\n', '\r']);
            found.push(format!("  {sign} {}", told(line, Look::Code)));
        }
    }
    found
}
