//! What of one body has been looked for: thousands may share a trace and a prompt, and are found by them once.

use std::collections::BTreeMap;

use crate::ports::{Keyed, StoredSighting, Subject};

/// One word that a channel's sightings of one moment are found by, and whose they are.
type Tie = (&'static str, String, [Option<String>; 3]);

/// The words that were looked for, and whether something was found by what they were looked for with.
#[derive(Default)]
pub(super) struct Looked(BTreeMap<Tie, bool>);

impl Looked {
    /// Sightings with what has not been looked for yet, without those of which that is nothing; and all their words.
    pub fn new_of(&mut self, sightings: &[StoredSighting]) -> (Vec<StoredSighting>, Vec<Tie>) {
        let (mut new, mut ties) = (Vec::new(), Vec::new());
        for sighting in sightings {
            let mut sighting = sighting.clone();
            let Subject { issuer, subject, agent } = &sighting.subject;
            let whose = [issuer.clone(), subject.clone(), agent.clone()];
            let is_use = sighting.tells_a_use_alone();
            let Keyed { tool_use, trace, word, statement } = &mut sighting.keyed;
            let prompt = &mut sighting.prompt_id;
            if is_use {
                *prompt = None;
            }
            let mut is_new = false;
            for (kind, text) in [
                ("tool_use", tool_use),
                ("trace", trace),
                ("word", word),
                ("statement", statement),
                ("prompt", prompt),
            ] {
                let Some(tie) = text.clone().map(|text| (kind, text, whose.clone())) else { continue };
                if self.0.contains_key(&tie) || ties.contains(&tie) {
                    *text = None;
                } else {
                    is_new = true;
                }
                ties.push(tie);
            }
            if is_new {
                new.push(sighting);
            }
        }
        (new, ties)
    }

    /// Notes that something was found by these words.
    pub fn found(&mut self, ties: Vec<Tie>) {
        self.0.extend(ties.into_iter().map(|tie| (tie, true)));
    }

    /// Notes that nothing was found by what is new of these words; whether something was before.
    pub fn found_nothing_new(&mut self, ties: Vec<Tie>) -> bool {
        let was_any = ties.iter().any(|tie| self.0.get(tie) == Some(&true));
        for tie in ties {
            *self.0.entry(tie).or_default() |= was_any;
        }
        was_any
    }
}
