//! What waits for reviewers, as a listing tells it.

use domain::{ApprovalId, ApprovalState, Timestamp};
use recording::{AskedRecord, LateEvidence, Opening, StandingRecord, StepRecord, Trail};

use super::steps::Case;
use crate::ports::RevokedWhat;

/// One approval that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its id.
    pub id: ApprovalId,
    /// What the recording tells of what would run: every text after the detectors.
    pub opening: Opening,
    /// What is asked of reviewers.
    pub asked: AskedRecord,
    /// Waiting, or granted and about to run.
    pub state: ApprovalState,
    /// Who has said yes so far.
    pub granted_by: Vec<String>,
    /// What they want to allow for later ones, each who wants that.
    pub wanted: Vec<ProposedTerms>,
    /// When it is over.
    pub lapses: Timestamp,
    /// What of whoever asked is revoked: then nothing comes of a yes.
    pub revoked: Option<RevokedWhat>,
    /// What is known of the prompt since it was asked, in a listing and where it is shown.
    pub later: Option<LateEvidence>,
}

/// What somebody who has said yes wants to allow for later ones.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProposedTerms {
    /// Who.
    pub by: String,
    /// What, as the recording tells it.
    pub terms: StandingRecord,
}

impl Waiting {
    /// Whether some want to allow something for later ones, and not all who have said yes the same: then nothing stands once it
    /// is granted.
    pub fn is_split(&self) -> bool {
        let Self { granted_by, wanted, .. } = self;
        let is_same = wanted.windows(2).all(|two| matches!(two, [one, other] if one.terms == other.terms));
        !wanted.is_empty() && (!is_same || wanted.len() != granted_by.len())
    }
}

/// What waits, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// What can be told.
    pub waiting: Vec<Waiting>,
    /// Exchanges whose approval cannot be read: somebody must look.
    pub damaged: Vec<String>,
}

/// The approval of a case that waits; none where nothing is asked of anybody.
pub(super) fn waiting(case: Case) -> Option<Waiting> {
    let Case { opening, trail, key: _ } = case;
    let (Some(id), Some(approval), Some(asked)) = (trail.id(), trail.approval(), trail.asked()) else {
        return None;
    };
    Some(Waiting {
        id,
        asked: asked.clone(),
        state: approval.state(),
        granted_by: approval
            .granted_by()
            .iter()
            .map(|by| {
                by.person.as_ref().map_or_else(|| by.key.subject.clone(), |person| person.as_str().to_owned())
            })
            .collect(),
        wanted: wanted(&trail),
        lapses: approval.lapses(),
        revoked: None,
        later: None,
        opening: asked.of(&opening.record),
    })
}

/// What those who have said yes to the approval under way want to allow for later ones.
fn wanted(trail: &Trail) -> Vec<ProposedTerms> {
    let wanted = trail.steps_under_way().iter().filter_map(|step| match &step.what {
        StepRecord::Decided { by, verdict: _, reason: _, terms: Some(terms) } => {
            Some(ProposedTerms { by: by.name().to_owned(), terms: terms.clone() })
        }
        StepRecord::Asked(_)
        | StepRecord::Told { .. }
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
    });
    wanted.collect()
}
