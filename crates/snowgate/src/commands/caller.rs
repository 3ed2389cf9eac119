//! A client of the gateway's SQL API, as an agent's would be.

use std::path::Path;
use std::time::{Duration, Instant};

use gateway::ports::Clock;
use local::SystemClock;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Broken, printable};
use crate::cli::NamesArgs;
use crate::issuer::{DevelopmentIssuer, MintRequest};

/// How long a statement that merely runs is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of an answer at most, inflated. The gateway cuts pages far below that.
const LARGEST: usize = 256 * 1024 * 1024;

/// What the gateway answers, as far as clients here read it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    pub code: Option<String>,
    pub message: Option<String>,
    pub statement_handle: Option<String>,
    pub statement_handles: Option<Vec<String>>,
    pub result_set_meta_data: Option<MetaData>,
    #[serde(default)]
    pub data: Vec<Vec<Option<String>>>,
}

/// The columns and pages of a result.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetaData {
    pub row_type: Vec<RowType>,
    pub partition_info: Vec<Value>,
}

/// One column of a result.
#[derive(Deserialize)]
pub struct RowType {
    pub name: String,
    #[serde(rename = "type")]
    pub sql_type: String,
}

/// The gateway's address, without a slash at its end.
pub fn base(url: &str) -> Result<String, Broken> {
    let is_url = |url: &str| {
        Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
    };
    if is_url(url) {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    let guess = format!("http://{url}");
    let example =
        if !url.contains("//") && is_url(&guess) { guess.as_str() } else { "http://127.0.0.1:8181" };
    Err(Broken::usage(format!(
        "--url `{}` is no address of a gateway: write it with http:// or https://, like {}",
        printable(url),
        printable(example)
    )))
}

/// A token of the development issuer in this home, or the one in `SNOWGATE_TOKEN`.
fn token(home: &Path, agent: &str, groups: &[&str], ttl: Duration) -> Result<String, Broken> {
    if let Some(token) = settings::variable("SNOWGATE_TOKEN")? {
        return Ok(token);
    }
    let request = MintRequest {
        agent: agent.to_owned(),
        person: None,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        scopes: vec!["sql".to_owned()],
        ttl,
    };
    Ok(DevelopmentIssuer::reopen(home)?.mint(&request, SystemClock.now())?)
}

/// Who calls.
pub struct Caller {
    client: Client,
    base: String,
    token: String,
    agent: &'static str,
}

/// For how long a caller calls.
#[derive(Clone, Copy)]
pub struct Stay {
    /// A token of the development issuer lives for so long.
    pub token: Duration,
    /// A call that has no answer by then is given up; none waits for ever.
    pub answer: Option<Duration>,
}

/// What is asked.
pub struct Call<'a> {
    pub sql: &'a str,
    /// What the person asked for.
    pub prompt: Option<&'a str>,
    /// The conversation that it belongs to.
    pub session: Option<&'a str>,
    /// Seconds after which the statement is stopped.
    pub timeout: Option<u64>,
    /// What it runs under; none for the gateway's defaults.
    pub names: Option<&'a NamesArgs>,
}

impl Caller {
    /// A caller named `agent`, of these groups where the token is the development issuer's.
    pub fn new(
        url: &str,
        home: &Path,
        agent: &'static str,
        groups: &[&str],
        stay: Stay,
    ) -> Result<Self, Broken> {
        let base = base(url)?;
        let mut client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        if let Some(answer) = stay.answer {
            client = client.timeout(answer);
        }
        Ok(Self { client: client.build()?, base, token: token(home, agent, groups, stay.token)?, agent })
    }

    /// Asks, and waits as long as the statement merely runs.
    pub async fn ask(&self, call: &Call<'_>) -> Result<Told, Broken> {
        let url = format!("{}/api/v2/statements", self.base);
        let mut request = self.client.post(url).header(CONTENT_TYPE, "application/json");
        if let Some(prompt) = call.prompt {
            request = request.header("X-Snowgate-Prompt", percent_encoded(prompt)?);
        }
        if let Some(session) = call.session {
            request = request.header("X-Snowgate-Session", session);
        }
        let mut body = json!({ "statement": call.sql, "parameters": { "MULTI_STATEMENT_COUNT": "0" } });
        if let (Some(timeout), Value::Object(members)) = (call.timeout, &mut body) {
            members.insert("timeout".into(), json!(timeout));
        }
        if let (Some(names), Value::Object(members)) = (call.names, &mut body) {
            let NamesArgs { role, warehouse, database, schema } = names;
            let names =
                [("role", role), ("warehouse", warehouse), ("database", database), ("schema", schema)];
            for (key, name) in names {
                if let Some(name) = name {
                    members.insert(key.into(), json!(name));
                }
            }
        }
        let mut response = self.send(request.body(body.to_string())).await?;
        let begun = Instant::now();
        loop {
            let told = Told::read(response).await?;
            let merely_runs = told.status == StatusCode::ACCEPTED && !told.waits;
            if !merely_runs || begun.elapsed() >= PATIENCE {
                return Ok(told);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            response = self.get(&told.handle()?, None).await?;
        }
    }

    /// What a handle stands for.
    pub async fn collect(&self, handle: &str) -> Result<Told, Broken> {
        Told::read(self.get(handle, None).await?).await
    }

    /// Asks for a statement to be stopped; whether it was is not looked at.
    pub async fn cancel(&self, handle: &str) -> Result<(), Broken> {
        let url = format!("{}/api/v2/statements/{}/cancel", self.base, checked(handle)?);
        self.send(self.client.post(url)).await.map(drop)
    }

    /// The columns and every row of an answer.
    pub async fn rows(
        &self,
        handle: &str,
        answer: Answer,
    ) -> Result<(MetaData, Vec<Vec<Option<String>>>), Broken> {
        let meta =
            answer.result_set_meta_data.ok_or_else(|| Broken::new("the gateway answered no columns"))?;
        let mut rows = answer.data;
        for partition in 1..meta.partition_info.len() {
            let page = self.get(handle, Some(partition)).await?.error_for_status()?;
            rows.extend(partition_rows(&body(page).await?)?);
        }
        Ok((meta, rows))
    }

    async fn get(&self, handle: &str, partition: Option<usize>) -> Result<Response, Broken> {
        let query = partition.map(|partition| format!("?partition={partition}")).unwrap_or_default();
        let url = format!("{}/api/v2/statements/{}{query}", self.base, checked(handle)?);
        self.send(self.client.get(url)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, Broken> {
        request
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(ACCEPT, "application/json")
            .header("X-Snowflake-Authorization-Token-Type", "OAUTH")
            .header(reqwest::header::USER_AGENT, format!("{}/{}", self.agent, env!("CARGO_PKG_VERSION")))
            .send()
            .await
            .map_err(|error| {
                if error.is_connect() {
                    Broken::new(format!("nothing answers at {}; next: snowgate serve", self.base))
                } else if error.is_timeout() {
                    Broken::new(format!("{} takes too long to answer", self.base))
                } else {
                    Broken::from(error)
                }
            })
    }
}

/// A handle that may stand in a path.
fn checked(handle: &str) -> Result<&str, Broken> {
    let is_one = !handle.is_empty() && handle.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    is_one.then_some(handle).ok_or_else(|| Broken::new("the gateway answered a handle that is none"))
}

/// The whole of a body.
async fn body(mut response: Response) -> Result<Vec<u8>, Broken> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len().saturating_add(chunk.len()) > LARGEST {
            return Err(Broken::new("the answer is larger than any of a gateway's"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A partition's body: gzip, whatever was accepted (Snowflake SQL API, `partition`).
fn partition_rows(body: &[u8]) -> Result<Vec<Vec<Option<String>>>, Broken> {
    use std::io::Read;
    #[derive(Deserialize)]
    struct Partition {
        data: Vec<Vec<Option<String>>>,
    }
    let mut text = Vec::new();
    if body.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(body).take(LARGEST as u64).read_to_end(&mut text)?;
    } else {
        text.extend_from_slice(body);
    }
    // The parser's own words may quote a cell.
    let partition: Partition = serde_json::from_slice(&text)
        .map_err(|_| Broken::new("the gateway answered a page of rows that cannot be read"))?;
    Ok(partition.data)
}

/// What came back.
pub struct Told {
    pub status: StatusCode,
    /// `SESSION/N`; empty where there is no exchange.
    pub exchange: String,
    /// Ordinals of the columns that were masked by lineage.
    pub masked: Vec<usize>,
    /// What the detectors found, as the header `X-Snowgate-Found` says it.
    pub found: String,
    /// It waits for a person, rather than merely runs.
    pub waits: bool,
    /// Seconds after which asking again makes sense.
    pub retry_after: Option<u64>,
    pub answer: Answer,
}

impl Told {
    async fn read(response: Response) -> Result<Self, Broken> {
        let status = response.status();
        let text = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        let exchange = text("x-snowgate-exchange");
        let masked = ordinals(&text("x-snowgate-masked-columns"));
        let found = text("x-snowgate-found");
        let waits = !text("x-snowgate-waits-for").is_empty();
        let retry_after = text("retry-after").parse().ok();
        let answer = serde_json::from_slice(&body(response).await?).map_err(|_| {
            Broken::new(format!(
                "the gateway answered {status} without JSON; is it a gateway that listens there?"
            ))
        })?;
        Ok(Self { status, exchange, masked, found, waits, retry_after, answer })
    }

    /// The handle to collect it by.
    pub fn handle(&self) -> Result<String, Broken> {
        self.answer.statement_handle.clone().ok_or_else(|| Broken::new("the gateway answered no handle"))
    }
}

/// Reads `2,5-7`, counting from 1, into ordinals from 0.
fn ordinals(text: &str) -> Vec<usize> {
    /// Snowflake has no wider results.
    const MOST: usize = 100_000;
    let ranges = text.split(',').filter_map(|range| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        Some(from.trim().parse::<usize>().ok()?..=to.trim().parse::<usize>().ok()?.min(MOST))
    });
    ranges.flatten().filter_map(|at| at.checked_sub(1)).collect()
}

/// A header value for any text (RFC 3986 section 2.1).
fn percent_encoded(text: &str) -> Result<HeaderValue, Broken> {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b' ' | b',' | b'\'') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(HeaderValue::from_str(&encoded)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_columns_are_read_as_the_door_writes_them() {
        assert_eq!(ordinals("2,5-7"), [1, 4, 5, 6]);
        assert_eq!(ordinals(""), Vec::<usize>::new());
    }

    #[test]
    fn a_handle_stays_within_its_part_of_a_path() {
        assert!(checked("01b2-ab").is_ok());
        for handle in ["", "../x", "a/b", "a?partition=1", "a b"] {
            assert!(checked(handle).is_err(), "{handle}");
        }
    }

    #[test]
    fn an_address_without_its_scheme_is_told_with_it() {
        assert_eq!(base("http://127.0.0.1:8181/").unwrap(), "http://127.0.0.1:8181");
        for (url, expected) in [
            ("127.0.0.1:8181", "like http://127.0.0.1:8181"),
            ("localhost:8181", "like http://localhost:8181"),
            ("gateway.example/x", "like http://gateway.example/x"),
            ("ftp://a.example", "like http://127.0.0.1:8181"),
            ("http://", "like http://127.0.0.1:8181"),
            ("", "like http://127.0.0.1:8181"),
        ] {
            let told = base(url).unwrap_err();
            assert_eq!(told.code(), crate::USAGE);
            assert!(told.to_string().ends_with(expected), "{told}");
        }
    }

    #[test]
    fn a_prompt_goes_into_a_header_whatever_it_holds() {
        assert_eq!(percent_encoded("größe: 5 %\n").unwrap(), "gr%C3%B6%C3%9Fe%3A 5 %25%0A");
    }
}
