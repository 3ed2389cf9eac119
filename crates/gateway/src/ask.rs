//! The verb `ask`: from a door's words to a reply.

use std::time::Duration;

use domain::{
    Access, AccessRequest, Asked, Context, Decision, Grant, Handle, Identity, Outcome, Refusal, RefusalCode,
    Ruling, Timestamp,
};
use policy::{BatchRuling, Bundle};
use recording::EstimateRecord;
use thiserror::Error;
use tracing::Instrument;

use crate::access::{Grants, Ruled, rule_request};
use crate::admission::{TOO_BROAD, TOO_LARGE};
use crate::approval::{Surroundings, unless_untold};
use crate::breadth;
use crate::claim::{Claiming, Place, Words};
use crate::evidence::{Calling, Lease, Purpose, Spoken, Weighed};
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::live::{Live, Stage};
use crate::opened::{Opened, live, opened_handle};
use crate::opening::Draft;
use crate::permit::{Permit, permit};
use crate::principal::Principal;
use crate::reading::{Grounds, Read, decide, refusal};
use crate::repeat::Terms;
use crate::reply::{Receipt, Reply};
use crate::spans::{self, Spanned, span};

/// Why there is no reply. Refusals and failures of statements are replies.
#[derive(Debug, Error)]
pub enum AskError {
    /// The credential proves nobody here.
    #[error("the token is not accepted")]
    NotAccepted {
        /// It was good once.
        is_expired: bool,
    },
    /// This principal has no such handle.
    #[error("there is no such statement")]
    UnknownHandle,
    /// That result has no such page.
    #[error("there is no such partition")]
    UnknownPage,
    /// Refused, and counted instead of recorded as an exchange: like so many of this principal's in the last minute, or
    /// because nothing was asked that could be one (a token without a scope that collects or looks).
    #[error("{}", .0.message)]
    Counted(Refusal),
    /// As many large pages are on their way to clients as may be; this one can be asked for again.
    #[error("too many large results are being sent at once; ask again in a moment")]
    Busy {
        /// Of the statement, which has ended all the same.
        handle: Option<Handle>,
    },
    /// Something broke; nothing is shown.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// After how long a waiting answer is checked against revocations once more.
const RECHECK: Duration = Duration::from_secs(1);

impl Gateway {
    /// Asks one statement or batch, and waits for its end for at most `hold`.
    ///
    /// # Errors
    /// [`AskError`] when nobody was identified or something broke. What policy, a limit or upstream says no to is a
    /// [`Reply`].
    pub async fn ask(&self, asked: Asked, hold: Duration) -> Result<Reply, AskError> {
        let until = self.now().after(hold);
        let principal = self.prove(asked.door, &asked.credential).await?;
        let mut asked = asked;
        self.complete(&mut asked);
        let (door, now) = (asked.door, self.now());
        // On the heap: on the stack of whoever polls it there would be too little left for policy, which then refuses.
        match Box::pin(self.admit(asked, &principal)).await? {
            Next::Repeat { first, terms } => {
                let attaching = Box::pin(self.attach(door, &principal, first, &terms, until));
                let reply = attaching.spanned(span!("repeat")).await?;
                self.unless_revoked(&principal, now, reply).await
            }
            Next::Refused { live, refused } => self.answer_refused(*live, &refused).await,
            Next::Held { live, opened, shown, reason, expires } => {
                let holds = self.hold(*live, *opened, *shown, reason, expires, &principal);
                let live = Box::new(Box::pin(holds).spanned(span!("hold")).await?);
                let looking = Box::pin(self.look_out(door, &principal, *live, until));
                let reply = looking.spanned(span!("wait")).await?;
                self.unless_revoked(&principal, now, reply).await
            }
            Next::Allowed { live, permit } => {
                let reply = Box::pin(self.run(*live, *permit, until)).await?;
                self.unless_revoked(&principal, now, reply).await
            }
        }
    }

    /// Everything up to the opening; `foreseen` refuses whatever the text says, which is not read then.
    pub(crate) async fn prepare(
        &self,
        asked: Asked,
        principal: &Principal,
        foreseen: Option<Ruling>,
    ) -> Result<Next, AskError> {
        let (grounds, foreseen) = match foreseen {
            Some(ruling) => (self.grounds_unread(asked.door).await?, Some((Vec::new(), ruling))),
            None => (self.grounds(&asked).await?, None),
        };
        let lease = match &foreseen {
            Some(_) => None,
            None => {
                let leasing = self.lease(principal.identity(), &asked, &grounds.key);
                self.counted(asked.door, leasing.spanned(span!("evidence")).await).await?
            }
        };
        let next = self.prepare_alone(asked, principal, grounds, foreseen, lease.as_ref()).await;
        if let Some(lease) = lease {
            lease.give_back().await;
        }
        next
    }

    /// The same, while no other call with the same tool use is decided.
    async fn prepare_alone(
        &self,
        asked: Asked,
        principal: &Principal,
        grounds: Grounds,
        foreseen: Option<(Vec<Ruling>, Ruling)>,
        lease: Option<&Lease>,
    ) -> Result<Next, AskError> {
        let Grounds { bundle, read, key } = grounds;
        let mut asked = asked;
        let spoken = Spoken::of(&asked);
        let mut weighed = match &foreseen {
            Some(_) => Weighed::of_call(&asked),
            None => {
                let others = lease.map(|lease| lease.others).unwrap_or_default();
                let weighing = self.weigh(&asked, principal.identity(), &key, (Purpose::Run, others));
                self.counted(asked.door, weighing.spanned(span!("evidence")).await).await?
            }
        };
        weighed.fill(&mut asked);
        let Ruled { rulings, ruling, access } = match foreseen {
            Some((rulings, ruling)) => Ruled { rulings, ruling, access: Vec::new() },
            None => {
                let grants = &mut Grants::default();
                let ruling = self.rule_with(&bundle, principal.identity(), &asked, &read, grants);
                let ruled = self.counted(asked.door, ruling.spanned(span!("decide")).await).await?;
                let identity = principal.identity();
                let told = self.tell_what_is_wanted(&bundle, identity, &asked, &read, &weighed, ruled);
                let Ruled { rulings, ruling, access } = told.instrument(span!("decide")).await;
                Ruled { rulings, ruling: unless_untold(&bundle, &read, asked.text.reveal(), ruling), access }
            }
        };
        let words = Words::of(&asked, &key)?;
        let digest = words.digest;
        let handle = Handle::from_u128(self.ports.ids.random()?);
        // One moment for the claim and the opening, so that both fall on the same day.
        let now = self.now();

        let claiming = Claiming {
            principal,
            asked: &asked,
            spoken: &spoken,
            key: &key,
            bundle: &bundle,
            read: &read,
            rulings: &rulings,
            handle,
            now,
        };
        let (session, next, ruling) =
            match self.claim(claiming, words, ruling).spanned(span!("claim")).await? {
                Place::Repeat { first, terms } => return Ok(Next::Repeat { first, terms }),
                // Hidden failures may have it wait only now.
                Place::Opens { session, next, ruling } => {
                    (session, next, unless_untold(&bundle, &read, asked.text.reveal(), *ruling))
                }
            };
        // What does not run is collected whole.
        let children = match ruling.decision {
            Decision::Refuse(_) => Vec::new(),
            Decision::Allow(_) | Decision::Hold(_) => self.child_handles(&read)?,
        };
        let draft = Draft {
            identity: principal.identity(),
            asked: &asked,
            read: &read,
            ruling: &ruling,
            digest,
            handle,
            children: &children,
            opened: now,
            weighed: &weighed,
            access: &access,
        };
        let detectors = self.detectors.of(&bundle);
        let opening = async {
            // What reviewers are asked for is what the catalog says now.
            let shown = match &ruling.decision {
                Decision::Hold(_) => ShownBeside {
                    touched: self.touched(&key, &read, asked.text.reveal(), &detectors).await?,
                    estimate: self.estimate(&asked, principal, &read).await,
                    access: read.request.as_ref().and_then(|request| request.as_ref().ok()).cloned(),
                },
                Decision::Allow(_) | Decision::Refuse(_) => ShownBeside::default(),
            };
            Ok::<_, Fault>((self.open(&draft, &detectors, session, next).await?, shown))
        };
        let (opened, shown) = match opening.spanned(span!("open")).await {
            Ok(opened) => opened,
            Err(fault) => {
                if let Err(also) = self.ports.exchanges.abandon(principal.key(), handle).await {
                    tracing::warn!(
                        fault = &also as &(dyn std::error::Error + 'static),
                        "a claim could not be given back"
                    );
                }
                return Err(fault.into());
            }
        };
        spans::name_exchange(opened.exchange);
        let calling = Calling {
            at: &opened.key,
            identity: principal.identity(),
            asked: &asked,
            spoken: &spoken,
            is_refused: matches!(ruling.decision, Decision::Refuse(_)),
            opened: now,
        };
        if self.may_be_told_more(&calling, &ruling.decision) {
            self.expect_evidence(&key, &calling, &weighed).spanned(span!("evidence")).await?;
        }
        let live = Box::new(live(&draft, &bundle, &detectors, &rulings, &opened));
        Ok(match &ruling.decision {
            Decision::Refuse(refused) => Next::Refused { live, refused: refused.clone() },
            Decision::Hold(hold) => {
                let expires = draft.opened.after(hold.expires_after);
                let (opened, reason) = (Box::new(opened), hold.reason.clone());
                Next::Held { live, opened, shown: Box::new(shown), reason, expires }
            }
            Decision::Allow(grant) => {
                let permit = permit(&key, &asked, &opened, grant, read.statements.len());
                Next::Allowed { live, permit: Box::new(permit) }
            }
        })
    }

    /// Fills in the names that the client left out.
    pub(crate) fn complete(&self, asked: &mut Asked) {
        self.complete_names(&mut asked.context);
    }

    /// The same for the names alone.
    pub(crate) fn complete_names(&self, context: &mut Context) {
        let defaults = &self.settings.default_context;
        context.role = context.role.take().or_else(|| defaults.role.clone());
        context.warehouse = context.warehouse.take().or_else(|| defaults.warehouse.clone());
        // A schema means nothing without its database: the default schema belongs to the default database alone.
        if context.database.is_none() && context.schema.is_none() {
            context.schema.clone_from(&defaults.schema);
        }
        context.database = context.database.take().or_else(|| defaults.database.clone());
    }

    /// What policy says of each statement, and what it and the token's scopes say of the whole.
    pub(crate) fn rule(
        &self,
        bundle: &Bundle,
        identity: &Identity,
        asked: &Asked,
        read: &Read,
        access: Access<'_>,
    ) -> (Vec<Ruling>, Ruling) {
        let BatchRuling { overall, statements: rulings } = match &read.request {
            Some(request) => {
                let access = Access { now: self.now(), grants: access.grants };
                rule_request(bundle, identity, asked, read, request, access)
            }
            None => decide(bundle, identity, asked, read, access),
        };
        let actual = read.statements.len();
        let desired = usize::try_from(asked.statement_count).unwrap_or(usize::MAX);
        if asked.text.reveal().len() > self.settings.statement_size {
            let message = format!("the statement is larger than {} bytes", self.settings.statement_size);
            return (rulings, refusal(bundle, TOO_LARGE, RefusalCode::TooLarge, message));
        }
        if read.statements.iter().any(|(_, statement)| statement.why == Some(sql::TOO_MANY)) {
            let Refusal { code, message, .. } = breadth::too_many();
            return (rulings, refusal(bundle, TOO_BROAD, code, message));
        }
        if desired != 0 && actual != desired {
            // Snowflake's words for it (code 000008).
            let message = format!(
                "Actual statement count {actual} did not match the desired statement count {desired}."
            );
            return (
                rulings,
                refusal(bundle, "gateway:statement-count", RefusalCode::StatementCount, message),
            );
        }
        let statements = read.statements.iter().map(|(_, statement)| statement);
        if breadth::of_statements(statements) > breadth::MOST {
            let Refusal { code, message, .. } = breadth::refused();
            return (rulings, refusal(bundle, TOO_BROAD, code, message));
        }
        let overall = self.scoped(identity, &rulings, overall);
        (rulings, overall)
    }

    fn child_handles(&self, read: &Read) -> Result<Vec<Handle>, Fault> {
        if read.statements.len() < 2 {
            return Ok(Vec::new());
        }
        read.statements.iter().map(|_| Ok(Handle::from_u128(self.ports.ids.random()?))).collect()
    }

    pub(crate) async fn answer_refused(&self, live: Live, refused: &Refusal) -> Result<Reply, AskError> {
        let mut live = live;
        let closed = self.close_refused(&mut live, refused).await?;
        self.ports.exchanges.begin(&live, 0, self.now()).spanned(span!("begin")).await?;
        self.reply_to(closed, None).await
    }

    /// Asks reviewers by the first step of an approval; whoever looks after the exchange tells them.
    async fn hold(
        &self,
        live: Live,
        opened: Opened,
        shown: ShownBeside,
        reason: String,
        expires: Timestamp,
        principal: &Principal,
    ) -> Result<Live, AskError> {
        let mut live = live;
        // Whether one covers it is found out by whoever looks after it; until then nobody has been asked.
        let is_unasked = self.may_stand(principal.key()).await;
        live.approval = Some(self.ask_reviewers(opened, shown).await?);
        live.stage = Stage::Held { expires_us: expires.as_micros(), reason, look_us: Some(0), is_unasked };
        self.ports.exchanges.begin(&live, 0, self.now()).spanned(span!("begin")).await?;
        Ok(live)
    }

    /// Sends the statement upstream and carries it as far as time allows.
    pub(crate) async fn run(&self, live: Live, permit: Permit, until: Timestamp) -> Result<Reply, AskError> {
        let mut live = live;
        let holder = self.ports.ids.random()?;
        let lease = self.now().after(self.settings.lease);
        self.ports.exchanges.begin(&live, holder, lease).spanned(span!("begin")).await?;
        match self.start(&mut live, permit, holder, until).await? {
            Some(closed) => self.reply_to(closed, None).await,
            None => {
                self.ports.exchanges.release(opened_handle(&live)?, holder).await?;
                Ok(self.pending(&live)?)
            }
        }
    }

    /// A reply that was long in coming is not for somebody who was revoked meanwhile.
    async fn unless_revoked(
        &self,
        principal: &Principal,
        claimed: Timestamp,
        reply: Reply,
    ) -> Result<Reply, AskError> {
        // The claim has checked it, and a revocation need not hold before 5 s.
        if self.now().since(claimed) >= RECHECK {
            let session = reply.exchange().session;
            if self.ports.exchanges.revoked(principal.identity(), Some(session)).await?.is_some() {
                return Err(AskError::NotAccepted { is_expired: false });
            }
        }
        Ok(reply)
    }

    /// The reply while an exchange is under way: it rests on the opening.
    pub(crate) fn pending(&self, live: &Live) -> Result<Reply, Fault> {
        self.pending_as(live, opened_handle(live)?)
    }

    /// The same to whoever asked with this handle, which may be that of one statement of a batch: whoever comes back with it wants that
    /// statement.
    pub(crate) fn pending_as(&self, live: &Live, handle: Handle) -> Result<Reply, Fault> {
        let damaged = || Fault::lasting(Origin::Exchanges, "the state of this statement is damaged");
        let (waits_for, rows) = match &live.stage {
            Stage::Held { reason, .. } => (live.waits_for_a_person().then(|| reason.clone()), None),
            Stage::Fetching { parts, .. } => (None, Some(parts.iter().map(|part| part.fetched.rows).sum())),
            Stage::Opened | Stage::Running { .. } | Stage::Closed => (None, None),
        };
        Ok(Reply {
            exchange: live.exchange().ok_or_else(damaged)?,
            handle,
            created: live.opened(),
            changed: live.opened(),
            outcome: Outcome::Pending(domain::Ticket { handle, waits_for, rows }),
            receipt: Receipt::kept(live.opening.parse().map_err(|_| damaged())?),
            parts: Vec::new(),
            first_page: None,
        })
    }
}

/// What may run, at once or after a person's yes; none when nothing may.
pub(crate) fn granted(decision: &Decision) -> Option<&Grant> {
    match decision {
        Decision::Allow(grant) => Some(grant),
        Decision::Hold(hold) => Some(&hold.grant),
        Decision::Refuse(_) => None,
    }
}

/// How an admitted statement goes on.
pub(crate) enum Next {
    /// It was asked before under this request id, and may be answered so again.
    Repeat { first: Handle, terms: Terms },
    /// It is refused.
    Refused { live: Box<Live>, refused: Refusal },
    /// It waits for a person.
    Held { live: Box<Live>, opened: Box<Opened>, shown: Box<ShownBeside>, reason: String, expires: Timestamp },
    /// It runs.
    Allowed { live: Box<Live>, permit: Box<Permit> },
}

/// What reviewers are shown beside what would run.
#[derive(Default)]
pub(crate) struct ShownBeside {
    pub(crate) touched: Surroundings,
    pub(crate) estimate: Option<EstimateRecord>,
    /// What is asked for, where that is access.
    pub(crate) access: Option<AccessRequest>,
}
