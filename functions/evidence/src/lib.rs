//! Where evidence of prompts comes in: hooks of clients, their telemetry, what an application or the model's provider
//! reports.
//!
//! Each channel has a credential of its own ([`Channels`]), of which the gateway knows the SHA-256 alone. Whoever presents
//! an agent's access token instead is heard, too, and what they say is a declaration of that agent's, no more. This crate
//! turns bodies into [`gateway::Sighting`]s and knows nothing of statements, grades and records. Bodies are bounded in size,
//! depth and number, and how many are read at once is, too.
//!
//! | Path | What |
//! | --- | --- |
//! | `POST /v1/prompts` | one prompt, by an application |
//! | `POST /v1/hooks/claude-code` | Claude Code's `UserPromptSubmit` and `PreToolUse` as its `http` hooks send them |
//! | `POST /v1/hooks/cursor` | Cursor's `beforeSubmitPrompt`, `beforeMCPExecution` and `preToolUse` |
//! | `POST /otlp/v1/logs`, `/otlp/v1/traces` | OTLP over HTTP, protobuf or JSON |

mod body;
mod channels;
#[cfg(any(test, feature = "fuzzing"))]
pub mod costs;
mod desks;
mod entries;
mod hooks;
mod otlp;
mod prompts;
mod rejected;
mod sentences;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use domain::{ChannelKind, Credential};
use gateway::{AskError, Channel, Gateway, Sighting};
use http::{HeaderMap, HeaderValue, StatusCode, header};

pub use channels::{Channels, ChannelsError, SecretHash};
use desks::{Desks, Work};
pub use entries::{ChannelEntry, WrongChannel};
use otlp::Piece;
use rejected::Rejected;

/// Bytes of one hook's or application's body at most.
const SMALL: usize = 1024 * 1024;

/// Bytes of an export at most, inflated: some dozen of a model's calls with the whole conversation in each.
const LARGE: usize = 16 * 1024 * 1024;

/// How long a hook or an application may take to send its body: its client waits for the answer.
const PROMPTLY: Duration = Duration::from_secs(5);

/// The same for an export.
const PATIENTLY: Duration = Duration::from_secs(20);

/// What every handler has.
#[derive(Clone)]
struct Served {
    gateway: Arc<Gateway>,
    channels: Arc<Channels>,
    desks: Arc<Desks>,
}

/// The routes of evidence over this gateway.
pub fn routes(gateway: Arc<Gateway>, channels: Channels) -> Router {
    let desks = Arc::new(Desks::new());
    Router::new()
        .route("/v1/prompts", post(prompt).fallback(other_than_post))
        .route("/v1/hooks/claude-code", post(claude_code).fallback(other_than_post))
        .route("/v1/hooks/cursor", post(cursor).fallback(other_than_post))
        .route("/otlp/v1/logs", post(logs).fallback(other_than_post))
        .route("/otlp/v1/traces", post(traces).fallback(other_than_post))
        .layer((traces::each_request(traces::root!("channel")), map_response(harden)))
        .with_state(Served { gateway, channels: Arc::new(channels), desks })
}

async fn prompt(State(served): State<Served>, request: Request) -> Response {
    let took = served.take(request, SMALL, &[ChannelKind::Prompts], prompts::read).await;
    served.answer(took, StatusCode::ACCEPTED, r#"{"status":"kept"}"#).await
}

async fn claude_code(State(served): State<Served>, request: Request) -> Response {
    let took = served.take(request, SMALL, &[ChannelKind::Hooks], hooks::claude_code).await;
    // An object without members is no opinion on what the hook was asked about.
    served.answer(took, StatusCode::OK, "{}").await
}

async fn cursor(State(served): State<Served>, request: Request) -> Response {
    let took = served.take(request, SMALL, &[ChannelKind::Hooks], hooks::cursor).await;
    match took {
        Ok(told) => served.answer(Ok(()), StatusCode::OK, told).await,
        Err(rejected) => served.refuse(&rejected).await,
    }
}

async fn logs(State(served): State<Served>, request: Request) -> Response {
    served.export(request, otlp::Signal::Logs).await
}

async fn traces(State(served): State<Served>, request: Request) -> Response {
    served.export(request, otlp::Signal::Traces).await
}

async fn other_than_post(State(served): State<Served>) -> Response {
    let mut response = served.refuse(&Rejected::Method).await;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

/// Nothing that is answered here is for a cache or a page.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

impl Served {
    /// Takes in what a small body tells; what reading it answers beside.
    async fn take<T: Send + 'static>(
        &self,
        request: Request,
        limit: usize,
        kinds: &[ChannelKind],
        read: impl FnOnce(&[u8]) -> Result<(Vec<Sighting>, T), Rejected> + Send + 'static,
    ) -> Result<T, Rejected> {
        let (parts, body) = request.into_parts();
        let channel = self.channel(&parts.headers, kinds).await?;
        let subject = subject(&parts.headers)?;
        if !body::is_json(&parts.headers) {
            return Err(Rejected::ContentType);
        }
        // Whoever sends slowly with a secret that others have, too, takes no place of theirs.
        let before = if channel.kind == ChannelKind::Own {
            Some(self.desks.place(&channel, self.gateway.moment()).await?)
        } else {
            None
        };
        let sent = body::read(self.desks.held(&channel), &parts.headers, body, limit, PROMPTLY).await?;
        let place = match before {
            Some(place) => place,
            None => self.desks.place(&channel, self.gateway.moment()).await?,
        };
        let sent_size = sent.size();
        let reading = move || {
            let (text, held) = sent.inflated()?;
            read(&text).map(|read| (read, held))
        };
        let (((mut sightings, told), held), _place) =
            self.desks.work((Work::Small, place), sent_size, reading).await?;
        for sighting in &mut sightings {
            // SECURITY: a proxy that says whose a client is sets the header; the body is the client's.
            if subject.is_some() && sighting.subject.is_some() && sighting.subject != subject {
                return Err(Rejected::Subjects);
            }
            sighting.subject = sighting.subject.take().or_else(|| subject.clone());
        }
        self.gateway.witness(&channel, sightings).await?;
        drop(held);
        Ok(told)
    }

    /// Takes in an export; what its channel may not tell is left out and counted.
    async fn export(&self, request: Request, signal: otlp::Signal) -> Response {
        let (parts, body) = request.into_parts();
        let form = match otlp::form(&parts.headers) {
            Ok(form) => form,
            Err(rejected) => return self.refuse(&rejected).await,
        };
        match self.exported(&parts.headers, body, signal, form).await {
            Ok(left_out) => otlp::answer(form, signal, left_out),
            Err(rejected) => self.refuse(&rejected).await,
        }
    }

    async fn exported(
        &self,
        headers: &HeaderMap,
        body: Body,
        signal: otlp::Signal,
        form: otlp::Form,
    ) -> Result<u64, Rejected> {
        let channel = self.channel(headers, &[ChannelKind::Telemetry, ChannelKind::Provider]).await?;
        // What an agent says itself is a declaration, and there is a path for those.
        if channel.kind == ChannelKind::Own {
            return Err(Rejected::OwnExport);
        }
        let sent = body::read(self.desks.held(&channel), headers, body, LARGE, PATIENTLY).await?;
        let mut place = self.desks.place(&channel, self.gateway.moment()).await?;
        let (size, teller) = (sent.size(), channel.clone());
        // What is read is held with it until nobody reads it any more.
        let reading = move || {
            let (bytes, held) = sent.inflated()?;
            otlp::read(&bytes, signal, form, &teller).map(|piece| (piece, (bytes, held)))
        };
        let (mut piece, mut read);
        ((piece, read), place) = self.desks.work((Work::Export, place), size, reading).await?;
        let mut all_left_out: u64 = 0;
        loop {
            let Piece { sightings, left_out, next } = piece;
            all_left_out = all_left_out.saturating_add(left_out);
            self.gateway.witness(&channel, sightings).await?;
            let Some(rest) = next else { break };
            let teller = channel.clone();
            let reading =
                move || otlp::read_on(&read.0, signal, form, &teller, rest).map(|piece| (piece, read));
            ((piece, read), place) = self.desks.work((Work::Export, place), size, reading).await?;
        }
        drop((read, place));
        if all_left_out > 0 {
            self.gateway.turn_away("left_out").await;
        }
        Ok(all_left_out)
    }

    /// The channel that the credential proves.
    async fn channel(&self, headers: &HeaderMap, kinds: &[ChannelKind]) -> Result<Channel, Rejected> {
        let credential = bearer(headers)?;
        if let Some(channel) = self.channels.of(&credential) {
            return if kinds.contains(&channel.kind) { Ok(channel.clone()) } else { Err(Rejected::Kind) };
        }
        match self.gateway.own_channel(&credential).await {
            Ok(channel) => Ok(channel),
            Err(AskError::Fault(fault)) => Err(Rejected::Fault(fault)),
            Err(
                AskError::NotAccepted { .. }
                | AskError::UnknownHandle
                | AskError::UnknownPage
                | AskError::Counted(_)
                | AskError::Busy { .. },
            ) => Err(Rejected::Credential),
        }
    }

    async fn answer(&self, took: Result<(), Rejected>, status: StatusCode, told: &'static str) -> Response {
        match took {
            Ok(()) => (status, [(header::CONTENT_TYPE, "application/json")], told).into_response(),
            Err(rejected) => self.refuse(&rejected).await,
        }
    }

    async fn refuse(&self, rejected: &Rejected) -> Response {
        if let Rejected::Fault(fault) = rejected {
            tracing::error!(
                fault = fault as &(dyn std::error::Error + 'static),
                "evidence could not be kept"
            );
        }
        self.gateway.turn_away(rejected.reason()).await;
        rejected.response()
    }
}

/// `Authorization: Bearer SECRET`, once.
fn bearer(headers: &HeaderMap) -> Result<Credential, Rejected> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(Rejected::Credential) };
    let (scheme, secret) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Rejected::Credential)?;
    let secret = secret.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || secret.is_empty() {
        return Err(Rejected::Credential);
    }
    Ok(Credential::new(secret.to_owned()))
}

/// Whose it is, for channels that speak for several.
const SUBJECT: &str = "x-snowgate-subject";

fn subject(headers: &HeaderMap) -> Result<Option<String>, Rejected> {
    let mut values = headers.get_all(SUBJECT).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) if !text.trim().is_empty() => Ok(Some(text.trim().to_owned())),
            Ok(_) | Err(_) => Err(Rejected::Subject),
        },
        (Some(_), Some(_)) => Err(Rejected::Subject),
    }
}
