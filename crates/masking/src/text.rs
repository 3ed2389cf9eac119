//! Texts as cells have them: JSON is walked, also where it stands within other text; everything else is scanned.

use crate::detectors::{Context, Detectors, Finding, Kind, Scratch, Seen};
use crate::lexical::{at, before, run_end};
use crate::notation::{bare_key_end, behind_mark, is_space};
use crate::walk::{Stop, Walk};

/// Which texts are read as JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum JsonValues {
    /// None.
    Never,
    /// Objects and arrays.
    Containers,
    /// Scalars as well: the column holds JSON.
    Any,
}

/// What became of a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Kept,
    /// The masked text lies in the scratch's `cell`.
    Changed,
    /// Nobody can tell what it holds.
    Unreadable,
}

/// How many documents within strings are read that are within each other: each costs a look more at what it holds.
const NESTING: u8 = 3;

/// Masks a text; what was found is left in the scratch's `kinds`.
pub(crate) fn mask(
    detectors: &Detectors,
    context: Context,
    values: JsonValues,
    text: &str,
    scratch: &mut Scratch,
) -> Outcome {
    let may_be_json = match values {
        JsonValues::Never => return changed(detectors.redact_into(text, context, scratch)),
        // Most texts begin as no JSON does: with a letter or a digit.
        JsonValues::Containers => {
            text.bytes().next().is_some_and(|first| first <= b' ' || matches!(first, b'{' | b'[' | 0xEF))
        }
        JsonValues::Any => true,
    };
    if !may_be_json {
        let is_found = detectors.redact_into(text, context, scratch);
        return if scratch.finder.has_quote {
            with_documents(detectors, context, text, is_found, scratch)
        } else {
            changed(is_found)
        };
    }
    mask_json(detectors, context, values, text, scratch)
}

/// Masks a text that may be JSON.
#[inline(never)]
fn mask_json(
    detectors: &Detectors,
    context: Context,
    values: JsonValues,
    text: &str,
    scratch: &mut Scratch,
) -> Outcome {
    let start = run_end(text.as_bytes(), behind_mark(text), usize::MAX, is_space);
    let first = at(text.as_bytes(), start);
    let is_container = matches!(first, b'{' | b'[');
    if is_container || values == JsonValues::Any && matches!(first, b'"' | b'-' | b'0'..=b'9') {
        scratch.cell.clear();
        let bom = text.get(..start).filter(|head| !head.is_empty());
        let mut walk = Walk::new(detectors, text, start, NESTING, scratch);
        let walked = walk.documents(context);
        let is_json = match walked {
            Ok(()) => walk.is_telling() || values == JsonValues::Any,
            // A text that is cut, as those of logs are.
            Err(Stop::Cut) => walk.has_keys() && values == JsonValues::Containers,
            Err(Stop::Broken | Stop::TooDeep) => false,
        };
        if is_json {
            let (_, is_changed) = walk.finish();
            if is_changed && let Some(head) = bom {
                scratch.cell.insert_str(0, head);
            }
            return changed(is_changed);
        }
        forget(scratch);
        if walked == Err(Stop::TooDeep) || values == JsonValues::Any && (is_container || first == b'"') {
            scratch.kinds.push(Kind::Overrun);
            return Outcome::Unreadable;
        }
    }
    let is_found = detectors.redact_into(text, context, scratch);
    if !is_container && !scratch.finder.has_quote {
        return changed(is_found);
    }
    with_documents(detectors, context, text, is_found, scratch)
}

/// Looks for documents in a text that has been scanned.
#[inline(never)]
fn with_documents(
    detectors: &Detectors,
    context: Context,
    text: &str,
    is_found: bool,
    scratch: &mut Scratch,
) -> Outcome {
    let flagged = scratch.finder.flagged.len();
    match documents_within(detectors, context, text, NESTING) {
        None => changed(is_found),
        Some(Err(_)) => {
            forget(scratch);
            scratch.kinds.push(Kind::Overrun);
            Outcome::Unreadable
        }
        Some(Ok(within)) => {
            scratch.finder.flagged.truncate(flagged);
            scratch.kinds = within.kinds;
            let is_changed = within.masked.is_some();
            scratch.cell = within.masked.unwrap_or_default();
            changed(is_changed)
        }
    }
}

const fn changed(is_changed: bool) -> Outcome {
    if is_changed { Outcome::Changed } else { Outcome::Kept }
}

/// Forgets what was made of a text.
fn forget(scratch: &mut Scratch) {
    scratch.cell.clear();
    scratch.kinds.clear();
    scratch.finder.flagged.clear();
}

/// A text with documents in it, masked.
pub(crate) struct Within {
    /// None where it stays.
    pub masked: Option<String>,
    pub kinds: Vec<Kind>,
}

/// A document in a text: its bounds, and what became of it if that is another.
struct Document {
    start: usize,
    end: usize,
    masked: Option<String>,
    kinds: Vec<Kind>,
}

/// Masks a text in which documents stand (`payload: {"name": …}`): those by their keys, and what is around them as any
/// text. None where there is no document; an error where one is nested too deep.
pub(crate) fn documents_within(
    detectors: &Detectors,
    context: Context,
    text: &str,
    nesting: u8,
) -> Option<Result<Within, Stop>> {
    let mut documents = Vec::new();
    let mut from = 0;
    while let Some(start) = next_document(text.as_bytes(), from) {
        let mut scratch = Scratch::default();
        let mut walk = Walk::new(detectors, text, start, nesting, &mut scratch);
        let is_string = at(text.as_bytes(), start) == b'"';
        let walked = walk.document(context);
        if walked == Err(Stop::TooDeep) {
            return Some(Err(Stop::TooDeep));
        }
        let is_one = walk.has_keys() || is_string && walked.is_ok() && nesting > 0;
        let (end, is_changed) = walk.finish();
        if !is_one || end <= start {
            from = start + 1;
            continue;
        }
        from = end;
        let masked = is_changed.then_some(scratch.cell);
        documents.push(Document { start, end, masked, kinds: scratch.kinds });
    }
    if documents.is_empty() {
        return None;
    }
    let mut around = Scratch::default();
    detectors.find(text, context, &mut around.finder);
    Some(Ok(assemble(detectors, text, documents, around.finder.findings)))
}

/// Puts together what was found in documents and around them.
fn assemble(
    detectors: &Detectors,
    text: &str,
    mut documents: Vec<Document>,
    mut findings: Vec<Finding>,
) -> Within {
    // What is found across a document's edge hides it whole.
    documents.retain(|document| {
        let crossing = findings.iter_mut().find(|finding| {
            finding.start < document.start && document.start < finding.end
                || finding.start < document.end && document.end < finding.end
        });
        let is_hidden = crossing.is_some();
        if let Some(finding) = crossing {
            finding.start = finding.start.min(document.start);
            finding.end = finding.end.max(document.end);
            finding.seen = Seen::Through;
        }
        !is_hidden
    });
    findings.retain(|finding| {
        !documents.iter().any(|document| document.start <= finding.start && finding.end <= document.end)
    });
    // What was made longer may lie over others now.
    findings.sort_unstable_by_key(|finding| finding.start);
    findings.dedup_by(|later, earlier| {
        let overlaps = later.start < earlier.end;
        if overlaps {
            earlier.end = earlier.end.max(later.end);
        }
        overlaps
    });
    let (mut masked, mut kinds) = (String::with_capacity(text.len()), Vec::new());
    let mut is_changed = !findings.is_empty();
    let mut done = 0;
    let write_around = |from: usize, to: usize, out: &mut String| {
        let shifted: Vec<Finding> = findings
            .iter()
            .filter(|finding| from <= finding.start && finding.end <= to)
            .map(|finding| Finding { start: finding.start - from, end: finding.end - from, ..*finding })
            .collect();
        detectors.write_redacted(text.get(from..to).unwrap_or_default(), &shifted, out);
        shifted.into_iter().map(|finding| finding.kind).collect::<Vec<_>>()
    };
    for document in documents {
        kinds.extend(write_around(done, document.start, &mut masked));
        is_changed |= document.masked.is_some();
        let original = text.get(document.start..document.end).unwrap_or_default();
        masked.push_str(document.masked.as_deref().unwrap_or(original));
        kinds.extend(document.kinds);
        done = document.end;
    }
    kinds.extend(write_around(done, text.len(), &mut masked));
    Within { masked: is_changed.then_some(masked), kinds }
}

/// Where the next document may start: an object with a key, or a string that holds one.
fn next_document(text: &[u8], from: usize) -> Option<usize> {
    const MOST_BLANKS: usize = 64;
    let mut position = from;
    loop {
        let found = memchr::memchr(b'{', text.get(position..)?)?;
        let open = position + found;
        position = open + 1;
        let key = run_end(text, position, MOST_BLANKS, is_space);
        match at(text, key) {
            b'"' | b'\'' => return Some(open),
            // `"{\"name\": …}"`, laid out or not.
            b'\\' => {
                let list = open - usize::from(before(text, open) == b'[');
                if list > from && before(text, list) == b'"' {
                    return Some(list - 1);
                }
            }
            _ if bare_key_end(text, key).is_some_and(|end| matches!(at(text, end), b'=' | b':')) => {
                return Some(open);
            }
            _ => {}
        }
    }
}
