//! The verb `ask`: from a door's words to a reply.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use domain::{
    Access, AccessRequest, Asked, Context, Decision, ErrorText, ExchangeId, ExchangeNumber, Grant, Handle,
    Identity, KeyedDigest, ObjectName, Outcome, Refusal, RefusalCode, RequestId, Ruling, SessionId, SqlText,
    Statement, Tier, Timestamp,
};
use masking::Detectors;
use policy::{BatchRuling, Bundle};
use recording::{EstimateRecord, Opening, RecordKey, Stored};
use thiserror::Error;

use crate::access::{self, Ruled};
use crate::admission::{self, Wanted, denied};
use crate::approval::Surroundings;
use crate::evidence::{Calling, Lease, Spoken, Weighed};
use crate::failures;
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::live::{Live, Stage};
use crate::opening::{Draft, Texts};
use crate::permit::Permit;
use crate::plan;
use crate::ports::{Claimed, Denied, Prospect, Written};
use crate::principal::Principal;
use crate::reading::{Grounds, Read, decide, refusal};
use crate::repeat::{Terms, terms};
use crate::reply::{Receipt, Reply};
use crate::seal;

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

/// How far an opening's number may lie above the highest seen before something must be wrong.
const CLIMB: u32 = 10_000;

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
        let now = self.now();
        // On the heap: on the stack of whoever polls it there would be too little left for policy, which then refuses.
        match Box::pin(self.admit(asked, &principal)).await? {
            Next::Repeat { first, terms } => {
                let reply = self.attach(&principal, first, &terms, until).await?;
                self.unless_revoked(&principal, now, reply).await
            }
            Next::Refused { live, refused } => self.answer_refused(*live, &refused).await,
            Next::Held { live, opened, shown, reason, expires } => {
                self.answer_held(*live, *opened, *shown, reason, expires).await
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
                self.counted(asked.door, self.lease(principal.identity(), &asked, &grounds.key).await).await?
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
        let weighed = match &foreseen {
            Some(_) => Weighed::of_call(&asked),
            None => {
                let others = lease.map(|lease| lease.others).unwrap_or_default();
                let weighed = self.weigh(&asked, principal.identity(), &key, others).await;
                self.counted(asked.door, weighed).await?
            }
        };
        weighed.fill(&mut asked);
        let Ruled { rulings, ruling, access } = match foreseen {
            Some((rulings, ruling)) => Ruled { rulings, ruling, access: Vec::new() },
            None => {
                let ruled = self.rule_with(&bundle, principal.identity(), &asked, &read).await;
                self.counted(asked.door, ruled).await?
            }
        };
        let words = Words::of(&asked, &key)?;
        let digest = words.digest;
        let handle = Handle::from_u128(self.ports.ids.random()?);
        let children = self.child_handles(&read)?;
        let limits = bundle.limits_for(principal.identity());
        // One moment for the claim and the opening, so that both fall on the same day.
        let now = self.now();

        let prospect = failures::prospect(&ruling.decision);
        let wanted = Wanted { prospect, handle, limits, may_join: true, now };
        let mut ruling = ruling;
        let mut claimed = self.ports.exchanges.claim(self.wish(principal, &words, &wanted)?).await?;
        if let Claimed::Joins(first) = claimed {
            let terms = terms(&read, &rulings, &ruling, &self.detectors.of(&bundle));
            if let Some(live) = self.ports.exchanges.find(principal.key(), first).await?
                && matches!(live.stage, Stage::Held { .. })
                && self.may_repeat(&live, &terms).await?
                && let Some(exchange) = live.exchange()
                && self
                    .ask_again(
                        &key,
                        &Calling {
                            at: &RecordKey::new(&live.day, exchange),
                            identity: principal.identity(),
                            asked: &asked,
                            spoken: &spoken,
                            is_refused: false,
                            opened: now,
                        },
                    )
                    .await?
            {
                self.reject(asked.door, "joined").await;
                return Ok(Next::Repeat { first, terms });
            }
            // It has ended just now, or would be answered otherwise.
            let wanted = Wanted { may_join: false, ..wanted };
            claimed = self.ports.exchanges.claim(self.wish(principal, &words, &wanted)?).await?;
        }
        if let Claimed::Repeat(first) = claimed {
            let terms = terms(&read, &rulings, &ruling, &self.detectors.of(&bundle));
            let is_refused = matches!(ruling.decision, Decision::Refuse(_));
            let found = self.ports.exchanges.find(principal.key(), first).await?;
            let is_good = match &found {
                Some(live) if !is_refused => self.may_repeat(live, &terms).await?,
                Some(_) | None => !is_refused,
            };
            if is_good {
                return Ok(Next::Repeat { first, terms });
            }
            // A right that was taken back since the first request must not show its rows again: the refusal is an
            // exchange of its own.
            if !is_refused {
                let message = "policy has changed since this requestId was used; ask again with a new one";
                ruling = refusal(
                    &bundle,
                    "gateway:policy-changed",
                    RefusalCode::RequestReused,
                    message.to_owned(),
                );
            }
            let alone = Words { request: None, ..words };
            let wanted = Wanted { prospect: Prospect::Open, may_join: false, ..wanted };
            claimed = self.ports.exchanges.claim(self.wish(principal, &alone, &wanted)?).await?;
        }
        let (session, next, ruling) = match claimed {
            Claimed::Repeat(_) | Claimed::Joins(_) => {
                return Err(
                    Fault::lasting(Origin::Exchanges, "a claim that stands alone was repeated").into()
                );
            }
            Claimed::New { session, next } => (session, next, ruling),
            Claimed::Reused { session, next } => (session, next, denied(&bundle, Denied::Reused)),
            Claimed::OverBudget { session, next, limit, retry_after } => {
                (session, next, denied(&bundle, Denied::OverBudget { limit, retry_after }))
            }
            Claimed::FailuresSpent { session, next } => {
                (session, next, failures::held(&bundle, &read, &rulings))
            }
            Claimed::Revoked { session, next, what } => {
                (session, next, denied(&bundle, Denied::Revoked(what)))
            }
            Claimed::Counted(why) => return Err(self.refuse_counted(asked.door, &bundle, why).await),
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
                    touched: self.touched(&key, &read, &detectors).await?,
                    estimate: self.estimate(&asked, principal, &read).await,
                    access: read.request.as_ref().and_then(|request| request.as_ref().ok()).cloned(),
                },
                Decision::Allow(_) | Decision::Refuse(_) => ShownBeside::default(),
            };
            Ok::<_, Fault>((self.open(&draft, &detectors, session, next).await?, shown))
        };
        let (opened, shown) = match opening.await {
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
        let calling = Calling {
            at: &opened.key,
            identity: principal.identity(),
            asked: &asked,
            spoken: &spoken,
            is_refused: matches!(ruling.decision, Decision::Refuse(_)),
            opened: now,
        };
        self.expect_evidence(&key, &calling, &weighed).await?;
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
            Some(request) => self.rule_request(bundle, identity, asked, read, request),
            None => decide(bundle, identity, asked, read, access),
        };
        let actual = read.statements.len();
        let desired = usize::try_from(asked.statement_count).unwrap_or(usize::MAX);
        if asked.text.reveal().len() > self.settings.statement_size {
            let message = format!("the statement is larger than {} bytes", self.settings.statement_size);
            return (rulings, refusal(bundle, "gateway:statement-size", RefusalCode::TooLarge, message));
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
        let overall = self.scoped(identity, &rulings, overall);
        (rulings, overall)
    }

    fn child_handles(&self, read: &Read) -> Result<Vec<Handle>, Fault> {
        if read.statements.len() < 2 {
            return Ok(Vec::new());
        }
        read.statements.iter().map(|_| Ok(Handle::from_u128(self.ports.ids.random()?))).collect()
    }

    /// Keeps the opening at the first free number, and the exact text beside it (invariant I1).
    async fn open(
        &self,
        draft: &Draft<'_>,
        detectors: &Detectors,
        session: SessionId,
        next: u32,
    ) -> Result<Opened, Fault> {
        let head = admission::head(draft.asked, draft.ruling);
        let (kept, length) = match &head {
            Some((head, length)) => (head, Some(*length)),
            None => (draft.asked, None),
        };
        let texts = Texts::new(detectors, kept, draft.read, length);
        let keys = self.ports.keys.session(session).await?;
        for number in next..next.saturating_add(CLIMB) {
            let Some(number) = ExchangeNumber::new(number) else { break };
            let exchange = ExchangeId { session, number };
            let key = RecordKey::new(draft.opened.day(), exchange);
            let sealed = Bytes::from(seal::seal(&keys.seal, exchange, kept)?);
            let opening = draft.opening(exchange, &texts, recording::digest_of(&sealed));
            let (bytes, digest) = recording::encode(&opening).map_err(|error| {
                Fault::lasting(Origin::Gateway, "the opening cannot be written").because(error)
            })?;
            match self.ports.recorder.open(&key, Bytes::from(bytes), sealed).await? {
                Written::Taken => {}
                Written::Kept(receipt) => {
                    return Ok(Opened {
                        key,
                        exchange,
                        opening: Stored { record: opening, digest },
                        receipt,
                    });
                }
            }
        }
        Err(Fault::lasting(Origin::Recordings, "no free number was found for the exchange"))
    }

    pub(crate) async fn answer_refused(&self, live: Live, refused: &Refusal) -> Result<Reply, AskError> {
        let mut live = live;
        let closed = self.close_refused(&mut live, refused).await?;
        self.ports.exchanges.begin(&live, 0, self.now()).await?;
        self.reply_to(closed, None).await
    }

    /// Asks reviewers by the first step of an approval; whoever looks after the exchange tells them.
    async fn answer_held(
        &self,
        live: Live,
        opened: Opened,
        shown: ShownBeside,
        reason: String,
        expires: Timestamp,
    ) -> Result<Reply, AskError> {
        let mut live = live;
        live.approval = Some(self.ask_reviewers(opened, shown).await?);
        live.stage = Stage::Held { expires_us: expires.as_micros(), reason, look_us: Some(0) };
        self.ports.exchanges.begin(&live, 0, self.now()).await?;
        Ok(self.pending(&live)?)
    }

    /// Sends the statement upstream and carries it as far as time allows.
    pub(crate) async fn run(&self, live: Live, permit: Permit, until: Timestamp) -> Result<Reply, AskError> {
        let mut live = live;
        let holder = self.ports.ids.random()?;
        self.ports.exchanges.begin(&live, holder, self.now().after(self.settings.lease)).await?;
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
        let damaged = || Fault::lasting(Origin::Exchanges, "the state of this statement is damaged");
        let handle = live.handle().ok_or_else(damaged)?;
        let (waits_for, rows) = match &live.stage {
            Stage::Held { reason, .. } => (Some(reason.clone()), None),
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

/// Melts the grant, the opening and the exact text into leave to run once.
pub(crate) fn permit(key: &[u8; 32], asked: &Asked, opened: &Opened, grant: &Grant, count: usize) -> Permit {
    let mut parameters = asked.parameters.clone();
    // SECURITY: ids alone. The tag stands in Snowflake's own history, for many eyes.
    parameters.insert("QUERY_TAG".to_owned(), format!("{{\"snowgate\":\"{}\"}}", opened.exchange));
    let Grant { obligations: _, tier } = grant;
    Permit {
        exchange: opened.exchange,
        request_id: seal::upstream_request_id(key, opened.exchange),
        text: SqlText::new(asked.text.reveal()),
        bindings: asked.bindings.clone(),
        context: asked.context.clone(),
        statement_count: u32::try_from(count).unwrap_or(u32::MAX).max(1),
        parameters,
        timeout: timeout(asked, grant),
        tier: *tier,
    }
}

/// How long a statement may take: as its client says, and never longer than its limit.
fn timeout(asked: &Asked, grant: &Grant) -> Duration {
    let most = Duration::from_secs(grant.obligations.limits.statement_seconds.max(1));
    asked.timeout.filter(|timeout| !timeout.is_zero()).map_or(most, |timeout| timeout.min(most))
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

/// What a client said, as keyed digests.
// SECURITY: clients choose these words, and what keeps the state is no sealed place.
pub(crate) struct Words {
    /// Of everything that decides what runs.
    pub digest: KeyedDigest,
    pub conversation: Option<String>,
    pub request: Option<RequestId>,
}

impl Words {
    pub fn of(asked: &Asked, key: &[u8; 32]) -> Result<Self, Fault> {
        let conversation = asked.conversation.as_deref();
        let request = asked.request.as_ref();
        Ok(Self {
            digest: seal::keyed_digest(key, asked),
            conversation: conversation.map(|word| seal::keyed_word(key, "conversation", word)),
            request: request.map(|request| seal::keyed_request(key, request)).transpose()?,
        })
    }
}

/// A durable opening.
pub(crate) struct Opened {
    pub(crate) key: RecordKey,
    exchange: ExchangeId,
    pub(crate) opening: Stored<Opening>,
    /// Proof that it was kept: nothing runs without.
    #[expect(dead_code, reason = "held as proof, not read")]
    receipt: Receipt,
}

impl Opened {
    /// The opening as it was read back from where it was kept.
    pub(crate) fn read_back(key: RecordKey, opening: Stored<Opening>) -> Self {
        Self { exchange: key.exchange, receipt: Receipt::kept(opening.digest), key, opening }
    }
}

pub(crate) fn opened_handle(live: &Live) -> Result<Handle, Fault> {
    live.handle().ok_or_else(|| Fault::lasting(Origin::Exchanges, "the state of this statement is damaged"))
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The live state of an exchange that was just opened, or is about to run.
pub(crate) fn live(
    draft: &Draft<'_>,
    bundle: &Bundle,
    detectors: &Detectors,
    rulings: &[Ruling],
    opened: &Opened,
) -> Live {
    let grants: Vec<Option<&Grant>> = rulings.iter().map(|ruling| granted(&ruling.decision)).collect();
    // What holds for all of them together, as policy says it; none where they do not run.
    let whole = granted(&draft.ruling.decision);
    let tier = whole.map_or(Tier::Read, |grant| grant.tier);
    let statements = &draft.read.statements;
    let footprint = |part: fn(&Statement) -> &BTreeSet<ObjectName>| {
        statements
            .iter()
            .flat_map(|(_, statement)| part(statement))
            .map(|name| plan::storable_parts(name, detectors))
            .collect()
    };
    Live {
        day: opened.key.day.clone(),
        exchange: opened.exchange.to_string(),
        principal: draft.identity.key().as_str().to_owned(),
        handle: draft.handle.to_string(),
        children: draft.children.iter().map(ToString::to_string).collect(),
        opened_us: draft.opened.as_micros(),
        opening: opened.opening.digest.to_string(),
        bundle: Some(bundle.digest().to_string()),
        parts: statements
            .iter()
            .zip(&grants)
            .map(|((_, statement), grant)| plan::part_plan(statement, &draft.read.catalog, *grant, detectors))
            .collect(),
        // INVARIANT: upstream's own words are shown only when every statement's grant allows it.
        error_text: whole.map_or(ErrorText::Hidden, |grant| grant.obligations.error_text).into(),
        hidden_failure: failures::would_be_hidden(&draft.ruling.decision),
        tier: tier.as_str().to_owned(),
        row_limit: whole.map_or(0, |grant| grant.obligations.limits.rows),
        byte_limit: whole.map_or(0, |grant| grant.obligations.limits.bytes),
        timeout_us: whole.map(|grant| micros(timeout(draft.asked, grant))),
        row_ceiling: whole.map_or(0, |grant| grant.obligations.limits.rows_if_approved),
        byte_ceiling: whole.map_or(0, |grant| grant.obligations.limits.bytes_if_approved),
        touched: plan::touched(statements, &draft.read.catalog, bundle),
        reads: footprint(|statement| &statement.footprint.reads),
        writes: footprint(|statement| &statement.footprint.writes),
        findings: recording::findings(draft.weighed.declared, &draft.weighed.witnesses),
        upstream_us: 0,
        masking_us: 0,
        troubled_us: None,
        approval: None,
        access: access::used(draft.ruling, draft.access),
        kept: None,
        stage: Stage::Opened,
    }
}
