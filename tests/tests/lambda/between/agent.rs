//! An agent of its own for each case: what it asks, and what it is told.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::runtime::Invoked;
use crate::account;
use crate::stage;

/// Who asks in one case.
pub struct Agent {
    /// Lives for minutes: whoever waits for the sweep fetches another.
    token: Mutex<String>,
    /// Its request id.
    pub request: String,
    /// The text of its statement, which nobody else sends.
    pub statement: String,
    /// Statements in it.
    pub statements: usize,
}

/// What an agent may be told, and nothing else.
#[derive(Clone, PartialEq, Debug)]
pub enum Told {
    /// Rows, of that exchange.
    Rows { exchange: String, handle: String, rows: Value },
    /// A batch has ended: the handles of its statements.
    Batch { exchange: String, handles: Vec<String> },
    /// It runs, or waits for a person.
    Pending { handle: String, waits: bool },
    /// A no, or that it failed: a status and a code.
    No { code: String, message: String },
    /// Cancelled.
    Cancelled,
    /// To ask again in a moment.
    Later,
    /// Nothing: whoever had its request is dead, or too slow.
    Nothing,
}

impl Told {
    /// Whether nothing else will be told of it.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Rows { .. } | Self::Batch { .. } | Self::No { .. } | Self::Cancelled => true,
            Self::Pending { .. } | Self::Later | Self::Nothing => false,
        }
    }
}

impl Agent {
    pub fn new(token: String, request: String, (statement, statements): (String, usize)) -> Self {
        Self { token: Mutex::new(token), request, statement, statements }
    }

    pub fn takes(&self, token: String) {
        *self.token.lock().unwrap() = token;
    }

    fn event(&self, case: &str) -> Value {
        stage::event(case, Some(&self.token.lock().unwrap()))
    }

    /// The event in which it asks.
    pub fn asks(&self) -> Value {
        let mut event = self.event("post-select.json");
        event["rawQueryString"] = format!("requestId={}", self.request).into();
        event["body"] = self.body().to_string().into();
        event
    }

    /// The same once more.
    pub fn asks_again(&self) -> Value {
        let mut event = self.asks();
        event["rawQueryString"] = format!("requestId={}&retry=true", self.request).into();
        event
    }

    fn body(&self) -> Value {
        let mut body = json!({ "statement": self.statement });
        if self.statements > 1 {
            body["parameters"] = json!({ "MULTI_STATEMENT_COUNT": self.statements.to_string() });
        }
        body
    }

    pub fn collects(&self, handle: &str) -> Value {
        self.of_handle("get-status.json", handle)
    }

    pub fn cancels(&self, handle: &str) -> Value {
        self.of_handle("cancel.json", handle)
    }

    fn of_handle(&self, case: &str, handle: &str) -> Value {
        let event = self.event(case).to_string();
        serde_json::from_str(&event.replace("00000000-0000-4000-8000-000000000000", handle)).unwrap()
    }

    /// The event in which it asks over MCP.
    pub fn calls_tool(&self) -> Value {
        let mut event = self.event("mcp-run-sql.json");
        let mut body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
        body["params"]["arguments"]["statement"] = self.statement.clone().into();
        body["params"]["_meta"]["claudecode/toolUseId"] = self.request.clone().into();
        event["body"] = body.to_string().into();
        event
    }
}

/// What the SQL API's door has told, which must be of the kinds that are documented.
pub fn of_sql_api(invoked: &Invoked) -> Told {
    let answer = match invoked {
        Invoked::Answered(answer) => answer,
        Invoked::Failed(error) => panic!("the function failed: {error}"),
        Invoked::Silent => return Told::Nothing,
    };
    shows_no_secret(answer);
    let (status, headers, body) = (answer["statusCode"].as_u64(), &answer["headers"], stage::body(answer));
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    match status {
        Some(200) if body["code"] == "000604" => Told::Cancelled,
        Some(200) => {
            assert_eq!(body["code"], "090001", "{answer}");
            let exchange = text(&headers["x-snowgate-exchange"]);
            match body["statementHandles"].as_array() {
                Some(handles) => Told::Batch { exchange, handles: handles.iter().map(text).collect() },
                None => Told::Rows {
                    exchange,
                    handle: text(&body["statementHandle"]),
                    rows: body["data"].clone(),
                },
            }
        }
        Some(202) => Told::Pending {
            handle: text(&body["statementHandle"]),
            waits: headers["x-snowgate-waits-for"] == "decision",
        },
        Some(422) => Told::No { code: text(&body["code"]), message: text(&body["message"]) },
        Some(429 | 503) => {
            let seconds: u64 = text(&headers["retry-after"]).parse().unwrap();
            assert!(seconds > 0 && !text(&body["message"]).is_empty(), "{answer}");
            Told::Later
        }
        _ => panic!("no answer that is documented: {answer}"),
    }
}

/// The same of the MCP door.
pub fn of_mcp(invoked: &Invoked) -> Told {
    let answer = match invoked {
        Invoked::Answered(answer) => answer,
        Invoked::Failed(error) => panic!("the function failed: {error}"),
        Invoked::Silent => return Told::Nothing,
    };
    shows_no_secret(answer);
    let body = stage::body(answer);
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    if answer["statusCode"] == 503 {
        assert!(body["error"]["message"].is_string(), "{answer}");
        return Told::Later;
    }
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let told = &body["result"]["structuredContent"];
    match told["status"].as_str() {
        Some("rows") => Told::Rows {
            exchange: text(&told["exchange"]),
            handle: text(&told["handle"]),
            rows: told["rows"].clone(),
        },
        Some("running") => Told::Pending { handle: text(&told["handle"]), waits: false },
        Some("refused" | "failed") => Told::No { code: text(&told["code"]), message: text(&told["message"]) },
        Some("unavailable") => {
            assert!(told["retry_after_seconds"].as_u64().is_some_and(|seconds| seconds > 0), "{answer}");
            Told::Later
        }
        _ => panic!("no answer that is documented: {answer}"),
    }
}

fn shows_no_secret(answer: &Value) {
    let text = answer.to_string();
    assert!(account::SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");
}
