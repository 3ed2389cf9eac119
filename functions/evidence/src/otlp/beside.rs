//! What comes to a model beside a person's words: reminders, files, what a client tells within tools' answers; and what of it a person
//! may have said.

use aws_lc_rs::digest;

use gateway::{Came, Meanwhile, OtherParts, reminders_in, split_reminders};

use crate::body::text_of;
use crate::sentences::{ANSWERED, BEHIND_SENT, BESIDE_ANSWER, REJECTED, SENT_MEANWHILE};

/// Texts that may have been typed while the model worked of which each is told: where there are more, the prompt counts as one that
/// cannot be read.
pub(super) const MOST_MEANWHILE: usize = 64;

/// Bytes of them together, at most, so that no sighting is too large to be looked at.
pub(super) const MEANWHILE: usize = 256 * 1024;

/// How a block ends that a client puts in.
const BLOCK_END: &str = "</system-reminder>";

/// Parts that are named one by one.
const NAMED: usize = 16;

/// Bytes of other parts that are kept as they are; of more, all is told by its digest.
pub(super) const KEPT: usize = 256 * 1024;

/// What came with words and was not said. However many parts it has, it takes no more than so many.
#[derive(Default)]
pub(super) struct Beside {
    pub reminders: String,
    /// What the first of the other parts are, and how many bytes.
    kinds: Vec<(String, usize)>,
    /// How many there are, and of how many bytes.
    pub count: usize,
    size: usize,
    exact: String,
    /// Over all of them, once not all of them are kept.
    hash: Option<digest::Context>,
}

impl Beside {
    /// Adds something that is no text, by a word for it.
    pub fn part(&mut self, kind: &str, raw: &str) {
        if self.kinds.len() < NAMED {
            self.kinds.push((kind.to_owned(), raw.len()));
        }
        self.count = self.count.saturating_add(1);
        self.size = self.size.saturating_add(raw.len());
        self.keep(raw);
        self.keep("\n");
    }

    /// Keeps as much as there is room for, else the digest of all.
    fn keep(&mut self, text: &str) {
        let room = KEPT.saturating_sub(self.exact.len());
        if self.hash.is_some() || text.len() > room {
            self.hashed().update(text.as_bytes());
        }
        self.exact.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
    }

    /// The digest of all so far.
    fn hashed(&mut self) -> &mut digest::Context {
        self.hash.get_or_insert_with(|| {
            let mut hash = digest::Context::new(&digest::SHA256);
            hash.update(self.exact.as_bytes());
            hash
        })
    }

    pub fn add(&mut self, other: Self) {
        let Self { reminders, kinds, count, size, exact, hash } = other;
        self.reminders.push_str(&reminders);
        let room = NAMED.saturating_sub(self.kinds.len());
        self.kinds.extend(kinds.into_iter().take(room));
        self.count = self.count.saturating_add(count);
        self.size = self.size.saturating_add(size);
        self.keep(&exact);
        if let Some(hash) = hash {
            self.hashed().update(hash.finish().as_ref());
        }
    }

    pub fn others(self) -> Option<OtherParts> {
        let Self { reminders: _, kinds, count, size, mut exact, hash } = self;
        let mut told: Vec<String> =
            kinds.iter().map(|(kind, size)| format!("[another part: {kind}, {size} bytes]")).collect();
        let more = count.saturating_sub(kinds.len());
        if more > 0 {
            told.push(format!("[and {more} other parts]"));
        }
        if let Some(hash) = hash {
            let hash = hash.finish();
            let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            exact.push_str(&format!("\n[{size} bytes in all; digest of what came: {hash}]"));
        }
        (!told.is_empty()).then(|| OtherParts { told: told.join("\n"), exact })
    }
}

/// A kind or a role as a record may name it: a word, and else that it is none.
pub(super) fn word_of(kind: &str) -> &str {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b"_- ".contains(&b);
    let is_one = (1..=32).contains(&kind.len()) && kind.bytes().all(is_word);
    if is_one { kind } else { "of an unknown kind" }
}

/// What comes with no words of its own: of each part once, however many messages there are.
#[derive(Default)]
pub(super) struct Alone {
    /// Since the model's last turn, or the last words: it stands with those that come next.
    pub before: Beside,
    /// Since the last words.
    pub behind: Beside,
    /// The texts since the last words that may have been typed, each once.
    pub meanwhile: Vec<Meanwhile>,
    /// Whether there were more of these.
    pub is_cut: bool,
    /// Whether the last words are not answered yet.
    pub has_words: bool,
}

impl Alone {
    /// What came meanwhile so far, and whether that is cut.
    pub fn take_meanwhile(&mut self) -> (Vec<Meanwhile>, bool) {
        (std::mem::take(&mut self.meanwhile), std::mem::take(&mut self.is_cut))
    }

    /// Puts back what came before the rest.
    pub fn came_before(&mut self, (former, is_cut): (Vec<Meanwhile>, bool)) {
        let since = std::mem::replace(&mut self.meanwhile, former);
        self.is_cut |= is_cut;
        since.into_iter().for_each(|came| self.keep_meanwhile(came));
    }

    pub fn part(&mut self, kind: &str, raw: &str) {
        self.before.part(kind, raw);
        self.behind.part(kind, raw);
    }

    fn remind(&mut self, reminders: &str) {
        self.before.reminders.push_str(reminders);
        self.behind.reminders.push_str(reminders);
    }

    /// Adds a text without what of it is a client's, and gives that.
    pub fn without_reminders(&mut self, text: &str) -> Option<String> {
        let (said, reminders) = split_reminders(text);
        if let Some(reminders) = reminders {
            self.remind(&reminders);
            // Beside a tool's answer it stands in a text of its own.
            reminders_in(text).for_each(|block| self.look_for_sent(block, Written::Plainly));
        }
        said
    }

    /// Adds a text that may have been typed while the model worked, as it stands there.
    pub fn came(&mut self, kind: &str, text: &str, came: Came) {
        self.came_meanwhile(kind, text, Meanwhile { text: text.to_owned(), came });
    }

    /// Bytes that are left for what came meanwhile.
    fn room(&self) -> usize {
        MEANWHILE.saturating_sub(self.meanwhile.iter().map(|came| came.text.len()).sum())
    }

    /// The same of one that is compared by another text than stands there.
    // SECURITY: it may as well be a client's, or stand in a file that a model has written: it takes no prompt's place.
    pub fn came_meanwhile(&mut self, kind: &str, raw: &str, came: Meanwhile) {
        self.part(kind, raw);
        self.keep_meanwhile(came);
    }

    fn keep_meanwhile(&mut self, came: Meanwhile) {
        if let Some(known) = self.meanwhile.iter_mut().find(|known| known.text == came.text) {
            known.came = known.came.max(came.came);
        } else if self.meanwhile.len() < MOST_MEANWHILE && came.text.len() <= self.room() {
            self.meanwhile.push(came);
        } else {
            self.is_cut = true;
        }
    }

    /// Whether a text beside a tool's answer is the client's own, or tells of what a person has sent, and then takes that.
    pub fn is_clients(&mut self, text: &str) -> bool {
        let is_sent = text.starts_with(SENT_MEANWHILE);
        // By some models it is told so, and to others within a reminder.
        if is_sent {
            // SECURITY: a file may begin so, too: all of it stands in the record.
            self.came("text beside an answer", text, Came::AsFile);
            self.look_for_sent(text, Written::Plainly);
        }
        is_sent || BESIDE_ANSWER.contains(&text)
    }

    /// Looks in what a tool answered for what a person has answered in its place.
    pub fn look_for_answered(&mut self, raw: &str) {
        for (_, said) in REJECTED.iter().filter_map(|rejected| raw.split_once(rejected)) {
            self.came("words of whoever rejected a call", read(string(said)).trim(), Came::Sent);
        }
        if ANSWERED.iter().any(|answered| raw.contains(answered)) {
            // Nobody else sees what they have asked for by it.
            self.came("answer of a person", raw, Came::Sent);
        }
    }

    /// Looks in what a tool answered, or in a client's reminder, for what a client tells there of a person.
    // SECURITY: whoever makes a tool answer so makes what is known of the prompt less, and no more than that.
    pub fn look_for_sent(&mut self, text: &str, written: Written) {
        // A tool's rows are long, and this is never in most of them.
        let (mut rest, mut all) = (text, Vec::new());
        while let Some((before, sent)) = rest.rsplit_once(SENT_MEANWHILE) {
            if all.len() >= MOST_MEANWHILE {
                self.is_cut = true;
                break;
            }
            all.push(sent);
            rest = before;
        }
        for sent in all.into_iter().rev() {
            let within = |text: &str| text.split_once(BLOCK_END).map_or(text, |(text, _)| text).to_owned();
            let sent = within(sent);
            let (text, is_whole) = match written {
                Written::Plainly => match sent.rsplit_once(&format!("\n\n{BEHIND_SENT}")) {
                    Some((sent, _)) => (sent.to_owned(), true),
                    None => (sent, false),
                },
                // Some exporters write its bracket as an escape.
                Written::InJson => {
                    let (text, is_whole) = unescaped(string(&sent));
                    (within(&text), is_whole)
                }
            };
            let came = if is_whole { Came::Sent } else { Came::SentInPart };
            // It begins with what ends such a block.
            self.is_cut |= text.trim().is_empty();
            self.came("message sent while it worked", text.trim(), came);
        }
    }
}

/// What was sent, as it begins within strings of JSON, which may lie within each other's: without what its client has put behind it, and
/// whether that stood there.
fn unescaped(sent: &str) -> (String, bool) {
    // Two ends of lines, each with as many backslashes as the strings are deep.
    let line = |text: &str| {
        let text = text.strip_suffix('n')?;
        let rest = text.trim_end_matches('\\').len();
        text.get(..rest).filter(|rest| rest.len() < text.len()).map(str::len)
    };
    let mut ends = sent.rmatch_indices(BEHIND_SENT).filter_map(|(at, _)| {
        let end = line(sent.get(..at)?)?;
        line(sent.get(..end)?)
    });
    let whole = ends.next().and_then(|end| sent.get(..end));
    (read(whole.unwrap_or(sent)), whole.is_some())
}

/// The same, whatever is behind it.
fn read(sent: &str) -> String {
    let mut text = sent.to_owned();
    for _ in 0..MOST_STRINGS {
        let Some(read) = text_of(&format!("\"{text}\"")) else { break };
        text = read;
        // It begins with the end of a line.
        if !text.starts_with('\\') {
            break;
        }
    }
    text
}

/// So much of a text as stands in the same string of JSON as its beginning, the end of a line: the quote that ends that has fewer
/// backslashes before it.
fn string(text: &str) -> &str {
    let backslashes = |text: &str| text.len() - text.trim_end_matches('\\').len();
    let depth = text.len() - text.trim_start_matches('\\').len();
    let mut quotes = text.match_indices('"').map(|(at, _)| text.get(..at).unwrap_or_default());
    quotes.find(|before| backslashes(before) < depth).unwrap_or(text)
}

/// So deep strings of JSON within each other are read.
const MOST_STRINGS: usize = 3;

/// How a text stands there.
#[derive(Clone, Copy)]
pub(super) enum Written {
    Plainly,
    /// Within JSON's strings.
    InJson,
}
