//! What is seen of parameters from here.

use std::collections::BTreeSet;
use std::path::Path;

use evidence::{ChannelEntry, Channels};
use local::Mail;
use serde::Deserialize;
use settings::{File, ReviewerEntry};

use super::limits::LIMITS;
use super::parameters::{PARAMETERS, Parameters};
use super::{Finding, tokens};

/// Instances that the template reserves beside `ConcurrentStatements`, and with a function that verifies tokens; and those that Lambda
/// keeps unreserved.
const RESERVED: u64 = 100;
const RESERVED_BY_AUTHORIZER: u64 = 20;
const UNRESERVED: u64 = 100;

/// Letters of a stack's name at most: its functions and schedules are called NAME-missed-later and the like, and may have 64.
const LONGEST_NAME: usize = 51;

/// Days that pages are kept for at least: as long as a bundle may let a statement wait for a person.
const FEWEST_PAGE_DAYS: u64 = 30;

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
    found.build();
    found.limits();
    found.tools(path);
    found.found
}

/// What was found so far.
pub(super) struct Findings<'a> {
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
            self.wrong(
                "parameter_overrides",
                format!("`{}` is no parameter of template.yaml; take it away or correct it", plain(&name)),
            );
        }
        for (name, default) in PARAMETERS {
            if default.is_none() && self.told.get(name).is_empty() {
                self.wrong(name, "must be said; infra/README.md tells what it decides");
            }
        }
        for name in [
            "Issuer",
            "Audience",
            "Issuers",
            "ReviewersIssuer",
            "ReviewersClient",
            "AuditorsIssuer",
            "SnowflakeAccount",
        ] {
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
            .filter(|asked| ["Issuer", "Issuers"].contains(&asked.parameter) && !asked.issuer.is_empty())
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

    fn numbers(&mut self) {
        let number = |name: &str| self.told.get(name).parse::<u64>().ok();
        let (records, pages) = (number("RecordDays"), number("PageDays"));
        if let Some(statements) = number("ConcurrentStatements") {
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
        if pages.is_some_and(|pages| pages < FEWEST_PAGE_DAYS) {
            self.attention(
                "PageDays",
                "is shorter than a statement may wait for a person: a long one that waits longer is lost, since its state lies among the pages",
            );
        }
        if self.told.get("LockMode") == "GOVERNANCE" {
            self.attention("LockMode", "GOVERNANCE is for trying: whoever has the right may delete records; COMPLIANCE is for production, and nobody can take it back; it does not hold what was recorded before");
        }
    }

    fn addresses(&mut self) {
        let (domain, page, certificate) =
            (self.told.get("DomainName"), self.told.get("PageDomainName"), self.told.get("CertificateArn"));
        if certificate.is_empty() && !(domain.is_empty() && page.is_empty()) {
            self.wrong(
                "CertificateArn",
                "must be said with DomainName or PageDomainName: without it both are passed over",
            );
        }
        if !certificate.is_empty() && domain.is_empty() && page.is_empty() {
            self.attention("CertificateArn", "is of no use without DomainName and PageDomainName");
        }
        if !domain.is_empty() && domain == page {
            self.wrong(
                "PageDomainName",
                "is the agents' name, too: they would share cookies; give the page one of its own",
            );
        }
        for (name, said) in [("DomainName", domain), ("PageDomainName", page)] {
            if !said.is_empty() && !is_host(said) {
                self.wrong(name, "is a host name alone in small letters, like sql.acme.com: no https://, no path, no port, no `*`");
            }
        }
        match (certificate_region(certificate), self.told.setting("region")) {
            _ if certificate.is_empty() => {}
            (None, _) => self.wrong(
                "CertificateArn",
                "is arn:aws:acm:REGION:ACCOUNT:certificate/ID, as aws acm list-certificates tells it",
            ),
            (Some(of), Some(region)) if of != region => {
                let problem = format!(
                    "must lie in the deployment's own region, {}: ask for one there (aws acm request-certificate --region …)",
                    plain(region)
                );
                self.wrong("CertificateArn", problem);
            }
            (Some(_), Some(_)) => {}
            (Some(_), None) => self.attention(
                "CertificateArn",
                "must lie in the region that is deployed to, which samconfig.toml does not say",
            ),
        }
        let mail = self.told.get("OperatorMail").to_owned();
        if mail.is_empty() {
            self.attention("OperatorMail", "is empty: alarms are seen in the console alone");
        } else if !Mail::is_address(&mail) {
            self.wrong("OperatorMail", "is no mail address");
        }
    }

    /// What `sam build` is told, and under which name it is deployed.
    fn build(&mut self) {
        let (built, deployed) = (self.told.built_for(), self.told.get("Architecture"));
        if built != deployed && ["arm64", "x86_64"].contains(&deployed) {
            self.wrong(
                "Architecture",
                format!("is {deployed} when it is deployed, and sam build compiles for {}, so no function would start: put parameter_overrides = \"Architecture={deployed}\" under [ENVIRONMENT.build.parameters], and build again", plain(built)),
            );
        }
        if let Some(name) = self.told.setting("stack_name") {
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            if !is_name || name.len() > LONGEST_NAME {
                self.wrong("stack_name", format!("is at most {LONGEST_NAME} letters, digits and hyphens, a letter first: functions are called NAME-authorizer, and may have 64"));
            }
        }
    }

    /// What CloudFormation would refuse and nothing here has told of yet.
    fn limits(&mut self) {
        for (name, takes) in LIMITS {
            let is_told =
                self.found.iter().any(|found| matches!(found, Finding::Wrong(one, _) if one == name));
            if let (false, Some(problem)) = (is_told, takes.problem(self.told.get(name))) {
                self.wrong(name, problem);
            }
        }
    }
}

/// RFC 1123 section 2.1: labels of letters, digits and hyphens, two at least.
fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(is_label)
}

/// The region of a certificate's ARN.
fn certificate_region(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.split(':').collect();
    let [begin, partition, service, region, account, certificate] = parts.as_slice() else { return None };
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let is_certificate = certificate.strip_prefix("certificate/").is_some_and(|id| !id.is_empty());
    let is_arn = *begin == "arn" && partition.starts_with("aws") && *service == "acm" && !region.is_empty();
    (is_arn && is_account && is_certificate).then_some(*region)
}

/// Of what a file says, what may be shown.
fn plain(said: &str) -> String {
    said.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).take(60).collect()
}
