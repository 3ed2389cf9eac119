//! Sightings on their way into a store and out of it: keyed, and sealed.

use aws_lc_rs::hmac;
use bytes::Bytes;
use domain::{Clues, Context, Timestamp};

use super::said::Said;
use super::words;
use super::{Channel, LONGEST_ID, LONGEST_TEXT, Meanwhile, NotTaken, OtherParts, Sighting, WitnessError};
use crate::fault::{Fault, Origin};
use crate::ports::{Keyed, StoredSighting, Subject};
use crate::seal;

/// Whether it is small enough to be kept; a prompt always is, for it is cut.
pub(super) fn fits(sighting: &Sighting) -> Result<(), NotTaken> {
    let Sighting {
        subject,
        conversation,
        prompt_id,
        words,
        tool_use,
        trace,
        word,
        mail,
        tool,
        statement,
        under,
        ..
    } = sighting;
    let is_long = |text: &Option<String>, most: usize| text.as_ref().is_some_and(|text| text.len() > most);
    let ids = [subject, conversation, prompt_id, words, tool_use, tool, trace, word, mail];
    let names = under
        .iter()
        .flat_map(|Context { role, warehouse, database, schema }| [role, warehouse, database, schema]);
    if ids.into_iter().chain(names).any(|id| is_long(id, LONGEST_ID)) || is_long(statement, LONGEST_TEXT) {
        return Err(NotTaken::TooLong);
    }
    Ok(())
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
    let Sighting {
        subject,
        conversation,
        prompt_id: _,
        words: _,
        tool_use,
        tool: _,
        trace,
        word,
        prompt,
        reminders,
        blocks,
        others,
        command,
        earlier,
        is_beside_answer,
        meanwhile,
        moment,
        span,
        mail,
        statement,
        under,
        is_unread,
        is_prompt_unread,
        is_look,
        is_rejected,
        is_delegated,
    } = sighting;
    fits(sighting)?;
    let subject = channel.subject(subject.as_deref())?;
    let clues = Clues { tool_use: tool_use.clone(), trace: trace.clone(), word: word.clone() };
    let mut keyed = keyed(key, &clues, statement.as_deref());
    if *is_unread {
        // No text's word, so that it is another statement than any.
        keyed.statement = Some(seal::keyed_word(key, "unread-statement", ""));
    }
    let prompt_id = prompt_word(key, &subject, sighting);
    // Those of one agent are its own, and count by themselves. A configured channel is its credential, whatever it is called.
    let channel_word = match (&subject, &channel.credential) {
        (Subject { issuer: Some(issuer), subject: Some(subject), agent: Some(agent) }, _)
            if channel.kind == domain::ChannelKind::Own =>
        {
            seal::keyed_word(key, "own", &format!("{issuer}\n{subject}\n{agent}"))
        }
        (_, Some(credential)) => seal::keyed_word(key, "channel", credential),
        (_, None) => seal::keyed_word(key, "channel", &format!("name {}", channel.name)),
    };
    let told = |text: &Option<String>| {
        text.as_ref().filter(|text| !text.trim().is_empty()).map(|text| words::kept(key, text))
    };
    let kept_meanwhile = |Meanwhile { text, came }: &Meanwhile| {
        let text = Some(text).filter(|text| !text.trim().is_empty())?;
        Some(Meanwhile { text: words::kept(key, text), came: *came })
    };
    // What is cut is compared without the blocks that are typed in it, too: of a message that a model received they are told beside.
    let (words, typed_blocks) =
        match prompt.as_deref().filter(|prompt| reminders.is_none() && words::is_cut(prompt)) {
            Some(prompt) => words::split_reminders(prompt),
            None => (None, None),
        };
    let (words, typed_blocks) = words.zip(typed_blocks).unzip();
    let under = under
        .clone()
        .map(|Context { role, warehouse, database, schema }| [role, warehouse, database, schema]);
    let said = Said {
        prompt: told(prompt),
        reminders: told(reminders),
        conversation: conversation.clone(),
        mail: mail.clone(),
        under,
        others: others.as_ref().map(|OtherParts { told, exact }| OtherParts {
            told: told.clone(),
            exact: words::kept(key, exact),
        }),
        command: told(command),
        earlier: told(earlier),
        meanwhile: meanwhile.iter().filter_map(kept_meanwhile).collect(),
        words: told(&words),
        blocks: told(if reminders.is_some() { blocks } else { &typed_blocks }),
        moment: *moment,
        is_beside_answer: *is_beside_answer,
        is_delegated: *is_delegated,
        is_rejected: *is_rejected,
        is_look: *is_look,
        is_prompt_unread: *is_prompt_unread,
        span: span.clone(),
        first: None,
    };
    let text = said.prompt.as_deref().map(|prompt| text_word(key, prompt, &said));
    let plain = said.encode();
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    // INVARIANT: injective, as for statements.
    let mut part = |text: Option<&[u8]>| match text {
        Some(text) => {
            mac.update(&(text.len() as u64).to_be_bytes());
            mac.update(text);
        }
        None => mac.update(&u64::MAX.to_be_bytes()),
    };
    part(Some(b"snowgate/sighting/3"));
    part(Some(channel_word.as_bytes()));
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
    let object = Bytes::from(seal::encrypt(&sealing(key), &id, Said::with_moment(plain, now))?);
    Ok(StoredSighting {
        id,
        channel: channel_word,
        name: channel.name.clone(),
        kind: channel.kind,
        subject,
        keyed,
        prompt_id,
        text,
        at: now,
        object,
        is_crowded: false,
    })
}

/// What a channel would tell of a text alone: whatever was asked with the same is found by it.
pub(super) fn of_text(key: &[u8; 32], subject: Subject, text: &str, now: Timestamp) -> StoredSighting {
    StoredSighting {
        id: [0; 32],
        channel: String::new(),
        name: String::new(),
        kind: domain::ChannelKind::Own,
        subject,
        keyed: keyed(key, &Clues::default(), Some(text)),
        prompt_id: None,
        text: None,
        at: now,
        object: Bytes::new(),
        is_crowded: false,
    }
}

/// What tells one prompt of a channel from another: its words, the command that it was made of, and the span that it stands in.
fn text_word(key: &[u8; 32], prompt: &str, said: &Said) -> String {
    let prompt = words::normal(prompt);
    let command = said.command.as_deref().map(words::normal).unwrap_or_default();
    let span = said.span.as_ref().and_then(|span| span.ids.first());
    let text = format!("{}\n{prompt}\n{command}\n{span:?}", prompt.len());
    seal::keyed_word(key, "told-prompt", &text)
}

/// What ties tool uses of a channel to their prompt.
// SECURITY: a client chooses the ids of its prompts, and one channel may hear many clients. So the tie holds within one subject, else
// within one mailbox; where neither is named, nothing but the same words is the same prompt.
// INVARIANT: two sightings with one of these words have the same subject, and, where that is none, the same mailbox or the same prompt.
fn prompt_word(key: &[u8; 32], subject: &Subject, sighting: &Sighting) -> Option<String> {
    let Sighting { conversation, prompt_id, words, mail, .. } = sighting;
    let (kind, within, id) = match (words, prompt_id) {
        (Some(words), _) => ("words", "", words),
        // One conversation's ids are not another's, in whatever channel.
        (None, Some(id)) => ("id", conversation.as_deref().unwrap_or_default(), id),
        (None, None) => return None,
    };
    let mail = mail.as_ref().map(|mail| mail.to_ascii_lowercase());
    let (of, whose) = match (&subject.subject, mail) {
        (Some(subject), _) => ("subject", subject.clone()),
        (None, Some(mail)) => ("mail", mail),
        (None, None) if words.is_some() => ("nobody", String::new()),
        (None, None) => return None,
    };
    let said = format!("{kind}\n{of}\n{}\n{whose}\n{}\n{within}\n{id}", whose.len(), within.len());
    Some(seal::keyed_word(key, "prompt", &said))
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
    Said::of_moment(&plain).ok_or_else(broken)
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
