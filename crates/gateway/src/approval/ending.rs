//! Taking back what people have said yes to, whatever has come of it by now: a yes that has had no effect yet, leave to read, or what
//! stands for later ones. None of this needs a policy bundle: what is to end must end beside a broken one.

use domain::{Approval, ApprovalId, ApprovalState, Unmoved, Verdict};

use super::access_shown::note_of;
use super::review::{Review, ReviewError, crowded};
use super::signed_in::SignedIn;
use super::steps::damaged;

/// How often what is to end may turn into something else meanwhile.
const TRIES: usize = 8;

/// What ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// A yes that has had no effect yet: nothing runs, is released or comes in force by it.
    Yes,
    /// Leave to read.
    Access,
    /// What stands for later ones.
    Standing,
}

/// What there is to end under an id, and who may.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MayEnd {
    /// What.
    pub what: Ending,
    /// Groups whose members may end it.
    pub reviewers: Vec<String>,
    /// How they prove themselves.
    pub sign_in: String,
}

impl Review {
    /// What there is to end under this id: what has come of it already, before a yes that has not.
    ///
    /// # Errors
    /// [`ReviewError::Unknown`] where nobody knows of it (any more), [`ReviewError::Unmoved`] where there is nothing to end.
    pub async fn may_end(&self, id: ApprovalId) -> Result<MayEnd, ReviewError> {
        let case = self.case_of(id).await?;
        let asked = case.trail.asked().ok_or(ReviewError::Unknown)?;
        let state = case.trail.approval().map(Approval::state).ok_or(ReviewError::Unknown)?;
        let what = if case.trail.access_in_force().is_some() || case.trail.ended().is_some() {
            if note_of(&case)?.until <= self.now() {
                return Err(ReviewError::Unknown);
            }
            Ending::Access
        } else if self.case_that_stands(id).await?.is_some() {
            Ending::Standing
        } else {
            match state {
                ApprovalState::Granted => Ending::Yes,
                ApprovalState::Waiting => return Err(Unmoved::NotGranted.into()),
                ApprovalState::Denied
                | ApprovalState::Expired
                | ApprovalState::Withdrawn
                | ApprovalState::Spent => return Err(Unmoved::Ended(state).into()),
            }
        };
        Ok(MayEnd { what, reviewers: asked.reviewers.clone(), sign_in: asked.sign_in.clone() })
    }

    /// Ends what there is to end under this id; what has ended before stays as it is. Whoever may decide it may.
    ///
    /// # Errors
    /// As [`Review::may_end`]; [`ReviewError`] when nothing came of it.
    pub async fn end(
        &self,
        id: ApprovalId,
        by: &SignedIn,
        reason: Option<&str>,
    ) -> Result<Ending, ReviewError> {
        for _ in 0..TRIES {
            let what = self.may_end(id).await?.what;
            let ended = match what {
                Ending::Access => self.end_access(id, by, reason).await,
                Ending::Standing => self.end_standing(id, by, reason).await,
                Ending::Yes => match self.decide(id, by, Verdict::Deny, reason).await {
                    Ok(ApprovalState::Denied) => Ok(()),
                    // It has had its effect just now: what came of it is ended.
                    Err(ReviewError::Unmoved(Unmoved::Ended(ApprovalState::Spent))) => continue,
                    Ok(_) => Err(damaged().into()),
                    Err(error) => Err(error),
                },
            };
            return ended.map(|()| what);
        }
        Err(crowded().into())
    }
}
