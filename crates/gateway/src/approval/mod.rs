//! A person decides: what is held is asked for, told, looked after and run here; what people say comes through
//! [`Review`].
//!
//! The steps of an approval are its state, each kept once at its number (`recording::ApprovalStep`). So a verdict, an
//! expiry, a cancellation and the run itself meet in one conditional write, whoever does it and wherever a process
//! dies: whoever finds the number taken reads on, and stands before what has happened.

mod access;
mod access_shown;
mod again;
mod ending;
mod estimate;
mod harm;
mod issue;
mod links;
mod loopback;
mod notice;
mod reception;
mod results;
mod review;
mod roster;
mod run;
mod session;
mod signed_in;
mod standing;
mod standing_terms;
mod steps;
mod stored;
mod tend;
mod touched;
mod turn;
mod typed;
mod waiting;

pub use access_shown::{AccessShown, AccessState};
pub use ending::{Ending, MayEnd};
pub use harm::{ByHarm, Harm};
pub use links::Link;
pub use loopback::{CameBack, LoopbackSignIn, NotSignedIn};
pub use reception::{Arrived, Earlier, EarlierAsk, Form, Found, Reception};
pub use review::{PoliciesHere, Review, ReviewError, ReviewPorts, Shown};
pub use roster::{KnownReviewer, ReviewerName, Roster};
pub use session::{BegunSession, ReviewSession, SESSION_LIFE, SIGN_IN_LIFE};
pub use signed_in::{NotAName, SignedIn};
pub use standing::StandingShown;
pub use standing_terms::{MayBe, NotAStanding, Place as VariedPlace, StandingTerms};
pub use turn::{Reminded, Stands};
pub use typed::{is_typed, word_to_type};
pub use waiting::{Listing, ProposedTerms, Waiting};

use domain::{ApprovalId, Hold, Requester, Ruling, Timestamp};
use recording::{
    AskedRecord, ContextRecord, EstimateRecord, FootprintRecord, HoldRecord, Opening, StepRecord, Trail,
};

use crate::ask::ShownBeside;
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::live::LiveApproval;
use crate::opened::Opened;
use crate::settings::SignIn;
pub(crate) use access_shown::note_of;
use steps::{Added, Case};
pub(crate) use touched::{Surroundings, UNTOLD, unless_untold, untold};

impl Gateway {
    /// Keeps the first step of an approval of what was just opened.
    pub(crate) async fn ask_reviewers(
        &self,
        opened: Opened,
        shown: ShownBeside,
    ) -> Result<LiveApproval, Fault> {
        let Opened { key, opening, .. } = opened;
        let ShownBeside { touched, estimate, access } = shown;
        let id = ApprovalId::from_u128(self.ports.ids.random()?);
        let hold = opening.record.hold.as_ref().ok_or_else(steps::damaged)?;
        let key_of_marks = self.ports.keys.digest().await?;
        let question =
            Question { id, opening: &opening.record, sign_in: self.settings.sign_in, key: &key_of_marks };
        let access = match access {
            Some(request) => Some(self.access_record(id, &opening.record, &request).await?),
            None => None,
        };
        let asked = StepRecord::Asked(AskedRecord { access, ..question.first(hold, touched, estimate)? });
        let trail = Trail::new(&opening);
        let mut case = Case { key, opening, trail };
        match self.add(&mut case, self.now(), asked).await? {
            Added::Kept => Ok(LiveApproval { id: id.to_string(), step: case.trail.last().to_string() }),
            // Whoever has adopted the exchange meanwhile has asked, and carries it on.
            Added::Overtaken => Err(Fault::passing(
                Origin::Exchanges,
                "somebody else carries this statement on; ask again with the same request id",
            )),
        }
    }
}

/// What reviewers are asked for.
pub(crate) struct Question<'a> {
    pub id: ApprovalId,
    pub opening: &'a Opening,
    pub sign_in: SignIn,
    /// The gateway's key, which marks names.
    pub key: &'a [u8; 32],
}

impl Question<'_> {
    /// As the opening tells it.
    pub fn first(
        self,
        hold: &HoldRecord,
        touched: Surroundings,
        estimate: Option<EstimateRecord>,
    ) -> Result<AskedRecord, Fault> {
        let marks = self.marks()?;
        let Self { id, opening, sign_in, key: _ } = self;
        Ok(AskedRecord {
            approval: id.to_string(),
            covers: opening.digest.clone(),
            context: opening.context.clone(),
            bundle: opening.bundle.clone(),
            rules: opening.rules.clone(),
            reason: hold.reason.clone(),
            reviewers: sorted(&hold.reviewers),
            needed: hold.people.unwrap_or(1),
            expires: hold.expires.clone(),
            sign_in: sign_in.as_str().to_owned(),
            footprints: None,
            touched: touched.digest,
            defined: touched.defined,
            marks,
            views: touched.views,
            estimate,
            again: None,
            access: None,
            result: None,
        })
    }

    /// Anew, as policy holds it by now, and why that is.
    pub fn again(
        self,
        hold: &Hold,
        ruling: &Ruling,
        footprints: Vec<FootprintRecord>,
        touched: Surroundings,
        why: Option<String>,
        now: Timestamp,
    ) -> Result<AskedRecord, Fault> {
        let marks = self.marks()?;
        let Self { id, opening, sign_in, key: _ } = self;
        let context: ContextRecord = opening.context.clone();
        Ok(AskedRecord {
            approval: id.to_string(),
            covers: opening.digest.clone(),
            context,
            bundle: ruling.bundle.to_string(),
            rules: ruling.rules.iter().map(|rule| rule.as_str().to_owned()).collect(),
            reason: hold.reason.clone(),
            reviewers: sorted(&hold.reviewers),
            needed: hold.people.get(),
            expires: now.after(hold.expires_after).to_string(),
            sign_in: sign_in.as_str().to_owned(),
            footprints: Some(footprints),
            touched: touched.digest,
            defined: touched.defined,
            marks,
            views: touched.views,
            // It was of what the catalog said then.
            estimate: None,
            again: why,
            access: None,
            result: None,
        })
    }

    /// The marks of whoever asks.
    fn marks(&self) -> Result<Vec<String>, Fault> {
        let identity = stored::identity(self.opening)?;
        Ok(signed_in::marks_of(&Requester::from(&identity), self.key))
    }
}

/// Whether those who have said yes to what was asked are enough for this hold: it is for the same groups, and for no more people.
fn are_enough(hold: &Hold, asked: &AskedRecord) -> bool {
    sorted(&hold.reviewers) == asked.reviewers && hold.people.get() <= asked.needed
}

pub(crate) fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    names
}
