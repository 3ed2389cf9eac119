//! `snowgate ask`: one statement over the SQL API, as an agent would ask it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::caller::{Call, Caller, Stay, Told};
use super::{Broken, cells, counted, printable, table};
use crate::cli::AskArgs;
use crate::config;

/// Refused, or failed upstream.
const REFUSED: u8 = 3;
/// Waiting for a person, or still running.
const WAITING: u8 = 4;

/// Asks, waits for what merely runs, prints.
pub fn run(args: &AskArgs) -> Result<ExitCode, Broken> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(ask(args))
}

async fn ask(args: &AskArgs) -> Result<ExitCode, Broken> {
    super::caller::base(&args.url)?;
    let home = config::home(&args.home)?;
    let stay = Stay { token: Duration::from_secs(300), answer: None };
    let caller = Caller::new(&args.url, &home, "snowgate-ask", &["agents"], stay)?;
    let asker = Asker { caller, home };
    let call = Call {
        sql: &args.sql,
        prompt: args.prompt.as_deref(),
        session: None,
        timeout: None,
        names: Some(&args.names),
    };
    let told = asker.caller.ask(&call).await?;
    match told.status {
        StatusCode::OK => asker.show(args, told).await,
        StatusCode::ACCEPTED => show_waiting(args, &asker.home, &told).await,
        _ => show_refused(args, &told),
    }
}

struct Asker {
    caller: Caller,
    /// Where the recordings are looked for.
    home: PathBuf,
}

impl Asker {
    async fn show(&self, args: &AskArgs, told: Told) -> Result<ExitCode, Broken> {
        if let Some(children) = told.answer.statement_handles.clone() {
            for child in children {
                let answer = self.caller.collect(&child).await?;
                self.show_rows(args, answer).await?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        self.show_rows(args, told).await
    }

    async fn show_rows(&self, args: &AskArgs, told: Told) -> Result<ExitCode, Broken> {
        let handle = told.handle()?;
        let Told { answer, exchange, masked, .. } = told;
        let (meta, rows) = self.caller.rows(&handle, answer).await?;
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
            say!("{object}");
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

async fn show_waiting(args: &AskArgs, home: &Path, told: &Told) -> Result<ExitCode, Broken> {
    let handle = told.handle()?;
    let approval = approval_of(home, &handle).await;
    let message = told.answer.message.clone().unwrap_or_default();
    if args.json {
        let object = json!({
            "exchange": told.exchange, "outcome": "pending", "columns": [], "rows": [],
            "refusal": { "code": told.answer.code, "message": message }, "handle": handle, "approval": approval,
        });
        say!("{object}");
    } else {
        say!("waiting: {}", printable(&message));
        say!("handle {handle}, recorded as {}", told.exchange);
        let home = home.display();
        match approval {
            Some(id) if told.waits => say!(
                "next: another person decides: snowgate approve {id} --home {home}, or snowgate deny {id} --home {home}"
            ),
            None if told.waits => say!("next: a reviewer looks: snowgate approvals --home {home}"),
            Some(_) | None => {}
        }
    }
    Ok(ExitCode::from(WAITING))
}

/// The approval that waits, where the gateway's home can be read from here. Which it is changes nothing: it is told so that
/// whoever tries both sides has something to paste.
async fn approval_of(home: &Path, handle: &str) -> Option<String> {
    let review = super::approvals::review(home).ok()?;
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
        say!("{object}");
    } else {
        say!("refused {code}: {}", printable(&message));
        say!("recorded as {}", told.exchange);
    }
    Ok(ExitCode::from(REFUSED))
}
