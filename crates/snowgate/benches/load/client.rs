//! A client of the SQL API, of a gateway and of the straight door alike.

use std::io::Read;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;

/// One agent at one address.
#[derive(Clone)]
pub struct Agent {
    client: Client,
    address: String,
    token: String,
}

/// A whole result, as it came.
pub struct Whole {
    /// Until the answer to the submission was there.
    pub first: Duration,
    /// Until the last partition was there.
    pub took: Duration,
    /// What came, compressed where it was.
    pub received: usize,
    bodies: Vec<(bool, Bytes)>,
}

impl Agent {
    pub fn new(address: &str, token: &str) -> Self {
        let client = Client::builder().no_proxy().user_agent("snowgate-bench").build().unwrap();
        Self { client, address: address.to_owned(), token: token.to_owned() }
    }

    /// Asks and reads the answer, which must be rows.
    ///
    /// # Errors
    /// What came instead.
    pub async fn ask(&self, sql: &str) -> Result<Duration, String> {
        let start = Instant::now();
        let response = self.submission(sql).send().await.map_err(|error| format!("{error:?}"))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| format!("{error:?}"))?;
        let took = start.elapsed();
        // A right answer is a short one, so that looking at it takes no time that matters.
        let answer: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        let rows = answer["data"].as_array().map_or(0, Vec::len);
        if status.as_u16() == 200 && rows > 0 { Ok(took) } else { Err(format!("{status}: {answer}")) }
    }

    /// The same by MCP's door, as a client of 2025-11-25 calls the tool.
    ///
    /// # Errors
    /// What came instead.
    pub async fn call(&self, sql: &str) -> Result<Duration, String> {
        let call = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "run_sql", "arguments": { "statement": sql }, "_meta": { "progressToken": 1 },
        } });
        let request = self.client.post(format!("{}/mcp", self.address));
        let request = request
            .header(ACCEPT, "application/json, text/event-stream")
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header("mcp-protocol-version", "2025-11-25")
            .header(CONTENT_TYPE, "application/json")
            .body(call.to_string());
        let start = Instant::now();
        let response = request.send().await.map_err(|error| format!("{error:?}"))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| format!("{error:?}"))?;
        let took = start.elapsed();
        let answer: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        let rows = answer["result"]["structuredContent"]["rows"].as_array().map_or(0, Vec::len);
        if status.as_u16() == 200 && rows > 0 { Ok(took) } else { Err(format!("{status}: {answer}")) }
    }

    /// Asks for a big result and fetches every partition, one after the other, compressed.
    pub async fn ask_whole(&self, sql: &str) -> Whole {
        let start = Instant::now();
        let request = self.submission(sql).header(ACCEPT_ENCODING, "gzip");
        let mut bodies = vec![whole(request.send().await.unwrap()).await];
        let first = start.elapsed();
        let head = inflated(&bodies[0]);
        let told: Value = serde_json::from_slice(&head).unwrap();
        let partitions = told["resultSetMetaData"]["partitionInfo"]
            .as_array()
            .unwrap_or_else(|| panic!("no rows: {}", String::from_utf8_lossy(&head)))
            .len();
        let handle = told["statementHandle"].as_str().unwrap().to_owned();
        drop((told, head));
        for partition in 1..partitions {
            let url = format!("{}/api/v2/statements/{handle}?partition={partition}", self.address);
            let request = self.dressed(self.client.get(url)).header(ACCEPT_ENCODING, "gzip");
            bodies.push(whole(request.send().await.unwrap()).await);
        }
        let took = start.elapsed();
        let received = bodies.iter().map(|(_, bytes)| bytes.len()).sum();
        Whole { first, took, received, bodies }
    }

    fn submission(&self, sql: &str) -> RequestBuilder {
        let body = serde_json::json!({ "statement": sql }).to_string();
        let request = self.client.post(format!("{}/api/v2/statements", self.address));
        self.dressed(request).header(CONTENT_TYPE, "application/json").body(body)
    }

    fn dressed(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(ACCEPT, "application/json").header(AUTHORIZATION, format!("Bearer {}", self.token))
    }
}

impl Whole {
    /// Rows and inflated bytes, after the clock was stopped; `see` sees every row.
    pub fn count(&self, mut see: impl FnMut(&[Value])) -> (usize, usize) {
        let (mut rows, mut size) = (0, 0);
        for body in &self.bodies {
            let text = inflated(body);
            size += text.len();
            let answer: Value = serde_json::from_slice(&text).unwrap();
            let data = if answer.is_array() { &answer } else { &answer["data"] };
            for row in data.as_array().unwrap() {
                rows += 1;
                see(row.as_array().unwrap());
            }
        }
        (rows, size)
    }
}

async fn whole(response: Response) -> (bool, Bytes) {
    let is_gzip = response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
    let status = response.status();
    let body = response.bytes().await.unwrap();
    assert_eq!(status.as_u16(), 200, "{}", String::from_utf8_lossy(&body[..body.len().min(500)]));
    (is_gzip, body)
}

fn inflated((is_gzip, bytes): &(bool, Bytes)) -> Vec<u8> {
    if !is_gzip {
        return bytes.to_vec();
    }
    let mut text = Vec::new();
    MultiGzDecoder::new(bytes.as_ref()).read_to_end(&mut text).unwrap();
    text
}
