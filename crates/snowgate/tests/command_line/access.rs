//! Access for a while, by the command line, while a gateway runs.

use std::fs;

use serde_json::{Value, json};

use crate::Served;

const READ: &str = "select id, email from demo.public.customers order by id limit 2";
const REQUEST: &str = "request access to demo.public.* for '2h' because 'the monthly report'";

/// A gateway whose agents may read nothing of `DEMO` by the rules.
fn restricted() -> Served {
    let folder = tempfile::tempdir().expect("a folder");
    let init = crate::snowgate(folder.path()).args(["policy", "init", "policies"]).output().expect("it runs");
    assert!(init.status.success(), "{init:?}");
    for (file, from, to) in [
        ("catalog.toml", "[detectors]\noff = []", "[access]\nlongest = \"12h\"\n\n[detectors]\noff = []"),
        (
            "30-objects.cedar",
            "@id(\"agents-read-demo\")\npermit (\n    principal in Group::\"agents\"",
            "@id(\"agents-read-demo\")\npermit (\n    principal in Group::\"insiders\"",
        ),
    ] {
        let path = folder.path().join("policies").join(file);
        let text = std::fs::read_to_string(&path).expect("a file of the bundle");
        assert!(text.contains(from), "{file}");
        std::fs::write(&path, text.replace(from, to)).expect("it is written");
    }
    Served::start_in(folder, &["--policies", "policies"])
}

#[test]
fn access_is_asked_for_granted_listed_used_and_ended() {
    let gateway = restricted();
    let (code, answer) = gateway.ask(READ);
    assert_eq!(code, 3, "{answer}");
    let told = answer["refusal"]["message"].as_str().unwrap_or_default();
    assert!(told.contains("request access to DEMO.PUBLIC.CUSTOMERS for '1h' because 'why'"), "{answer}");

    // Nobody is told of a name that the catalog does not know.
    let (code, answer) =
        gateway.ask("request access to demo.information_schema.call_0800_555 for '2h' because 'it'");
    let told = answer["refusal"]["message"].as_str().unwrap_or_default();
    assert!(code == 3 && told.contains("the catalog knows no table"), "{answer}");

    let (id, exchange) = gateway.held(REQUEST);
    let (_, listed, _) = gateway.decide(&["approvals"]);
    for part in ["grant (request_access)", "asks to read DEMO.PUBLIC.* until 20", "the monthly report"] {
        assert!(listed.contains(part), "{part}: {listed}");
    }
    let (_, listed, _) = gateway.decide(&["approvals", "--json"]);
    let listed: Value = serde_json::from_str(listed.trim()).expect("one object");
    assert_eq!(listed["access"]["to"], json!("DEMO.PUBLIC.*"));
    let (_, shown, _) = gateway.decide(&["approvals", &id]);
    assert!(shown.contains("a yes adds this to the policies") && shown.contains("permit ("), "{shown}");
    let (code, _, why) = gateway.decide(&["approve", &id, "--as", "snowgate-ask"]);
    assert!(code == 1 && why.contains("nobody may decide what was asked by them"), "{why}");
    let stands = ["approve", &id, "--runs", "2", "--rows", "10", "--until", "2999-01-01"];
    let (code, _, why) = gateway.decide(&stands);
    assert!(code == 1 && why.contains("access has an end of its own"), "{why}");
    let (code, told, why) = gateway.decide(&["approve", &id, "--as", "rosa@example.com"]);
    assert_eq!(code, 0, "{why}");
    assert!(told.contains("puts it in force within seconds") && told.contains("--access"), "{told}");
    let closing = gateway.end_of(&exchange);
    assert_eq!((&closing["outcome"], &closing["rows"]), (&json!("rows"), &json!(1)), "{closing}");

    let (code, answer) = gateway.ask(READ);
    assert_eq!(code, 0, "{answer}");
    assert_eq!(answer["columns"][1]["masked"], json!(true), "{answer}");
    let used = answer["exchange"].as_str().expect("an exchange");
    let told = gateway.lines(&["replay", used, "--home", "home", "--json"]);
    let decision = told.iter().find(|event| event["kind"] == "decision").expect("a decision");
    assert_eq!(decision["access"][0]["approval"], json!(id), "{decision}");
    let told = String::from_utf8(gateway.run(&["replay", used, "--home", "home"]).stdout).expect("text");
    assert!(crate::unbroken(&told).contains("access to DEMO.PUBLIC.* until 20"), "{told}");

    let (_, listed, _) = gateway.decide(&["approvals", "--access", "--json"]);
    let listed: Value = serde_json::from_str(listed.trim()).expect("one object");
    assert_eq!((&listed["id"], &listed["by"]), (&json!(id), &json!(["rosa@example.com"])), "{listed}");
    // By the bundle that the gateway decides by, which stands on its command line alone.
    assert_eq!(listed["rests"], Value::Null, "{listed}");
    let (_, listed, note) = gateway.decide(&["approvals", "--access"]);
    assert!(listed.contains("may read DEMO.PUBLIC.*") && !listed.contains("permits nothing"), "{listed}");
    assert!(!note.contains("told by the gateway alone"), "{note}");
    let catalog = gateway.folder.path().join("policies/catalog.toml");
    let text = fs::read_to_string(&catalog).expect("the catalog");
    fs::write(&catalog, text.replace("longest = \"12h\"", "longest = \"1h\"")).expect("it is written");
    let (_, listed, _) = gateway.decide(&["approvals", "--access"]);
    assert!(listed.contains("permits nothing for now: policy lets nobody grant so much"), "{listed}");
    fs::write(&catalog, text).expect("it is written");
    let (code, told, why) =
        gateway.decide(&["approvals", "--end", &id, "--reason", "done", "--as", "sam@example.com"]);
    assert_eq!(code, 0, "{why}");
    assert!(told.contains("ended by sam@example.com"), "{told}");
    let (_, listed, note) = gateway.decide(&["approvals", "--access"]);
    assert!(listed.is_empty() && note.contains("no access is granted"), "{listed}{note}");
    assert_eq!(gateway.ask(READ).0, 3, "it was ended");
    let (code, _, why) = gateway.decide(&["approvals", "--end", &"7".repeat(32)]);
    assert!(code == 1 && why.contains("there is no such approval"), "{why}");
    let told = gateway.lines(&["replay", &exchange, "--home", "home", "--json"]);
    let ended = told.iter().find(|event| event["step"] == "ended").expect("its end");
    assert_eq!(
        (&ended["by"]["person"], &ended["reason"]),
        (&json!("sam@example.com"), &json!("done")),
        "{ended}"
    );
    assert_eq!(gateway.verify(), 0);
}

#[test]
fn a_view_is_asked_for_once_what_it_reads_may_be_read() {
    let gateway = restricted();
    let view = "select * from demo.public.v_country_stats";
    let request = |what: &str| format!("request access to demo.public.{what} for '1h' because 'stats'");
    let (code, answer) = gateway.ask(view);
    let told = answer["refusal"]["message"].as_str().unwrap_or_default();
    let offered = "request access to DEMO.PUBLIC.CUSTOMERS for '1h' because 'why'; request access to DEMO.PUBLIC.V_COUNTRY_STATS for";
    assert!(code == 3 && told.contains(offered), "{answer}");
    let (code, answer) = gateway.ask(&request("v_country_stats"));
    let told = answer["refusal"]["message"].as_str().unwrap_or_default();
    assert_eq!(code, 3, "{answer}");
    assert!(told.contains("reads DEMO.PUBLIC.CUSTOMERS besides") && told.contains("of no use"), "{answer}");
    for what in ["customers", "v_country_stats"] {
        let (id, exchange) = gateway.held(&request(what));
        let (code, _, why) = gateway.decide(&["approve", &id, "--as", "rosa@example.com"]);
        assert_eq!(code, 0, "{why}");
        assert_eq!(gateway.end_of(&exchange)["outcome"], json!("rows"), "{what}");
    }
    let (code, answer) = gateway.ask(view);
    assert_eq!(code, 0, "{answer}");
    assert_eq!(gateway.verify(), 0);
}

#[test]
fn access_that_is_denied_is_not_told_as_lasting() {
    let gateway = restricted();
    let (id, exchange) = gateway.held(REQUEST);
    let (code, told, why) = gateway.decide(&["deny", &id, "--as", "rosa@example.com"]);
    assert_eq!(code, 0, "{why}");
    assert!(told.contains("denied by rosa@example.com"), "{told}");
    assert!(!told.contains("until") && !told.contains("--access"), "{told}");
    gateway.end_of(&exchange);
}

#[test]
fn what_ends_or_denies_works_beside_a_broken_bundle_and_a_broken_configuration() {
    let gateway = restricted();
    let (id, exchange) = gateway.held(REQUEST);
    let (waits, _) = gateway.held("request access to demo.public.countries for '1h' because 'it'");
    assert_eq!(gateway.decide(&["approve", &id, "--as", "rosa@example.com"]).0, 0);
    gateway.end_of(&exchange);
    let folder = gateway.folder.path();
    fs::write(folder.join("policies/30-objects.cedar"), "permit (").expect("it is written");
    fs::write(folder.join("snowgate.toml"), "home = [").expect("it is written");

    let (code, listed, why) = gateway.decide(&["approvals", "--access", "--json"]);
    assert_eq!(code, 0, "{why}");
    let listed: Value = serde_json::from_str(listed.trim()).expect("one object");
    assert_eq!((&listed["id"], &listed["rests"]), (&json!(id), &json!("the policies cannot be read")));

    let left_out = "the reason is left out, because nobody can tell what must not stand in it";
    let (code, told, why) = gateway.decide(&["deny", &waits, "--reason", "no"]);
    assert_eq!(code, 0, "{why}");
    assert!(told.contains("denied by") && why.contains(left_out), "{told}{why}");
    let (code, told, why) = gateway.decide(&["approvals", "--end", &id, "--reason", "stop"]);
    assert_eq!(code, 0, "{why}");
    assert!(told.contains("ended by") && why.contains(left_out), "{told}{why}");
    let (_, listed, _) = gateway.decide(&["approvals", "--access"]);
    assert!(listed.is_empty(), "{listed}");
    // A yes takes no reason that nobody has looked at.
    let (code, _, why) = gateway.decide(&["approve", &id, "--reason", "yes"]);
    assert!(code == 1 && why.contains("the policy bundle does not validate"), "{why}");
}

#[test]
fn a_yes_is_taken_back_under_its_id_whether_it_is_in_force_yet_or_not() {
    let gateway = restricted();
    let (id, exchange) = gateway.held(REQUEST);
    let (code, _, why) = gateway.decide(&["approvals", "--end", &id, "--as", "rosa@example.com"]);
    assert!(code == 1 && why.contains("this approval is not granted"), "{why}");
    assert_eq!(gateway.decide(&["approve", &id, "--as", "rosa@example.com"]).0, 0);
    let (code, told, why) = gateway.decide(&["approvals", "--end", &id, "--as", "rosa@example.com"]);
    assert_eq!(code, 0, "{why}");
    // As the running gateway was faster, or not.
    let (is_taken_back, is_ended) = (told.contains("the yes is taken back by"), told.contains("ended by"));
    assert!(is_taken_back != is_ended, "{told}");
    gateway.end_of(&exchange);
    assert_eq!(gateway.ask(READ).0, 3);
    assert_eq!(gateway.verify(), 0);
}

#[test]
fn what_was_asked_for_and_granted_in_the_demo_counts_for_nothing_once_reviewers_sign_in() {
    let mut gateway = restricted();
    let (granted, exchange) = gateway.held(REQUEST);
    let (code, _, why) = gateway.decide(&["approve", &granted, "--as", "rosa@example.com"]);
    assert_eq!(code, 0, "{why}");
    gateway.end_of(&exchange);
    assert_eq!(gateway.ask(READ).0, 0);
    let (waits, _) = gateway.held("insert into demo.public.customers (id) values (1)");
    let folder = std::mem::replace(&mut gateway.folder, tempfile::tempdir().expect("a folder"));
    drop(gateway);
    let config = "[reviewers_issuer]\nissuer = 'http://127.0.0.1:1'\nclient_id = 'snowgate'\nclient_secret = 'secret'\n\
                  [[reviewers]]\nemail = 'rosa@example.com'\ngroups = ['data-reviewers']\n";
    fs::write(folder.path().join("snowgate.toml"), config).expect("a file");
    let gateway = Served::start_in(folder, &["--policies", "policies"]);
    // Its output is no terminal and there is no mail, so nobody can be told, and it promises nothing else.
    assert!(gateway.printed.iter().any(|line| line.contains("links are printed on a terminal alone")));
    assert!(!gateway.printed.iter().any(|line| line.contains("prints a link here")), "{:?}", gateway.printed);
    for verb in ["approve", "deny"] {
        let (code, told, why) = gateway.decide(&[verb, &waits, "--as", "boss@evil.example"]);
        assert!(code == 1 && told.is_empty(), "{verb}: {told}");
        assert!(why.contains("before reviewers had to sign in") && why.contains("asks again"), "{why}");
    }
    let (code, answer) = gateway.ask(READ);
    assert_eq!(code, 3, "{answer}");
    let (_, listed, _) = gateway.decide(&["approvals", "--access", "--json"]);
    let listed: Value = serde_json::from_str(listed.trim()).expect("one object");
    assert_eq!(listed["rests"], json!("it was granted before reviewers had to sign in"), "{listed}");
    assert_eq!(gateway.verify(), 0);
}
