//! Leave to read: granted by reviewers, found at each decision, listed, and ended.
//!
//! It is an approval like every other: asked for, told, decided, spent once. Spending puts it in force, and nothing runs. What is
//! granted is what the sealed text asks for, which nobody can write who does not hold the gateway's keys.

use domain::{
    Access, AccessGrant, AccessRequest, Agent, ApprovalId, Asked, Decision, Identity, PrincipalKey, Refusal,
    RefusalCode, Timestamp,
};
use policy::Bundle;
use recording::{AccessRecord, ClosingOutcome, Opening, RecordKey, StepRecord};

use super::review::{Review, ReviewError, ReviewPorts};
use super::run::overruled;
use super::signed_in::{SignedIn, is_revoked};
use super::steps::{Added, Case, damaged};
use super::{sorted, stored};
use crate::access::Granted;
use crate::closing::Closed;
use crate::fault::{Fault, Retry};
use crate::gateway::{Gateway, Ports};
use crate::live::Live;

/// How many may be in force for one principal: what a decision looks at.
const MOST: usize = 32;

/// How often others may be first before this turn gives up.
const TRIES: usize = 64;

/// Leave to read that is in force, as a listing tells it.
#[derive(Clone, Debug)]
pub struct AccessShown {
    /// The approval that it was granted with.
    pub id: ApprovalId,
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
    ports: &Reading<'_>,
    bundle: &Bundle,
    case: &Case,
) -> Result<(AccessGrant, AccessRequest, Asked), Fault> {
    let asked = stored::asked(ports.recordings, ports.keys, case).await?;
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

/// What telling whether something is in force takes.
struct Reading<'a> {
    approvals: &'a dyn crate::ports::Approvals,
    recordings: &'a dyn crate::ports::Recordings,
    keys: &'a dyn crate::ports::Keys,
    exchanges: &'a dyn crate::ports::Exchanges,
}

impl<'a> From<&'a Ports> for Reading<'a> {
    fn from(ports: &'a Ports) -> Self {
        Self {
            approvals: ports.approvals.as_ref(),
            recordings: ports.recordings.as_ref(),
            keys: ports.keys.as_ref(),
            exchanges: ports.exchanges.as_ref(),
        }
    }
}

impl<'a> From<&'a ReviewPorts> for Reading<'a> {
    fn from(ports: &'a ReviewPorts) -> Self {
        Self {
            approvals: ports.approvals.as_ref(),
            recordings: ports.recordings.as_ref(),
            keys: ports.keys.as_ref(),
            exchanges: ports.exchanges.as_ref(),
        }
    }
}

impl Reading<'_> {
    async fn case(&self, key: &RecordKey) -> Result<Case, Fault> {
        Case::read_at(self.approvals, self.recordings, key).await
    }

    /// What is in force of what was granted beside this exchange; none where it is not, by now.
    async fn in_force(&self, bundle: &Bundle, case: &Case, now: Timestamp) -> Result<Option<Granted>, Fault> {
        let Some((step, digest)) = case.trail.access_in_force() else { return Ok(None) };
        let (grant, request, _) = asked_for(self, bundle, case).await?;
        if now >= grant.until {
            return Ok(None);
        }
        let opened: Timestamp = case.opening.record.opened.parse().map_err(|_| damaged())?;
        let lasts = request.end.lasts(opened);
        // SECURITY: the yes of somebody whose rights were taken back since is none.
        let (key, revoked) = (self.keys.digest().await?, self.exchanges.revoked_people().await?);
        let by = case.trail.approval().ok_or_else(damaged)?.granted_by();
        if by.iter().any(|by| is_revoked(by, &revoked, &key)) {
            return Ok(None);
        }
        let principal = stored::identity(&case.opening.record)?.key();
        Ok(Some(Granted { grant, lasts, principal, key: case.key.clone(), step, digest }))
    }
}

impl Gateway {
    /// What is in force for this principal. One that is damaged permits nothing, and keeps no other from doing so.
    pub(crate) async fn granted_to(
        &self,
        bundle: &Bundle,
        principal: &PrincipalKey,
    ) -> Result<Vec<Granted>, Fault> {
        let Some(longest) = bundle.longest_access() else { return Ok(Vec::new()) };
        let now = self.now();
        let mut keys = self.ports.accesses.granted(Some(principal), now).await?;
        keys.sort_unstable();
        keys.truncate(MOST);
        let reading = Reading::from(&self.ports);
        let mut found = Vec::new();
        for key in keys {
            let granted = async { reading.in_force(bundle, &reading.case(&key).await?, now).await };
            match granted.await {
                // SECURITY: where it is found must not be trusted with whose it is.
                Ok(granted) => found.extend(
                    granted.filter(|granted| granted.principal == *principal && granted.lasts <= longest),
                ),
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
        let asked_for = asked_for(&Reading::from(&self.ports), &bundle, case).await;
        let (grant, _, asked) = match asked_for {
            Ok(asked_for) => asked_for,
            Err(fault) if fault.retry == Retry::Never => {
                unreadable(&case.key, &fault);
                return Ok(no("what was asked for cannot be opened any more; ask again"));
            }
            Err(fault) => return Err(fault),
        };
        let now = self.now();
        let identity = stored::identity(&case.opening.record)?;
        let read = self.read(&asked).await?;
        let (_, ruling) = self.rule(&bundle, &identity, &asked, &read, Access::NONE);
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
        if (sorted(&hold.reviewers), hold.people.get()) != (asked.reviewers.clone(), asked.needed) {
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
        })
    }

    /// Has found what is in force, then closes the exchange that has asked for it. Again, it does the same.
    pub(super) async fn close_granted(&self, live: &mut Live, case: &Case) -> Result<Closed, Fault> {
        let told = case.trail.asked().and_then(|asked| asked.access.clone()).ok_or_else(damaged)?;
        let until: Timestamp = told.until.parse().map_err(|_| damaged())?;
        let principal = stored::identity(&case.opening.record)?.key();
        // INVARIANT: before anybody is told that it is in force.
        self.ports.accesses.note(&principal, &case.key, until, self.now()).await?;
        let sentence =
            format!("access to {} is granted until {until}: to read, masked as policy says", told.to);
        let parts = self.said(live, &sentence).await?;
        self.close(live, ClosingOutcome::Rows {}, parts).await
    }
}

fn no(message: &str) -> StepRecord {
    overruled(RefusalCode::Contradiction, message.to_owned())
}

fn unreadable(key: &RecordKey, fault: &Fault) {
    tracing::error!(
        %key,
        fault = fault as &(dyn std::error::Error + 'static),
        "leave to read cannot be read, and permits nothing"
    );
}

impl Review {
    /// Leave to read that was granted and has not ended, the oldest first; and where one cannot be read. Under a bundle that lets
    /// nobody grant any, or none that lasts so long, it permits nothing.
    ///
    /// # Errors
    /// A fault when nobody can tell.
    pub async fn access_in_force(&self) -> Result<(Vec<AccessShown>, Vec<String>), Fault> {
        let (mut shown, mut broken) = (Vec::new(), Vec::new());
        let bundle = self.ports().policies.bundle().await?;
        let reading = Reading::from(self.ports());
        for key in self.ports().accesses.granted(None, self.now()).await? {
            let found = async {
                let case = reading.case(&key).await?;
                Ok::<_, Fault>(reading.in_force(&bundle, &case, self.now()).await?.map(|_| case))
            };
            match found.await {
                Ok(case) => shown.extend(case.and_then(told)),
                Err(fault) => {
                    unreadable(&key, &fault);
                    broken.push(key.exchange.to_string());
                }
            }
        }
        shown.sort_by(|one, other| one.opening.opened.cmp(&other.opening.opened));
        Ok((shown, broken))
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
        let reading = Reading::from(self.ports());
        let mut found = None;
        for key in self.ports().accesses.granted(None, self.now()).await? {
            // One that cannot be read is not the one that can.
            if let Ok(case) = reading.case(&key).await
                && case.trail.id() == Some(id)
                && case.trail.is_of_access()
            {
                found = Some(case);
            }
        }
        let mut case = found.ok_or(ReviewError::Unknown)?;
        self.may_review(&case, by).await?;
        let reason = match reason {
            Some(reason) => self.clean_for(&case, reason).await?,
            None => None,
        };
        for _ in 0..TRIES {
            if case.trail.ended().is_some() {
                return Ok(());
            }
            let ended = StepRecord::Ended { by: self.record(by).await?, reason: reason.clone() };
            if self.add(&mut case, ended).await? == Added::Kept {
                return Ok(());
            }
        }
        Err(super::review::crowded().into())
    }
}

fn told(case: Case) -> Option<AccessShown> {
    let asked = case.trail.asked()?;
    let by = case.trail.approval()?.granted_by();
    Some(AccessShown {
        id: case.trail.id()?,
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
