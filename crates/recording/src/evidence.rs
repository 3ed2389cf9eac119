//! Who witnessed the prompt behind a statement: what stands in the opening, and what came later.

use domain::{ChannelKind, Join, Mismatch, PromptGrade, Sight, Witness, mismatches};
use serde::{Deserialize, Serialize};

use crate::closing::Finding;

/// One evidence channel's account of a statement, see [`Witness`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessRecord {
    /// The channel's name in the configuration; `agent` for the agent's own token.
    pub channel: String,
    /// `own_token`, `prompts`, `hooks`, `telemetry` or `provider`.
    pub kind: String,
    /// What tied it to the statement: `tool_use`, `trace`, `word`, `tool_use_again`, `tool_use_missing` or `text`.
    pub join: String,
    /// Which prompt it saw: equal numbers are equal texts, 0 is the one beside it. Absent: it saw none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<u32>,
    /// `same`, `other`, `rejected` (the person did not let the client call) or `unseen`.
    pub statement: String,
    /// Whether it told several prompts for this statement, or more of it than is looked at.
    #[serde(default, skip_serializing_if = "is_false")]
    pub torn: bool,
    /// Whether a subagent made the call, so that what the model received last is another agent's words: no prompt of a person's.
    #[serde(default, skip_serializing_if = "is_false")]
    pub delegated: bool,
    /// Whether what it saw is what a client made of the words (a command's text, the summary of a conversation), and no prompt.
    #[serde(default, skip_serializing_if = "is_false")]
    pub expanded: bool,
    /// Whether it saw what the model received for a prompt, and could not read it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unread: bool,
}

fn is_false(is: &bool) -> bool {
    !is
}

impl From<&Witness> for WitnessRecord {
    fn from(witness: &Witness) -> Self {
        let Witness { channel, kind, join, prompt, statement, is_torn, is_delegated, is_expanded, is_unread } =
            witness;
        Self {
            channel: channel.clone(),
            kind: kind.as_str().to_owned(),
            join: join.as_str().to_owned(),
            prompt: *prompt,
            statement: statement.as_str().to_owned(),
            torn: *is_torn,
            delegated: *is_delegated,
            expanded: *is_expanded,
            unread: *is_unread,
        }
    }
}

impl WitnessRecord {
    /// The witness; none where a word is unknown.
    pub fn witness(&self) -> Option<Witness> {
        Some(Witness {
            channel: self.channel.clone(),
            kind: ChannelKind::from_word(&self.kind)?,
            join: Join::from_word(&self.join)?,
            prompt: self.prompt,
            statement: Sight::from_word(&self.statement)?,
            is_torn: self.torn,
            is_delegated: self.delegated,
            is_expanded: self.expanded,
            is_unread: self.unread,
        })
    }
}

/// What a client says that its call belongs to, after the detectors. It is claimed, and proves nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallRecord {
    /// The model's id of the tool use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_use: Option<String>,
    /// The trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// The word of `X-Snowgate-Evidence`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// The client's word for the conversation. In openings, which have the conversation beside, only where evidence names another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The prompt that the call named itself. Absent from openings, which have it beside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Its exact text, sealed as [`LateEvidence::sealed`] is, `SESSION/NUMBER asked again STEP` as additional data. Absent from
    /// openings, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
}

/// Evidence that came after the opening, version 1. It is appended and changes nothing that was written: it tells
/// everything that is known at its moment, and never less than the one before, so that the last one stands for all of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LateEvidence {
    /// 1.
    #[serde(deserialize_with = "crate::envelope::version_1")]
    pub v: u32,
    /// `SESSION/NUMBER`.
    pub exchange: String,
    /// Which of this exchange's, from 0.
    pub step: u32,
    /// RFC 3339, microseconds, UTC.
    pub at: String,
    /// The digest of the opening that it belongs to.
    pub opening: String,
    /// The prompt as it is known now, after the detectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The exact text where it is not the one that the opening sealed: Base64 of 12 bytes of nonce, the ciphertext and its
    /// tag (AES-256-GCM under the session's key, `SESSION/NUMBER evidence STEP` as additional data).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
    /// The prompt that came with the call itself, numbered as the witnesses' are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<u32>,
    /// The call by which the same was asked once more while it waited for a person; absent where evidence alone came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<CallRecord>,
    /// Whether it was asked once more with another prompt, now or before.
    #[serde(default, skip_serializing_if = "is_not")]
    pub otherwise: bool,
    /// Everybody who witnessed it by now.
    pub witnesses: Vec<WitnessRecord>,
    /// `P0` to `P4`, by the one rule.
    pub grade: String,
    /// What does not fit together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// The grade and the findings that witnesses come to, by the one rule; none where a word is unknown. `otherwise` as late
/// evidence has it.
pub fn weigh(
    declared: Option<u32>,
    witnesses: &[WitnessRecord],
    otherwise: bool,
) -> Option<(PromptGrade, Vec<Finding>)> {
    let witnesses: Vec<Witness> = witnesses.iter().map(WitnessRecord::witness).collect::<Option<_>>()?;
    Some((PromptGrade::of(declared, &witnesses), findings_of_late(declared, &witnesses, otherwise)))
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_not(flag: &bool) -> bool {
    !*flag
}

/// What does not fit together of late evidence; `otherwise` as it stands there.
pub fn findings_of_late(declared: Option<u32>, witnesses: &[Witness], otherwise: bool) -> Vec<Finding> {
    let asked_otherwise = Finding {
        what: "asked_again_otherwise".to_owned(),
        detail: "the same was asked once more with another prompt while it waited".to_owned(),
    };
    let more = otherwise.then_some(asked_otherwise);
    findings(declared, witnesses).into_iter().chain(more).collect()
}

/// What does not fit together, as records tell it.
pub fn findings(declared: Option<u32>, witnesses: &[Witness]) -> Vec<Finding> {
    let finding = |mismatch: Mismatch| Finding {
        what: mismatch.as_str().to_owned(),
        detail: mismatch.sentence().to_owned(),
    };
    mismatches(declared, witnesses).into_iter().map(finding).collect()
}
