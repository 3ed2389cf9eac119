//! The worker's look at what waits: tells reviewers, and follows what people, time and the agent have decided.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Approval, ApprovalState, Refusal, RefusalCode, Timestamp};
use masking::Detectors;
use recording::{AskedRecord, NotNext, StepRecord, Trail};

use super::links::{self, Link, LinkKey};
use super::notice::notice;
use super::roster::{KnownReviewer, Roster};
use super::run::{Ran, overruled};
use super::steps::{Added, Case, NotAdded, damaged};
use super::turn::{Due, Reminded};
use crate::closing::Closed;
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::live::{Live, LiveApproval, Stage};
use crate::ports::{Invitation, Notified};
use crate::settings::SignIn;

/// How often an approval is looked at whatever nobody says: a verdict whose word was lost is found by that.
const LOOK: Duration = Duration::from_secs(60);

/// How soon it is looked at again when reviewers could not be told.
const SOON: Duration = Duration::from_secs(5);

/// How often reviewers are told who could not be reached, at first and for each reminder, and how long after the first time it is
/// tried again; then four times as long, each time, and no longer than that.
pub(super) const TELLINGS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// How often others may be first before this turn gives up.
pub(super) const TRIES: usize = 64;

impl Gateway {
    /// One look at a held exchange: its closing, or none while it waits or runs.
    pub(crate) async fn tend(
        &self,
        live: &mut Live,
        holder: u128,
        until: Timestamp,
    ) -> Result<Option<Closed>, Fault> {
        let mut case = self.case_of(live).await?;
        for _ in 0..TRIES {
            let now = self.now();
            note(live, &case.trail)?;
            let approval = case.trail.approval().ok_or_else(damaged)?;
            let (state, is_over) = (approval.state(), now >= approval.lapses());
            if state.is_final() {
                return self.close_ended(live, holder, &case).await.map(Some);
            }
            if is_over {
                self.add(&mut case, now, StepRecord::Expired {}).await?;
                continue;
            }
            if let Some(step) = self.asked_of_others(&case)? {
                self.add(&mut case, now, step).await?;
                continue;
            }
            if state == ApprovalState::Granted && !are_still_asked(&case, self.settings.roster.as_deref()) {
                self.add(&mut case, now, asked_no_more()).await?;
                continue;
            }
            let telling = telling(&case.trail, now);
            // Who could not be told is tried again first.
            let may_remind = state == ApprovalState::Waiting && telling == Telling::Done;
            let due = if may_remind { self.due(&case.trail, now)? } else { Due::default() };
            let next = next_look(state, telling, approval.lapses(), now);
            look_at(live, due.then.map_or(next, |then| next.min(then)));
            // Its agent may have given up.
            if let Some(closed) = self.save(live, holder).await? {
                return Ok(Some(closed));
            }
            match state {
                ApprovalState::Granted if case.trail.is_of_result() => self.release(live, &mut case).await?,
                ApprovalState::Granted if case.trail.is_of_access() => {
                    Box::pin(self.grant_access(&mut case)).await?;
                }
                ApprovalState::Granted => match self.run_approved(live, holder, until, &mut case).await? {
                    Ran::Ended(closed) => return Ok(closed.map(|closed| *closed)),
                    Ran::LookAgain => {}
                },
                ApprovalState::Waiting if telling != Telling::Due => {
                    if !self.remind_those(&mut case, &due.now).await {
                        return Ok(None);
                    }
                }
                ApprovalState::Waiting => {
                    // Before anybody is told, and never where it was asked for anew.
                    let is_first = tellings(&case.trail).next().is_none()
                        && !case.trail.is_of_result()
                        && !case.trail.is_of_access()
                        && case.trail.steps_under_way().len() == case.trail.steps().len();
                    if is_first && self.issue(&mut case).await? {
                        continue;
                    }
                    // From now on its agent is told that people decide.
                    if let Stage::Held { is_unasked, .. } = &mut live.stage
                        && std::mem::take(is_unasked)
                        && let Some(closed) = self.save(live, holder).await?
                    {
                        return Ok(Some(closed));
                    }
                    let Some(told) = self.tell(&case).await? else { return Ok(None) };
                    self.add(&mut case, self.now(), told).await?;
                }
                ApprovalState::Denied
                | ApprovalState::Expired
                | ApprovalState::Withdrawn
                | ApprovalState::Spent => {}
            }
        }
        Err(Fault::passing(Origin::Exchanges, "too many act on this approval at once"))
    }

    /// Tells the first of these; whether that was tried, and is recorded. Whoever could not be reached is told again later, a few
    /// times.
    async fn remind_those(&self, case: &mut Case, due: &[Reminded]) -> bool {
        let Some(whom) = due.first() else { return false };
        let Err(fault) = self.remind_of(case, *whom).await else { return true };
        let exchange = case.opening.record.exchange.clone();
        let not_told = |fault: &Fault, what: &str| {
            tracing::warn!(%exchange, fault = fault as &(dyn std::error::Error + 'static), "{what}");
        };
        not_told(&fault, "reviewers could not be reminded; it is tried again a few times");
        match self.note_in_vain(case, *whom).await {
            Ok(()) => true,
            Err(fault) => {
                not_told(&fault, "that reviewers could not be reminded is not recorded");
                false
            }
        }
    }

    /// The step that ends what was asked for while reviewers proved themselves in a way that does not count here: what waited in
    /// the local demo, say, whose home is served before a real account by now. Whatever anybody has said to it, none of it runs, is
    /// released or comes in force.
    fn asked_of_others(&self, case: &Case) -> Result<Option<StepRecord>, Fault> {
        let asked = case.trail.asked().ok_or_else(damaged)?;
        let message = "this was asked for before its reviewers had to sign in, so nobody can approve it any more; ask again";
        let is_theirs = self.settings.sign_in.takes(&asked.sign_in);
        Ok((!is_theirs).then(|| overruled(RefusalCode::Contradiction, message.to_owned())))
    }

    /// Withdraws what its agent has cancelled while it waited, unless it has ended before.
    pub(crate) async fn withdraw(&self, live: &mut Live, holder: u128) -> Result<Closed, Fault> {
        let mut case = self.case_of(live).await?;
        for _ in 0..TRIES {
            note(live, &case.trail)?;
            if case.trail.approval().ok_or_else(damaged)?.state().is_final() {
                return self.close_ended(live, holder, &case).await;
            }
            self.add(&mut case, self.now(), StepRecord::Withdrawn {}).await?;
        }
        Err(Fault::passing(Origin::Exchanges, "too many act on this approval at once"))
    }

    pub(crate) async fn case_of(&self, live: &Live) -> Result<Case, Fault> {
        Case::read(self.ports.approvals.as_ref(), self.ports.recordings.as_ref(), live).await
    }

    /// Adds a step; one that may not happen any more, because time has gone on or others were first, leaves the case as it
    /// stands: whoever wanted it looks again.
    pub(super) async fn add(&self, case: &mut Case, at: Timestamp, what: StepRecord) -> Result<Added, Fault> {
        match case.add(self.ports.approvals.as_ref(), at, what).await {
            Ok(added) => Ok(added),
            Err(NotAdded::Fault(fault)) => Err(fault),
            // Time has gone on since somebody looked.
            Err(NotAdded::NotNext(NotNext::Unmoved(_))) => Ok(Added::Overtaken),
            Err(NotAdded::NotNext(error)) => Err(damaged().because(error)),
        }
    }

    /// Tells reviewers; what is to be recorded of that, or none when it must be tried again.
    async fn tell(&self, case: &Case) -> Result<Option<StepRecord>, Fault> {
        let (Some(asked), Some(approval)) = (case.trail.asked(), case.trail.approval()) else {
            return Err(damaged());
        };
        let Some(invited) = self.invited(case, asked, approval).await? else {
            return Ok(Some(nobody(&case.opening.record.exchange, &asked.reviewers)));
        };
        self.tell_these(case, invited, None).await
    }

    /// Tells these; what is to be recorded of that, or none when it must be tried again.
    pub(super) async fn tell_these(
        &self,
        case: &Case,
        invited: Vec<Invitation>,
        reminded: Option<Reminded>,
    ) -> Result<Option<StepRecord>, Fault> {
        let (Some(id), Some(asked)) = (case.trail.id(), case.trail.asked()) else { return Err(damaged()) };
        let notice = notice(id, &case.opening.record, asked, invited, reminded)?;
        match self.ports.notifier.tell(&notice).await {
            Ok(Notified::Told { way, reviewers, failed }) => {
                if !failed.is_empty() {
                    tracing::warn!(
                        exchange = %notice.exchange,
                        count = failed.len(),
                        "reviewers could not be told; it is tried again a few times"
                    );
                }
                Ok(Some(StepRecord::Told { way: way.to_owned(), reviewers, failed, why: None }))
            }
            // None of these; but somebody was told before, and may decide.
            Ok(Notified::Nobody) if !told(&case.trail).is_empty() => {
                let mut failed: Vec<String> =
                    notice.invited.into_iter().map(|invited| invited.name).collect();
                failed.sort_unstable();
                let way = "none".to_owned();
                Ok(Some(StepRecord::Told { way, reviewers: Vec::new(), failed, why: None }))
            }
            Ok(Notified::Nobody) => Ok(Some(nobody(&notice.exchange, &notice.reviewers))),
            Err(fault) => {
                tracing::warn!(
                    exchange = %notice.exchange,
                    fault = &fault as &(dyn std::error::Error + 'static),
                    "reviewers could not be told; it is tried again"
                );
                Ok(None)
            }
        }
    }

    /// Who is to be told now, each with their link: everybody of the first group, and of the second once it was turned to, whom
    /// nobody has told yet. None when too few could ever be told.
    async fn invited(
        &self,
        case: &Case,
        asked: &AskedRecord,
        approval: &Approval,
    ) -> Result<Option<Vec<Invitation>>, Fault> {
        let Some(roster) = &self.settings.roster else { return Ok(Some(Vec::new())) };
        // Over the embedded warehouse whoever sees the terminal decides; anywhere else only who is on the roster.
        let needed = usize::try_from(asked.needed).unwrap_or(usize::MAX);
        let sign_in = SignIn::from_word(&asked.sign_in).ok_or_else(damaged)?;
        if sign_in == SignIn::Oidc && roster.invited(approval).count() < needed {
            return Ok(None);
        }
        let (told, tried) = (told(&case.trail), tried(&case.trail));
        let is_tried = |person: &&KnownReviewer| tried.contains(person.name.as_str());
        let people = if roster.invited_second(approval).iter().any(is_tried) {
            roster.invited(approval).collect()
        } else {
            roster.invited_first(approval)
        };
        let untold = people.into_iter().filter(|person| !told.contains(person.name.as_str()));
        self.invitations(roster, asked, untold).await.map(Some)
    }

    /// An invitation for each of these.
    pub(super) async fn invitations<'a>(
        &self,
        roster: &Roster,
        asked: &AskedRecord,
        people: impl Iterator<Item = &'a KnownReviewer>,
    ) -> Result<Vec<Invitation>, Fault> {
        let key = LinkKey::of(self.ports.keys.as_ref()).await?;
        let invitation = |person: &KnownReviewer| Invitation {
            name: person.name.as_str().to_owned(),
            mail: person.mail.clone(),
            link: Link::new(roster, asked, &links::token(&key, asked, roster.issuer(), &person.name)),
        };
        Ok(people.map(invitation).collect())
    }

    /// Closes an exchange whose approval has ended: before it ran, or with its result.
    async fn close_ended(&self, live: &mut Live, holder: u128, case: &Case) -> Result<Closed, Fault> {
        // What a person has said passes the detectors in force now, too: who wrote it down may have had others. Where there are
        // none, it is not told.
        let detectors = self.detectors_for(live).await.ok();
        let closed = match ended(&case.trail, detectors.as_ref()).ok_or_else(damaged)? {
            Ended::Released => self.close_released(live, case).await,
            Ended::Refused(refusal) => self.close_refused(live, &refusal).await,
            Ended::Spent if case.trail.is_of_access() => Box::pin(self.close_granted(live, case)).await,
            // SECURITY: whoever spent it has died before anybody could know how far they came. It never runs again.
            Ended::Spent => {
                self.close_lost(live, "it was approved and spent, but is not known to have reached upstream")
                    .await
            }
        };
        self.settle(live, holder, closed).await
    }
}

/// Whether everybody who has said yes is a reviewer of the gateway with this roster: they signed in where its reviewers do, and
/// nobody of them was taken off since.
// SECURITY: whoever can open a home can have somebody say yes who has signed in anywhere, by a configuration of their own.
pub(super) fn are_still_asked(case: &Case, roster: Option<&Roster>) -> bool {
    let (Some(asked), Some(approval)) = (case.trail.asked(), case.trail.approval()) else { return false };
    match SignIn::from_word(&asked.sign_in) {
        // Whoever holds a home of the local demo stands in for all of its reviewers.
        Some(SignIn::Development) => true,
        // SECURITY: without a roster nobody is asked.
        Some(SignIn::Oidc) => {
            roster.is_some_and(|roster| approval.granted_by().iter().all(|by| roster.still_has(by)))
        }
        None => false,
    }
}

/// The step that ends what was approved by somebody who is no reviewer of this gateway, or none any more.
fn asked_no_more() -> StepRecord {
    let message = "a reviewer who had approved this is not asked any more: they are not on the list of reviewers, or have signed in \
                   elsewhere than reviewers do; ask again";
    overruled(RefusalCode::Contradiction, message.to_owned())
}

/// How an approval ended.
enum Ended {
    Refused(Refusal),
    Spent,
    Released,
}

fn ended(trail: &Trail, detectors: Option<&Detectors>) -> Option<Ended> {
    let refused = |code, message: String| {
        Ended::Refused(Refusal { code, message, retry_after: None, scopes: Vec::new() })
    };
    let what = if trail.is_of_result() {
        "the result of this statement"
    } else if trail.is_of_access() {
        "this access"
    } else {
        "this statement"
    };
    Some(match &trail.steps().last()?.what {
        StepRecord::Decided { verdict: _, by: _, reason, terms: _ } => {
            let clean = |reason| Some(detectors?.redact_text(reason, ""));
            let why =
                reason.as_deref().and_then(clean).map(|reason| format!(": {reason}")).unwrap_or_default();
            refused(RefusalCode::Denied, format!("a reviewer denied {what}{why}"))
        }
        StepRecord::Expired {} if is_granted(trail) => refused(
            RefusalCode::Expired,
            if trail.is_of_access() {
                "this access was approved, but could not be put in force in time; ask again".to_owned()
            } else if trail.is_of_result() {
                "the result of this statement was approved, but could not be released in time; ask again"
                    .to_owned()
            } else {
                "this statement was approved, but could not run in time; ask again".to_owned()
            },
        ),
        StepRecord::Expired {} if was_told_in_vain(trail) => refused(
            RefusalCode::Expired,
            format!(
                "no reviewer could be reached in time, so nobody could approve {what}; tell a policy owner"
            ),
        ),
        StepRecord::Expired {} => refused(
            RefusalCode::Expired,
            format!("nobody approved {what} in time; ask again, and tell a reviewer"),
        ),
        StepRecord::Withdrawn {} => refused(RefusalCode::Cancelled, "SQL execution canceled".to_owned()),
        StepRecord::Overruled { reason, message, rules: _, bundle: _ } => {
            refused(RefusalCode::from_word(reason).unwrap_or(RefusalCode::Denied), message.clone())
        }
        StepRecord::Spent { .. } | StepRecord::Ended { .. } => Ended::Spent,
        StepRecord::Released { .. } => Ended::Released,
        StepRecord::Asked(_)
        | StepRecord::Told { .. }
        | StepRecord::Viewed { .. }
        | StepRecord::Standing { .. }
        | StepRecord::Issued { .. } => return None,
    })
}

/// Whether it was tried to tell reviewers, and none was reached in any way.
fn was_told_in_vain(trail: &Trail) -> bool {
    let mut tellings = tellings(trail).peekable();
    tellings.peek().is_some()
        && tellings.all(|(reviewers, failed)| reviewers.is_empty() && !failed.is_empty())
}

/// Whether enough people had said yes.
fn is_granted(trail: &Trail) -> bool {
    let needed = |asked: &recording::AskedRecord| usize::try_from(asked.needed).unwrap_or(usize::MAX);
    match (trail.approval(), trail.asked()) {
        (Some(approval), Some(asked)) => approval.granted_by().len() >= needed(asked),
        (Some(_) | None, _) => false,
    }
}

/// Notes the last step, for the closing.
pub(super) fn note(live: &mut Live, trail: &Trail) -> Result<(), Fault> {
    let id = trail.id().ok_or_else(damaged)?;
    live.approval = Some(LiveApproval { id: id.to_string(), step: trail.last().to_string() });
    Ok(())
}

/// How it stands with telling reviewers of the approval under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Telling {
    /// Everybody was told, or it was tried often enough.
    Done,
    /// It is to be tried now.
    Due,
    /// It is to be tried again then.
    Later(Timestamp),
}

fn telling(trail: &Trail, now: Timestamp) -> Telling {
    let (mut tries, mut last) = (0_u32, None);
    for step in trail.steps_under_way() {
        // A reminder that has reached nobody is tried again for itself.
        if let StepRecord::Told { failed, reviewers, why, way: _ } = &step.what
            && !(why.is_some() && failed.is_empty() && reviewers.is_empty())
        {
            tries = tries.saturating_add(1);
            last = Some((&step.at, failed.is_empty()));
        }
    }
    match last {
        None => Telling::Due,
        Some((_, true)) => Telling::Done,
        Some(_) if tries >= TELLINGS && !told(trail).is_empty() => Telling::Done,
        // For as long as nobody at all was told, nobody can decide it.
        Some((at, false)) => {
            let pause =
                FIRST_PAUSE.saturating_mul(4_u32.saturating_pow(tries.saturating_sub(1))).min(LONGEST_PAUSE);
            // A moment that cannot be read is long over.
            let next = at.parse().unwrap_or(now.min(Timestamp::from_micros(0))).after(pause);
            if now >= next { Telling::Due } else { Telling::Later(next) }
        }
    }
}

/// Each telling of the approval under way: who was told, and who could not be.
pub(super) fn tellings(trail: &Trail) -> impl Iterator<Item = (&Vec<String>, &Vec<String>)> {
    trail.steps_under_way().iter().filter_map(|step| match &step.what {
        StepRecord::Told { way: _, reviewers, failed, why: _ } => Some((reviewers, failed)),
        StepRecord::Asked(_)
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
    })
}

/// Who was told of the approval under way.
pub(super) fn told(trail: &Trail) -> BTreeSet<&str> {
    tellings(trail).flat_map(|(reviewers, _)| reviewers).map(String::as_str).collect()
}

/// Whom it was tried to tell.
fn tried(trail: &Trail) -> BTreeSet<&str> {
    tellings(trail)
        .flat_map(|(reviewers, failed)| reviewers.iter().chain(failed))
        .map(String::as_str)
        .collect()
}

/// The end of an approval that nobody could ever decide.
fn nobody(exchange: &str, groups: &[String]) -> StepRecord {
    tracing::error!(
        %exchange,
        groups = %groups.join(", "),
        "a held statement is denied, because no reviewer can be told of it"
    );
    let message =
        "no reviewer can be reached, so nobody could approve this statement; tell a policy owner".to_owned();
    let refusal = Refusal { code: RefusalCode::Denied, message, retry_after: None, scopes: Vec::new() };
    StepRecord::overruled(&refusal, Vec::new(), None)
}

/// When to look next, whatever nobody says.
fn next_look(state: ApprovalState, telling: Telling, lapses: Timestamp, now: Timestamp) -> Timestamp {
    match (state, telling) {
        (ApprovalState::Waiting, Telling::Done) => now.after(LOOK).min(lapses),
        (ApprovalState::Waiting, Telling::Later(next)) => now.after(LOOK).min(next).min(lapses),
        (ApprovalState::Waiting, Telling::Due) => now.after(SOON).min(lapses),
        // There is something to do.
        (
            ApprovalState::Granted
            | ApprovalState::Denied
            | ApprovalState::Expired
            | ApprovalState::Withdrawn
            | ApprovalState::Spent,
            _,
        ) => now,
    }
}

fn look_at(live: &mut Live, next: Timestamp) {
    if let Stage::Held { look_us, .. } = &mut live.stage {
        *look_us = Some(next.as_micros());
    }
}
