//! Bodies that are made to cost much, of every form and path.

use std::io::Write;
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use axum::body::Body;
use domain::ChannelKind;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, header};
use proptest::prelude::*;

use super::bodies::{self, Export, ODD, SHAPES, UNITS};
use super::{Told, channel, export, most_of_export, most_of_small, small};
use crate::desks::Desks;
use crate::otlp::{Form, Signal};
use crate::rejected::Rejected;
use crate::{LARGE, SMALL, body};

#[track_caller]
fn check(what: &str, body: &[u8], (signal, form, kind): (Signal, Form, ChannelKind)) -> usize {
    let mut told = Told::default();
    let cost = measure(|| told = export(body, signal, form, kind));
    let what = format!("{what}, {form:?}, {kind:?}, {told:?}");
    assert_cost(&what, body, cost, most_of_export(body, told));
    told.in_all
}

#[track_caller]
fn assert_cost(what: &str, body: &[u8], cost: AllocationInfo, (at_once, in_all): (u64, u64)) {
    let AllocationInfo { bytes_max, bytes_total, .. } = cost;
    let size = body.len();
    assert!(bytes_max <= at_once, "{what}: {bytes_max} bytes at once for {size}, not {at_once}");
    assert!(bytes_total <= in_all, "{what}: {bytes_total} bytes in all for {size}, not {in_all}");
}

const FORMS: [Form; 2] = [Form::Json, Form::Protobuf];
const KINDS: [ChannelKind; 2] = [ChannelKind::Telemetry, ChannelKind::Provider];

#[test]
fn what_is_allocated_is_counted() {
    let cost = measure(|| {
        for _ in 0..3 {
            std::hint::black_box(vec![0_u8; 1000]);
        }
    });
    assert_eq!((cost.bytes_max, cost.bytes_total), (1000, 3000));
}

#[test]
fn no_shape_of_an_export_costs_much() {
    for (name, shape) in SHAPES {
        for size in [1024, 48 * 1024] {
            let export = shape(size);
            for form in FORMS {
                let body = export.encode(form);
                for kind in KINDS {
                    check(name, &body, (export.signal, form, kind));
                }
            }
        }
    }
}

#[test]
fn no_export_that_cannot_be_read_costs_much() {
    for (before, one, after) in ODD {
        let signal = if before.contains("Spans") { Signal::Traces } else { Signal::Logs };
        let list = vec![*one; 32 * 1024 / (one.len() + 1)].join(",");
        let body = format!("{before}{list}{after}");
        for kind in KINDS {
            check(&format!("{before}{one}"), body.as_bytes(), (signal, Form::Json, kind));
        }
    }
}

#[test]
fn an_export_of_many_pieces_is_read_once() {
    let mut most = 0;
    for (name, shape) in SHAPES {
        if ["prompts", "tools under one another", "tool uses", "calls with words"].contains(name) {
            let export = shape(2 * 1024 * 1024);
            let body = export.encode(Form::Protobuf);
            most = most.max(check(name, &body, (export.signal, Form::Protobuf, ChannelKind::Telemetry)));
        }
    }
    assert!(most > 6 * 8192, "{most} are no many pieces");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mixture_of_shapes_costs_much(
        picks in prop::collection::vec((any::<prop::sample::Index>(), 16_usize..4096), 1..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        for signal in [Signal::Logs, Signal::Traces] {
            let exports = picks.iter().map(|(shape, size)| shape.get(SHAPES).1(*size));
            let groups = exports.filter(|export| export.signal == signal).flat_map(|export| export.groups);
            let export = Export { signal, groups: groups.collect() };
            for form in FORMS {
                let mut body = export.encode(form);
                if let Some(cut) = &cut && !body.is_empty() {
                    body.truncate(cut.index(body.len()));
                }
                for kind in KINDS {
                    check(&format!("{picks:?}"), &body, (signal, form, kind));
                }
            }
        }
    }

    #[test]
    fn no_mixture_of_messages_costs_much(
        picks in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..300), 1..16),
        is_input in any::<bool>(),
        is_structured in any::<bool>(),
    ) {
        let units = picks.iter().flat_map(|(unit, count)| vec![*unit.get(UNITS); *count]);
        let messages = format!("[{}]", units.collect::<Vec<_>>().join(","));
        let export = if is_input { bodies::received(&messages) } else { bodies::produced(&messages) };
        let export = if is_structured { bodies::structured(export) } else { export };
        for form in FORMS {
            let body = export.encode(form);
            check(&format!("{picks:?}"), &body, (Signal::Traces, form, ChannelKind::Provider));
        }
    }
}

#[test]
fn no_small_body_costs_much() {
    let size = 256 * 1024;
    let statement = format!("{{\"statement\":\"{}\"}}", "\\n".repeat(size));
    let as_text = serde_json::to_string(&statement).unwrap();
    let prompt = |text: &str| format!(r#"{{"hook_event_name":"UserPromptSubmit","prompt":"{text}"}}"#);
    let call = |input: &str| {
        format!(
            r#"{{"hook_event_name":"PreToolUse","tool_name":"run_sql","tool_use_id":"t","tool_input":{input}}}"#
        )
    };
    let bodies = [
        prompt(&"x".repeat(size)),
        prompt(&"\\u0001".repeat(size / 6)),
        prompt(&"\\ud83d".repeat(size / 6)),
        call(&statement),
        call(&as_text),
        call(&format!("[{}7]", "7,".repeat(size / 2))),
        call(&format!("{{{}\"a\":7}}", "\"a\":7,".repeat(size / 6))),
        call(&format!("{}{}", "[".repeat(size), "]".repeat(size))),
        format!("{{{}\"hook_event_name\":\"PreToolUse\"}}", "\"a\":{},".repeat(size / 7)),
        format!("{{{}\"hook_event_name\":\"PreToolUse\"}}", "\"\\ud83d\":0,".repeat(size / 11)),
        format!(r#"{{"hook_event_name":"{}"}}"#, "\\n".repeat(size)),
        format!(r#"{{"prompt":"{}","conversation":"{}"}}"#, "x".repeat(size), "c".repeat(size)),
        format!(r#"{{"prompt":"\ud83d{}"}}"#, "x".repeat(size)),
        "{".repeat(size),
        format!("\"{}\"", "\\n".repeat(size)),
    ];
    for body in bodies {
        let (bytes, start) = (body.as_bytes(), body.get(..60).unwrap_or_default());
        assert!(bytes.len() <= 6 * SMALL, "{start}");
        for bytes in [bytes, body.replace("PreToolUse", "preToolUse").as_bytes()] {
            for read in small() {
                assert_cost(start, bytes, measure(|| read(bytes)), most_of_small(bytes));
            }
        }
    }
}

#[test]
fn what_is_packed_tight_is_inflated_to_the_limit_and_no_further() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let desks = Desks::new();
    let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
    for (size, is_taken) in [(LARGE, true), (8 * LARGE, false)] {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        std::io::copy(&mut std::io::Read::take(std::io::repeat(b'7'), size as u64), &mut packed).unwrap();
        packed.flush().unwrap();
        let packed = packed.finish().unwrap();
        let held = desks.held(&channel(ChannelKind::Provider));
        let reading = body::read(held, &headers, Body::from(packed), LARGE, Duration::from_secs(60));
        let sent = runtime.block_on(reading).unwrap();
        let mut inflated = None;
        let cost = measure(|| inflated = Some(sent.inflated().map(|(bytes, _)| bytes.len())));
        match inflated.unwrap() {
            Ok(found) => assert!(is_taken && found == size),
            Err(why) => assert!(!is_taken && matches!(why, Rejected::TooLarge { .. }), "{why}"),
        }
        // A list that grows is there twice for a moment.
        assert!(cost.bytes_max as usize <= 3 * LARGE + 256 * 1024, "{} bytes", cost.bytes_max);
    }
}
