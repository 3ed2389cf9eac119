//! Sightings on their way into a store and out of it: keyed, and sealed.

use aws_lc_rs::hmac;
use bytes::Bytes;
use domain::{Clues, Context, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Channel, LONGEST_ID, LONGEST_TEXT, NotTaken, PROMPT_SIZE, Sighting, WitnessError};
use crate::fault::{Fault, Origin};
use crate::ports::{Keyed, StoredSighting};
use crate::seal;

/// What is sealed of a sighting: version 1, JSON, encrypted with AES-256-GCM under a key that is derived from the
/// gateway's digest key, the sighting's id as additional data.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    /// 1.
    v: u32,
    /// The prompt.
    pub prompt: Option<String>,
    /// The conversation.
    pub conversation: Option<String>,
    /// Role, warehouse, database and schema as the call gave them. Absent where the channel sees no calls, and from what
    /// earlier versions have kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<[Option<String>; 4]>,
}

/// A sighting as it is kept.
///
/// # Errors
/// [`WitnessError`] when its channel may not say it, or it is too long.
pub(super) fn store(
    key: &[u8; 32],
    channel: &Channel,
    sighting: &Sighting,
    now: Timestamp,
) -> Result<StoredSighting, WitnessError> {
    let Sighting { subject, conversation, prompt_id, tool_use, trace, word, prompt, statement, under } =
        sighting;
    check_lengths(sighting)?;
    let subject = channel.subject(subject.as_deref())?;
    let clues = Clues { tool_use: tool_use.clone(), trace: trace.clone(), word: word.clone() };
    let keyed = keyed(key, &clues, statement.as_deref());
    // One conversation's ids are not another's, in whatever channel.
    let prompt_id = prompt_id.as_ref().map(|id| {
        let within = conversation.as_deref().unwrap_or_default();
        seal::keyed_word(key, "prompt", &format!("{}\n{within}\n{id}", within.len()))
    });
    // Those of one agent are its own, and count by themselves.
    let name = match &subject {
        crate::ports::Subject { issuer: Some(issuer), subject: Some(subject), agent: Some(agent) }
            if channel.kind == domain::ChannelKind::Own =>
        {
            format!(
                "{} {}",
                super::OWN,
                seal::keyed_word(key, "own", &format!("{issuer}\n{subject}\n{agent}"))
            )
        }
        _ => channel.name.clone(),
    };
    let prompt = prompt.as_ref().filter(|text| !text.trim().is_empty());
    let prompt = prompt.map(|text| kept(key, text));
    let under = under
        .clone()
        .map(|Context { role, warehouse, database, schema }| [role, warehouse, database, schema]);
    let said = Said { v: 1, prompt, conversation: conversation.clone(), under };
    let plain = serde_json::to_vec(&said).map_err(|_| broken())?;
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    // INVARIANT: injective, as for statements.
    let mut part = |text: Option<&[u8]>| match text {
        Some(text) => {
            mac.update(&(text.len() as u64).to_be_bytes());
            mac.update(text);
        }
        None => mac.update(&u64::MAX.to_be_bytes()),
    };
    part(Some(b"snowgate/sighting/1"));
    part(Some(name.as_bytes()));
    for word in [
        &subject.issuer,
        &subject.subject,
        &subject.agent,
        &keyed.tool_use,
        &keyed.trace,
        &keyed.word,
        &keyed.statement,
        &prompt_id,
    ] {
        part(word.as_ref().map(String::as_bytes));
    }
    part(Some(&plain));
    let mut id = [0; 32];
    id.iter_mut().zip(mac.sign().as_ref()).for_each(|(to, from)| *to = *from);
    let object = Bytes::from(seal::encrypt(&sealing(key), &id, plain)?);
    Ok(StoredSighting { id, channel: name, kind: channel.kind, subject, keyed, prompt_id, at: now, object })
}

/// Whether it is not longer than anything that is taken.
pub(super) fn check_lengths(sighting: &Sighting) -> Result<(), NotTaken> {
    let Sighting { subject, conversation, prompt_id, tool_use, trace, word, prompt, statement, under } =
        sighting;
    let is_long = |text: &Option<String>, most: usize| text.as_ref().is_some_and(|text| text.len() > most);
    let ids = [subject, conversation, prompt_id, tool_use, trace, word];
    let names = under
        .iter()
        .flat_map(|Context { role, warehouse, database, schema }| [role, warehouse, database, schema]);
    if ids.into_iter().chain(names).any(|id| is_long(id, LONGEST_ID))
        || [prompt, statement].into_iter().any(|text| is_long(text, LONGEST_TEXT))
    {
        return Err(NotTaken::TooLong);
    }
    Ok(())
}

/// So much of a prompt as is kept: its head, ending between two words, and of a longer one its length and a keyed digest of the
/// whole, so that two that begin alike are not taken for one. How its lines end is the channel's.
fn kept(key: &[u8; 32], text: &str) -> String {
    let text = text.trim().replace("\r\n", "\n");
    // A character that JSON escapes takes six bytes where it is sealed.
    let escaped = text.bytes().filter(|byte| *byte < 0x20).count().saturating_mul(5);
    if text.len().saturating_add(escaped) <= PROMPT_SIZE {
        return text;
    }
    let size = if escaped > PROMPT_SIZE / 4 { PROMPT_SIZE / 6 } else { PROMPT_SIZE / 4 * 3 };
    let head = text.get(..text.floor_char_boundary(size)).unwrap_or_default();
    // SECURITY: half of a secret is none that a detector knows.
    let head = head.rfind(char::is_whitespace).and_then(|end| head.get(..end)).unwrap_or(head);
    let digest = seal::keyed_word(key, "prompt-whole", &text);
    let digest = digest.get(..16).unwrap_or_default();
    format!("{}\n[cut here: {} bytes in all, {digest}]", head.trim_end(), text.len())
}

/// What joins a statement with sightings.
pub(super) fn keyed(key: &[u8; 32], clues: &Clues, statement: Option<&str>) -> Keyed {
    let word = |kind, text: &Option<String>| text.as_ref().map(|text| seal::keyed_word(key, kind, text));
    Keyed {
        tool_use: word("tool-use", &clues.tool_use),
        trace: word("trace", &clues.trace),
        word: word("evidence", &clues.word),
        // What stands around a text is nobody's: clients trim it or do not.
        statement: statement.map(|text| seal::keyed_word(key, "statement", text.trim())),
    }
}

/// What was said.
pub(super) fn open(key: &[u8; 32], stored: &StoredSighting) -> Result<Said, Fault> {
    let plain = seal::decrypt(&sealing(key), &stored.id, &stored.object)?;
    serde_json::from_slice(&plain).map_err(|_| broken())
}

fn sealing(key: &[u8; 32]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"snowgate/sealing-of-sightings/1");
    let mut sealing = [0; 32];
    sealing.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    sealing
}

fn broken() -> Fault {
    Fault::lasting(Origin::Keys, "evidence that was kept cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_long_prompts_that_begin_alike_are_two() {
        let long = |end: &str| kept(&[1; 32], &format!("{} {end}", "paste ".repeat(8_000)));
        assert_ne!(long("delete all orders"), long("list customers"));
        assert_eq!(long("list customers"), long("list customers\r\n"));
        let lines = |end: &str| kept(&[1; 32], &format!("ab{end}").repeat(9_000));
        assert_eq!(lines("\r\n"), lines("\n"));
        assert!(long("x").len() < PROMPT_SIZE && long("x").contains("bytes in all"));
        assert_eq!(kept(&[1; 32], " who owes\r\nus most? "), "who owes\nus most?");
    }

    #[test]
    fn a_prompt_is_cut_between_words_and_costs_no_more_where_it_is_sealed() {
        let secret = format!(
            "{} AKIAIOSFODNN7EXAMPLE {}",
            "x".repeat(PROMPT_SIZE / 4 * 3 - 8),
            "y".repeat(PROMPT_SIZE)
        );
        assert!(!kept(&[1; 32], &secret).contains("AKIA"));
        let control = kept(&[1; 32], &format!("a {}", "\u{1}".repeat(32_000)));
        assert!(serde_json::to_vec(&control).unwrap().len() <= PROMPT_SIZE + 128);
    }
}
