//! What an operator chooses for the function: read once, checked whole, unknown keys refused. The keys are those of
//! `snowgate.toml` (see [`settings`]) with the function's own; the template's parameters arrive as variables.

use std::collections::BTreeSet;
use std::sync::Arc;

use lambda::{MachineArn, PAGE_SIZE, Reviewing, Surroundings};
use lambda_http::Error;
use serde::Deserialize;
use settings::{Configured, Defaults, Places, ReviewerEntry, ReviewersIssuer, Shared};

/// Everything that this function is told.
pub struct Told {
    /// What every gateway is told; at least one issuer.
    pub shared: Shared,
    /// What this function is told besides.
    pub own: Own,
    /// The Snowflake account, without which there is no function.
    pub upstream: snowflake::Settings,
    /// Who said what.
    pub places: Places,
    /// Where it runs.
    pub surroundings: Surroundings,
}

/// The function's own keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// Where everything lies.
    pub aws: lambda::Places,
    /// The state machine that keeps the time of what waits for a person.
    pub approvals_machine: MachineArn,
    /// The state machine that has what outlived its hold carried on.
    pub unfinished_machine: MachineArn,
    /// Where reviewers reach the page.
    pub approvals_url: String,
    /// Where reviewers sign in.
    pub reviewers_issuer: ReviewersIssuer,
    /// Who is asked: nobody else's yes lets anybody read.
    pub reviewers: Vec<ReviewerEntry>,
    /// Whether evidence channels are set up, of which `evidence` is told more: without any, nobody tells anything later of what was asked.
    #[serde(default = "yes")]
    pub has_channels: bool,
    /// Whether the warehouse is asked for the plan of what waits.
    #[serde(default)]
    pub estimates: bool,
}

/// API Gateway gives up after 30 seconds (decision 1).
const DEFAULTS: Defaults =
    Defaults { hold_seconds: 20, longest_hold_seconds: 25, why_not_longer: "API Gateway gives up after 30" };

/// Milliseconds that an answer of the catalog is waited for at most. Where it takes longer, agents are told so before Lambda ends the call.
const CATALOG_MS: u64 = 20_000;

/// What is not said is the case.
const fn yes() -> bool {
    true
}

impl Told {
    /// Reads the environment, and the file that it names.
    ///
    /// # Errors
    /// The key or variable that is wrong or missing.
    pub fn read() -> Result<Self, Error> {
        Self::of(lambda::told()?)
    }

    fn of(told: lambda::Told) -> Result<Self, Error> {
        let variables = told.variables.iter().cloned();
        let Configured { shared, own, places }: Configured<Own> =
            settings::read(told.file(), variables, told.no_keys(), &DEFAULTS)?;
        if shared.issuers.is_empty() {
            return Err(places.wrong("issuers", "names nobody: add one with issuer and audience").into());
        }
        let mut upstream = shared.upstream.clone().ok_or_else(|| {
            places.wrong("upstream", "is missing: the function stands before a Snowflake account")
        })?;
        upstream.timeouts.catalog_ms = upstream.timeouts.catalog_ms.min(CATALOG_MS);
        told.surroundings.keeps_no_secret(&upstream, &places)?;
        Ok(Self { shared, own, upstream, places, surroundings: told.surroundings })
    }

    /// What the gateway itself is told.
    ///
    /// # Errors
    /// What is wrong with reviewing, with its place.
    pub fn gateway(&self) -> Result<gateway::Settings, Error> {
        let Own { approvals_url, reviewers_issuer, reviewers, has_channels, estimates, .. } = &self.own;
        let reviewing = Reviewing { approvals_url, issuer: reviewers_issuer, reviewers };
        // SECURITY: access that was granted counts while those who granted it are asked. `work` tells people, and knows whom first.
        let roster = reviewing.roster(BTreeSet::new(), &self.surroundings, &self.places)?;
        Ok(gateway::Settings {
            page_size: PAGE_SIZE,
            estimates: *estimates,
            roster: Some(roster),
            // Which they are is not known here.
            channels: (!has_channels).then(|| Arc::from([])),
            ..self.shared.gateway()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const VARIABLES: [(&str, &str); 19] = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "s3cret"),
        ("SNOWGATE_AWS__STATE_TABLE", "state"),
        ("SNOWGATE_AWS__KEYS_TABLE", "keys"),
        ("SNOWGATE_AWS__RECORDS_BUCKET", "records"),
        ("SNOWGATE_AWS__PAGES_BUCKET", "pages"),
        ("SNOWGATE_AWS__KEY", "arn:aws:kms:eu-central-1:123456789012:key/1"),
        ("SNOWGATE_APPROVALS_MACHINE", "arn:aws:states:eu-central-1:123456789012:stateMachine:approvals"),
        ("SNOWGATE_UNFINISHED_MACHINE", "arn:aws:states:eu-central-1:123456789012:stateMachine:unfinished"),
        ("SNOWGATE_APPROVALS_URL", "https://approve.example"),
        ("SNOWGATE_REVIEWERS_ISSUER", r#"{issuer = "https://people.example", client_id = "page"}"#),
        ("SNOWGATE_REVIEWERS", r#"[{email = "rosa@acme.example", groups = ["data-reviewers"]}]"#),
        ("SNOWGATE_ISSUERS", r#"[{issuer = "https://issuer.example", audience = ["snowgate"]}]"#),
        ("SNOWGATE_DEFAULTS__ROLE", "ANALYST"),
        ("SNOWGATE_UPSTREAM__URL", "https://acme-dev.snowflakecomputing.com"),
        ("SNOWGATE_UPSTREAM__ACCOUNT", "ACME-DEV"),
        (
            "SNOWGATE_UPSTREAM__TIERS__READ",
            r#"{credential = {kind = "access-token", token = "s3cret"}, roles = ["ANALYST"], warehouses = ["WH"]}"#,
        ),
        ("PATH", "/bin"),
    ];

    const CATALOG: &str = "[upstream.catalog]\nrole = 'ANALYST'\nwarehouse = 'WH'\n";

    fn read(text: &str, more: &[(&str, &str)], without: &str) -> Result<Told, String> {
        let variables: Vec<(String, String)> = VARIABLES
            .iter()
            .chain(more)
            .filter(|(name, _)| *name != without)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let surroundings = Surroundings::of(&variables).map_err(|error| error.to_string())?;
        let told =
            lambda::Told { name: "some.toml".to_owned(), text: text.to_owned(), variables, surroundings };
        Told::of(told).map_err(|error| error.to_string())
    }

    #[test]
    fn variables_and_a_file_make_one_configuration() {
        let told = read(CATALOG, &[("SNOWGATE_HOLD_SECONDS", "5")], "").unwrap();
        let gateway = told.gateway().unwrap();
        assert_eq!(gateway.hold, Duration::from_secs(5));
        assert_eq!(gateway.default_context.role.as_deref(), Some("ANALYST"));
        assert_eq!(gateway.sign_in, gateway::SignIn::Oidc);
        assert_eq!(told.own.aws.state_table.as_str(), "state");
        assert_eq!(told.upstream.account, "ACME-DEV");
        assert_eq!(told.upstream.timeouts.catalog_ms, 20_000);
        assert!(!format!("{:?} {:?}", told.shared, told.own).contains("s3cret"));
    }

    #[test]
    fn whose_yes_counts_is_told_as_the_other_functions_are_told_it() {
        let roster = read(CATALOG, &[], "").unwrap().gateway().unwrap().roster.unwrap();
        let people: Vec<&str> = roster.people().iter().map(|person| person.name.as_str()).collect();
        assert_eq!((roster.issuer(), people), ("https://people.example", vec!["rosa@acme.example"]));
        for (more, expected) in [
            (("SNOWGATE_REVIEWERS", "[]"), "SNOWGATE_REVIEWERS: reviewers: names nobody"),
            (
                (
                    "SNOWGATE_REVIEWERS_ISSUER",
                    r#"{issuer = "https://people.example", client_id = "page", client_secret = "s3cret"}"#,
                ),
                "reviewers_issuer.client_secret: would lie in the environment",
            ),
            (("SNOWGATE_APPROVALS_URL", "https://approve.example/x"), "approvals_url: is https://HOST"),
        ] {
            let told = read(CATALOG, &[more], "").unwrap();
            let said = told.gateway().map(|_| ()).unwrap_err().to_string();
            assert!(said.contains(expected) && !said.contains("s3cret"), "{said}");
        }
    }

    #[test]
    fn that_no_channel_is_set_up_is_known_where_it_is_said() {
        let channels = |more: &[(&str, &str)]| read(CATALOG, more, "").unwrap().gateway().unwrap().channels;
        for unknown in [&[][..], &[("SNOWGATE_HAS_CHANNELS", "true")]] {
            assert_eq!(channels(unknown), None);
        }
        assert!(channels(&[("SNOWGATE_HAS_CHANNELS", "false")]).is_some_and(|channels| channels.is_empty()));
    }

    #[test]
    fn each_variable_that_is_missing_is_told_by_name() {
        for (name, _) in VARIABLES {
            if ["SNOWGATE_DEFAULTS__ROLE", "PATH"].contains(&name) {
                continue;
            }
            let told = read(CATALOG, &[], name).map(|_| ()).unwrap_err();
            // Of a tier that is missing, that there is none.
            let is_told = told.contains(name.trim_end_matches("__READ"))
                // Which says more.
                || (name == "SNOWGATE_ISSUERS" && told.contains("issuers: names nobody"));
            assert!(is_told && !told.contains("s3cret"), "{name}: {told}");
        }
    }

    #[test]
    fn a_wrong_configuration_is_named_without_its_values() {
        for (text, more, expected) in [
            (CATALOG, ("SNOWGATE_LISTEN", "0.0.0.0:80"), "SNOWGATE_LISTEN: listen: unknown field `listen`"),
            (CATALOG, ("SNOWGATE_HOME", "/mnt"), "SNOWGATE_HOME: home: unknown field `home`"),
            (
                CATALOG,
                ("SNOWGATE_REVIEWERS_TOPIC", "x"),
                "SNOWGATE_REVIEWERS_TOPIC: reviewers_topic: unknown field",
            ),
            (CATALOG, ("SNOWGATE_AWS__TABLE", "s3cret"), "SNOWGATE_AWS__TABLE: aws.table: unknown field"),
            (
                CATALOG,
                ("SNOWGATE_AWS__KEY", "s3cret"),
                "SNOWGATE_AWS__KEY: aws.key: a value is wrong: expected the ARN of a key: arn:aws:kms:",
            ),
            (
                CATALOG,
                ("SNOWGATE_UNFINISHED_MACHINE", "s3cret"),
                "SNOWGATE_UNFINISHED_MACHINE: unfinished_machine: a value is wrong: expected the ARN of a state",
            ),
            (
                CATALOG,
                ("SNOWGATE_HOLD_SECONDS", "40"),
                "SNOWGATE_HOLD_SECONDS: hold_seconds: lies between 1 and 25",
            ),
            ("", ("PATH", ""), "upstream: missing field `catalog` (SNOWGATE_UPSTREAM__CATALOG)"),
            (CATALOG, ("SNOWGATE_ISSUERS", "[]"), "SNOWGATE_ISSUERS: issuers: names nobody"),
            (
                CATALOG,
                (
                    "SNOWGATE_ISSUERS",
                    r#"[{issuer = "https://i.example", audience = ["a"], algorithms = ["none"]}]"#,
                ),
                "SNOWGATE_ISSUERS: issuers[0].algorithms: an algorithm is one of",
            ),
        ] {
            let message = read(text, &[more], "").map(|_| ()).unwrap_err();
            assert!(message.contains(expected), "{message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
    }

    #[test]
    fn on_lambda_no_secret_lies_in_the_environment() {
        let lambda = ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
        let told = read(CATALOG, &[lambda], "").map(|_| ()).unwrap_err();
        let expected =
            "SNOWGATE_UPSTREAM__TIERS__READ: upstream.tiers.read.credential.kind: is a stored secret";
        assert!(told.contains(expected) && !told.contains("s3cret"), "{told}");
        let tier = r#"{credential = {kind = "workload-identity"}, roles = ["ANALYST"], warehouses = ["WH"]}"#;
        assert!(read(CATALOG, &[lambda, ("SNOWGATE_UPSTREAM__TIERS__READ", tier)], "").is_ok());
    }
}
