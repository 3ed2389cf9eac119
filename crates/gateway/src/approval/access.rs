//! Leave to read: granted by reviewers, and found at each decision. How it is listed and ended stands in `access_shown`.
//!
//! It is an approval like every other: asked for, told, decided, spent once. Spending puts it in force, and nothing runs. What is
//! granted is what the sealed text asks for, which nobody can write who does not hold the gateway's keys.

use domain::{
    AccessGrant, AccessRequest, Agent, ApprovalId, Asked, Decision, Identity, PrincipalKey, Refusal,
    RefusalCode, Timestamp,
};
use policy::Bundle;
use recording::{AccessRecord, ClosingOutcome, Opening, RecordKey, StepRecord};

use super::access_shown::note_of;
use super::review::{PoliciesHere, Review};
use super::roster::Roster;
use super::run::overruled;
use super::signed_in::is_revoked;
use super::steps::{Added, Case, damaged};
use super::tend::are_still_asked;
use super::{are_enough, stored};
use crate::access::{Granted, Grants};
use crate::closing::Closed;
use crate::fault::{Fault, Retry};
use crate::gateway::Gateway;
use crate::live::Live;
use crate::ports::{Approvals, Exchanges, Keys, Recordings};
use crate::settings::SignIn;

/// How many may be in force for one principal: what a decision looks at.
const MOST: usize = 32;

/// The grant that a request comes to.
fn grant_of(id: ApprovalId, identity: &Identity, request: &AccessRequest, asked: Timestamp) -> AccessGrant {
    AccessGrant {
        id,
        issuer: identity.issuer.clone(),
        subject: identity.subject.clone(),
        agent: Agent::new(identity.agent.as_str()),
        to: request.to.clone(),
        until: request.end.moment(asked),
    }
}

/// What the sealed text of a case asks for, and the text itself, where that is what reviewers were asked for.
// SECURITY: steps of an approval are digested, and the text is under the gateway's key: what is granted is taken from the text.
async fn asked_for(
    reading: &Reading<'_>,
    bundle: &Bundle,
    case: &Case,
) -> Result<(AccessGrant, AccessRequest, Asked), Fault> {
    let asked = stored::asked(reading.recordings, reading.keys, case).await?;
    let request = sql::access_request(asked.text.reveal(), &asked.context);
    let request = request.and_then(Result::ok).ok_or_else(damaged)?;
    let told = case.trail.asked().and_then(|told| told.access.as_ref()).ok_or_else(damaged)?;
    let opening = &case.opening.record;
    let opened = opening.opened.parse().map_err(|_| damaged())?;
    let id = case.trail.id().ok_or_else(damaged)?;
    let grant = grant_of(id, &stored::identity(opening)?, &request, opened);
    let AccessRecord { to, until, why: _, policy } = told;
    let is_as_told = (to.as_str(), until.as_str(), policy.as_str())
        == (
            grant.to.to_string().as_str(),
            grant.until.to_string().as_str(),
            bundle.access_policy(&grant).as_str(),
        );
    if is_as_told { Ok((grant, request, asked)) } else { Err(damaged()) }
}

/// What is left by now of leave to read that was granted.
pub(super) enum Force {
    /// It permits reading.
    In(Box<Granted>),
    /// It permits nothing for now, because of that, and may again; so it may still be ended.
    Rests(&'static str),
    /// It has ended.
    Over,
}

/// What telling whether something is in force takes.
pub(super) struct Reading<'a> {
    approvals: &'a dyn Approvals,
    recordings: &'a dyn Recordings,
    keys: &'a dyn Keys,
    exchanges: &'a dyn Exchanges,
    /// How reviewers must prove themselves by now.
    sign_in: SignIn,
    /// Who is asked by now, where that is known here.
    reviewers: Reviewers<'a>,
    /// Whether the bundle that is looked at is the gateway's.
    policies: PoliciesHere,
}

/// Who is asked by now.
enum Reviewers<'a> {
    /// These.
    Are(&'a Roster),
    /// Nobody.
    Missing,
    /// Somebody else knows it.
    Untold,
}

impl<'a> From<&'a Gateway> for Reading<'a> {
    fn from(gateway: &'a Gateway) -> Self {
        let ports = &gateway.ports;
        Self {
            approvals: ports.approvals.as_ref(),
            recordings: ports.recordings.as_ref(),
            keys: ports.keys.as_ref(),
            exchanges: ports.exchanges.as_ref(),
            sign_in: gateway.settings.sign_in,
            reviewers: gateway.settings.roster.as_deref().map_or(Reviewers::Missing, Reviewers::Are),
            policies: PoliciesHere::AreInForce,
        }
    }
}

impl<'a> From<&'a Review> for Reading<'a> {
    fn from(review: &'a Review) -> Self {
        let ports = review.ports();
        Self {
            approvals: ports.approvals.as_ref(),
            recordings: ports.recordings.as_ref(),
            keys: ports.keys.as_ref(),
            exchanges: ports.exchanges.as_ref(),
            sign_in: review.sign_in(),
            reviewers: review.roster().map_or(Reviewers::Untold, Reviewers::Are),
            policies: review.policies_here(),
        }
    }
}

impl Reading<'_> {
    pub(super) async fn case(&self, key: &RecordKey) -> Result<Case, Fault> {
        Case::read_at(self.approvals, self.recordings, key).await
    }

    /// What is in force by now of what was granted beside this exchange.
    pub(super) async fn in_force(
        &self,
        bundle: &Bundle,
        case: &Case,
        now: Timestamp,
    ) -> Result<Force, Fault> {
        let Some((step, digest)) = case.trail.access_in_force() else { return Ok(Force::Over) };
        let (grant, request, _) = asked_for(self, bundle, case).await?;
        if now >= grant.until {
            return Ok(Force::Over);
        }
        // SECURITY: whoever held a home of the local demo, or a link of its, has granted nothing of a real account.
        let asked = case.trail.asked().ok_or_else(damaged)?;
        if !self.sign_in.takes(&asked.sign_in) {
            return Ok(Force::Rests("it was granted before reviewers had to sign in"));
        }
        let opened: Timestamp = case.opening.record.opened.parse().map_err(|_| damaged())?;
        let lasts = request.end.lasts(opened);
        // SECURITY: what was asked for in a session that was revoked since is nobody's.
        let identity = stored::identity(&case.opening.record)?;
        if self.exchanges.revoked(&identity, Some(case.key.exchange.session)).await?.is_some() {
            return Ok(Force::Rests("its agent, its person or the session that asked for it is revoked"));
        }
        // SECURITY: the yes of somebody whose rights were taken back since is none.
        let (key, revoked) = (self.keys.digest().await?, self.exchanges.revoked_people().await?);
        let by = case.trail.approval().ok_or_else(damaged)?.granted_by();
        if by.iter().any(|by| is_revoked(by, &revoked, &key)) {
            return Ok(Force::Rests("somebody who had said yes to it is revoked"));
        }
        let are_asked = match self.reviewers {
            Reviewers::Are(roster) => are_still_asked(case, Some(roster)),
            Reviewers::Missing => are_still_asked(case, None),
            Reviewers::Untold => true,
        };
        if !are_asked {
            return Ok(Force::Rests("somebody who had said yes to it is not asked any more"));
        }
        // Another bundle says nothing of this, also not that it permits nothing: whoever looks what is open must see it.
        if self.policies == PoliciesHere::AreInForce
            && bundle.longest_access().is_none_or(|longest| lasts > longest)
        {
            return Ok(Force::Rests("policy lets nobody grant so much any more"));
        }
        let principal = identity.key();
        Ok(Force::In(Box::new(Granted { grant, principal, key: case.key.clone(), step, digest })))
    }
}

impl Gateway {
    /// What is in force for this principal. One that is damaged permits nothing, and keeps no other from doing so.
    pub(crate) async fn granted_to(
        &self,
        bundle: &Bundle,
        principal: &PrincipalKey,
    ) -> Result<Vec<Granted>, Fault> {
        if bundle.longest_access().is_none() {
            return Ok(Vec::new());
        }
        let now = self.now();
        let mut keys = self.ports.accesses.granted(Some(principal), now).await?;
        keys.sort_unstable();
        let reading = Reading::from(self);
        let mut found = Vec::new();
        // Those that permit nothing any more are not counted, so that they hide none that does: each was a person's yes.
        for key in keys {
            if found.len() >= MOST {
                break;
            }
            let granted = async {
                let case = reading.case(&key).await?;
                reading.in_force(bundle, &case, now).await
            };
            match granted.await {
                // SECURITY: where it is found must not be trusted with whose it is.
                Ok(Force::In(granted)) if granted.principal == *principal => found.push(*granted),
                Ok(Force::In(_) | Force::Rests(_) | Force::Over) => {}
                Err(fault) if fault.retry == Retry::Never => unreadable(&key, &fault),
                Err(fault) => return Err(fault),
            }
        }
        Ok(found)
    }

    /// What reviewers are asked for.
    pub(super) async fn access_record(
        &self,
        id: ApprovalId,
        opening: &Opening,
        request: &AccessRequest,
    ) -> Result<AccessRecord, Fault> {
        let bundle = self.ports.policies.bundle().await?;
        let opened = opening.opened.parse().map_err(|_| damaged())?;
        let grant = grant_of(id, &stored::identity(opening)?, request, opened);
        Ok(AccessRecord {
            to: grant.to.to_string(),
            until: grant.until.to_string(),
            why: self.detectors.of(&bundle).redact_text(&request.why, "").into_owned(),
            policy: bundle.access_policy(&grant),
        })
    }

    /// Puts leave to read in force that enough people have said yes to: whoever looks next has it found, and answers.
    pub(super) async fn grant_access(&self, case: &mut Case) -> Result<(), Fault> {
        let step = match self.revoked_since(case).await? {
            Some(step) => step,
            None => self.judge_access(case).await?,
        };
        self.add(case, self.now(), step).await.map(|_: Added| ())
    }

    /// The step that spends the grant, or why it is not spent.
    async fn judge_access(&self, case: &Case) -> Result<StepRecord, Fault> {
        let bundle = self.ports.policies.bundle().await?;
        let asked_for = asked_for(&Reading::from(self), &bundle, case).await;
        let (grant, _, asked) = match asked_for {
            Ok(asked_for) => asked_for,
            Err(fault) if fault.retry == Retry::Never => {
                unreadable(&case.key, &fault);
                return Ok(no("what was asked for cannot be opened any more; ask again"));
            }
            Err(fault) => return Err(fault),
        };
        let asked = self.known_by_now(asked, case).await?;
        let now = self.now();
        let identity = stored::identity(&case.opening.record)?;
        let read = self.read(&asked).await?;
        let ruled = self.rule_with(&bundle, &identity, &asked, &read, &mut Grants::default()).await?;
        let ruling = ruled.ruling;
        let told = |refusal: &Refusal| {
            let rules = ruling.rules.iter().map(|rule| rule.as_str().to_owned()).collect();
            StepRecord::overruled(refusal, rules, Some(ruling.bundle.to_string()))
        };
        let hold = match &ruling.decision {
            Decision::Hold(hold) => hold,
            Decision::Refuse(refusal) => return Ok(told(refusal)),
            Decision::Allow(_) => return Err(damaged()),
        };
        let asked = case.trail.asked().ok_or_else(damaged)?;
        if !are_enough(hold, asked) {
            return Ok(no("who decides on access has changed since this was asked for; ask again"));
        }
        if now >= grant.until {
            return Ok(no("this access would be over already; ask again"));
        }
        if self.granted_to(&bundle, &identity.key()).await?.len() >= MOST {
            return Ok(no(
                "so many grants of access are in force already; have some ended, or ask for a schema",
            ));
        }
        Ok(StepRecord::Spent {
            bundle: ruling.bundle.to_string(),
            rules: ruling.rules.iter().map(|rule| rule.as_str().to_owned()).collect(),
            // Nothing is read yet.
            catalog: case.opening.record.catalog.clone(),
            tier: domain::Tier::Read.as_str().to_owned(),
            access: Vec::new(),
        })
    }

    /// Has found what is in force, then closes the exchange that has asked for it. Again, it does the same.
    pub(super) async fn close_granted(&self, live: &mut Live, case: &Case) -> Result<Closed, Fault> {
        let told = case.trail.asked().and_then(|asked| asked.access.clone()).ok_or_else(damaged)?;
        // Whoever ended it was faster than this.
        if case.trail.ended().is_some()
            && let Some(refused) = self.grant_ended(live).await?
        {
            return self.close_refused(live, &refused).await;
        }
        let note = note_of(case)?;
        let until = note.until;
        // INVARIANT: before anybody is told that it is in force.
        self.ports.accesses.note(&note, self.now()).await?;
        let sentence =
            format!("access to {} is granted until {until}: to read, masked as policy says", told.to);
        let parts = self.said(live, &sentence).await?;
        self.close(live, ClosingOutcome::Rows {}, parts).await
    }
}

fn no(message: &str) -> StepRecord {
    overruled(RefusalCode::Contradiction, message.to_owned())
}

pub(super) fn unreadable(key: &RecordKey, fault: &Fault) {
    tracing::error!(
        %key,
        fault = fault as &(dyn std::error::Error + 'static),
        "leave to read cannot be read, and permits nothing"
    );
}
