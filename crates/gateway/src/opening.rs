//! Building the opening: what is written before a statement moves, every text through the detectors.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::{
    Asked, Clues, Decision, Digest, ExchangeId, Handle, Identity, KeyedDigest, Ruling, Statement, Timestamp,
};
use masking::Detectors;
use recording::{
    CallRecord, ContextRecord, FootprintRecord, HoldRecord, Opening, PrincipalRecord, PromptRecord,
    StatementRecord, WitnessRecord,
};
use sql::Piece;

use crate::access::{self, Granted};
use crate::admission;
use crate::evidence::Weighed;
use crate::failures;
use crate::reading::Read;

/// Everything about an exchange that its opening tells, but for its number.
pub(crate) struct Draft<'a> {
    pub identity: &'a Identity,
    pub asked: &'a Asked,
    pub read: &'a Read,
    pub ruling: &'a Ruling,
    pub digest: KeyedDigest,
    pub handle: Handle,
    pub children: &'a [Handle],
    pub opened: Timestamp,
    pub weighed: &'a Weighed,
    /// What people had granted, where its decision depended on that.
    pub access: &'a [Granted],
}

impl Draft<'_> {
    /// The opening under a number, beside a sealed object with that digest.
    pub(crate) fn opening(&self, exchange: ExchangeId, texts: &Texts, sealed: Digest) -> Opening {
        let asked = self.asked;
        let hold = match &self.ruling.decision {
            Decision::Hold(hold) => Some(HoldRecord {
                reason: hold.reason.clone(),
                reviewers: hold.reviewers.clone(),
                people: Some(hold.people.get()).filter(|people| *people > 1),
                expires: self.opened.after(hold.expires_after).to_string(),
            }),
            Decision::Allow(_) | Decision::Refuse(_) => None,
        };
        Opening {
            v: 1,
            exchange: exchange.to_string(),
            opened: self.opened.to_string(),
            door: asked.door.as_str().to_owned(),
            handle: self.handle.to_string(),
            children: if texts.length.is_some() {
                Vec::new()
            } else {
                self.children.iter().map(ToString::to_string).collect()
            },
            principal: PrincipalRecord::from(self.identity),
            conversation: texts.conversation.clone(),
            request: texts.request.clone(),
            prompt: PromptRecord {
                declared: self.weighed.declared,
                witnesses: self.weighed.witnesses.iter().map(WitnessRecord::from).collect(),
                ..PromptRecord::new(texts.prompt.clone(), asked.prompt.grade)
            },
            call: texts.call.clone(),
            sql: texts.sql.clone(),
            digest: self.digest.to_string(),
            sealed: true,
            sealed_digest: Some(sealed.to_string()),
            context: texts.context.clone(),
            sql_length: texts.length,
            bindings: texts.bindings.clone(),
            parameters: texts.parameters.clone(),
            timeout_seconds: asked.timeout.map(|timeout| timeout.as_secs()),
            statements: texts.statements.clone(),
            decision: self.ruling.decision.as_str().to_owned(),
            rules: self.ruling.rules.iter().map(|rule| rule.as_str().to_owned()).collect(),
            access: access::records(self.access),
            hides_failure: Some(failures::would_be_hidden(&self.ruling.decision)),
            bundle: self.ruling.bundle.to_string(),
            catalog: self.read.catalog.digest.to_string(),
            hold,
        }
    }
}

/// The texts of an exchange as they may be written.
pub(crate) struct Texts {
    sql: String,
    prompt: Option<String>,
    conversation: Option<String>,
    request: Option<String>,
    call: Option<CallRecord>,
    context: ContextRecord,
    statements: Vec<StatementRecord>,
    bindings: Vec<String>,
    parameters: BTreeMap<String, String>,
    length: Option<u64>,
}

impl Texts {
    /// Passes every text that the client chose through the detectors; `length` is the whole text's where `asked` holds
    /// its head alone.
    pub(crate) fn new(
        detectors: &Detectors,
        asked: &Asked,
        weighed: &Weighed,
        read: &Read,
        length: Option<u64>,
    ) -> Self {
        let clean = |text: &str, context: &str| detectors.redact_text(text, context).into_owned();
        let mut context = ContextRecord::from(&asked.context);
        for name in [&mut context.role, &mut context.warehouse, &mut context.database, &mut context.schema] {
            *name = name.as_deref().map(|name| clean(name, ""));
        }
        let statements = read.statements.iter().map(|(_, statement)| recordable(detectors, statement));
        Self {
            sql: recordable_sql(detectors, asked.text.reveal()),
            prompt: weighed.told.as_deref().map(|told| match length {
                Some(_) => clean(&admission::cut(told), "prompt"),
                None => clean(told, "prompt"),
            }),
            conversation: asked.conversation.as_deref().map(|text| clean(text, "")),
            request: asked.request.as_ref().map(|request| clean(request.as_str(), "")),
            call: match &weighed.claimed_conversation {
                Some(claimed) => {
                    let call = call(asked, &clean).unwrap_or_default();
                    Some(CallRecord { conversation: Some(clean(claimed, "")), ..call })
                }
                None => call(asked, &clean),
            },
            context,
            // What names a cut text holds is told no further than the text.
            statements: if length.is_some() { Vec::new() } else { statements.collect() },
            bindings: asked.bindings.values().map(|binding| binding.kind.clone()).collect(),
            // The door knows every name; a value may be a text that the client chose.
            parameters: asked
                .parameters
                .iter()
                .map(|(name, value)| (name.clone(), clean(value, name)))
                .collect(),
            length,
        }
    }
}

/// What the client says that the call belongs to; none where it says nothing.
pub(crate) fn call(asked: &Asked, clean: &dyn Fn(&str, &str) -> String) -> Option<CallRecord> {
    let Clues { tool_use, trace, word } = &asked.clues;
    let told = |text: &Option<String>| text.as_deref().map(|text| clean(text, ""));
    let call = CallRecord {
        tool_use: told(tool_use),
        trace: told(trace),
        word: told(word),
        ..CallRecord::default()
    };
    (tool_use.is_some() || trace.is_some() || word.is_some()).then_some(call)
}

/// What may be written of a statement that was read.
fn recordable(detectors: &Detectors, statement: &Statement) -> StatementRecord {
    let mut record = StatementRecord::from(statement);
    for texts in [&mut record.reads, &mut record.writes, &mut record.tests, &mut record.functions] {
        for text in texts.iter_mut() {
            *text = detectors.redact_text(text, "").into_owned();
        }
    }
    record
}

/// The objects of each statement as they may be written.
pub(crate) fn footprints(detectors: &Detectors, read: &Read) -> Vec<FootprintRecord> {
    let records = read.statements.iter().map(|(_, statement)| recordable(detectors, statement));
    records.map(|record| FootprintRecord::from(&record)).collect()
}

/// The statement with sensitive literals, comments and names masked: searchable, and still telling what was asked.
pub(crate) fn recordable_sql(detectors: &Detectors, text: &str) -> String {
    let mut behind = sql::Behind::default();
    let replaced = |redacted: Cow<'_, str>| match redacted {
        Cow::Borrowed(_) => None,
        Cow::Owned(redacted) => Some(redacted),
    };
    let pieces = sql::rewrite(text, &mut |piece| match piece {
        Piece::Identifier(name) => {
            behind.word(name);
            replaced(detectors.redact_text(name, ""))
        }
        Piece::QuotedIdentifier(name) => {
            behind.quoted(name);
            replaced(detectors.redact_text(name, ""))
        }
        Piece::StringLiteral(text) => replaced(detectors.redact_value(text, behind.name())),
        Piece::Number(text) => replaced(detectors.redact_text(text, behind.name())),
        Piece::Comment(text) | Piece::Other(text) => replaced(detectors.redact_text(text, "")),
    });
    // What is sensitive only when the pieces stand together (digits split over tokens) is caught here.
    detectors.redact_text(&pieces, "").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: &str) {
        assert_eq!(recordable_sql(&Detectors::standard(), sql), expected);
    }

    #[test]
    fn what_is_compared_with_a_column_is_told_as_the_column_would_be() {
        check(
            "select 1 from c where ssn in ('536221234', '536221235') and name = 'Oskar Kimura'",
            "select 1 from c where ssn in ('[US_SSN]', '[US_SSN]') and name = '[PERSON]'",
        );
        check(
            "select 1 from c where c.phone not between '4155550100' and '4155550199' and status = 'open'",
            "select 1 from c where c.phone not between '[PHONE]' and '[PHONE]' and status = 'open'",
        );
        check(
            "select 1 from c where \"FULL_NAME\" ilike any ('Oskar%', 'Ana%')",
            "select 1 from c where \"FULL_NAME\" ilike any ('[PERSON]', '[PERSON]')",
        );
    }

    #[test]
    fn what_names_nobody_is_told() {
        for sql in [
            "select 1 from t where product_name = 'Blue Mug' and segment in ('BUILDING', 'MACHINERY')",
            "delete from orders where status = 'cancelled' and id between 5 and 9",
            "insert into notes values (1, 'called back')",
        ] {
            check(sql, sql);
        }
    }
}
