//! Whether what a function is told fits into its environment.

use super::checks::Findings;

/// Bytes of a function's variables, at most, as Lambda counts them: as one JSON object, in which every quote of a value counts twice.
const MOST: usize = 4096;

/// A function, the bytes of its other variables, and the parameters with how often each is told.
type Room = (&'static str, usize, &'static [(&'static str, usize)]);

/// Bytes that each function's variables have beside these parameters, with room for a longer name of the stack; and of how many variables
/// each parameter is part. A test of the templates holds both to `template.yaml`.
const FUNCTIONS: [Room; 6] = [
    (
        "query",
        1730,
        &[
            ("Issuer", 1),
            ("Audience", 1),
            ("Scope", 1),
            ("Issuers", 1),
            ("AuditorsIssuer", 1),
            ("AuditorsAudience", 1),
            ("SnowflakeRole", 3),
            ("SnowflakeWarehouse", 3),
            ("SnowflakeDatabase", 1),
            ("SnowflakeSchema", 1),
            ("ReviewersIssuer", 1),
            ("ReviewersClient", 1),
            ("ReviewersScopes", 1),
            ("Reviewers", 1),
        ],
    ),
    (
        "work",
        1620,
        &[
            ("SnowflakeRole", 3),
            ("SnowflakeWriter", 1),
            ("SnowflakeWarehouse", 4),
            ("SnowflakeDatabase", 1),
            ("SnowflakeSchema", 1),
            ("ReviewersIssuer", 1),
            ("ReviewersClient", 1),
            ("ReviewersScopes", 1),
            ("Reviewers", 1),
        ],
    ),
    (
        "approval",
        1000,
        &[("ReviewersIssuer", 1), ("ReviewersClient", 1), ("ReviewersScopes", 1), ("Reviewers", 1)],
    ),
    (
        "evidence",
        870,
        &[
            ("Issuer", 1),
            ("Audience", 1),
            ("Scope", 1),
            ("Issuers", 1),
            ("AuditorsIssuer", 1),
            ("AuditorsAudience", 1),
            ("EvidenceChannels", 1),
        ],
    ),
    ("authorizer", 770, &[("Issuers", 1), ("AuditorsIssuer", 1), ("AuditorsAudience", 1)]),
    (
        "sessions",
        990,
        &[
            ("AuditorsIssuer", 1),
            ("AuditorsAudience", 1),
            ("AuditorsScope", 1),
            ("AuditorsKeys", 1),
            ("Issuer", 1),
            ("Audience", 1),
            ("Scope", 1),
            ("Issuers", 1),
        ],
    ),
];

/// How much more there is where a user pool tells whose tokens are taken.
const BY_SAML: usize = 600;

impl Findings<'_> {
    pub(super) fn sizes(&mut self) {
        for (function, others, parameters) in FUNCTIONS {
            let sizes = parameters.iter().map(|(name, times)| (*name, times * escaped(self.told.get(name))));
            let others = if self.told.get("SamlMetadata").is_empty() { others } else { others + BY_SAML };
            let all = sizes.clone().map(|(_, size)| size).sum::<usize>().saturating_add(others);
            let Some((longest, size)) = sizes.max_by_key(|(_, size)| *size) else { continue };
            if all > MOST {
                self.wrong(
                    longest,
                    format!(
                        "has {size} bytes, so that the function `{function}` would be told about {all}, and Lambda takes {MOST} in all \
                         (every quote counts twice): name fewer, or write them shorter"
                    ),
                );
            }
        }
    }
}

/// Bytes of a value inside JSON.
fn escaped(value: &str) -> usize {
    value.bytes().map(|byte| if matches!(byte, b'"' | b'\\' | 0..=0x1f) { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_counts_twice() {
        for text in ["", "a", "[{email = \"rosa@acme.example\"}]", "two\nlines", "für"] {
            assert_eq!(escaped(text) + 2, serde_json::to_string(text).unwrap().len(), "{text}");
        }
    }
}
