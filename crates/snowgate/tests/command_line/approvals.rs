//! A person decides, by the command line, while a gateway runs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Served;

const DELETE: &str = "delete from demo.public.orders where status = 'cancelled'";

impl Served {
    /// Asks what waits; its approval and its exchange.
    pub fn held(&self, sql: &str) -> (String, String) {
        self.held_because("why", sql)
    }

    fn held_because(&self, prompt: &str, sql: &str) -> (String, String) {
        let (code, answer) = self.ask_because(prompt, sql);
        assert_eq!((code, &answer["outcome"]), (4, &json!("pending")), "{answer}");
        let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
        (text("approval"), text("exchange"))
    }

    /// The same where a standing approval may have said the yes before anybody looked.
    fn held_or_done(&self, sql: &str) -> (i32, String) {
        let (code, answer) = self.ask(sql);
        assert!(code == 4 || code == 0, "{answer}");
        (code, answer["exchange"].as_str().expect("an exchange").to_owned())
    }

    pub fn decide(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.run(&[arguments, &["--home", "home"]].concat());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (output.status.code().expect("a code"), text(output.stdout), text(output.stderr))
    }

    /// The end of an exchange, once the running gateway has come to it.
    pub fn end_of(&self, exchange: &str) -> Value {
        let begun = Instant::now();
        loop {
            let told = self.lines(&["replay", exchange, "--home", "home", "--json"]);
            if let Some(closing) = told.into_iter().find(|event| event["kind"] == "closing") {
                return closing;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "nobody ends it");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn returned_orders(&self) -> Value {
        let (code, answer) = self.ask("select count(*) from demo.public.orders where status = 'cancelled'");
        assert_eq!(code, 0, "{answer}");
        answer["rows"][0][0].clone()
    }
}

#[test]
fn what_waits_is_listed_approved_run_and_told_again() {
    let gateway = Served::start();
    assert_ne!(gateway.returned_orders(), json!("0"));
    let (id, exchange) = gateway.held(DELETE);

    let (code, told, _) = gateway.decide(&["approvals"]);
    assert_eq!(code, 0);
    let under = "under role ANALYST, warehouse DEMO_WH, database DEMO, schema PUBLIC";
    for part in
        [id.as_str(), "write (delete)", "asked by snowgate-ask", DELETE, "data-reviewers decide until", under]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    let (_, json_lines, _) = gateway.decide(&["approvals", "--json"]);
    assert!(json_lines.starts_with(&format!("{{\"id\":\"{id}\",")), "{json_lines}");
    let listed: Value = serde_json::from_str(json_lines.trim()).expect("one object");
    assert_eq!((&listed["exchange"], &listed["state"]), (&json!(exchange), &json!("waiting")));
    assert_eq!(listed["writes"], json!(["DEMO.PUBLIC.ORDERS"]));
    assert_eq!(listed["sign_in"], json!("development"));

    // Who asked does not decide.
    let (code, _, told) = gateway.decide(&["approve", &id, "--as", "snowgate-ask"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("nobody may decide what was asked by them"), "{told}");

    let (code, told, broken) =
        gateway.decide(&["approve", &id, "--as", "rosa@example.com", "--reason", "tidy"]);
    assert_eq!(code, 0, "{broken}");
    assert!(told.contains("approved by rosa@example.com") && told.contains(DELETE), "{told}");
    let closing = gateway.end_of(&exchange);
    assert_eq!((&closing["outcome"], &closing["rows"]), (&json!("rows"), &json!(1)), "{closing}");
    assert_eq!(gateway.returned_orders(), json!("0"));

    let told = gateway.lines(&["replay", &exchange, "--home", "home", "--json"]);
    let steps: Vec<&str> = told.iter().filter_map(|event| event["step"].as_str()).collect();
    assert_eq!(
        steps.iter().filter(|step| **step != "told").collect::<Vec<_>>(),
        [&"asked", &"viewed", &"decided", &"spent"]
    );
    let decided = told.iter().find(|event| event["step"] == "decided").expect("a verdict");
    assert_eq!((&decided["kind"], &decided["verdict"]), (&json!("approval"), &json!("approve")));
    assert_eq!(decided["by"]["sign_in"], json!("development"));
    let page = told.iter().find(|event| event["kind"] == "page").expect("a result");
    assert_eq!(page["columns"][0]["name"], json!("number of rows deleted"));
    assert_ne!(page["rows"], json!([[null]]), "the count is told");
    let text = gateway.run(&["replay", &exchange, "--home", "home"]);
    let text = String::from_utf8(text.stdout).expect("text");
    assert!(text.contains("approval  decided by rosa@example.com (development): approve"), "{text}");

    // Once.
    let (code, _, told) = gateway.decide(&["deny", &id, "--as", "sam@example.com"]);
    assert_eq!(code, 1);
    assert!(told.contains("it is spent"), "{told}");
    let (_, told, note) = gateway.decide(&["approvals"]);
    assert!(told.is_empty() && note.contains("nothing waits"), "{told}{note}");
    assert_eq!(gateway.verify(), 0);
}

#[test]
fn an_approved_update_tells_its_counts_and_nothing_is_found() {
    let gateway = Served::start();
    let (id, exchange) =
        gateway.held("update demo.public.orders set status = 'open' where id = 5 and sku <> 'x'");
    let (code, _, why) = gateway.decide(&["approve", &id, "--as", "rosa@example.com"]);
    assert_eq!(code, 0, "{why}");
    let closing = gateway.end_of(&exchange);
    assert_eq!(closing["findings"].as_array().map_or(0, Vec::len), 0, "{closing}");
    let told = gateway.lines(&["replay", &exchange, "--home", "home", "--json"]);
    let page = told.iter().find(|event| event["kind"] == "page").expect("a result");
    let names: Vec<&str> = page["columns"]
        .as_array()
        .expect("columns")
        .iter()
        .filter_map(|column| column["name"].as_str())
        .collect();
    assert_eq!(names, ["number of rows updated", "number of multi-joined rows updated"], "{page}");
    assert_eq!(page["rows"], json!([["1", "0"]]), "{page}");
}

#[test]
fn what_is_denied_does_not_run_and_its_agent_is_told_why() {
    let gateway = Served::start();
    let before = gateway.returned_orders();
    let (id, exchange) = gateway.held(DELETE);
    let (code, told, _) = gateway.decide(&["deny", &id, "--reason", "use the archive"]);
    assert_eq!(code, 0);
    assert!(told.contains("denied by reviewer@example.com"), "{told}");
    let closing = gateway.end_of(&exchange);
    assert_eq!(closing["refusal"]["reason"], json!("denied"));
    let message = closing["refusal"]["message"].as_str().expect("a sentence");
    assert!(message.contains("a reviewer denied this statement: use the archive"), "{message}");
    assert_eq!(gateway.returned_orders(), before);
    assert_eq!(gateway.verify(), 0);
}

#[test]
fn one_approval_is_shown_whole_before_anybody_decides_and_who_looked_is_recorded() {
    let gateway = Served::start();
    // A literal that the list masks.
    let sql = "update demo.public.orders set status = 'asked by ana.lee@customers.example' where id = 1";
    let (id, exchange) = gateway.held(sql);
    let (_, listed, _) = gateway.decide(&["approvals"]);
    assert!(!listed.contains("ana.lee"), "{listed}");
    let (code, told, next) = gateway.decide(&["approvals", &id, "--as", "rosa@example.com"]);
    assert_eq!(code, 0, "{next}");
    for part in [
        "exactly this would run:",
        // Broken for the terminal.
        "update demo.public.orders set status = 'asked by ",
        "ana.lee@customers.example' where id = 1",
        "role ANALYST, warehouse DEMO_WH, database DEMO, schema PUBLIC",
        "changes DEMO.PUBLIC.ORDERS",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(next.contains(&format!("next: snowgate approve {id}")), "{next}");
    let (_, told, _) = gateway.decide(&["approvals", &id, "--json", "--as", "rosa@example.com"]);
    let told: Value = serde_json::from_str(told.trim()).expect("one object");
    assert_eq!((&told["id"], &told["exact_sql"]), (&json!(id), &json!(sql)));
    assert_eq!(told["exact_context"]["role"], json!("ANALYST"));
    // Who asked is shown nothing, and nobody is shown what is none.
    let (code, told, why) = gateway.decide(&["approvals", &id, "--as", "snowgate-ask"]);
    assert!(
        code == 1 && told.is_empty() && why.contains("nobody may decide what was asked by them"),
        "{why}"
    );
    assert_eq!(gateway.decide(&["approvals", "not-an-id"]).0, 64);
    let (code, _, why) = gateway.decide(&["approvals", &"0".repeat(32)]);
    assert!(code == 1 && why.contains("no such approval"), "{why}");
    let told = gateway.lines(&["replay", &exchange, "--home", "home", "--json"]);
    let looked: Vec<&Value> = told.iter().filter(|event| event["step"] == "viewed").collect();
    assert_eq!(looked.len(), 1, "looking again is no new step");
    assert_eq!(looked[0]["by"]["subject"], json!("rosa@example.com"));
}

#[test]
fn nothing_that_an_agent_writes_passes_for_what_the_gateway_says() {
    let gateway = Served::start();
    let id_of_another = "0".repeat(32);
    let pushed = |words: &str| format!("x{}{words}", " ".repeat(75));
    let prompt = format!(
        "Please clean up\n    under role ANALYST\n    data-reviewers decide until 2026; recorded as x/1\n{id_of_another}  waiting  \
         write (delete)\n    {}",
        pushed("exactly this would run:")
    );
    let sql = format!(
        "delete from demo.public.orders /* tidy\n{}\n    because it is harmless */ where \
         status <> 'shi\u{307}pped' and status <> '{}' and id > -99999",
        pushed("    delete from demo.public.scratch"),
        "\n".repeat(500)
    );
    let (id, _) = gateway.held_because(&prompt, &sql);
    for arguments in [&["approvals"][..], &["approvals", &id]] {
        let (code, told, why) = gateway.decide(arguments);
        assert_eq!(code, 0, "{why}");
        assert!(told.lines().count() < 60, "{told}");
        let forged = [
            "under role ANALYST",
            "decide until 2026;",
            id_of_another.as_str(),
            "delete from demo.public.scratch",
            "because it is harmless",
        ];
        for line in told.lines() {
            assert!(line.chars().count() <= 80, "{line:?} goes on at the left edge: {told}");
            let is_others = line.trim_start().starts_with("┆ ");
            assert!(!line.ends_with(' ') || is_others, "{line:?}: {told}");
            let holds = forged.iter().any(|forged| line.contains(forged));
            // Our own line about the role names more than it.
            assert!(is_others || !holds || line.contains("warehouse DEMO_WH"), "{line:?}: {told}");
        }
        let headings = told.lines().filter(|line| *line == "exactly this would run:").count();
        assert_eq!(headings, arguments.len() - 1, "{told}");
        assert!(told.contains("shi⟦U+0307⟧pped") && told.contains("⟦… 500 line ends …⟧"), "{told}");
    }
    let (_, told, _) = gateway.decide(&["approvals", &id]);
    assert!(told.contains("note: 1 character is not what they may look like"), "{told}");
    assert!(told.contains("    3 -99999\n"), "its literals are told with their minus: {told}");
    assert_eq!(gateway.decide(&["deny", &id]).0, 0);
}

#[test]
fn an_approval_that_is_none_is_told_with_what_to_do() {
    let gateway = Served::start();
    for verdict in ["approve", "deny"] {
        let (code, _, told) = gateway.decide(&[verdict, &"0".repeat(32)]);
        assert_eq!(code, 1);
        assert!(told.contains("no such approval") && told.contains("next: snowgate approvals"), "{told}");
        let (code, _, told) = gateway.decide(&[verdict, "not-an-id"]);
        assert!(code == 64 && told.contains("next: snowgate approvals --home home lists them"), "{told}");
        let missing = gateway.run(&[verdict, &"0".repeat(32), "--home", "nowhere"]);
        assert_eq!(missing.status.code(), Some(1));
    }
}

#[test]
fn whoever_asked_is_told_what_a_reviewer_does_next() {
    let gateway = Served::start();
    let output = gateway.run(&["ask", "--url", &gateway.url, "--home", "home", DELETE]);
    assert_eq!(output.status.code(), Some(4));
    let told = String::from_utf8(output.stdout).expect("text");
    let (_, listed, _) = gateway.decide(&["approvals", "--json"]);
    let listed: Value = serde_json::from_str(listed.trim()).expect("one object");
    let next = format!("snowgate approve {} --home home", listed["id"].as_str().expect("an id"));
    assert!(told.contains(&next), "{told}");
}

#[test]
fn a_large_result_waits_for_a_person_and_is_released_without_running_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let init = crate::snowgate(folder.path()).args(["policy", "init", "policies"]).output().expect("it runs");
    assert!(init.status.success(), "{init:?}");
    let catalog = folder.path().join("policies/catalog.toml");
    let text = std::fs::read_to_string(&catalog).expect("a catalog");
    let few = text
        .replace("rows = 2_000_000", "rows = 5")
        .replace("rows_if_approved = 10_000_000", "rows_if_approved = 30");
    assert_ne!(few, text);
    std::fs::write(&catalog, few).expect("it is written");
    let gateway = Served::start_in(folder, &["--policies", "policies"]);

    let twenty =
        "select c_name, c_acctbal from snowflake_sample_data.tpch_sf1.customer order by c_custkey limit 20";
    let (id, exchange) = gateway.held(twenty);
    let (_, listed, _) = gateway.decide(&["approvals", "--json"]);
    let listed: Value = serde_json::from_str(listed.trim()).expect("one object");
    let result = &listed["result"];
    assert_eq!(
        (&result["rows"], &result["kept_rows"], &result["row_limit"]),
        (&json!(20), &json!(20), &json!(5))
    );
    let (_, told, _) = gateway.decide(&["approvals", &id]);
    assert!(told.contains("exactly this has run:") && told.contains("20 rows and the limit is 5"), "{told}");
    // What has run stands for nothing, and is told so.
    let until =
        gateway::ports::Clock::now(&local::SystemClock).after(Duration::from_secs(86_400)).to_string();
    let stands = ["approve", &id, "--runs", "2", "--rows", "10", "--until", &until];
    let (code, _, why) = gateway.decide(&stands);
    assert!(code == 1 && why.contains("its result is released once"), "{why}");
    let (code, told, broken) = gateway.decide(&["approve", &id, "--as", "rosa@example.com"]);
    assert_eq!(code, 0, "{broken}");
    assert!(told.contains("its result is released within seconds"), "{told}");
    let closing = gateway.end_of(&exchange);
    assert_eq!((&closing["outcome"], &closing["rows"]), (&json!("rows"), &json!(20)), "{closing}");
    let told = gateway.lines(&["replay", &exchange, "--home", "home", "--json"]);
    let page = told.iter().find(|event| event["kind"] == "page").expect("a result");
    assert_eq!(page["rows"][0][0], json!("[PERSON]"), "{page}");
    assert!(told.iter().any(|event| event["step"] == "released"));

    // What is denied is there for nobody, and what is larger than may be kept is stopped.
    let all = "select c_custkey from snowflake_sample_data.tpch_sf1.customer";
    let (id, exchange) = gateway.held(all);
    let (_, told, _) = gateway.decide(&["approvals", &id]);
    // Whatever the width that our own words go on at.
    let told = told.replace("\n      … ", " ");
    assert!(told.contains("more than may be kept, so only the first 30 rows are"), "{told}");
    assert_eq!(gateway.decide(&["deny", &id, "--reason", "too many"]).0, 0);
    let closing = gateway.end_of(&exchange);
    assert_eq!(closing["refusal"]["reason"], json!("denied"), "{closing}");
    assert_eq!(closing["rows"], json!(0));
    assert_eq!(gateway.verify(), 0);
}

#[test]
fn a_yes_that_stands_lets_later_ones_like_it_go_until_it_is_ended() {
    let gateway = Served::start();
    let delete = |id: u32| format!("delete from demo.public.orders where id = {id}");
    let (id, exchange) = gateway.held(&delete(1));
    let (_, told, _) = gateway.decide(&["approvals", &id]);
    assert!(told.contains("its literals") && told.contains("    1 1"), "{told}");
    let stands = ["--runs", "2", "--rows", "10", "--until", "2999-01-01"];
    let (code, _, why) = gateway.decide(&[&["approve", &id, "--vary", "1=1..9"][..], &stands].concat());
    assert!(code == 1 && why.contains("within 90 days"), "{why}");
    let now = gateway::ports::Clock::now(&local::SystemClock);
    let until = now.after(Duration::from_secs(86_400)).to_string();
    let stands = ["--runs", "2", "--rows", "10", "--until", &until];
    let (code, _, why) = gateway.decide(&[&["approve", &id, "--vary", "2=1..9"][..], &stands].concat());
    assert!(code == 1 && why.contains("no such literal"), "{why}");
    assert_eq!(gateway.decide(&["approve", &id, "--runs", "2"]).0, 64);
    let (code, told, why) = gateway
        .decide(&[&["approve", &id, "--as", "rosa@example.com", "--vary", "1=1..9"][..], &stands].concat());
    assert_eq!(code, 0, "{why}");
    assert!(told.contains("and 2 later runs like it"), "{told}");
    assert!(
        told.contains(
            "10 rows at most in its result (how many rows it changes is bounded by its text alone)"
        ),
        "{told}"
    );
    assert_eq!(gateway.end_of(&exchange)["outcome"], json!("rows"));

    let (_, exchange) = gateway.held_or_done(&delete(2));
    assert_eq!(gateway.end_of(&exchange)["outcome"], json!("rows"));
    let told = gateway.lines(&["replay", &exchange, "--home", "home", "--json"]);
    let steps: Vec<&str> = told.iter().filter_map(|event| event["step"].as_str()).collect();
    assert_eq!(steps, ["asked", "issued", "spent"]);
    let (_, listed, _) = gateway.decide(&["approvals", "--standing", "--json"]);
    let listed: Value = serde_json::from_str(listed.trim()).expect("one object");
    assert_eq!((&listed["id"], &listed["uses"], &listed["runs"]), (&json!(id), &json!(1), &json!(2)));
    assert!(listed.get("over").is_none(), "{listed}");

    let (code, told, why) =
        gateway.decide(&["approvals", "--end", &id, "--reason", "no more", "--as", "sam@example.com"]);
    assert_eq!(code, 0, "{why}");
    assert!(told.contains("ended by sam@example.com"), "{told}");
    let (_, told, next) = gateway.decide(&["approvals", "--standing"]);
    assert!(told.contains("was ended") && told.contains("1 may be from 1 to 9"), "{told}");
    assert!(next.contains("snowgate approvals --end ID --home home --reason WHY"), "{next}");
    let (waits, exchange) = gateway.held(&delete(3));
    assert_eq!(gateway.decide(&["deny", &waits]).0, 0);
    assert_eq!(gateway.end_of(&exchange)["refusal"]["reason"], json!("denied"));
    assert_eq!(gateway.verify(), 0);
}

#[test]
fn what_a_revoked_agent_has_asked_for_is_told_as_such_and_a_yes_promises_nothing() {
    let gateway = Served::start();
    let (id, exchange) = gateway.held(DELETE);
    let (_, listed, _) = gateway.decide(&["approvals"]);
    assert!(!listed.contains("revoked"), "{listed}");
    assert_eq!(gateway.decide(&["revoke", "agent", "snowgate-ask"]).0, 0);
    let (_, listed, _) = gateway.decide(&["approvals"]);
    assert!(listed.contains("its agent is revoked: nothing comes of a yes"), "{listed}");
    let (_, listed, _) = gateway.decide(&["approvals", "--json"]);
    let listed: Value = serde_json::from_str(listed.trim()).expect("one object");
    assert_eq!(listed["revoked"], json!("agent"));
    let (code, told, why) = gateway.decide(&["approve", &id, "--as", "rosa@example.com"]);
    assert_eq!(code, 0, "{why}");
    assert!(told.contains("its agent is revoked, so nothing comes of it"), "{told}");
    assert!(!told.contains("within seconds"), "{told}");
    assert_eq!(gateway.end_of(&exchange)["refusal"]["reason"], json!("revoked"));
    assert_eq!(gateway.verify(), 0);
}

#[test]
fn whoever_reads_no_further_has_decided_all_the_same() {
    let gateway = Served::start();
    let (id, exchange) = gateway.held(DELETE);
    let mut child = crate::snowgate(gateway.folder.path())
        .args(["approve", &id, "--as", "rosa@example.com", "--home", "home"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    let done = child.wait_with_output().expect("it ends");
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
    assert_eq!(gateway.end_of(&exchange)["outcome"], json!("rows"));
}

/// Has so many people agree, by the bundle in that folder.
fn wants_people(folder: &std::path::Path, people: u32) {
    let path = folder.join("policies/catalog.toml");
    let text = std::fs::read_to_string(&path).expect("a file of the bundle");
    let lines = text.lines().filter(|line| !line.starts_with("people = "));
    let text = lines.map(|line| format!("{line}\n")).collect::<String>();
    let reviewers = "groups = [\"data-reviewers\"]\n";
    assert!(text.contains(reviewers), "{text}");
    std::fs::write(path, text.replace(reviewers, &format!("{reviewers}people = {people}\n")))
        .expect("it is written");
}

#[test]
fn how_many_people_agree_so_far_and_why_they_are_asked_again_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let init = crate::snowgate(folder.path()).args(["policy", "init", "policies"]).output().expect("it runs");
    assert!(init.status.success(), "{init:?}");
    wants_people(folder.path(), 2);
    let path = folder.path().to_owned();
    let gateway = Served::start_in(folder, &["--policies", "policies"]);
    let (id, exchange) = gateway.held(DELETE);
    let (_, listed, _) = gateway.decide(&["approvals"]);
    assert!(listed.contains("2 of them must say yes; so far nobody has"), "{listed}");
    assert!(!listed.contains("asked again"), "{listed}");
    for said in ["approved by rosa@example.com; 1 of 2", "was approved by rosa@example.com already; 1 of 2"] {
        let (code, told, broken) = gateway.decide(&["approve", &id, "--as", "rosa@example.com"]);
        assert_eq!(code, 0, "{broken}");
        assert!(told.contains(&format!("{said} people have said yes")), "{told}");
    }
    let (_, listed, _) = gateway.decide(&["approvals"]);
    assert!(listed.contains("so far rosa@example.com has"), "{listed}");

    // Until the gateway goes by three.
    wants_people(&path, 3);
    let begun = Instant::now();
    while wants_people_now(&gateway) != 3 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the bundle is not read again");
        std::thread::sleep(Duration::from_millis(500));
    }
    let (code, told, broken) = gateway.decide(&["approve", &id, "--as", "sam@example.com"]);
    assert_eq!(code, 0, "{broken}");
    assert!(told.contains("approved by sam@example.com"), "{told}");
    let begun = Instant::now();
    let again = loop {
        let (_, listed, _) = gateway.decide(&["approvals", "--json"]);
        let rows = listed.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row"));
        if let Some(row) =
            rows.into_iter().find(|row| row["exchange"] == json!(exchange) && row["id"] != json!(id))
        {
            break row;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody is asked again");
        std::thread::sleep(Duration::from_millis(100));
    };
    let why = "changed since it was approved: who decides it, or how many people must";
    assert_eq!(again["again"], json!(why));
    let second = again["id"].as_str().expect("an id");
    for arguments in [vec!["approvals"], vec!["approvals", second, "--as", "rosa@example.com"]] {
        let (_, told, _) = gateway.decide(&arguments);
        let (begin, _) = why.split_once(", or").expect("a line");
        assert!(told.contains(&format!("asked again: {begin}")), "{arguments:?}: {told}");
    }
    assert_eq!(gateway.verify(), 0);
}

/// How many people what is asked now needs.
fn wants_people_now(gateway: &Served) -> u64 {
    let sql = "delete from demo.public.orders where id = 1";
    let (id, _) = gateway.held(sql);
    let (_, listed, _) = gateway.decide(&["approvals", "--json"]);
    let rows = listed.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row"));
    let needed = rows.into_iter().find(|row| row["id"] == json!(id)).expect("it waits")["needed"].as_u64();
    let (code, _, broken) = gateway.decide(&["deny", &id]);
    assert_eq!(code, 0, "{broken}");
    needed.expect("a number")
}
