//! What a model produced: its uses of our tools.

use super::*;

fn all_uses(messages: &str) -> Vec<Use> {
    let (uses, is_whole) = uses(messages);
    assert!(is_whole);
    uses.into_iter().map(|at| used(messages, at).unwrap()).collect()
}

#[test]
fn uses_of_our_tool_are_found_with_their_statements() {
    let messages = r#"[{"role":"assistant","parts":[{"type":"text","content":"let me see"},
            {"type":"tool_call","id":"toolu_1","name":"mcp__snowgate__run_sql","arguments":{"statement":"select 1"}},
            {"type":"tool_call","id":"toolu_2","name":"Bash","arguments":{"command":"ls"}},
            {"type":"tool_use","id":"toolu_3","name":"run_sql","input":{"statement":"select 3"}},
            {"type":"function_call","id":"fc_5","call_id":"call_5","name":"snowgate_run_sql","arguments":"{\"statement\":\"select 5\"}"},
            {"type":"tool_call","id":"toolu_4","name":"check_sql","arguments":"{\"statement\":\"select 4\"}"}]}]"#;
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    for one in all_uses(messages) {
        assert_eq!(one.tool == Tool::Look, one.id == "toolu_4");
        found.push((one.id, one.called.statement));
    }
    let expected =
        [("toolu_1", "select 1"), ("toolu_3", "select 3"), ("call_5", "select 5"), ("toolu_4", "select 4")];
    let expected: Vec<(String, Option<String>)> =
        expected.iter().map(|(id, sql)| ((*id).to_owned(), Some((*sql).to_owned()))).collect();
    assert_eq!(found, expected);
}

#[test]
fn uses_are_found_in_both_forms_of_one_message() {
    let of = |id: &str| {
        format!(r#"{{"type":"tool_use","id":"{id}","name":"run_sql","input":{{"statement":"select 1"}}}}"#)
    };
    let messages = format!(r#"[{{"role":"assistant","parts":[{}],"content":[{}]}}]"#, of("t1"), of("t2"));
    let found: Vec<String> = all_uses(&messages).into_iter().map(|one| one.id).collect();
    assert_eq!(found, ["t1", "t2"]);
}
