//! What `snowgate config check --for aws` says before a deployment, and what is handed over to `snowgate-aws`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::snowgate;

/// A deployment that works: the repository's own bundle, its context changed to what `setup.sql` makes.
const GOOD: [(&str, &str); 10] = [
    ("Issuer", "https://login.acme.test"),
    ("Audience", "snowgate"),
    ("SnowflakeAccount", "ACME-DEV"),
    ("SnowflakeRole", "ANALYST"),
    ("SnowflakeWarehouse", "DEMO_WH"),
    ("SnowflakeDatabase", "DEMO"),
    ("SnowflakeSchema", "PUBLIC"),
    ("ReviewersIssuer", "https://people.acme.test"),
    ("ReviewersClient", "snowgate-approvals"),
    ("Reviewers", r#"[{email = "rosa@acme.test", groups = ["data-reviewers"]}]"#),
];

fn checked(folder: &Path, change: &[(&str, &str)]) -> (Option<i32>, String) {
    checked_beside(folder, change, "")
}

/// The same with what else the file says.
fn checked_beside(folder: &Path, change: &[(&str, &str)], more: &str) -> (Option<i32>, String) {
    let mut said: Vec<(&str, &str)> = GOOD.to_vec();
    for (name, value) in change {
        said.retain(|(known, _)| known != name);
        said.push((name, value));
    }
    // As `sam deploy --guided` writes it.
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"");
    let overrides: Vec<String> =
        said.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    let text =
        format!("[default.deploy.parameters]\nparameter_overrides = '''{}'''\n{more}", overrides.join(" "));
    fs::write(folder.join("samconfig.toml"), text).expect("a file");
    told(snowgate(folder).args(["config", "check", "--for", "aws"]).output().expect("it runs"))
}

fn told(output: Output) -> (Option<i32>, String) {
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("text"))
}

fn deployment() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let made = snowgate(folder.path()).args(["policy", "init", "infra/policies/default"]).output();
    assert!(made.expect("it runs").status.success());
    folder
}

#[test]
fn a_deployment_that_works_is_good_and_what_only_the_account_knows_is_told() {
    let folder = deployment();
    let (code, said) = checked(folder.path(), &[]);
    assert_eq!(code, Some(0), "{said}");
    for wanted in
        ["Concurrent executions\" must be 300", "who has not", "LockMode: GOVERNANCE", "good, as far as"]
    {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn what_would_not_work_is_told_by_parameter_with_what_to_say_instead() {
    let folder = deployment();
    let long =
        format!("[{{email = \"rosa@acme.test\", groups = [\"data-reviewers\", \"{}\"]}}]", "x".repeat(2600));
    let channel = format!(
        r#"{{name = "hooks", kind = "hooks", secret_sha256 = "{}", subjects = ["*"]}}"#,
        "0".repeat(64)
    );
    let channels = format!("[{}]", vec![channel; 30].join(", "));
    let cases: &[(&str, &str, &str)] = &[
        ("Issuer", "http://login.acme.test", "Issuer: is an https address"),
        (
            "Issuer",
            "https://login.acme.test/.well-known/openid-configuration",
            "Issuer: is the issuer, not its discovery",
        ),
        ("Issuer", "", "Issuer: must be said"),
        ("Audience", "snowgate-approvals", "Audience: is the client that reviewers sign in with"),
        ("Audience", "two names", "Audience: is one name"),
        ("AuthorizerType", "iam", "AuthorizerType: is jwt or lambda"),
        (
            "Issuers",
            r#"[{issuer = "https://a.acme.test", audience = ["a"]}]"#,
            "Issuers: is for AuthorizerType=lambda",
        ),
        (
            "CertificateArn",
            "arn:aws:iam::123456789012:server-certificate/x",
            "CertificateArn: is arn:aws:acm",
        ),
        ("AuditorsIssuer", "https://people.acme.test", "AuditorsAudience: must be said"),
        ("AuditorsIssuer", "http://people.acme.test", "AuditorsIssuer: is an https address"),
        ("Scope", "", "Scope: must be said"),
        ("HoldSeconds", "25", "HoldSeconds: is a number from 1 to 20: API Gateway gives up after 30"),
        ("HoldSeconds", "soon", "HoldSeconds: is a number from 1 to 20"),
        ("RecordDays", "0", "RecordDays: is a number from 1"),
        ("ConcurrentStatements", "0", "ConcurrentStatements: is a number from 1"),
        ("SnowflakeAccount", "acme.snowflakecomputing.com", "SnowflakeAccount: is ORGANIZATION-ACCOUNT"),
        ("SnowflakeRole", "analyst", "SnowflakeRole: is written as Snowflake stores it"),
        ("SnowflakeWriter", "ANALYST", "SnowflakeWriter: is the reading role"),
        ("SnowflakeRole", "SNOWGATE_READER", "Policies: the bundle in infra/policies/default lets no group"),
        ("Reviewers", "[]", "Reviewers: names nobody"),
        ("Reviewers", "rosa", "Reviewers: "),
        (
            "Reviewers",
            r#"[{subject = "00u1", groups = ["data-reviewers"]}]"#,
            "Reviewers: 1 without an address",
        ),
        (
            "Reviewers",
            r#"[{email = "rosa@acme.test", groups = ["others"]}]"#,
            "Reviewers: nobody is in data-reviewers",
        ),
        ("Reviewers", &long, "Lambda takes 4096 in all"),
        ("EvidenceChannels", &channels, "so that the function `evidence` would be told about"),
        ("ReviewersScopes", "groups", "ReviewersScopes: needs `email`"),
        ("EvidenceChannels", "[{name = \"x\"}]", "EvidenceChannels: "),
        (
            "Policies",
            "/opt/none",
            "Policies: there is no bundle in infra/policies/none; next: snowgate policy init",
        ),
        ("Policies", "built-in", "Policies: is /opt/NAME"),
        ("DomainName", "sql.acme.test", "CertificateArn: must be said"),
        ("DomainName", "https://sql.acme.test/x", "DomainName: is a host name alone"),
        ("CertificateArn", "foo", "CertificateArn: is arn:aws:acm:REGION"),
        ("LogRetentionDays", "100", "LogRetentionDays: is 1, 3, 5"),
        ("Rollout", "Canary10Percent15Minutes", "Rollout: is Canary10Percent5Minutes"),
        ("Scope", "sql admin", "Scope: is one scope"),
        ("ReviewersClient", "my page", "ReviewersClient: is one client id"),
        ("ReviewersScopes", "email  groups", "ReviewersScopes: is scopes with one blank"),
        (
            "Reviewers",
            r#"[ {email = "rosa@acme.test", groups = ["data-reviewers"]}]"#,
            "Reviewers: begins with `[{`",
        ),
        ("SnowflakeWarehouse", "", "SnowflakeWarehouse: is a name as Snowflake stores it"),
        ("LockMode", "NONE", "LockMode: is GOVERNANCE or COMPLIANCE"),
        ("OperatorMail", "nobody", "OperatorMail: is no mail address"),
        ("Nonsense", "s3cret", "`Nonsense` is no parameter"),
    ];
    for (name, value, says) in cases {
        let (code, said) = checked(folder.path(), &[(name, value)]);
        assert_eq!(code, Some(1), "{name}={value}: {said}");
        assert!(said.contains(says), "{name}={value}: {said}");
        assert!(!said.contains("s3cret") && said.contains("mend them in samconfig.toml"), "{said}");
    }
    // All at once, not one after the other.
    let (_, said) = checked(folder.path(), &[("HoldSeconds", "25"), ("Audience", ""), ("LockMode", "NONE")]);
    assert!(said.contains("3 parameters would not work"), "{said}");
    let page =
        [("DomainName", "a.acme.test"), ("PageDomainName", "a.acme.test"), ("CertificateArn", "arn:x")];
    assert!(checked(folder.path(), &page).1.contains("PageDomainName: is the agents' name"));
    let schema = checked(folder.path(), &[("SnowflakeDatabase", ""), ("SnowflakeSchema", "PUBLIC")]);
    assert!(schema.1.contains("SnowflakeSchema: needs SnowflakeDatabase"), "{}", schema.1);
    // A bundle that names agents alone is no bundle that lets nobody ask.
    let context = folder.path().join("infra/policies/default");
    for file in ["10-context.cedar", "20-statements.cedar", "30-objects.cedar", "40-columns.cedar"] {
        let text = fs::read_to_string(context.join(file)).expect("a file");
        let text = text.replace("principal in Group::\"agents\"", "principal == Agent::\"a1b2c3\"");
        fs::write(context.join(file), text).expect("a file");
    }
    let (code, said) = checked(folder.path(), &[]);
    assert!(code == Some(0) && !said.contains("Policies: the bundle"), "{said}");
    let broken = folder.path().join("infra/policies/default/90.cedar");
    fs::write(broken, "permit (principal").expect("a file");
    let (code, said) = checked(folder.path(), &[]);
    assert!(code == Some(1) && said.contains("Policies: the bundle in"), "{said}");
}

#[test]
fn what_the_repository_ships_is_rehearsed_also_where_no_database_is_said() {
    let folder = deployment();
    let nowhere = [("SnowflakeDatabase", ""), ("SnowflakeSchema", "")];
    // The template's own defaults, with the bundle as it is.
    let setup = [("SnowflakeRole", "SNOWGATE_READER"), ("SnowflakeWarehouse", "SNOWGATE_WH")];
    let (code, said) = checked(folder.path(), &[&setup[..], &nowhere].concat());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("under this role and warehouse, whatever database and schema"), "{said}");
    let (code, said) = checked(folder.path(), &[("SnowflakeSchema", ""), ("SnowflakeDatabase", "OTHER")]);
    assert!(code == Some(1) && said.contains("under this role, warehouse and database, whatever"), "{said}");
    // What it permits is good wherever it may be asked, and who may write is told.
    let (code, said) = checked(folder.path(), &nowhere);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ATTENTION: SnowflakeWriter: nobody whom the bundle"), "{said}");
    let all = "@id(\"all\") permit (principal == Agent::\"bot\", action, resource);";
    fs::write(folder.path().join("infra/policies/default/95.cedar"), all).expect("a file");
    let (code, said) = checked(folder.path(), &[&setup[..], &nowhere].concat());
    assert!(code == Some(0) && !said.contains("SnowflakeWriter"), "an agent by name: {said}");
}

#[test]
fn what_is_built_and_where_it_is_deployed_is_looked_at_too() {
    let folder = deployment();
    let x86 = [("Architecture", "x86_64")];
    let (code, said) = checked(folder.path(), &x86);
    assert!(code == Some(1) && said.contains("Architecture: is x86_64 when it is deployed"), "{said}");
    let build = "[default.build.parameters]\nparameter_overrides = 'Architecture=x86_64'\n";
    assert_eq!(checked_beside(folder.path(), &x86, build).0, Some(0));
    assert_eq!(checked_beside(folder.path(), &[], build).0, Some(1), "the other way round");
    let arn = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";
    let named = [("DomainName", "sql.acme.test"), ("CertificateArn", arn)];
    for (region, code) in
        [("region = 'eu-central-1'\n", Some(1)), ("region = 'us-east-1'\n", Some(0)), ("", Some(0))]
    {
        let (found, said) = checked_beside(folder.path(), &named, region);
        assert_eq!(found, code, "{said}");
        assert!(said.contains("CertificateArn: must lie in the") != (region.contains("us-east-1")), "{said}");
    }
    for (name, code) in
        [("s".repeat(51), Some(0)), ("s".repeat(52), Some(1)), ("my_stack".to_owned(), Some(1))]
    {
        let (found, said) = checked_beside(folder.path(), &[], &format!("stack_name = '{name}'\n"));
        assert_eq!(found, code, "{said}");
    }
}

#[test]
fn several_issuers_are_looked_over_one_by_one() {
    let folder = deployment();
    let one = r#"{issuer = "https://a.acme.test", audience = ["snowgate"], algorithms = ["ES256"]}"#;
    let with = |issuers: &str, more: &[(&str, &str)]| {
        let change = [("AuthorizerType", "lambda"), ("Issuer", ""), ("Audience", ""), ("Issuers", issuers)];
        checked(folder.path(), &[&change[..], more].concat())
    };
    let (code, said) = with(&format!("[{one}]"), &[]);
    assert!(code == Some(0) && said.contains("Concurrent executions\" must be 320"), "{said}");
    let long =
        format!("[{one}, {{issuer = \"https://b.acme.test\", audience = [\"{}\"]}}]", "x".repeat(2400));
    for (issuers, says) in [
        ("[]", "Issuers: names nobody"),
        ("no list", "Issuers: "),
        (r#"[{issuer = "https://a.acme.test"}]"#, "missing field `audience`"),
        (
            r#"[{issuer = "https://a.acme.test", audience = ["a"], secret = "s3cret"}]"#,
            "unknown field `secret`",
        ),
        (
            r#"[{issuer = "https://a.acme.test", audience = ["a"], algorithms = ["HS256"]}]"#,
            "an algorithm is one of",
        ),
        (&format!("[{one}, {one}]"), "is configured twice"),
        // A function reaches nothing of this machine.
        (r#"[{issuer = "http://127.0.0.1:9100", audience = ["a"]}]"#, "Issuers: is an https address"),
        (
            r#"[{issuer = "https://a.acme.test", audience = ["a"], jwks_uri = "http://127.0.0.1/k"}]"#,
            "issuers[0].jwks_uri",
        ),
        (
            r#"[{issuer = "https://a.acme.test", audience = ["snowgate-approvals"]}]"#,
            "Issuers: is the client that reviewers",
        ),
        (&long, "Lambda takes 4096 in all"),
    ] {
        let (code, said) = with(issuers, &[]);
        assert!(code == Some(1) && said.contains(says) && !said.contains("s3cret"), "{issuers}: {said}");
    }
    // An auditor's token is told from everybody's by its audience.
    for (audience, code) in [("snowgate", Some(1)), ("snowgate-audit", Some(0))] {
        let auditors = [("AuditorsIssuer", "https://people.acme.test"), ("AuditorsAudience", audience)];
        let (found, said) = with(&format!("[{one}]"), &auditors);
        assert_eq!(found, code, "{said}");
        assert_eq!(
            said.contains("AuditorsAudience: must be said, and be another"),
            code == Some(1),
            "{said}"
        );
    }
    // What else is said of their tokens is what the function takes.
    for (keys, code, says) in [
        (
            r#", types = ["JWT"], agent_claim = "azp", person_proof = "sid", clients = ["console"]"#,
            Some(0),
            "",
        ),
        (r#", secret = "s3cret""#, Some(1), "unknown field `secret`"),
        (r#", issuer = "https://a.acme.test""#, Some(1), "AuditorsKeys: "),
        (r#"types = ["JWT"]"#, Some(1), "each behind a comma and a blank"),
        (r#", algorithms = ["ES256"]"#, Some(1), "API Gateway takes no other"),
        (r#", audience_claim = "sub""#, Some(1), "audience_claim"),
    ] {
        let auditors = [
            ("AuditorsIssuer", "https://people.acme.test"),
            ("AuditorsAudience", "audit"),
            ("AuditorsKeys", keys),
        ];
        let (found, said) = with(&format!("[{one}]"), &auditors);
        assert!(found == code && said.contains(says) && !said.contains("s3cret"), "{keys}: {said}");
    }
    let typed = r#"[{issuer = "https://a.acme.test", audience = ["a"], types = ["JWT"]}]"#;
    assert!(with(typed, &[]).1.contains("ATTENTION: Issuers: takes tokens of further types"));
    let both = with(&format!("[{one}]"), &[("Issuer", "https://login.acme.test")]);
    assert!(both.0 == Some(1) && both.1.contains("Issuer: is for AuthorizerType=jwt"), "{}", both.1);
}

#[test]
fn a_saml_provider_stands_for_every_issuer() {
    let folder = deployment();
    let saml: [(&str, &str); 6] = [
        ("Issuer", ""),
        ("Audience", ""),
        ("ReviewersIssuer", ""),
        ("ReviewersClient", ""),
        ("SamlMetadata", "https://saml.acme.test/metadata"),
        ("SamlLoginName", "acme-snowgate"),
    ];
    let with = |more: &[(&str, &str)]| checked(folder.path(), &[&saml[..], more].concat());
    let (code, said) = with(&[]);
    assert!(
        code == Some(0) && said.contains("ATTENTION: SamlMetadata: reviewers are known by address only"),
        "{said}"
    );
    for (name, value, says) in [
        ("Issuer", "https://login.acme.test", "Issuer: stays empty with SamlMetadata"),
        ("ReviewersClient", "page", "ReviewersClient: stays empty with SamlMetadata"),
        ("AuthorizerType", "lambda", "AuthorizerType: is jwt with SamlMetadata"),
        ("SamlMetadata", "http://saml.acme.test/metadata", "SamlMetadata: is the https address"),
        ("SamlLoginName", "", "SamlLoginName: is letters in lower case"),
        ("SamlLoginName", "cognito-acme", "SamlLoginName: is letters in lower case"),
        ("SamlThreatProtection", "ON", "SamlThreatProtection: is OFF, AUDIT or"),
        ("SamlAgentCallback", "http://agents.acme.test/", "SamlAgentCallback: is an https address"),
    ] {
        let (code, said) = with(&[(name, value)]);
        assert!(code == Some(1) && said.contains(says), "{name}={value}: {said}");
    }
    // Who is nobody's reviewer without an issuer is told so.
    let (code, said) = checked(folder.path(), &[("ReviewersIssuer", ""), ("ReviewersClient", "")]);
    assert!(
        code == Some(1)
            && said.contains("ReviewersIssuer: must be said")
            && said.contains("ReviewersClient: must be"),
        "{said}"
    );
}

#[test]
fn what_sam_is_told_besides_is_looked_over_too() {
    let folder = deployment();
    let file = folder.path().join("samconfig.toml");
    let with = |more: &str| {
        checked(folder.path(), &[]);
        let text = fs::read_to_string(&file).expect("a file");
        fs::write(&file, format!("{text}{more}\n")).expect("a file");
        let check = ["config", "check", "--for", "aws"];
        told(snowgate(folder.path()).args(check).output().expect("it runs"))
    };
    for (more, says) in [
        ("capabilities = 'CAPABILITY_IAM'", "capabilities: lack what the stack needs"),
        (
            "capabilities = ['CAPABILITY_AUTO_EXPAND']",
            "capabilities = \"CAPABILITY_IAM CAPABILITY_AUTO_EXPAND\"",
        ),
        ("stack_name = 'snowgate_dev'", "stack_name: is at most 51"),
        (
            "stack_name = 'a-name-that-is-far-too-long-for-the-functions-of-this-stack'",
            "stack_name: is at most 51",
        ),
    ] {
        let (code, said) = with(more);
        assert!(code == Some(1) && said.contains(says), "{more}: {said}");
    }
    for more in [
        "capabilities = 'CAPABILITY_IAM CAPABILITY_AUTO_EXPAND'\nstack_name = 'snowgate-dev'",
        "capabilities = ['CAPABILITY_NAMED_IAM', 'CAPABILITY_AUTO_EXPAND']",
    ] {
        let (code, said) = with(more);
        assert_eq!(code, Some(0), "{more}: {said}");
    }
    // A certificate is taken from the same region alone.
    let certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1";
    let change = [("DomainName", "sql.acme.test"), ("CertificateArn", certificate)];
    let (code, said) = checked(folder.path(), &change);
    assert_eq!(code, Some(0), "{said}");
    let text = fs::read_to_string(&file).expect("a file");
    fs::write(&file, format!("{text}region = 'eu-central-1'\n")).expect("a file");
    let check = ["config", "check", "--for", "aws"];
    let (code, said) = told(snowgate(folder.path()).args(check).output().expect("it runs"));
    assert!(code == Some(1) && said.contains("CertificateArn: must lie in the deployment"), "{said}");
}

#[cfg(unix)]
#[test]
fn whoever_has_nothing_to_build_with_is_told_what_to_install() {
    let folder = deployment();
    checked(folder.path(), &[]);
    let tools = folder.path().join("tools");
    let check = |path: &str| {
        let mut command = snowgate(folder.path());
        told(command.env("PATH", path).args(["config", "check", "--for", "aws"]).output().expect("it runs"))
    };
    let path = tools.to_str().expect("text");
    let (code, said) = check(path);
    assert!(
        code == Some(0)
            && said.contains("pip install cargo-lambda")
            && said.contains("pip install aws-sam-cli"),
        "{said}"
    );
    program(&tools.join("sam"), "exit 1");
    program(&tools.join("cargo-lambda"), "exit 1");
    let (code, said) = check(path);
    assert!(code == Some(0) && !said.contains("on the PATH here"), "{said}");
}

#[test]
fn bundles_that_are_pushed_need_no_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, said) = checked(folder.path(), &[("Policies", "pushed")]);
    assert!(code == Some(0) && said.contains("snowgate policy push DIR"), "{said}");
    let (code, said) = checked(folder.path(), &[("Policies", "pushed-by-one")]);
    assert!(code == Some(0) && said.contains("`pushed` wants two"), "{said}");
}

#[test]
fn a_deployment_that_nobody_has_described_is_told_how_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |more: &[&str]| {
        let check = ["config", "check", "--for", "aws"];
        told(snowgate(folder.path()).args([&check[..], more].concat()).output().expect("it runs"))
    };
    let (code, said) = check(&[]);
    assert!(
        code == Some(1)
            && said.contains("samconfig.toml cannot be read")
            && said.contains("sam deploy --guided"),
        "{said}"
    );
    fs::write(folder.path().join("samconfig.toml"), "[default.deploy.parameters]\n").expect("a file");
    let (code, said) = check(&["--environment", "production"]);
    assert!(
        code == Some(1) && said.contains("[production.deploy.parameters] has no parameter_overrides"),
        "{said}"
    );
}

#[test]
fn an_issuer_that_cannot_be_reached_is_told_when_it_is_asked() {
    let folder = deployment();
    checked(folder.path(), &[("Issuer", "https://127.0.0.1:1"), ("ReviewersIssuer", "https://127.0.0.1:1")]);
    let check = ["config", "check", "--for", "aws", "--reach"];
    let (code, said) = told(snowgate(folder.path()).args(check).output().expect("it runs"));
    assert_eq!(code, Some(1), "{said}");
    for parameter in ["Issuer", "ReviewersIssuer"] {
        let wanted =
            format!("{parameter}: https://127.0.0.1:1/.well-known/openid-configuration cannot be reached");
        assert!(said.contains(&wanted), "{said}");
    }
}

/// A copy of the program in a folder of its own, so that nothing lies beside it.
fn alone() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let (from, to) = (env!("CARGO_BIN_EXE_snowgate"), folder.path().join("snowgate"));
    fs::hard_link(from, &to).or_else(|_| fs::copy(from, &to).map(|_| ())).expect("a copy");
    folder
}

#[cfg(unix)]
fn program(path: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, format!("#!/bin/sh\n{script}\n")).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
}

#[cfg(unix)]
#[test]
fn what_is_done_on_aws_is_handed_over_word_by_word_and_ends_as_it_does() {
    let folder = alone();
    let run = |arguments: &[&str], path: &str| {
        let mut command = Command::new(folder.path().join("snowgate"));
        command.current_dir(folder.path()).env_clear().env("PATH", path).args(arguments);
        told(command.output().expect("it runs"))
    };
    let push = ["policy", "push", "my bundle", "--why", "a b", "--stack", "s"];
    for arguments in
        [&push[..], &["policy", "diff", "sha256:00"], &["policy", "push", "--help"], &["policy", "log"]]
    {
        let (code, said) = run(arguments, "");
        assert!(
            code == Some(1) && said.contains("next: cargo install --locked --path crates/operator"),
            "{said}"
        );
    }
    let elsewhere = folder.path().join("elsewhere");
    program(&elsewhere.join("snowgate-aws"), "for word in \"$@\"; do echo \"[$word]\"; done; exit 4");
    let path = elsewhere.to_str().expect("text");
    let (code, said) = run(&push, path);
    assert_eq!(
        (code, said.as_str()),
        (Some(4), "[policy]\n[push]\n[my bundle]\n[--why]\n[a b]\n[--stack]\n[s]\n")
    );
    let (code, said) = run(&["policy", "rollback", "--help"], path);
    assert_eq!((code, said.as_str()), (Some(4), "[policy]\n[rollback]\n[--help]\n"));
    // Never what lies in a folder that only where one stands says, and what lies beside it before all else.
    assert!(run(&push, "elsewhere").1.contains("next: cargo install"));
    program(&folder.path().join("snowgate-aws"), "echo beside; exit 3");
    assert_eq!(run(&push, path), (Some(3), "beside\n".to_owned()));
    program(&folder.path().join("snowgate-aws"), "kill -9 $$");
    assert_eq!(run(&push, path).0, Some(1), "nobody knows how far it came");
}

#[test]
fn two_folders_are_compared_without_any_account() {
    let folder = alone();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(folder.path().join("snowgate"));
        told(command.current_dir(folder.path()).env_clear().args(arguments).output().expect("it runs"))
    };
    for name in ["a", "b"] {
        assert_eq!(run(&["policy", "init", name]).0, Some(0));
    }
    let same = run(&["policy", "diff", "a", "b", "--groups", "agents"]);
    assert!(same.0 == Some(0) && same.1.contains("\n0 of "), "{}", same.1);
    let catalog = folder.path().join("b/catalog.toml");
    let strict = "match = \"DEMO.PUBLIC.CUSTOMERS.NAME\"\nclass = \"person\"";
    let text =
        fs::read_to_string(&catalog).expect("a file").replace(strict, &strict.replace("person", "public"));
    fs::write(&catalog, text).expect("a file");
    fs::write(folder.path().join("s.sql"), "create table t (name text);").expect("a file");
    fs::write(folder.path().join("q.sql"), "select name from customers; select 1").expect("a file");
    let asked = ["--statements", "q.sql", "--database", "DEMO", "--groups", "agents", "--role", "ANALYST"];
    let (code, said) = run(&[&["policy", "diff", "a", "b"][..], &asked].concat());
    assert_eq!(code, Some(0));
    assert!(said.contains("opens: agents as ANALYST: select name from customers\n"), "{said}");
    assert!(said.contains("1 of 2 decisions differ, 1 of them let through what was not"), "{said}");
    assert_eq!(run(&["policy", "diff", "a", "b", "--schema", "s.sql"]).0, Some(64));
    fs::write(folder.path().join("b/90.cedar"), "permit (principal").expect("a file");
    let (code, said) = run(&["policy", "diff", "a", "b"]);
    assert!(
        code == Some(1) && said.contains("90.cedar:1:") && said.contains("snowgate policy check b"),
        "{said}"
    );
}
