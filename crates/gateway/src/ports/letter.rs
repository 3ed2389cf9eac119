//! What a reviewer reads, in words. Everything that is told stands in the notice: ids, names, and sentences of ours.

use std::fmt::Write as _;

use super::{Invitation, Notice};
use crate::settings::SignIn;

impl Notice {
    /// Who asks, and for whom.
    pub fn who(&self) -> String {
        let Self { agent, person, .. } = self;
        person.as_ref().map_or_else(|| agent.clone(), |person| format!("{agent} for {person}"))
    }

    /// Until when, to the minute, as people read it.
    pub fn until(&self) -> String {
        let text = self.expires.to_string();
        let minute = text.get(..16).unwrap_or(&text).replace('T', " ");
        format!("{minute} UTC")
    }

    /// The subject of a letter about it, of any length.
    pub fn subject(&self) -> String {
        format!("Approval wanted: {} asks to {}", self.agent, self.verbs())
    }

    /// A letter about it to one reviewer: plain text in short lines, one thing a paragraph, for it is read on a phone.
    // SECURITY: it holds their link, and is for nobody else.
    pub fn letter(&self, invited: &Invitation) -> String {
        let Self { class, writes, reads, more, reason, rules, sign_in, .. } = self;
        let mut text = format!(
            "An agent asks for your approval.\n\nWho asks: {}\nWhat: {} ({class})\n",
            self.who(),
            self.verbs()
        );
        for (what, objects) in [("Changes", writes), ("Reads", reads)] {
            for object in objects {
                let _ = writeln!(text, "{what}: {object}");
            }
        }
        if *more > 0 {
            let _ = writeln!(text, "and {more} more objects");
        }
        let _ = write!(text, "\nWhy it waits: {reason}\n");
        let _ = write!(
            text,
            "Until: {}, then it is denied\n\nRead exactly what would run, and decide:\n{}\n\n",
            self.until(),
            invited.link.reveal()
        );
        let signs_in = match sign_in {
            SignIn::Oidc => " You sign in first.",
            SignIn::Development => "",
        };
        let _ = write!(
            text,
            "The link is yours alone: do not pass it on.{signs_in}\nOpening it decides nothing, and answers to this mail are not\nread.\n"
        );
        if !rules.is_empty() {
            let _ = write!(text, "\nRules that led here: {}\n", rules.join(", "));
        }
        text
    }

    fn verbs(&self) -> String {
        self.kinds.join(", ").replace('_', " ")
    }
}
