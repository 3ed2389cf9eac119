//! What is sealed of a sighting.
//!
//! Version 6: the byte 6, then prompt, reminders, conversation, mail address, role, warehouse, database, schema, what the other
//! parts are, their exact text, the command, what stood before the prompt, and of one that is cut its words and its blocks, each as a byte that says whether it is there, its length
//! as four bytes, big-endian, and its UTF-8; the texts that came meanwhile, each so, the byte 2 where a person has sent it, 4 where its end
//! is not known, and 3 where nobody knows whose it is, and a byte 0; then one byte of flags; begin and end of the span and the client's moment, nanoseconds since 1970 as eight bytes each,
//! big-endian, 0 for none; and the number of its spans' ids as one byte, and each as eight bytes.
//! Never longer than what was said by more than some bytes, whatever stands in it. Behind it stands when it was told first,
//! microseconds since 1970 as eight bytes, which is no part of what was said. Version 5 does not say
//! who has sent a text, and has no words and blocks; version 4 has one that came meanwhile at most, without the byte behind it, and no client's moment; version 3
//! has neither of the last two texts, nor what stands behind.

use domain::Timestamp;

use super::{Came, Meanwhile, OtherParts, Span, SpanId};

/// The version that is written.
const VERSION: u8 = 6;

/// Those before, which are read: what was told in them is looked for until it is forgotten.
const BEFORE: u8 = 5;
const SECOND: u8 = 4;
const FIRST: u8 = 3;

/// A text is there.
const THERE: u8 = 1;
/// It is, and came so.
const SENT: u8 = 2;
const UNACCOUNTED: u8 = 3;
const SENT_IN_PART: u8 = 4;

/// The call gave the names that it was to run under.
const UNDER: u8 = 1;
/// A subagent made the call.
const DELEGATED: u8 = 2;
/// There is a span.
const SPAN: u8 = 4;
/// The person did not let the call be made.
const REJECTED: u8 = 8;
/// The call was to look ahead.
const LOOK: u8 = 16;
/// What the model received for a prompt could not be read.
const PROMPT_UNREAD: u8 = 32;
/// It stood beside a tool's answer.
const BESIDE_ANSWER: u8 = 64;

/// See above.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Said {
    /// The prompt.
    pub prompt: Option<String>,
    /// What the client put in beside it.
    pub reminders: Option<String>,
    /// The conversation.
    pub conversation: Option<String>,
    /// The mail address of whoever is observed.
    pub mail: Option<String>,
    /// Role, warehouse, database and schema as the call gave them. Absent where the channel sees no calls.
    pub under: Option<[Option<String>; 4]>,
    /// What came with the prompt and is no text.
    pub others: Option<OtherParts>,
    /// The command that the client made the prompt of.
    pub command: Option<String>,
    /// Texts that stood before it in the same message.
    pub earlier: Option<String>,
    /// What came beside tools' answers since, and may have been typed meanwhile.
    pub meanwhile: Vec<Meanwhile>,
    /// Of a prompt that is cut and has blocks as clients put in: what stands beside these.
    pub words: Option<String>,
    /// These; of a prompt that a model received the reminders that stood in its own text.
    pub blocks: Option<String>,
    /// When it was so by its client's clock, nanoseconds since 1970.
    pub moment: Option<u64>,
    /// Whether it stood beside a tool's answer.
    pub is_beside_answer: bool,
    /// Whether a subagent made the call.
    pub is_delegated: bool,
    /// Whether the person did not let the call be made.
    pub is_rejected: bool,
    /// Whether the call was to look ahead, and not to run.
    pub is_look: bool,
    /// Whether a prompt was seen and could not be read, or nobody can tell whether a person typed it.
    pub is_prompt_unread: bool,
    /// Where it stands in its trace.
    pub span: Option<Span>,
    /// When it was told first; none where that is not known.
    pub first: Option<Timestamp>,
}

impl Said {
    /// What is sealed of it when it is told first.
    pub fn with_moment(said: Vec<u8>, first: Timestamp) -> Vec<u8> {
        let mut bytes = said;
        bytes.extend_from_slice(&first.as_micros().to_be_bytes());
        bytes
    }

    /// The same read back.
    pub fn of_moment(bytes: &[u8]) -> Option<Self> {
        if bytes.first() == Some(&FIRST) {
            return Self::decode(bytes);
        }
        let (said, first) = bytes.split_last_chunk::<8>()?;
        let first = Some(Timestamp::from_micros(i64::from_be_bytes(*first)));
        Some(Self { first, ..Self::decode(said)? })
    }

    pub fn encode(&self) -> Vec<u8> {
        let Self {
            prompt,
            reminders,
            conversation,
            mail,
            under,
            others,
            command,
            earlier,
            meanwhile,
            words,
            blocks,
            moment,
            is_beside_answer,
            is_delegated,
            is_rejected,
            is_look,
            is_prompt_unread,
            span,
            first: _,
        } = self;
        let [role, warehouse, database, schema] = under.clone().unwrap_or_default();
        let (told, exact) =
            others.clone().map(|OtherParts { told, exact }| (Some(told), Some(exact))).unwrap_or_default();
        let mut bytes = vec![VERSION];
        let mut add = |text: Option<&str>, is: u8| {
            let Some(text) = text else { return bytes.push(0) };
            bytes.push(is);
            bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        };
        for text in [
            prompt,
            reminders,
            conversation,
            mail,
            &role,
            &warehouse,
            &database,
            &schema,
            &told,
            &exact,
            command,
            earlier,
            words,
            blocks,
        ] {
            add(text.as_deref(), THERE);
        }
        for Meanwhile { text, came } in meanwhile {
            let is = match came {
                Came::AsFile => THERE,
                Came::Unaccounted => UNACCOUNTED,
                Came::SentInPart => SENT_IN_PART,
                Came::Sent => SENT,
            };
            add(Some(text), is);
        }
        add(None, THERE);
        let flags = [
            (under.is_some(), UNDER),
            (*is_delegated, DELEGATED),
            (span.is_some(), SPAN),
            (*is_rejected, REJECTED),
            (*is_look, LOOK),
            (*is_prompt_unread, PROMPT_UNREAD),
            (*is_beside_answer, BESIDE_ANSWER),
        ];
        bytes.push(flags.into_iter().filter(|(is, _)| *is).map(|(_, flag)| flag).sum());
        let Span { ids, begun, ended } = span.clone().unwrap_or_default();
        bytes.extend_from_slice(&begun.unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(&ended.unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(&moment.unwrap_or(0).to_be_bytes());
        let ids = ids.get(..usize::from(u8::MAX)).unwrap_or(&ids);
        bytes.push(u8::try_from(ids.len()).unwrap_or(u8::MAX));
        ids.iter().for_each(|SpanId(id)| bytes.extend_from_slice(id));
        bytes
    }

    /// None where it is none of version 3 to 6.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&version, mut rest) = bytes.split_first()?;
        if ![VERSION, BEFORE, SECOND, FIRST].contains(&version) {
            return None;
        }
        let mut part = || -> Option<Option<Meanwhile>> {
            let (&is_there, after) = rest.split_first()?;
            rest = after;
            if is_there == 0 {
                return Some(None);
            }
            let (length, after) = rest.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (text, after) = after.split_at_checked(length)?;
            rest = after;
            let came = match is_there {
                SENT => Came::Sent,
                UNACCOUNTED => Came::Unaccounted,
                SENT_IN_PART => Came::SentInPart,
                _ => Came::AsFile,
            };
            Some(Some(Meanwhile { text: String::from_utf8(text.to_vec()).ok()?, came }))
        };
        let mut text = || Some(part()?.map(|Meanwhile { text, .. }| text));
        let (prompt, reminders, conversation, mail) = (text()?, text()?, text()?, text()?);
        let names = [text()?, text()?, text()?, text()?];
        let (told, exact, command) = (text()?, text()?, text()?);
        let earlier = if version == FIRST { None } else { text()? };
        let (words, blocks) = if version == VERSION { (text()?, text()?) } else { (None, None) };
        let mut meanwhile = Vec::new();
        match version {
            FIRST => {}
            SECOND => meanwhile.extend(part()?),
            _ => {
                while let Some(text) = part()? {
                    meanwhile.push(text);
                }
            }
        }
        let (flags, rest) = rest.split_first()?;
        let (begun, rest) = rest.split_first_chunk::<8>()?;
        let (ended, rest) = rest.split_first_chunk::<8>()?;
        let (at, rest) = if [VERSION, BEFORE].contains(&version) {
            rest.split_first_chunk::<8>()?
        } else {
            (&[0; 8], rest)
        };
        let (count, rest) = rest.split_first()?;
        let (ids, []) = rest.as_chunks::<8>() else { return None };
        if ids.len() != usize::from(*count) {
            return None;
        }
        let moment = |bytes: &[u8; 8]| Some(u64::from_be_bytes(*bytes)).filter(|moment| *moment > 0);
        let span = Span {
            ids: ids.iter().copied().map(SpanId).collect(),
            begun: moment(begun),
            ended: moment(ended),
        };
        Some(Self {
            prompt,
            reminders,
            conversation,
            mail,
            under: (flags & UNDER != 0).then_some(names),
            others: told.zip(exact).map(|(told, exact)| OtherParts { told, exact }),
            command,
            earlier,
            meanwhile,
            words,
            blocks,
            moment: moment(at),
            is_beside_answer: flags & BESIDE_ANSWER != 0,
            is_delegated: flags & DELEGATED != 0,
            is_rejected: flags & REJECTED != 0,
            is_look: flags & LOOK != 0,
            is_prompt_unread: flags & PROMPT_UNREAD != 0,
            span: (flags & SPAN != 0).then_some(span),
            first: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(text: &str, came: Came) -> Meanwhile {
        Meanwhile { text: text.into(), came }
    }

    #[test]
    fn what_is_said_reads_back_and_costs_what_it_is_long() {
        let said = Said {
            prompt: Some("\u{1}".repeat(1000)),
            reminders: Some("be nice".into()),
            conversation: None,
            mail: Some("ana@example.com".into()),
            under: Some([None, Some("WH".into()), Some(String::new()), None]),
            others: Some(OtherParts { told: "[another part]".into(), exact: "{}".into() }),
            command: Some("/review".into()),
            earlier: Some("a".into()),
            meanwhile: vec![
                came("b", Came::Sent),
                came("c", Came::AsFile),
                came("d", Came::Unaccounted),
                came("e", Came::SentInPart),
            ],
            words: Some("d".into()),
            blocks: Some("e".into()),
            moment: Some(9),
            is_beside_answer: true,
            is_delegated: true,
            is_rejected: true,
            is_look: true,
            is_prompt_unread: true,
            span: Some(Span { ids: vec![SpanId([1; 8]), SpanId([2; 8])], begun: Some(5), ended: None }),
            first: None,
        };
        let first = Timestamp::from_micros(7);
        let told = Said::of_moment(&Said::with_moment(said.encode(), first)).unwrap();
        assert!(told == Said { first: Some(first), ..said.clone() });
        let bytes = said.encode();
        assert!(bytes.len() < 1182, "{}", bytes.len());
        assert!(Said::decode(&bytes).unwrap() == said);
        for end in 0..bytes.len() {
            assert!(Said::decode(&bytes[..end]).is_none(), "{end}");
        }
        assert!(Said::decode(&Said::default().encode()).unwrap() == Said::default());
        assert!(Said::decode(br#"{"v":1}"#).is_none());
        // As they were written before: so many texts, flags, two moments and the number of spans.
        let as_before = |version: u8, texts: &[u8]| [&[version][..], texts, &[LOOK], &[0; 16], &[0]].concat();
        let look = Said { is_look: true, ..Said::default() };
        assert!(Said::of_moment(&as_before(FIRST, &[0; 11])).unwrap() == look);
        let told = Said::of_moment(&Said::with_moment(as_before(SECOND, &[0; 13]), first)).unwrap();
        assert!(told == Said { first: Some(first), ..look.clone() });
        let meanwhile = [&[0; 12][..], &[1, 0, 0, 0, 1, b'b']].concat();
        let told = Said::decode(&as_before(SECOND, &meanwhile)).unwrap();
        assert!(told == Said { meanwhile: vec![came("b", Came::AsFile)], ..look });
        let moment = [&[BEFORE][..], &[0; 12], &[1, 0, 0, 0, 1, b'b', 0], &[LOOK], &[0; 24], &[0]].concat();
        assert!(Said::decode(&moment).unwrap() == told);
        assert!(Said::decode(&[&bytes[..], &[0]].concat()).is_none());
    }
}
