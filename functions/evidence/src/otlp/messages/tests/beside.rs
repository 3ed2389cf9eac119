//! What comes beside a person's words, beside tools' answers above all.

use super::*;

/// A prompt, a model's turn, and a tool's answer with a text beside it.
fn message(answer: &str, text: &str) -> String {
    format!(
        r#"[{{"role":"user","content":"who owes us?"}},{{"role":"assistant","content":"x"}},
            {{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t","content":{answer}}},{{"type":"text","text":"{text}"}}]}}]"#
    )
}

#[test]
fn what_stands_beside_a_tools_answer_takes_no_prompts_place() {
    let sent = format!(
        r#""rows\n\n<system-reminder>\n{SENT_MEANWHILE}\nand \"list\" orders\n\nThis is how it is\n</system-reminder>""#
    );
    let listed = format!(r#"[{{"type":"text","text":{sent}}}]"#);
    let twice = format!(
        r#""{SENT_MEANWHILE}\nlist orders</system-reminder><system-reminder>{SENT_MEANWHILE}\nand debts\n\nThis is how</system-reminder>""#
    );
    for (messages, meanwhile, told) in [
        (message("\"rows\"", "Tool loaded."), vec![], None),
        (message("\"rows\"", "<system-reminder>x</system-reminder>"), vec![], None),
        (
            message("\"rows\"", "Base directory for this skill: /x"),
            vec!["Base directory for this skill: /x"],
            Some("[another part: text beside an answer, 33 bytes]"),
        ),
        (
            message(&sent, "Tool loaded."),
            vec!["and \"list\" orders"],
            Some("[another part: message sent while it worked, 17 bytes]"),
        ),
        (
            message(&listed, "Tool loaded."),
            vec!["and \"list\" orders"],
            Some("[another part: message sent while it worked, 17 bytes]"),
        ),
        (
            message(&twice, "Tool loaded."),
            vec!["list orders", "and debts"],
            Some(
                "[another part: message sent while it worked, 11 bytes]\n[another part: message sent while it worked, 9 bytes]",
            ),
        ),
    ] {
        let Words { said, others, meanwhile: found, .. } = words(&messages).unwrap();
        let others = others.map(|others| others.told);
        assert_eq!(
            (said.as_str(), texts(&found), others.as_deref()),
            ("who owes us?", meanwhile, told),
            "{messages}"
        );
    }
    // Beside the answer, in a reminder and plainly.
    for beside in [
        format!(
            r#"<system-reminder id=\"3f9a\">\n{SENT_MEANWHILE}\nlist orders\n\nThis is how\n</system-reminder id=\"3f9a\">"#
        ),
        format!("<system-reminder>\\n{SENT_MEANWHILE}\\nlist orders\\n\\nThis is how\\n</system-reminder>"),
        format!("{SENT_MEANWHILE}\\nlist orders\\n\\nThis is how"),
    ] {
        let Words { meanwhile, is_cut, .. } = words(&message("\"rows\"", &beside)).unwrap();
        let sent: Vec<&str> =
            meanwhile.iter().filter(|came| came.came == Came::Sent).map(|came| came.text.as_str()).collect();
        assert_eq!((sent, is_cut), (vec!["list orders"], false), "{beside}");
    }
    // What stood beside an answer first was sent, where its client says so anywhere.
    let quoted = format!("{SENT_MEANWHILE}\\nlist</system-reminder>");
    for (answer, beside) in
        [("rows", ["list", &quoted]), (&quoted, ["rows", "list"]), ("x", [&quoted, "list"])]
    {
        let [one, other] = beside.map(|text| format!(r#"{{"type":"text","text":"{text}"}}"#));
        let messages = format!(
            r#"[{{"role":"user","content":"who owes us?"}},
                {{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t","content":"{answer}"}},{one},{other}]}}]"#
        );
        let Words { meanwhile, .. } = words(&messages).unwrap();
        assert!(meanwhile.iter().any(|since| since.text == "list" && since.came.is_sent()), "{messages}");
        assert_eq!(meanwhile.iter().filter(|since| since.text == "list").count(), 1, "{messages}");
    }
}

#[test]
fn what_was_sent_is_found_however_deep_it_stands_and_behind_whatever_answer() {
    // Within strings of strings, and in whatever message a tool's answer stands.
    let client = format!(
        "<system-reminder>\n{SENT_MEANWHILE}\nstop \"it\"\n\nThis is how I like it\n\nThis is how it is\n</system-reminder>"
    );
    let mut answer = format!("rows\n\n{client}");
    for depth in 1..=3 {
        answer = serde_json::to_string(&answer).unwrap();
        let answered = [
            format!(
                r#"{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t","content":{answer}}}]}}"#
            ),
            format!(
                r#"{{"role":"tool","parts":[{{"type":"tool_call_response","id":"t","response":{answer}}}]}}"#
            ),
            format!(r#"{{"role":"tool","content":{answer}}}"#),
            format!(r#"{{"role":"function","content":[{{"type":"text","text":{answer}}}]}}"#),
        ];
        for answered in answered {
            let messages = format!(r#"[{{"role":"user","content":"who owes us?"}},{answered}]"#);
            let Words { said, meanwhile, .. } = words(&messages).unwrap();
            let sent =
                vec![Meanwhile { text: "stop \"it\"\n\nThis is how I like it".to_owned(), came: Came::Sent }];
            assert_eq!((said.as_str(), meanwhile), ("who owes us?", sent), "{depth} {messages}");
        }
    }
    let tools = r#"[{"role":"user","content":"who owes us?"},{"role":"tool","parts":[{"type":"tool_call_response","id":"t","response":"rows"},{"type":"text","content":"list"}]}]"#;
    assert_eq!(texts(&words(tools).unwrap().meanwhile), ["list"]);
    let plain = r#"[{"role":"user","content":"who owes us?"},{"role":"tool","content":[{"type":"text","text":"rows"}]}]"#;
    assert!(words(plain).unwrap().meanwhile.is_empty());
    // In a message of its own behind the answer it may have been the client's, too, and Esc is a person's.
    for (behind, expected) in [
        ("Base directory for this skill: /x", ("who owes us?", vec![], false)),
        ("Tool loaded.", ("who owes us?", vec![], false)),
        (&format!("{SENT_MEANWHILE}\\nlist\\n\\nThis is how"), ("who owes us?", vec!["list"], false)),
    ] {
        for answered in [
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"rows"}]}"#,
            r#"{"role":"tool","content":"rows"}"#,
        ] {
            let [one, other] =
                [format!(r#""{behind}""#), format!(r#"[{{"type":"text","text":"{behind}"}}]"#)];
            for content in [one, other] {
                let messages = format!(
                    r#"[{{"role":"user","content":"who owes us?"}},{answered},{{"role":"user","content":{content}}}]"#
                );
                let Words { said, meanwhile, is_beside_answer, .. } = words(&messages).unwrap();
                let sent: Vec<&str> = meanwhile
                    .iter()
                    .filter(|came| came.came == Came::Sent)
                    .map(|came| came.text.as_str())
                    .collect();
                assert_eq!((said.as_str(), sent, is_beside_answer), expected, "{messages}");
                // Behind the model's answer it is a person's.
                let next = messages.replacen(
                    answered,
                    &format!(r#"{answered},{{"role":"assistant","content":"x"}}"#),
                    1,
                );
                assert!(!words(&next).unwrap().is_beside_answer, "{next}");
            }
        }
    }
    for answered in [
        r#"{"role":"user","content":[{"type":"tool-result","tool_use_id":"t","content":"rows"},{"type":"text","text":"[Request interrupted by user]"}]}"#,
        r#"{"role":"function","content":"rows"},{"role":"user","content":"[Request interrupted by user]"}"#,
        r#"{"role":"tool","content":"rows"},{"role":"assistant","content":[]},{"role":"user","content":"[Request interrupted by user]"}"#,
    ] {
        let messages =
            format!(r#"[{{"role":"user","content":"x"}},{answered},{{"role":"user","content":"list"}}]"#);
        let Words { said, is_beside_answer, .. } = words(&messages).unwrap();
        assert_eq!((said.as_str(), is_beside_answer), ("list", true), "{messages}");
    }
}

#[test]
fn what_a_person_said_in_a_tools_place_is_theirs() {
    // What a person says who does not let a tool be used, or answers a model's question.
    let rejected = r#"The user doesn't want to proceed. To tell you how to proceed, the user said:\nno! list \"them\" only"#;
    for content in [format!(r#""{rejected}""#), format!(r#"[{{"type":"text","text":"{rejected}"}}]"#)] {
        let messages = message(&content, "Tool loaded.");
        let Words { meanwhile, .. } = words(&messages).unwrap();
        assert_eq!(
            meanwhile,
            [Meanwhile { text: "no! list \"them\" only".to_owned(), came: Came::Sent }],
            "{messages}"
        );
    }
    let message_of = |said: &str| message(&format!(r#""The user said:\n{said}""#), "Tool loaded.");
    let own = words(&message_of(r"no\n\nThis is how I want it: none")).unwrap();
    assert_eq!(texts(&own.meanwhile), ["no\n\nThis is how I want it: none"]);
    // Some exporters write a bracket as an escape.
    let in_part = |messages: &str| words(messages).unwrap().meanwhile[0].came == Came::SentInPart;
    assert!(!in_part(&message(&format!(r#""{SENT_MEANWHILE}\nlist\n\nThis is how""#), "Tool loaded.")));
    assert!(in_part(&message(
        &format!(r#""{SENT_MEANWHILE}\nlist </system-reminder> all""#),
        "Tool loaded."
    )));
    let escaped = format!(
        r#""rows\n\n\u003csystem-reminder\u003e\n{SENT_MEANWHILE}\nlist\n\u003c/system-reminder\u003e""#
    );
    assert_eq!(texts(&words(&message(&escaped, "Tool loaded.")).unwrap().meanwhile), ["list"]);
}

#[test]
fn what_stands_beside_an_answer_may_be_a_persons_whatever_that_says() {
    // Whose it may be that stands beside an answer: whatever that says, and whatever begins otherwise than a skill, may be a person's.
    let skill = "Base directory for this skill: /x\\n\\nlist";
    for (answer, text, came) in [
        ("Launching skill: a", "list", Came::Unaccounted),
        ("Launching skill: a", skill, Came::AsFile),
        ("rows", "Stop hook feedback: list", Came::Unaccounted),
        ("rows", "<task-notification>list</task-notification>", Came::Unaccounted),
    ] {
        for between in [",", r#"]},{"role":"user","content":["#] {
            let messages = format!(
                r#"[{{"role":"user","content":"who owes us?"}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t","content":"{answer}"}}{between}{{"type":"text","text":"{text}"}}]}}]"#
            );
            let Words { said, meanwhile, .. } = words(&messages).unwrap();
            assert_eq!(
                (said.as_str(), meanwhile.len(), meanwhile[0].came),
                ("who owes us?", 1, came),
                "{messages}"
            );
        }
    }
    // Of a kind that nobody knows, too; what a model's own text is called is one as any.
    for kind in ["annotation", "output_text"] {
        let messages =
            message(r#""rows""#, "list").replace(r#"{"type":"text""#, &format!(r#"{{"type":"{kind}""#));
        let list = vec![Meanwhile { text: "list".to_owned(), came: Came::Unaccounted }];
        assert_eq!(words(&messages).unwrap().meanwhile, list, "{messages}");
    }
    // What a person has said before is not hidden by a file that reads as Esc and the prompt once more.
    let rejected = r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"The user said:\nno! list nothing"}]}"#;
    let esc = r#"{"role":"assistant","content":"x"},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"Launching skill: a"},{"type":"text","text":"[Request interrupted by user]"},{"type":"text","text":"who owes us?"}]}"#;
    let esc = words(&format!(r#"[{{"role":"user","content":"who owes us?"}},{rejected},{esc}]"#)).unwrap();
    assert_eq!((esc.said.as_str(), texts(&esc.meanwhile)), ("who owes us?", vec!["no! list nothing"]));
    assert!(esc.is_beside_answer && esc.others.unwrap().told.contains("words of whoever rejected a call"));
    for answered in
        ["Your questions have been answered:", "The user answered:", "User has approved your plan."]
    {
        let messages = message(&format!(r#""{answered} \"Delete?\"=\"No\"""#), "Tool loaded.");
        let Words { meanwhile, others, .. } = words(&messages).unwrap();
        assert_eq!((meanwhile.len(), others.unwrap().told.contains("answer of a person")), (1, true));
        assert_eq!(meanwhile[0].came, Came::Sent);
    }
    let messages =
        message(r#""Permission for this tool use was denied. The user said:\nno""#, "Tool loaded.");
    assert_eq!(words(&messages).unwrap().meanwhile, [Meanwhile { text: "no".to_owned(), came: Came::Sent }]);
}

#[test]
fn what_wakes_a_model_that_had_answered_is_no_part_of_what_was_asked_before() {
    // Some models are told as the system's what a person has sent.
    let sent = format!(r#"{{"role":"system","content":"{SENT_MEANWHILE}\nlist\n\nThis is how it is"}}"#);
    for system in [sent.clone(), sent.replace("system", "developer")] {
        let messages = message(r#""rows""#, "Tool loaded.").replace("}]}]", &format!("}}]}},{system}]"));
        let Words { said, meanwhile, .. } = words(&messages).unwrap();
        let list = vec![Meanwhile { text: "list".to_owned(), came: Came::Sent }];
        assert_eq!((said.as_str(), meanwhile), ("who owes us?", list), "{messages}");
    }
    // Whatever else wakes a model that had answered is no part of what was asked before.
    for woken in [
        r#"{"role":"system","content":"[SYSTEM NOTIFICATION - NOT USER INPUT]"}"#,
        r#"{"role":"user","content":"<system-reminder>Another Claude session sent a message: delete all</system-reminder>"}"#,
        r#"{"role":"user","content":"<system-reminder id=\"3f9a\">delete all</system-reminder id=\"3f9a\">"}"#,
        r#"{"role":"user","content":"Continue from where you left off."}"#,
        r#"{"role":"user","content":"<bash-input>ls</bash-input>"},{"role":"user","content":"<bash-stdout>delete all</bash-stdout>"}"#,
    ] {
        let messages = format!(
            r#"[{{"role":"user","content":"who owes us?"}},{{"role":"assistant","content":"x"}},{woken}]"#
        );
        assert!(matches!(last_words(&messages), Heard::Unread), "{messages}");
        let next = messages.replace("}]", r#"},{"role":"user","content":"and debts?"}]"#);
        assert_eq!(said(&next).as_deref(), Some("and debts?"), "{next}");
    }
    // What a client says in a user's name is no prompt, and what was asked before it not what this is about.
    for turn in [
        "Stop hook feedback:\\n[check.sh]: delete all",
        "<teammate-message teammate_id='a'>delete all</teammate-message>",
    ] {
        for content in [format!(r#""{turn}""#), format!(r#"[{{"type":"text","text":"{turn}"}}]"#)] {
            let messages = format!(
                r#"[{{"role":"user","content":"who owes us?"}},{{"role":"assistant","content":"x"}},{{"role":"user","content":{content}}}]"#
            );
            assert!(matches!(last_words(&messages), Heard::Unread), "{messages}");
        }
    }
    // Pressed, and nothing typed behind it.
    let messages = message("\"rows\"", "[Request interrupted by user]").replacen(
        "]}]",
        r#",{"type":"text","text":"[Request interrupted by user]"}]}]"#,
        1,
    );
    assert_eq!(said(&messages).unwrap(), "who owes us?", "{messages}");
}

#[test]
fn two_forms_esc_and_too_many_texts_hide_nothing() {
    // Told in two forms it is a prompt in neither.
    for answered in [
        r#"{"role":"tool","content":"delete all","parts":[{"type":"tool_call_response","id":"t","response":"rows"}]}"#,
        r#"{"role":"user","content":"delete all","parts":[{"type":"tool_call_response","id":"t","response":"rows"}]}"#,
    ] {
        let messages = format!(r#"[{{"role":"user","content":"who owes us?"}},{answered}]"#);
        let Words { said, meanwhile, .. } = words(&messages).unwrap();
        assert_eq!((said.as_str(), texts(&meanwhile)), ("who owes us?", vec!["delete all"]), "{messages}");
    }
    let answered = r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"rows"}],"parts":[{"type":"text","content":"delete all"}]}"#;
    let messages = format!(r#"[{{"role":"user","content":"who owes us?"}},{answered}]"#);
    assert_eq!(texts(&words(&messages).unwrap().meanwhile), ["delete all"]);
    // Of several texts behind Esc the last alone is what was typed.
    let behind = ["[Request interrupted by user]", "delete all", "list"]
        .map(|text| format!(r#"{{"type":"text","text":"{text}"}}"#));
    let messages = format!(
        r#"[{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t","content":"rows"}},{}]}}]"#,
        behind.join(",")
    );
    let Words { said, earlier, others, .. } = words(&messages).unwrap();
    assert_eq!((said.as_str(), earlier), ("list", None));
    assert!(others.unwrap().exact.contains("delete all"));
    // A file that begins as the client does is told whole, and known for no part of it.
    let file = message("\"rows\"", &format!("{SENT_MEANWHILE}\\n\\nThis is how to delete all"));
    let Words { meanwhile, others, .. } = words(&file).unwrap();
    assert!(texts(&meanwhile).iter().any(|text| text.ends_with("delete all")), "{meanwhile:?}");
    assert!(others.unwrap().exact.contains("delete all"));
    // More than can be told each.
    let often = format!(
        "\"{}\"",
        (0..70).map(|n| format!("{SENT_MEANWHILE} {n}</system-reminder>")).collect::<String>()
    );
    for (answer, beside) in [(&often, "and 70"), (&often, "Tool loaded.")] {
        let Words { meanwhile, is_cut, .. } = words(&message(answer, beside)).unwrap();
        assert_eq!((meanwhile.len(), is_cut), (MOST_MEANWHILE, true));
    }
    for (size, expected) in [(MEANWHILE, (1, false)), (MEANWHILE + 1, (0, true))] {
        let Words { meanwhile, is_cut, .. } = words(&message("\"rows\"", &"x".repeat(size))).unwrap();
        assert_eq!((meanwhile.len(), is_cut), expected);
    }
    // What wakes the model is no prompt, and what was asked before is not what it is about.
    let woken = r#"[{"role":"user","content":"who owes us?"},{"role":"assistant","content":"done"},
            {"role":"user","content":[{"type":"text","text":"<system-reminder>\n[SYSTEM NOTIFICATION]\n<task-notification>x</task-notification></system-reminder>"}]}]"#;
    assert!(matches!(last_words(woken), Heard::Unread));
    // The next words are the person's again.
    let next = message("\"rows\"", "skill").replacen(
        "]}]",
        r#"]},{"role":"assistant","content":"x"},{"role":"user","content":"list"}]"#,
        1,
    );
    let Words { said, meanwhile, .. } = words(&next).unwrap();
    assert_eq!((said.as_str(), texts(&meanwhile)), ("list", vec![]));
}
