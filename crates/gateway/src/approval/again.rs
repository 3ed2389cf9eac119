//! Deciding again before an approval is spent: policy may have changed since somebody said yes.

use domain::{Decision, Grant, Hold, Refusal, RuleId, Tier};
use policy::Bundle;
use recording::{AskedRecord, FootprintRecord, TreatmentRecord};

use super::are_enough;
use crate::access::Ruled;
use crate::failures;
use crate::gateway::Gateway;
use crate::live::{Live, PartPlan};
use crate::plan::masked_whole;
use crate::reading::Read;

/// What policy says of an approved statement by now.
pub(super) enum Again {
    /// It may run, under what both decisions oblige to.
    Runs(Grant),
    /// It is held for other reasons, for other people, or is another thing by now; what has changed.
    HeldAnew(Hold, String),
    /// No.
    Refused(Refusal),
}

/// The rule by which hidden failures hold a statement: policy itself does not know it.
const FAILURE_BUDGET: &str = "gateway:failure-budget";

impl Gateway {
    /// What becomes of it, as policy says by now.
    pub(super) fn rule_again(
        &self,
        bundle: &Bundle,
        read: &Read,
        ruled: Ruled,
        before: &Before<'_>,
    ) -> (Ruled, Again) {
        let Ruled { rulings, ruling, access } = ruled;
        // Whether the budget would still be spent does not matter: a person has looked at this one.
        let was_budget = before.asked.rules.iter().any(|rule| rule == FAILURE_BUDGET);
        let ruling = match &ruling.decision {
            Decision::Allow(_) | Decision::Hold(_) if was_budget => failures::held(bundle, read, &rulings),
            Decision::Allow(_) | Decision::Hold(_) | Decision::Refuse(_) => ruling,
        };
        let again = match &ruling.decision {
            // Policy asks for nobody by now, and somebody has said yes.
            Decision::Allow(grant) => Again::Runs(grant.clone()),
            Decision::Hold(hold) => match changes(hold, &ruling.rules, before).as_slice() {
                [] => Again::Runs(hold.grant.clone()),
                changes => Again::HeldAnew(
                    hold.clone(),
                    format!("changed since it was approved: {}", changes.join(", ")),
                ),
            },
            Decision::Refuse(refusal) => Again::Refused(refusal.clone()),
        };
        (Ruled { rulings, ruling, access }, again)
    }
}

/// What was approved, and what the statement touches by now.
pub(super) struct Before<'a> {
    pub asked: &'a AskedRecord,
    pub footprints: &'a [FootprintRecord],
    pub footprints_now: &'a [FootprintRecord],
    /// What the catalog says of it by now: [`Surroundings::digest`](super::Surroundings).
    pub touched_now: Option<&'a str>,
}

/// What is not as it was approved; nothing where the same rules hold it for the same people, and no more of them, and it touches
/// the same objects, of which the catalog says the same: behind a view there may be others by now, or other columns and rows of
/// the same.
fn changes(hold: &Hold, rules: &[RuleId], before: &Before<'_>) -> Vec<&'static str> {
    let Before { asked: before, footprints, footprints_now, touched_now } = before;
    let rules: Vec<&str> = rules.iter().map(RuleId::as_str).collect();
    let before_rules: Vec<&str> = before.rules.iter().map(String::as_str).collect();
    let who = !are_enough(hold, before);
    // SECURITY: what nobody could tell is the same as nothing.
    let catalog = match (before.touched.as_deref(), *touched_now) {
        (Some(before), Some(now)) if before == now => None,
        (Some(_), Some(_)) => Some("what the catalog says of what it touches or calls"),
        (None, _) | (_, None) => Some("whether it can be told what it calls"),
    };
    let told = [
        (rules != before_rules).then_some("the rules that hold it"),
        who.then_some("who decides it, or how many people must"),
        (footprints != footprints_now).then_some("the objects that it touches"),
        catalog,
    ];
    told.into_iter().flatten().collect()
}

/// What was planned when it was asked, made as strict as what is planned now.
pub(super) fn stricter(before: &Live, now: Live) -> Live {
    let is_same_shape = before.parts.len() == now.parts.len();
    let parts = now.parts.into_iter().enumerate().map(|(at, part)| match before.parts.get(at) {
        Some(before) if is_same_shape => stricter_part(before, part),
        Some(_) | None => PartPlan { columns: None, unforeseen: masked_whole(), ..part },
    });
    Live {
        parts: parts.collect(),
        error_text: before.error_text.max(now.error_text),
        hidden_failure: before.hidden_failure || now.hidden_failure,
        tier: weaker_tier(&before.tier, &now.tier),
        row_limit: before.row_limit.min(now.row_limit),
        byte_limit: before.byte_limit.min(now.byte_limit),
        row_ceiling: before.row_ceiling.min(now.row_ceiling),
        byte_ceiling: before.byte_ceiling.min(now.byte_ceiling),
        timeout_us: [before.timeout_us, now.timeout_us].into_iter().flatten().min(),
        ..now
    }
}

fn stricter_part(before: &PartPlan, now: PartPlan) -> PartPlan {
    let unforeseen = stricter_treatment(&before.unforeseen, &now.unforeseen);
    let (columns, unforeseen) = match (&before.columns, &now.columns) {
        (Some(old), Some(new)) if old.len() == new.len() => {
            let columns = old.iter().zip(new).map(|(old, new)| stricter_treatment(old, new));
            (Some(columns.collect()), unforeseen)
        }
        (None, None) => (None, unforeseen),
        // What one decision was about is not what the other was about.
        (Some(_) | None, _) => (None, masked_whole()),
    };
    PartPlan {
        columns,
        unforeseen,
        mask_column_names: before.mask_column_names || now.mask_column_names,
        ..now
    }
}

fn stricter_treatment(before: &TreatmentRecord, now: &TreatmentRecord) -> TreatmentRecord {
    use TreatmentRecord::{Clear, Mask, Scan};
    match (before, now) {
        (before, now) if before == now => now.clone(),
        // Two masks that differ: neither is known to show less than the other, so the value goes whole.
        (Mask { class, .. }, Mask { .. }) => Mask { class: class.clone(), mask: domain::Mask::Redact.name() },
        (Mask { .. }, Clear | Scan) => before.clone(),
        (Clear | Scan, Mask { .. }) => now.clone(),
        (Clear | Scan, Clear | Scan) => Scan,
    }
}

/// The tier that can do less.
fn weaker_tier(a: &str, b: &str) -> String {
    let tier = |word: &str| {
        [Tier::Write, Tier::Define].into_iter().find(|tier| tier.as_str() == word).unwrap_or(Tier::Read)
    };
    tier(a).min(tier(b)).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(class: &str, mask: &str) -> TreatmentRecord {
        TreatmentRecord::Mask { class: class.to_owned(), mask: mask.to_owned() }
    }

    #[test]
    fn of_two_treatments_the_stricter_is_taken_and_of_two_masks_the_whole() {
        use TreatmentRecord::{Clear, Scan};
        let email = mask("email", "email_domain");
        let cases = [
            (Clear, Clear, Clear),
            (Clear, Scan, Scan),
            (Scan, Scan, Scan),
            (Clear, email.clone(), email.clone()),
            (Scan, email.clone(), email.clone()),
            (email.clone(), email.clone(), email.clone()),
            (email, mask("email", "token"), mask("email", "redact")),
        ];
        for (one, other, expected) in cases {
            assert_eq!(stricter_treatment(&one, &other), expected);
            assert_eq!(stricter_treatment(&other, &one), expected);
        }
    }

    #[test]
    fn a_part_whose_columns_have_changed_is_masked_whole() {
        let part = |columns: Option<Vec<TreatmentRecord>>| PartPlan {
            names: None,
            stored_names: Vec::new(),
            columns,
            unforeseen: TreatmentRecord::Clear,
            mask_column_names: false,
            origins: None,
        };
        let clear = || Some(vec![TreatmentRecord::Clear]);
        for other in [None, Some(vec![TreatmentRecord::Clear; 2])] {
            let stricter = stricter_part(&part(clear()), part(other));
            assert_eq!((stricter.columns, stricter.unforeseen), (None, masked_whole()));
        }
        let same = stricter_part(&part(clear()), part(clear()));
        assert_eq!((same.columns, same.unforeseen), (clear(), TreatmentRecord::Clear));
    }

    #[test]
    fn of_two_tiers_the_weaker_runs_it() {
        assert_eq!(weaker_tier("write", "define"), "write");
        assert_eq!(weaker_tier("write", "read"), "read");
        assert_eq!(weaker_tier("write", "unknown"), "read");
    }
}
