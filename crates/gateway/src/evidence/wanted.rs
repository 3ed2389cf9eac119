//! What is refused for how well its prompt is known now, and would not be otherwise.

use std::time::Duration;

use domain::{
    Access, AccessGrant, Asked, Decision, Identity, Prompt, PromptGrade, Refusal, RefusalCode, Ruling,
};
use policy::Bundle;

use crate::access::Ruled;
use crate::gateway::Gateway;
use crate::reading::Read;

/// When to ask once more: clients export their telemetry within some seconds.
const SOON: Duration = Duration::from_secs(5);

/// The grades that may be wanted, the least first.
const WANTED: [PromptGrade; 4] = [PromptGrade::P1, PromptGrade::P2, PromptGrade::P3, PromptGrade::P4];

impl Gateway {
    /// What was ruled; where policy says no, and would not if the prompt were known better, the refusal says so, and when to ask
    /// once more.
    pub(crate) fn tell_what_is_wanted(
        &self,
        bundle: &Bundle,
        identity: &Identity,
        asked: &Asked,
        read: &Read,
        ruled: Ruled,
    ) -> Ruled {
        let known = asked.prompt.grade;
        let is_policy = |ruling: &Ruling| {
            matches!(&ruling.decision, Decision::Refuse(Refusal { code: RefusalCode::Policy, .. }))
        };
        if known == PromptGrade::P4 || !is_policy(&ruled.ruling) {
            return ruled;
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
        let Some(permits) = passes(PromptGrade::P4) else { return ruled };
        let wanted = WANTED.into_iter().filter(|grade| *grade > known).find(|grade| passes(*grade).is_some());
        let wanted = wanted.unwrap_or(PromptGrade::P4);
        // Those that forbid it; where none permits it there is nothing to name.
        let forbids = ruled.ruling.rules.iter().filter(|rule| !permits.contains(rule));
        let rules: Vec<String> = forbids
            .filter(|rule| !rule.as_str().starts_with("gateway:"))
            .map(|rule| format!(" rule `{rule}`"))
            .collect();
        let message = format!(
            "refused by policy:{} wants the person's prompt known as {} or better, and it is known as {} now. Evidence of it may \
             come within seconds of the call; where it does not, ask {}",
            if rules.is_empty() { " it".to_owned() } else { rules.join(",") },
            wanted.as_str(),
            known.as_str(),
            bundle.contact().unwrap_or("whoever keeps the policies"),
        );
        let refusal =
            Refusal { code: RefusalCode::Policy, message, retry_after: Some(SOON), scopes: Vec::new() };
        Ruled { ruling: Ruling { decision: Decision::Refuse(refusal), ..ruled.ruling }, ..ruled }
    }
}
