//! Reads the parts of `catalog.toml` that are not about columns: limits, reviewers.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use domain::{Class, Limits};

use crate::access::AccessRules;
use crate::reader::{At, Reader, Table};
use crate::settings::{LimitChanges, LimitRules, ReviewerRules, Reviewers};

/// How often people may be asked where a bundle does not say.
const ASKS_PER_HOUR: u32 = 60;

/// For how long access may be granted at most: it is for a while.
const LONGEST_ACCESS: Duration = Duration::from_secs(7 * 86_400);

pub(crate) fn read_limits(reader: &mut Reader<'_>, file: Table<'_>) -> Option<LimitRules> {
    let mut default = None;
    let mut agents = HashMap::new();
    let mut groups = HashMap::new();
    for entry in reader.array_of_tables(file, "limits") {
        let limits = [
            "rows",
            "bytes",
            "at_once",
            "per_minute",
            "upstream_seconds_per_hour",
            "statement_seconds",
            "hidden_failures_per_hour",
        ];
        let mut known = limits.to_vec();
        known.extend(["asks_per_hour", "rows_if_approved", "bytes_if_approved", "agents", "groups"]);
        reader.only(entry, &known);
        let changes = LimitChanges {
            rows: reader.count(entry, "rows"),
            bytes: reader.count(entry, "bytes"),
            rows_if_approved: reader.count(entry, "rows_if_approved"),
            bytes_if_approved: reader.count(entry, "bytes_if_approved"),
            at_once: reader.count(entry, "at_once"),
            per_minute: reader.count(entry, "per_minute"),
            upstream_seconds_per_hour: reader.count(entry, "upstream_seconds_per_hour"),
            statement_seconds: reader.count(entry, "statement_seconds"),
            hidden_failures_per_hour: reader.count(entry, "hidden_failures_per_hour"),
            asks_per_hour: reader.count(entry, "asks_per_hour"),
        };
        let for_agents = reader.texts(entry, "agents");
        let for_groups = reader.texts(entry, "groups");
        if for_agents.is_none() && for_groups.is_none() {
            for limit in limits.iter().filter(|limit| !entry.entries.contains_key(**limit)) {
                reader.wrong(entry.at, format!("the default limits state every limit; `{limit}` is missing"));
            }
            if default.replace(changes).is_some() {
                reader.wrong(entry.at, "these are second default limits; give them `agents` or `groups`");
            }
        }
        for (names, limits) in [(for_agents, &mut agents), (for_groups, &mut groups)] {
            for name in names.unwrap_or_default() {
                if limits.insert(name.value.to_owned(), changes).is_some() {
                    reader.wrong(name.at, format!("`{}` has limits already; join both entries", name.value));
                }
            }
        }
    }
    let Some(default) = default else {
        reader.wrong(0, "the default limits are missing: one [[limits]] without `agents` and `groups`");
        return None;
    };
    let default = Limits {
        rows: default.rows?,
        bytes: default.bytes?,
        // Where nobody says so, what outgrows its limit is refused.
        rows_if_approved: default.rows_if_approved.unwrap_or(0),
        bytes_if_approved: default.bytes_if_approved.unwrap_or(0),
        at_once: default.at_once?,
        per_minute: default.per_minute?,
        upstream_seconds_per_hour: default.upstream_seconds_per_hour?,
        statement_seconds: default.statement_seconds?,
        hidden_failures_per_hour: default.hidden_failures_per_hour?,
        asks_per_hour: default.asks_per_hour.unwrap_or(ASKS_PER_HOUR),
    };
    Some(LimitRules { default, agents, groups })
}

pub(crate) fn read_reviewers(reader: &mut Reader<'_>, file: Table<'_>) -> Option<ReviewerRules> {
    let mut default = None;
    let mut by_class = HashMap::new();
    let mut by_kind = HashMap::new();
    for entry in reader.array_of_tables(file, "reviewers") {
        reader.only(entry, &["classes", "kinds", "groups", "people", "expires"]);
        let groups =
            reader.needed_texts(entry, "groups").iter().map(|group| group.value.to_owned()).collect();
        let expires_after = reader.needed_text(entry, "expires").and_then(|text| read_wait(reader, &text));
        let people = reader.count(entry, "people").and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        let reviewers = Reviewers { groups, people, expires_after: expires_after.unwrap_or_default() };
        let classes = reader.texts(entry, "classes");
        let kinds = reader.texts(entry, "kinds");
        if classes.is_none() && kinds.is_none() && default.replace(reviewers.clone()).is_some() {
            reader.wrong(entry.at, "these are second default reviewers; give them `classes` or `kinds`");
        }
        for name in classes.unwrap_or_default() {
            match Class::ALL.into_iter().find(|class| class.as_str() == name.value) {
                Some(class) if by_class.insert(class, reviewers.clone()).is_some() => {
                    reader.wrong(name.at, format!("`{}` has reviewers already", name.value));
                }
                Some(_) => {}
                None => {
                    let known = Class::ALL.map(Class::as_str).join(", ");
                    reader.wrong(
                        name.at,
                        format!("there is no class of statements `{}`; known: {known}", name.value),
                    );
                }
            }
        }
        for name in kinds.unwrap_or_default() {
            if by_kind.insert(name.value.to_owned(), reviewers.clone()).is_some() {
                reader.wrong(name.at, format!("`{}` has reviewers already", name.value));
            }
        }
    }
    if default.is_none() {
        reader.wrong(0, "the default reviewers are missing: one [[reviewers]] without `classes` and `kinds`");
    }
    Some(ReviewerRules { default: default?, classes: by_class, kinds: by_kind })
}

pub(crate) fn read_access(reader: &mut Reader<'_>, file: Table<'_>) -> Option<AccessRules> {
    let table = reader.table(file, "access")?;
    reader.only(table, &["longest"]);
    let text = reader.needed_text(table, "longest")?;
    let longest = read_wait(reader, &text)?;
    if longest > LONGEST_ACCESS {
        reader.wrong(
            text.at,
            "access that people grant lasts 7 days at most; write a rule for what lasts longer",
        );
    }
    Some(AccessRules { longest })
}

/// Reads `90s`, `30m`, `4h` or `2d`; at most 30 days.
fn read_wait(reader: &mut Reader<'_>, text: &At<&str>) -> Option<Duration> {
    let wait = text.value.char_indices().next_back().and_then(|(at, unit)| {
        let count: u64 = text.value.get(..at)?.parse().ok()?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return None,
        };
        count.checked_mul(seconds)
    });
    let fits = wait.filter(|seconds| (1..=30 * 86_400).contains(seconds));
    if fits.is_none() {
        reader.wrong(text.at, "a wait is written like \"90s\", \"30m\", \"4h\" or \"2d\", at most 30 days");
    }
    fits.map(Duration::from_secs)
}
