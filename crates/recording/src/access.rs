//! Leave to read for a while: what is asked for, and what a decision went by.

use serde::{Deserialize, Serialize};

/// Leave to read that reviewers are asked for.
///
/// Once as many of them as it needs have said yes and the grant is spent, it is in force until its end, or until one of them ends
/// it ([`StepRecord::Ended`](crate::StepRecord)).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessRecord {
    /// What is to be read: `DATABASE.SCHEMA.TABLE` or `DATABASE.SCHEMA.*`.
    pub to: String,
    /// RFC 3339: nothing is permitted from then on.
    pub until: String,
    /// Why, in the asker's words, after the detectors.
    pub why: String,
    /// The Cedar permit that it is once it is granted.
    pub policy: String,
}

/// Leave to read that was in force when a statement was decided. What led to the decision is among its rules, as
/// `access:APPROVAL`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantedRecord {
    /// The approval that it was granted with.
    pub approval: String,
    /// The key of the step that granted it.
    pub granted: String,
    /// The digest of that step, and through it of what was asked for and who has said yes.
    pub digest: String,
    /// What may be read.
    pub to: String,
    /// RFC 3339: until then.
    pub until: String,
}

impl GrantedRecord {
    /// Its rule, where it led to a decision.
    pub fn rule(&self) -> String {
        format!("access:{}", self.approval)
    }
}
