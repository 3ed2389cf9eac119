//! One approval's turn, for whoever keeps its time: a look at it, one reminder, the second group. On AWS a state machine keeps it;
//! where [`Reminders`] are set, whoever looks after the exchange does.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{ApprovalId, ApprovalState, Timestamp};
use recording::{ApprovalStep, StepRecord, Trail};

use super::roster::{KnownReviewer, Roster};
use super::steps::{Added, Case, damaged};
use super::tend::{TELLINGS, tellings, told};
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::ports::Invitation;
use crate::settings::Reminders;

/// How often others may be first before this turn gives up.
const TRIES: usize = 64;

/// How long after the first reminder that has reached nobody it is tried again; then four times as long, each time.
const PAUSE: Duration = Duration::from_secs(60);

/// How an approval stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stands {
    /// Where.
    pub state: ApprovalState,
    /// Whether somebody has tried to tell reviewers.
    pub is_told: bool,
    /// How many people have said yes.
    pub granted: usize,
    /// Whether its exchange is closed: nothing is left to do.
    pub is_over: bool,
    /// When it lapses unless something happens.
    pub lapses: Timestamp,
    /// How long that is from now.
    pub left: Duration,
    /// How long it may wait in all, from when it was asked for.
    pub whole: Duration,
}

/// Who is told of what waits, beside everybody at first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reminded {
    /// Whoever was told and has said nothing; once.
    Told,
    /// The second group ([`Roster::escalating_to`](crate::Roster::escalating_to)).
    Second,
}

impl Reminded {
    /// The word in the record.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Told => recording::REMINDER,
            Self::Second => recording::SECOND,
        }
    }
}

/// What comes next of reminding.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Due {
    /// These are to be told now. Each for itself: who cannot be reminded keeps nobody else from being told.
    pub now: Vec<Reminded>,
    /// When the next are; none where nobody is.
    pub then: Option<Timestamp>,
}

impl Gateway {
    /// How an approval stands; none when nothing waits under its id: not yet, not any more, or asked anew under another.
    ///
    /// # Errors
    /// A fault when nobody can tell.
    pub async fn approval_stands(&self, id: ApprovalId) -> Result<Option<Stands>, Fault> {
        let Some(live) = self.ports.approvals.exchange_of(id).await? else { return Ok(None) };
        let case = self.case_of(&live).await?;
        if case.trail.id() != Some(id) {
            return Ok(None);
        }
        let approval = case.trail.approval().ok_or_else(damaged)?;
        let (state, lapses) = (approval.state(), approval.lapses());
        Ok(Some(Stands {
            state,
            is_told: tellings(&case.trail).next().is_some(),
            granted: approval.granted_by().len(),
            is_over: live.is_closed(),
            lapses,
            left: lapses.since(self.now()),
            whole: whole(&case.trail)?.1,
        }))
    }

    /// Looks after an approval as [`Gateway::advance`] does after its exchange: tells reviewers, expires it, runs what is
    /// granted, closes what has ended. How it stands then, as [`Gateway::approval_stands`] tells it.
    ///
    /// # Errors
    /// A fault of the stores; it is left as it is, to be looked after later.
    pub async fn tend_approval(&self, id: ApprovalId, until: Timestamp) -> Result<Option<Stands>, Fault> {
        let Some(live) = self.ports.approvals.exchange_of(id).await? else { return Ok(None) };
        self.advance(live.handle().ok_or_else(damaged)?, until).await?;
        self.approval_stands(id).await
    }

    /// Tells reviewers of what still waits; called again, it tells nobody twice, unless nobody knows whether they were told.
    /// How the approval stands then, as [`Gateway::approval_stands`] tells it.
    ///
    /// # Errors
    /// A fault when nobody could be told, or nobody can tell how it stands.
    pub async fn remind(&self, id: ApprovalId, whom: Reminded) -> Result<Option<Stands>, Fault> {
        let Some(live) = self.ports.approvals.exchange_of(id).await? else { return Ok(None) };
        let mut case = self.case_of(&live).await?;
        if case.trail.id() == Some(id) && self.is_open(&case)? {
            self.remind_of(&mut case, whom).await?;
        }
        self.approval_stands(id).await
    }

    /// What comes next of reminding, where this gateway keeps the time.
    pub(super) fn due(&self, trail: &Trail, now: Timestamp) -> Result<Due, Fault> {
        let (Some(Reminders { told, second }), Some(roster)) =
            (self.settings.reminders, &self.settings.roster)
        else {
            return Ok(Due::default());
        };
        let mut due = Due::default();
        for (whom, percent) in [(Reminded::Told, told), (Reminded::Second, second)] {
            let Some(percent) = percent else { continue };
            if trail.is_reminded(whom.as_str()) {
                continue;
            }
            let Some(moment) = next_try(trail, moment(trail, percent)?, whom) else { continue };
            if now < moment {
                due.then = Some(due.then.map_or(moment, |other| other.min(moment)));
            } else if !self.people(trail, roster, whom)?.is_empty() {
                due.now.push(whom);
            }
        }
        Ok(due)
    }

    /// Who is to be told for that reason; nobody when it was done before.
    fn people<'a>(
        &self,
        trail: &'a Trail,
        roster: &'a Roster,
        whom: Reminded,
    ) -> Result<Vec<&'a KnownReviewer>, Fault> {
        if trail.is_reminded(whom.as_str()) {
            return Ok(Vec::new());
        }
        match whom {
            Reminded::Told => {
                let percent = self.settings.reminders.and_then(|reminders| reminders.told);
                let moment = percent.map(|percent| moment(trail, percent)).transpose()?;
                silent(trail, roster, moment)
            }
            Reminded::Second => untold(trail, roster),
        }
    }

    /// Tells these, and records it once. Whoever dies in between has told them, and is followed by somebody who tells them again.
    pub(super) async fn remind_of(&self, case: &mut Case, whom: Reminded) -> Result<(), Fault> {
        let invited = self.reminded(case, whom).await?;
        if invited.is_empty() {
            return Ok(());
        }
        let step = self.tell_these(case, invited, Some(whom)).await?.ok_or_else(not_reminded)?;
        self.note_telling(case, step, whom).await
    }

    /// Records that nobody could be reached, so that it is tried so often and no longer.
    pub(super) async fn note_in_vain(&self, case: &mut Case, whom: Reminded) -> Result<(), Fault> {
        let told = StepRecord::Told {
            way: "none".to_owned(),
            reviewers: Vec::new(),
            failed: Vec::new(),
            why: Some(whom.as_str().to_owned()),
        };
        self.add(case, self.now(), told).await.map(|_: Added| ())
    }

    fn is_open(&self, case: &Case) -> Result<bool, Fault> {
        let approval = case.trail.approval().ok_or_else(damaged)?;
        Ok(approval.state() == ApprovalState::Waiting && self.now() < approval.lapses())
    }

    async fn reminded(&self, case: &Case, whom: Reminded) -> Result<Vec<Invitation>, Fault> {
        let (Some(roster), Some(asked)) = (&self.settings.roster, case.trail.asked()) else {
            return Ok(Vec::new());
        };
        let people = self.people(&case.trail, roster, whom)?;
        self.invitations(roster, asked, people.into_iter()).await
    }

    /// Records who was told, whoever looks and decides meanwhile; unless it has ended, for then nobody may be told.
    // INVARIANT: once for each reason, whoever else tells them at the same time.
    async fn note_telling(&self, case: &mut Case, step: StepRecord, whom: Reminded) -> Result<(), Fault> {
        // A reminder that did not reach somebody is nothing that must be made up for.
        let before: Vec<String> = told(&case.trail).into_iter().map(str::to_owned).collect();
        let mut step = step;
        if let StepRecord::Told { way: _, reviewers, failed, why } = &mut step {
            *why = Some(whom.as_str().to_owned());
            failed.retain(|name| !before.contains(name));
            if reviewers.is_empty() && failed.is_empty() {
                return Err(not_reminded());
            }
        }
        for _ in 0..TRIES {
            if case.trail.is_reminded(whom.as_str())
                || self.add(case, self.now(), step.clone()).await? == Added::Kept
                || !self.is_open(case)?
            {
                return Ok(());
            }
        }
        Err(Fault::passing(Origin::Exchanges, "too many act on this approval at once"))
    }
}

fn not_reminded() -> Fault {
    Fault::passing(Origin::Gateway, "reviewers could not be reminded")
}

/// When it is to be tried, which is due at that moment, and later each time that nobody was reached; none once it was tried often
/// enough.
fn next_try(trail: &Trail, due: Timestamp, whom: Reminded) -> Option<Timestamp> {
    let in_vain: Vec<&str> = trail.reminded_in_vain(whom.as_str()).collect();
    let Some(last) = in_vain.last() else { return Some(due) };
    let tries = u32::try_from(in_vain.len()).unwrap_or(u32::MAX);
    if tries >= TELLINGS {
        return None;
    }
    // A moment that cannot be read is long over.
    let last = last.parse().unwrap_or(due);
    Some(last.after(PAUSE.saturating_mul(4_u32.saturating_pow(tries - 1))).max(due))
}

/// So many hundredths into the time that it may wait.
fn moment(trail: &Trail, percent: u8) -> Result<Timestamp, Fault> {
    let (asked, whole) = whole(trail)?;
    Ok(asked.after(whole.saturating_mul(u32::from(percent)) / 100))
}

/// When it was asked for, and how long it may wait.
fn whole(trail: &Trail) -> Result<(Timestamp, Duration), Fault> {
    let asked = trail.steps_under_way().first().ok_or_else(damaged)?;
    let asked: Timestamp = asked.at.parse().map_err(|_| damaged())?;
    Ok((asked, trail.approval().ok_or_else(damaged)?.terms().expires.since(asked)))
}

/// Who was told before that moment, if it is one of this gateway's own, and has not decided: whoever was told since has had no time
/// to be silent. And whoever of the first group could not be told at all, however often it was tried.
fn silent<'a>(
    trail: &Trail,
    roster: &'a Roster,
    moment: Option<Timestamp>,
) -> Result<Vec<&'a KnownReviewer>, Fault> {
    let approval = trail.approval().ok_or_else(damaged)?;
    let (told_then, ever_told) = (told_before(trail, moment), told(trail));
    let first = roster.invited_first(approval);
    let is_silent = |person: &KnownReviewer| {
        let name = person.name.as_str();
        told_then.contains(name)
            || (first.iter().any(|one| one.name == person.name) && !ever_told.contains(name))
    };
    let has_decided = |name: &str| {
        let mut granted = approval.granted_by().iter();
        granted.any(|by| by.key.subject == name || by.person.as_ref().is_some_and(|by| by.as_str() == name))
    };
    let people = roster.people().iter();
    Ok(people.filter(|person| is_silent(person) && !has_decided(person.name.as_str())).collect())
}

/// Who was told, and for the first time before that moment.
fn told_before(trail: &Trail, moment: Option<Timestamp>) -> BTreeSet<&str> {
    let is_before = |step: &&ApprovalStep| {
        moment.is_none_or(|moment| step.at.parse::<Timestamp>().is_ok_and(|at| at < moment))
    };
    let told = trail.steps_under_way().iter().filter(is_before).filter_map(|step| {
        let StepRecord::Told { reviewers, .. } = &step.what else { return None };
        Some(reviewers)
    });
    told.flatten().map(String::as_str).collect()
}

/// Who of the second group was not told.
fn untold<'a>(trail: &'a Trail, roster: &'a Roster) -> Result<Vec<&'a KnownReviewer>, Fault> {
    let approval = trail.approval().ok_or_else(damaged)?;
    let told = told(trail);
    let second = roster.invited_second(approval);
    Ok(second.into_iter().filter(|person| !told.contains(person.name.as_str())).collect())
}
