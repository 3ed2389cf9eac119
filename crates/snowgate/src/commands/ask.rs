//! `snowgate ask`: one statement over the SQL API, as an agent would ask it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use gateway::ports::Clock;
use local::SystemClock;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Broken, cells, counted, printable, table};
use crate::cli::AskArgs;
use crate::config;
use crate::issuer::{DevelopmentIssuer, MintRequest};

/// Refused, or failed upstream.
const REFUSED: u8 = 3;
/// Waiting for a person, or still running.
const WAITING: u8 = 4;
/// How long a statement that merely runs is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the gateway answers, as far as this command reads it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    code: Option<String>,
    message: Option<String>,
    statement_handle: Option<String>,
    statement_handles: Option<Vec<String>>,
    result_set_meta_data: Option<MetaData>,
    #[serde(default)]
    data: Vec<Vec<Option<String>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetaData {
    row_type: Vec<RowType>,
    partition_info: Vec<Value>,
}

#[derive(Deserialize)]
struct RowType {
    name: String,
    #[serde(rename = "type")]
    sql_type: String,
}

/// Asks, waits for what merely runs, prints.
pub fn run(args: &AskArgs) -> Result<ExitCode, Broken> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(ask(args))
}

async fn ask(args: &AskArgs) -> Result<ExitCode, Broken> {
    let base = base(&args.url)?;
    let home = config::home(&args.home)?;
    let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let token = token(&home)?;
    let caller = Caller { client, base, token, home };
    let mut response = caller.submit(args).await?;
    let begun = Instant::now();
    loop {
        let told = Told::read(response).await?;
        match told.status {
            StatusCode::OK => return caller.show(args, told).await,
            StatusCode::ACCEPTED if !told.waits && begun.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(500)).await;
                response = caller.get(&told.handle()?, None).await?;
            }
            StatusCode::ACCEPTED => return show_waiting(args, &caller.home, &told).await,
            _ => return show_refused(args, &told),
        }
    }
}

/// The gateway's address, without a slash at its end.
fn base(url: &str) -> Result<String, Broken> {
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
fn token(home: &Path) -> Result<String, Broken> {
    if let Some(token) = query::configuration::variable("SNOWGATE_TOKEN")? {
        return Ok(token);
    }
    let request = MintRequest {
        agent: "snowgate-ask".to_owned(),
        person: None,
        groups: vec!["agents".to_owned()],
        scopes: vec!["sql".to_owned()],
        ttl: Duration::from_secs(300),
    };
    Ok(DevelopmentIssuer::reopen(home)?.mint(&request, SystemClock.now())?)
}

struct Caller {
    client: Client,
    base: String,
    token: String,
    /// Where the recordings are looked for.
    home: PathBuf,
}

impl Caller {
    async fn submit(&self, args: &AskArgs) -> Result<Response, Broken> {
        let url = format!("{}/api/v2/statements", self.base);
        let mut request = self.client.post(url).header(CONTENT_TYPE, "application/json");
        if let Some(prompt) = &args.prompt {
            request = request.header("X-Snowgate-Prompt", percent_encoded(prompt)?);
        }
        let body = json!({ "statement": args.sql, "parameters": { "MULTI_STATEMENT_COUNT": "0" } });
        self.send(request.body(body.to_string())).await
    }

    async fn get(&self, handle: &str, partition: Option<usize>) -> Result<Response, Broken> {
        let query = partition.map(|partition| format!("?partition={partition}")).unwrap_or_default();
        self.send(self.client.get(format!("{}/api/v2/statements/{handle}{query}", self.base))).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, Broken> {
        request
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(ACCEPT, "application/json")
            .header("X-Snowflake-Authorization-Token-Type", "OAUTH")
            .header(reqwest::header::USER_AGENT, concat!("snowgate-ask/", env!("CARGO_PKG_VERSION")))
            .send()
            .await
            .map_err(|error| {
                if error.is_connect() {
                    Broken::new(format!("nothing answers at {}; next: snowgate serve", self.base))
                } else {
                    Broken::from(error)
                }
            })
    }

    async fn show(&self, args: &AskArgs, told: Told) -> Result<ExitCode, Broken> {
        if let Some(children) = told.answer.statement_handles.clone() {
            for child in children {
                let answer = Told::read(self.get(&child, None).await?).await?;
                self.show_rows(args, answer).await?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        self.show_rows(args, told).await
    }

    async fn show_rows(&self, args: &AskArgs, told: Told) -> Result<ExitCode, Broken> {
        let handle = told.handle()?;
        let Told { answer, exchange, masked, .. } = told;
        let meta =
            answer.result_set_meta_data.ok_or_else(|| Broken::new("the gateway answered no columns"))?;
        let mut rows = answer.data;
        for partition in 1..meta.partition_info.len() {
            let page = self.get(&handle, Some(partition)).await?;
            rows.extend(partition_rows(&page.error_for_status()?.bytes().await?)?);
        }
        let is_masked = |at: usize| masked.contains(&at);
        if args.json {
            let columns: Vec<Value> = meta
                .row_type
                .iter()
                .enumerate()
                .map(|(at, column)| json!({ "name": column.name, "type": column.sql_type, "masked": is_masked(at) }))
                .collect();
            let object = json!({
                "exchange": exchange, "outcome": "rows", "columns": columns, "rows": rows, "refusal": null, "handle": handle,
            });
            println!("{object}");
        } else {
            let names: Vec<String> =
                meta.row_type
                    .iter()
                    .enumerate()
                    .map(|(at, column)| {
                        if is_masked(at) { format!("{} (masked)", column.name) } else { column.name.clone() }
                    })
                    .collect();
            let types: Vec<Option<&str>> =
                meta.row_type.iter().map(|column| Some(column.sql_type.as_str())).collect();
            let readable = cells::shown(&types, &rows, |_, read| read);
            table::write(&mut std::io::stdout().lock(), &names, &readable)?;
            eprintln!("{}, recorded as {exchange}", counted(rows.len() as u64, "row"));
            if let Some((session, _)) = exchange.split_once('/') {
                eprintln!("next: snowgate replay {session} --home {}", self.home.display());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
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
        flate2::read::GzDecoder::new(body).read_to_end(&mut text)?;
    } else {
        text.extend_from_slice(body);
    }
    Ok(serde_json::from_slice::<Partition>(&text)?.data)
}

struct Told {
    status: StatusCode,
    exchange: String,
    /// Ordinals of the columns that were masked by lineage.
    masked: Vec<usize>,
    /// It waits for a person, rather than merely runs.
    waits: bool,
    answer: Answer,
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
        let waits = !text("x-snowgate-waits-for").is_empty();
        let body = response.bytes().await?;
        let answer = serde_json::from_slice(&body).map_err(|_| {
            Broken::new(format!(
                "the gateway answered {status} without JSON; is it a gateway that listens there?"
            ))
        })?;
        Ok(Self { status, exchange, masked, waits, answer })
    }

    fn handle(&self) -> Result<String, Broken> {
        self.answer.statement_handle.clone().ok_or_else(|| Broken::new("the gateway answered no handle"))
    }
}

/// Reads `2,5-7`, counting from 1, into ordinals from 0.
fn ordinals(text: &str) -> Vec<usize> {
    let ranges = text.split(',').filter_map(|range| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        Some(from.trim().parse::<usize>().ok()?..=to.trim().parse::<usize>().ok()?)
    });
    ranges.flatten().filter_map(|at| at.checked_sub(1)).collect()
}

async fn show_waiting(args: &AskArgs, home: &Path, told: &Told) -> Result<ExitCode, Broken> {
    let handle = told.handle()?;
    let approval = approval_of(home, &handle).await;
    let message = told.answer.message.clone().unwrap_or_default();
    if args.json {
        let object = json!({
            "exchange": told.exchange, "outcome": "pending", "columns": [], "rows": [],
            "refusal": { "code": told.answer.code, "message": message }, "handle": handle, "approval": approval,
        });
        println!("{object}");
    } else {
        println!("waiting: {}", printable(&message));
        println!("handle {handle}, recorded as {}", told.exchange);
        let home = home.display();
        match approval {
            Some(id) => println!(
                "next: another person decides: snowgate approve {id} --home {home}, or snowgate deny {id} --home {home}"
            ),
            None if told.waits => println!("next: a reviewer looks: snowgate approvals --home {home}"),
            None => {}
        }
    }
    Ok(ExitCode::from(WAITING))
}

/// The approval that waits, where the gateway's home can be read from here. Which it is changes nothing: it is told so that
/// whoever tries both sides has something to paste.
async fn approval_of(home: &Path, handle: &str) -> Option<String> {
    let review = super::approvals::review(home, None).ok()?;
    let id = review.of_handle(handle.parse().ok()?).await.ok()??;
    Some(id.to_string())
}

fn show_refused(args: &AskArgs, told: &Told) -> Result<ExitCode, Broken> {
    let message = told.answer.message.clone().unwrap_or_default();
    let code = told.answer.code.clone().unwrap_or_default();
    // Without an exchange nobody decided anything: the request did not come that far.
    if told.exchange.is_empty() {
        return Err(Broken::new(format!("{} {code}: {}", told.status, printable(&message))));
    }
    if args.json {
        let object = json!({
            "exchange": told.exchange, "outcome": "refused", "columns": [], "rows": [],
            "refusal": { "code": code, "message": message }, "handle": told.answer.statement_handle,
        });
        println!("{object}");
    } else {
        println!("refused {code}: {}", printable(&message));
        println!("recorded as {}", told.exchange);
    }
    Ok(ExitCode::from(REFUSED))
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
