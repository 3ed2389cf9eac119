//! What a rule that wants a grade leads to, and what is told of it.

use domain::ChannelKind;
use gateway::{Channel, SpeaksFor};
use serde_json::json;

use crate::evidence::{HOOKS, PROMPT, Talk, router};
use crate::held::{WRITE, deletes};
use crate::house::{House, customers};
use crate::pages_door::{Browser, ROSA, demo, link_of, page, told, with};

#[tokio::test]
async fn what_no_evidence_heals_is_not_told_to_come_again() {
    let talk = Talk::new().await;
    let run = "@id(\"agents-read\")\npermit (";
    let wanted = "@id(\"evidenced\")\nforbid (principal, action == Action::\"read\", resource is Statement) \
                  when { context.prompt < 2 };\n@id(\"two-witnesses\")\nforbid (principal, action == \
                  Action::\"see\", resource == DataClass::\"email\") when { context.prompt < 3 };\n\
                  @id(\"agents-read\")\npermit (";
    talk.house.bundle.change(&[(run, wanted)]);
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_other", "select 1").await;
    talk.tool_use(HOOKS, "p-1", "toolu_used", customers::SQL).await;
    assert_eq!(talk.run("ana", Some("toolu_used"), customers::SQL).await["status"], "rows");
    for (tool_use, why) in [
        (
            Some("toolu_other"),
            "saw another statement under the same tool use, which no later evidence takes back",
        ),
        (Some("toolu_used"), "a new call names one of its own"),
        (None, "no evidence can be tied to it"),
    ] {
        let mut check = json!({ "name": "check_sql", "arguments": { "statement": customers::SQL } });
        if let Some(tool_use) = tool_use {
            check["_meta"] = json!({ "claudecode/toolUseId": tool_use });
        }
        let told = [talk.run("ana", tool_use, customers::SQL).await, talk.tool("ana", check, &[]).await];
        for told in told {
            let message = told["message"].as_str().unwrap();
            assert_eq!(told["status"], "refused", "{told}");
            assert!(message.contains(why) && told.get("retry_after_seconds").is_none(), "{told}");
            assert!(message.contains("`evidenced`") && !message.contains("two-witnesses"), "{message}");
        }
    }
}

#[tokio::test]
async fn a_column_that_is_masked_for_its_grade_alone_is_told_so() {
    let talk = Talk::new().await;
    let run = "@id(\"agents-read\")\npermit (";
    let wanted = "@id(\"sees-contact\")\npermit (principal, action == Action::\"see\", resource == DataClass::\"email\");\n\
                  @id(\"two-witnesses\")\nforbid (principal, action == Action::\"see\", resource == \
                  DataClass::\"email\") when { context.prompt < 3 };\n@id(\"agents-read\")\npermit (";
    talk.house.bundle.change(&[(run, wanted)]);
    talk.prompt(HOOKS, "p-1", PROMPT).await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", customers::SQL).await;
    let check = || {
        json!({ "name": "check_sql", "arguments": { "statement": customers::SQL },
            "_meta": { "claudecode/toolUseId": "toolu_1" } })
    };
    let told = talk.tool("ana", check(), &[]).await;
    let whys = |told: &serde_json::Value| -> Vec<String> {
        let columns = told["columns"].as_array().unwrap().iter();
        columns.map(|column| column["why"].as_str().unwrap().to_owned()).collect()
    };
    let by_grade = "with the person's prompt known as P3 or better it would be shown";
    assert!(whys(&told).iter().any(|why| why.contains("`email`") && why.contains(by_grade)), "{told}");
    assert!(whys(&told).iter().all(|why| why.contains("`email`") || !why.contains(by_grade)), "{told}");
    talk.telemetry(PROMPT, "toolu_1").await;
    let told = talk.tool("ana", check(), &[]).await;
    assert!(whys(&told).iter().all(|why| !why.contains("`email`")), "{told}");
}

#[tokio::test]
async fn what_is_read_only_with_a_known_prompt_is_listed_and_described_with_the_grade() {
    let talk = Talk::new().await;
    let run = "@id(\"agents-read\")\npermit (";
    let wanted = "@id(\"evidenced\")\nforbid (principal, action == Action::\"read\", resource is Statement) \
                  when { context.prompt < 2 };\n@id(\"sees-contact\")\npermit (principal, action == Action::\"see\", \
                  resource == DataClass::\"email\");\n@id(\"two-witnesses\")\nforbid (principal, action == \
                  Action::\"see\", resource == DataClass::\"email\") when { context.prompt < 3 };\n\
                  @id(\"agents-read\")\npermit (";
    let list = || json!({ "name": "list_objects", "arguments": {} });
    let describe = || json!({ "name": "describe_object", "arguments": { "object": "customers" } });
    let before = talk.tool("ana", list(), &[]).await;
    let names = |listed: &serde_json::Value| -> Vec<String> {
        let objects = listed["objects"].as_array().unwrap().iter();
        objects.map(|object| object["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(!names(&before).is_empty() && before["objects"][0].get("needs_prompt").is_none(), "{before}");
    talk.house.bundle.change(&[(run, wanted)]);
    let listed = talk.tool("ana", list(), &[]).await;
    assert_eq!(names(&listed), names(&before));
    assert!(listed["objects"].as_array().unwrap().iter().all(|object| object["needs_prompt"] == "P2"));
    assert!(listed["message"].as_str().unwrap().contains("needs_prompt"), "{listed}");
    let told = talk.tool("ana", describe(), &[]).await;
    assert_eq!(
        (&told["status"], &told["object"]["needs_prompt"]),
        (&json!("object"), &json!("P2")),
        "{told}"
    );
    assert!(told["message"].as_str().unwrap().contains("known as P2 or better"), "{told}");
    let by_grade = "with the person's prompt known as P3 or better it would be shown";
    let whys: Vec<&str> =
        told["columns"].as_array().unwrap().iter().map(|column| column["why"].as_str().unwrap()).collect();
    assert!(whys.iter().any(|why| why.contains("`email`") && why.contains(by_grade)), "{told}");
    assert!(whys.iter().all(|why| why.contains("`email`") || !why.contains(by_grade)), "{told}");
    // What no grade lets anybody read is as little there as before.
    talk.house.bundle.change(&[(run, "@id(\"agents-read\")\nforbid (")]);
    let told = talk.tool("ana", describe(), &[]).await;
    assert_eq!(told["status"], "unknown", "{told}");
    assert_eq!(talk.tool("ana", list(), &[]).await["objects"], json!([]));
}

#[tokio::test]
async fn who_cannot_mend_a_header_is_not_told_to_call_again() {
    let talk = Talk::new().await;
    let call = |name: &str| json!({ "name": name, "arguments": { "statement": customers::SQL } });
    for name in ["run_sql", "check_sql"] {
        for header in ["x-snowgate-evidence", "x-snowgate-session"] {
            // What only looks belongs to no conversation.
            if (name, header) == ("check_sql", "x-snowgate-session") {
                continue;
            }
            let told = talk.tool("ana", call(name), &[(header, "a b")]).await;
            let message = told["message"].as_str().unwrap();
            assert!(
                told["status"] == "invalid" && message.contains("whoever has set the client up"),
                "{told}"
            );
            assert!(message.contains("of no use") && !message.contains("call again"), "{message}");
        }
    }
    let told = talk.tool("ana", json!({ "name": "run_sql", "arguments": {} }), &[]).await;
    assert!(told["message"].as_str().unwrap().ends_with("mend the arguments and call again."), "{told}");
}

#[tokio::test]
async fn what_is_refused_for_its_grade_is_told_to_come_again_once_and_only_where_it_may_help() {
    let channel = |kind| Channel {
        name: "one".to_owned(),
        kind,
        speaks_for: SpeaksFor::Subjects(vec!["ana".to_owned()]),
        issuer: None,
        agent: None,
        credential: None,
        tools: Vec::new(),
    };
    let run = "@id(\"agents-read\")\npermit (";
    for (channels, wanted, first) in [
        (None, 2, "may come within seconds"),
        (Some(vec![channel(ChannelKind::Hooks)]), 2, "may come within seconds"),
        (
            Some(vec![channel(ChannelKind::Hooks), channel(ChannelKind::Telemetry)]),
            3,
            "may come within seconds",
        ),
        (Some(vec![channel(ChannelKind::Provider)]), 4, "may come within seconds"),
        (Some(vec![]), 2, "No evidence channel is set up"),
        (Some(vec![channel(ChannelKind::Hooks)]), 3, "No evidence channel is set up"),
        (
            Some(vec![channel(ChannelKind::Telemetry), channel(ChannelKind::Telemetry)]),
            3,
            "No evidence channel",
        ),
        (Some(vec![channel(ChannelKind::Hooks), channel(ChannelKind::Telemetry)]), 4, "No evidence channel"),
    ] {
        let house = House::with(|settings| settings.channels = channels.map(Into::into), &[]).await;
        customers::answer(&house.snow, &[2]);
        let router = router(house.gateway());
        let talk = Talk { house, router };
        let rule = format!(
            "@id(\"evidenced\")\nforbid (principal, action == Action::\"read\", resource is Statement) when \
             {{ context.prompt < {wanted} }};\n@id(\"agents-read\")\npermit ("
        );
        talk.house.bundle.change(&[(run, &rule)]);
        let is_open = first.starts_with("may");
        for call in 0..3 {
            let told = talk.run("ana", Some(&format!("toolu_{call}")), customers::SQL).await;
            let message = told["message"].as_str().unwrap();
            let expected = if is_open && call > 0 { "was refused for that a moment ago" } else { first };
            assert!(told["status"] == "refused" && message.contains(expected), "{wanted} {told}");
            assert_eq!(told.get("retry_after_seconds").is_some(), is_open && call == 0, "{told}");
        }
        // Another text, and another's, was not.
        if is_open {
            let told = talk.run("ana", Some("toolu_7"), "select id from customers").await;
            assert!(told.get("retry_after_seconds").is_some(), "{told}");
        }
        if is_open {
            talk.house.time.turn(std::time::Duration::from_secs(300));
            let told = talk.run("ana", Some("toolu_8"), customers::SQL).await;
            assert!(told.get("retry_after_seconds").is_some(), "{told}");
        }
    }
}

/// What contradicts each other already when it is asked is shown to whoever decides, and found while it waits.
#[tokio::test]
async fn a_reviewer_is_shown_that_channels_contradict_each_other() {
    let house = House::with(with(&demo()), &[]).await;
    deletes(&house);
    let gateway = house.gateway();
    let (router, pages) = (router(gateway.clone()), page(&house, &demo(), None));
    let talk = Talk { house, router };
    talk.prompt(HOOKS, "p-1", "clean the old orders").await;
    talk.tool_use(HOOKS, "p-1", "toolu_1", WRITE).await;
    talk.telemetry("show me orders", "toolu_1").await;
    let held = talk.run("ana", Some("toolu_1"), WRITE).await;
    assert_eq!(held["status"], "waiting", "{held}");
    let opening = talk.opening();
    assert_eq!(
        (opening.prompt.grade.as_str(), opening.findings()[0].what.as_str()),
        ("P1", "prompt_mismatch")
    );
    told(&talk.house, &gateway).await;
    let (id, token) = link_of(&talk.house, ROSA);
    let shown = Browser::new(pages).open(id, &token).await;
    assert!(shown.text.contains(domain::Mismatch::Prompt.sentence()), "{}", shown.text);
    assert_eq!(recording::SearchRow::new(&opening, None, None).findings, ["prompt_mismatch"]);
}
