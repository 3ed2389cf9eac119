//! The state machines of `infra/` as they are written: what they may hold, that every state has its way out, and that the one of
//! approvals knows every state of an approval.

use std::collections::{BTreeMap, BTreeSet};

use domain::ApprovalState;
use serde_json::{Map, Value, json};

use crate::architecture::root;

const WAITS: &str = "arn:aws:states:::lambda:invoke.waitForTaskToken";
const CALLS: &str = "arn:aws:states:::lambda:invoke";

/// Everything that a machine may read or write: an id, how what it names stands, and the token on its way to the function.
const PATHS: [&str; 10] = [
    "$.exchange",
    "$.approval",
    "$.stands",
    "$.stands.over",
    "$.stands.state",
    "$.stands.seconds",
    "$.Payload.over",
    "$.Payload.state",
    "$.Payload.seconds",
    "$$.Task.Token",
];

const BEGUN: &str = "$$.Execution.Input";

pub(crate) fn machine() -> Value {
    of("approvals.asl.json")
}

fn of(file: &str) -> Value {
    let path = root().join("infra").join(file);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn states(machine: &Value) -> &Map<String, Value> {
    machine["States"].as_object().unwrap()
}

fn list<'a>(state: &'a Value, key: &str) -> &'a [Value] {
    state[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Where a state may lead.
fn ways(state: &Value) -> Vec<&str> {
    let own = [state["Next"].as_str(), state["Default"].as_str()].into_iter().flatten();
    let others = list(state, "Catch").iter().chain(list(state, "Choices"));
    own.chain(others.filter_map(|one| one["Next"].as_str())).collect()
}

/// Every text of a value, with the keys that led to it.
fn texts<'a>(value: &'a Value, at: &str, found: &mut Vec<(String, &'a str)>) {
    match value {
        Value::String(text) => found.push((at.to_owned(), text)),
        Value::Array(items) => items.iter().for_each(|item| texts(item, at, found)),
        Value::Object(entries) => {
            entries.iter().for_each(|(key, value)| texts(value, &format!("{at}/{key}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What is wrong with a machine.
fn lint(machine: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let states = states(machine);
    let mut reached = BTreeSet::new();
    let mut next = vec![machine["StartAt"].as_str().unwrap()];
    while let Some(name) = next.pop() {
        match states.get(name) {
            None => wrong.push(format!("{name}: there is no such state")),
            Some(state) if reached.insert(name) => next.extend(ways(state)),
            Some(_) => {}
        }
    }
    for (name, state) in states {
        if !reached.contains(name.as_str()) {
            wrong.push(format!("{name}: nothing leads here"));
        }
        match state["Type"].as_str().unwrap() {
            "Task" => wrong.extend(task(name, state)),
            "Choice" if !state["Default"].is_string() => wrong.push(format!("{name}: it has no default")),
            "Wait" if !state["Seconds"].is_u64() && state["SecondsPath"] != "$.stands.seconds" => {
                wrong.push(format!("{name}: it waits for no time"))
            }
            "Choice" | "Wait" | "Succeed" | "Fail" => {}
            other => wrong.push(format!("{name}: a {other} is not known here")),
        }
    }
    let mut all = Vec::new();
    texts(machine, "", &mut all);
    for (at, text) in all {
        // What it was begun with is an id, and the trace that it belongs to.
        let is_begun = text == BEGUN && at.ends_with("/Parameters/Payload/begun.$");
        if text.starts_with('$') && text != "${WorkFunction}" && !is_begun && !PATHS.contains(&text) {
            wrong.push(format!("{at}: {text} is none of its business"));
        }
        if text.contains("States.") && !at.ends_with("ErrorEquals") {
            wrong.push(format!("{at}: {text} computes something"));
        }
    }
    wrong
}

fn task(name: &str, state: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            wrong.push(format!("{name}: {what}"));
        }
    };
    let retries = list(state, "Retry");
    must(!retries.is_empty(), "it is not tried again");
    for retry in retries {
        must((1..=10).contains(&retry["MaxAttempts"].as_u64().unwrap_or(0)), "its tries are not bounded");
        must(retry["BackoffRate"].as_f64().unwrap_or(0.0) > 1.0, "its pauses do not grow");
        must(retry["JitterStrategy"] == "FULL", "its pauses are all alike");
        must(retry["MaxDelaySeconds"].is_u64(), "its pauses are not bounded");
    }
    let catches = list(state, "Catch");
    must(
        catches.last().is_some_and(|last| last["ErrorEquals"] == json!(["States.ALL"])),
        "a failure leads nowhere",
    );
    must(
        catches.iter().all(|one| one["ResultPath"].is_null() && one.get("ResultPath").is_some()),
        "the words of a failure become its state",
    );
    let payload = &state["Parameters"]["Payload"];
    let mut told: BTreeMap<&str, &str> = payload
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str().unwrap()))
        .collect();
    must(told.remove("task").is_some(), "it does not say what is to be done");
    let is_approval = told.remove("approval.$") == Some("$.approval");
    must(is_approval || told.remove("exchange.$") == Some("$.exchange"), "it does not say of what");
    must(told.remove("begun.$") == Some(BEGUN), "it does not say what it was begun with");
    let token = told.remove("token.$");
    must(told.is_empty(), "it tells more than ids");
    let others = state["Parameters"].as_object().unwrap();
    must(
        others.len() == 2 && others.contains_key("FunctionName"),
        "it tells more than its function and a payload",
    );
    must(state["Parameters"]["FunctionName"] == "${WorkFunction}", "it calls another function");
    match state["Resource"].as_str() {
        Some(CALLS) => {
            must(token.is_none(), "it gives away a token that is none");
            must(state["TimeoutSeconds"].is_u64(), "it may hang");
            must(state["ResultPath"] == "$.stands", "its answer goes elsewhere");
            let selected: BTreeSet<&str> = state["ResultSelector"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, _)| key.as_str())
                .collect();
            let mut wanted = BTreeSet::from(["over.$", "seconds.$"]);
            if is_approval {
                wanted.insert("state.$");
            }
            must(selected == wanted, "it takes another answer");
        }
        Some(WAITS) => {
            must(token == Some("$$.Task.Token"), "nobody gets its token");
            // Whatever a token brings back is dropped, and with it anything that could hold a token.
            must(
                state.get("ResultPath") == Some(&Value::Null),
                "what its token brings back becomes its state",
            );
            must(state["TimeoutSecondsPath"] == "$.stands.seconds", "it may wait for ever");
            let silence = catches.first().map(|first| &first["ErrorEquals"]);
            must(silence == Some(&json!(["States.Timeout"])), "silence leads nowhere");
        }
        _ => must(false, "it calls something else than the function"),
    }
    wrong
}

#[test]
fn the_machine_holds_ids_and_every_state_has_its_retries_and_its_way_out() {
    assert_eq!(lint(&machine()), Vec::<String>::new());
    let unfinished = of("unfinished.asl.json");
    assert_eq!(lint(&unfinished), Vec::<String>::new());
    assert!(unfinished["TimeoutSeconds"].is_u64(), "it goes round for ever");
}

/// Changes the machine, and tells what is wrong with it then.
#[track_caller]
fn spoilt(pointer: &str, value: Option<Value>, expected: &str) {
    let mut machine = machine();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = machine.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => parent.insert(key.to_owned(), value),
        None => parent.remove(key),
    };
    let wrong = lint(&machine);
    assert!(wrong.iter().any(|wrong| wrong.contains(expected)), "{pointer}: {wrong:?}");
}

#[test]
fn a_machine_that_tells_more_or_may_hang_is_noticed() {
    let at = |path: &str| format!("/States/{path}");
    spoilt(&at("Ask/Retry"), None, "not tried again");
    spoilt(&at("Ask/Catch"), None, "leads nowhere");
    spoilt(&at("Ask/TimeoutSeconds"), None, "may hang");
    spoilt(&at("Ask/ResultSelector"), None, "another answer");
    spoilt(&at("Ask/Parameters/Payload/sql.$"), Some(json!("$.sql")), "more than ids");
    spoilt(&at("Ask/Parameters/Payload/sql.$"), Some(json!("$.sql")), "none of its business");
    spoilt(&at("Ask/Parameters/Payload/token.$"), Some(json!("$$.Task.Token")), "a token that is none");
    spoilt(&at("Ask/InputPath"), Some(json!("$$.Execution.Input")), "none of its business");
    spoilt(&at("Ask/Parameters/Payload/begun.$"), None, "what it was begun with");
    spoilt(&at("Ask/Parameters/Payload/begun.$"), Some(json!("$.stands")), "what it was begun with");
    spoilt(&at("AwaitVerdict/ResultPath"), None, "becomes its state");
    spoilt(&at("AwaitVerdict/TimeoutSecondsPath"), None, "wait for ever");
    spoilt(&at("AwaitVerdict/Catch/0/Next"), Some(json!("Expire")), "nothing leads here");
    spoilt(&at("Run/Next"), Some(json!("Elsewhere")), "no such state");
    spoilt(&at("HowItStands/Default"), None, "no default");
    spoilt(&at("Remind/Resource"), Some(json!("arn:aws:states:::sns:publish")), "something else");
}

#[test]
fn the_machine_knows_every_state_of_an_approval_and_no_other() {
    let machine = machine();
    let choices = list(&states(&machine)["HowItStands"], "Choices");
    let branches: Vec<(&str, &str)> = choices
        .iter()
        .filter(|choice| choice["Variable"] == "$.stands.state")
        .map(|choice| (choice["StringEquals"].as_str().unwrap(), choice["Next"].as_str().unwrap()))
        .collect();
    let known: BTreeMap<&str, &str> = branches.iter().copied().collect();
    assert_eq!(known.len(), branches.len(), "a state has two branches");
    let all: BTreeSet<&str> = ApprovalState::ALL.iter().map(|state| state.as_str()).collect();
    assert_eq!(known.keys().copied().collect::<BTreeSet<_>>(), all);
    for state in ApprovalState::ALL {
        // Only what waits is waited for; everything else is carried to the closing of its exchange.
        let expected = if state == ApprovalState::Waiting { "AwaitVerdict" } else { "Pause" };
        assert_eq!(known[state.as_str()], expected, "{state:?}");
    }
    assert_eq!(states(&machine)["Pause"]["Next"], "Run");
    assert_eq!(choices[0], json!({ "Variable": "$.stands.over", "BooleanEquals": true, "Next": "Settled" }));
    // Wherever else it is asked how an approval stands, the rest is left to that one.
    for (name, state) in states(&machine).iter().filter(|(_, state)| state["Type"] == "Choice") {
        if name != "HowItStands" {
            assert_eq!(
                (list(state, "Choices").len(), &state["Default"]),
                (1, &json!("HowItStands")),
                "{name}"
            );
        }
    }
}
