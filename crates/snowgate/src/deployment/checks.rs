//! What is seen of parameters from here.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use comparison::{identity, question};
use domain::{Catalog, Context, Decision};
use evidence::{ChannelEntry, Channels};
use gateway::ports::Clock;
use local::{Mail, SystemClock};
use policy::Bundle;
use serde::Deserialize;
use settings::{File, ReviewerEntry};

use super::parameters::{PARAMETERS, Parameters};
use super::{Finding, tokens};

/// Seconds that an answer is held, at most: API Gateway gives up after 30, and before the wait a function may have to start, read the
/// catalog and decide.
const LONGEST_HOLD: u64 = 20;

/// Instances that the template reserves beside `ConcurrentStatements`, and with a function that verifies tokens; and those that Lambda
/// keeps unreserved.
const RESERVED: u64 = 85;
const RESERVED_BY_AUTHORIZER: u64 = 20;
const UNRESERVED: u64 = 100;

/// All of it, for whoever has these folders on the `PATH`.
pub fn all(told: &Parameters, folder: &Path, path: &str) -> Vec<Finding> {
    let mut found = Findings { told, found: Vec::new() };
    found.names();
    found.section();
    found.tokens();
    found.snowflake();
    let reviewers = found.reviewers();
    found.evidence();
    found.bundle(folder, &reviewers);
    found.numbers();
    found.sizes();
    found.addresses();
    found.operators();
    found.tools(path);
    found.found
}

/// What was found so far.
pub struct Findings<'a> {
    pub(super) told: &'a Parameters,
    found: Vec<Finding>,
}

/// One parameter by itself, as a file has it.
#[derive(Deserialize)]
struct Reviewers {
    reviewers: Vec<ReviewerEntry>,
}

#[derive(Deserialize)]
struct Evidence {
    evidence: Vec<ChannelEntry>,
}

impl Findings<'_> {
    pub(super) fn wrong(&mut self, parameter: &'static str, problem: impl Into<String>) {
        self.found.push(Finding::Wrong(parameter, problem.into()));
    }

    pub(super) fn attention(&mut self, parameter: &'static str, problem: impl Into<String>) {
        self.found.push(Finding::Attention(parameter, problem.into()));
    }

    fn names(&mut self) {
        let unknown: Vec<String> = self.told.unknown().map(str::to_owned).collect();
        for name in unknown {
            let name: String = name.chars().filter(char::is_ascii_alphanumeric).take(60).collect();
            self.wrong(
                "parameter_overrides",
                format!("`{name}` is no parameter of template.yaml; take it away or correct it"),
            );
        }
        for (name, default) in PARAMETERS {
            if default.is_none() && self.told.get(name).is_empty() {
                self.wrong(name, "must be said; infra/README.md tells what it decides");
            }
        }
        for name in
            ["Issuer", "Audience", "Issuers", "ReviewersIssuer", "ReviewersClient", "SnowflakeAccount"]
        {
            if ["example.com", ".example", "MYORG-MYACCOUNT", "from-your"]
                .iter()
                .any(|sign| self.told.get(name).contains(sign))
            {
                self.attention(name, "looks like an example; say your own");
            }
        }
    }

    fn snowflake(&mut self) {
        let account = self.told.get("SnowflakeAccount");
        let is_part =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !account.is_empty()
            && !account.split_once('-').is_some_and(|(one, other)| is_part(one) && is_part(other))
        {
            self.wrong("SnowflakeAccount", "is ORGANIZATION-ACCOUNT, without `.snowflakecomputing.com`, as `select current_organization_name(), current_account_name()` tells it");
        }
        let is_stored = |name: &str| {
            name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"_$".contains(&b))
        };
        for name in
            ["SnowflakeRole", "SnowflakeWriter", "SnowflakeWarehouse", "SnowflakeDatabase", "SnowflakeSchema"]
        {
            if !is_stored(self.told.get(name)) {
                self.wrong(name, "is written as Snowflake stores it: in capitals, unless it was made in quotes, which is not supported here");
            }
        }
        if self.told.get("SnowflakeRole") == self.told.get("SnowflakeWriter") {
            self.wrong(
                "SnowflakeWriter",
                "is the reading role, too: what only reads could write; let snowflake/setup.sql make two",
            );
        }
        match (self.told.get("SnowflakeDatabase"), self.told.get("SnowflakeSchema")) {
            ("", "") => self.attention("SnowflakeDatabase", "is empty: whoever names no database is refused"),
            ("", _) => self.wrong("SnowflakeSchema", "needs SnowflakeDatabase, the database that it lies in"),
            (_, "") => {
                self.attention(
                    "SnowflakeSchema",
                    "is empty: whoever names no schema is refused, unless the bundle permits none",
                );
            }
            (_, _) => {}
        }
    }

    /// The groups that somebody is asked for.
    fn reviewers(&mut self) -> BTreeSet<String> {
        let said = self.told.get("Reviewers").to_owned();
        if said.is_empty() {
            return BTreeSet::new();
        }
        let text = format!("reviewers = {said}");
        let file = File { name: "Reviewers", text: &text };
        let read =
            settings::read_own::<Reviewers>(file, [], &[]).and_then(|(Reviewers { reviewers }, places)| {
                settings::people(&reviewers, &places)?;
                Ok(reviewers)
            });
        let reviewers = match read {
            Ok(reviewers) => reviewers,
            Err(error) => {
                self.wrong("Reviewers", format!("{error}; write [{{email = \"…\", groups = [\"…\"]}}]"));
                return BTreeSet::new();
            }
        };
        if reviewers.is_empty() {
            self.wrong("Reviewers", "names nobody, so nobody could decide: add one with email and groups");
        }
        let silent = reviewers.iter().filter(|entry| entry.mail.is_none() && entry.email.is_none()).count();
        if silent > 0 {
            self.wrong("Reviewers", format!("{silent} without an address for mail, the only way to tell somebody on AWS; give them `mail`"));
        }
        if !said.contains('\\') {
            self.attention("Reviewers", "each must have confirmed a subscription; snowgate policy push says who has not, and infra/reviewers.yaml makes them");
        } else {
            self.wrong("Reviewers", "holds a backslash, which the template does not take");
        }
        reviewers.into_iter().flat_map(|entry| entry.groups).collect()
    }

    fn evidence(&mut self) {
        let said = self.told.get("EvidenceChannels").to_owned();
        let text = format!("evidence = {said}");
        let issuers: Vec<String> = tokens::asked(self.told)
            .into_iter()
            .filter(|asked| asked.parameter != "ReviewersIssuer" && !asked.issuer.is_empty())
            .map(|asked| asked.issuer)
            .collect();
        let issuers: Vec<&str> = issuers.iter().map(String::as_str).collect();
        match settings::read_own::<Evidence>(File { name: "EvidenceChannels", text: &text }, [], &[]) {
            Ok((Evidence { evidence }, _)) => {
                if let Err(error) = Channels::read(&evidence, &issuers) {
                    self.wrong(
                        "EvidenceChannels",
                        format!("{} {}; snowgate agent prints entries", error.key, error.problem),
                    );
                }
            }
            Err(error) => self
                .wrong("EvidenceChannels", format!("{error}; snowgate agent prints entries, [] is for none")),
        }
    }

    /// What the bundle that is deployed along would refuse of everything, or ask of nobody.
    fn bundle(&mut self, folder: &Path, reviewers: &BTreeSet<String>) {
        let policies = self.told.get("Policies").to_owned();
        let name = match policies.as_str() {
            "pushed" => {
                return self.attention("Policies", "until a bundle is in force, everything is refused; next, once deployed: snowgate policy push DIR --why …");
            }
            "pushed-by-one" => {
                return self.attention(
                    "Policies",
                    "one operator alone may change what everybody may do; `pushed` wants two",
                );
            }
            other => other.strip_prefix("/opt/").unwrap_or_default(),
        };
        let is_name = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_name {
            return self.wrong(
                "Policies",
                "is /opt/NAME for the folder infra/policies/NAME, or pushed, or pushed-by-one",
            );
        }
        let dir = folder.join("infra/policies").join(name);
        let next = format!("next: snowgate policy check {}", dir.display());
        let files = match local::bundle_files(&dir) {
            Ok(files) if !files.is_empty() => files,
            Ok(_) | Err(_) => {
                return self.wrong(
                    "Policies",
                    format!(
                        "there is no bundle in {}; next: snowgate policy init {}",
                        dir.display(),
                        dir.display()
                    ),
                );
            }
        };
        let bundle = match Bundle::parse(&files) {
            Ok(bundle) => bundle,
            Err(problems) => {
                return self.wrong(
                    "Policies",
                    format!("the bundle in {} has {} problems; {next}", dir.display(), problems.len()),
                );
            }
        };
        if self.told.get("ReadTags") == "false" && !bundle.tags().is_empty() {
            self.attention("ReadTags", "is false, so what the bundle classifies by [tags] is classified by names alone; name those columns in catalog.toml");
        }
        let asked: Vec<&str> =
            bundle.reviewer_groups().into_iter().filter(|group| !reviewers.contains(*group)).collect();
        if !asked.is_empty() && !self.told.get("Reviewers").is_empty() {
            self.wrong("Reviewers", format!("nobody is in {}, whom the bundle asks: what waits for them would lapse; add somebody, or change [[reviewers]] of catalog.toml", asked.join(", ")));
        }
        let name =
            |parameter: &str| Some(self.told.get(parameter).to_owned()).filter(|name| !name.is_empty());
        let context = Context {
            role: name("SnowflakeRole"),
            warehouse: name("SnowflakeWarehouse"),
            database: name("SnowflakeDatabase"),
            schema: name("SnowflakeSchema"),
        };
        // Whoever asks names what is left out, which is not known here.
        if context.database.is_none() || context.schema.is_none() {
            return;
        }
        let groups = comparison::named_groups(&files);
        if groups.is_empty() {
            return self.attention(
                "Policies",
                "the bundle names no group, so nothing was tried with it; next: snowgate decide --policies …, as an agent that it names",
            );
        }
        let permits = |group: &String| {
            let asked = question("select 1".to_owned(), context.clone());
            let who = identity("snowgate-config", [group.clone()]);
            let said =
                gateway::rehearse(&bundle, &who, &asked, &[], Arc::new(Catalog::empty()), SystemClock.now());
            !matches!(said.rulings.overall.decision, Decision::Refuse(_))
        };
        if !groups.iter().any(permits) {
            self.wrong(
                "Policies",
                format!(
                    "the bundle in {} lets no group that it names ask even `select 1` under this role, warehouse, database and schema: \
                     name them in its 10-context.cedar (infra/README.md, step 2)",
                    dir.display()
                ),
            );
        }
    }

    fn numbers(&mut self) {
        let mut number = |name: &'static str, least: u64, most: u64, why: &str| {
            let found =
                self.told.get(name).parse::<u64>().ok().filter(|number| (least..=most).contains(number));
            if found.is_none() {
                self.found.push(Finding::Wrong(name, format!("is a number from {least} to {most}{why}")));
            }
            found
        };
        number(
            "HoldSeconds",
            1,
            LONGEST_HOLD,
            ": API Gateway gives up after 30 seconds, and deciding takes some of them",
        );
        let records = number("RecordDays", 1, 36_500, "");
        let pages = number("PageDays", 1, 36_500, "");
        number("RequestsPerSecond", 1, 10_000, ", the account's own limit");
        number("RequestBurst", 1, 5_000, ", the account's own limit");
        number("DollarsPerHour", 1, 1_000_000, "");
        let statements = number("ConcurrentStatements", 1, 100_000, "");
        if let Some(statements) = statements {
            let authorizer =
                if self.told.get("AuthorizerType") == "lambda" { RESERVED_BY_AUTHORIZER } else { 0 };
            let all = [RESERVED, authorizer, UNRESERVED].into_iter().fold(statements, u64::saturating_add);
            self.attention(
                "ConcurrentStatements",
                format!("Lambda's quota \"Concurrent executions\" must be {all} or more in this account, and a new account has 10: aws service-quotas get-service-quota --service-code lambda --quota-code L-B99A9384"),
            );
        }
        if records.zip(pages).is_some_and(|(records, pages)| pages > records) {
            self.attention(
                "PageDays",
                "is longer than RecordDays: pages would outlive the records that tell what they are",
            );
        }
        match self.told.get("LockMode") {
            "GOVERNANCE" => self.attention("LockMode", "GOVERNANCE is for trying: whoever has the right may delete records; COMPLIANCE is for production, and nobody can take it back"),
            "COMPLIANCE" => {}
            _ => self.wrong("LockMode", "is GOVERNANCE or COMPLIANCE"),
        }
        const ROLLOUTS: &[&str] = &[
            "Canary10Percent5Minutes",
            "Canary10Percent30Minutes",
            "Linear10PercentEvery1Minute",
            "AllAtOnce",
        ];
        for (name, words) in [
            ("ReadTags", &["true", "false"][..]),
            ("Architecture", &["arm64", "x86_64"]),
            ("Rollout", ROLLOUTS),
        ] {
            if !words.contains(&self.told.get(name)) {
                self.wrong(name, format!("is {}", words.join(" or ")));
            }
        }
    }

    fn operators(&mut self) {
        let mail = self.told.get("OperatorMail").to_owned();
        if mail.is_empty() {
            self.attention("OperatorMail", "is empty: alarms are seen in the console alone");
        } else if !Mail::is_address(&mail) {
            self.wrong("OperatorMail", "is no mail address");
        }
    }
}
