//! Running what was approved: decided again, spent once, and then the stored text.

use domain::{
    ApprovalId, Asked, Decision, Grant, Handle, Hold, PromptGrade, Refusal, RefusalCode, Timestamp,
};
use recording::{FootprintRecord, StepRecord};

use super::again::{Again, Before, stricter};
use super::signed_in::is_revoked;
use super::steps::{Added, Case, damaged};
use super::tend::note;
use super::{Question, UNTOLD, stored, untold};
use crate::access::{Grants, Ruled, records};
use crate::closing::Closed;
use crate::evidence::{self, Weighed};
use crate::fault::{Fault, Retry};
use crate::gateway::Gateway;
use crate::live::{Live, Stage, micros};
use crate::opened::{Opened, live as planned_now, opened_handle};
use crate::opening::{Draft, footprints};
use crate::permit::{Permit, permit};
use crate::settings::SignIn;
use crate::spans::{Spanned, span};

/// What came of running an approved exchange.
pub(super) enum Ran {
    /// This turn is over: its closing, or none while it runs or waits anew.
    Ended(Option<Box<Closed>>),
    /// Its approval stands elsewhere by now.
    LookAgain,
}

/// What is to be done with a grant.
enum Prepared {
    /// Spend it and run.
    Run(Box<Ready>),
    /// Ask reviewers anew, until then, with that reason.
    Anew { asked: StepRecord, expires: Timestamp, reason: String },
    /// It does not run.
    Overruled(StepRecord),
}

/// Everything that running takes, but for the grant being spent.
struct Ready {
    spent: StepRecord,
    live: Live,
    terms: Terms,
}

/// What a permit is made of.
struct Terms {
    key: [u8; 32],
    asked: Asked,
    opened: Opened,
    grant: Grant,
    count: usize,
}

impl Terms {
    // SECURITY: called once the step that spends the grant is kept, and nowhere else.
    fn permit(self) -> Permit {
        let Self { key, asked, opened, grant, count } = self;
        permit(&key, &asked, &opened, &grant, count)
    }
}

impl Gateway {
    /// Spends a grant and runs the stored text, once; or whatever policy says of it by now.
    pub(super) async fn run_approved(
        &self,
        live: &mut Live,
        holder: u128,
        until: Timestamp,
        case: &mut Case,
    ) -> Result<Ran, Fault> {
        match self.prepare_run(live, case).await? {
            Prepared::Overruled(step) => {
                self.add(case, self.now(), step).await?;
                Ok(Ran::LookAgain)
            }
            Prepared::Anew { asked, expires, reason } => {
                if self.add(case, self.now(), asked).await? == Added::Kept {
                    note(live, &case.trail)?;
                    live.stage = Stage::Held {
                        expires_us: expires.as_micros(),
                        reason,
                        look_us: Some(0),
                        is_unasked: false,
                    };
                    if let Some(closed) = self.save(live, holder).await? {
                        return Ok(Ran::Ended(Some(Box::new(closed))));
                    }
                }
                Ok(Ran::LookAgain)
            }
            Prepared::Run(ready) => {
                let Ready { spent, live: planned, terms } = *ready;
                // INVARIANT: the one write that spends it comes before anything that could run it. Whoever finds the
                // number taken runs nothing; whoever dies behind it leaves an exchange that is lost, and never runs again.
                let now = self.now();
                // Access that ended while it was decided by permits nothing: it is decided again.
                if planned.access_end().is_some_and(|end| now >= end)
                    || self.add(case, now, spent).await? == Added::Overtaken
                {
                    return Ok(Ran::LookAgain);
                }
                let permit = terms.permit();
                *live = planned;
                note(live, &case.trail)?;
                if let Some(closed) = self.save(live, holder).await? {
                    return Ok(Ran::Ended(Some(Box::new(closed))));
                }
                let closed = self.start(live, permit, holder, until).await?;
                Ok(Ran::Ended(closed.map(Box::new)))
            }
        }
    }

    /// Everything before the grant is spent. A fault that may pass leaves the grant for later.
    async fn prepare_run(&self, live: &Live, case: &Case) -> Result<Prepared, Fault> {
        let opening = &case.opening.record;
        let identity = stored::identity(opening)?;
        if let Some(step) = self.revoked_since(case).await? {
            return Ok(Prepared::Overruled(step));
        }
        if let Some(step) = self.ended_since(case).await? {
            return Ok(Prepared::Overruled(step));
        }
        let (keys, recordings) = (self.ports.keys.as_ref(), self.ports.recordings.as_ref());
        let key = keys.digest().await?;
        let asked = match stored::asked(recordings, keys, case).await {
            Ok(asked) => asked,
            Err(fault) if fault.retry == Retry::Never => {
                tracing::error!(
                    exchange = %live.exchange,
                    fault = &fault as &(dyn std::error::Error + 'static),
                    "an approved statement does not run, because its exact text cannot be opened"
                );
                let message = "the exact text that was approved cannot be opened any more, so it does not run; ask again";
                return Ok(Prepared::Overruled(overruled(RefusalCode::Contradiction, message.to_owned())));
            }
            Err(fault) => return Err(fault),
        };
        let asked = self.known_by_now(asked, case).await?;
        let bundle = self.ports.policies.bundle().await?;
        let before = case.trail.asked().ok_or_else(damaged)?;
        let detectors = self.detectors.of(&bundle);
        let (read, touched) = self.read_afresh(&key, &asked, &detectors).await?;
        let footprints_now = footprints(&detectors, &read);
        let at_asking = || opening.statements.iter().map(FootprintRecord::from).collect();
        let approved = Before {
            asked: before,
            footprints: &before.footprints.clone().unwrap_or_else(at_asking),
            footprints_now: &footprints_now,
            touched_now: touched.digest.as_deref(),
        };
        let mut ruled = self.rule_with(&bundle, &identity, &asked, &read, &mut Grants::default()).await?;
        if matches!(ruled.ruling.decision, Decision::Refuse(_)) {
            let known = self.witnesses_by_now(case).await?;
            if known.contradiction().is_some() {
                ruled = self.tell_what_is_wanted(&bundle, &identity, &asked, &read, &known, ruled).await;
            }
        }
        let (Ruled { rulings, ruling, access }, again) = self.rule_again(&bundle, &read, ruled, &approved);
        let rules = || ruling.rules.iter().map(|rule| rule.as_str().to_owned()).collect();
        let mut grant = match again {
            Again::Runs(grant) => grant,
            Again::Refused(refusal) => {
                let step = StepRecord::overruled(&refusal, rules(), Some(ruling.bundle.to_string()));
                return Ok(Prepared::Overruled(step));
            }
            Again::HeldAnew(hold, why) => {
                // Nothing would come of another yes.
                let no = match untold(&read, asked.text.reveal(), &hold.reason) {
                    Some(refusal) => Some((refusal, vec![UNTOLD.to_owned()])),
                    None => {
                        self.asks_anew_too_often(live, &hold, &why).await?.map(|refusal| (refusal, rules()))
                    }
                };
                if let Some((refusal, rules)) = no {
                    let step = StepRecord::overruled(&refusal, rules, Some(ruling.bundle.to_string()));
                    return Ok(Prepared::Overruled(step));
                }
                let now = self.now();
                let id = ApprovalId::from_u128(self.ports.ids.random()?);
                let sign_in = SignIn::from_word(&before.sign_in).ok_or_else(damaged)?;
                let question = Question { id, opening, sign_in, key: &key };
                let asked = question.again(&hold, &ruling, footprints_now, touched, Some(why), now)?;
                let expires = now.after(hold.expires_after);
                return Ok(Prepared::Anew { asked: StepRecord::Asked(asked), expires, reason: hold.reason });
            }
        };
        let opened = Opened::read_back(case.key.clone(), case.opening.clone());
        let children = children(live)?;
        let weighed = Weighed::of_opening(opening).ok_or_else(damaged)?;
        let draft = Draft {
            identity: &identity,
            asked: &asked,
            read: &read,
            ruling: &ruling,
            digest: opening.digest.parse().map_err(|_| damaged())?,
            handle: opened_handle(live)?,
            children: &children,
            opened: live.opened(),
            weighed: &weighed,
            access: &access,
        };
        let mut planned = stricter(live, planned_now(&draft, &bundle, &detectors, &rulings, &opened));
        if let Some(rows) = case.trail.issued_rows() {
            planned.row_limit = planned.row_limit.min(rows);
        }
        grant.tier = planned.tier();
        let spent = StepRecord::Spent {
            bundle: ruling.bundle.to_string(),
            rules: rules(),
            catalog: read.catalog.digest.to_string(),
            tier: planned.tier.clone(),
            access: records(&access),
        };
        let terms = Terms { key, count: read.statements.len(), asked, opened, grant };
        Ok(Prepared::Run(Box::new(Ready { spent, live: planned, terms })))
    }

    /// The no where people were asked for this principal as often as they may be: asking them anew counts as asking them.
    async fn asks_anew_too_often(
        &self,
        live: &Live,
        hold: &Hold,
        why: &str,
    ) -> Result<Option<Refusal>, Fault> {
        let limit = hold.grant.obligations.limits.asks_per_hour;
        let retry_after = self.ports.exchanges.count_ask(&live.principal(), limit, self.now()).await?;
        Ok(retry_after.map(|retry_after| {
            let message = format!(
                "it was approved and does not run ({why}), and the limit of {limit} statements an hour that ask for a decision is \
                 reached; ask again later"
            );
            let code = RefusalCode::Budget;
            Refusal { code, message, retry_after: Some(retry_after), scopes: Vec::new() }
        }))
    }

    /// What was asked, its prompt known no better than by now.
    // SECURITY: what came since can only take something from how well it was known. What there was no room for may contradict
    // it, so that nothing is known any more.
    pub(super) async fn known_by_now(&self, asked: Asked, case: &Case) -> Result<Asked, Fault> {
        let mut asked = asked;
        let is_whole = self.catch_up(&case.key).await?;
        let (step, late) = self.last_evidence(&case.key).await?;
        if let Some(late) = late {
            let known = PromptGrade::from_word(&late.grade).ok_or_else(damaged)?;
            asked.prompt.grade = asked.prompt.grade.min(known);
        }
        if !is_whole || step >= evidence::MOST {
            asked.prompt.grade = PromptGrade::P0;
        }
        Ok(asked)
    }

    /// Who is recorded to have seen its prompt, by now.
    async fn witnesses_by_now(&self, case: &Case) -> Result<Weighed, Fault> {
        let (_, late) = self.last_evidence(&case.key).await?;
        let known = match &late {
            Some(late) => Weighed::of_late(late),
            None => Weighed::of_opening(&case.opening.record),
        };
        known.ok_or_else(damaged)
    }

    /// The step that ends a granted approval when whoever asked, or a person who said yes, was revoked since.
    pub(super) async fn revoked_since(&self, case: &Case) -> Result<Option<StepRecord>, Fault> {
        let identity = stored::identity(&case.opening.record)?;
        let session = case.key.exchange.session;
        if let Some(what) = self.ports.exchanges.revoked(&identity, Some(session)).await? {
            let message = format!("this {} was revoked; ask a security engineer", what.as_str());
            return Ok(Some(overruled(RefusalCode::Revoked, message)));
        }
        // SECURITY: the yes of somebody whose rights were taken back since is none.
        let key = self.ports.keys.digest().await?;
        let revoked = self.ports.exchanges.revoked_people().await?;
        let granted_by = case.trail.approval().ok_or_else(damaged)?.granted_by();
        if granted_by.iter().any(|by| is_revoked(by, &revoked, &key)) {
            let message = "a reviewer who had approved this was revoked; ask again";
            return Ok(Some(overruled(RefusalCode::Revoked, message.to_owned())));
        }
        Ok(None)
    }

    /// Sends a statement upstream whose exchange is stored as opened, and carries it as far as time allows.
    pub(crate) async fn start(
        &self,
        live: &mut Live,
        permit: Permit,
        holder: u128,
        until: Timestamp,
    ) -> Result<Option<Closed>, Fault> {
        let begun = self.now();
        let starting = self.ports.upstream.start(permit, self.slice(begun, until));
        let started = starting.spanned(span!("run")).await;
        live.upstream_us = micros(self.now().since(begun));
        match started {
            Ok(progress) => self.drive(live, holder, Some(progress), until).await,
            Err(fault) => self.close_because(live, holder, fault).await.map(Some),
        }
    }
}

pub(super) fn overruled(code: RefusalCode, message: String) -> StepRecord {
    let refusal = Refusal { code, message, retry_after: None, scopes: Vec::new() };
    StepRecord::overruled(&refusal, Vec::new(), None)
}

fn children(live: &Live) -> Result<Vec<Handle>, Fault> {
    live.children.iter().map(|child| child.parse().map_err(|_| damaged())).collect()
}
