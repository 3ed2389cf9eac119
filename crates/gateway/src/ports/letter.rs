//! What a reviewer reads, in words. Everything that is told stands in the notice: ids, names, and sentences of ours.

use std::fmt::Write as _;

use super::{Invitation, Notice};
use crate::approval::Reminded;
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
        // Whoever pads a change with objects that matter less must not hide the one that matters.
        let changes = match self.more_writes {
            0 => String::new(),
            more => format!(" ({} objects)", self.writes.len().saturating_add(more)),
        };
        let wanted = match self.reminded {
            Some(Reminded::Told) => "Reminder: approval wanted",
            Some(Reminded::Second) | None => "Approval wanted",
        };
        format!("{wanted}{changes}: {} asks to {}", unlinked(&self.agent), self.verbs())
    }

    /// A letter about it to one reviewer: plain text in short lines, one thing a paragraph, for it is read on a phone.
    // SECURITY: it holds their link, and is for nobody else.
    pub fn letter(&self, invited: &Invitation) -> String {
        let Self { agent, person, class, writes, reads, more_writes, more, reason, rules, sign_in, .. } =
            self;
        let begins = match self.reminded {
            Some(Reminded::Told) => "An agent still waits for your approval.",
            Some(Reminded::Second) => "An agent asks for your approval: nobody else has decided so far.",
            None => "An agent asks for your approval.",
        };
        let mut text = format!("{begins}\n\nWho asks: {}", unlinked(agent));
        if let Some(person) = person {
            let _ =
                write!(text, " for {}", if is_address(person) { person.clone() } else { unlinked(person) });
        }
        let _ = writeln!(text, "\nWhat: {} ({class})", self.verbs());
        for (what, objects, more) in [("Changes", writes, more_writes), ("Reads", reads, more)] {
            for object in objects {
                let _ = writeln!(text, "{what}: {}", unlinked(object));
            }
            if *more > 0 {
                let _ = writeln!(text, "{what} {more} more objects, not named here");
            }
        }
        let _ = write!(text, "\nWhy it waits: {}\n", unlinked_names(reason));
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

/// A name of which no phone and no mail program makes a link: with a blank around whatever an address is written with.
// SECURITY: an agent may choose names, of itself or of what it would make, and `DEMO.EVIL.COM` is an address.
fn unlinked(name: &str) -> String {
    let mut text = String::with_capacity(name.len().saturating_mul(2));
    for c in name.chars() {
        if matches!(c, '.' | ':' | '/' | '@') {
            text.extend([' ', c, ' ']);
        } else {
            text.push(c);
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A sentence of ours with the names in it unlinked: what stands at the end of a word is punctuation.
fn unlinked_names(sentence: &str) -> String {
    let words = sentence.split(' ').map(|word| {
        let name = word.trim_end_matches(['.', ':', ',', ';', ')']);
        // A moment is no address.
        if name.parse::<domain::Timestamp>().is_ok() {
            return word.to_owned();
        }
        let rest = word.strip_prefix(name).unwrap_or_default();
        format!("{}{rest}", unlinked(name))
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a person's name is a mail address and nothing else: a link to it opens no page.
fn is_address(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+');
    let Some((local, domain)) = name.split_once('@') else { return false };
    !local.is_empty() && !domain.is_empty() && local.bytes().chain(domain.bytes()).all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_be_made_a_link_of_a_name() {
        for (name, expected) in [
            ("DEMO.EVIL.COM", "DEMO . EVIL . COM"),
            ("claude-finance_2", "claude-finance_2"),
            ("https://evil.example/x", "https : / / evil . example / x"),
            ("www.evil.com", "www . evil . com"),
            ("..", ". ."),
            ("(an object with a quoted name)", "(an object with a quoted name)"),
        ] {
            assert_eq!(unlinked(name), expected);
        }
        for (sentence, expected) in [
            ("access needs a yes: DEMO.EVIL.COM", "access needs a yes: DEMO . EVIL . COM"),
            ("until 2026-11-26T19:14:00.977124Z, masked", "until 2026-11-26T19:14:00.977124Z, masked"),
            ("see https://evil.example/x, or not.", "see https : / / evil . example / x, or not."),
        ] {
            assert_eq!(unlinked_names(sentence), expected);
        }
        for address in ["ana@acme.example", "a.b+c@x"] {
            assert!(is_address(address), "{address}");
        }
        for other in ["ana", "@x", "a@", "https://a@evil.example", "a@evil.example/x", "a@b@c", "a b@c"] {
            assert!(!is_address(other), "{other}");
        }
    }
}
