//! `snowgate serve`: wires adapters to the gateway, and answers.

mod auditing;
pub mod reviewing;

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use gateway::ports::{Catalogs, Clock, Identities, Ids, Policies, Upstream};
use gateway::{Gateway, Ports};
use http::StatusCode;
use local::{FolderPolicies, Home, RandomIds, Reconciled, ServedPolicies, Serving, SystemClock, Terminal};
use oidc::Issuers;
use query::{Answers, Resource};
use recording::RecordKey;
use settings::{Issuer, Shared, wiring};
use tokio::net::TcpListener;
use traces::{Place, Wish};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};
use warehouse::Warehouse;

use crate::cli::ServeArgs;
use crate::commands::Broken;
use crate::config::{Config, Own};
use crate::connections::{self, Bounds};
use crate::issuer::{DevelopmentIssuer, MintRequest, Unreserved};

/// How long the worker waits between two looks for what is unattended.
const LOOK: Duration = Duration::from_millis(500);
/// How long one turn of the worker carries an exchange on: what a person has decided meanwhile waits for the next.
const TURN: Duration = Duration::from_secs(1);

/// Runs until it is told to stop.
pub fn run(args: &ServeArgs) -> Result<ExitCode, Broken> {
    let config = with_arguments(Config::read(args.config.as_deref())?, args);
    config.check()?;
    log_to_stderr(log_filter()?, config.own.traces);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(config))?;
    // The embedded warehouse may still compute something that nobody waits for: not worth waiting either.
    std::process::exit(0)
}

/// What stands on the command line wins over file and environment.
fn with_arguments(config: Config, args: &ServeArgs) -> Config {
    let ServeArgs { listen, home, policies, scale, config: _ } = args.clone();
    let Config { shared, own, mut places } = config;
    if listen.is_some() {
        places.said_by("listen", "--listen");
    }
    if scale.is_some() {
        places.said_by("scale", "--scale");
    }
    Config {
        shared: Shared { policies: policies.or(shared.policies), ..shared },
        own: Own {
            home: home.unwrap_or(own.home),
            listen: listen.unwrap_or(own.listen),
            scale: scale.unwrap_or(own.scale),
            ..own
        },
        places,
    }
}

/// Says what could not be built of a configuration, without starting anything; else what somebody must be told.
pub fn check_parts(config: &Config) -> Result<Vec<String>, Broken> {
    log_filter()?;
    let policies = wiring::policies(config.shared.policies.as_deref())?;
    if !config.shared.auditors.is_empty() {
        wiring::auditors(&config.shared.auditors, &config.shared.issuers, &config.places)?;
    }
    if !config.shared.issuers.is_empty() {
        wiring::issuers(&config.shared.issuers, &config.shared.auditors, &config.places)?;
    }
    if let Some(upstream) = &config.shared.upstream {
        let (clock, ids): (Arc<dyn Clock>, Arc<dyn Ids>) = (Arc::new(SystemClock), Arc::new(RandomIds));
        wiring::account(upstream, &config.places, &clock, &ids, None)?;
    }
    reviewing::issuer(config)?;
    reviewing::command_line_issuer(config)?;
    reviewing::check_mail(config)?;
    let mut told = Vec::from_iter(wiring::unread_tags(&policies, config.shared.upstream.as_ref()));
    told.extend(reviewing::told(config, &policies, config.roster(config.address()?).as_deref()));
    Ok(told)
}

/// The lock of a home that is served, and what that home is told of who serves it. Gateways that issue agents' tokens serve it alone:
/// those name the address that it listens on, and a second one would make the first refuse them. Others share it where they agree
/// on what stands behind them, on who reviews and where they sign in: each carries on what the others have opened. The system gives the
/// lock back when the process ends, however it ends.
fn lock(home: &Home, serving: &Serving, policies: &ServedPolicies, is_alone: bool) -> Result<File, Broken> {
    let path = home.path().join("serving.lock");
    let lock = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
    let another = |why: &str| {
        Broken::new(format!(
            "another gateway serves {}{why}: stop it, or choose another folder with --home and another address with --listen",
            home.path().display()
        ))
    };
    let taken = |result: Result<(), TryLockError>| match result {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(Broken::from(error)),
    };
    if taken(lock.try_lock())? {
        // SECURITY: what was approved for one account is neither run nor read by before another.
        if let Some(before) = home.serving()?.filter(|before| !before.may_become(serving)) {
            let home = home.path().display();
            return Err(Broken::new(if before.behind == serving.behind {
                format!(
                    "reviewers of {home} sign in, and this gateway's do not: choose another folder with --home, or add \
                     [reviewers_issuer] and [[reviewers]]"
                )
            } else {
                format!(
                    "{home} holds what people have approved for {}, and this gateway stands before {}: choose another folder with --home",
                    before.behind, serving.behind
                )
            }));
        }
        home.note_serving(serving)?;
        home.note_policies(policies)?;
        if is_alone {
            return Ok(lock);
        }
        lock.unlock()?;
    } else if is_alone {
        return Err(another(""));
    }
    // One that starts at the same moment holds it alone for as long as it takes to note itself.
    let mut tries = 0;
    while !taken(lock.try_lock_shared())? {
        tries += 1;
        if tries > 20 {
            return Err(another(""));
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    // Read under the lock: whoever holds it alone may have noted something else in between.
    if home.serving()?.as_ref() != Some(serving) {
        return Err(another(" before another account, or has other reviewers, who may sign in elsewhere"));
    }
    // Gateways may decide by several bundles, during an update, say: then none of them is told.
    if home.served_policies()? != *policies {
        home.note_policies(&ServedPolicies::Untold)?;
    }
    Ok(lock)
}

/// The bundle of this configuration, as commands beside the gateway find it.
fn served_policies(config: &Config) -> Result<ServedPolicies, Broken> {
    Ok(match &config.shared.policies {
        Some(folder) => ServedPolicies::Folder(std::path::absolute(folder)?),
        None => ServedPolicies::BuiltIn,
    })
}

async fn serve(config: Config) -> Result<ExitCode, Broken> {
    let address = config.address()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(RandomIds);
    let policies = Arc::new(wiring::policies(config.shared.policies.as_deref())?);
    let real_issuers = if config.shared.issuers.is_empty() {
        None
    } else {
        Some(wiring::issuers(&config.shared.issuers, &config.shared.auditors, &config.places)?)
    };
    let reviewers_issuer = reviewing::issuer(&config)?;
    // Bound before anything is printed, so that what is printed works.
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Broken::new(format!("{address} cannot be listened on: {error}; choose another with --listen"))
    })?;
    let address = listener.local_addr()?;
    let (upstream, catalogs): (Arc<dyn Upstream>, Arc<dyn Catalogs>) =
        if let Some(upstream) = &config.shared.upstream {
            let (account, catalogs) = wiring::account(upstream, &config.places, &clock, &ids, None)?;
            (account, catalogs)
        } else {
            let warehouse = Arc::new(Warehouse::open(config.own.scale).await?);
            (Arc::clone(&warehouse) as Arc<dyn Upstream>, warehouse)
        };

    // Made last, so that what does not start leaves nothing behind.
    let home = Home::open(&config.own.home)?;
    // Held for as long as it serves.
    let _serving = lock(&home, &config.serving()?, &served_policies(&config)?, real_issuers.is_none())?;
    let (identities, resource, issuer) = if let Some(issuers) = real_issuers {
        let resource = Resource::of(&Issuer::all(&config.shared.issuers, &config.places)?);
        (issuers, resource, None)
    } else {
        let mut issuer = DevelopmentIssuer::open(&config.own.home, &format!("http://{address}"))?;
        issuer.reserve(&config.own.home, policies.reviewer_groups())?;
        let resource = Resource::of(&[issuer.settings()]);
        (Issuers::new(vec![issuer.settings()])?, resource, Some(Arc::new(issuer)))
    };

    let identities: Arc<dyn Identities> = Arc::new(identities);
    let identities: Arc<dyn Identities> = match &issuer {
        Some(_) => Arc::new(Unreserved::new(identities, Arc::clone(&policies) as Arc<dyn Policies>)),
        None => identities,
    };
    let roster = config.roster(address);
    let terminal = if std::io::stdout().is_terminal() { Terminal::new } else { Terminal::kept };
    let terminal = terminal(home.path(), Box::new(std::io::stdout()));
    let ports = Ports {
        identities,
        policies: Arc::clone(&policies) as Arc<dyn Policies>,
        catalogs,
        keys: Arc::new(home.clone()),
        recorder: Arc::new(home.clone()),
        recordings: Arc::new(home.clone()),
        exchanges: Arc::new(home.clone()),
        evidence: Arc::new(home.clone()),
        approvals: Arc::new(home.clone()),
        standings: Arc::new(home.clone()),
        accesses: Arc::new(home.clone()),
        notifier: reviewing::notifier(&config, terminal, &home)?,
        upstream,
        clock: Arc::clone(&clock),
        ids,
    };
    let audit = auditing::routes(&config, &home, &ports)?;
    let behind = match config.shared.upstream {
        Some(_) => approval::Behind::Snowflake,
        None => approval::Behind::EmbeddedWarehouse,
    };
    let channels = config.channels()?;
    let settings = gateway::Settings {
        roster: roster.clone(),
        channels: Some(channels.all().collect()),
        ..config.gateway_settings()
    };
    let page = roster
        .clone()
        .map(|roster| reviewing::reception(&ports, roster, reviewers_issuer))
        .map(|reception| approval::routes(reception.signed_in_by(settings.sign_in), behind));
    let gateway = Arc::new(Gateway::new(ports, settings));
    let reviewing = reviewing::told(&config, &policies, roster.as_deref());
    let mut watch = Watch::new(policies, config.shared.upstream.clone());
    watch.report(&home.reconcile(clock.now()).await?);
    let mut told = watch.told();
    told.extend(reviewing);
    told.extend(reviewing::unreached(&config));
    tokio::spawn(work(Arc::clone(&gateway), home, Arc::clone(&clock), watch));

    let resource = resource.with_scopes(&gateway.settings().scopes).with_hosts(hosts(&config, address));
    let mut router = query::routes_for(Arc::clone(&gateway), resource, Answers::Streamed);
    if let Some(issuer) = &issuer {
        router = router.merge(Arc::clone(issuer).routes(Arc::clone(&clock)));
    }
    router = router.merge(evidence::routes(Arc::clone(&gateway), channels));
    if let Some(page) = page {
        router = router.merge(page);
    }
    if let Some(audit) = audit {
        router = router.merge(audit);
    }
    let own = query::local_only(hosts(&config, address)).with_origins(config.own.approvals_url.clone());
    let router = router.layer(from_fn(outlive_the_client)).layer(own);
    announce(&config, address, &told, issuer.as_deref(), clock.as_ref())?;
    connections::answer(listener, router, Bounds::default(), stop()).await;
    Ok(ExitCode::SUCCESS)
}

/// An agent that hangs up must not stop its statement between being sent and being recorded. On AWS the invocation
/// goes on; here the request is carried by a task of its own.
async fn outlive_the_client(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a request ended without an answer");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The worker: carries on what outlived its answer, closes what was lost.
async fn work(gateway: Arc<Gateway>, home: Home, clock: Arc<dyn Clock>, mut watch: Watch) {
    let mut turns: u64 = 0;
    loop {
        if let Err(fault) = gateway.work(clock.now().after(TURN)).await {
            tracing::warn!(
                fault = &fault as &dyn std::error::Error,
                "the worker cannot tell what is unattended"
            );
        }
        turns = turns.wrapping_add(1);
        // Once a minute, since it lists folders: openings whose live state a crash or a full disk has kept from being.
        if turns.is_multiple_of(120) {
            match home.reconcile(clock.now()).await {
                Ok(reconciled) => watch.report(&reconciled),
                Err(fault) => {
                    tracing::warn!(fault = &fault as &dyn std::error::Error, "the home cannot be reconciled");
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What somebody must look at; each thing is told once while the gateway runs.
struct Watch {
    policies: Arc<FolderPolicies>,
    upstream: Option<snowflake::Settings>,
    damaged: BTreeSet<RecordKey>,
    unread_tags: Option<String>,
}

impl Watch {
    fn new(policies: Arc<FolderPolicies>, upstream: Option<snowflake::Settings>) -> Self {
        Self { policies, upstream, damaged: BTreeSet::new(), unread_tags: None }
    }

    /// Logs what was not logged before.
    fn report(&mut self, reconciled: &Reconciled) {
        let Reconciled { adopted: _, damaged } = reconciled;
        for key in damaged {
            if self.damaged.insert(key.clone()) {
                tracing::error!(%key, "an opening without a closing cannot be read: somebody must look");
            }
        }
        // The bundle may have changed since.
        let unread_tags = wiring::unread_tags(&self.policies, self.upstream.as_ref());
        if unread_tags != self.unread_tags {
            if let Some(told) = &unread_tags {
                tracing::error!("{told}");
            }
            self.unread_tags = unread_tags;
        }
    }

    /// What to print when the gateway starts, a line each.
    fn told(&self) -> Vec<String> {
        let mut lines = Vec::from_iter(self.unread_tags.clone());
        if !self.damaged.is_empty() {
            let openings = if self.damaged.len() == 1 { "opening" } else { "openings" };
            lines.push(format!(
                "{} {openings} without a closing cannot be read: somebody must look (the log names each)",
                self.damaged.len()
            ));
        }
        lines
    }
}

fn hosts(config: &Config, address: SocketAddr) -> Vec<String> {
    let mut hosts = vec![address.to_string()];
    if address.ip().is_loopback() {
        hosts.push(format!("localhost:{}", address.port()));
    }
    hosts.extend(config.own.hosts.iter().cloned());
    // Where reviewers come to, whatever stands before this server.
    let page = config.own.approvals_url.as_deref().and_then(|url| url.split_once("://"));
    hosts.extend(page.map(|(_, host)| host.trim_end_matches('/').to_owned()));
    hosts
}

/// Tells what to paste next.
fn announce(
    config: &Config,
    address: SocketAddr,
    told: &[String],
    issuer: Option<&DevelopmentIssuer>,
    clock: &dyn Clock,
) -> Result<(), Broken> {
    let home = config.own.home.display();
    say!("Snowgate listens on http://{address}; recordings lie in {home}");
    if let Some(channels) = config.channels_told()? {
        say!("evidence of prompts comes by {channels}; others when this starts again");
    }
    for told in told {
        say!("ATTENTION: {told}");
    }
    let Some(issuer) = issuer else {
        say!(
            "next: point an agent at http://{address}/api/v2/statements, or by MCP:\n\
             claude mcp add --transport http snowgate http://{address}/mcp"
        );
        return Ok(());
    };
    let links = match reviewing::unreached(config) {
        None => "\n# what must wait for a person prints a link here for each reviewer: decide in the browser",
        Some(_) => "",
    };
    let request = MintRequest {
        agent: "demo-agent".to_owned(),
        person: Some("ana@example.com".to_owned()),
        groups: vec!["agents".to_owned()],
        scopes: vec!["sql".to_owned()],
        ttl: Duration::from_secs(12 * 60 * 60),
    };
    let token = issuer.mint(&request, clock.now())?;
    let program = program();
    let sql =
        "select c_name, c_phone as contact, c_acctbal from snowflake_sample_data.tpch_sf1.customer limit 3";
    say!("
This is a demo: the warehouse is embedded and its people are made up. Whoever can read {home} gets tokens.
In another terminal, from this folder:

export TOKEN={token}

curl -s http://{address}/api/v2/statements -H \"Authorization: Bearer $TOKEN\" \\
  -H 'Content-Type: application/json' -H 'Accept: application/json' -H 'X-Snowgate-Prompt: who are our customers' \\
  -d '{{\"statement\": \"{sql}\"}}'

{program} ask --url http://{address} --home {home} --prompt \"who are our customers\" \\
  \"{sql}\"

claude mcp add --transport http snowgate http://{address}/mcp --header \"Authorization: Bearer $TOKEN\"
{links}
# further tokens: {program} token --home {home} --for ana@example.com
# Ctrl-C stops it");
    Ok(())
}

/// How this program is called, so that what is printed can be pasted where it was started: out of a clone's target
/// folder nothing is called `snowgate`.
fn program() -> &'static str {
    let is_built_here = std::env::current_exe().is_ok_and(|path| {
        path.parent().and_then(Path::parent).is_some_and(|folder| folder.ends_with("target"))
    });
    if is_built_here { "cargo run -q --" } else { "snowgate" }
}

/// Ctrl-C, or the word of a process manager.
async fn stop() {
    let interrupted = tokio::signal::ctrl_c();
    let mut terminated = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminated) => terminated,
        Err(error) => {
            tracing::warn!(%error, "SIGTERM will end the process at once");
            let _ = interrupted.await;
            return;
        }
    };
    tokio::select! {
        _ = interrupted => {}
        _ = terminated.recv() => {}
    }
}

/// `SNOWGATE_LOG` says what is logged: a level, or targets with theirs (`info`, `warn,gateway=debug`).
fn log_filter() -> Result<EnvFilter, Broken> {
    let said = settings::variable(LOG).map_err(|error| Broken::usage(error.to_string()))?;
    let said = said.as_deref().unwrap_or("warn");
    // A lone word that is no level would be a target, and everything else silent: a misspelt level.
    let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
    let mut directives = said.split(',').map(str::trim);
    let filter = said
        .parse::<EnvFilter>()
        .ok()
        .filter(|_| directives.all(|word| word.contains('=') || is_level(word)));
    filter.ok_or_else(|| {
        Broken::usage(format!(
            "{LOG} says nothing that can be logged by: write off, error, warn, info, debug or trace, or TARGET=LEVEL, \
             with commas between several"
        ))
    })
}

/// The variable that says what is logged.
const LOG: &str = "SNOWGATE_LOG";

/// Logs JSON lines on standard error, and spans beside them where somebody wishes for them.
fn log_to_stderr(filter: EnvFilter, wish: Wish) {
    let place = Place { version: env!("CARGO_PKG_VERSION"), function: None };
    let ports = (Arc::new(SystemClock) as _, Arc::new(RandomIds) as _);
    // Somebody else has set one up already: theirs stays.
    match traces::exporter(wish, &place, ports, std::io::stderr) {
        Some(exporter) => {
            let log = fmt::layer().json().with_writer(std::io::stderr).with_filter(filter);
            let _ = tracing_subscriber::registry().with(log).with(exporter).try_init();
        }
        None => {
            let _ = fmt().json().with_env_filter(filter).with_writer(std::io::stderr).try_init();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serving(behind: &str, sign_in: gateway::SignIn, issuer: &str) -> Serving {
        let people = vec![gateway::ReviewerName::Email("rosa@acme.example".to_owned())];
        let (issuer, client) = (issuer.to_owned(), "snowgate".to_owned());
        let rules = local::SignInRules {
            algorithms: vec!["ES256".to_owned()],
            scopes: Vec::new(),
            groups_claim: "groups".to_owned(),
            person_claim: None,
            max_age_seconds: 300,
            acr_values: Vec::new(),
            jwks_uri: None,
            leeway_seconds: 60,
        };
        let reviewers = Some(local::ReviewersClient { issuer, client, people, rules });
        Serving { behind: behind.to_owned(), sign_in, reviewers }
    }

    #[test]
    fn gateways_that_agree_share_a_home_and_no_others_do() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(&folder.path().join("home")).unwrap();
        let dev = serving("dev", gateway::SignIn::Oidc, "https://people.example");
        let another = serving("prod", gateway::SignIn::Oidc, "https://people.example");
        let elsewhere = serving("dev", gateway::SignIn::Oidc, "https://elsewhere.example");
        let demo = Serving { reviewers: None, ..serving("embedded", gateway::SignIn::Development, "") };
        let built_in = ServedPolicies::BuiltIn;
        let locked = |next: &Serving, is_alone| lock(&home, next, &built_in, is_alone);
        let refused = |next: &Serving, is_alone| locked(next, is_alone).unwrap_err().to_string();

        let alone = locked(&demo, true).unwrap();
        for (next, is_alone) in [(&demo, true), (&demo, false), (&dev, false)] {
            assert!(refused(next, is_alone).contains("another gateway serves"), "{next:?}");
        }
        assert_eq!(home.serving().unwrap().as_ref(), Some(&demo), "who does not serve notes nothing");
        drop(alone);

        let one = locked(&dev, false).unwrap();
        assert_eq!(home.served_policies().unwrap(), built_in);
        let other = locked(&dev, false).unwrap();
        assert_eq!(home.served_policies().unwrap(), built_in);
        drop(lock(&home, &dev, &ServedPolicies::Folder("/policies".into()), false).unwrap());
        assert_eq!(home.served_policies().unwrap(), ServedPolicies::Untold, "two decide otherwise");
        for (next, is_alone) in [(&another, false), (&elsewhere, false), (&demo, true), (&demo, false)] {
            assert!(refused(next, is_alone).contains("another gateway serves"), "{next:?}");
        }
        assert_eq!(home.serving().unwrap().as_ref(), Some(&dev));
        drop((one, other));

        // Whoever does not sign in decides nothing where people did.
        let signs_in = Serving { behind: "embedded".to_owned(), ..elsewhere.clone() };
        let other = Home::open(&folder.path().join("other")).unwrap();
        drop(lock(&other, &signs_in, &built_in, true).unwrap());
        let told = lock(&other, &demo, &built_in, true).unwrap_err().to_string();
        assert!(told.contains("sign in, and this gateway's do not"), "{told}");

        // Later, nothing that was approved for one account counts before another; where reviewers sign in may change.
        for (next, is_alone) in [(&another, false), (&demo, true)] {
            assert!(refused(next, is_alone).contains("holds what people have approved for dev"), "{next:?}");
        }
        drop(locked(&elsewhere, false).unwrap());
        assert_eq!(home.serving().unwrap(), Some(elsewhere));
    }
}
