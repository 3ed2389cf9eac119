//! Standing approvals: made with a yes, listed and ended. How they are used is told in `issue`.

use bytes::Bytes;
use domain::{ApprovalId, ApprovalState, PrincipalKey, Timestamp, Verdict};
use policy::Bundle;
use recording::{
    ContextRecord, NotStanding, Opening, RecordKey, StandingAct, StandingRecord, StandingStep, StandingTrail,
    Stored,
};

use super::review::{PoliciesHere, Review, ReviewError, crowded, unless_unclean};
use super::roster::Roster;
use super::signed_in::{SignedIn, is_revoked};
use super::standing_terms::{NotAStanding, StandingTerms, Tags};
use super::steps::{Added, Case, damaged};
use super::{sorted, stored};
use crate::fault::{Fault, Origin};
use crate::ports::{Approvals, Recordings, Standings, Written};
use crate::settings::SignIn;

/// How often others may be first before this turn gives up.
pub(super) const TRIES: usize = 64;

/// Steps of one at most: a use each, and its ends.
const LONGEST: u32 = 10_100;

/// One standing approval, with the exchange whose approval made it: as it was then, whatever was asked there since.
pub(super) struct Standing {
    pub case: Case,
    pub trail: StandingTrail,
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
    /// Why it allows nothing for now, and may again.
    pub rests: Option<&'static str>,
}

impl Standing {
    /// The one that was made beside this exchange, as far as its first step; none where people have agreed on none.
    pub async fn read(
        approvals: &dyn Approvals,
        recordings: &dyn Recordings,
        standings: &dyn Standings,
        key: &RecordKey,
    ) -> Result<Option<Self>, Fault> {
        let case = Case::read_at(approvals, recordings, key).await?;
        let Some(made) = step_at(standings, key, 0).await? else { return Ok(Self::of(case)) };
        let StandingAct::Made { approval } = &made.record.what else { return Err(damaged()) };
        let Some(mut standing) = case.under(approval).and_then(Self::of) else { return Ok(None) };
        standing.trail.push(made).map_err(|error| damaged().because(error))?;
        Ok(Some(standing))
    }

    /// The one that people have agreed on in the approval under way.
    fn of(case: Case) -> Option<Self> {
        let trail = StandingTrail::new(&case.trail)?;
        Some(Self { case, trail })
    }

    /// Reads what is not known yet of its end: its last step, and those before it that were written since.
    pub async fn read_end(&mut self, standings: &dyn Standings, since: Timestamp) -> Result<(), Fault> {
        let (key, known) = (&self.case.key, self.trail.next_number());
        let mut last = Vec::new();
        let mut number = count_steps(standings, key, known).await?;
        while number > known {
            number = number.saturating_sub(1);
            let step = step_at(standings, key, number).await?.ok_or_else(damaged)?;
            let at: Timestamp = step.record.at.parse().map_err(|_| damaged())?;
            last.push(step);
            if at < since {
                break;
            }
        }
        for step in last.into_iter().rev() {
            self.trail.resume(step).map_err(|error| damaged().because(error))?;
        }
        Ok(())
    }

    /// Reads the steps that are not known yet.
    async fn read_on(&mut self, standings: &dyn Standings) -> Result<(), Fault> {
        while self.trail.next_number() < LONGEST {
            let Some(step) = step_at(standings, &self.case.key, self.trail.next_number()).await? else {
                return Ok(());
            };
            self.trail.push(step).map_err(|error| damaged().because(error))?;
        }
        Err(too_long())
    }

    /// Adds a step when the rule lets it happen and nobody else is first; else the trail holds what others wrote.
    pub async fn add(
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

    pub fn id(&self) -> Option<ApprovalId> {
        self.case.trail.id()
    }

    pub fn principal(&self) -> Result<PrincipalKey, Fault> {
        Ok(stored::identity(&self.case.opening.record)?.key())
    }

    fn shown(&self, now: Timestamp, rests: Option<&'static str>) -> Option<StandingShown> {
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
            rests,
        })
    }
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
        let case = self.case(id, by).await?;
        let key = case.key.clone();
        let terms = self.terms_of(&case, id, terms).await?;
        let state = self.decide_with(id, by, Verdict::Approve, reason, Some(terms)).await?;
        self.make_standing(id, &key).await?;
        Ok(state)
    }

    /// What this reviewer would say yes to.
    async fn terms_of(
        &self,
        case: &Case,
        id: ApprovalId,
        terms: &StandingTerms,
    ) -> Result<StandingRecord, ReviewError> {
        if case.trail.is_of_access() {
            return Err(NotAStanding("access has an end of its own; approve it without runs").into());
        }
        if !case.trail.may_stand() {
            return Err(NotAStanding(
                "what waits has run, and its result is released once: approve that alone",
            )
            .into());
        }
        // What nobody could tell is the same as nothing, so that it would allow nothing.
        if case.trail.asked().is_none_or(|asked| asked.defined.is_none()) {
            return Err(NotAStanding(
                "not all of what it touches and calls can be told, so that no later run can be known for the same: approve this one alone",
            )
            .into());
        }
        let ports = self.ports();
        if let Some(made) = step_at(ports.standings.as_ref(), &case.key, 0).await?
            && made.record.what != (StandingAct::Made { approval: id.to_string() })
        {
            return Err(NotAStanding(
                "an earlier yes to this very statement, before it was asked again, stands already; approve this one alone, or end that",
            )
            .into());
        }
        let asked = stored::asked(ports.recordings.as_ref(), ports.keys.as_ref(), case).await?;
        let (key, approval) = (ports.keys.digest().await?, id.to_string());
        let tags = Tags { key: &key, approval: &approval };
        Ok(terms.record(&asked, &tags, &self.detectors_now().await?, self.now())?)
    }

    /// Writes its first step, where people have agreed, and has it found; again, it changes nothing.
    async fn make_standing(&self, id: ApprovalId, key: &RecordKey) -> Result<(), ReviewError> {
        let ports = self.ports();
        let (approvals, standings) = (ports.approvals.as_ref(), ports.standings.as_ref());
        let case = Case::read_at(approvals, ports.recordings.as_ref(), key).await?;
        let is_asked_again = case.trail.id() != Some(id);
        let Some(mut standing) = case.under(&id.to_string()).and_then(Standing::of) else { return Ok(()) };
        // What they have agreed on is asked again before it ran even once.
        let state = standing.case.trail.approval().map(domain::Approval::state);
        if is_asked_again && state == Some(ApprovalState::Granted) {
            return Ok(());
        }
        if step_at(standings, key, 0).await?.is_none() {
            while standing.trail.steps().is_empty() {
                let made = StandingAct::Made { approval: id.to_string() };
                standing.add(standings, self.now(), made).await?.map_err(|error| damaged().because(error))?;
            }
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
            let found = async {
                let Some(standing) = self.standing_at(&key).await? else { return Ok(None) };
                Ok::<_, Fault>(standing.shown(self.now(), self.standing_rests(&standing).await?))
            };
            match found.await {
                Ok(found) => shown.extend(found),
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
            Some(reason) => unless_unclean(self.clean_for(&standing.case, reason).await)?,
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
        Err(crowded().into())
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
        let Some(standing) = self.standing_made_by(id).await? else { return Ok(None) };
        Ok(standing.shown(self.now(), self.standing_rests(&standing).await?))
    }

    /// Why a standing approval allows nothing for now, whatever is left of it; none where it may allow.
    async fn standing_rests(&self, standing: &Standing) -> Result<Option<&'static str>, Fault> {
        let ports = self.ports();
        let asked = standing.case.trail.asked().ok_or_else(damaged)?;
        if !self.sign_in().takes(&asked.sign_in) {
            return Ok(Some("it was made before reviewers had to sign in"));
        }
        let identity = stored::identity(&standing.case.opening.record)?;
        if ports.exchanges.revoked(&identity, None).await?.is_some() {
            return Ok(Some("its agent or its person is revoked"));
        }
        let (key, revoked) = (ports.keys.digest().await?, ports.exchanges.revoked_people().await?);
        let people: Vec<_> = standing.trail.by().iter().map(|by| by.reviewer()).collect();
        if people.iter().any(|by| is_revoked(by, &revoked, &key)) {
            return Ok(Some("somebody who had said yes to it is revoked"));
        }
        let is_asked = |roster: &Roster| people.iter().all(|by| roster.still_has(by));
        let signs_in = asked.sign_in == SignIn::Oidc.as_str();
        let are_asked = !signs_in || self.roster().is_none_or(is_asked);
        if !are_asked {
            return Ok(Some("somebody who had said yes to it is not asked any more"));
        }
        if self.policies_here() == PoliciesHere::Untold {
            return Ok(None);
        }
        match ports.policies.bundle().await {
            Ok(bundle) => Ok(held_otherwise(&bundle, standing)),
            Err(fault) => {
                tracing::warn!(
                    fault = &fault as &(dyn std::error::Error + 'static),
                    "nobody can tell what policy says of a standing approval"
                );
                Ok(Some("the policies cannot be read"))
            }
        }
    }

    async fn standing_at(&self, key: &RecordKey) -> Result<Option<Standing>, Fault> {
        let ports = self.ports();
        let (approvals, recordings) = (ports.approvals.as_ref(), ports.recordings.as_ref());
        let standings = ports.standings.as_ref();
        let Some(mut standing) = Standing::read(approvals, recordings, standings, key).await? else {
            return Ok(None);
        };
        standing.read_end(standings, Timestamp::from_micros(i64::MAX)).await?;
        Ok(Some(standing))
    }
}

/// Why this bundle can hold no statement as it was held when people agreed, so that none goes by that; as far as is told without
/// deciding anything.
fn held_otherwise(bundle: &Bundle, standing: &Standing) -> Option<&'static str> {
    let asked = standing.case.trail.asked()?;
    if !asked.rules.iter().all(|rule| bundle.may_name(rule)) {
        return Some("the rules that hold such a statement have changed");
    }
    let opening = asked.of(&standing.case.opening.record);
    // Of several statements policy may hold some alone, for whose reviewers it is.
    let [statement] = opening.statements.as_slice() else { return None };
    let (groups, people) = bundle.reviewers_of(&statement.kind, &statement.class);
    let are_enough = sorted(groups) == asked.reviewers && people.get() <= asked.needed;
    (!are_enough).then_some("policy wants other people, or more of them, to decide such a statement")
}

async fn step_at(
    standings: &dyn Standings,
    key: &RecordKey,
    number: u32,
) -> Result<Option<Stored<StandingStep>>, Fault> {
    let Some(bytes) = standings.standing_step(key, number).await? else { return Ok(None) };
    recording::decode(&bytes).map(Some).map_err(|error| damaged().because(error))
}

/// How many steps there are, of which that many are known. They have no gaps, so that a few looks tell.
async fn count_steps(standings: &dyn Standings, key: &RecordKey, known: u32) -> Result<u32, Fault> {
    // INVARIANT: there are at least `least` steps.
    let (mut least, mut stride) = (known, 1_u32);
    let mut most = loop {
        let probe = least.saturating_add(stride).saturating_sub(1);
        if standings.standing_step(key, probe).await?.is_none() {
            break probe;
        }
        (least, stride) = (probe.saturating_add(1), stride.saturating_mul(2));
        if least > LONGEST {
            return Err(too_long());
        }
    };
    while least < most {
        let probe = least.midpoint(most);
        match standings.standing_step(key, probe).await? {
            Some(_) => least = probe.saturating_add(1),
            None => most = probe,
        }
    }
    Ok(least)
}

fn too_long() -> Fault {
    Fault::lasting(Origin::Recordings, "this standing approval has too many steps")
}

impl From<NotAStanding> for ReviewError {
    fn from(error: NotAStanding) -> Self {
        Self::Standing(error)
    }
}
