//! What reviewers do: look at what waits, and decide. It settles; it reaches neither policy nor upstream.

use std::sync::Arc;

use domain::{ApprovalId, ApprovalState, Asked, Handle, Timestamp, Unmoved, Verdict};
use masking::Detectors;
use recording::{LateEvidence, NotNext, Opening, ReviewerRecord, StandingRecord, StepRecord};
use thiserror::Error;

use super::reception::own_verdict;
use super::roster::Roster;
use super::signed_in::{SignedIn, is_revoked};
use super::standing_terms::NotAStanding;
use super::steps::{Added, Case, NotAdded, damaged};
use super::stored;
use super::waiting::{Listing, Waiting, waiting};
use crate::detectors::DetectorsInForce;
use crate::evidence;
use crate::fault::{Fault, Origin};
use crate::live::Live;
use crate::ports::{Accesses, Approvals, Clock, Exchanges, Keys, Policies, Recordings, Standings};
use crate::settings::SignIn;
use crate::spans::{self, Spanned, span};

/// How many approvals a listing shows at most.
const LISTED: usize = 1000;

/// How often somebody else may be first before something must be wrong.
const TRIES: usize = 32;

/// How many earlier exchanges are looked at, of whoever asks: more than may ask within an hour, as bundles go.
const EARLIER: usize = 256;

/// Characters of a reviewer's reason at most.
const LONGEST_REASON: usize = 500;

/// What reviewing needs of the world.
#[derive(Clone)]
pub struct ReviewPorts {
    /// Holds what waits, and its steps.
    pub approvals: Arc<dyn Approvals>,
    /// Holds standing approvals.
    pub standings: Arc<dyn Standings>,
    /// Finds leave to read that was granted.
    pub accesses: Arc<dyn Accesses>,
    /// Reads openings and sealed texts.
    pub recordings: Arc<dyn Recordings>,
    /// Knows who was revoked.
    pub exchanges: Arc<dyn Exchanges>,
    /// Opens sealed texts.
    pub keys: Arc<dyn Keys>,
    /// Holds the bundle whose detectors a reviewer's reason passes.
    pub policies: Arc<dyn Policies>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Why a reviewer gets no answer, or nothing came of their verdict.
#[derive(Debug, Error)]
pub enum ReviewError {
    /// There is no such approval, or nobody remembers it.
    #[error("there is no such approval here (any more)")]
    Unknown,
    /// The rule does not let them.
    #[error(transparent)]
    Unmoved(#[from] Unmoved),
    /// The form that brought a verdict is not this reviewer's own, or showed something else than what waits.
    #[error("this form is not the one that was shown, or it is too old: open the page again")]
    Form,
    /// What was to stand for later ones cannot.
    #[error(transparent)]
    Standing(NotAStanding),
    /// This approval wants another proof of who they are.
    #[error("this approval waits for reviewers who sign in, and nobody has signed in here")]
    SignIn,
    /// They are none of the people who are asked.
    #[error(
        "whoever has signed in is not among those who are asked to decide, or signed in elsewhere than they do"
    )]
    Stranger,
    /// Something broke. A verdict may be kept all the same: whoever gives it again learns that.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What a reviewer is shown: exactly what would run.
// SECURITY: no `Debug`; the text may hold anything.
pub struct Shown {
    /// As in the listing.
    pub waiting: Waiting,
    /// The exact text, bindings, names and prompt.
    pub asked: Asked,
    /// What is known of the prompt since it was asked, its text after the detectors; none where that is nothing.
    pub later: Option<LateEvidence>,
}

/// The reviewers' side of approvals. Cheap to clone.
#[derive(Clone)]
pub struct Review {
    ports: ReviewPorts,
    detectors: Arc<DetectorsInForce>,
    sign_in: SignIn,
    roster: Option<Arc<Roster>>,
    policies: PoliciesHere,
}

/// Whether the bundle of these ports is the one that the gateway decides by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PoliciesHere {
    /// It is.
    AreInForce,
    /// Nobody here can tell.
    Untold,
}

impl Review {
    /// Reviewing over these ports, by people who have signed in.
    pub fn new(ports: ReviewPorts) -> Self {
        Self {
            ports,
            detectors: Arc::default(),
            sign_in: SignIn::Oidc,
            roster: None,
            policies: PoliciesHere::AreInForce,
        }
    }

    /// The same, where reviewers prove themselves in that way: as [`Settings::sign_in`](crate::Settings) of the gateway says.
    #[must_use]
    pub fn signed_in_by(self, sign_in: SignIn) -> Self {
        Self { sign_in, ..self }
    }

    /// The same by these people alone: nothing would come of the yes of anybody else who has signed in.
    #[must_use]
    pub fn asking(self, roster: Arc<Roster>) -> Self {
        Self { roster: Some(roster), ..self }
    }

    /// The same, where the gateway may decide by another bundle than that of these ports: what that one says of what was granted is
    /// not told.
    #[must_use]
    pub fn not_told_policies(self) -> Self {
        Self { policies: PoliciesHere::Untold, ..self }
    }

    /// Whether the bundle here is the gateway's.
    pub fn policies_here(&self) -> PoliciesHere {
        self.policies
    }

    /// Who is asked; none where nobody has said.
    pub(super) fn roster(&self) -> Option<&Roster> {
        self.roster.as_deref()
    }

    /// How reviewers must prove themselves.
    pub fn sign_in(&self) -> SignIn {
        self.sign_in
    }

    /// What waits for a person.
    ///
    /// # Errors
    /// A fault when nobody can tell.
    pub async fn waiting(&self) -> Result<Listing, Fault> {
        let mut listing = Listing::default();
        for live in self.ports.approvals.waiting(LISTED).await? {
            let found = async {
                let case = self.read(&live).await?;
                let at = case.key.clone();
                Ok::<_, Fault>(self.told(case).await?.map(|found| (at, found)))
            };
            let unread = match found.await {
                Ok(Some((at, found))) if !found.state.is_final() => {
                    // What cannot be read of its evidence keeps nobody from deciding.
                    let later = evidence::last(self.ports.recordings.as_ref(), &at).await;
                    let (later, unread) = match later {
                        Ok((_, later)) => (later, None),
                        Err(fault) => (None, Some(fault)),
                    };
                    listing.waiting.push(Waiting { later, ..found });
                    unread
                }
                Ok(Some(_) | None) => None,
                Err(fault) => Some(fault),
            };
            if let Some(fault) = unread {
                tracing::error!(
                    exchange = %live.exchange,
                    fault = &fault as &(dyn std::error::Error + 'static),
                    "an approval, or what is known of its prompt, cannot be read"
                );
                listing.damaged.push(live.exchange);
            }
        }
        Ok(listing)
    }

    /// How an approval stands, as a listing tells it; also when it has ended.
    ///
    /// # Errors
    /// [`ReviewError::Unknown`], or a fault.
    pub async fn standing(&self, id: ApprovalId) -> Result<Waiting, ReviewError> {
        let live = self.ports.approvals.exchange_of(id).await?.ok_or(ReviewError::Unknown)?;
        let case = Case::read(self.ports.approvals.as_ref(), self.ports.recordings.as_ref(), &live).await?;
        self.told(case).await?.filter(|found| found.id == id).ok_or(ReviewError::Unknown)
    }

    /// How it stands, as a listing tells it.
    async fn told(&self, case: Case) -> Result<Option<Waiting>, Fault> {
        let identity = stored::identity(&case.opening.record)?;
        let revoked = self.ports.exchanges.revoked(&identity, Some(case.key.exchange.session)).await?;
        Ok(waiting(case).map(|waiting| Waiting { revoked, ..waiting }))
    }

    /// How it stands for a reviewer who may decide it, and what they have said themselves; also when it has ended.
    pub(super) async fn said(
        &self,
        id: ApprovalId,
        by: &SignedIn,
    ) -> Result<(Waiting, Option<Verdict>), ReviewError> {
        let case = self.case(id, by).await?;
        let own = own_verdict(&case.trail, by).map(|(verdict, _)| verdict);
        Ok((self.told(case).await?.ok_or(ReviewError::Unknown)?, own))
    }

    /// The exchanges that waited for a person of whoever asked this one, the latest first.
    pub(super) async fn asked_by_same(&self, opening: &Opening) -> Result<Vec<Live>, Fault> {
        let principal = stored::identity(opening)?.key();
        self.ports.approvals.asked_by(&principal, EARLIER).await
    }

    /// The approval of a live exchange.
    pub(super) async fn read(&self, live: &Live) -> Result<Case, Fault> {
        spans::name_exchange(&live.exchange);
        let reading = Case::read(self.ports.approvals.as_ref(), self.ports.recordings.as_ref(), live);
        reading.spanned(span!("recall")).await
    }

    /// The approval with this id, whoever wants to know.
    pub(super) async fn case_of(&self, id: ApprovalId) -> Result<Case, ReviewError> {
        let Some(live) = self.ports.approvals.exchange_of(id).await? else {
            return self.case_in_force(id).await?.ok_or(ReviewError::Unknown);
        };
        let case = self.read(&live).await?;
        let state = case.trail.approval().map(domain::Approval::state);
        // It has begun anew since under another id, which has links of its own; and an exchange that was lost is closed,
        // whatever its steps say. What was made to stand with it, or granted, stands all the same.
        let is_lost = live.is_closed() && state.is_some_and(|state| !state.is_final());
        if case.trail.id() != Some(id) || is_lost {
            return self.case_in_force(id).await?.ok_or(ReviewError::Unknown);
        }
        Ok(case)
    }

    /// The case of what is in force since this approval, which is remembered for longer than its exchange: so it can be ended.
    async fn case_in_force(&self, id: ApprovalId) -> Result<Option<Case>, Fault> {
        match self.case_that_stands(id).await? {
            Some(case) => Ok(Some(case)),
            None => self.case_of_access(id).await,
        }
    }

    pub(super) fn ports(&self) -> &ReviewPorts {
        &self.ports
    }

    /// Whether a reason can be kept: there is a bundle whose detectors it passes. Where there is none, a no and an end are taken
    /// without it.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn takes_reasons(&self) -> Result<(), Fault> {
        self.ports.policies.bundle().await.map(|_| ())
    }

    /// Those of the bundle in force.
    pub(super) async fn detectors_now(&self) -> Result<Detectors, Fault> {
        let bundle = self.ports.policies.bundle().await?;
        Ok(self.detectors.of(&bundle))
    }

    pub(super) fn keys(&self) -> &dyn Keys {
        self.ports.keys.as_ref()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// The approval of the exchange with this handle, while it waits; for whoever asked in the same home.
    ///
    /// # Errors
    /// A fault when nobody can tell.
    pub async fn of_handle(&self, handle: Handle) -> Result<Option<ApprovalId>, Fault> {
        let handle = handle.to_string();
        let waiting = self.ports.approvals.waiting(LISTED).await?;
        let found = waiting.into_iter().find(|live| live.handle == handle);
        Ok(found.and_then(|live| live.approval?.id.parse().ok()))
    }

    /// Shows exactly what would run to a reviewer who may decide it; that they looked is recorded first.
    ///
    /// # Errors
    /// [`ReviewError`] when it is over, they may not look, or something broke: then nothing is shown.
    pub async fn show(&self, id: ApprovalId, by: &SignedIn) -> Result<Shown, ReviewError> {
        let looks = self.record(by).await?;
        for _ in 0..TRIES {
            let mut case = self.case(id, by).await?;
            let asked =
                stored::asked(self.ports.recordings.as_ref(), self.ports.keys.as_ref(), &case).await?;
            // Looking again is no new step: an approval has room for so many.
            let by_now = case.trail.approval().ok_or(ReviewError::Unknown)?.state();
            if by_now.is_final() {
                return Err(Unmoved::Ended(by_now).into());
            }
            let added = if has_looked(&case, &looks) {
                Added::Kept
            } else {
                self.add(&mut case, StepRecord::Viewed { by: looks.clone() }).await?
            };
            match added {
                Added::Overtaken => {}
                Added::Kept => {
                    let at = case.key.clone();
                    let waiting = self.told(case).await?.ok_or(ReviewError::Unknown)?;
                    let (_, later) = evidence::last(self.ports.recordings.as_ref(), &at).await?;
                    let waiting = Waiting { later: later.clone(), ..waiting };
                    return Ok(Shown { waiting, asked, later });
                }
            }
        }
        Err(crowded().into())
    }

    /// Takes a reviewer's verdict. The same verdict of the same reviewer again changes nothing and tells where the
    /// approval stands. A no takes back a yes, whose ever, that has had no effect yet.
    ///
    /// # Errors
    /// [`ReviewError`] when nothing came of it.
    pub async fn decide(
        &self,
        id: ApprovalId,
        by: &SignedIn,
        verdict: Verdict,
        reason: Option<&str>,
    ) -> Result<ApprovalState, ReviewError> {
        self.decide_with(id, by, verdict, reason, None).await
    }

    /// The same, with what a yes allows for later ones: one step tells both, or neither.
    pub(super) async fn decide_with(
        &self,
        id: ApprovalId,
        by: &SignedIn,
        verdict: Verdict,
        reason: Option<&str>,
        terms: Option<StandingRecord>,
    ) -> Result<ApprovalState, ReviewError> {
        let reason = match (reason, verdict) {
            (Some(reason), Verdict::Approve) => self.clean(id, reason).await?,
            (Some(reason), Verdict::Deny) => unless_unclean(self.clean(id, reason).await)?,
            (None, Verdict::Approve | Verdict::Deny) => None,
        };
        let decides = self.record(by).await?;
        for _ in 0..TRIES {
            let mut case = self.case(id, by).await?;
            if let Some((said, wanted)) = own_verdict(&case.trail, by)
                && said == verdict
            {
                if terms.is_some() && terms.as_ref() != wanted {
                    return Err(
                        NotAStanding("you have said yes to this before, and to nothing like that").into()
                    );
                }
                return self.settled(id, &case).await;
            }
            let decided = StepRecord::Decided {
                by: decides.clone(),
                verdict: verdict.as_str().to_owned(),
                reason: reason.clone(),
                terms: terms.clone(),
            };
            match self.add(&mut case, decided).await? {
                Added::Overtaken => {}
                Added::Kept => return self.settled(id, &case).await,
            }
        }
        Err(crowded().into())
    }

    /// The approval with this id, for a reviewer who may decide it.
    pub(super) async fn case(&self, id: ApprovalId, by: &SignedIn) -> Result<Case, ReviewError> {
        let case = self.case_of(id).await?;
        self.may_review(&case, by).await?;
        Ok(case)
    }

    /// Whether this reviewer may decide it.
    pub(super) async fn may_review(&self, case: &Case, by: &SignedIn) -> Result<(), ReviewError> {
        let approval = case.trail.approval().ok_or(ReviewError::Unknown)?;
        let asked = case.trail.asked().ok_or(ReviewError::Unknown)?;
        // SECURITY: what was asked for in the local demo is not decided so before a real account, which the same home serves by now.
        if asked.sign_in != by.way.as_str() || !self.sign_in.takes(&asked.sign_in) {
            return Err(ReviewError::SignIn);
        }
        // SECURITY: the gateway follows no yes of anybody else.
        if by.way == SignIn::Oidc
            && self.roster.as_ref().is_some_and(|roster| !roster.still_has(&by.reviewer))
        {
            return Err(ReviewError::Stranger);
        }
        approval.check(&by.reviewer, &by.link)?;
        // SECURITY: whoever was revoked decides nothing, whatever their issuer and their session say.
        let revoked = self.ports.exchanges.revoked_people().await?;
        if is_revoked(&by.reviewer, &revoked, &self.ports.keys.digest().await?) {
            return Err(Unmoved::NotAReviewer.into());
        }
        Ok(())
    }

    /// Somebody as a step names them.
    pub(super) async fn record(&self, by: &SignedIn) -> Result<ReviewerRecord, Fault> {
        let marked = by.marked(&self.ports.keys.digest().await?);
        Ok(ReviewerRecord::new(&marked, by.way.as_str(), by.at))
    }

    pub(super) async fn add(&self, case: &mut Case, what: StepRecord) -> Result<Added, ReviewError> {
        let adding = case.add(self.ports.approvals.as_ref(), self.ports.clock.now(), what);
        match adding.spanned(span!("step")).await {
            Ok(added) => Ok(added),
            Err(NotAdded::Fault(fault)) => Err(fault.into()),
            Err(NotAdded::NotNext(NotNext::Unmoved(unmoved))) => Err(unmoved.into()),
            Err(NotAdded::NotNext(NotNext::SignIn)) => Err(ReviewError::SignIn),
            Err(NotAdded::NotNext(error)) => Err(damaged().because(error).into()),
        }
    }

    /// Where it stands after a verdict. What waits for others yet has nothing to go on with: it is not woken, for whoever keeps its
    /// time would begin a wait anew.
    async fn settled(&self, id: ApprovalId, case: &Case) -> Result<ApprovalState, ReviewError> {
        let state = state(case)?;
        if state != ApprovalState::Waiting {
            self.wake(id).await;
        }
        Ok(state)
    }

    /// The verdict is kept; whoever carries the exchange on finds it at its next look, with or without this.
    async fn wake(&self, id: ApprovalId) {
        if let Err(fault) = self.ports.approvals.wake(id).spanned(span!("wake")).await {
            tracing::warn!(
                fault = &fault as &(dyn std::error::Error + 'static),
                "an exchange could not be woken; it is looked at within a minute"
            );
        }
    }

    /// A reason as it may be recorded and told to the agent: after the detectors of the bundle in force, at their strictest
    /// where that is not the bundle that held it.
    // SECURITY: without a bundle nobody knows what must not be said, and nothing is.
    async fn clean(&self, id: ApprovalId, reason: &str) -> Result<Option<String>, ReviewError> {
        let held_by = self.standing(id).await?.asked.bundle;
        self.cleaned(&held_by, reason).await
    }

    /// The same for what was asked in this case.
    pub(super) async fn clean_for(&self, case: &Case, reason: &str) -> Result<Option<String>, ReviewError> {
        let held_by = case.trail.asked().ok_or(ReviewError::Unknown)?.bundle.clone();
        self.cleaned(&held_by, reason).await
    }

    async fn cleaned(&self, held_by: &str, reason: &str) -> Result<Option<String>, ReviewError> {
        let reason: String =
            reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_REASON).collect();
        let reason = reason.trim();
        if reason.is_empty() {
            return Ok(None);
        }
        let bundle = self.ports.policies.bundle().await?;
        let detectors = self.detectors.of_decided(&bundle, Some(held_by));
        Ok(Some(detectors.redact_text(reason, "").into_owned()))
    }
}

/// The reason of a no or of an end; none where there is no bundle to clean it by, because nothing may keep anybody from either.
pub(super) fn unless_unclean(
    cleaned: Result<Option<String>, ReviewError>,
) -> Result<Option<String>, ReviewError> {
    match cleaned {
        Err(ReviewError::Fault(fault)) if matches!(fault.origin, Origin::Policies) => {
            tracing::warn!(
                fault = &fault as &(dyn std::error::Error + 'static),
                "a reviewer's reason is left out: there is no policy bundle that says what must not stand in it"
            );
            Ok(None)
        }
        cleaned => cleaned,
    }
}

/// Whether this reviewer has looked since they signed in.
fn has_looked(case: &Case, now: &ReviewerRecord) -> bool {
    case.trail.steps_under_way().iter().any(|step| match &step.what {
        StepRecord::Viewed { by: earlier } => earlier == now,
        StepRecord::Asked(_)
        | StepRecord::Told { .. }
        | StepRecord::Decided { .. }
        | StepRecord::Standing { .. }
        | StepRecord::Issued { .. }
        | StepRecord::Expired {}
        | StepRecord::Withdrawn {}
        | StepRecord::Overruled { .. }
        | StepRecord::Spent { .. }
        | StepRecord::Released { .. }
        | StepRecord::Ended { .. } => false,
    })
}

fn state(case: &Case) -> Result<ApprovalState, ReviewError> {
    case.trail.approval().map(domain::Approval::state).ok_or(ReviewError::Unknown)
}

pub(super) fn crowded() -> Fault {
    Fault::passing(Origin::Recordings, "too many people act on this approval at once; try again")
}
