//! What is refused for how well its prompt is known now, and would not be otherwise.

use std::time::Duration;

use domain::{
    Access, AccessGrant, Asked, ChannelKind, Clues, Decision, Hold, Identity, Mismatch, Prompt, PromptGrade,
    Refusal, RefusalCode, Ruling,
};
use policy::Bundle;

use super::sighting;
use super::weigh::{Weighed, subject_of};
use crate::access::Ruled;
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::look::{ForeseenColumn, is_mask};
use crate::reading::Read;

/// When to ask once more: clients export their telemetry within some seconds.
const SOON: Duration = Duration::from_secs(5);

/// The grades that may be wanted, the least first.
pub(crate) const WANTED: [PromptGrade; 4] =
    [PromptGrade::P1, PromptGrade::P2, PromptGrade::P3, PromptGrade::P4];

impl Gateway {
    /// What was ruled; where policy says no, and would not if the prompt were known better, the refusal says so, and when to ask
    /// once more, unless nothing can make it known better, or the same was refused a moment ago.
    pub(crate) async fn tell_what_is_wanted(
        &self,
        bundle: &Bundle,
        identity: &Identity,
        asked: &Asked,
        read: &Read,
        weighed: &Weighed,
        ruled: Ruled,
    ) -> Ruled {
        let Some(Wanted { grade, rules }) = self.wanted(bundle, identity, asked, read, &ruled) else {
            return ruled;
        };
        let mut outlook = Outlook::of(weighed, &asked.clues, grade);
        if outlook == Outlook::Open && !self.can_be_known(identity, grade) {
            outlook = Outlook::Untold;
        } else if outlook == Outlook::Open && self.was_refused_lately(identity, asked).await {
            outlook = Outlook::AskedBefore;
        }
        let message = format!(
            "refused by policy:{} wants the person's prompt known as {} or better, and it is known as {} now. {} ask {}",
            if rules.is_empty() { " it".to_owned() } else { rules.join(",") },
            grade.as_str(),
            asked.prompt.grade.as_str(),
            outlook.sentence(),
            bundle.contact().unwrap_or("whoever keeps the policies"),
        );
        let retry_after = (outlook == Outlook::Open).then_some(SOON);
        let refusal = Refusal { code: RefusalCode::Policy, message, retry_after, scopes: Vec::new() };
        Ruled { ruling: Ruling { decision: Decision::Refuse(refusal), ..ruled.ruling }, ..ruled }
    }

    /// The least grade with which what policy refuses would not be, and the rules that forbid it with less; none where it is refused
    /// whatever is known.
    fn wanted(
        &self,
        bundle: &Bundle,
        identity: &Identity,
        asked: &Asked,
        read: &Read,
        ruled: &Ruled,
    ) -> Option<Wanted> {
        let known = asked.prompt.grade;
        let is_policy = |ruling: &Ruling| {
            matches!(&ruling.decision, Decision::Refuse(Refusal { code: RefusalCode::Policy, .. }))
        };
        if known == PromptGrade::P4 || !is_policy(&ruled.ruling) {
            return None;
        }
        let grants: Vec<AccessGrant> = ruled.access.iter().map(|granted| granted.grant.clone()).collect();
        let access = Access { now: self.now(), grants: &grants };
        let mut better = asked.clone();
        let mut passes = |grade: PromptGrade| {
            better.prompt = Prompt { text: None, grade };
            let (_, ruling) = self.rule(bundle, identity, &better, read, access);
            Some(ruling.rules).filter(|_| !matches!(ruling.decision, Decision::Refuse(_)))
        };
        // The best first: most of what is refused is refused whatever is known.
        let best = passes(PromptGrade::P4)?;
        let mut grades = WANTED.into_iter().filter(|grade| *grade > known);
        let wanted = grades.find_map(|grade| Some((grade, passes(grade)?)));
        let (grade, permits) = wanted.unwrap_or((PromptGrade::P4, best));
        // Those that forbid it; where none permits it there is nothing to name.
        let forbids = ruled.ruling.rules.iter().filter(|rule| !permits.contains(rule));
        let rules = forbids
            .filter(|rule| !rule.as_str().starts_with("gateway:"))
            .map(|rule| format!(" rule `{rule}`"))
            .collect();
        Some(Wanted { grade, rules })
    }

    /// Whether the channels that are set up could make a prompt of this principal's known so well, as far as they are known here.
    fn can_be_known(&self, identity: &Identity, wanted: PromptGrade) -> bool {
        let Some(channels) = &self.settings.channels else { return true };
        let subject = subject_of(identity);
        let kinds: Vec<ChannelKind> = channels
            .iter()
            .filter(|channel| channel.may_be_of(&subject))
            .map(|channel| channel.kind)
            .collect();
        let has_provider = kinds.contains(&ChannelKind::Provider);
        match wanted {
            PromptGrade::P0 | PromptGrade::P1 => true,
            PromptGrade::P2 => !kinds.is_empty(),
            // What telemetry tells of a statement is cut: another must have seen it.
            PromptGrade::P3 => {
                has_provider || (kinds.len() > 1 && kinds.iter().any(|kind| *kind != ChannelKind::Telemetry))
            }
            PromptGrade::P4 => has_provider,
        }
    }

    /// Whether the same text was refused to this principal a moment ago: then asking once more was of no use. So it is taken where
    /// nobody can tell.
    async fn was_refused_lately(&self, identity: &Identity, asked: &Asked) -> bool {
        let look = async {
            let key = self.ports.keys.digest().await?;
            let subject = subject_of(identity);
            let told = sighting::of_text(&key, subject.clone(), asked.text.reveal(), self.now());
            let awaiting = self.ports.evidence.awaiting(&[told]).await?;
            Ok::<_, Fault>(awaiting.iter().any(|other| other.is_refused && other.subject == subject))
        };
        look.await.unwrap_or_else(|fault| {
            tracing::warn!(
                fault = &fault as &dyn std::error::Error,
                "whether the same was refused lately cannot be told"
            );
            true
        })
    }

    /// Notes at each column that is masked for its prompt's grade alone from which grade on it would be shown.
    pub(crate) fn tell_what_would_be_shown(
        &self,
        bundle: &Bundle,
        identity: &Identity,
        asked: &Asked,
        read: &Read,
        grants: &[AccessGrant],
        columns: &mut [ForeseenColumn],
    ) {
        let known = asked.prompt.grade;
        let mut better = asked.clone();
        // The best first: most of what is masked is masked whatever is known.
        let grades = WANTED.into_iter().rev().take_while(|grade| *grade > known);
        for grade in grades {
            better.prompt = Prompt { text: None, grade };
            let (_, ruling) = self.rule(bundle, identity, &better, read, Access { now: self.now(), grants });
            let (Decision::Allow(grant) | Decision::Hold(Hold { grant, .. })) = &ruling.decision else {
                return;
            };
            let Some(treatments) = &grant.obligations.columns else { return };
            let mut are_any = false;
            for (column, treatment) in columns.iter_mut().zip(treatments) {
                if is_mask(&column.treatment) && !is_mask(treatment) {
                    (column.shown_from, are_any) = (Some(grade), true);
                }
            }
            if !are_any {
                return;
            }
        }
    }
}

/// What a refused statement's prompt must be known as.
struct Wanted {
    grade: PromptGrade,
    /// The rules that forbid it with less.
    rules: Vec<String>,
}

/// Whether a prompt may be known better in a moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outlook {
    /// Evidence may still come.
    Open,
    /// It might, but the same has just been refused.
    AskedBefore,
    /// No channel is set up that could tell it so well.
    Untold,
    /// None can be tied to the call.
    Untied,
    /// This stands, whatever comes.
    Contradicted(Mismatch),
}

impl Outlook {
    fn of(weighed: &Weighed, clues: &Clues, wanted: PromptGrade) -> Self {
        if let Some(mismatch) = weighed.contradiction() {
            return Self::Contradicted(mismatch);
        }
        let Clues { tool_use, trace, word } = clues;
        let is_tied = tool_use.is_some() || trace.is_some() || word.is_some();
        // The text alone ties a guess.
        if is_tied || wanted <= PromptGrade::P1 { Self::Open } else { Self::Untied }
    }

    /// What to do, up to whom to ask.
    fn sentence(self) -> String {
        match self {
            Self::Open => "Evidence of it may come within seconds of the call; where it does not,".to_owned(),
            Self::AskedBefore => {
                "The same was refused for that a moment ago, and a new call is known no sooner: do not send it again,"
                    .to_owned()
            }
            Self::Untold => {
                "No evidence channel is set up here that could tell it so well, so that asking again is of no use:"
                    .to_owned()
            }
            Self::Untied => {
                "The call names no tool use, trace or evidence word, so that no evidence can be tied to it: \
                             call by a client that names one, or"
                    .to_owned()
            }
            Self::Contradicted(Mismatch::Reused) => {
                format!("{}: a new call names one of its own. Where it does not,", capital(Mismatch::Reused))
            }
            Self::Contradicted(mismatch) => {
                format!("{}, which no later evidence takes back:", capital(mismatch))
            }
        }
    }
}

/// Its sentence, as one begins.
fn capital(mismatch: Mismatch) -> String {
    let mut letters = mismatch.sentence().chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}
