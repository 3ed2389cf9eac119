//! What is written of spans, whatever happens to what they are about.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says where"
)]

#[allow(dead_code, reason = "tests of the doors use more of it")]
#[path = "support/kept.rs"]
mod kept;
#[allow(dead_code, reason = "tests of the doors use more of it")]
#[path = "support/otlp.rs"]
mod otlp;

use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::Timestamp;
use gateway::ports::{Clock, Ids};
use gateway::{Fault, Origin, SPANS};
use kept::Kept;
use local::{RandomIds, SystemClock};
use otlp::{Span, one_trace};
use traces::{Place, TraceParent, Wish};
use tracing::instrument::WithSubscriber;
use tracing::{Dispatch, Instrument, trace_span};
use tracing_subscriber::layer::SubscriberExt;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const EXCHANGE: &str = "0123456789abcdef0123456789abcdef/7";

fn place() -> Place {
    Place { version: "1.2.3", function: None }
}

fn listening_with(wish: Wish, ports: (Arc<dyn Clock>, Arc<dyn Ids>)) -> (Dispatch, Kept) {
    let kept = Kept::default();
    let exporter = traces::exporter(wish, &place(), ports, kept.clone());
    (Dispatch::new(tracing_subscriber::registry().with(exporter)), kept)
}

fn listening(wish: Wish) -> (Dispatch, Kept) {
    listening_with(wish, (Arc::new(SystemClock), Arc::new(RandomIds)))
}

/// What is written of this.
fn written(wish: Wish, work: impl FnOnce()) -> Vec<Span> {
    let (dispatch, kept) = listening(wish);
    tracing::dispatcher::with_default(&dispatch, work);
    kept.spans()
}

fn root(parent: Option<&str>) -> tracing::Span {
    let root: traces::Root = traces::root!("door");
    root(parent.map(|parent| parent.parse::<TraceParent>().unwrap()))
}

macro_rules! step {
    ($name:literal) => {
        trace_span!(target: SPANS, $name, exchange = tracing::field::Empty, failed = tracing::field::Empty, busy_us = tracing::field::Empty)
    };
}

fn exchange(text: &str) {
    tracing::Span::current().record("exchange", tracing::field::display(text));
}

#[test]
fn whoever_carries_a_request_on_elsewhere_is_told_where_it_belongs() {
    let carried = || traces::traceparent().map(|parent| parent.parse::<TraceParent>().unwrap());
    assert_eq!(carried(), None, "nobody listens");
    let mut told = None;
    let spans = written(Wish::Asked, || {
        assert_eq!(carried(), None, "nothing is worked on");
        root(None).in_scope(|| assert_eq!(carried(), None, "nobody has asked"));
        root(Some(PARENT)).in_scope(|| {
            // Somebody else's span is none of ours.
            step!("hold").in_scope(|| trace_span!("foreign").in_scope(|| told = carried()));
        });
    });
    let (told, hold) = (told.unwrap(), &spans[0]);
    assert_eq!((hold.name.as_str(), told.is_sampled()), ("hold", true));
    assert_eq!(
        (format!("{:032x}", told.trace()), format!("{:016x}", told.span())),
        (hold.trace.clone(), hold.id.clone())
    );
}

#[test]
fn a_request_and_its_steps_are_one_trace_below_its_caller() {
    let spans = written(Wish::All, || {
        root(Some(PARENT)).in_scope(|| {
            step!("read").in_scope(|| ());
            exchange(EXCHANGE);
            step!("fetch").in_scope(|| step!("mask").in_scope(|| ()));
            tracing::Span::current().record("status", 200_u16);
        });
    });
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["read", "mask", "fetch", "door"], "each as it ends");
    let root = one_trace(&spans);
    assert_eq!(
        (root.trace.as_str(), root.parent.as_deref()),
        ("0af7651916cd43dd8448eb211c80319c", Some("b7ad6b7169203331"))
    );
    assert_eq!(spans[1].parent.as_ref(), Some(&spans[2].id));
    let exchanges: Vec<Option<&str>> = spans.iter().map(Span::exchange).collect();
    assert_eq!(exchanges, [None, Some(EXCHANGE), Some(EXCHANGE), Some(EXCHANGE)], "once it is known");
    assert_eq!(root.attributes["http.response.status_code"], "200");
    assert_eq!(root.resource["service.name"], "snowgate");
    assert_eq!(root.resource["service.version"], "1.2.3");
    assert!(!root.has_failed);
    // The present, in nanoseconds.
    let now = u64::try_from(SystemClock.now().as_micros()).unwrap() * 1000;
    assert!(root.began < now + 1000 && now - root.began < 60_000_000_000, "{root:?}");
}

#[test]
fn a_function_is_named() {
    let kept = Kept::default();
    let place = Place { version: "1.2.3", function: Some("snow\"gate-query".to_owned()) };
    let ports: (Arc<dyn Clock>, Arc<dyn Ids>) = (Arc::new(SystemClock), Arc::new(RandomIds));
    let exporter = traces::exporter(Wish::All, &place, ports, kept.clone());
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(exporter));
    tracing::dispatcher::with_default(&dispatch, || root(None).in_scope(|| ()));
    assert_eq!(kept.spans()[0].resource["faas.name"], "snow\"gate-query");
}

#[test]
fn those_are_traced_that_were_asked_for() {
    let unsampled = PARENT.replace("-01", "-00");
    for (wish, parent, expected) in [
        (Wish::Off, None, 0),
        (Wish::Off, Some(PARENT), 0),
        (Wish::Asked, None, 0),
        (Wish::Asked, Some(unsampled.as_str()), 0),
        (Wish::Asked, Some(PARENT), 2),
        (Wish::All, None, 2),
        (Wish::All, Some(unsampled.as_str()), 2),
        (Wish::All, Some(PARENT), 2),
    ] {
        let spans = written(wish, || root(parent).in_scope(|| step!("read").in_scope(|| ())));
        assert_eq!(spans.len(), expected, "{wish} {parent:?}");
        if let Some(span) = spans.first() {
            assert_eq!(span.trace == "0af7651916cd43dd8448eb211c80319c", parent.is_some());
        }
    }
}

#[test]
fn a_step_begins_no_trace_but_what_is_carried_on_alone_does_where_all_are_wished_for() {
    let alone = || trace_span!(target: SPANS, "advance", exchange = tracing::field::Empty, alone = true);
    assert_eq!(written(Wish::All, || step!("read").in_scope(|| ())), []);
    assert_eq!(written(Wish::Asked, || alone().in_scope(|| step!("read").in_scope(|| ()))), []);
    let spans = written(Wish::All, || {
        alone().in_scope(|| {
            exchange(EXCHANGE);
            step!("read").in_scope(|| ());
        });
    });
    assert_eq!(one_trace(&spans).name, "advance");
    assert!(spans.iter().all(|span| span.exchange() == Some(EXCHANGE)));
    // Below a request it is part of that one, and each is about its own statement.
    let other = EXCHANGE.replace("/7", "/8");
    let spans = written(Wish::All, || {
        root(None).in_scope(|| {
            alone().in_scope(|| exchange(EXCHANGE));
            alone().in_scope(|| exchange(&other));
        });
    });
    assert_eq!(one_trace(&spans).name, "door");
    let exchanges: Vec<Option<&str>> = spans.iter().map(Span::exchange).collect();
    assert_eq!(exchanges, [Some(EXCHANGE), Some(other.as_str()), None]);
    let unsampled = PARENT.replace("-01", "-00");
    assert_eq!(written(Wish::Asked, || root(Some(&unsampled)).in_scope(|| alone().in_scope(|| ()))), []);
}

#[test]
fn no_text_becomes_part_of_a_line() {
    let (dispatch, kept) = listening(Wish::All);
    tracing::dispatcher::with_default(&dispatch, || {
        root(Some(PARENT)).in_scope(|| {
            let secret = "s3cret";
            let said = trace_span!(
                target: SPANS, "read", exchange = secret, failed = secret, busy_us = secret, status = secret,
                statement = secret, error = ?secret, trace = %secret
            );
            said.in_scope(|| tracing::error!(target: SPANS, secret, "s3cret"));
            trace_span!(target: "elsewhere", "s3cret", secret).in_scope(|| tracing::error!(secret));
            // What is no exchange's id is none, whatever it looks like.
            for text in
                ["s3cret", "", "s3cret/1", "0123456789abcdef0123456789abcdef/07", "\"},{\"s3cret\":\""]
            {
                exchange(text);
            }
        });
    });
    let spans = kept.spans();
    assert_eq!(spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["read", "door"]);
    assert!(spans.iter().all(|span| span.attributes.is_empty()), "{spans:?}");
    assert!(!kept.text().contains("s3cret"));
}

#[test]
fn what_is_between_two_of_ours_is_passed_over() {
    let spans = written(Wish::All, || {
        root(None)
            .in_scope(|| trace_span!(target: "runtime", "invoke").in_scope(|| step!("read").in_scope(|| ())));
    });
    assert_eq!(spans.len(), 2);
    one_trace(&spans);
}

#[test]
fn a_step_that_panics_ends_and_is_said_to_have_failed() {
    let spans = written(Wish::All, || {
        let done = catch_unwind(AssertUnwindSafe(|| {
            root(None).in_scope(|| step!("mask").in_scope(|| panic!("a test: s3cret")))
        }));
        assert!(done.is_err());
        root(None).in_scope(|| ());
    });
    let said: Vec<(&str, bool)> = spans.iter().map(|span| (span.name.as_str(), span.has_failed)).collect();
    assert_eq!(said, [("mask", true), ("door", true), ("door", false)]);
    one_trace(&spans[..2]);
}

#[tokio::test]
async fn what_is_given_up_ends_when_it_is_given_up() {
    let (dispatch, kept) = listening(Wish::All);
    let never = async { std::future::pending::<()>().instrument(step!("run")).await };
    let work = async {
        let gave_up = tokio::time::timeout(Duration::from_millis(1), never.instrument(root(None))).await;
        assert!(gave_up.is_err());
        // Nobody has begun with this one.
        drop(async {}.instrument(step!("read")));
    };
    work.with_subscriber(dispatch).await;
    let spans = kept.spans();
    assert_eq!(spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["run", "door"]);
    let root = one_trace(&spans);
    assert!(root.ended - root.began >= 1_000_000, "{root:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_at_once_do_not_mix() {
    const REQUESTS: u128 = 64;
    const STEPS: usize = 20;
    let (dispatch, kept) = listening(Wish::Asked);
    let request = |n: u128| async move {
        for _ in 0..STEPS {
            tokio::task::yield_now().await;
            let within = async {
                tokio::task::yield_now().await;
                exchange(&format!("{n:032x}/1"));
                tokio::task::yield_now().await;
            };
            within.instrument(step!("read")).await;
        }
    };
    let requests: Vec<_> = (1..=REQUESTS)
        .map(|n| {
            // Every other one is not sampled.
            let parent = format!("00-{n:032x}-b7ad6b7169203331-{:02x}", n % 2);
            let work = async move { request(n).instrument(root(Some(&parent))).await };
            tokio::spawn(work.with_subscriber(dispatch.clone()))
        })
        .collect();
    for request in requests {
        request.await.unwrap();
    }
    let spans = kept.spans();
    let traces: BTreeSet<&str> = spans.iter().map(|span| span.trace.as_str()).collect();
    assert_eq!(traces.len(), 32);
    for trace in traces {
        let its: Vec<Span> = spans.iter().filter(|span| span.trace == trace).cloned().collect();
        one_trace(&its);
        assert_eq!(its.len(), STEPS + 1);
        let exchange = format!("{trace}/1");
        assert!(its.iter().all(|span| span.exchange() == Some(exchange.as_str())), "{its:?}");
        assert!(u128::from_str_radix(trace, 16).unwrap() % 2 == 1);
    }
}

#[test]
fn what_is_worked_on_again_and_again_is_one_span_and_says_for_how_long() {
    let spans = written(Wish::All, || {
        root(None).in_scope(|| {
            let (mask, unused) = (step!("mask"), step!("rows"));
            for turn in 1_u64..=3 {
                step!("pages").in_scope(|| ());
                mask.in_scope(|| ());
                mask.record("busy_us", turn * 5);
            }
            drop(unused);
        });
    });
    assert_eq!(spans.iter().filter(|span| span.name == "mask").count(), 1);
    assert!(!spans.iter().any(|span| span.name == "rows"), "nobody has worked on it");
    let mask = spans.iter().find(|span| span.name == "mask").unwrap();
    assert_eq!(mask.attributes["snowgate.busy_us"], "15");
    // From when it was first worked on until it was last.
    assert!(spans[0].ended <= mask.began && mask.ended >= spans[2].ended, "{spans:#?}");
    one_trace(&spans);
}

#[test]
fn a_trace_has_so_many_spans_and_its_root_says_how_many_were_left_out() {
    let spans = written(Wish::All, || {
        root(None).in_scope(|| (0..600).for_each(|_| step!("read").in_scope(|| ())));
        root(None).in_scope(|| step!("read").in_scope(|| ()));
    });
    assert_eq!(spans.len(), 512 + 2);
    let (large, small) = spans.split_at(512);
    assert_eq!(one_trace(large).attributes["snowgate.left_out"], "89");
    assert!(!one_trace(small).attributes.contains_key("snowgate.left_out"));
}

/// A clock that is set back by an hour each time that it is asked.
struct SetBack(AtomicI64);

impl Clock for SetBack {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_sub(3_600_000_000, Ordering::SeqCst))
    }
}

#[test]
fn a_clock_that_is_set_puts_no_step_before_its_request() {
    let clock = Arc::new(SetBack(AtomicI64::new(1_800_000_000_000_000)));
    let (dispatch, kept) = listening_with(Wish::All, (clock, Arc::new(RandomIds)));
    tracing::dispatcher::with_default(&dispatch, || {
        root(None).in_scope(|| (0..3).for_each(|_| step!("read").in_scope(|| ())));
    });
    let spans = kept.spans();
    assert_eq!((spans.len(), one_trace(&spans).began / 1_000_000_000), (4, 1_800_000_000));
}

struct NoIds;

impl Ids for NoIds {
    fn random(&self) -> Result<u128, Fault> {
        Err(Fault::passing(Origin::Gateway, "there is no randomness"))
    }
}

struct Zeros;

impl Ids for Zeros {
    fn random(&self) -> Result<u128, Fault> {
        Ok(7 << 64)
    }
}

/// Takes nothing.
struct Full;

impl io::Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("no space left on device"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::Error::other("no space left on device"))
    }
}

#[test]
fn what_cannot_be_named_or_written_is_not_and_the_work_goes_on() {
    let work = || root(Some(PARENT)).in_scope(|| step!("read").in_scope(|| 7));
    let sources: [Arc<dyn Ids>; 2] = [Arc::new(NoIds), Arc::new(Zeros)];
    for ids in sources {
        let (dispatch, kept) = listening_with(Wish::All, (Arc::new(SystemClock), ids));
        assert_eq!(tracing::dispatcher::with_default(&dispatch, work), 7);
        assert_eq!(kept.text(), "");
    }
    let ports: (Arc<dyn Clock>, Arc<dyn Ids>) = (Arc::new(SystemClock), Arc::new(RandomIds));
    let exporter = traces::exporter(Wish::All, &place(), ports, || Full);
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(exporter));
    assert_eq!(tracing::dispatcher::with_default(&dispatch, work), 7);
}

#[test]
fn where_nobody_wishes_for_traces_no_span_is_made() {
    let ports: (Arc<dyn Clock>, Arc<dyn Ids>) = (Arc::new(SystemClock), Arc::new(RandomIds));
    assert!(
        traces::exporter::<tracing_subscriber::Registry, _>(Wish::Off, &place(), ports, Kept::default)
            .is_none()
    );
    // As programs log.
    let log = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(Kept::default)
        .finish();
    tracing::subscriber::with_default(log, || {
        assert!(root(Some(PARENT)).is_disabled() && step!("read").is_disabled());
    });
    // Neither are those of others, where somebody does.
    let (dispatch, _) = listening(Wish::All);
    tracing::dispatcher::with_default(&dispatch, || {
        assert!(!root(None).is_disabled());
        assert!(trace_span!(target: "elsewhere", "invoke").is_disabled());
        assert!(!tracing::enabled!(target: "elsewhere", tracing::Level::ERROR));
    });
}

#[test]
fn a_wish_is_one_of_three_words() {
    for wish in [Wish::Off, Wish::Asked, Wish::All] {
        assert_eq!(wish.to_string().parse(), Ok(wish));
    }
    for text in ["", "ALL", "on", "true", "s3cret"] {
        let told = text.parse::<Wish>().unwrap_err().to_string();
        assert_eq!(told, "is one of `off`, `asked` and `all`");
    }
}
