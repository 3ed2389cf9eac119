//! What a bundle says of a case, in words that can be compared.

use std::num::NonZeroU32;

use domain::{Decision, ErrorText, Grant, Hold, Mask, Obligations, Refusal, Tier, Treatment};
use gateway::Rehearsed;

/// What is said of a case, but for limits, which are compared apart: they are the principal's, not the statement's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Refused(String),
    Held { reason: String, by: Asked, grant: Granted },
    Allowed(Granted),
}

/// Who is asked, and for how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Asked {
    people: NonZeroU32,
    groups: Vec<String>,
    minutes: u64,
}

/// What a grant shows and hides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Granted {
    tier: Tier,
    /// Of each statement, its columns with their names; none where they cannot be told.
    columns: Vec<Option<Vec<(String, Treatment)>>>,
    unforeseen: Treatment,
    mask_column_names: bool,
    error_text: ErrorText,
}

/// Which way a decision moves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Moves {
    /// Something is let through that was not.
    Opens,
    /// Something is kept that was let through, and nothing the other way.
    Closes,
    /// Neither.
    Differs,
}

pub(crate) fn verdict(rehearsed: &Rehearsed) -> Verdict {
    let granted = |grant: &Grant| granted(grant, rehearsed);
    match &rehearsed.rulings.overall.decision {
        Decision::Refuse(Refusal { message, code: _, retry_after: _, scopes: _ }) => {
            Verdict::Refused(message.clone())
        }
        Decision::Hold(Hold { reason, reviewers, people, expires_after, grant }) => {
            let by =
                Asked { people: *people, groups: reviewers.clone(), minutes: expires_after.as_secs() / 60 };
            Verdict::Held { reason: reason.clone(), by, grant: granted(grant) }
        }
        Decision::Allow(grant) => Verdict::Allowed(granted(grant)),
    }
}

fn granted(grant: &Grant, Rehearsed { statements, rulings }: &Rehearsed) -> Granted {
    let of_statement = |at: usize, grant: &Grant| {
        let columns = grant.obligations.columns.clone()?;
        let outputs = statements.get(at).and_then(|statement| statement.lineage.outputs.as_ref());
        let name = |ordinal: usize| {
            let name = outputs.and_then(|outputs| outputs.get(ordinal)?.name.clone());
            name.unwrap_or_else(|| format!("column {}", ordinal.saturating_add(1)))
        };
        Some(columns.into_iter().enumerate().map(|(at, treatment)| (name(at), treatment)).collect())
    };
    let columns = match rulings.statements.as_slice() {
        [] | [_] => vec![of_statement(0, grant)],
        several => several
            .iter()
            .enumerate()
            .map(|(at, ruling)| match &ruling.decision {
                Decision::Allow(grant) | Decision::Hold(Hold { grant, .. }) => of_statement(at, grant),
                Decision::Refuse(_) => None,
            })
            .collect(),
    };
    let Grant { obligations, tier } = grant;
    let Obligations { columns: _, unforeseen, mask_column_names, error_text, limits: _ } = obligations;
    Granted {
        tier: *tier,
        columns,
        unforeseen: unforeseen.clone(),
        mask_column_names: *mask_column_names,
        error_text: *error_text,
    }
}

impl Verdict {
    const fn openness(&self) -> u8 {
        match self {
            Self::Refused(_) => 0,
            Self::Held { .. } => 1,
            Self::Allowed(_) => 2,
        }
    }

    const fn grant(&self) -> Option<&Granted> {
        match self {
            Self::Refused(_) => None,
            Self::Held { grant, .. } | Self::Allowed(grant) => Some(grant),
        }
    }

    /// Which way it is from this to that.
    pub(crate) fn moves(&self, after: &Self) -> Moves {
        let by_openness = match after.openness().cmp(&self.openness()) {
            std::cmp::Ordering::Greater => return Moves::Opens,
            std::cmp::Ordering::Less => Moves::Closes,
            std::cmp::Ordering::Equal => Moves::Differs,
        };
        if let (Self::Held { by: before, .. }, Self::Held { by: after, .. }) = (self, after)
            && after.is_laxer_than(before)
        {
            return Moves::Opens;
        }
        let (Some(before), Some(after)) = (self.grant(), after.grant()) else { return by_openness };
        let mut moves = by_openness;
        for (before, after) in before.hiding().into_iter().zip(after.hiding()) {
            if after < before {
                return Moves::Opens;
            }
            if after > before {
                moves = Moves::Closes;
            }
        }
        if after.tier > before.tier || after.shows_otherwise(before) {
            return Moves::Opens;
        }
        moves
    }

    /// Both in words: of what is alike in both only as much as is needed.
    pub(crate) fn words(&self, other: &Self) -> String {
        match self {
            Self::Refused(message) => format!("refused: {message}"),
            Self::Held { reason, by, grant } => {
                let Asked { people, groups, minutes } = by;
                let groups = groups.join(", ");
                let grant = grant.words(other.grant());
                format!("held for {people} of {groups}, within {minutes} minutes: {reason}{grant}")
            }
            Self::Allowed(grant) => format!("allowed{}", grant.words(other.grant())),
        }
    }
}

impl Asked {
    /// Whether fewer people are enough, somebody may say yes who might not before, or there is more time to.
    fn is_laxer_than(&self, before: &Self) -> bool {
        self.people < before.people
            || self.groups.iter().any(|group| !before.groups.contains(group))
            || self.minutes > before.minutes
    }
}

impl Granted {
    /// Whether a value is masked in another way than before, and not by showing nothing of it: who knows which way shows more.
    fn shows_otherwise(&self, before: &Self) -> bool {
        let masks = |granted: &Self| {
            let columns = granted.columns.iter().flatten().flatten().map(|(_, treatment)| treatment.clone());
            columns.chain([granted.unforeseen.clone()]).collect::<Vec<_>>()
        };
        masks(before).into_iter().zip(masks(self)).any(|both| match both {
            (Treatment::Mask(before), Treatment::Mask(after)) => {
                after.mask != before.mask && !matches!(after.mask, Mask::Redact | Mask::Null)
            }
            _ => false,
        })
    }

    /// How much is hidden, place by place: whatever two grants differ in can be compared one by one.
    fn hiding(&self) -> Vec<u8> {
        let Self { tier: _, columns, unforeseen, mask_column_names, error_text } = self;
        let mut found = vec![hiding(unforeseen), u8::from(*mask_column_names), *error_text as u8];
        for columns in columns {
            match columns {
                Some(columns) => found.extend(columns.iter().map(|(_, treatment)| hiding(treatment))),
                None => found.push(2),
            }
        }
        found
    }

    fn words(&self, other: Option<&Self>) -> String {
        let Self { tier, columns, unforeseen, mask_column_names, error_text } = self;
        let mut words = Vec::new();
        if other.is_none_or(|other| other.tier != *tier) {
            words.push(format!("tier {}", tier.as_str()));
        }
        for (at, columns) in columns.iter().enumerate() {
            let others = other.and_then(|other| other.columns.get(at)).and_then(Option::as_ref);
            match columns {
                Some(columns) => {
                    words.extend(columns.iter().enumerate().filter_map(|(at, (name, treatment))| {
                        let same = others.is_some_and(|others| {
                            others.len() == columns.len()
                                && others.get(at).is_some_and(|(_, other)| other == treatment)
                        });
                        (!same).then(|| format!("{name} {}", treated(treatment)))
                    }))
                }
                None => words.push(format!("whatever it answers {}", treated(unforeseen))),
            }
        }
        if other.is_some_and(|other| other.mask_column_names != *mask_column_names) {
            words.push(
                if *mask_column_names { "names of columns hidden" } else { "names of columns shown" }
                    .to_owned(),
            );
        }
        if other.is_some_and(|other| other.error_text != *error_text) {
            let told = match error_text {
                ErrorText::Shown => "why it fails told",
                ErrorText::CompilationOnly => "why it fails told only where it does not compile",
                ErrorText::Hidden => "why it fails hidden",
            };
            words.push(told.to_owned());
        }
        if words.is_empty() { String::new() } else { format!("; {}", words.join(", ")) }
    }
}

const fn hiding(treatment: &Treatment) -> u8 {
    match treatment {
        Treatment::Clear => 0,
        Treatment::Scan => 1,
        Treatment::Mask(_) => 2,
    }
}

fn treated(treatment: &Treatment) -> String {
    match treatment {
        Treatment::Clear => "shown".to_owned(),
        Treatment::Scan => "shown as free text".to_owned(),
        Treatment::Mask(rule) => format!("masked as {} by {:?}", rule.class, rule.mask),
    }
}
