//! From the steps of an approval to where it stands.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use domain::{
    Agent, Approval, ApprovalEvent, ApprovalId, ApprovalState, Digest, Person, Requester, Terms, Timestamp,
    Unmoved, Verdict,
};
use thiserror::Error;

use crate::approval::{ApprovalStep, AskedRecord, REMINDER, ReviewerRecord, SECOND, StepRecord};
use crate::envelope::Stored;
use crate::opening::{HoldRecord, Opening};

/// Why a step cannot be the next of a trail.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NotNext {
    /// It belongs to another exchange or number.
    #[error("this step belongs to another exchange or has another number than its name")]
    Misplaced,
    /// It was written after another step, or another opening.
    #[error("this step was written after another one than lies before it")]
    Chain,
    /// It does not tell when it happened, or holds a word that is none.
    #[error("this step does not say what a step says")]
    Unreadable,
    /// It is no approval of what its opening tells.
    #[error("this step does not belong to what was asked")]
    Foreign,
    /// What it wants is another thing than was asked for.
    #[error(
        "this approval is of a statement that is to run, of its result or of leave to read, and this step is of another of them"
    )]
    OtherThing,
    /// An approval begins with being asked for, and only once.
    #[error("an approval begins with being asked for, and anew only once it was granted")]
    Asked,
    /// Nobody is reminded twice.
    #[error("reviewers were reminded for that reason before, or for no reason that there is")]
    Reminded,
    /// Whoever decided had not signed in as they must.
    #[error("whoever acted had not signed in as this approval needs it")]
    SignIn,
    /// The rule does not let it happen.
    #[error(transparent)]
    Unmoved(#[from] Unmoved),
}

/// The steps of one exchange's approval, each checked, and where it stands by the rule.
#[derive(Clone, Debug)]
pub struct Trail {
    exchange: String,
    requester: Requester,
    covers: String,
    /// What the opening says of the first approval: groups, how many people, until when.
    hold: Option<HoldRecord>,
    /// The digest that the next step carries.
    last: Digest,
    steps: Vec<ApprovalStep>,
    now: Option<Now>,
    /// The step that has spent the grant.
    spent: Option<(u32, Digest)>,
}

/// The approval under way.
#[derive(Clone, Debug)]
struct Now {
    id: ApprovalId,
    approval: Approval,
    /// Which step asked for it.
    asked: usize,
}

impl Trail {
    /// The trail of the exchange with this opening, before its first step.
    pub fn new(opening: &Stored<Opening>) -> Self {
        let Stored { record, digest } = opening;
        let principal = &record.principal;
        Self {
            exchange: record.exchange.clone(),
            requester: Requester {
                issuer: principal.issuer.clone(),
                subject: principal.subject.clone(),
                agent: Agent::new(principal.agent.clone()),
                person: principal.person.clone().map(Person::new),
                marks: BTreeSet::new(),
            },
            covers: record.digest.clone(),
            hold: record.hold.clone(),
            last: *digest,
            steps: Vec::new(),
            now: None,
            spent: None,
        }
    }

    /// The steps so far, in order.
    pub fn steps(&self) -> &[ApprovalStep] {
        &self.steps
    }

    /// The number of the next step.
    pub fn next_number(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }

    /// The digest of the last step; of the opening before the first.
    pub fn last(&self) -> Digest {
        self.last
    }

    /// The approval as it stands; none before the first step.
    pub fn approval(&self) -> Option<&Approval> {
        self.now.as_ref().map(|now| &now.approval)
    }

    /// Its id; none before the first step.
    pub fn id(&self) -> Option<ApprovalId> {
        self.now.as_ref().map(|now| now.id)
    }

    /// What was asked of reviewers; none before the first step.
    pub fn asked(&self) -> Option<&AskedRecord> {
        match &self.steps.get(self.now.as_ref()?.asked)?.what {
            StepRecord::Asked(asked) => Some(asked),
            StepRecord::Told { .. }
            | StepRecord::Viewed { .. }
            | StepRecord::Decided { .. }
            | StepRecord::Standing { .. }
            | StepRecord::Issued { .. }
            | StepRecord::Expired {}
            | StepRecord::Withdrawn {}
            | StepRecord::Overruled { .. }
            | StepRecord::Spent { .. }
            | StepRecord::Released { .. }
            | StepRecord::Ended { .. } => None,
        }
    }

    /// The key's number and the digest of the step that has put leave to read in force; none where none was, or it was ended.
    pub fn access_in_force(&self) -> Option<(u32, Digest)> {
        let (step, digest) = self.spent.filter(|_| self.is_of_access())?;
        self.ended().is_none().then_some((step, digest))
    }

    /// The step by which a reviewer has ended leave to read.
    pub fn ended(&self) -> Option<&ApprovalStep> {
        self.steps.last().filter(|step| matches!(step.what, StepRecord::Ended { .. }))
    }

    /// Rows of its result at most, where a standing approval allows it.
    pub fn issued_rows(&self) -> Option<u64> {
        self.steps_under_way().iter().find_map(|step| {
            let StepRecord::Issued { rows, .. } = &step.what else { return None };
            Some(*rows)
        })
    }

    /// The steps of the approval under way, from its `asked` on.
    pub fn steps_under_way(&self) -> &[ApprovalStep] {
        let asked = self.now.as_ref().map_or(0, |now| now.asked);
        self.steps.get(asked..).unwrap_or_default()
    }

    /// The trail as it was while the approval with this id was under way: up to where it began anew, or its result was asked for.
    /// None where none of its approvals has this id.
    pub fn under(&self, id: &str) -> Option<Self> {
        let asks = |step: &&ApprovalStep| matches!(step.what, StepRecord::Asked(_));
        let is_it =
            |step: &ApprovalStep| matches!(&step.what, StepRecord::Asked(asked) if asked.approval == id);
        let begins = self.steps.iter().position(is_it)?;
        let after = self.steps.get(begins.checked_add(1)?..)?;
        let count = after.iter().take_while(|step| !asks(step)).count();
        let steps = self.steps.get(..=begins.checked_add(count)?)?;
        let mut trail =
            Self { last: steps.first()?.after.parse().ok()?, steps: Vec::new(), now: None, ..self.clone() };
        for (at, step) in (1..).zip(steps) {
            let digest = match self.steps.get(at) {
                Some(next) => next.after.parse().ok()?,
                None => self.last,
            };
            trail.push(Stored { record: step.clone(), digest }).ok()?;
        }
        Some(trail)
    }

    /// Whether reviewers were told of the approval under way.
    pub fn is_told(&self) -> bool {
        self.steps_under_way().iter().any(|step| matches!(step.what, StepRecord::Told { .. }))
    }

    /// Whether they were told for that reason: [`REMINDER`] or [`SECOND`].
    pub fn is_reminded(&self, reason: &str) -> bool {
        self.tried_for(reason).any(|(_, is_told)| is_told)
    }

    /// When it was tried to tell them for that reason and nobody was reached (RFC 3339), in order.
    pub fn reminded_in_vain<'a>(&'a self, reason: &'a str) -> impl Iterator<Item = &'a str> {
        self.tried_for(reason).filter(|(_, is_told)| !is_told).map(|(at, _)| at)
    }

    /// Each telling for that reason, and whether it was one: whom it names could be told, or is told with everybody else who could
    /// not be told at first.
    fn tried_for<'a>(&'a self, reason: &'a str) -> impl Iterator<Item = (&'a str, bool)> {
        let tried = move |step: &'a ApprovalStep| match &step.what {
            StepRecord::Told { why, reviewers, failed, way: _ } if why.as_deref() == Some(reason) => {
                Some((step.at.as_str(), !(reviewers.is_empty() && failed.is_empty())))
            }
            StepRecord::Told { .. }
            | StepRecord::Asked(_)
            | StepRecord::Viewed { .. }
            | StepRecord::Decided { .. }
            | StepRecord::Standing { .. }
            | StepRecord::Issued { .. }
            | StepRecord::Expired {}
            | StepRecord::Withdrawn {}
            | StepRecord::Overruled { .. }
            | StepRecord::Spent { .. }
            | StepRecord::Released { .. }
            | StepRecord::Ended { .. } => None,
        };
        self.steps_under_way().iter().filter_map(tried)
    }

    /// The step that would come next, when the rule lets it happen at that moment.
    ///
    /// # Errors
    /// [`NotNext`] when it does not.
    pub fn next(&self, at: Timestamp, what: StepRecord) -> Result<ApprovalStep, NotNext> {
        let step = ApprovalStep {
            v: 1,
            exchange: self.exchange.clone(),
            step: self.next_number(),
            at: at.to_string(),
            after: self.last.to_string(),
            what,
        };
        self.after(&step).map(|_| step)
    }

    /// Adds the next step as it was read back.
    ///
    /// # Errors
    /// [`NotNext`] when it is not the next: then the trail is as before.
    pub fn push(&mut self, stored: Stored<ApprovalStep>) -> Result<(), NotNext> {
        let Stored { record: step, digest } = stored;
        self.now = Some(self.after(&step)?);
        if matches!(step.what, StepRecord::Spent { .. }) {
            self.spent = Some((step.step, digest));
        }
        self.steps.push(step);
        self.last = digest;
        Ok(())
    }

    /// The approval after this step.
    fn after(&self, step: &ApprovalStep) -> Result<Now, NotNext> {
        if step.exchange != self.exchange || step.step != self.next_number() {
            return Err(NotNext::Misplaced);
        }
        if step.after != self.last.to_string() {
            return Err(NotNext::Chain);
        }
        let at: Timestamp = step.at.parse().map_err(|_| NotNext::Unreadable)?;
        if at.to_string() != step.at {
            return Err(NotNext::Unreadable);
        }
        let now = match (&step.what, &self.now) {
            (StepRecord::Asked(asked), before) => return self.begun(asked, before.as_ref()),
            (_, None) => return Err(NotNext::Asked),
            (_, Some(now)) => now,
        };
        let approval = match &step.what {
            StepRecord::Asked(_) => return Err(NotNext::Asked),
            StepRecord::Told { why: Some(why), .. }
                if self.is_reminded(why) || ![REMINDER, SECOND].contains(&why.as_str()) =>
            {
                return Err(NotNext::Reminded);
            }
            StepRecord::Told { .. } => standing(&now.approval)?,
            StepRecord::Viewed { by } => {
                self.check_sign_in(by)?;
                let by = by.reviewer();
                now.approval.check(&by, &by.key)?;
                standing(&now.approval)?
            }
            StepRecord::Decided { by, verdict, reason: _, terms } => {
                self.check_sign_in(by)?;
                let by = by.reviewer();
                let verdict = Verdict::from_word(verdict).ok_or(NotNext::Unreadable)?;
                if terms.is_some() && (verdict != Verdict::Approve || !self.may_stand()) {
                    return Err(NotNext::OtherThing);
                }
                // Whose link brought them is checked before anything is written.
                now.approval.next(&ApprovalEvent::Decided { link: by.key.clone(), by, verdict }, at)?
            }
            StepRecord::Standing { by, terms: _ } => {
                self.check_sign_in(by)?;
                if !self.may_stand() {
                    return Err(NotNext::OtherThing);
                }
                let by = by.reviewer();
                now.approval.check(&by, &by.key)?;
                if now.approval.state() == ApprovalState::Granted {
                    return Err(Unmoved::Granted.into());
                }
                standing(&now.approval)?
            }
            StepRecord::Issued { by, .. } => {
                if !self.may_stand() {
                    return Err(NotNext::OtherThing);
                }
                by.iter().try_for_each(|by| self.check_sign_in(by))?;
                let by = by.iter().map(ReviewerRecord::reviewer).collect();
                now.approval.next(&ApprovalEvent::Issued { by }, at)?
            }
            StepRecord::Expired {} => now.approval.next(&ApprovalEvent::Lapsed, at)?,
            StepRecord::Withdrawn {} => now.approval.next(&ApprovalEvent::Withdrawn, at)?,
            StepRecord::Overruled { .. } => now.approval.next(&ApprovalEvent::Overruled, at)?,
            StepRecord::Spent { .. } if self.is_of_result() => return Err(NotNext::OtherThing),
            StepRecord::Released { .. } if !self.is_of_result() => return Err(NotNext::OtherThing),
            StepRecord::Spent { .. } | StepRecord::Released { .. } => {
                now.approval.next(&ApprovalEvent::Spent, at)?
            }
            StepRecord::Ended { by, reason: _ } => {
                self.check_sign_in(by)?;
                let by = by.reviewer();
                now.approval.check(&by, &by.key)?;
                // What was never in force, or was ended before, has no end to come.
                if self.access_in_force().is_none() {
                    return Err(NotNext::OtherThing);
                }
                now.approval.clone()
            }
        };
        Ok(Now { approval, ..now.clone() })
    }

    fn begun(&self, asked: &AskedRecord, before: Option<&Now>) -> Result<Now, NotNext> {
        let state = before.map(|now| now.approval.state());
        let id: ApprovalId = asked.approval.parse().map_err(|_| NotNext::Unreadable)?;
        let (may_begin, is_anew) = match &asked.result {
            // What has run is not asked for anew.
            None if before.is_some() && (self.is_of_result() || self.is_of_access()) => {
                return Err(NotNext::OtherThing);
            }
            Some(_) if self.is_of_access() => return Err(NotNext::OtherThing),
            None => (state.is_none_or(|state| state == ApprovalState::Granted), before.is_some()),
            // A result is asked for once its statement has run: unattended, or by an approval that was spent.
            Some(_) => {
                let has_run = match state {
                    None => self.hold.is_none(),
                    Some(state) => state == ApprovalState::Spent && !self.is_of_result(),
                };
                (has_run, false)
            }
        };
        if !may_begin || is_anew != asked.again.is_some() || before.is_some_and(|now| now.id == id) {
            return Err(NotNext::Asked);
        }
        if asked.covers != self.covers {
            return Err(NotNext::Foreign);
        }
        let is_as_held = self.hold.as_ref().is_some_and(|hold| {
            let mut reviewers = hold.reviewers.clone();
            reviewers.sort_unstable();
            reviewers.dedup();
            let needed = hold.people.unwrap_or(1);
            (asked.reviewers.as_slice(), asked.needed, &asked.expires) == (&reviewers, needed, &hold.expires)
        });
        if !is_anew && asked.result.is_none() && !is_as_held {
            return Err(NotNext::Foreign);
        }
        let terms = Terms {
            requester: Requester { marks: asked.marks.iter().cloned().collect(), ..self.requester.clone() },
            reviewers: asked.reviewers.iter().cloned().collect(),
            needed: NonZeroU32::new(asked.needed).ok_or(NotNext::Unreadable)?,
            expires: asked.expires.parse().map_err(|_| NotNext::Unreadable)?,
        };
        Ok(Now { id, approval: Approval::new(terms), asked: self.steps.len() })
    }

    /// Whether the approval under way is of a result that is kept, and of nothing that is to run.
    pub fn is_of_result(&self) -> bool {
        self.asked().is_some_and(|asked| asked.result.is_some())
    }

    /// Whether the approval under way is of leave to read, and of nothing that is to run.
    pub fn is_of_access(&self) -> bool {
        self.asked().is_some_and(|asked| asked.access.is_some())
    }

    /// Whether a yes to the approval under way may stand for later ones: only to what is to run. Leave to read has its own
    /// end, and later statements none of it.
    pub fn may_stand(&self) -> bool {
        !self.is_of_result() && !self.is_of_access()
    }

    // SECURITY: what a development reviewer says counts only where the approval itself was asked for so.
    fn check_sign_in(&self, by: &ReviewerRecord) -> Result<(), NotNext> {
        if self.asked().is_some_and(|asked| asked.sign_in == by.sign_in) {
            Ok(())
        } else {
            Err(NotNext::SignIn)
        }
    }
}

/// The approval as it stands, unless it has ended.
fn standing(approval: &Approval) -> Result<Approval, Unmoved> {
    let state = approval.state();
    if state.is_final() { Err(Unmoved::Ended(state)) } else { Ok(approval.clone()) }
}
