//! A model's answer, which may use tools any number of times: told in as many pieces as it takes, and read once.

use aws_lc_rs::digest;
use gateway::Sighting;

use super::messages::{Heard, Use, Words, last_words, used, uses};
use super::{Gathering, LeftOut};
use crate::hooks::{Called, Tool};

/// One, and how far it is told: each use of our tool that it produced, and once what it received last of a user, which they
/// point to.
pub(super) struct Answer {
    base: Sighting,
    prompt: Option<Words>,
    /// Their digest.
    words: Option<String>,
    is_prompt_unread: bool,
    /// What the model produced, and where in it the uses stand.
    output: String,
    uses: std::vec::IntoIter<(u32, u32)>,
    /// Whether something of it cannot be read, or be taken.
    is_left_out: bool,
}

impl Answer {
    /// Of what the model received and produced.
    pub fn of(input: Option<String>, output: String, base: Sighting) -> Self {
        let (prompt, is_prompt_unread) = match input.as_deref().map(last_words) {
            Some(Heard::Words(words)) => {
                let is_cut = words.is_cut;
                (Some(words), is_cut)
            }
            Some(Heard::Unread) => (None, true),
            Some(Heard::Nothing) | None => (None, false),
        };
        let words = prompt.as_ref().map(word_of);
        let (uses, is_whole) = uses(&output);
        let uses = uses.into_iter();
        Self { base, prompt, words, is_prompt_unread, output, uses, is_left_out: !is_whole }
    }

    /// Tells on, until all is told or the piece is full; what is left then.
    ///
    /// # Errors
    /// [`LeftOut`] when all is told that can be, and that was not all.
    pub fn tell(mut self, into: &mut Gathering<'_>) -> Result<Option<Self>, LeftOut> {
        while !self.uses.as_slice().is_empty() {
            if into.is_full() {
                return Ok(Some(self));
            }
            let Self { base, prompt, words, is_prompt_unread, output, uses, is_left_out } = &mut self;
            let taken = if let Some(words_of) = prompt.take() {
                let Words {
                    said,
                    reminders,
                    blocks,
                    others,
                    command,
                    earlier,
                    is_beside_answer,
                    meanwhile,
                    is_cut: _,
                } = words_of;
                let (subject, mail, words) = (base.subject.clone(), base.mail.clone(), words.clone());
                let said = Sighting { prompt: Some(said), reminders, blocks, others, ..Sighting::default() };
                let said = Sighting { command, earlier, is_beside_answer, meanwhile, ..said };
                into.push(Sighting { subject, mail, words, ..said })
            } else if let Some(Use { id, tool, name, called }) = uses.next().and_then(|at| used(output, at)) {
                let Called { statement, under, is_unread } = called;
                into.push(Sighting {
                    words: words.clone(),
                    tool_use: Some(id),
                    tool: Some(name),
                    statement,
                    under,
                    is_unread,
                    is_prompt_unread: *is_prompt_unread,
                    is_look: tool == Tool::Look,
                    ..base.clone()
                })
            } else {
                Err(LeftOut)
            };
            *is_left_out |= taken.is_err();
        }
        if self.is_left_out { Err(LeftOut) } else { Ok(None) }
    }
}

/// The same words are the same prompt, whichever call received them: kept once, under this.
fn word_of(
    Words { said, reminders, blocks, others, command, earlier, is_beside_answer, meanwhile, is_cut }: &Words,
) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    let others = others.as_ref().map(|others| others.exact.as_str());
    let texts = [reminders, blocks, command, earlier].map(Option::as_deref);
    let mut flags = vec![u8::from(*is_cut), u8::from(*is_beside_answer)];
    flags.extend(meanwhile.iter().map(|since| since.came as u8));
    hash.update(&(flags.len() as u64).to_be_bytes());
    hash.update(&flags);
    let meanwhile = meanwhile.iter().map(|since| Some(since.text.as_str()));
    for text in [Some(said.as_str()), others].into_iter().chain(texts).chain(meanwhile) {
        let text = text.unwrap_or_default();
        hash.update(&(text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
