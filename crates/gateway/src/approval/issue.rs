//! Using a standing approval: a statement that is held looks for one before anybody is told.
//!
//! Each run has an approval of its own, decided and spent like every other; a standing one merely says the yes to it, and takes
//! one of its own numbers for that (`recording::StandingStep`).

use std::time::Duration;

use domain::{ApprovalState, Asked, PrincipalKey, RefusalCode, Timestamp};
use recording::{NotStanding, ObjectKind, RecordKey, StandingAct, StepRecord};

use super::run::overruled;
use super::signed_in::is_revoked;
use super::standing::{Standing, TRIES};
use super::standing_terms::{LONGEST, Tags, covers};
use super::steps::{Added, Case, damaged};
use super::stored;
use crate::fault::{Fault, Origin, Retry};
use crate::gateway::Gateway;
use crate::settings::SignIn;

/// How many standing approvals of one principal are looked at, the latest first, before people are asked.
const LOOKED_AT: usize = 200;

/// For how long something may wait and stand in all, generously: what was asked before is over, and not even looked at.
const MEMORY: Duration = LONGEST.saturating_add(Duration::from_secs(30 * 24 * 60 * 60));

/// By how much the clocks of two gateways differ at most.
const SKEW: Duration = Duration::from_secs(5 * 60);

impl Gateway {
    /// Has a standing approval say the yes to what waits, where one covers it; whether it has.
    pub(super) async fn issue(&self, case: &mut Case) -> Result<bool, Fault> {
        let principal = stored::identity(&case.opening.record)?.key();
        let found = self.ports.standings.made(Some(&principal)).await?;
        let found = self.latest(found);
        if found.is_empty() {
            return Ok(false);
        }
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

    /// Whether this principal has a standing approval at all. Where that cannot be told, a person is said to be asked, and whoever
    /// looks after the exchange finds out.
    pub(crate) async fn may_stand(&self, principal: &PrincipalKey) -> bool {
        match self.ports.standings.made(Some(principal)).await {
            Ok(found) => !self.latest(found).is_empty(),
            Err(fault) => {
                tracing::warn!(
                    fault = &fault as &(dyn std::error::Error + 'static),
                    "standing approvals could not be looked for"
                );
                false
            }
        }
    }

    /// Those that may allow something yet, as far as their places tell.
    fn latest(&self, found: Vec<RecordKey>) -> Vec<RecordKey> {
        let memory = i64::try_from(MEMORY.as_micros()).unwrap_or(i64::MAX);
        let first = Timestamp::from_micros(self.now().as_micros().saturating_sub(memory)).day();
        let mut found: Vec<RecordKey> = found.into_iter().filter(|key| key.day >= first).collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        found.truncate(LOOKED_AT);
        found
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
        if standing.trail.check(self.now()).is_err() || !self.are_asked(&standing).await? {
            return Ok(false);
        }
        let approved = stored::asked(recordings, self.ports.keys.as_ref(), &standing.case).await?;
        let (digest, id) = (self.ports.keys.digest().await?, standing.id().ok_or_else(damaged)?.to_string());
        let tags = Tags { key: &digest, approval: &id };
        if !covers(standing.trail.terms(), &tags, &approved, asked) {
            return Ok(false);
        }
        // Nobody but this exchange takes its number, and it was not there before it was opened.
        let opened: Timestamp = case.opening.record.opened.parse().map_err(|_| damaged())?;
        let skew = i64::try_from(SKEW.as_micros()).unwrap_or(i64::MAX);
        let since = Timestamp::from_micros(opened.as_micros().saturating_sub(skew));
        standing.read_end(standings, since).await?;
        let exchange = case.opening.record.exchange.clone();
        // Whoever took its number for this exchange has died before anybody could know it.
        let is_taken = standing.trail.use_of(&exchange).is_some();
        match standing.trail.check(self.now()) {
            Ok(()) => {}
            // SECURITY: what was ended since is over, whoever took a number before.
            Err(NotStanding::UsedUp) if is_taken => {}
            Err(_) => return Ok(false),
        }
        // Where the rule does not let these people say yes to it, no number is taken, and somebody must be asked.
        let number = standing.trail.next_number();
        if case.trail.next(self.now(), issued(&standing, number)?).is_err() {
            return Ok(false);
        }
        if !is_taken && !self.take_use(&mut standing, case, &exchange).await? {
            return Ok(false);
        }
        let used = standing.trail.use_of(&exchange).ok_or_else(damaged)?.step;
        self.add(case, self.now(), issued(&standing, used)?).await?;
        Ok(case.trail.approval().is_some_and(|approval| approval.state() == ApprovalState::Granted))
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

    /// Whether everybody who has said yes to it would be asked today: nobody of them was revoked since, or taken off the roster.
    async fn are_asked(&self, standing: &Standing) -> Result<bool, Fault> {
        let (key, revoked) = (self.ports.keys.digest().await?, self.ports.exchanges.revoked_people().await?);
        let people = standing.trail.by();
        if people.iter().any(|by| is_revoked(&by.reviewer(), &revoked, &key)) {
            return Ok(false);
        }
        let asked = standing.case.trail.asked().ok_or_else(damaged)?;
        Ok(match SignIn::from_word(&asked.sign_in).ok_or_else(damaged)? {
            // Whoever holds a home of the local demo stands in for all of its reviewers.
            SignIn::Development => true,
            // SECURITY: without a roster nobody is asked.
            SignIn::Oidc => self
                .settings
                .roster
                .as_ref()
                .is_some_and(|roster| people.iter().all(|by| roster.still_has(&by.reviewer()))),
        })
    }

    /// The step that ends what a standing approval has allowed, where that was ended before it ran.
    pub(super) async fn ended_since(&self, case: &Case) -> Result<Option<StepRecord>, Fault> {
        let issued = case.trail.steps_under_way().iter().find_map(|step| match &step.what {
            StepRecord::Issued { made, .. } => Some(made),
            StepRecord::Asked(_)
            | StepRecord::Told { .. }
            | StepRecord::Viewed { .. }
            | StepRecord::Decided { .. }
            | StepRecord::Standing { .. }
            | StepRecord::Expired {}
            | StepRecord::Withdrawn {}
            | StepRecord::Overruled { .. }
            | StepRecord::Spent { .. }
            | StepRecord::Released { .. }
            | StepRecord::Ended { .. } => None,
        });
        let Some(made) = issued else { return Ok(None) };
        let Some((key, ObjectKind::Standing { .. })) = RecordKey::parse(made) else { return Err(damaged()) };
        let (approvals, recordings) = (self.ports.approvals.as_ref(), self.ports.recordings.as_ref());
        let standings = self.ports.standings.as_ref();
        let standing = Standing::read(approvals, recordings, standings, &key).await?;
        let mut standing = standing.ok_or_else(damaged)?;
        standing.read_end(standings, Timestamp::from_micros(i64::MAX)).await?;
        Ok(match standing.trail.check(self.now()) {
            Err(NotStanding::Ended) => {
                let message =
                    "the standing approval that had allowed this was ended before it ran; ask again";
                Some(overruled(RefusalCode::Revoked, message.to_owned()))
            }
            Ok(()) | Err(_) => None,
        })
    }
}

/// The step by which these people say yes to what waits.
fn issued(standing: &Standing, number: u32) -> Result<StepRecord, Fault> {
    Ok(StepRecord::Issued {
        standing: standing.id().ok_or_else(damaged)?.to_string(),
        made: standing.case.key.object(ObjectKind::Standing { step: number }),
        rows: standing.trail.terms().rows,
        by: standing.trail.by().to_vec(),
    })
}

/// Whether policy holds both by the same rules for the same people, and they do the same to the same objects, as the catalog says
/// that these are, for the same person.
fn is_same_question(approved: &Case, waits: &Case) -> bool {
    let (Some(before), Some(now)) = (approved.trail.asked(), waits.trail.asked()) else { return false };
    let (before_of, now_of) = (&approved.opening.record, &waits.opening.record);
    before.of(before_of).statements == now.of(now_of).statements
        && before_of.principal.person == now_of.principal.person
        && before.rules == now.rules
        // Fewer people than have said yes are enough.
        && (&before.reviewers, &before.sign_in) == (&now.reviewers, &now.sign_in)
        && now.needed <= before.needed
        // SECURITY: what nobody could tell is the same as nothing.
        && before.defined.is_some()
        && before.defined == now.defined
        && now.result.is_none()
}
