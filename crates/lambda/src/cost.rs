//! What each call of a function costs, told to CloudWatch by a line of the function's log (its embedded metric format).
//!
//! An alarm looks at ten metrics and functions are more than it has room for, so each tells the sum of its own.

use std::fmt;
use std::io::Write;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::Map;
use gateway::ports::Clock;
use lambda_http::lambda_runtime::Service;
use local::SystemClock;

/// USD for a second of a gigabyte, and for a call (list prices of us-east-1).
const GIGABYTE_SECOND: f64 = if cfg!(target_arch = "aarch64") { 0.000_013_333_4 } else { 0.000_016_666_7 };
const CALL: f64 = 0.000_000_2;

/// What a function's calls cost, and whom it is told of.
#[derive(Clone, PartialEq, Debug)]
pub struct Cost {
    /// `Snowgate/STACK`.
    namespace: String,
    gigabytes: f64,
}

impl Cost {
    /// Of the function with this name, `STACK-FUNCTION`, and so many megabytes; none where they are not what Lambda writes.
    pub(crate) fn of(function: &str, megabytes: &str) -> Option<Self> {
        let (stack, _) = function.rsplit_once('-')?;
        // SECURITY: it becomes part of a line of JSON.
        let is_name = !stack.is_empty() && stack.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let megabytes: u32 = megabytes.parse().ok()?;
        is_name.then(|| Self {
            namespace: format!("Snowgate/{stack}"),
            gigabytes: f64::from(megabytes) / 1024.0,
        })
    }

    /// The line for a call that took so long. Milliseconds are billed whole.
    ///
    /// `{"_aws": {"Timestamp": MILLISECONDS, "CloudWatchMetrics": [{"Namespace": …, "Dimensions": [[]], "Metrics": [{"Name":
    /// "Dollars"}]}]}, "level": "INFO", "Dollars": USD}`; CloudWatch's embedded metric format, version 0.
    fn line(&self, took: Duration, now_ms: i64) -> impl fmt::Display {
        let Self { namespace, gigabytes } = self;
        let milliseconds = (took.as_secs_f64() * 1000.0).ceil();
        let dollars = gigabytes * milliseconds / 1000.0 * GIGABYTE_SECOND + CALL;
        format!(
            r#"{{"_aws":{{"Timestamp":{now_ms},"CloudWatchMetrics":[{{"Namespace":"{namespace}","Dimensions":[[]],"Metrics":[{{"Name":"Dollars"}}]}}]}},"level":"INFO","Dollars":{dollars:.10}}}"#
        )
    }

    fn tell(&self, took: Duration) {
        let now_ms = SystemClock.now().as_millis();
        // What cannot be told is not told; the call has ended well all the same.
        let _ = writeln!(std::io::stdout(), "{}", self.line(took, now_ms));
    }
}

/// A service whose calls are counted.
#[derive(Clone, Debug)]
pub struct Counted<S> {
    service: S,
    cost: Option<Cost>,
}

impl<S> Counted<S> {
    /// This service; none counts nothing.
    pub(crate) const fn new(service: S, cost: Option<Cost>) -> Self {
        Self { service, cost }
    }
}

/// What is done once a call has ended.
type Then<T> = Box<dyn FnOnce(T) -> T + Send>;

impl<R, S: Service<R>> Service<R> for Counted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Map<S::Future, Then<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (begun, cost) = (Instant::now(), self.cost.clone());
        let then: Then<_> = Box::new(move |answer| {
            if let Some(cost) = cost {
                cost.tell(begun.elapsed());
            }
            answer
        });
        self.service.call(request).map(then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_told_as_cloudwatch_reads_it() {
        let cost = Cost::of("snowgate-dev-query", "256").unwrap();
        let line = cost.line(Duration::from_micros(399_001), 1_764_000_000_123).to_string();
        let told: serde_json::Value = serde_json::from_str(&line).unwrap();
        let [metrics] = told["_aws"]["CloudWatchMetrics"].as_array().unwrap().as_slice() else {
            panic!("{line}")
        };
        assert_eq!(metrics["Namespace"], "Snowgate/snowgate-dev");
        // One set of dimensions with nothing in it: the sum over all functions.
        assert_eq!(metrics["Dimensions"], serde_json::json!([[]]));
        assert_eq!(metrics["Metrics"], serde_json::json!([{ "Name": "Dollars" }]));
        assert_eq!(told["_aws"]["Timestamp"], 1_764_000_000_123_i64);
        let dollars = told["Dollars"].as_f64().unwrap();
        // 400 ms of a quarter of a gigabyte, and the call.
        assert!((dollars - (0.1 * GIGABYTE_SECOND + 0.000_000_2)).abs() < 1e-9, "{dollars}");
    }

    #[test]
    fn what_lambda_does_not_write_is_not_counted() {
        for (name, megabytes) in [
            ("query", "256"),
            ("-query", "256"),
            ("a\"b-query", "256"),
            ("snowgate-query", ""),
            ("snowgate-query", "-1"),
        ] {
            assert_eq!(Cost::of(name, megabytes), None, "{name} {megabytes}");
        }
    }
}
