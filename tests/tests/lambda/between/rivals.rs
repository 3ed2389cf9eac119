//! Somebody else, who comes a moment before a conditional write and does what such a process may have done.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use recording::{Closing, ClosingOutcome, Timings};
use serde_json::{Value, json};

use crate::moto::{Call, Moto, Passing};

const RIVAL: &str = "f00dfeedf00dfeedf00dfeedf00dfeed";

/// Whether a call is one that somebody else can come before: a conditional write, or the beginning of an execution.
pub fn can_be_met(call: &Call) -> bool {
    match call.target.split('.').next_back().unwrap_or_default() {
        "PutItem" | "UpdateItem" | "DeleteItem" => call.body.contains("ConditionExpression"),
        "StartExecution" => true,
        "" => call.method == "PUT",
        _ => false,
    }
}

/// Comes before it. Then the call itself finds what was left; where nobody can have come before honestly, the answer that says so.
pub async fn come_before(moto: &Moto, call: &Passing) -> Option<Response> {
    match call.target().split('.').next_back().unwrap_or_default() {
        "StartExecution" => {
            call.done().await;
            None
        }
        "" => {
            write_object(moto, call).await;
            None
        }
        action => {
            let body: Value = serde_json::from_slice(&call.body).unwrap();
            if is_first_save(action, &body) {
                // The sweep, which has found the exchange by its claim a moment ago and writes of it what is known.
                call.done().await;
            }
            change_item(moto, action, &body).await
        }
    }
}

/// Whether it may be the first that is written of an exchange.
fn is_first_save(action: &str, body: &Value) -> bool {
    let condition = body["ConditionExpression"].as_str().unwrap();
    action == "UpdateItem" && condition.contains("attribute_not_exists(pk) OR (holder = :holder")
}

async fn write_object(moto: &Moto, call: &Passing) {
    let path = call.path().split('?').next().unwrap().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap();
    let key = key.replace("%3D", "=").replace("%23", "#").replace("%3A", ":");
    let bytes = if key.ends_with(".closing.json") { given_up(&call.body) } else { call.body.to_vec() };
    let put = moto.clients().s3().put_object().bucket(bucket).key(key).metadata("writer", RIVAL);
    put.body(bytes.into()).send().await.unwrap();
}

/// The closing of somebody who has given the exchange up as lost.
fn given_up(closing: &[u8]) -> Vec<u8> {
    let closing = recording::decode::<Closing>(closing).unwrap().record;
    let lost = Closing {
        outcome: ClosingOutcome::Lost { why: "nobody came back".to_owned() },
        parts: Vec::new(),
        findings: Vec::new(),
        timings: Timings::default(),
        ..closing
    };
    recording::encode(&lost).unwrap().0
}

async fn change_item(moto: &Moto, action: &str, body: &Value) -> Option<Response> {
    let table = body["TableName"].as_str().unwrap();
    let clients = moto.clients();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let condition = body["ConditionExpression"].as_str().unwrap();
    let key = if action == "PutItem" { &body["Item"] } else { &body["Key"] };
    let (pk, sk) = (key["pk"]["S"].as_str().unwrap(), key["sk"]["S"].as_str().unwrap());
    if action == "PutItem" && condition.contains("attribute_not_exists") {
        // A number that is taken by an exchange which nobody ever opened would be none.
        if sk.starts_with("opening#") {
            return Some(refused());
        }
        let mut item = attributes(&body["Item"]);
        item.insert("writer".to_owned(), text(RIVAL));
        if sk.starts_with("request#") {
            // Another process with the same request, which has come no further.
            item.insert("handle".to_owned(), text("0badc0de-0000-4000-8000-000000000000"));
        }
        clients.dynamodb().put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
        return None;
    }
    let update = clients.dynamodb().update_item().table_name(table).key("pk", text(pk)).key("sk", text(sk));
    let update = if condition.contains("holder = :holder") {
        // Its lease had ended, and somebody else has it now, who will be dead in a moment.
        update
            .update_expression("SET #writer = :writer, holder = :rival")
            .expression_attribute_values(":rival", text(RIVAL))
    } else {
        update.update_expression("SET #writer = :writer")
    };
    let update = update.expression_attribute_names("#writer", "writer");
    update.expression_attribute_values(":writer", text(RIVAL)).send().await.unwrap();
    None
}

fn refused() -> Response {
    let told = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
    });
    let response = Response::builder().status(400).header("content-type", "application/x-amz-json-1.0");
    response.body(Body::from(told.to_string())).unwrap()
}

fn attributes(item: &Value) -> HashMap<String, AttributeValue> {
    let attribute = |value: &Value| {
        let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
        match kind.as_str() {
            "S" => AttributeValue::S(value.as_str().unwrap().to_owned()),
            "N" => AttributeValue::N(value.as_str().unwrap().to_owned()),
            "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
            "B" => AttributeValue::B(STANDARD.decode(value.as_str().unwrap()).unwrap().into()),
            other => panic!("nothing of ours is of type {other}"),
        }
    };
    item.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}
