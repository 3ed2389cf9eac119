//! What becomes of a result that has outgrown its limit.

use domain::{Decision, Hold, RuleId, Ruling, Statement};

use crate::bundle::Bundle;

impl Bundle {
    /// The ruling over statements, in order, whose result has outgrown [`domain::Limits::rows`] or
    /// [`domain::Limits::bytes`], and is kept: it waits for the reviewers of all of them (rule `gateway:large-result`), for
    /// that reason. What policy refuses stays refused.
    pub fn hold_for_size(&self, statements: &[(&Statement, &Ruling)], reason: &str) -> Ruling {
        let held = |(statement, ruling): &(&Statement, &Ruling)| {
            let grant = match &ruling.decision {
                Decision::Allow(grant) => grant,
                Decision::Hold(hold) => &hold.grant,
                Decision::Refuse(_) => return (*ruling).clone(),
            };
            let reviewers = self.catalog.reviewers.of(statement);
            let hold = Hold {
                reason: String::new(),
                reviewers: reviewers.groups.clone(),
                people: reviewers.people,
                expires_after: reviewers.expires_after,
                grant: grant.clone(),
            };
            let rules = ruling.rules.iter().cloned().chain([RuleId::new("gateway:large-result")]);
            self.ruling(Decision::Hold(hold), rules.collect())
        };
        let rulings: Vec<Ruling> = statements.iter().map(held).collect();
        let mut ruling = self.overall(&rulings);
        if let Decision::Hold(hold) = &mut ruling.decision {
            // One result, and one reason, however many statements it came of.
            reason.clone_into(&mut hold.reason);
        }
        ruling
    }
}
