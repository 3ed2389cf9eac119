//! Standing approvals: what people allow beforehand, each use of it, and its end.

use domain::{Approval, ApprovalState, Digest, Timestamp, Verdict};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::approval::{ReviewerRecord, StepRecord};
use crate::envelope::Stored;
use crate::trail::Trail;

/// What a standing approval allows beside the exact text that was approved.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingRecord {
    /// RFC 3339: nothing is allowed from then on.
    pub until: String,
    /// How often, at least 1.
    pub runs: u32,
    /// Rows of one result at most.
    pub rows: u64,
    /// What may vary, in the order of places; nothing else does.
    pub vary: Vec<VaryRecord>,
}

/// One literal or bound value that may vary, and in what: it alone, also where the approved text holds something else there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaryRecord {
    /// `1` for the first literal of the text, `:1` for the value that is bound at 1.
    pub place: String,
    /// What it may be.
    pub may_be: MayBeRecord,
}

/// What a value may be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MayBeRecord {
    /// One of these.
    OneOf {
        /// The values after the detectors, for whoever reads the recording.
        shown: Vec<String>,
        /// `hmac-sha256:…` of each value, keyed: what is compared.
        keyed: Vec<String>,
    },
    /// A whole number or a date (`2026-11-26`), both ends included.
    Between {
        /// The first.
        first: String,
        /// The last.
        last: String,
    },
}

/// One step of a standing approval, version 1: `….standing-0000.json` beside the exchange whose approval it was made with,
/// counted from 0 without gaps, each written once.
///
/// **The steps are the state.** Each run takes the next number by one conditional write, so no two runs are one, and there
/// are never more than it allows. Each step carries the digest of the one before; step 0 that of the verdict that granted it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingStep {
    /// 1.
    #[serde(deserialize_with = "crate::envelope::version_1")]
    pub v: u32,
    /// `SESSION/NUMBER` of the exchange whose approval it was made with.
    pub exchange: String,
    /// Which step, from 0.
    pub step: u32,
    /// RFC 3339, microseconds, UTC.
    pub at: String,
    /// The digest of the step before.
    pub after: String,
    /// What happened.
    pub what: StandingAct,
}

/// What happened to a standing approval.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum StandingAct {
    /// It is in force: as many people as it needed have said yes to the same terms.
    Made {
        /// The approval that it was made with.
        approval: String,
    },
    /// One run took it.
    Used {
        /// `SESSION/NUMBER` of the exchange that runs by it.
        by: String,
        /// The approval of that exchange.
        approval: String,
    },
    /// A reviewer has ended it.
    Ended {
        /// Who.
        by: ReviewerRecord,
        /// Why, in their words, after the detectors.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// Why a step cannot be the next of a standing approval.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NotStanding {
    /// It belongs elsewhere, or was written after another step.
    #[error("this step belongs to another standing approval, number or step before it")]
    Misplaced,
    /// It does not tell when it happened.
    #[error("this step does not say what a step says")]
    Unreadable,
    /// It begins with being made, once.
    #[error("a standing approval is made once, by people who agree on its terms")]
    NotMade,
    /// It was ended before.
    #[error("this standing approval was ended")]
    Ended,
    /// Its time is over.
    #[error("the time of this standing approval is over")]
    Over,
    /// It was used as often as it allows.
    #[error("this standing approval was used as often as it allows")]
    UsedUp,
}

/// The steps of one standing approval, each checked, and how it stands by the rule.
#[derive(Clone, Debug)]
pub struct StandingTrail {
    exchange: String,
    approval: String,
    terms: StandingRecord,
    by: Vec<ReviewerRecord>,
    last: Digest,
    steps: Vec<StandingStep>,
    /// How many before the last of them were not read: uses, all of them.
    unseen: u32,
    until: Timestamp,
}

impl StandingTrail {
    /// The standing approval that people have agreed on in the approval under way of this trail, before its first step; none where
    /// they have not. Its first step tells with which approval it was made ([`Trail::under`]): people may have been asked again
    /// since.
    pub fn new(trail: &Trail) -> Option<Self> {
        // What was denied after all allows nothing for later.
        match trail.approval().map(Approval::state)? {
            ApprovalState::Granted
            | ApprovalState::Spent
            | ApprovalState::Expired
            | ApprovalState::Withdrawn => Self::as_made(trail),
            ApprovalState::Waiting | ApprovalState::Denied => None,
        }
    }

    /// The same as it was made, also where their yes was taken back since, so that it allows nothing any more: what a record of it
    /// is held to.
    pub fn as_made(trail: &Trail) -> Option<Self> {
        let (terms, by, last) = agreed(trail)?;
        Some(Self {
            exchange: trail.steps().first()?.exchange.clone(),
            approval: trail.id()?.to_string(),
            until: terms.until.parse().ok()?,
            terms,
            by,
            last,
            steps: Vec::new(),
            unseen: 0,
        })
    }

    /// What it allows.
    pub fn terms(&self) -> &StandingRecord {
        &self.terms
    }

    /// Who has said yes to it.
    pub fn by(&self) -> &[ReviewerRecord] {
        &self.by
    }

    /// The steps so far, in order; without those that [`Self::resume`] has left out.
    pub fn steps(&self) -> &[StandingStep] {
        &self.steps
    }

    /// The number of the next step.
    pub fn next_number(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX).saturating_add(self.unseen)
    }

    /// The digest of the last step.
    pub fn last(&self) -> Digest {
        self.last
    }

    /// How often it was used.
    pub fn uses(&self) -> u32 {
        let used = self.steps.iter().filter(|step| matches!(step.what, StandingAct::Used { .. }));
        u32::try_from(used.count()).unwrap_or(u32::MAX).saturating_add(self.unseen)
    }

    /// The step by which that exchange runs by it.
    pub fn use_of(&self, exchange: &str) -> Option<&StandingStep> {
        self.steps.iter().find(|step| matches!(&step.what, StandingAct::Used { by, .. } if by == exchange))
    }

    /// Whether it allows one more run at that moment.
    ///
    /// # Errors
    /// [`NotStanding`] when it does not.
    pub fn check(&self, at: Timestamp) -> Result<(), NotStanding> {
        self.check_follows()?;
        if at >= self.until {
            Err(NotStanding::Over)
        } else if self.uses() >= self.terms.runs {
            Err(NotStanding::UsedUp)
        } else {
            Ok(())
        }
    }

    /// The step that would come next, when the rule lets it happen at that moment.
    ///
    /// # Errors
    /// [`NotStanding`] when it does not.
    pub fn next(&self, at: Timestamp, what: StandingAct) -> Result<StandingStep, NotStanding> {
        let step = StandingStep {
            v: 1,
            exchange: self.exchange.clone(),
            step: self.next_number(),
            at: at.to_string(),
            after: self.last.to_string(),
            what,
        };
        self.allows(&step).map(|()| step)
    }

    /// Adds the next step as it was read back.
    ///
    /// # Errors
    /// [`NotStanding`] when it is not the next: then all is as before.
    pub fn push(&mut self, stored: Stored<StandingStep>) -> Result<(), NotStanding> {
        let Stored { record, digest } = stored;
        self.allows(&record)?;
        self.steps.push(record);
        self.last = digest;
        Ok(())
    }

    /// Goes on at a later step, without those between. All of them are uses: nothing follows an end, and nobody writes a number
    /// whose predecessor is not there.
    ///
    /// # Errors
    /// [`NotStanding`] when it is none of this standing approval's: then all is as before.
    pub fn resume(&mut self, stored: Stored<StandingStep>) -> Result<(), NotStanding> {
        let between = stored.record.step.checked_sub(self.next_number()).ok_or(NotStanding::Misplaced)?;
        if between == 0 {
            return self.push(stored);
        }
        self.check_follows()?;
        let last = stored.record.after.parse().map_err(|_| NotStanding::Misplaced)?;
        let (unseen, last) = (self.unseen.saturating_add(between), std::mem::replace(&mut self.last, last));
        let before = std::mem::replace(&mut self.unseen, unseen);
        self.push(stored).inspect_err(|_| (self.unseen, self.last) = (before, last))
    }

    /// Whether anything may follow.
    fn check_follows(&self) -> Result<(), NotStanding> {
        match self.steps.last().map(|step| &step.what) {
            None => Err(NotStanding::NotMade),
            Some(StandingAct::Ended { .. }) => Err(NotStanding::Ended),
            Some(StandingAct::Made { .. } | StandingAct::Used { .. }) => Ok(()),
        }
    }

    fn allows(&self, step: &StandingStep) -> Result<(), NotStanding> {
        let is_here = step.exchange == self.exchange && step.step == self.next_number();
        if !is_here || step.after != self.last.to_string() {
            return Err(NotStanding::Misplaced);
        }
        let at: Timestamp = step.at.parse().map_err(|_| NotStanding::Unreadable)?;
        match &step.what {
            StandingAct::Made { approval } if self.steps.is_empty() && *approval == self.approval => Ok(()),
            StandingAct::Made { .. } => Err(NotStanding::NotMade),
            StandingAct::Used { by, .. } => {
                self.check(at)?;
                // One exchange runs once.
                if self.use_of(by).is_some() { Err(NotStanding::UsedUp) } else { Ok(()) }
            }
            StandingAct::Ended { .. } => self.check_follows(),
        }
    }
}

/// The terms that all who have granted this approval agree on, who they are, and the digest of the verdict that granted it.
fn agreed(trail: &Trail) -> Option<(StandingRecord, Vec<ReviewerRecord>, Digest)> {
    let approval = trail.approval()?;
    let asked = trail.asked()?;
    let is_agreed = u32::try_from(approval.granted_by().len()).ok()? >= asked.needed;
    if !is_agreed || asked.result.is_some() {
        return None;
    }
    let steps = trail.steps_under_way();
    let (mut terms, mut people, mut granted) = (None, Vec::new(), None);
    for (at, step) in steps.iter().enumerate() {
        // What a standing approval has issued makes none.
        let StepRecord::Decided { by, verdict, terms: said, reason: _ } = &step.what else { continue };
        // A no that took the yes back.
        if Verdict::from_word(verdict) != Some(Verdict::Approve) {
            continue;
        }
        let said = said.as_ref().or_else(|| {
            steps.iter().take(at).rev().find_map(|step| {
                let StepRecord::Standing { by: who, terms } = &step.what else { return None };
                (who.reviewer().key == by.reviewer().key).then_some(terms)
            })
        })?;
        if terms.get_or_insert(said) != &said {
            return None;
        }
        people.push(by.clone());
        granted = Some(match steps.get(at.checked_add(1)?) {
            Some(next) => next.after.parse().ok()?,
            None => trail.last(),
        });
    }
    Some((terms?.clone(), people, granted?))
}
