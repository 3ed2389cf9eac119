//! What `snowgate serve` and `snowgate config check` say before anything is answered.

use std::fs::{self, File};
use std::net::TcpListener;

use serde_json::Value;

use crate::{Served, serve_logging, snowgate};

const UPSTREAM: &str = "
[[issuers]]
issuer = 'https://login.example.com/'
audience = ['snowgate']
[upstream]
url = 'https://acme-dev.snowflakecomputing.com'
account = 'ACME-DEV'
[upstream.tiers.read]
roles = ['READER']
warehouses = ['WH']
credential = { kind = 'access-token', token = 's3cret' }
[upstream.catalog]
role = 'READER'
warehouse = 'WH'
";

#[test]
fn an_opening_that_cannot_be_read_is_told_at_the_start_and_logged_by_its_key() {
    let mut gateway = Served::start();
    assert_eq!(gateway.ask("select 1").0, 0);
    let closings = gateway.closings();
    let [closing] = closings.as_slice() else { panic!("one closing: {closings:?}") };
    let _ = gateway.child.kill();
    let _ = gateway.child.wait();
    fs::remove_file(closing).expect("it goes");
    let opening = closing.to_string_lossy().replace(".closing.json", ".opening.json");
    fs::remove_file(&opening).expect("it goes");
    fs::write(&opening, b"{}").expect("it is written");

    let log = gateway.folder.path().join("log");
    let to_log = File::create(&log).expect("a file").into();
    let (mut child, printed) = serve_logging(gateway.folder.path(), "127.0.0.1:0", &[], to_log);
    let _ = child.kill();
    let _ = child.wait();
    let attention = "ATTENTION: 1 opening without a closing cannot be read: somebody must look";
    assert!(printed.iter().any(|line| line.starts_with(attention)), "{printed:?}");

    let logged = fs::read_to_string(&log).expect("a log");
    let lines: Vec<Value> =
        logged.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
    let (_, key) = opening.split_once("records/").expect("a place in the records");
    let key = key.strip_suffix(".opening.json").expect("an opening");
    let told: Vec<&Value> = lines
        .iter()
        .filter(|line| {
            line["level"] == "ERROR" && line["fields"]["key"].as_str().is_some_and(|k| k.contains(key))
        })
        .collect();
    assert_eq!(told.len(), 1, "{key}: {logged}");
}

#[test]
fn a_log_filter_that_says_nothing_is_wrong_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    for said in ["wran", "gateway=lots", "info,wran", ""] {
        for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["config", "check"]] {
            let output =
                snowgate(folder.path()).args(command).env("SNOWGATE_LOG", said).output().expect("it runs");
            let error = String::from_utf8(output.stderr).expect("text");
            assert_eq!(output.status.code(), Some(64), "{command:?} `{said}`: {error}");
            assert!(error.contains("SNOWGATE_LOG"), "{error}");
        }
    }
    for said in ["info", "warn,gateway=debug", "off"] {
        let output = snowgate(folder.path())
            .args(["config", "check"])
            .env("SNOWGATE_LOG", said)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
}

#[test]
fn tags_that_nobody_reads_are_told_loudly() {
    let folder = tempfile::tempdir().expect("a folder");
    for (tags, is_told) in [("", true), ("tags = false", true), ("tags = true", false)] {
        fs::write(folder.path().join("snowgate.toml"), format!("{UPSTREAM}{tags}\n")).expect("it is written");
        let output = snowgate(folder.path()).args(["config", "check"]).output().expect("it runs");
        let printed = String::from_utf8(output.stdout).expect("text");
        assert_eq!(output.status.code(), Some(0), "{printed}");
        assert_eq!(printed.contains("ATTENTION: TAGS ARE NOT READ"), is_told, "`{tags}`: {printed}");
    }
    // The embedded warehouse has none.
    fs::remove_file(folder.path().join("snowgate.toml")).expect("it goes");
    let output = snowgate(folder.path()).args(["config", "check"]).output().expect("it runs");
    assert!(!String::from_utf8(output.stdout).expect("text").contains("ATTENTION"));
}

#[test]
fn that_nobody_could_decide_is_told_loudly() {
    const ISSUER: &str = "[reviewers_issuer]\nissuer = 'https://people.example'\nclient_id = 'snowgate'\n";
    const ROSA: &str = "[[reviewers]]\nemail = 'rosa@example.com'\ngroups = ['data-reviewers']\n";
    let folder = tempfile::tempdir().expect("a folder");
    let other = ROSA.replace("data-reviewers", "stewards");
    for (text, expected) in [
        (
            format!("{UPSTREAM}tags = true\n"),
            Some("[reviewers_issuer] is not configured, so reviewers of a real account cannot"),
        ),
        (format!("{UPSTREAM}tags = true\n{ROSA}"), Some("is denied when its time is over")),
        (format!("{UPSTREAM}tags = true\n{ISSUER}{other}"), Some("nobody under [[reviewers]] is asked for")),
        (format!("{UPSTREAM}tags = true\n{ISSUER}{ROSA}"), Some("Set reviewers_issuer.person_claim")),
        (format!("{UPSTREAM}tags = true\n{ISSUER}person_claim = 'email'\n{ROSA}"), None),
        (
            format!(
                "{UPSTREAM}tags = true\n{}{ROSA}",
                ISSUER.replace("people.example", "login.example.com/")
            ),
            None,
        ),
        (String::new(), None),
    ] {
        fs::write(folder.path().join("snowgate.toml"), &text).expect("it is written");
        let output = snowgate(folder.path()).args(["config", "check"]).output().expect("it runs");
        let printed = String::from_utf8(output.stdout).expect("text");
        assert_eq!(output.status.code(), Some(0), "{printed}{}", String::from_utf8_lossy(&output.stderr));
        match expected {
            Some(expected) => {
                assert!(printed.contains("ATTENTION: ") && printed.contains(expected), "{printed}")
            }
            None => assert!(!printed.contains("ATTENTION"), "{printed}"),
        }
    }
}

#[test]
fn a_broken_bundle_does_not_start() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("policies")).expect("a folder");
    fs::write(folder.path().join("policies/catalog.toml"), "[classes.email]\nmask = 'rot13'\n")
        .expect("written");
    for command in [
        &["serve", "--listen", "127.0.0.1:0", "--policies", "policies"][..],
        &["serve", "--listen", "127.0.0.1:0", "--policies", "nowhere"],
    ] {
        let output = snowgate(folder.path()).args(command).output().expect("it runs");
        let error = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("the policy bundle is not good"), "{error}");
        assert!(!folder.path().join(".snowgate").exists());
    }
}

#[test]
fn what_cannot_listen_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = snowgate(folder.path())
        .args(["serve", "--listen", &address, "--home", "fresh"])
        .output()
        .expect("it runs");
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("choose another with --listen"), "{error}");
    assert!(!folder.path().join("fresh").exists());
}

#[test]
fn a_wrong_setting_is_told_with_its_file_line_and_key() {
    let folder = tempfile::tempdir().expect("a folder");
    const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];
    const CHECK: [&str; 2] = ["config", "check"];
    let everywhere: &[&[&str]] = &[&CHECK, &SERVE, &["search"]];
    for (text, variable, commands, expected) in [
        ("\nlissten = 1", None, everywhere, "mine.toml:2: lissten: unknown field `lissten`"),
        (
            "[defaults]\nrole = 7",
            None,
            everywhere,
            "mine.toml:2: defaults.role: a value is wrong: expected a string",
        ),
        ("hold_seconds = 0", None, everywhere, "mine.toml:1: hold_seconds: lies between"),
        ("a = [", None, everywhere, "mine.toml:1: "),
        ("", Some(("SNOWGATE_SCALE", "'x'")), everywhere, "SNOWGATE_SCALE: scale: a value is wrong"),
        ("", Some(("SNOWGATE_SCALE", "0")), &[&CHECK, &SERVE], "SNOWGATE_SCALE: scale: lies above 0"),
        ("listen = 'nowhere'", None, &[&CHECK], "mine.toml:1: listen: is no address"),
        ("", None, &[&["serve", "--listen", "nowhere"]], "--listen: listen: is no address"),
    ] {
        fs::write(folder.path().join("mine.toml"), text).expect("written");
        for command in commands {
            let mut started = snowgate(folder.path());
            let output = started
                .args(*command)
                .args(["--config", "mine.toml"])
                .envs(variable)
                .output()
                .expect("it runs");
            let error = String::from_utf8(output.stderr).expect("text");
            assert!(!output.status.success());
            assert!(error.starts_with(&format!("snowgate: {expected}")), "{command:?}: {error}");
        }
    }
}

#[test]
fn a_good_configuration_is_told_with_the_command_that_uses_it() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("mine.toml"), "home = 'here'\n").expect("written");
    let check = |more: &[&str]| {
        let output = snowgate(folder.path()).args(["config", "check"]).args(more).output().expect("it runs");
        String::from_utf8(output.stdout).expect("text")
    };
    let told = check(&["--config", "mine.toml"]);
    assert!(told.contains("file      mine.toml\n") && told.contains("home      here\n"), "{told}");
    assert!(told.ends_with("next: snowgate serve --config mine.toml\n"), "{told}");
    let told = check(&[]);
    assert!(
        told.contains("there is no snowgate.toml here") && told.ends_with("next: snowgate serve\n"),
        "{told}"
    );
}

#[test]
fn who_wishes_for_traces_finds_them_beside_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("snowgate.toml");
    fs::write(&settings, "traces = 's3cret'").expect("it is written");
    let refused = snowgate(folder.path()).args(["config", "check"]).output().expect("it runs");
    let told = String::from_utf8(refused.stderr).expect("text");
    let expected = "snowgate.toml:1: traces: a value is wrong: expected one of `off`, `asked`, `all`";
    assert!(!refused.status.success() && told.contains(expected), "{told}");
    let by_variable =
        snowgate(folder.path()).args(["config", "check"]).env("SNOWGATE_TRACES", "asked").output();
    let told = String::from_utf8(by_variable.expect("it runs").stdout).expect("text");
    assert!(told.contains("traces    asked"), "{told}");

    fs::write(&settings, "traces = 'all'").expect("it is written");
    let log = folder.path().join("log");
    let to_log = File::create(&log).expect("a file").into();
    let (child, printed) = serve_logging(folder.path(), "127.0.0.1:0", &[], to_log);
    let url = printed[0].split_whitespace().find(|word| word.starts_with("http://")).expect("an address");
    let url = url.trim_end_matches(';').to_owned();
    let gateway = Served { url, folder, child, printed };
    assert_eq!(gateway.ask_because("s3cret-prompt", "select 's3cret-literal' as x").0, 0);
    let logged = fs::read_to_string(&log).expect("a log");
    let lines = logged.lines().map(|line| serde_json::from_str::<Value>(line).expect("one object a line"));
    let spans: Vec<Value> = lines
        .filter(|line| line["level"].is_null())
        .map(|line| line["resourceSpans"][0]["scopeSpans"][0]["spans"][0].clone())
        .collect();
    let names: Vec<&str> = spans.iter().filter_map(|span| span["name"].as_str()).collect();
    for name in ["authenticate", "open", "run", "fetch", "mask", "close", "settle", "sqlapi"] {
        assert!(names.contains(&name), "{name}: {logged}");
    }
    let traces: std::collections::BTreeSet<&str> =
        spans.iter().filter_map(|span| span["traceId"].as_str()).collect();
    assert_eq!(traces.len(), 1, "{logged}");
    assert!(!logged.contains("s3cret") && !logged.contains("ana@"), "{logged}");
}
