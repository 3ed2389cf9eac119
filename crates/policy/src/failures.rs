//! What becomes of statements over hidden columns when their principal's hidden failures are spent.

use domain::{Decision, Grant, Hold, RuleId, Ruling, Statement};

use crate::bundle::Bundle;

impl Bundle {
    /// The ruling over statements that policy allows, in order, of a principal whose hidden failures are spent
    /// ([`domain::Limits::hidden_failures_per_hour`]): those that touch something hidden wait for their reviewers (rule
    /// `gateway:failure-budget`), the others are as they were; all together are decided by the strictest.
    pub fn hold_for_failures(&self, statements: &[(&Statement, &Ruling)]) -> Ruling {
        let rulings: Vec<Ruling> =
            statements.iter().map(|(statement, ruling)| self.hold_hidden(statement, ruling)).collect();
        self.overall(&rulings)
    }

    fn hold_hidden(&self, statement: &Statement, ruling: &Ruling) -> Ruling {
        let grant = match &ruling.decision {
            Decision::Allow(grant) if grant.obligations.error_text.hides() => grant,
            Decision::Allow(_) | Decision::Hold(_) | Decision::Refuse(_) => return ruling.clone(),
        };
        let reviewers = self.catalog.reviewers.of(statement);
        let hold = Hold {
            reason: reason(grant),
            reviewers: reviewers.groups.clone(),
            people: reviewers.people,
            expires_after: reviewers.expires_after,
            grant: grant.clone(),
        };
        let rules = ruling.rules.iter().cloned().chain([RuleId::new("gateway:failure-budget")]);
        self.ruling(Decision::Hold(hold), rules.collect())
    }
}

fn reason(grant: &Grant) -> String {
    let limit = grant.obligations.limits.hidden_failures_per_hour;
    format!(
        "the limit of {limit} hidden failures per hour is reached: so many statements over columns that may not be \
         seen in clear have failed, and each failure tells something of the values; a further one waits for a \
         person's yes"
    )
}
