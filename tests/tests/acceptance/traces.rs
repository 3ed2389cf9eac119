//! Where a statement's time goes is told to whoever asks, at every door, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ::traces::{Place, Wish};
use domain::Outcome;
use gateway::ports::{Clock, Ids};
use local::{RandomIds, SystemClock};
use serde_json::json;
use snowflake::scripted::{Answer, When};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

use crate::aws_house::Stage;
use crate::door::{Answered, call_with, get, router};
use crate::house::{House, ask_without_waiting, customers, in_time};
use crate::kept::Kept;
use crate::otlp::{Span, one_trace};
use crate::pages_door::{self, Browser};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

fn parent(trace: &str, flags: &str) -> String {
    format!("00-{trace}-{CALLER}-{flags}")
}

/// What is written from now on by this thread, on which everything of a test runs.
fn listening(wish: Wish) -> (DefaultGuard, Kept) {
    let kept = Kept::listening();
    let ports: (Arc<dyn Clock>, Arc<dyn Ids>) = (Arc::new(SystemClock), Arc::new(RandomIds));
    let place = Place { version: "1.2.3", function: None };
    let exporter = ::traces::exporter(wish, &place, ports, kept.clone());
    (tracing::subscriber::set_default(tracing_subscriber::registry().with(exporter)), kept)
}

/// A door.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Door {
    SqlApi,
    Mcp,
}

const DOORS: [Door; 2] = [Door::SqlApi, Door::Mcp];

impl Door {
    fn name(self) -> &'static str {
        match self {
            Self::SqlApi => "sqlapi",
            Self::Mcp => "mcp",
        }
    }

    async fn ask(self, router: &axum::Router, sql: &str, headers: &[(&str, &str)]) -> Answered {
        let (path, body) = match self {
            Self::SqlApi => ("/api/v2/statements", json!({ "statement": sql })),
            Self::Mcp => {
                let arguments = json!({ "statement": sql, "user_request": "s3cret-prompt" });
                let params = json!({ "name": "run_sql", "arguments": arguments });
                ("/mcp", json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }))
            }
        };
        let own = [
            ("mcp-protocol-version", "2025-11-25"),
            ("host", "127.0.0.1:8181"),
            ("x-snowgate-prompt", "s3cret-prompt"),
        ];
        let own = if self == Self::Mcp { &own[..] } else { &own[2..] };
        let headers = [own, headers].concat();
        call_with(router, "ana", "POST", path, Some(body.to_string().as_bytes()), &headers).await
    }
}

fn names(spans: &[Span]) -> BTreeSet<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

#[tokio::test]
async fn the_steps_of_a_statement_are_one_trace_at_every_door() {
    for door in DOORS {
        let house = House::with(|settings| (settings.inline, settings.page_size) = (0, 250), &[]).await;
        customers::answer_later(&house.snow, 1, &[5, 4]);
        let router = router(house.gateway());
        let (_guard, kept) = listening(Wish::Asked);
        let answered = door.ask(&router, customers::SQL, &[("traceparent", &parent(TRACE, "01"))]).await;
        assert_eq!(answered.status, 200, "{}", answered.text());
        let spans = kept.spans();
        let root = one_trace(&spans);
        assert_eq!((root.name.as_str(), root.trace.as_str()), (door.name(), TRACE));
        assert_eq!(root.parent.as_deref(), Some(CALLER));
        assert_eq!(root.attributes["http.response.status_code"], "200");
        let steps = [
            "authenticate",
            "read",
            "evidence",
            "decide",
            "claim",
            "open",
            "begin",
            "run",
            "compare",
            "save",
            "fetch",
            "rows",
            "mask",
            "pages",
            "close",
            "settle",
            "recall",
        ];
        assert_eq!(names(&spans), steps.into_iter().chain([door.name()]).collect::<BTreeSet<_>>());
        // Nine rows in two partitions and several pages: what comes in pieces is one span each time.
        for name in ["rows", "mask", "fetch", "close"] {
            assert_eq!(spans.iter().filter(|span| span.name == name).count(), 1, "{name}");
        }
        // In the order of things.
        let at = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
        for (before, after) in [
            ("authenticate", "read"),
            ("read", "decide"),
            ("decide", "claim"),
            ("claim", "open"),
            ("open", "run"),
            ("run", "fetch"),
            ("close", "settle"),
        ] {
            assert!(at(before).ended <= at(after).began, "{before} and {after}: {spans:#?}");
        }
        assert_eq!(at("mask").parent.as_ref(), Some(&at("fetch").id));
        assert!(!spans.iter().any(|span| span.has_failed), "{spans:#?}");
        let (opening, closing) = house.only();
        assert!(closing.is_some());
        for name in ["run", "fetch", "mask", "pages", "close", "settle", door.name()] {
            assert_eq!(at(name).exchange(), Some(opening.exchange.as_str()), "{name}");
        }
    }
}

#[tokio::test]
async fn only_what_is_asked_for_is_told() {
    for door in DOORS {
        for (wish, headers, expected) in [
            (Wish::Off, vec![parent(TRACE, "01")], None),
            (Wish::Asked, vec![], None),
            (Wish::Asked, vec![parent(TRACE, "00")], None),
            (Wish::Asked, vec![parent(TRACE, "01")], Some(true)),
            (Wish::All, vec![], Some(false)),
            (Wish::All, vec![parent(TRACE, "00")], Some(true)),
            // Whoever says nothing that can be read says nothing, and is answered as ever.
            (Wish::Asked, vec![parent(TRACE, "1")], None),
            (Wish::Asked, vec![parent(TRACE, "01"), parent(TRACE, "01")], None),
            (Wish::Asked, vec![parent(&TRACE.to_uppercase(), "01")], None),
            (Wish::Asked, vec![format!("{}-01", parent(TRACE, "01"))], None),
            (Wish::All, vec![parent(&"0".repeat(32), "01")], Some(false)),
            (Wish::All, vec!["00-s3cret".to_owned()], Some(false)),
            (Wish::All, vec!["\"},{\"s3cret\":\"".to_owned()], Some(false)),
        ] {
            let house = House::new().await;
            customers::answer(&house.snow, &[3]);
            let router = router(house.gateway());
            let (_guard, kept) = listening(wish);
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|value| ("traceparent", value.as_str())).collect();
            let answered = door.ask(&router, customers::SQL, &headers).await;
            assert_eq!(answered.status, 200, "{headers:?}: {}", answered.text());
            let spans = kept.spans();
            let is_callers = (!spans.is_empty()).then(|| one_trace(&spans).trace == TRACE);
            assert_eq!(is_callers, expected, "{wish} {headers:?}");
            assert!(!kept.text().contains("s3cret"));
        }
    }
}

#[tokio::test]
async fn nothing_that_was_said_or_seen_is_told() {
    let (_guard, kept) = listening(Wish::All);
    for door in DOORS {
        let house = House::new().await;
        let failure = "Numeric value 's3cret-upstream' is not recognized";
        house.snow.on(
            When::submitted().saying("failing"),
            [Answer::failed(customers::HANDLE, "100038", "22018", failure)],
        );
        house.snow.on(
            When::submitted().saying("broken"),
            [Answer::body(500, "text/plain", "s3cret-upstream".to_owned())],
        );
        house.snow.on(
            When::submitted(),
            [Answer::result(customers::HANDLE, &[("s3cret-column", "text")], &[&[Some("s3cret-cell")]])],
        );
        let router = router(house.gateway());
        let headers = [
            ("x-snowgate-session", "s3cret-conversation"),
            ("x-snowgate-evidence", "s3cret-word"),
            ("tracestate", "s3cret=s3cret"),
            ("baggage", "s3cret=s3cret"),
        ];
        for sql in [
            "select country as \"s3cret-alias\" from customers where country = 's3cret-literal' -- s3cret-comment",
            "select id from customers where ssn = 's3cret-ssn'",
            "select country from customers where country = 'failing s3cret-literal'",
            "select country from customers where country = 'broken s3cret-literal'",
            "drop table \"s3cret-table\"",
            "update customers set country = 's3cret-value' where id = 1",
            "s3cret nonsense (",
        ] {
            door.ask(&router, sql, &headers).await;
        }
        for token in ["s3cret-token", "S3CRET"] {
            let body = json!({ "statement": "s3cret-text" }).to_string();
            call_with(&router, token, "POST", "/api/v2/statements", Some(body.as_bytes()), &[]).await;
        }
        let broken = "{\"statement\": \"s3cret-text";
        call_with(&router, "ana", "POST", "/api/v2/statements?s3cret=s3cret", Some(broken.as_bytes()), &[])
            .await;
        get(&router, "ana", "s3cret-handle", "?s3cret=s3cret").await;
        let records: BTreeSet<String> =
            house.records().into_iter().map(|(opening, _)| opening.exchange).collect();
        let told: BTreeSet<String> =
            kept.spans().iter().filter_map(|span| span.exchange().map(str::to_owned)).collect();
        assert!(records.len() >= 5 && records.is_subset(&told), "{records:?} {told:?}");
    }
    let text = kept.text();
    for word in [
        "s3cret",
        "S3CRET",
        "ana",
        "acme",
        "customers",
        "CUSTOMERS",
        "select",
        "claude-finance",
        "ANALYST",
        "pat-",
    ] {
        assert!(!text.contains(word), "{word}");
    }
}

#[tokio::test]
async fn statements_at_once_do_not_mix() {
    const STATEMENTS: usize = 12;
    let house = House::new().await;
    // Each has its own handle upstream.
    for n in 0..STATEMENTS {
        let handle = format!("01b2c3d4-0000-0000-0000-{n:012}");
        house.snow.on(When::submitted().saying(format!("id = {n}0 ")), [customers::head(&handle, &[3])]);
        customers::follow(&house.snow, &handle, &[3]);
    }
    let router = router(house.gateway());
    let (_guard, kept) = listening(Wish::Asked);
    let asking = (0..STATEMENTS).map(|n| {
        let router = router.clone();
        async move {
            let sql = format!(
                "select id, email, ssn as harmless, country from customers where id = {n}0 or id < 0"
            );
            let trace = format!("{:032x}", n + 1);
            let parent = parent(&trace, if n % 2 == 0 { "01" } else { "00" });
            let door = DOORS[n % 4 / 2];
            let answered = door.ask(&router, &sql, &[("traceparent", &parent)]).await;
            assert_eq!(answered.status, 200, "{}", answered.text());
        }
    });
    in_time(futures_of(asking.collect())).await;
    let mut traces: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    for span in kept.spans() {
        traces.entry(span.trace.clone()).or_default().push(span);
    }
    let expected: Vec<String> = (0..STATEMENTS).step_by(2).map(|n| format!("{:032x}", n + 1)).collect();
    assert_eq!(traces.keys().cloned().collect::<Vec<_>>(), expected);
    let mut exchanges = BTreeSet::new();
    for spans in traces.values() {
        let root = one_trace(spans);
        let of_trace: BTreeSet<&str> = spans.iter().filter_map(Span::exchange).collect();
        assert_eq!(of_trace.len(), 1, "{spans:#?}");
        exchanges.insert(root.exchange().unwrap().to_owned());
        for name in ["authenticate", "claim", "open", "run", "mask", "close", "settle"] {
            let count = spans.iter().filter(|span| span.name == name).count();
            assert!(count == 1 || (name == "authenticate" && count == 2), "{name}: {count}");
        }
    }
    assert_eq!(exchanges.len(), STATEMENTS / 2);
}

/// All of these at once, on this thread.
async fn futures_of(work: Vec<impl Future<Output = ()>>) {
    let mut work: Vec<_> = work.into_iter().map(Box::pin).collect();
    std::future::poll_fn(move |context| {
        work.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if work.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

#[tokio::test]
async fn what_breaks_is_told_to_have_failed_and_what_is_refused_is_not() {
    let house = House::new().await;
    house.snow.on(When::any(), [Answer::body(500, "text/plain", "broken".to_owned())]);
    let router = router(house.gateway());
    let failed = |kept: &Kept| {
        let spans = kept.spans();
        let root = one_trace(&spans).clone();
        let failed = spans.into_iter().filter(|span| span.has_failed);
        (failed.map(|span| span.name).collect::<BTreeSet<_>>(), root)
    };
    {
        let (_guard, kept) = listening(Wish::All);
        Door::SqlApi.ask(&router, "select country from customers", &[]).await;
        let (failed, root) = failed(&kept);
        assert_eq!(failed, BTreeSet::from(["run".to_owned()]));
        assert!(root.exchange().is_some());
    }
    {
        let (_guard, kept) = listening(Wish::All);
        let refused = Door::SqlApi.ask(&router, "drop table customers", &[]).await;
        let (failed, root) = failed(&kept);
        assert_eq!((failed, root.attributes["http.response.status_code"].as_str()), (BTreeSet::new(), "422"));
        assert_eq!(refused.status, 422);
    }
    {
        let (_guard, kept) = listening(Wish::All);
        let nobody =
            call_with(&router, "NOBODY", "POST", "/api/v2/statements", Some(b"{\"statement\":\"x\"}"), &[]);
        assert_eq!(nobody.await.status, 401);
        let (failed, root) = failed(&kept);
        assert_eq!((failed, root.exchange()), (BTreeSet::from(["authenticate".to_owned()]), None));
    }
}

#[tokio::test]
async fn what_outlives_its_answer_is_a_trace_of_its_own_about_the_same_exchange() {
    for (wish, expected) in [(Wish::All, true), (Wish::Asked, false)] {
        let house = House::new().await;
        customers::answer_later(&house.snow, 0, &[3]);
        let gateway = house.gateway();
        let reply = ask_without_waiting(&gateway, customers::SQL).await;
        assert!(matches!(reply.outcome(), Outcome::Pending(_)));
        let (_guard, kept) = listening(wish);
        in_time(gateway.work(house.time_now().after(Duration::from_secs(5)))).await.unwrap();
        let (opening, closing) = house.only();
        assert!(closing.is_some());
        let spans = kept.spans();
        assert_eq!(!spans.is_empty(), expected);
        if expected {
            let root = one_trace(&spans);
            assert_eq!((root.name.as_str(), root.parent.as_ref()), ("advance", None));
            assert!(
                spans.iter().all(|span| span.exchange() == Some(opening.exchange.as_str())),
                "{spans:#?}"
            );
            assert!(names(&spans).is_superset(&BTreeSet::from(["poll", "fetch", "mask", "close", "settle"])));
        }
        // There is nothing left to do, and nothing to tell of.
        let before = kept.text();
        in_time(gateway.work(house.time_now().after(Duration::from_secs(5)))).await.unwrap();
        assert_eq!(kept.text(), before);
    }
}

#[tokio::test]
async fn the_page_of_reviewers_is_traced_like_a_door() {
    let roster = pages_door::demo();
    let house = House::with(pages_door::with(&roster), &[]).await;
    let gateway = house.gateway();
    ask_without_waiting(&gateway, "update customers set country = 's3cret' where id = 1").await;
    pages_door::told(&house, &gateway).await;
    let (id, token) = pages_door::link_of(&house, "rosa@acme.example");
    let page = pages_door::page(&house, &roster, None);
    let (_guard, kept) = listening(Wish::Asked);
    let path = format!("/a/{id}");
    let answered =
        call_with(&page, "ana", "GET", &path, None, &[("traceparent", &parent(TRACE, "01"))]).await;
    assert_eq!(answered.status, 200);
    let spans = kept.spans();
    let root = one_trace(&spans);
    assert_eq!((root.name.as_str(), root.trace.as_str()), ("approval", TRACE));

    // A look and a verdict, each with where its time went, and about which exchange.
    let (_guard, looked) = listening(Wish::All);
    let mut rosa = Browser::new(page);
    let shown = rosa.open(id, &token).await;
    assert_eq!(rosa.decide(id, &shown, "deny", &[("reason", "s3cret-reason")]).await.status, 303);
    let (opening, _) = house.only();
    let spans = looked.spans();
    let verdict = spans.iter().rfind(|span| span.is_root).unwrap();
    assert_eq!((verdict.name.as_str(), verdict.exchange()), ("approval", Some(opening.exchange.as_str())));
    let its: Vec<Span> = spans.iter().filter(|span| span.trace == verdict.trace).cloned().collect();
    one_trace(&its);
    assert_eq!(names(&its), BTreeSet::from(["approval", "recall", "step", "wake"]));
    let text = kept.text() + &looked.text();
    for word in ["s3cret", "rosa", &token, &id.to_string()] {
        assert!(!text.contains(word), "{word}");
    }
}

#[tokio::test]
async fn each_task_of_the_state_machines_is_a_trace() {
    let Some(stage) = Stage::build_with(|_| {}, &[]).await else { return };
    customers::answer_later(&stage.house.snow, 0, &[3]);
    let pending = ask_without_waiting(&stage.gateway(), customers::SQL).await;
    let work = stage.work(stage.ports());
    let (_guard, kept) = listening(Wish::All);
    let carry = json!({ "task": "carry", "exchange": pending.handle().to_string() });
    assert!(work.handle(carry).await.unwrap().over);
    let spans = kept.spans();
    let root = one_trace(&spans);
    assert_eq!((root.name.as_str(), root.has_failed), ("carry", false));
    let advance = spans.iter().find(|span| span.name == "advance").unwrap();
    assert_eq!(advance.parent.as_ref(), Some(&root.id));
    let exchange = pending.exchange().to_string();
    for name in ["advance", "poll", "fetch", "close", "settle"] {
        let span = spans.iter().find(|span| span.name == name).unwrap();
        assert_eq!(span.exchange(), Some(exchange.as_str()), "{name}");
    }

    let (_guard, kept) = listening(Wish::All);
    work.handle(json!({ "task": "sweep" })).await.unwrap();
    assert_eq!(one_trace(&kept.spans()).name, "sweep");
    // What is no task is none, and nobody asks for a trace of any.
    assert!(work.handle(json!({ "task": "s3cret" })).await.is_err());
    assert_eq!(kept.spans().len(), 1);
    let (_guard, kept) = listening(Wish::Asked);
    work.handle(json!({ "task": "sweep" })).await.unwrap();
    assert_eq!(kept.text(), "");
    // What was begun in a request that somebody asked for belongs to it.
    let begun = json!({ "exchange": pending.handle().to_string(), "traceparent": parent(TRACE, "01") });
    let carry = json!({ "task": "carry", "exchange": pending.handle().to_string(), "begun": begun });
    assert!(work.handle(carry).await.unwrap().over);
    let spans = kept.spans();
    let root = one_trace(&spans);
    assert_eq!((root.name.as_str(), root.trace.as_str()), ("carry", TRACE));
    assert_eq!(root.parent.as_deref(), Some(CALLER));
}

#[tokio::test]
async fn what_evidence_brings_is_a_trace_that_holds_nothing_of_it() {
    let house = House::new().await;
    let router = crate::evidence::router(house.gateway());
    let (_guard, kept) = listening(Wish::Asked);
    let body = json!({ "session_id": "s-1", "prompt_id": "p-1", "hook_event_name": "UserPromptSubmit", "prompt": "s3cret-prompt" });
    let headers = [("traceparent", parent(TRACE, "01"))];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let body = body.to_string();
    let path = "/v1/hooks/claude-code";
    let took =
        call_with(&router, crate::evidence::HOOKS, "POST", path, Some(body.as_bytes()), &headers).await;
    assert!(took.status.is_success(), "{}", took.text());
    let spans = kept.spans();
    let root = one_trace(&spans);
    assert_eq!((root.name.as_str(), root.trace.as_str()), ("channel", TRACE));
    assert_eq!(root.attributes["http.response.status_code"], took.status.as_str());
    assert!(!kept.text().contains("s3cret") && !kept.text().contains("s-1"));
    let refused = call_with(&router, "s3cret-nobody", "POST", path, Some(body.as_bytes()), &headers).await;
    assert_eq!(refused.status, 401);
    assert!(!kept.text().contains("s3cret"));
}

#[test]
fn the_readme_names_every_step() {
    let root = crate::architecture::root();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let (_, told) = readme.split_once("## See where the time goes").unwrap();
    let (told, _) = told.split_once("\n## ").unwrap();
    let mut found = BTreeSet::new();
    for file in crate::architecture::sources(&root.join("crates/gateway/src")) {
        let text = std::fs::read_to_string(file).unwrap();
        let names = text.split("span!(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        found.extend(names);
    }
    assert!(found.len() > 20, "{found:?}");
    for name in found {
        assert!(told.contains(&format!("`{name}`")), "{name}");
    }
}
