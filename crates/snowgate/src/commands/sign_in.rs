//! Who decides at this terminal. Over the embedded warehouse whoever holds the home says so themselves; over a real account they
//! sign in, and their browser comes back to a port of this machine (RFC 8252 section 7.3).

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::{ApprovalId, Unmoved};
use gateway::{
    CameBack, KnownReviewer, LoopbackSignIn, NotSignedIn, Reception, Review, ReviewError, ReviewerName,
    Roster, SignIn, SignedIn, Waiting,
};
use local::{Home, RandomIds, ReviewersClient};
use serde::Deserialize;
use settings::File;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::approvals::told;
use super::{Broken, printable};
use crate::cli::HomeArgs;
use crate::config::Config;
use crate::connections::{self, Bounds};
use crate::serve::reviewing;

/// Who reviews over the embedded warehouse where nobody says.
const REVIEWER: &str = "reviewer@example.com";

/// How long somebody may take to sign in.
const WAIT: Duration = Duration::from_secs(5 * 60);

/// How the port is bounded: one browser comes, and whatever else is on this machine. Everybody there has the one address, so that
/// whoever holds connections open must hold many, each for a moment.
const BOUNDS: Bounds = Bounds {
    head: Duration::from_secs(1),
    body: Duration::from_secs(1),
    connections: 512,
    of_one: 512,
    unread: Duration::from_secs(5),
    farewell: Duration::from_secs(2),
};

/// What somebody wants to decide.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The approval.
    pub id: ApprovalId,
    /// How its reviewers must prove themselves.
    pub sign_in: &'a str,
    /// Groups whose members decide it.
    pub groups: &'a [String],
}

impl<'a> Wanted<'a> {
    /// What waits.
    pub fn of(waiting: &'a Waiting) -> Self {
        Self { id: waiting.id, sign_in: &waiting.asked.sign_in, groups: &waiting.asked.reviewers }
    }
}

/// Who decides here.
pub async fn reviewer(
    review: &Review,
    wanted: Wanted<'_>,
    named: Option<&str>,
    args: &HomeArgs,
    home: &Path,
) -> Result<SignedIn, Broken> {
    match (SignIn::from_word(wanted.sign_in), named) {
        // SECURITY: the home of the local demo is served before reviewers who sign in by now.
        (Some(SignIn::Development), _) if review.sign_in() != SignIn::Development => Err(Broken::new(
            "this was asked for before reviewers had to sign in, and nobody can decide it any more; next: its agent asks again",
        )),
        // Whoever holds a home of the local demo stands in for all of its reviewers.
        (Some(SignIn::Development), named) => {
            let groups = wanted.groups.iter().cloned().collect();
            SignedIn::development(named.unwrap_or(REVIEWER), groups)
                .map_err(|error| Broken::usage(error.to_string()))
        }
        // SECURITY: nobody is whom they say they are before a real account.
        (Some(SignIn::Oidc) | None, Some(_)) => Err(Broken::usage(
            "--as names somebody over the embedded warehouse alone; this waits for reviewers who sign in: leave --as out, and sign in",
        )),
        (Some(SignIn::Oidc) | None, None) => sign_in(review, wanted.id, args, home).await,
    }
}

async fn sign_in(review: &Review, id: ApprovalId, args: &HomeArgs, home: &Path) -> Result<SignedIn, Broken> {
    let (config, there) = match (checked(args), &args.config) {
        (Ok(config), _) => {
            let Some(here) = config.serving()?.reviewers else {
                return Err(Broken::new(
                    "this waits for reviewers who sign in, and the configuration does not say where: add [reviewers_issuer] and \
                     [[reviewers]], or name the file with --config; without them nobody can decide, and silence denies it",
                ));
            };
            let there = there(&here, home)?;
            (config, there)
        }
        // A broken file that nobody has named keeps nobody from deciding: the home says how its gateway's reviewers sign in, but for
        // a client's secret.
        (Err(broken), None) => {
            let serving = Home::open_existing(home)?.serving()?;
            let Some(there) = serving.and_then(|serving| serving.reviewers) else { return Err(broken) };
            eprintln!(
                "snowgate: {broken}; reviewers sign in as the home notes it, without a client's secret"
            );
            (Config::parse(File { name: "the home", text: "" }, std::iter::empty())?, there)
        }
        (Err(broken), Some(_)) => return Err(broken),
    };
    let issuer = reviewing::issuer_at(&config, &there)?;
    let roster = Arc::new(roster_of(&there));
    let reception = Reception::new(review.clone(), roster, Some(issuer), Arc::new(RandomIds));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let redirect_uri = format!("http://{}/callback", listener.local_addr()?);
    let sign_in = reception.sign_in_by_loopback(&redirect_uri).await.map_err(|error| told(&error, home))?;
    eprintln!(
        "sign in to decide, within {} minutes, in a browser on this machine:\n{}",
        WAIT.as_secs() / 60,
        printable(sign_in.url())
    );
    let sign_in = Arc::new(sign_in);
    let came = come_back(listener, Arc::clone(&sign_in)).await?;
    let by = reception.signed_in_by_loopback(id, &sign_in, &came).await;
    by.map_err(|error| match error {
        NotSignedIn::Review(ReviewError::Unmoved(unmoved @ Unmoved::OwnRequest)) => {
            Broken::new(format!("{unmoved}; next: another reviewer decides"))
        }
        NotSignedIn::Review(error) => told(&error, home),
        NotSignedIn::Stranger => Broken::new(format!(
            "{error}; next: an operator adds them to [[reviewers]], by the address that their issuer has verified, or by `sub`"
        )),
        NotSignedIn::GivenUp | NotSignedIn::NotAccepted(_) => {
            Broken::new(format!("{error}; nothing was decided; next: the same command again"))
        }
    })
}

/// The configuration, when it is one that `serve` would take: an issuer over http is refused here as well, say.
fn checked(args: &HomeArgs) -> Result<Config, Broken> {
    let config = Config::read(args.config.as_deref())?;
    config.check()?;
    Ok(config)
}

/// The reviewers of the gateway that serves this home, who sign in where this configuration says, and prove there what the gateway
/// wants.
// SECURITY: whoever can open the home could name an issuer that says what they like, or people of their own. The gateway follows no
// such yes; it is not taken.
fn there(here: &ReviewersClient, home: &Path) -> Result<ReviewersClient, Broken> {
    match Home::open_existing(home)?.serving()?.and_then(|serving| serving.reviewers) {
        Some(there) if (&there.issuer, &there.client) == (&here.issuer, &here.client) => Ok(there),
        Some(there) => Err(Broken::new(format!(
            "reviewers of the gateway that serves {} sign in at {} as users of `{}`, and this configuration says {} and `{}`; nothing \
             was decided; next: --config names the gateway's own file",
            home.display(),
            printable(&there.issuer),
            printable(&there.client),
            printable(&here.issuer),
            printable(&here.client)
        ))),
        None => Err(Broken::new(format!(
            "no gateway whose reviewers sign in has served {}; nothing was decided; next: start it with this configuration",
            home.display()
        ))),
    }
}

/// These people, as a roster. No page and no groups: who has signed in proves theirs.
pub fn roster_of(there: &ReviewersClient) -> Roster {
    let ReviewersClient { issuer, client: _, people, rules: _ } = there;
    let known = |name: &ReviewerName| KnownReviewer { name: name.clone(), groups: None, mail: None };
    Roster::new("", issuer.clone(), people.iter().map(known).collect())
}

/// What everybody who comes to the port is measured by.
#[derive(Clone)]
struct Desk {
    sign_in: Arc<LoopbackSignIn>,
    came: Sender<CameBack>,
}

/// Waits until the browser comes back from this sign-in; whatever else comes to the port is nothing.
async fn come_back(listener: TcpListener, sign_in: Arc<LoopbackSignIn>) -> Result<CameBack, Broken> {
    let (send, receive) = channel(1);
    // A HEAD is no coming back.
    let routes = Router::new().route("/callback", get(callback).head(nothing));
    let routes = routes.with_state(Desk { sign_in, came: send });
    let mut came = None;
    connections::answer(listener, routes, BOUNDS, first(receive, &mut came)).await;
    came.ok_or_else(|| {
        Broken::new("nobody has signed in in time; nothing was decided; next: the same command again")
    })
}

/// The first who comes, unless nobody does in time.
async fn first(mut receive: Receiver<CameBack>, came: &mut Option<CameBack>) {
    *came = tokio::time::timeout(WAIT, receive.recv()).await.ok().flatten();
}

/// What an issuer sends a browser back with (OpenID Connect Core 1.0 section 3.1.2.5, RFC 9207).
#[derive(Deserialize)]
struct Answer {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
}

async fn callback(State(desk): State<Desk>, query: Result<Query<Answer>, QueryRejection>) -> Response {
    let (status, text) = match query {
        Ok(Query(Answer { state: Some(state), code, iss })) if desk.sign_in.is_answered_by(&state) => {
            // A second one comes too late: the code of the first is redeemed.
            match desk.came.try_send(CameBack { state, code, issuer: iss }) {
                Ok(()) => (
                    StatusCode::OK,
                    "Go back to your terminal: it tells what came of it. You may close this page.\n",
                ),
                Err(_) => {
                    (StatusCode::CONFLICT, "This sign-in has come back before: look at your terminal.\n")
                }
            }
        }
        Ok(_) | Err(_) => (StatusCode::NOT_FOUND, "Nothing is waited for here.\n"),
    };
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        // The address holds the code.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, text).into_response()
}

async fn nothing() -> StatusCode {
    StatusCode::OK
}
