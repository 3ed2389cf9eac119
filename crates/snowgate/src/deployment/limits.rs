//! What `template.yaml` takes of each parameter, so that what CloudFormation would refuse is refused before.

use regex::Regex;

/// What a parameter takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// Values that the template's own pattern matches from end to end, and how to say that.
    Pattern(&'static str, &'static str),
    /// One of these words.
    Words(&'static [&'static str]),
    /// A whole number from the one to the other, and why no other.
    Number(u64, u64, &'static str),
    /// Anything, as far as CloudFormation is concerned.
    Anything,
}

use Takes::{Anything, Number, Pattern, Words};

/// Days for which CloudWatch keeps logs: no others.
const LOG_DAYS: &[&str] = &[
    "1", "3", "5", "7", "14", "30", "60", "90", "120", "150", "180", "365", "400", "545", "731", "1096",
    "1827", "2192", "2557", "2922", "3288", "3653",
];

/// How versions take over, as CodeDeploy calls it.
const ROLLOUTS: &[&str] =
    &["Canary10Percent5Minutes", "Canary10Percent30Minutes", "Linear10PercentEvery1Minute", "AllAtOnce"];

const STORED: &str = "is a name as Snowflake stores it: capitals, digits, `_` and `$`";

/// Each parameter. A test of the templates holds patterns, words and numbers to those of `template.yaml`; no number is wider.
pub const LIMITS: &[(&str, Takes)] = &[
    ("AuthorizerType", Words(&["jwt", "lambda"])),
    ("Issuer", Pattern(r#"^(https://[^\s"\\]+)?$"#, "is an https address without blanks and quotes")),
    ("Audience", Pattern(r#"^[^\s"\\]*$"#, "is one name without blanks and quotes")),
    ("Issuers", Pattern(r#"^\[[^\\]*\]$"#, "begins with `[`, ends with `]`, and holds no backslash")),
    ("Scope", Pattern(r#"^[^\s"\\]+$"#, "is one scope without blanks and quotes")),
    ("SnowflakeAccount", Pattern(r#"^[A-Za-z0-9_]+-[A-Za-z0-9_]+$"#, "is ORGANIZATION-ACCOUNT")),
    ("SnowflakeRole", Pattern(r#"^[A-Za-z0-9_$]+$"#, STORED)),
    ("SnowflakeWriter", Pattern(r#"^[A-Za-z0-9_$]+$"#, STORED)),
    ("SnowflakeWarehouse", Pattern(r#"^[A-Za-z0-9_$]+$"#, STORED)),
    ("ReadTags", Words(&["true", "false"])),
    ("SnowflakeDatabase", Pattern(r#"^[A-Za-z0-9_$]*$"#, STORED)),
    ("SnowflakeSchema", Pattern(r#"^[A-Za-z0-9_$]*$"#, STORED)),
    ("SamlMetadata", Pattern(r#"^(https://[^\s"\\]+)?$"#, "is an https address without blanks and quotes")),
    (
        "SamlLoginName",
        Pattern(
            r#"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$"#,
            "is letters in lower case, digits and hyphens, 63 at most",
        ),
    ),
    ("SamlAgentCallback", Anything),
    ("SamlThreatProtection", Words(&["OFF", "AUDIT", "ENFORCED"])),
    (
        "ReviewersIssuer",
        Pattern(r#"^(https://[^\s"\\]+)?$"#, "is an https address without blanks and quotes"),
    ),
    ("ReviewersClient", Pattern(r#"^[^\s"\\]*$"#, "is one client id without blanks and quotes")),
    (
        "ReviewersScopes",
        Pattern(r#"^[!#-\[\]-~]+( [!#-\[\]-~]+)*$"#, "is scopes with one blank between, and none around"),
    ),
    (
        "Reviewers",
        Pattern(
            r#"^\[\{[^\\]+\}\]$"#,
            "begins with `[{` and ends with `}]`, without a blank between these two, and holds no backslash",
        ),
    ),
    ("AuditorsIssuer", Pattern(r#"^(https://[^\s"\\]+)?$"#, "is an https address without blanks and quotes")),
    ("AuditorsAudience", Pattern(r#"^[^\s"\\]*$"#, "is one name without blanks and quotes")),
    ("AuditorsScope", Pattern(r#"^[^\s"\\]+$"#, "is one scope without blanks and quotes")),
    (
        "AuditorsKeys",
        Pattern(
            r#"^((, [a-z_]+ = ("[^"\\]*"|[0-9]+|\[[^\\\]]*\]))+)?$"#,
            "is nothing, or keys of TOML, each behind a comma and a blank: `, types = [\"JWT\"]`",
        ),
    ),
    (
        "EvidenceChannels",
        Pattern(r#"^\[[^\\]*\]$"#, "begins with `[`, ends with `]`, and holds no backslash"),
    ),
    (
        "Policies",
        Pattern(
            r#"^(/opt/[a-z0-9-]+|pushed|pushed-by-one)$"#,
            "is /opt/NAME for the folder infra/policies/NAME, or pushed, or pushed-by-one",
        ),
    ),
    (
        "HoldSeconds",
        Number(1, 20, ": API Gateway gives up after 30 seconds, and deciding takes some of them"),
    ),
    ("LockMode", Words(&["GOVERNANCE", "COMPLIANCE"])),
    ("RecordDays", Number(1, 36_500, "")),
    ("PageDays", Number(1, 36_500, "")),
    ("IndexDays", Number(35, 65_535, "")),
    ("LogRetentionDays", Words(LOG_DAYS)),
    ("DomainName", Anything),
    ("PageDomainName", Anything),
    ("CertificateArn", Anything),
    ("RequestsPerSecond", Number(1, 10_000, ", the account's own limit")),
    ("RequestBurst", Number(1, 5_000, ", the account's own limit")),
    ("ConcurrentStatements", Number(1, 100_000, "")),
    ("Traces", Words(&["off", "asked", "all"])),
    ("Architecture", Words(&["arm64", "x86_64"])),
    ("Rollout", Words(ROLLOUTS)),
    ("OperatorMail", Anything),
    ("DollarsPerHour", Number(1, 1_000_000, "")),
];

impl Takes {
    /// What is wrong with a value; none where it is taken.
    pub fn problem(self, value: &str) -> Option<String> {
        match self {
            // A pattern that is none takes nothing.
            Pattern(pattern, says) => {
                (!Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(value))).then(|| says.to_owned())
            }
            Words(words) => (!words.contains(&value)).then(|| format!("is {}", either(words))),
            Number(least, most, why) => {
                let is_within = value.parse::<u64>().is_ok_and(|number| (least..=most).contains(&number));
                (!is_within).then(|| format!("is a number from {least} to {most}{why}"))
            }
            Anything => None,
        }
    }
}

/// `A, B or C`.
fn either(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [some @ .., last] => format!("{} or {last}", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::parameters::PARAMETERS;

    fn problem(name: &str, value: &str) -> Option<String> {
        let (_, takes) = LIMITS.iter().find(|(known, _)| *known == name).unwrap();
        takes.problem(value)
    }

    #[test]
    fn every_parameter_has_one_and_every_default_is_within() {
        let names: Vec<&str> = LIMITS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, PARAMETERS.map(|(name, _)| name));
        for (name, default) in PARAMETERS {
            assert_eq!(default.and_then(|default| problem(name, default)), None, "{name}");
        }
    }

    #[test]
    fn what_cloudformation_would_refuse_is_refused() {
        for (name, value) in [
            ("LogRetentionDays", "100"),
            ("Rollout", "Canary10Percent15Minutes"),
            ("Scope", "sql admin"),
            ("ReviewersClient", "my page"),
            ("ReviewersScopes", "email  groups"),
            ("ReviewersScopes", " email"),
            ("ReviewersScopes", "e\\mail"),
            ("Reviewers", "[ {email = \"rosa@acme.example\"}]"),
            ("Reviewers", "[{email = \"rosa@acme.example\"}] "),
            ("SnowflakeRole", ""),
            ("SnowflakeWarehouse", ""),
            ("SnowflakeDatabase", "A-B"),
            ("Policies", "/opt/Default"),
            ("Policies", "/opt/a/../b"),
            ("Policies", "pushed-by-one\n"),
            ("HoldSeconds", "21"),
            ("HoldSeconds", "0"),
            ("HoldSeconds", ""),
            ("Architecture", "arm"),
        ] {
            assert!(problem(name, value).is_some(), "{name}={value}");
        }
        assert_eq!(problem("ReviewersScopes", "email groups"), None);
        assert_eq!(problem("LockMode", "NONE").unwrap(), "is GOVERNANCE or COMPLIANCE");
        assert_eq!(Takes::Pattern("(", "is none").problem("x").unwrap(), "is none");
    }
}
