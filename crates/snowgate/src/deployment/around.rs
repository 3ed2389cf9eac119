//! What a deployment needs besides its parameters: what SAM is told, and what it builds with.

use std::path::Path;

use super::checks::Findings;

/// Characters of a function's name, at most; of what the template puts behind the stack's, the longest is `-authorizer`.
const FUNCTION_NAME: usize = 64;
const LONGEST_ENDING: usize = "-authorizer".len();

/// What roles and nested stacks need.
const CAPABILITIES: [&str; 2] = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"];

impl Findings<'_> {
    /// What else the section says.
    pub(super) fn section(&mut self) {
        if let Some(given) = self.told.setting("capabilities") {
            let has = |wanted: &str| {
                let named = wanted.replace("_IAM", "_NAMED_IAM");
                given.split([' ', ',']).any(|one| one == wanted || one == named)
            };
            if !CAPABILITIES.iter().all(|wanted| has(wanted)) {
                self.wrong(
                    "capabilities",
                    format!(
                        "lack what the stack needs, and CloudFormation would end it: write capabilities = \"{}\"",
                        CAPABILITIES.join(" ")
                    ),
                );
            }
        }
        let stack = self.told.setting("stack_name").unwrap_or("snowgate");
        let is_name = stack.starts_with(|c: char| c.is_ascii_alphabetic())
            && stack.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let most = FUNCTION_NAME.saturating_sub(LONGEST_ENDING);
        if !is_name || stack.len() > most {
            self.wrong(
                "stack_name",
                format!(
                    "is a letter, letters, digits and hyphens, {most} at most: functions are named after it"
                ),
            );
        }
    }

    /// The names of one's own, and the certificate for them.
    pub(super) fn addresses(&mut self) {
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
        if !certificate.is_empty() {
            let mut parts = certificate.splitn(6, ':');
            let mut next = || parts.next().unwrap_or_default();
            let (arn, partition, service, region, _account, resource) =
                (next(), next(), next(), next(), next(), next());
            if arn != "arn"
                || !partition.starts_with("aws")
                || service != "acm"
                || !resource.starts_with("certificate/")
            {
                self.wrong(
                    "CertificateArn",
                    "is the ARN of a certificate of ACM: arn:aws:acm:REGION:ACCOUNT:certificate/ID",
                );
            } else if self.told.setting("region").is_some_and(|here| here != region) {
                self.wrong(
                    "CertificateArn",
                    "lies in another region than the deployment, and API Gateway takes none from there",
                );
            }
        }
        for (name, host) in [("DomainName", domain), ("PageDomainName", page)] {
            let is_label = |label: &str| {
                (1..=63).contains(&label.len())
                    && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            };
            let is_host = host.contains('.') && host.split('.').all(is_label);
            if !(host.is_empty() || is_host) {
                self.wrong(
                    name,
                    "is a host's name in lower case, like sql.acme.example, without https:// and path",
                );
            }
        }
        if !domain.is_empty() && domain == page {
            self.wrong(
                "PageDomainName",
                "is the agents' name, too: they would share cookies; give the page one of its own",
            );
        }
    }

    /// Whether `sam build` finds what it compiles with. Somebody else may build it.
    pub(super) fn tools(&mut self, path: &str) {
        let is_here = |program: &str| std::env::split_paths(path).any(|folder| is_program(&folder, program));
        for (program, what, next) in [
            (
                "sam",
                "there is no sam on the PATH here, by which it is built and deployed",
                "pip install aws-sam-cli",
            ),
            (
                "cargo-lambda",
                "there is no cargo-lambda on the PATH here, and sam build compiles the functions by it",
                "pip install cargo-lambda (it brings Zig, which links for another architecture)",
            ),
        ] {
            if !is_here(program) {
                self.attention("Architecture", format!("{what}; next: {next}"));
            }
        }
    }
}

fn is_program(folder: &Path, program: &str) -> bool {
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    folder.is_absolute() && folder.join(name).is_file()
}
