//! Evidence when something under it fails, when somebody edits it, and while a person still has to decide.

use std::fs;
use std::path::PathBuf;

use domain::Verdict;
use gateway::Gateway;
use recording::{LateEvidence, Wrong};
use serde_json::json;

use crate::access::{REQUEST, restrict};
use crate::chaos::{Chaos, Strike};
use crate::door::call_with;
use crate::evidence::{HOOKS, PROMPT, Talk, router};
use crate::held::{self, WRITE, reviewer, waiting, words, work};
use crate::house::{House, customers, in_time};

/// Both hooks; whether both were taken.
async fn hooks(talk: &Talk) -> bool {
    let prompt = json!({
        "session_id": "s-1", "prompt_id": "p-1", "hook_event_name": "UserPromptSubmit", "prompt": PROMPT,
    });
    let used = json!({
        "session_id": "s-1", "prompt_id": "p-1", "hook_event_name": "PreToolUse", "tool_use_id": "toolu_1",
        "tool_name": "mcp__snowgate__run_sql", "tool_input": { "statement": customers::SQL },
    });
    let mut taken = true;
    for hook in [prompt, used] {
        let answered = talk.send(HOOKS, "/v1/hooks/claude-code", &hook).await;
        let status = answered.status.as_u16();
        assert!([200, 500, 503].contains(&status), "{status} {}", answered.text());
        taken &= status == 200;
    }
    taken
}

#[tokio::test]
async fn a_tool_use_that_cannot_be_noted_is_good_for_nothing() {
    let run = async |talk: &Talk| {
        let params = json!({ "name": "run_sql", "arguments": { "statement": customers::SQL },
            "_meta": { "claudecode/toolUseId": "toolu_1" } });
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let headers = [("mcp-protocol-version", "2025-11-25"), ("host", "127.0.0.1:8181")];
        let body = message.to_string();
        call_with(&talk.router, "ana", "POST", "/mcp", Some(body.as_bytes()), &headers).await
    };
    let Talk { house, router: good } = Talk::new().await;
    let watched = Chaos::watching(house.ports());
    let talk = Talk { router: router(Gateway::new(watched.ports(), house.settings.clone())), house };
    assert!(run(&talk).await.text().contains("\"rows\""));
    let at = watched.steps().iter().position(|step| step == "evidence.expect").unwrap();
    drop((talk, good));
    let Talk { house, router: good } = Talk::new().await;
    let chaos = Chaos::striking(house.ports(), at, Strike::ALL[0]);
    let struck = Talk { router: router(Gateway::new(chaos.ports(), house.settings.clone())), house };
    let answered = run(&struck).await;
    assert!(!answered.text().contains("\"rows\""), "{}", answered.text());
    assert_eq!(struck.house.submissions(), 0, "nothing ran");
    // Whoever comes again is the first.
    let talk = Talk { house: struck.house, router: good };
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    assert_eq!(talk.openings().pop().unwrap().prompt.grade, "P2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_taking_evidence_in_fails_it_may_be_sent_again_and_stands_once() {
    for strike in Strike::ALL {
        let mut at = 0;
        loop {
            let talk = Talk::new().await;
            talk.run("ana", Some("toolu_1"), customers::SQL).await;
            let chaos = Chaos::striking(talk.house.ports(), at, strike);
            let failing = router(Gateway::new(chaos.ports(), talk.house.settings.clone()));
            let Talk { house, router } = talk;
            let struck = Talk { house, router: failing };
            let taken = in_time(chaos.run(hooks(&struck))).await;
            let steps = chaos.steps().len();
            let talk = Talk { house: struck.house, router };
            assert!(hooks(&talk).await, "{strike:?} {at}");
            talk.is_known("P0", "P2");
            let late = talk.late(&talk.opening());
            let grades: Vec<&str> = late.iter().map(|late| late.grade.as_str()).collect();
            assert!(grades == ["P2"] || grades == ["P0", "P2"], "{strike:?} {at} {grades:?}");
            if taken == Some(true) && at >= steps {
                break;
            }
            at += 1;
        }
        assert!(at > 8, "the strikes have met something");
    }
}

/// The file of the only late evidence.
fn late_file(house: &House) -> PathBuf {
    let mut folders = vec![house.home_path().join("records")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(".evidence-0000.json") {
                return path;
            }
        }
    }
    panic!("there is no late evidence");
}

#[tokio::test]
async fn late_evidence_that_was_edited_moved_or_taken_out_is_found() {
    let talk = Talk::new().await;
    talk.run("ana", Some("toolu_1"), customers::SQL).await;
    assert!(hooks(&talk).await);
    talk.telemetry("another prompt", "toolu_1").await;
    talk.is_known("P0", "P1");
    let file = late_file(&talk.house);
    let good = fs::read(&file).unwrap();
    let record = recording::decode::<LateEvidence>(&good).unwrap().record;
    let is_wrong = |what: Wrong| {
        let report = talk.house.verify();
        assert!(report.faults.iter().any(|fault| fault.what == what), "{what:?} {:?}", report.faults);
    };
    // Somebody who can compute digests writes a better grade, or other witnesses.
    let put = |late: &LateEvidence| fs::write(&file, recording::encode(late).unwrap().0).unwrap();
    put(&LateEvidence { grade: "P4".to_owned(), ..record.clone() });
    is_wrong(Wrong::Contradiction);
    put(&LateEvidence { opening: format!("sha256:{}", "0".repeat(64)), ..record.clone() });
    is_wrong(Wrong::OpeningDigest);
    put(&LateEvidence { step: 1, ..record.clone() });
    is_wrong(Wrong::Misplaced);
    // Less than the one before has told, though its grade fits its witnesses.
    let name = file.file_name().unwrap().to_string_lossy();
    let (before, behind) = name.rsplit_once("0000").unwrap();
    let next = file.with_file_name(format!("{before}0001{behind}"));
    let last = fs::read(&next).unwrap();
    let mut less = recording::decode::<LateEvidence>(&last).unwrap().record;
    (less.witnesses, less.findings) = (Vec::new(), Vec::new());
    less.grade = "P0".to_owned();
    fs::write(&next, recording::encode(&less).unwrap().0).unwrap();
    fs::write(&file, &good).unwrap();
    is_wrong(Wrong::Contradiction);
    fs::write(&next, last).unwrap();
    let mut unknown = record.clone();
    unknown.witnesses[0].kind = "oracle".to_owned();
    put(&unknown);
    is_wrong(Wrong::Unreadable);
    fs::write(&file, String::from_utf8(good.clone()).unwrap().replacen("hooks", "hooky", 1)).unwrap();
    is_wrong(Wrong::Digest);
    fs::remove_file(&file).unwrap();
    is_wrong(Wrong::Gap);
    fs::write(&file, good).unwrap();
    talk.house.verifies();
}

#[tokio::test]
async fn evidence_that_contradicts_while_a_person_decides_is_shown_and_decided_by() {
    let talk = Talk::new().await;
    held::deletes(&talk.house);
    let run = "@id(\"agents-read\")\npermit (";
    let wanted = "@id(\"evidenced\")\nforbid (principal, action == Action::\"write\", resource is Statement) \
                  when { context.prompt < 2 };\n@id(\"agents-read\")\npermit (";
    talk.house.bundle.change(&[(run, wanted)]);
    talk.prompt(HOOKS, "p-1", "delete customer 1").await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", WRITE).await;
    let told = talk.run("ana", Some("toolu_1"), WRITE).await;
    assert_eq!(told["status"], "waiting", "{told}");
    talk.telemetry("who are our customers?", "toolu_1").await;
    talk.is_known("P2", "P1");
    let (review, gateway) = (talk.house.review(), talk.house.gateway());
    let id = waiting(&review).await;
    let listed = review.waiting().await.unwrap().waiting.remove(0);
    let shown = review.show(id, &reviewer("rosa")).await.unwrap();
    let later = shown.later.unwrap();
    assert_eq!(listed.later.as_ref(), Some(&later), "whoever only lists what waits is told, too");
    assert_eq!((later.grade.as_str(), later.findings[0].what.as_str()), ("P1", "prompt_mismatch"));
    in_time(review.decide(id, &reviewer("rosa"), Verdict::Approve, None)).await.unwrap();
    work(&talk.house, &gateway).await;
    assert_eq!(words(&talk.house).last(), Some(&"overruled"));
    assert_eq!(talk.house.submissions(), 0, "nothing ran");
    talk.house.verifies();
}

#[tokio::test]
async fn evidence_that_contradicts_while_access_is_asked_for_keeps_it_from_being_granted() {
    for contradicts in [false, true] {
        let talk = Talk::new().await;
        let run = "@id(\"agents-read-demo\")";
        let wanted = "@id(\"evidenced\")\nforbid (principal, action == Action::\"read\", resource is Statement) \
                      when { context.prompt < 2 };\n@id(\"agents-read-demo\")";
        restrict(&talk.house, &[(run, wanted)]);
        talk.prompt(HOOKS, "p-1", "who are our customers?").await;
        talk.tool_use(HOOKS, "p-1", "toolu_1", REQUEST).await;
        let told = talk.run("ana", Some("toolu_1"), REQUEST).await;
        assert_eq!(told["status"], "waiting", "{told}");
        let (review, gateway) = (talk.house.review(), talk.house.gateway());
        let id = waiting(&review).await;
        if contradicts {
            talk.telemetry("delete all customers", "toolu_1").await;
            talk.is_known("P2", "P1");
        }
        in_time(review.decide(id, &reviewer("rosa"), Verdict::Approve, None)).await.unwrap();
        work(&talk.house, &gateway).await;
        let last = if contradicts { "overruled" } else { "spent" };
        assert_eq!(words(&talk.house).last(), Some(&last));
        talk.house.verifies();
    }
}

#[tokio::test]
async fn evidence_that_contradicts_while_a_large_result_waits_keeps_it_from_being_released() {
    for contradicts in [false, true] {
        let house = House::with(|_| {}, &[]).await;
        customers::answer(&house.snow, &[8]);
        let router = router(house.gateway());
        let talk = Talk { house, router };
        let run = "@id(\"agents-read\")\npermit (";
        let wanted = "@id(\"evidenced\")\nforbid (principal, action == Action::\"read\", resource is Statement) \
                      when { context.prompt < 2 };\n@id(\"agents-read\")\npermit (";
        talk.house.bundle.change(&[(run, wanted), ("rows = 2_000_000", "rows = 5")]);
        talk.prompt(HOOKS, "p-1", "who are our customers?").await;
        talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
        let told = talk.run("ana", Some("toolu_1"), customers::SQL).await;
        assert_eq!(told["status"], "waiting", "{told}");
        let (review, gateway) = (talk.house.review(), talk.house.gateway());
        let id = waiting(&review).await;
        if contradicts {
            talk.telemetry("delete all customers", "toolu_1").await;
            talk.is_known("P2", "P1");
        }
        in_time(review.decide(id, &reviewer("rosa"), Verdict::Approve, None)).await.unwrap();
        work(&talk.house, &gateway).await;
        let last = if contradicts { "overruled" } else { "released" };
        assert_eq!(words(&talk.house).last(), Some(&last));
        talk.house.verifies();
    }
}
