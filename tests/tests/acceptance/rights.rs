//! The roles of `infra/rights.yaml`, and whether one may make a call. What a statement says is told by `tests/template/rights.py`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::moto::Call;

/// One line of a role: actions, what on, and the condition, as `tests/template/rights.py` writes them.
type Line = [String; 3];

/// What a call needs.
#[derive(Debug)]
struct Need {
    action: String,
    /// In the names of the template's parameters.
    on: String,
    /// The partition keys of a table, or what KMS is told besides.
    keys: Vec<String>,
    /// The attributes that are asked for; none: all of them, or there are none.
    attributes: Option<Vec<String>>,
}

impl Need {
    fn of(action: String, on: String, keys: Vec<String>) -> Self {
        Self { action, on, keys, attributes: None }
    }
}

/// What the account's things are called in the template.
pub struct Names {
    pub state: String,
    pub keys: String,
    pub index: String,
    pub records: String,
    pub pages: String,
    /// The ARN of the topic that is told of records.
    pub kept: String,
    /// The ARN of the machine of approvals.
    pub approvals: String,
    /// The ARN of the machine of what is unfinished.
    pub unfinished: String,
}

pub struct Rights(BTreeMap<String, Vec<Line>>);

impl Rights {
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let python = root.join(".tools/python/bin/python");
        let told =
            Command::new(python).arg("-B").arg(root.join("tests/template/rights.py")).output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        Self(serde_json::from_slice(&told.stdout).unwrap())
    }

    /// Whether a role may nothing but write what happened.
    pub fn writes_its_log_alone(&self, role: &str) -> bool {
        let is_of_logs =
            |[actions, _, _]: &Line| actions.split(' ').all(|action| action.starts_with("logs:"));
        !self.0[role].is_empty() && self.0[role].iter().all(is_of_logs)
    }

    /// What of these calls of a role it may not make, each said once.
    pub fn missing(&self, role: &str, names: &Names, calls: &[Call]) -> BTreeSet<String> {
        let needs = calls.iter().flat_map(|call| needs(names, call));
        let refused = needs.filter(|need| !self.0[role].iter().any(|line| permits(line, need)));
        refused
            .map(|need| {
                format!(
                    "{role}: {} on {} under {:?}, of it {:?}",
                    need.action, need.on, need.keys, need.attributes
                )
            })
            .collect()
    }

    /// What of the state table and the index a role may and has not done, as the actions and the beginning of a key.
    pub fn unused(&self, role: &str, names: &Names, calls: &[Call]) -> BTreeSet<String> {
        let needs: Vec<Need> = calls.iter().flat_map(|call| needs(names, call)).collect();
        let mut unused = BTreeSet::new();
        for line in
            self.0[role].iter().filter(|[_, on, _]| ["StateTableArn", "IndexTableArn"].contains(&on.as_str()))
        {
            let [actions, on, condition] = line;
            let of_keys = condition.split(" and ").next().unwrap();
            for key in of_keys.split(' ').skip(1) {
                let alone =
                    [actions.clone(), on.clone(), condition.replace(of_keys, &format!("{LEADING} {key}"))];
                let is_used = |need: &Need| {
                    let one = |key: &String| Need {
                        attributes: need.attributes.clone(),
                        ..Need::of(need.action.clone(), need.on.clone(), vec![key.clone()])
                    };
                    need.keys.iter().any(|key| permits(&alone, &one(key)))
                };
                if !needs.iter().any(is_used) {
                    unused.insert(format!("{} {key}", actions.replace("dynamodb:", "")));
                }
            }
        }
        unused
    }
}

const LEADING: &str = "dynamodb:LeadingKeys";

fn permits([actions, on, condition]: &Line, need: &Need) -> bool {
    let among = |told: &[String], allowed: &str| {
        !told.is_empty() && told.iter().all(|one| allowed.split(' ').any(|pattern| is_like(pattern, one)))
    };
    let is_met = condition.split(" and ").all(|term| match term.split_once(' ') {
        None => true,
        Some((LEADING | "kms:EncryptionContext:snowgate", allowed)) => among(&need.keys, allowed),
        Some(("dynamodb:Attributes", allowed)) => {
            need.attributes.as_ref().is_some_and(|told| among(told, allowed))
        }
        Some(("dynamodb:Select", "SPECIFIC_ATTRIBUTES")) => need.attributes.is_some(),
        // For services that call on somebody's behalf, and for whom nobody calls here.
        Some(_) => false,
    });
    is_met && actions.split(' ').any(|action| action == need.action) && is_like(on, &need.on)
}

/// `StringLike` with `*` alone.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn needs(names: &Names, call: &Call) -> Vec<Need> {
    let (service, action) = call.target.split_once('.').unwrap_or_default();
    let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
    let need = |action: String, on: String, keys: Vec<String>| vec![Need::of(action, on, keys)];
    match service {
        "DynamoDB_20120810" => of_tables(names, action, &body),
        "TrentService" => {
            let context = body["EncryptionContext"]["snowgate"].as_str().map(str::to_owned);
            need(format!("kms:{action}"), "KeyArn".to_owned(), context.into_iter().collect())
        }
        "AWSStepFunctions" => {
            let name = match body["stateMachineArn"].as_str() {
                Some(arn) if arn == names.unfinished => "unfinished",
                Some(arn) if arn != names.approvals => panic!("there is no machine {arn}"),
                // A token is of an execution of this one; the other gives none away.
                Some(_) | None => "approvals",
            };
            need(format!("states:{action}"), format!("states:::stateMachine:${{Name}}-{name}"), Vec::new())
        }
        "" if call.method == "POST" => {
            let action = call.body.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap();
            let kept = names.kept.rsplit(':').next().unwrap();
            let is_of_it =
                |pair: &str| pair.starts_with("TopicArn=") && pair.ends_with(&format!("%3A{kept}"));
            let on = if call.body.split('&').any(is_of_it) { "KeptArn" } else { "TopicArn" };
            // Many messages at once need the right to one.
            let action = action.strip_suffix("Batch").unwrap_or(action);
            need(format!("sns:{action}"), on.to_owned(), Vec::new())
        }
        "" => of_buckets(names, call),
        other => panic!("nobody calls {other}: {call:?}"),
    }
}

fn of_tables(names: &Names, action: &str, body: &Value) -> Vec<Need> {
    let text = |value: &Value| value["S"].as_str().unwrap_or_else(|| panic!("{action}: {body}")).to_owned();
    let on = |table: &str| match table {
        _ if table == names.state => "StateTableArn".to_owned(),
        _ if table == names.keys => "KeysTableArn".to_owned(),
        _ if table == names.index => "IndexTableArn".to_owned(),
        other => panic!("there is no table {other}"),
    };
    let action_of = |action: &str| format!("dynamodb:{action}");
    if action == "BatchGetItem" {
        let tables = body["RequestItems"].as_object().unwrap().iter();
        let keys =
            |asked: &Value| asked["Keys"].as_array().unwrap().iter().map(|key| text(&key["pk"])).collect();
        return tables
            .map(|(table, asked)| Need {
                attributes: attributes(asked),
                ..Need::of(action_of(action), on(table), keys(asked))
            })
            .collect();
    }
    let table = on(body["TableName"].as_str().unwrap());
    let (on, key) = match (action, body["IndexName"].as_str()) {
        ("PutItem", _) => (table, text(&body["Item"]["pk"])),
        ("Query", index) => {
            let values = &body["ExpressionAttributeValues"];
            let condition = body["KeyConditionExpression"].as_str().unwrap();
            let place = condition.split_whitespace().nth(2).unwrap();
            let on = index.map_or(table.clone(), |index| format!("${{{table}}}/index/{index}"));
            (on, text(&values[place]))
        }
        ("GetItem" | "UpdateItem" | "DeleteItem", _) => (table, text(&body["Key"]["pk"])),
        (other, _) => panic!("nobody calls {other}"),
    };
    vec![Need { attributes: attributes(body), ..Need::of(action_of(action), on, vec![key]) }]
}

/// The attributes that a request asks for, by their own names.
fn attributes(asked: &Value) -> Option<Vec<String>> {
    let named = |name: &str| asked["ExpressionAttributeNames"][name].as_str().unwrap_or(name).to_owned();
    Some(asked["ProjectionExpression"].as_str()?.split(',').map(|name| named(name.trim())).collect())
}

fn of_buckets(names: &Names, call: &Call) -> Vec<Need> {
    let path = call.path.split('?').next().unwrap().trim_start_matches('/');
    let (bucket, object) = path.split_once('/').unwrap_or((path, ""));
    let bucket = match bucket {
        _ if bucket == names.records => "s3:::${RecordsBucket}",
        _ if bucket == names.pages => "s3:::${PagesBucket}",
        other => panic!("there is no bucket {other}: {call:?}"),
    };
    if call.method == "GET" && object.is_empty() {
        return vec![Need::of("s3:ListBucket".to_owned(), bucket.to_owned(), Vec::new())];
    }
    let action = match call.method.as_str() {
        "GET" | "HEAD" => "s3:GetObject",
        "PUT" => "s3:PutObject",
        other => panic!("nobody calls {other}: {call:?}"),
    };
    let object = object.replace("%3D", "=").replace("%23", "#").replace("%3A", ":");
    assert!(!object.is_empty() && !object.contains('%'), "{object}");
    vec![Need::of(action.to_owned(), format!("{bucket}/{object}"), Vec::new())]
}

#[test]
fn a_pattern_is_matched_as_iam_does() {
    for (pattern, text, expected) in [
        ("policy", "policy", true),
        ("policy", "policy#1", false),
        ("exchange#*", "exchange#1", true),
        ("exchange#*", "an exchange#1", false),
        ("records/v1/dt=*.closing.json", "records/v1/dt=2026-01-01/a/1.closing.json", true),
        ("records/v1/dt=*.closing.json", "records/v1/dt=2026-01-01/a/1.sealed", false),
        ("a*b*c", "abxc", true),
        ("a*b*c", "acb", false),
    ] {
        assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
    }
}
