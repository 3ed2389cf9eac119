//! The parameters of `template.yaml`, as `samconfig.toml` has them.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// Every parameter with its default; without one it must be said. A test of the templates holds them to `template.yaml`.
pub const PARAMETERS: [(&str, Option<&str>); 43] = [
    ("AuthorizerType", Some("jwt")),
    ("Issuer", Some("")),
    ("Audience", Some("")),
    ("Issuers", Some("[]")),
    ("Scope", Some("sql")),
    ("SnowflakeAccount", None),
    ("SnowflakeRole", Some("SNOWGATE_READER")),
    ("SnowflakeWriter", Some("SNOWGATE_WRITER")),
    ("SnowflakeWarehouse", Some("SNOWGATE_WH")),
    ("ReadTags", Some("true")),
    ("SnowflakeDatabase", Some("")),
    ("SnowflakeSchema", Some("")),
    ("SamlMetadata", Some("")),
    ("SamlLoginName", Some("")),
    ("SamlAgentCallback", Some("http://localhost:8080/callback")),
    ("SamlThreatProtection", Some("OFF")),
    ("ReviewersIssuer", Some("")),
    ("ReviewersClient", Some("")),
    ("ReviewersScopes", Some("email")),
    ("Reviewers", None),
    ("AuditorsIssuer", Some("")),
    ("AuditorsAudience", Some("")),
    ("AuditorsScope", Some("audit:read")),
    ("AuditorsKeys", Some("")),
    ("EvidenceChannels", Some("[]")),
    ("Policies", Some("/opt/default")),
    ("HoldSeconds", Some("20")),
    ("LockMode", Some("GOVERNANCE")),
    ("RecordDays", Some("2557")),
    ("PageDays", Some("90")),
    ("IndexDays", Some("90")),
    ("LogRetentionDays", Some("90")),
    ("DomainName", Some("")),
    ("PageDomainName", Some("")),
    ("CertificateArn", Some("")),
    ("RequestsPerSecond", Some("50")),
    ("RequestBurst", Some("100")),
    ("ConcurrentStatements", Some("100")),
    ("Traces", Some("off")),
    ("Architecture", Some("arm64")),
    ("Rollout", Some("Canary10Percent5Minutes")),
    ("OperatorMail", Some("")),
    ("DollarsPerHour", Some("5")),
];

/// What is said of each, and what else the file says of building and deploying.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameters {
    said: BTreeMap<String, String>,
    built_for: Option<String>,
    settings: BTreeMap<String, String>,
}

impl Parameters {
    /// Those that a section of the file says (`[ENVIRONMENT.deploy.parameters]`, else `[ENVIRONMENT.global.parameters]`).
    pub fn read(text: &str, environment: &str) -> Result<Self, String> {
        let document: Table = text.parse().map_err(|error: toml::de::Error| {
            // SECURITY: the parser's own words may quote a value.
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or(1, |before| before.matches('\n').count() + 1);
            format!("line {line} is no TOML")
        })?;
        // SAM lets a command's own section go before that of all.
        let of = |command: &str, key: &str| {
            let section = |name: &str| document.get(environment)?.get(name)?.get("parameters")?.get(key);
            section(command).or_else(|| section("global"))
        };
        let said = of("deploy", "parameter_overrides").ok_or_else(|| {
            format!(
                "[{environment}.deploy.parameters] has no parameter_overrides; next: sam deploy --guided \
                 (it keeps what you say there), or name the section by --environment"
            )
        })?;
        // INVARIANT: what is said to deploy is not said to build, which makes functions for what it is told alone.
        let mut built = of("build", "parameter_overrides").map(overrides).transpose()?.unwrap_or_default();
        let settings = ["capabilities", "stack_name", "region"].into_iter().filter_map(|name| {
            let said = of("deploy", name)?;
            let text = match said.as_array() {
                Some(entries) => entries.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
                None => said.as_str()?.to_owned(),
            };
            Some((name.to_owned(), text))
        });
        let settings = settings.collect();
        Ok(Self { said: overrides(said)?, built_for: built.remove("Architecture"), settings })
    }

    /// The architecture that functions are built for.
    pub fn built_for(&self) -> &str {
        self.built_for.as_deref().unwrap_or_else(|| default("Architecture"))
    }

    /// What is said of one, else its default; empty where there is neither.
    pub fn get(&self, name: &str) -> &str {
        self.said.get(name).map_or_else(|| default(name), String::as_str)
    }

    /// What the section says besides, as `capabilities`, `stack_name` and `region`.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// What is said and is no parameter.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let is_known = |name: &&String| PARAMETERS.iter().any(|(known, _)| known == name);
        self.said.keys().filter(move |name| !is_known(name)).map(String::as_str)
    }
}

fn default(name: &str) -> &'static str {
    PARAMETERS.iter().find(|(known, _)| *known == name).and_then(|(_, default)| *default).unwrap_or_default()
}

/// The parameters of one `parameter_overrides`.
fn overrides(said: &Value) -> Result<BTreeMap<String, String>, String> {
    let words = match said {
        Value::String(text) => words(text)?,
        Value::Array(entries) => {
            let text = |entry: &Value| entry.as_str().map(str::to_owned);
            let entries: Option<Vec<String>> = entries.iter().map(text).collect();
            entries.ok_or("parameter_overrides is a list of NAME=VALUE texts")?
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Table(_) => {
            return Err("parameter_overrides is a text or a list of NAME=VALUE".to_owned());
        }
    };
    let mut said = BTreeMap::new();
    for word in words {
        let (name, value) =
            word.split_once('=').ok_or("parameter_overrides has something that is no NAME=VALUE")?;
        said.insert(name.to_owned(), value.to_owned());
    }
    Ok(said)
}

/// The words of a text as a shell takes them: parted by blanks, quotes and backslashes taken away.
fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut found, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => {
                let escaped = characters.next().ok_or("parameter_overrides ends in the middle of a word")?;
                word.get_or_insert_default().push(escaped);
            }
            (c, None) if c.is_whitespace() => found.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("parameter_overrides has a quote that is never closed".to_owned());
    }
    found.extend(word);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(overrides: &str) -> Result<Parameters, String> {
        Parameters::read(
            &format!("[default.deploy.parameters]\nparameter_overrides = {overrides}\n"),
            "default",
        )
    }

    #[test]
    fn what_sam_keeps_is_read_in_both_of_its_forms() {
        let guided = r#"'Issuer="https://issuer.example" HoldSeconds="15" Reviewers="[{email = \"rosa@acme.example\"}]"'"#;
        let listed = r#"['Issuer=https://issuer.example', 'HoldSeconds=15', 'Reviewers=[{email = "rosa@acme.example"}]']"#;
        for overrides in [guided, listed] {
            let told = read(overrides).unwrap();
            assert_eq!(told.get("Issuer"), "https://issuer.example");
            assert_eq!(told.get("HoldSeconds"), "15");
            assert_eq!(told.get("Reviewers"), r#"[{email = "rosa@acme.example"}]"#);
            assert_eq!((told.get("Scope"), told.get("Audience")), ("sql", ""), "a default, and none");
        }
    }

    #[test]
    fn what_is_built_is_told_apart_from_what_is_deployed() {
        let read = |text: &str| Parameters::read(text, "default").unwrap();
        let deploy = "[default.deploy.parameters]\nparameter_overrides = 'Architecture=x86_64'\nregion = 'eu-central-1'\n";
        let told = read(deploy);
        assert_eq!((told.get("Architecture"), told.built_for()), ("x86_64", "arm64"));
        assert_eq!((told.setting("region"), told.setting("stack_name")), (Some("eu-central-1"), None));
        let build = "[default.build.parameters]\nparameter_overrides = ['Architecture=x86_64']\n";
        assert_eq!(read(&format!("{deploy}{build}")).built_for(), "x86_64");
        let all =
            "[default.global.parameters]\nstack_name = 's'\nparameter_overrides = 'Architecture=x86_64'\n";
        assert_eq!(read(all).built_for(), "x86_64");
        assert_eq!((read(all).get("Architecture"), read(all).setting("stack_name")), ("x86_64", Some("s")));
    }

    #[test]
    fn what_cannot_be_read_is_told_without_what_it_says() {
        for (text, says) in [
            ("x", "line 1 is no TOML"),
            ("[default.deploy.parameters]\nstack_name = 's3cret'", "has no parameter_overrides"),
            ("[default.deploy.parameters]\nparameter_overrides = 's3cret'", "no NAME=VALUE"),
            ("[default.deploy.parameters]\nparameter_overrides = 'A=\"s3cret'", "never closed"),
            ("[default.deploy.parameters]\nparameter_overrides = 5", "is a text or a list"),
            ("[default.deploy.parameters]\nparameter_overrides = [5]", "is a list of"),
            (
                "[default.deploy.parameters]\nparameter_overrides = 'A=1'\n[default.build.parameters]\nparameter_overrides = 's3cret'",
                "no NAME=VALUE",
            ),
        ] {
            let told = Parameters::read(text, "default").unwrap_err();
            assert!(told.contains(says) && !told.contains("s3cret"), "{told}");
        }
    }
}
