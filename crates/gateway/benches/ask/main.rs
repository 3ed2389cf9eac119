//! How long the gateway's own work takes for one small SELECT: from the check of the token to the reply.
//!
//! Everything of the gateway is real: a signed token, checked against keys that are at hand; a bundle of 100 policies;
//! a catalog table of 200 columns; reading, masking, sealing, recording. Only what lies behind the ports is in memory,
//! so that neither a disk nor a warehouse is measured.
//!
//! `cargo bench -p gateway --bench ask` prints the median and the 99th percentile in microseconds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement that cannot be set up must fail"
)]

mod issuer;
mod ports;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Asked, Bindings, Context, Credential, Door, Outcome, Prompt, PromptGrade, SqlText};
use gateway::{Gateway, Ports, Settings};
use policy::{Bundle, default_files};
use tokio::runtime::Runtime;

use crate::issuer::Issuer;
use crate::ports::{Answering, Counter, Forgetful, HeldBundle, Keyring, Live, Nobody, RealClock, Tables};

/// Statements before the measurement, and in it.
const WARM_UP: usize = 500;
const MEASURED: usize = 5000;

/// Columns of the table, policies of the bundle.
const COLUMNS: usize = 200;
const POLICIES: usize = 100;

const NARROW: &str = "select id, name, email as contact, country from customers where country = 'DE' limit 3";
const WIDE: &str = "select * from customers limit 3";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let issuer = Issuer::start();
    for (policies, scope) in [
        ("each for a group and an action", "principal in Group::\"team-NUMBER\", action == Action::\"read\""),
        ("each for anybody and any action", "principal, action"),
    ] {
        let bundle = Arc::new(bundle(scope));
        for (columns, sql) in [("4 columns", NARROW), ("all columns", WIDE)] {
            let name = format!(
                "SELECT of {columns} of a table of {COLUMNS}, 3 rows; {POLICIES} policies, {policies}"
            );
            measure(&runtime, &name, sql, &issuer, &bundle);
        }
    }
}

fn measure(runtime: &Runtime, name: &str, sql: &str, issuer: &Issuer, bundle: &Arc<Bundle>) {
    let gateway = gateway(issuer, bundle, sql);
    let mut micros: Vec<f64> = runtime.block_on(async {
        let mut micros = Vec::with_capacity(MEASURED);
        for round in 0..WARM_UP + MEASURED {
            let asked = asked(sql, issuer.token());
            let start = Instant::now();
            let reply = gateway.ask(asked, Duration::from_secs(40)).await.unwrap();
            let took = start.elapsed();
            check(&reply, sql);
            if round >= WARM_UP {
                micros.push(took.as_secs_f64() * 1e6);
            }
        }
        micros
    });
    micros.sort_by(f64::total_cmp);
    println!("{name}: p50 {:.0} us, p99 {:.0} us", micros[micros.len() / 2], micros[micros.len() * 99 / 100]);
}

/// What is measured is an answer with rows, masked.
fn check(reply: &gateway::Reply, sql: &str) {
    let Outcome::Rows { .. } = reply.outcome() else { panic!("no rows: {:?}", reply.outcome()) };
    let part = &reply.parts()[0];
    let expected = if sql == WIDE { COLUMNS } else { 4 };
    assert_eq!((part.columns.len(), part.rows), (expected, 3));
    assert!(part.columns[2].masked, "the mail address is masked");
    assert!(reply.first_page().is_some());
}

fn asked(sql: &str, token: &str) -> Asked {
    Asked {
        door: Door::SqlApi,
        credential: Credential::new(token.to_owned()),
        conversation: None,
        request: None,
        text: SqlText::new(sql),
        bindings: Bindings::new(),
        context: Context::default(),
        statement_count: 1,
        parameters: BTreeMap::new(),
        timeout: None,
        prompt: Prompt { text: Some("who are our German customers".to_owned()), grade: PromptGrade::P1 },
        clues: Default::default(),
    }
}

fn gateway(issuer: &Issuer, bundle: &Arc<Bundle>, sql: &str) -> Gateway {
    let tables = Arc::new(Tables::new(COLUMNS));
    let store = Arc::new(Forgetful);
    let columns = if sql == WIDE { tables.all() } else { tables.some(&["ID", "NAME", "EMAIL", "COUNTRY"]) };
    let ports = Ports {
        identities: Arc::new(issuer.verifier()),
        policies: Arc::new(HeldBundle(Arc::clone(bundle))),
        catalogs: Arc::clone(&tables) as _,
        keys: Arc::new(Keyring),
        recorder: Arc::clone(&store) as _,
        recordings: store,
        exchanges: Arc::new(Live::default()),
        evidence: Arc::new(gateway::ports::NoEvidence),
        approvals: Arc::new(Nobody),
        standings: Arc::new(Nobody),
        accesses: Arc::new(gateway::ports::NoAccesses),
        notifier: Arc::new(Nobody),
        upstream: Arc::new(Answering::new(columns)),
        clock: Arc::new(RealClock),
        ids: Arc::new(Counter::default()),
    };
    let name = |text: &str| Some(text.to_owned());
    let default_context = Context {
        role: name("ANALYST"),
        warehouse: name("DEMO_WH"),
        database: name("DEMO"),
        schema: name("PUBLIC"),
    };
    Gateway::new(ports, Settings { default_context, ..Settings::default() })
}

/// The default bundle, filled up to 100 policies with ones of this scope.
fn bundle(scope: &str) -> Bundle {
    let mut files = default_files();
    let there: usize =
        files.values().map(|bytes| String::from_utf8_lossy(bytes).matches("@id(").count()).sum();
    let mut more = String::new();
    for number in there..POLICIES {
        let scope = scope.replace("NUMBER", &number.to_string());
        writeln!(
            more,
            "@id(\"more-{number}\") permit ({scope}, resource) \
             when {{ context.kind == \"kind-{number}\" && principal.scopes.contains(\"scope-{number}\") }};"
        )
        .unwrap();
    }
    files.insert("90-more.cedar".into(), more.into_bytes());
    Bundle::parse(&files).unwrap()
}
