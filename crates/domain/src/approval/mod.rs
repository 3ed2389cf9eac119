//! A person decides: the rule of an approval, once, for every store, page and command line.
//!
//! [`Approval::next`] is the only way from one state to another:
//!
//! ```text
//!          approve × needed, issue            spend
//!   Waiting ────────────────────▶ Granted ───────────▶ Spent
//!      │ deny, overrule ▶ Denied ◀─── deny, overrule │
//!      │ lapse ─────────▶ Expired ◀─────────── lapse │
//!      │ withdraw ──────▶ Withdrawn ◀────── withdraw │
//! ```
//!
//! Nothing leaves the four on the right and at the ends: whatever order things happen in, an approval has one end. Until it is
//! spent a yes is taken back by a no, of whoever may decide it.

mod people;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use thiserror::Error;

use crate::time::Timestamp;

pub use people::{Requester, Reviewer, ReviewerKey, folded_name};

/// For how long a grant waits to be spent. Whoever said yes meant now, not whenever a gateway comes back.
pub const GRANT_LIFE: Duration = Duration::from_secs(15 * 60);

/// What an approval was asked under.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Who wants it.
    pub requester: Requester,
    /// Groups whose members may decide.
    pub reviewers: BTreeSet<String>,
    /// How many distinct people must say yes.
    pub needed: NonZeroU32,
    /// Silence until then denies.
    pub expires: Timestamp,
}

/// Where an approval stands. The last four are final.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ApprovalState {
    /// Nobody has decided, or too few.
    Waiting,
    /// Enough people said yes; it may be spent once, for a while.
    Granted,
    /// A person said no, or policy does by now.
    Denied,
    /// Silence denied it, or nobody spent the grant in time.
    Expired,
    /// Its agent has given up.
    Withdrawn,
    /// What it allowed was sent upstream, or was about to be.
    Spent,
}

impl ApprovalState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Granted, Self::Denied, Self::Expired, Self::Withdrawn, Self::Spent];

    /// The word in recordings and listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Spent => "spent",
        }
    }

    /// Whether nothing may follow.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Waiting | Self::Granted => false,
            Self::Denied | Self::Expired | Self::Withdrawn | Self::Spent => true,
        }
    }
}

/// What a person says about an approval; never what policy says (that is a decision).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No.
    Deny,
}

impl Verdict {
    /// `approve` or `deny`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }

    /// The verdict with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Approve, Self::Deny].into_iter().find(|verdict| verdict.as_str() == word)
    }
}

/// Something that may move an approval on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ApprovalEvent {
    /// A person decided.
    Decided {
        /// Who, as they have proven now.
        by: Reviewer,
        /// Whom the link was made for that brought them.
        link: ReviewerKey,
        /// What they say.
        verdict: Verdict,
    },
    /// A standing approval allows it: these people have said yes to everything of its kind before.
    Issued {
        /// Who, as they had proven themselves then.
        by: Vec<Reviewer>,
    },
    /// Its time is over.
    Lapsed,
    /// Its agent has cancelled.
    Withdrawn,
    /// Policy, or a revocation, says no by now.
    Overruled,
    /// What it allows is about to run.
    Spent,
}

/// Why an event moves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
pub enum Unmoved {
    /// It has ended.
    #[error("this approval has ended: it is {}", .0.as_str())]
    Ended(ApprovalState),
    /// Enough people have said yes, and nobody needs another.
    #[error("this approval is granted already")]
    Granted,
    /// Nobody has granted it.
    #[error("this approval is not granted")]
    NotGranted,
    /// Its time is not over.
    #[error("this approval has not lapsed yet")]
    NotLapsed,
    /// Its time is over.
    #[error("this approval is over: nobody decided in time")]
    Lapsed,
    /// An agent decides nothing.
    #[error("a program cannot decide: a person must sign in themselves")]
    NotAPerson,
    /// The link was made for somebody else.
    #[error("this link was made for another reviewer")]
    OthersLink,
    /// Nobody decides what they have asked for themselves.
    #[error("nobody may decide what was asked by them or for them")]
    OwnRequest,
    /// Not, or no longer, in a group that decides.
    #[error("the reviewer is in none of the groups that decide this")]
    NotAReviewer,
    /// They have said yes before.
    #[error("this person has approved it already; another must")]
    SamePerson,
}

/// One approval: its terms, who has said yes so far, and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approval {
    terms: Terms,
    granted_by: Vec<Reviewer>,
    state: ApprovalState,
    /// When it lapses unless something happens.
    lapses: Timestamp,
}

impl Approval {
    /// An approval that waits.
    pub fn new(terms: Terms) -> Self {
        let lapses = terms.expires;
        Self { terms, granted_by: Vec::new(), state: ApprovalState::Waiting, lapses }
    }

    /// What it was asked under.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Where it stands.
    pub fn state(&self) -> ApprovalState {
        self.state
    }

    /// Who has said yes so far, each a person of their own.
    pub fn granted_by(&self) -> &[Reviewer] {
        &self.granted_by
    }

    /// When it lapses: while it waits, at the end of its terms; once it is granted, [`GRANT_LIFE`] after that.
    pub fn lapses(&self) -> Timestamp {
        self.lapses
    }

    /// The approval after something that happened at `at`.
    ///
    /// # Errors
    /// [`Unmoved`] when the event may not happen to it: then it stands as before.
    pub fn next(&self, event: &ApprovalEvent, at: Timestamp) -> Result<Self, Unmoved> {
        let is_granted = match self.state {
            ApprovalState::Waiting => false,
            ApprovalState::Granted => true,
            ApprovalState::Denied
            | ApprovalState::Expired
            | ApprovalState::Withdrawn
            | ApprovalState::Spent => return Err(Unmoved::Ended(self.state)),
        };
        let is_over = at >= self.lapses;
        match event {
            ApprovalEvent::Lapsed if is_over => Ok(self.ended(ApprovalState::Expired)),
            ApprovalEvent::Lapsed => Err(Unmoved::NotLapsed),
            ApprovalEvent::Withdrawn => Ok(self.ended(ApprovalState::Withdrawn)),
            ApprovalEvent::Overruled => Ok(self.ended(ApprovalState::Denied)),
            // INVARIANT: whatever is late, nothing but an end follows.
            ApprovalEvent::Spent | ApprovalEvent::Decided { .. } | ApprovalEvent::Issued { .. }
                if is_over =>
            {
                Err(Unmoved::Lapsed)
            }
            ApprovalEvent::Spent if is_granted => Ok(self.ended(ApprovalState::Spent)),
            ApprovalEvent::Spent => Err(Unmoved::NotGranted),
            // A no takes back what has had no effect yet.
            ApprovalEvent::Decided { verdict: Verdict::Approve, .. } | ApprovalEvent::Issued { .. }
                if is_granted =>
            {
                Err(Unmoved::Granted)
            }
            ApprovalEvent::Issued { by } => self.issued(by, at),
            ApprovalEvent::Decided { by, link, verdict } => {
                self.check(by, link)?;
                self.decided(by, *verdict, at)
            }
        }
    }

    /// Whether this reviewer may look at it and decide, as far as anybody can tell before they say what.
    ///
    /// # Errors
    /// [`Unmoved`] when they may not.
    pub fn check(&self, by: &Reviewer, link: &ReviewerKey) -> Result<(), Unmoved> {
        if by.is_program() {
            return Err(Unmoved::NotAPerson);
        }
        if by.key != *link {
            return Err(Unmoved::OthersLink);
        }
        if self.terms.requester.is(by) {
            return Err(Unmoved::OwnRequest);
        }
        if by.groups.is_disjoint(&self.terms.reviewers) {
            return Err(Unmoved::NotAReviewer);
        }
        Ok(())
    }

    fn decided(&self, by: &Reviewer, verdict: Verdict, at: Timestamp) -> Result<Self, Unmoved> {
        match verdict {
            Verdict::Deny => Ok(self.ended(ApprovalState::Denied)),
            Verdict::Approve if self.granted_by.iter().any(|earlier| earlier.is_same_person(by)) => {
                Err(Unmoved::SamePerson)
            }
            Verdict::Approve => {
                let mut next = self.clone();
                next.granted_by.push(by.clone());
                let needed = usize::try_from(self.terms.needed.get()).unwrap_or(usize::MAX);
                if next.granted_by.len() >= needed {
                    next.state = ApprovalState::Granted;
                    next.lapses = at.after(GRANT_LIFE);
                }
                Ok(next)
            }
        }
    }

    /// As if each of them decided now: the rule is the same, and all who it needs must be among them.
    fn issued(&self, by: &[Reviewer], at: Timestamp) -> Result<Self, Unmoved> {
        let mut next = self.clone();
        for reviewer in by {
            next.check(reviewer, &reviewer.key)?;
            next = next.decided(reviewer, Verdict::Approve, at)?;
        }
        if next.state == ApprovalState::Granted { Ok(next) } else { Err(Unmoved::NotGranted) }
    }

    fn ended(&self, state: ApprovalState) -> Self {
        Self { state, ..self.clone() }
    }
}

#[cfg(test)]
mod tests;
