//! Leave to read as reviewers see it: the list of what is in force, and its ends.

use domain::{ApprovalId, Timestamp};
use recording::{AccessRecord, Opening, StepRecord};

use super::access::{Force, Reading, unreadable};
use super::review::{Review, ReviewError, crowded, unless_unclean};
use super::signed_in::SignedIn;
use super::steps::{Added, Case, damaged};
use super::stored;
use crate::fault::Fault;
use crate::ports::AccessNote;

/// How often others may be first before this turn gives up.
const TRIES: usize = 64;

/// How leave to read stands that was granted and has not ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccessState {
    /// Its agent may read by it.
    InForce,
    /// It comes in force within seconds.
    Coming,
    /// It permits nothing for now, because of that, and may again.
    Rests(&'static str),
}

/// Leave to read that was granted and has not ended, as a listing tells it.
#[derive(Clone, Debug)]
pub struct AccessShown {
    /// The approval that it was granted with.
    pub id: ApprovalId,
    /// Whether it permits anything by now.
    pub state: AccessState,
    /// What the recording tells of the request: every text after the detectors.
    pub opening: Opening,
    /// What was asked for.
    pub access: AccessRecord,
    /// Groups whose members may end it.
    pub reviewers: Vec<String>,
    /// How they prove themselves.
    pub sign_in: String,
    /// Who has said yes to it.
    pub by: Vec<String>,
}

impl Review {
    /// Leave to read that was granted and has not ended, the oldest first, also where it permits nothing for now; and where one
    /// cannot be read.
    ///
    /// # Errors
    /// A fault when nobody can tell.
    pub async fn granted_access(&self) -> Result<(Vec<AccessShown>, Vec<String>), Fault> {
        let (mut shown, mut broken) = (Vec::new(), Vec::new());
        for key in self.ports().accesses.granted(None, self.now()).await? {
            let found = async {
                let case = Reading::from(self).case(&key).await?;
                self.shown_of_access(case, AccessState::InForce).await
            };
            match found.await {
                Ok(found) => shown.extend(found),
                Err(fault) => {
                    unreadable(&key, &fault);
                    broken.push(key.exchange.to_string());
                }
            }
        }
        shown.sort_by(|one, other| one.opening.opened.cmp(&other.opening.opened));
        Ok((shown, broken))
    }

    /// What was granted with this approval, while it has not ended.
    pub(super) async fn access_stands(&self, id: ApprovalId) -> Result<Option<AccessShown>, Fault> {
        if let Some(case) = self.case_of_access(id).await? {
            return self.shown_of_access(case, AccessState::InForce).await;
        }
        // It is spent before it is found, and closed after that.
        let Some(live) = self.ports().approvals.exchange_of(id).await?.filter(|live| !live.is_closed())
        else {
            return Ok(None);
        };
        let case = self.read(&live).await?;
        if case.trail.id() != Some(id) {
            return Ok(None);
        }
        self.shown_of_access(case, AccessState::Coming).await
    }

    async fn shown_of_access(&self, case: Case, in_force: AccessState) -> Result<Option<AccessShown>, Fault> {
        let state = match self.ports().policies.bundle().await {
            Ok(bundle) => match Reading::from(self).in_force(&bundle, &case, self.now()).await? {
                Force::In(_) => in_force,
                Force::Rests(why) => AccessState::Rests(why),
                Force::Over => return Ok(None),
            },
            // A broken bundle permits nothing, and hides nothing from whoever looks what there is to end.
            Err(fault) => {
                tracing::warn!(
                    fault = &fault as &(dyn std::error::Error + 'static),
                    "nobody can tell what policy says of access that was granted"
                );
                if case.trail.access_in_force().is_none() || note_of(&case)?.until <= self.now() {
                    return Ok(None);
                }
                AccessState::Rests("the policies cannot be read")
            }
        };
        Ok(told(case, state))
    }

    /// The case of what was granted with this approval, which is remembered for as long as it lasts: longer than its exchange.
    pub(super) async fn case_of_access(&self, id: ApprovalId) -> Result<Option<Case>, Fault> {
        let Some(key) = self.ports().accesses.granted_by(id, self.now()).await? else { return Ok(None) };
        let case = Reading::from(self).case(&key).await?;
        // SECURITY: where it is found must not be trusted alone with which it is.
        Ok(Some(case).filter(|case| case.trail.id() == Some(id) && case.trail.is_of_access()))
    }

    /// Ends leave to read: it permits nothing from now on, and what was decided by it and is under way is not released. Whoever
    /// may decide on it may end it; ended again, it stays as it is.
    ///
    /// # Errors
    /// [`ReviewError`] when nothing came of it.
    pub async fn end_access(
        &self,
        id: ApprovalId,
        by: &SignedIn,
        reason: Option<&str>,
    ) -> Result<(), ReviewError> {
        let mut case = self.case_of(id).await?;
        if case.trail.access_in_force().is_none() && case.trail.ended().is_none() {
            return Err(ReviewError::Unknown);
        }
        self.may_review(&case, by).await?;
        let reason = match reason {
            Some(reason) => unless_unclean(self.clean_for(&case, reason).await)?,
            None => None,
        };
        for _ in 0..TRIES {
            if case.trail.ended().is_some() {
                return self.found_no_more(&case).await;
            }
            let ended = StepRecord::Ended { by: self.record(by).await?, reason: reason.clone() };
            if self.add(&mut case, ended).await? == Added::Kept {
                return self.found_no_more(&case).await;
            }
        }
        Err(crowded().into())
    }

    /// What was ended permits nothing wherever it is found, and is looked at no more.
    async fn found_no_more(&self, case: &Case) -> Result<(), ReviewError> {
        let note = note_of(case)?;
        if let Err(fault) = self.ports().accesses.take_back(&note).await {
            tracing::warn!(
                fault = &fault as &(dyn std::error::Error + 'static),
                "access that was ended is still looked at; it permits nothing"
            );
        }
        Ok(())
    }
}

/// Where what was granted in this case is found.
pub(crate) fn note_of(case: &Case) -> Result<AccessNote, Fault> {
    let told = case.trail.asked().and_then(|asked| asked.access.as_ref()).ok_or_else(damaged)?;
    let until: Timestamp = told.until.parse().map_err(|_| damaged())?;
    Ok(AccessNote {
        principal: stored::identity(&case.opening.record)?.key(),
        approval: case.trail.id().ok_or_else(damaged)?,
        key: case.key.clone(),
        until,
    })
}

fn told(case: Case, state: AccessState) -> Option<AccessShown> {
    let asked = case.trail.asked()?;
    let by = case.trail.approval()?.granted_by();
    Some(AccessShown {
        id: case.trail.id()?,
        state,
        access: asked.access.clone()?,
        reviewers: asked.reviewers.clone(),
        sign_in: asked.sign_in.clone(),
        by: by
            .iter()
            .map(|by| {
                by.person.as_ref().map_or_else(|| by.key.subject.clone(), |person| person.as_str().to_owned())
            })
            .collect(),
        opening: asked.of(&case.opening.record),
    })
}
