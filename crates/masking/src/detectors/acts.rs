//! Text that acts on its reader: instructions to a model, characters that nobody sees, links that are followed unasked.
//!
//! Results are data. An agent reads them all the same, and whoever can write a cell can write to the agent. What is
//! found here is a hint that somebody tried, never a promise that nobody did.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::fold::View;
use super::settings::{Stance, Stances};
use super::{Finding, Kind};
use crate::lexical::{at, part, run_end, run_start};

/// Phrases that speak to a model, and marks with which chat templates separate who speaks.
const PHRASES: &[&str] = &[
    "ignore previous instructions",
    "ignore the previous instructions",
    "ignore all previous",
    "ignore all prior",
    "ignore your previous",
    "ignore your instructions",
    "ignore any previous",
    "ignore prior instructions",
    "ignore the above",
    "ignore everything above",
    "ignore all instructions",
    "disregard previous",
    "disregard all previous",
    "disregard the above",
    "disregard your",
    "disregard any",
    "disregard all prior",
    "forget previous instructions",
    "forget all previous",
    "forget your instructions",
    "forget everything above",
    "override your instructions",
    "override previous instructions",
    "new instructions:",
    "updated instructions:",
    "your new task is",
    "your new instructions",
    "you are now ",
    "from now on you ",
    "from now on, you ",
    "pretend you are",
    "pretend to be",
    "act as if you",
    "do not tell the user",
    "don't tell the user",
    "without telling the user",
    "do not inform the user",
    "do not mention this to",
    "hide this from the user",
    "reveal your system prompt",
    "print your system prompt",
    "your system prompt",
    "system prompt:",
    "repeat the words above",
    "developer mode enabled",
    "jailbreak",
    "begin system message",
    "end of system message",
    "as the ai assistant, you",
    "attention ai",
    "note to ai",
    "instructions for the ai",
    "instruction to the assistant",
    "important: assistant",
    "assistant must ",
    "the assistant should ",
    "call the tool",
    "use the tool ",
    "run the following command",
    "execute the following",
    "send the contents of",
    "exfiltrate",
    "<|im_start|>",
    "<|im_end|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|endoftext|>",
    "<|begin_of_text|>",
    "<|start_header_id|>",
    "[inst]",
    "[/inst]",
    "<<sys>>",
    "<system>",
    "</system>",
    "<system-reminder>",
    "<instructions>",
    "### instruction",
    "### system",
    "\n\nhuman:",
    "\n\nassistant:",
    "ignoriere alle vorherigen",
    "ignoriere die vorherigen",
    "ignorez les instructions",
    "ignore les instructions precedentes",
    "ignora las instrucciones",
    "ignora todas las instrucciones",
    "ignora le istruzioni",
    "ignore as instrucoes anteriores",
];

fn phrases() -> Option<&'static AhoCorasick> {
    static PHRASES_AUTOMATON: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    PHRASES_AUTOMATON
        .get_or_init(|| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::LeftmostFirst)
                .build(PHRASES)
                .ok()
        })
        .as_ref()
}

/// Adds what acts on its reader to the findings, as far as the stances ask for it.
pub(super) fn find(text: &str, stances: Stances, findings: &mut Vec<Finding>) {
    if text.is_ascii() {
        said(text.as_bytes(), stances, findings);
    } else if stances.instructions != Stance::Off || stances.links != Stance::Off {
        // SECURITY: as it looks, and as it will stand there once hidden characters are taken out.
        let mut view = View::default();
        view.fold(text);
        let mut folded = Vec::new();
        said(&view.bytes, stances, &mut folded);
        findings.extend(folded.into_iter().filter_map(|found| {
            let (start, end) = view.span(found.start, found.end)?;
            Some(Finding::new(start, end, found.kind))
        }));
    }
    if stances.hidden != Stance::Off && !text.is_ascii() {
        hidden(text, findings);
    }
}

fn said(text: &[u8], stances: Stances, findings: &mut Vec<Finding>) {
    if stances.instructions != Stance::Off {
        instructions(text, findings);
    }
    if stances.links != Stance::Off {
        links(text, findings);
    }
}

/// The sentence around each phrase.
fn instructions(text: &[u8], findings: &mut Vec<Finding>) {
    const LONGEST: usize = 400;
    let Some(phrases) = phrases() else { return };
    let is_inside = |b: u8| !matches!(b, b'.' | b'!' | b'?' | b'\n');
    let mut done = 0;
    for hit in phrases.find_iter(text) {
        if hit.start() < done {
            continue;
        }
        let start = run_start(text, hit.start(), LONGEST, is_inside);
        let start = run_end(text, start, LONGEST, |b| b == b' ').min(hit.start());
        let end = run_end(text, hit.end(), LONGEST, is_inside);
        // Neither end may cut a character.
        let start = run_end(text, start, 3, is_continuation).max(done).min(hit.start());
        let end = if is_continuation(at(text, end)) {
            run_start(text, end, 3, is_continuation).saturating_sub(1).max(hit.end())
        } else {
            end
        };
        findings.push(Finding::new(start, end, Kind::Instruction));
        done = end;
    }
}

const fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// The target of each Markdown link or image: `(https://…)` behind `]`.
fn links(text: &[u8], findings: &mut Vec<Finding>) {
    const LONGEST: usize = 2048;
    let mut from = 0;
    while let Some(found) = memchr::memmem::find(text.get(from..).unwrap_or_default(), b"](") {
        let open = from + found + 1;
        let end = run_end(text, open + 1, LONGEST, |b| b != b')' && b != b'\n');
        let target = part(text, open + 1, end);
        let has_scheme = memchr::memchr(b':', target).is_some() || target.starts_with(b"//");
        if at(text, end) == b')' && has_scheme {
            findings.push(Finding::new(open, end + 1, Kind::Link));
        }
        from = if at(text, end) == b')' { end + 1 } else { open + 1 };
    }
}

/// Runs of characters that nobody sees. Joiners stay where scripts and emoji need them, and marks of direction where
/// right-to-left letters stand.
fn hidden(text: &str, findings: &mut Vec<Finding>) {
    let is_right_to_left =
        text.chars().any(|c| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{feff}') && c != '\u{feff}');
    let mut run: Option<(usize, usize)> = None;
    let mut before = ' ';
    let mut is_flag = false;
    for (start, character) in text.char_indices() {
        let is_hidden = match character {
            '\u{e0000}'..='\u{e007f}' => !is_flag,
            '\u{200b}'
            | '\u{2060}'..='\u{2064}'
            | '\u{feff}'
            | '\u{180e}'
            | '\u{ad}'
            | '\u{3164}'
            | '\u{ffa0}' => true,
            '\u{200c}' | '\u{200d}' => before.is_ascii(),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
            '\u{200e}' | '\u{200f}' | '\u{61c}' => !is_right_to_left,
            // Many selectors in a row carry bytes; one belongs to the emoji before it.
            '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
                matches!(before, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
            }
            _ => false,
        };
        // The flags of England, Scotland and Wales are spelt in tags.
        is_flag = character == '\u{1f3f4}' || is_flag && matches!(character, '\u{e0000}'..='\u{e007f}');
        before = character;
        let end = start + character.len_utf8();
        run = match (is_hidden, run) {
            (true, Some((from, _))) => Some((from, end)),
            (true, None) => Some((start, end)),
            (false, Some((from, to))) => {
                findings.push(Finding::new(from, to, Kind::HiddenText));
                None
            }
            (false, None) => None,
        };
    }
    if let Some((from, to)) = run {
        findings.push(Finding::new(from, to, Kind::HiddenText));
    }
}
