//! Whose tokens are taken: by API Gateway of one issuer, or by a function of several.

use oidc::Algorithm;
use serde::Deserialize;
use settings::{File, Issuer, wiring};

use super::checks::Findings;
use super::parameters::Parameters;

/// By its audience an auditor's token is told from an agent's.
const OTHER_AUDIENCE: &str =
    "must be said, and be another than agents' tokens name: by it an auditor's token is told from an agent's";

/// The list by itself, as a file has it.
#[derive(Deserialize)]
struct Several {
    issuers: Vec<Issuer>,
}

/// The same of auditors.
#[derive(Deserialize)]
struct OfAuditors {
    auditors: Vec<Issuer>,
}

/// An issuer, as it is asked and for what.
pub struct Asked {
    /// The parameter that names it.
    pub parameter: &'static str,
    /// As tokens say it.
    pub issuer: String,
    /// Where its keys are; none: its discovery document says.
    pub jwks_uri: Option<String>,
    /// Types of keys (RFC 7518 section 6.1), one of which it must have.
    pub kinds: Vec<&'static str>,
    /// Who asks it for them.
    pub by: Verifier,
}

/// Who verifies tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verifier {
    /// API Gateway: it waits for 1.5 seconds, takes 150,000 bytes of keys, and wants each to have a name.
    ApiGateway,
    /// A function of ours.
    Function,
}

/// Everybody whose keys are needed.
pub fn asked(told: &Parameters) -> Vec<Asked> {
    let own = |parameter, kinds, by| Asked {
        parameter,
        issuer: told.get(parameter).to_owned(),
        jwks_uri: None,
        kinds,
        by,
    };
    // Signs reviewers' ID tokens by RS256 or ES256.
    let reviewers = own("ReviewersIssuer", vec!["RSA", "EC"], Verifier::Function);
    // API Gateway asks for its keys as its discovery document names them, whatever the function is told.
    let auditors = own("AuditorsIssuer", vec!["RSA"], Verifier::ApiGateway);
    let auditors = Some(auditors).filter(|auditors| !auditors.issuer.is_empty());
    // What is not made yet cannot be asked.
    if !told.get("SamlMetadata").is_empty() {
        return auditors.into_iter().collect();
    }
    let agents = if is_several(told) {
        let issuers = several(told.get("Issuers")).unwrap_or_default();
        issuers.into_iter().map(of_several).collect()
    } else {
        vec![own("Issuer", vec!["RSA"], Verifier::ApiGateway)]
    };
    agents.into_iter().chain([reviewers]).chain(auditors).collect()
}

fn of_several(issuer: Issuer) -> Asked {
    let named: Vec<Algorithm> = issuer.algorithms.iter().filter_map(|name| name.parse().ok()).collect();
    let kind = |algorithm: &Algorithm| match algorithm {
        Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512 => "RSA",
        Algorithm::Es256 | Algorithm::Es384 => "EC",
        Algorithm::EdDsa => "OKP",
    };
    let kinds = if named.is_empty() { vec!["RSA", "EC"] } else { named.iter().map(kind).collect() };
    let Issuer { issuer, jwks_uri, .. } = issuer;
    Asked { parameter: "Issuers", issuer, jwks_uri, kinds, by: Verifier::Function }
}

fn is_several(told: &Parameters) -> bool {
    told.get("AuthorizerType") == "lambda"
}

/// The entries, each as a function takes it.
fn several(said: &str) -> Result<Vec<Issuer>, String> {
    let text = format!("issuers = {said}");
    let file = File { name: "Issuers", text: &text };
    let (Several { issuers }, places) =
        settings::read_own::<Several>(file, [], &[]).map_err(|error| error.to_string())?;
    if !issuers.is_empty() {
        wiring::issuers(&issuers, &[], &places).map_err(|error| error.to_string())?;
    }
    Ok(issuers)
}

/// The auditors' entry, as the function takes it.
fn auditors_of(said: &str) -> Result<Issuer, String> {
    let text = format!("auditors = {said}");
    let file = File { name: "AuditorsKeys", text: &text };
    let (OfAuditors { auditors }, places) =
        settings::read_own::<OfAuditors>(file, [], &[]).map_err(|error| error.to_string())?;
    wiring::auditors(&auditors, &[], &places).map_err(|error| error.to_string())?;
    auditors.into_iter().next().ok_or_else(|| "names nobody".to_owned())
}

impl Findings<'_> {
    pub(super) fn tokens(&mut self) {
        self.auditors();
        if !self.told.get("SamlMetadata").is_empty() {
            return self.saml();
        }
        for name in ["ReviewersIssuer", "ReviewersClient"] {
            if self.told.get(name).is_empty() {
                self.wrong(name, "must be said; infra/README.md tells what it decides");
            }
        }
        match self.told.get("AuthorizerType") {
            "jwt" => self.one_issuer(),
            "lambda" => self.several_issuers(),
            // The limits tell it.
            _ => {}
        }
        let reviewers = self.told.get("ReviewersIssuer").to_owned();
        self.address("ReviewersIssuer", &reviewers);
        let scopes: Vec<&str> = self.told.get("ReviewersScopes").split(' ').collect();
        if !scopes.contains(&"email") && self.told.get("Reviewers").contains("email") {
            self.wrong("ReviewersScopes", "needs `email`: without it no ID token says a reviewer's address, and nobody is on the roster");
        }
    }

    /// A user pool before a SAML provider is the issuer of everybody.
    fn saml(&mut self) {
        for name in ["Issuer", "Audience", "ReviewersIssuer", "ReviewersClient"] {
            if !self.told.get(name).is_empty() {
                self.wrong(name, "stays empty with SamlMetadata: the user pool is the issuer of everybody");
            }
        }
        if self.told.get("AuthorizerType") != "jwt" {
            self.wrong("AuthorizerType", "is jwt with SamlMetadata");
        }
        if !self.told.get("SamlMetadata").starts_with("https://") {
            self.wrong(
                "SamlMetadata",
                "is the https address at which the SAML provider publishes its metadata",
            );
        }
        let login = self.told.get("SamlLoginName");
        let is_label = (1..=63).contains(&login.len())
            && login.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !login.starts_with('-')
            && !login.ends_with('-');
        if !is_label || ["aws", "amazon", "cognito"].iter().any(|word| login.contains(word)) {
            self.wrong("SamlLoginName", "is letters in lower case, digits and hyphens, without `aws`, `amazon` and `cognito`, which Cognito refuses");
        }
        let callback = self.told.get("SamlAgentCallback");
        if !(callback.starts_with("https://") || callback.starts_with("http://localhost")) {
            self.wrong("SamlAgentCallback", "is an https address, or http://localhost:PORT/…");
        }
        if self.told.get("Reviewers").contains("email") {
            self.attention("SamlMetadata", "reviewers are known by address only where the SAML provider sends the attribute `email_verified` as `true`");
        }
    }

    fn one_issuer(&mut self) {
        for name in ["Issuer", "Audience"] {
            if self.told.get(name).is_empty() {
                self.wrong(name, "must be said; infra/README.md tells what it decides");
            }
        }
        if self.told.get("Issuers") != "[]" {
            self.wrong("Issuers", "is for AuthorizerType=lambda; with jwt nobody reads it: say either");
        }
        let issuer = self.told.get("Issuer").to_owned();
        self.address("Issuer", &issuer);
        let audience = self.told.get("Audience").to_owned();
        if audience.chars().any(|c| c.is_whitespace() || "\"\\,".contains(c)) {
            self.wrong("Audience", "is one name without blanks: what agents' tokens say in `aud`");
        }
        self.other_than_auditors(std::slice::from_ref(&audience));
        self.other_than_the_page("Audience", &[audience]);
        if self.told.get("Scope").is_empty() {
            self.wrong("Scope", "must be said: it tells an access token from an ID token");
        }
    }

    fn several_issuers(&mut self) {
        for name in ["Issuer", "Audience"] {
            if !self.told.get(name).is_empty() {
                self.wrong(name, "is for AuthorizerType=jwt; with lambda write it into Issuers");
            }
        }
        let said = self.told.get("Issuers").to_owned();
        if said.contains('\\') {
            self.wrong("Issuers", "holds a backslash, which the template does not take");
        }
        let issuers = match several(&said) {
            Ok(issuers) if !issuers.is_empty() => issuers,
            Ok(_) => {
                return self.wrong(
                    "Issuers",
                    "names nobody: write [{issuer = \"https://…\", audience = [\"…\"], required_scopes = [\"…\"]}]",
                );
            }
            Err(problem) => return self.wrong("Issuers", problem),
        };
        for issuer in &issuers {
            self.address("Issuers", &issuer.issuer);
            if issuer.jwks_uri.as_ref().is_some_and(|uri| !uri.starts_with("https://")) {
                self.wrong(
                    "Issuers",
                    "has keys that are not at an https address, where no function reaches them",
                );
            }
            self.other_than_the_page("Issuers", &issuer.audience);
            self.other_than_auditors(&issuer.audience);
            // Whatever is no `at+jwt` is told from an ID token by a scope.
            if issuer.required_scopes.is_empty() && !issuer.types.is_empty() {
                self.attention(
                    "Issuers",
                    "takes tokens of further types without `required_scopes`; a scope tells an access token from another",
                );
            }
        }
    }

    /// Whoever looks at recordings, by tokens of their own.
    fn auditors(&mut self) {
        let issuer = self.told.get("AuditorsIssuer").to_owned();
        self.address("AuditorsIssuer", &issuer);
        if issuer.is_empty() {
            return;
        }
        let [audience, scope, keys] =
            ["AuditorsAudience", "AuditorsScope", "AuditorsKeys"].map(|name| self.told.get(name).to_owned());
        if audience.is_empty() {
            return self.wrong("AuditorsAudience", OTHER_AUDIENCE);
        }
        if !(keys.is_empty() || keys.starts_with(", ")) {
            return self.wrong(
                "AuditorsKeys",
                "is keys of TOML, each behind a comma and a blank: `, types = [\"JWT\"]`",
            );
        }
        // As the template puts it together.
        let entry = format!(
            "[{{issuer = \"{issuer}\", audience = [\"{audience}\"], required_scopes = [\"{scope}\"]{keys}}}]"
        );
        match auditors_of(&entry) {
            Err(problem) => self.wrong("AuditorsKeys", problem),
            Ok(entry) => {
                let is_by_rsa = |name: &String| name.starts_with("RS");
                if !entry.algorithms.is_empty() && !entry.algorithms.iter().any(is_by_rsa) {
                    self.wrong(
                        "AuditorsKeys",
                        "names no algorithm of RS256, RS384 and RS512, and API Gateway takes no other",
                    );
                }
            }
        }
        if !self.told.get("SamlMetadata").is_empty() && !keys.contains("required_groups") {
            self.attention(
                "AuditorsKeys",
                "names no required_groups: whoever can sign in at that client is an auditor",
            );
        }
    }

    fn other_than_auditors(&mut self, audiences: &[String]) {
        let auditors = self.told.get("AuditorsAudience");
        let is_theirs = audiences.iter().any(|audience| audience == auditors);
        if !self.told.get("AuditorsIssuer").is_empty() && !auditors.is_empty() && is_theirs {
            self.wrong("AuditorsAudience", OTHER_AUDIENCE);
        }
    }

    /// An issuer is asked over TLS, from a function or by API Gateway, which stand in no network of yours.
    fn address(&mut self, parameter: &'static str, issuer: &str) {
        if issuer.is_empty() {
            return;
        }
        let host = issuer.strip_prefix("https://").filter(|rest| !rest.is_empty() && !rest.starts_with('/'));
        if host.is_none()
            || issuer.chars().any(|c| c.is_whitespace() || c.is_control() || "\"\\?#".contains(c))
        {
            self.wrong(
                parameter,
                "is an https address without blanks, `?` and `#`, exactly as tokens say it in `iss`",
            );
        } else if issuer.contains("/.well-known/") {
            self.wrong(parameter, "is the issuer, not its discovery document: leave `/.well-known/…` out");
        }
    }

    fn other_than_the_page(&mut self, parameter: &'static str, audiences: &[String]) {
        let client = self.told.get("ReviewersClient");
        if audiences.iter().any(|audience| !audience.is_empty() && audience == client) {
            self.wrong(
                parameter,
                "is the client that reviewers sign in with, so their ID tokens would pass for agents' access tokens; give the API a name of its own",
            );
        }
    }
}
