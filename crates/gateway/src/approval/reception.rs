//! A reviewer comes by a link: they sign in, look, and decide. The page's own rules, without HTTP and without words.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{ApprovalId, ApprovalState, Timestamp, Unmoved, Verdict};
use recording::{Opening, StandingRecord, StepRecord, Trail};

use super::access_shown::AccessShown;
use super::links::{self, LinkKey};
use super::review::{Review, ReviewError, Shown};
use super::roster::{ReviewerName, Roster};
use super::session::{self, BegunSession, Pending, ReviewSession};
use super::signed_in::SignedIn;
use super::standing::StandingShown;
use super::standing_terms::StandingTerms;
use super::waiting::Waiting;
use crate::fault::{Fault, Origin};
use crate::ports::{Ids, NotAccepted, ReviewerIssuer, SignInAnswer, SignInBegun};
use crate::settings::SignIn;
use crate::spans::{Spanned, span};

/// How many earlier asks are told.
const EARLIER: usize = 8;

/// Within which others are counted.
const HOUR: Duration = Duration::from_secs(60 * 60);

/// What becomes of whoever came by a link.
pub enum Arrived {
    /// They are who they are by holding it (the local demo): their session.
    SignedIn(BegunSession),
    /// They must prove themselves.
    SignIn {
        /// Where.
        url: String,
        /// What comes back unchanged.
        state: String,
        /// The text that their browser keeps meanwhile.
        pending: String,
    },
}

/// An earlier ask of the same agent for the same person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EarlierAsk {
    /// When it was asked, RFC 3339.
    pub opened: String,
    /// The verbs, each once.
    pub kinds: Vec<String>,
    /// Objects that it was to change.
    pub writes: Vec<String>,
    /// Where it stands, or how it ended.
    pub state: ApprovalState,
}

/// What the same agent has asked for the same person, besides.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Earlier {
    /// A few, the latest first.
    pub latest: Vec<EarlierAsk>,
    /// How many within the last hour, those among them.
    pub within_hour: usize,
}

/// What a reviewer who has signed in finds.
pub enum Found {
    /// It waits: exactly what would run, and what its agent has asked before.
    Waits {
        /// What would run.
        shown: Box<Shown>,
        /// What else was asked.
        earlier: Earlier,
    },
    /// There is nothing (more) for them to decide.
    Over {
        /// Where it stands.
        waiting: Box<Waiting>,
        /// What they themselves have said, where they have.
        own: Option<Verdict>,
        /// What was made to stand with it, which whoever may decide it may end.
        standing: Option<Box<StandingShown>>,
        /// The leave to read that was granted with it and has not ended; likewise.
        access: Option<Box<AccessShown>>,
    },
}

/// Where reviewers come by their links. Cheap to clone; holds nothing that another process could not see.
#[derive(Clone)]
pub struct Reception {
    pub(super) review: Review,
    pub(super) roster: Arc<Roster>,
    pub(super) issuer: Option<Arc<dyn ReviewerIssuer>>,
    ids: Arc<dyn Ids>,
}

impl Reception {
    /// Receives the reviewers of this roster. Without an issuer only approvals of the local demo can be opened.
    pub fn new(
        review: Review,
        roster: Arc<Roster>,
        issuer: Option<Arc<dyn ReviewerIssuer>>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        Self { review: review.asking(Arc::clone(&roster)), roster, issuer, ids }
    }

    /// The same, where reviewers prove themselves in that way: as [`Settings::sign_in`](crate::Settings) of the gateway says.
    #[must_use]
    pub fn signed_in_by(self, sign_in: SignIn) -> Self {
        Self { review: self.review.signed_in_by(sign_in), ..self }
    }

    /// The address of the page, `https://HOST`.
    pub fn address(&self) -> &str {
        self.roster.address()
    }

    /// Whoever holds this token for this approval.
    ///
    /// # Errors
    /// [`ReviewError::Unknown`] for everything that opens nothing (any more), whatever the reason: an unknown approval, another
    /// token, one that is over. A fault when nobody can tell.
    pub async fn arrive(&self, id: ApprovalId, token: &str) -> Result<Arrived, ReviewError> {
        let key = self.key().await?;
        let now = self.now();
        let case = self.review.case_of(id).await?;
        let (Some(asked), Some(approval)) = (case.trail.asked(), case.trail.approval()) else {
            return Err(ReviewError::Unknown);
        };
        let person = links::whose(&key, asked, &self.roster, token).ok_or(ReviewError::Unknown)?;
        let is_over = approval.state().is_final() || now >= approval.lapses();
        // A link that has made something stand, or granted access, opens it for as long as that lasts, so that it can be ended.
        if is_over
            && self.review.stands(id).await?.is_none_or(|standing| standing.over.is_some())
            && self.review.access_stands(id).await?.is_none()
        {
            return Err(ReviewError::Unknown);
        }
        if !self.review.sign_in().takes(&asked.sign_in) {
            return Err(ReviewError::Unknown);
        }
        match SignIn::from_word(&asked.sign_in).ok_or(ReviewError::Unknown)? {
            SignIn::Development => {
                let groups = person.groups.clone().unwrap_or_else(|| approval.terms().reviewers.clone());
                let by =
                    SignedIn::development(person.name.as_str(), groups).map_err(|_| ReviewError::Unknown)?;
                self.session_of(&key, id, &person.name, &by, now).map(Arrived::SignedIn)
            }
            SignIn::Oidc => self.send_to_issuer(&key, id, &person.name, now).await,
        }
    }

    async fn send_to_issuer(
        &self,
        key: &LinkKey,
        id: ApprovalId,
        link: &ReviewerName,
        now: Timestamp,
    ) -> Result<Arrived, ReviewError> {
        let issuer = self.issuer.as_ref().ok_or(ReviewError::SignIn)?;
        let pending = Pending {
            approval: id,
            link: link.clone(),
            state: self.random()?,
            nonce: self.random()?,
            verifier: self.random()?,
            begun: now,
        };
        let Pending { state, nonce, verifier, .. } = &pending;
        let begun =
            SignInBegun { redirect_uri: &self.redirect_uri(), state, nonce, challenge: &challenge(verifier) };
        let url = issuer.begin(&begun).spanned(span!("sign_in")).await?;
        let text = session::pend(key, &pending).ok_or_else(unwritable)?;
        Ok(Arrived::SignIn { url, state: pending.state, pending: text })
    }

    /// Where the issuer sends reviewers back to: it must know this address.
    pub fn redirect_uri(&self) -> String {
        format!("{}/a/callback", self.roster.address())
    }

    /// Whoever comes back from the issuer: their approval, and their session. Of the sign-ins that a browser says are under way
    /// the one with this state is theirs, whoever has put others beside it.
    ///
    /// # Errors
    /// [`ReviewError::Unknown`] where the sign-in is none of ours, was another browser's, or proves somebody else than whom the
    /// link was made for; a fault when the issuer cannot be asked.
    pub async fn come_back(
        &self,
        pending: &[String],
        state: &str,
        code: &str,
        named_issuer: Option<&str>,
    ) -> Result<(ApprovalId, BegunSession), ReviewError> {
        let (key, now) = (self.key().await?, self.now());
        let issuer = self.issuer.as_ref().ok_or(ReviewError::SignIn)?;
        let ours: Vec<Pending> =
            pending.iter().filter_map(|text| session::pending(&key, text, now)).collect();
        if ours.is_empty() {
            return Err(turned_away("sign_in_unknown"));
        }
        // Both are ours, and neither is worth anything to who knows it: no secret is compared here.
        let Some(pending) = ours.into_iter().find(|pending| pending.state == state) else {
            return Err(turned_away("state"));
        };
        // RFC 9207 section 2.4: an answer of another issuer is not redeemed at ours.
        if named_issuer.is_some_and(|named| named != issuer.issuer()) {
            return Err(turned_away("issuer"));
        }
        let redirect_uri = self.redirect_uri();
        let answer = SignInAnswer {
            code,
            verifier: &pending.verifier,
            redirect_uri: &redirect_uri,
            nonce: &pending.nonce,
        };
        let proven = match issuer.end(&answer, now).spanned(span!("sign_in")).await {
            Ok(proven) => proven,
            Err(NotAccepted::Rejected { reason }) => return Err(turned_away(reason)),
            Err(NotAccepted::LacksScope { .. }) => return Err(turned_away("scope")),
            Err(NotAccepted::Expired) => return Err(turned_away("expired")),
            Err(NotAccepted::Unavailable(fault)) => return Err(fault.into()),
        };
        let mut by = SignedIn::proven(issuer.issuer(), &pending.link, proven)
            .ok_or_else(|| turned_away("other_reviewer"))?;
        // Whether they may look is known now: what they would not be shown is not opened either.
        self.admit(pending.approval, &mut by).await.map_err(alike)?;
        let session = self.session_of(&key, pending.approval, &pending.link, &by, now)?;
        Ok((pending.approval, session))
    }

    /// Whether they may look at it. Of hundreds of groups, which no cookie would hold, those that decide it are kept.
    pub(super) async fn admit(&self, id: ApprovalId, by: &mut SignedIn) -> Result<(), ReviewError> {
        let case = self.review.case(id, by).await?;
        if let Some(approval) = case.trail.approval() {
            by.reviewer.groups.retain(|group| approval.terms().reviewers.contains(group));
        }
        Ok(())
    }

    fn session_of(
        &self,
        key: &LinkKey,
        id: ApprovalId,
        link: &ReviewerName,
        by: &SignedIn,
        now: Timestamp,
    ) -> Result<BegunSession, ReviewError> {
        Ok(session::begin(key, self.random()?, id, link, by, now).ok_or_else(unwritable)?)
    }

    /// The session of this approval whose text a browser brings.
    ///
    /// # Errors
    /// [`ReviewError::Unknown`] where it is none, or over, or its reviewer is not asked any more.
    pub async fn session(&self, id: ApprovalId, text: &str) -> Result<ReviewSession, ReviewError> {
        let key = self.key().await?;
        let session = session::session(&key, text, id, self.now()).ok_or(ReviewError::Unknown)?;
        if !self.roster.people().iter().any(|person| person.name == session.link) {
            return Err(ReviewError::Unknown);
        }
        // Since they signed in, reviewers may have been sent to another issuer.
        if session.by.way == SignIn::Oidc && !self.roster.still_has(&session.by.reviewer) {
            return Err(ReviewError::Unknown);
        }
        Ok(session)
    }

    /// What waits for a reviewer who has signed in; that they looked is recorded first.
    ///
    /// # Errors
    /// [`ReviewError`] when they may not look, or something broke: then nothing is shown.
    pub async fn find(&self, session: &ReviewSession) -> Result<Found, ReviewError> {
        let ReviewSession { approval: id, by, .. } = session;
        let (waiting, own) = self.review.said(*id, by).await?;
        // Whoever has said yes waits for the others; a no, and the end, are for everybody.
        let is_over = waiting.state != ApprovalState::Waiting || self.now() >= waiting.lapses;
        if is_over || own.is_some() {
            return self.over(waiting, own).await;
        }
        match self.review.show(*id, by).await {
            Ok(shown) => {
                let earlier = self.earlier(&shown.waiting).await?;
                Ok(Found::Waits { shown: Box::new(shown), earlier })
            }
            // Somebody was faster just now.
            Err(ReviewError::Unmoved(Unmoved::Ended(_))) => {
                let (waiting, own) = self.review.said(*id, by).await?;
                self.over(waiting, own).await
            }
            Err(error) => Err(error),
        }
    }

    async fn over(&self, waiting: Waiting, own: Option<Verdict>) -> Result<Found, ReviewError> {
        let standing = self.review.stands(waiting.id).await?.map(Box::new);
        let access = self.review.access_stands(waiting.id).await?.map(Box::new);
        Ok(Found::Over { waiting: Box::new(waiting), own, standing, access })
    }

    /// Ends what there is to end of this approval ([`Review::end`]), by a form as [`Reception::decide`] takes it.
    ///
    /// # Errors
    /// As [`Reception::decide`] and [`Review::end`].
    pub async fn end(
        &self,
        session: &ReviewSession,
        text: &str,
        form: &Form<'_>,
        reason: Option<&str>,
    ) -> Result<(), ReviewError> {
        self.check_form(session, text, form).await?;
        self.review.end(session.approval, &session.by, reason).await.map(|_| ())
    }

    /// Takes the verdict of a form: once, from this session's own form, on exactly what it showed.
    ///
    /// # Errors
    /// [`ReviewError::Form`] where the form is not this session's, or showed something else; else as [`Review::decide`].
    pub async fn decide(
        &self,
        session: &ReviewSession,
        text: &str,
        form: &Form<'_>,
        verdict: Verdict,
        reason: Option<&str>,
    ) -> Result<ApprovalState, ReviewError> {
        self.check_form(session, text, form).await?;
        self.review.decide(session.approval, &session.by, verdict, reason).await
    }

    /// Takes a yes that stands for later statements, too: as [`Reception::decide`] takes a verdict.
    ///
    /// # Errors
    /// As [`Reception::decide`], and [`ReviewError::Standing`].
    pub async fn approve_standing(
        &self,
        session: &ReviewSession,
        text: &str,
        form: &Form<'_>,
        terms: &StandingTerms,
        reason: Option<&str>,
    ) -> Result<ApprovalState, ReviewError> {
        self.check_form(session, text, form).await?;
        self.review.approve_standing(session.approval, &session.by, terms, reason).await
    }

    /// Whether a form is this session's own, and showed what waits.
    ///
    /// # Errors
    /// [`ReviewError::Form`] where it is not.
    pub async fn check_form(
        &self,
        session: &ReviewSession,
        text: &str,
        form: &Form<'_>,
    ) -> Result<(), ReviewError> {
        let Form { mark, covers } = form;
        let key = self.key().await?;
        if !session::is_form_of(&key, text, mark) {
            return Err(ReviewError::Form);
        }
        let (waiting, _) = self.review.said(session.approval, &session.by).await?;
        if waiting.asked.covers == *covers { Ok(()) } else { Err(ReviewError::Form) }
    }

    /// What its agent has asked before for the same person, as far as it is remembered.
    async fn earlier(&self, waiting: &Waiting) -> Result<Earlier, Fault> {
        let mut earlier = Earlier::default();
        for live in self.review.asked_by_same(&waiting.opening).await? {
            if live.exchange == waiting.opening.exchange {
                continue;
            }
            if self.now().since(live.opened()) < HOUR {
                earlier.within_hour = earlier.within_hour.saturating_add(1);
            }
            if earlier.latest.len() >= EARLIER {
                continue;
            }
            // What cannot be read is somebody else's to mend, and no reason to show nothing.
            let Ok(case) = self.review.read(&live).await else { continue };
            if let Some(ask) = earlier_ask(&case.opening.record, &case.trail) {
                earlier.latest.push(ask);
            }
        }
        Ok(earlier)
    }

    async fn key(&self) -> Result<LinkKey, Fault> {
        LinkKey::of(self.review.keys()).await
    }

    pub(super) fn now(&self) -> Timestamp {
        self.review.now()
    }

    /// 256 random bits as a text.
    pub(super) fn random(&self) -> Result<String, Fault> {
        let bytes = [self.ids.random()?.to_be_bytes(), self.ids.random()?.to_be_bytes()].concat();
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// The challenge of a verifier (RFC 7636 section 4.2).
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()).as_ref())
}

/// What a form brings back of what it showed.
#[derive(Clone, Copy)]
pub struct Form<'a> {
    /// The session's mark for its forms.
    pub mark: &'a str,
    /// The digest of what was shown.
    pub covers: &'a str,
}

fn earlier_ask(opening: &Opening, trail: &Trail) -> Option<EarlierAsk> {
    let once_each = |part: fn(&recording::StatementRecord) -> Vec<String>| {
        let mut names: Vec<String> = opening.statements.iter().flat_map(part).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    Some(EarlierAsk {
        opened: opening.opened.clone(),
        kinds: once_each(|statement| vec![statement.kind.clone()]),
        writes: once_each(|statement| statement.writes.clone()),
        state: trail.approval()?.state(),
    })
}

/// What one reviewer has said in these steps, and what of it for later ones.
pub(super) fn own_verdict<'a>(
    trail: &'a Trail,
    by: &SignedIn,
) -> Option<(Verdict, Option<&'a StandingRecord>)> {
    trail.steps_under_way().iter().rev().find_map(|step| match &step.what {
        StepRecord::Decided { by: who, verdict, reason: _, terms }
            if who.reviewer().key == by.reviewer.key =>
        {
            Some((Verdict::from_word(verdict)?, terms.as_ref()))
        }
        StepRecord::Decided { .. }
        | StepRecord::Asked(_)
        | StepRecord::Told { .. }
        | StepRecord::Viewed { .. }
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

/// SECURITY: whoever is not whom the link was made for learns nothing of why (invariant I11); operators do.
fn turned_away(reason: &'static str) -> ReviewError {
    tracing::warn!(reason, "a reviewer's sign-in was not accepted");
    ReviewError::Unknown
}

fn alike(error: ReviewError) -> ReviewError {
    match error {
        ReviewError::Unmoved(unmoved) => {
            tracing::warn!(%unmoved, "a reviewer who has signed in may not decide");
            ReviewError::Unknown
        }
        ReviewError::Stranger => turned_away("stranger"),
        ReviewError::Unknown
        | ReviewError::SignIn
        | ReviewError::Form
        | ReviewError::Standing(_)
        | ReviewError::Fault(_) => error,
    }
}

fn unwritable() -> Fault {
    Fault::lasting(Origin::Gateway, "a reviewer's session cannot be written")
}
