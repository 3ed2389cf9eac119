//! Standing approvals: made with a yes, used by later statements, listed and ended.
//!
//! A statement that is held looks for one before anybody is told. Each run has an approval of its own, decided and spent like
//! every other; a standing one merely says the yes to it, and takes one of its own numbers for that
//! (`recording::StandingStep`).

use bytes::Bytes;
use domain::{ApprovalId, ApprovalState, Asked, PrincipalKey, Timestamp, Verdict};
use recording::{
    ContextRecord, NotStanding, ObjectKind, Opening, RecordKey, StandingAct, StandingRecord, StandingStep,
    StandingTrail, StepRecord, Trail,
};

use super::review::{Review, ReviewError};
use super::signed_in::{SignedIn, is_revoked};
use super::standing_terms::{NotAStanding, StandingTerms, Tags, covers};
use super::steps::{Added, Case, damaged};
use super::stored;
use crate::fault::{Fault, Origin, Retry};
use crate::gateway::Gateway;
use crate::ports::{Approvals, Recordings, Standings, Written};

/// How often others may be first before this turn gives up.
const TRIES: usize = 64;

/// Steps of one at most: a use each, and its ends.
const LONGEST: u32 = 10_100;

/// One standing approval, with the exchange whose approval made it.
struct Standing {
    case: Case,
    trail: StandingTrail,
}

/// A standing approval, as a listing tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StandingShown {
    /// The approval that it was made with.
    pub id: ApprovalId,
    /// What the recording tells of the statement that was approved: every text after the detectors.
    pub opening: Opening,
    /// The names that it runs under, after the detectors.
    pub context: ContextRecord,
    /// Groups whose members may end it.
    pub reviewers: Vec<String>,
    /// How they prove themselves.
    pub sign_in: String,
    /// What it allows.
    pub terms: StandingRecord,
    /// Who has said yes to it.
    pub by: Vec<String>,
    /// How often it was used.
    pub uses: u32,
    /// Why it allows nothing more; none while it does.
    pub over: Option<NotStanding>,
}

impl Standing {
    /// The one that was made beside this exchange; none where people have agreed on none.
    async fn read(
        approvals: &dyn Approvals,
        recordings: &dyn Recordings,
        standings: &dyn Standings,
        key: &RecordKey,
    ) -> Result<Option<Self>, Fault> {
        let case = Case::read_at(approvals, recordings, key).await?;
        Self::of(case, standings).await
    }

    async fn of(case: Case, standings: &dyn Standings) -> Result<Option<Self>, Fault> {
        let Some(trail) = StandingTrail::new(&case.trail) else { return Ok(None) };
        let mut standing = Self { case, trail };
        standing.read_on(standings).await?;
        Ok(Some(standing))
    }

    /// Reads the steps that are not known yet.
    async fn read_on(&mut self, standings: &dyn Standings) -> Result<(), Fault> {
        while self.trail.next_number() < LONGEST {
            let Some(bytes) = standings.standing_step(&self.case.key, self.trail.next_number()).await? else {
                return Ok(());
            };
            let step = recording::decode::<StandingStep>(&bytes).map_err(|error| damaged().because(error))?;
            self.trail.push(step).map_err(|error| damaged().because(error))?;
        }
        Err(Fault::lasting(Origin::Recordings, "this standing approval has too many steps"))
    }

    /// Adds a step when the rule lets it happen and nobody else is first; else the trail holds what others wrote.
    async fn add(
        &mut self,
        standings: &dyn Standings,
        at: Timestamp,
        what: StandingAct,
    ) -> Result<Result<Added, NotStanding>, Fault> {
        let step = match self.trail.next(at, what) {
            Ok(step) => step,
            Err(error) => return Ok(Err(error)),
        };
        let (bytes, digest) = recording::encode(&step).map_err(|error| {
            Fault::lasting(Origin::Gateway, "a step of a standing approval cannot be written").because(error)
        })?;
        match standings.take(&self.case.key, step.step, Bytes::from(bytes)).await? {
            Written::Kept(_) => {
                let stored = recording::Stored { record: step, digest };
                self.trail.push(stored).map_err(|error| damaged().because(error))?;
                Ok(Ok(Added::Kept))
            }
            Written::Taken => {
                self.read_on(standings).await?;
                Ok(Ok(Added::Overtaken))
            }
        }
    }

    fn id(&self) -> Option<ApprovalId> {
        self.case.trail.id()
    }

    fn principal(&self) -> Result<PrincipalKey, Fault> {
        Ok(stored::identity(&self.case.opening.record)?.key())
    }

    fn shown(&self, now: Timestamp) -> Option<StandingShown> {
        let asked = self.case.trail.asked()?;
        Some(StandingShown {
            id: self.id()?,
            opening: asked.of(&self.case.opening.record),
            context: asked.context.clone(),
            reviewers: asked.reviewers.clone(),
            sign_in: asked.sign_in.clone(),
            terms: self.trail.terms().clone(),
            by: self.trail.by().iter().map(|by| by.name().to_owned()).collect(),
            uses: self.trail.uses(),
            over: self.trail.check(now).err(),
        })
    }
}

impl Gateway {
    /// Has a standing approval say the yes to what waits, where one covers it; whether it has.
    pub(super) async fn issue(&self, case: &mut Case) -> Result<bool, Fault> {
        let principal = stored::identity(&case.opening.record)?.key();
        let standings = self.ports.standings.as_ref();
        let mut found = standings.made(Some(&principal)).await?;
        if found.is_empty() {
            return Ok(false);
        }
        found.sort_unstable();
        let asked = match stored::asked(self.ports.recordings.as_ref(), self.ports.keys.as_ref(), case).await
        {
            Ok(asked) => asked,
            // Whoever would run it finds the same, and says so.
            Err(fault) if fault.retry == Retry::Never => return Ok(false),
            Err(fault) => return Err(fault),
        };
        for key in found {
            match self.issue_by(&key, &principal, case, &asked).await {
                Ok(false) => {}
                Ok(true) => return Ok(true),
                // One that is damaged allows nothing, and keeps no other from doing so.
                Err(fault) if fault.retry == Retry::Never => {
                    tracing::error!(
                        %key,
                        fault = &fault as &(dyn std::error::Error + 'static),
                        "a standing approval cannot be read"
                    );
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(false)
    }

    async fn issue_by(
        &self,
        key: &RecordKey,
        principal: &PrincipalKey,
        case: &mut Case,
        asked: &Asked,
    ) -> Result<bool, Fault> {
        let (approvals, recordings) = (self.ports.approvals.as_ref(), self.ports.recordings.as_ref());
        let standings = self.ports.standings.as_ref();
        let Some(mut standing) = Standing::read(approvals, recordings, standings, key).await? else {
            return Ok(false);
        };
        // SECURITY: where it is found must not be trusted alone with whose it is.
        if standing.principal()? != *principal || !is_same_question(&standing.case, case) {
            return Ok(false);
        }
        let exchange = case.opening.record.exchange.clone();
        // Whoever took its number for this exchange has died before anybody could know it.
        if standing.trail.use_of(&exchange).is_none() {
            if standing.trail.check(self.now()).is_err() || self.are_revoked(&standing).await? {
                return Ok(false);
            }
            let approved = stored::asked(recordings, self.ports.keys.as_ref(), &standing.case).await?;
            let (digest, id) =
                (self.ports.keys.digest().await?, standing.id().ok_or_else(damaged)?.to_string());
            let tags = Tags { key: &digest, approval: &id };
            if !covers(standing.trail.terms(), &tags, &approved, asked) {
                return Ok(false);
            }
            if !self.take_use(&mut standing, case, &exchange).await? {
                return Ok(false);
            }
        }
        self.say_yes(&standing, case, &exchange).await
    }

    /// Takes one of its numbers for this exchange; false when it allows no more.
    async fn take_use(&self, standing: &mut Standing, case: &Case, exchange: &str) -> Result<bool, Fault> {
        let approval = case.trail.id().ok_or_else(damaged)?.to_string();
        for _ in 0..TRIES {
            let used = StandingAct::Used { by: exchange.to_owned(), approval: approval.clone() };
            match standing.add(self.ports.standings.as_ref(), self.now(), used).await? {
                Ok(Added::Kept) => return Ok(true),
                Ok(Added::Overtaken) => {}
                Err(_) => return Ok(false),
            }
            if standing.trail.use_of(exchange).is_some() {
                return Ok(true);
            }
        }
        Err(Fault::passing(Origin::Exchanges, "too many use this standing approval at once"))
    }

    async fn say_yes(&self, standing: &Standing, case: &mut Case, exchange: &str) -> Result<bool, Fault> {
        let used = standing.trail.use_of(exchange).ok_or_else(damaged)?;
        let issued = StepRecord::Issued {
            standing: standing.id().ok_or_else(damaged)?.to_string(),
            made: standing.case.key.object(ObjectKind::Standing { step: used.step }),
            rows: standing.trail.terms().rows,
            by: standing.trail.by().to_vec(),
        };
        // Where the rule does not let these people say yes to it, somebody must be asked.
        self.add(case, self.now(), issued).await?;
        Ok(case.trail.approval().is_some_and(|approval| approval.state() == ApprovalState::Granted))
    }

    /// Whether somebody who has said yes to it was revoked since.
    async fn are_revoked(&self, standing: &Standing) -> Result<bool, Fault> {
        let (key, revoked) = (self.ports.keys.digest().await?, self.ports.exchanges.revoked_people().await?);
        Ok(standing.trail.by().iter().any(|by| is_revoked(&by.reviewer(), &revoked, &key)))
    }
}

/// Whether policy holds both by the same rules for the same people, and they do the same to the same objects.
fn is_same_question(approved: &Case, waits: &Case) -> bool {
    let (Some(before), Some(now)) = (approved.trail.asked(), waits.trail.asked()) else { return false };
    before.of(&approved.opening.record).statements == now.of(&waits.opening.record).statements
        && before.rules == now.rules
        && (&before.reviewers, before.needed, &before.sign_in) == (&now.reviewers, now.needed, &now.sign_in)
        && before.views == now.views
        && now.result.is_none()
}

impl Review {
    /// Approves, and makes a standing approval of it: in force once as many people as it needs have said yes to the same
    /// terms. The same again of the same reviewer changes nothing.
    ///
    /// # Errors
    /// [`ReviewError::Standing`] where the terms do not fit the text; else as [`Review::decide`].
    pub async fn approve_standing(
        &self,
        id: ApprovalId,
        by: &SignedIn,
        terms: &StandingTerms,
        reason: Option<&str>,
    ) -> Result<ApprovalState, ReviewError> {
        self.propose(id, by, terms).await?;
        let state = self.decide(id, by, Verdict::Approve, reason).await?;
        self.make_standing(id).await?;
        Ok(state)
    }

    /// Records what this reviewer says yes to, before they do.
    async fn propose(&self, id: ApprovalId, by: &SignedIn, terms: &StandingTerms) -> Result<(), ReviewError> {
        for _ in 0..TRIES {
            let mut case = self.case(id, by).await?;
            let ports = self.ports();
            let asked = stored::asked(ports.recordings.as_ref(), ports.keys.as_ref(), &case).await?;
            let (key, approval) = (ports.keys.digest().await?, id.to_string());
            let tags = Tags { key: &key, approval: &approval };
            let record = terms.record(&asked, &tags, &self.detectors_now().await?, self.now())?;
            if proposed(&case.trail, by) == Some(&record) {
                return Ok(());
            }
            let step = StepRecord::Standing { by: self.record(by).await?, terms: record };
            if self.add(&mut case, step).await? == Added::Kept {
                return Ok(());
            }
        }
        Err(super::review::crowded().into())
    }

    /// Writes its first step, where people have agreed, and has it found; again, it changes nothing.
    async fn make_standing(&self, id: ApprovalId) -> Result<(), ReviewError> {
        let ports = self.ports();
        let case = self.case_of(id).await?;
        let standings = ports.standings.as_ref();
        let Some(mut standing) = Standing::of(case, standings).await? else { return Ok(()) };
        while standing.trail.steps().is_empty() {
            let made = StandingAct::Made { approval: id.to_string() };
            standing.add(standings, self.now(), made).await?.map_err(|error| damaged().because(error))?;
        }
        standings.note(&standing.principal()?, id, &standing.case.key).await?;
        Ok(())
    }

    /// Standing approvals, whether they still allow something or not, the oldest first; and where one cannot be read.
    ///
    /// # Errors
    /// A fault when nobody can tell.
    pub async fn standing_approvals(&self) -> Result<(Vec<StandingShown>, Vec<String>), Fault> {
        let (mut shown, mut broken) = (Vec::new(), Vec::new());
        for key in self.ports().standings.made(None).await? {
            match self.standing_at(&key).await {
                Ok(standing) => shown.extend(standing.and_then(|standing| standing.shown(self.now()))),
                Err(fault) => {
                    tracing::error!(
                        %key,
                        fault = &fault as &(dyn std::error::Error + 'static),
                        "a standing approval cannot be read"
                    );
                    broken.push(key.exchange.to_string());
                }
            }
        }
        shown.sort_by(|one, other| one.opening.opened.cmp(&other.opening.opened));
        Ok((shown, broken))
    }

    /// Ends a standing approval: it allows nothing from now on. Whoever may decide what made it may end it; ended again, it
    /// stays as it is.
    ///
    /// # Errors
    /// [`ReviewError`] when nothing came of it.
    pub async fn end_standing(
        &self,
        id: ApprovalId,
        by: &SignedIn,
        reason: Option<&str>,
    ) -> Result<(), ReviewError> {
        let standings = self.ports().standings.as_ref();
        let mut standing = self.standing_made_by(id).await?.ok_or(ReviewError::Unknown)?;
        self.may_review(&standing.case, by).await?;
        let reason = match reason {
            Some(reason) => self.clean_for(&standing.case, reason).await?,
            None => None,
        };
        for _ in 0..TRIES {
            let ended = StandingAct::Ended { by: self.record(by).await?, reason: reason.clone() };
            match standing.add(standings, self.now(), ended).await? {
                Ok(Added::Kept) | Err(NotStanding::Ended) => return Ok(()),
                Ok(Added::Overtaken) => {}
                Err(error) => return Err(damaged().because(error).into()),
            }
        }
        Err(super::review::crowded().into())
    }

    /// The standing approval that this one made.
    async fn standing_made_by(&self, id: ApprovalId) -> Result<Option<Standing>, Fault> {
        let Some(key) = self.ports().standings.made_by(id).await? else { return Ok(None) };
        // SECURITY: where it is found must not be trusted alone with which it is.
        Ok(self.standing_at(&key).await?.filter(|standing| standing.id() == Some(id)))
    }

    /// The case of the standing approval that this one made, which is remembered for longer than its exchange.
    pub(super) async fn case_that_stands(&self, id: ApprovalId) -> Result<Option<Case>, Fault> {
        Ok(self.standing_made_by(id).await?.map(|standing| standing.case))
    }

    /// What this approval made to stand, as a listing tells it; none where that is nothing.
    pub(super) async fn stands(&self, id: ApprovalId) -> Result<Option<StandingShown>, Fault> {
        let standing = self.standing_made_by(id).await?;
        Ok(standing.and_then(|standing| standing.shown(self.now())))
    }

    async fn standing_at(&self, key: &RecordKey) -> Result<Option<Standing>, Fault> {
        let ports = self.ports();
        let (approvals, recordings) = (ports.approvals.as_ref(), ports.recordings.as_ref());
        Standing::read(approvals, recordings, ports.standings.as_ref(), key).await
    }
}

/// The last terms that this reviewer has proposed.
fn proposed<'a>(trail: &'a Trail, by: &SignedIn) -> Option<&'a StandingRecord> {
    trail.steps_under_way().iter().rev().find_map(|step| {
        let StepRecord::Standing { by: who, terms } = &step.what else { return None };
        (who.reviewer().key == by.reviewer.key).then_some(terms)
    })
}

impl From<NotAStanding> for ReviewError {
    fn from(error: NotAStanding) -> Self {
        Self::Standing(error)
    }
}
