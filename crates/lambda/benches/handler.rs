//! What a warm function adds to its routes: an event of API Gateway is read, becomes a request, and the answer becomes JSON.
//!
//! `cargo bench -p lambda` prints the median and the 99th percentile in microseconds: of the routes called with a request of HTTP, as the
//! local binary calls them; of the handler, which is given the same as an event; and what lies between. The line of what a call
//! costs is not written, and Lambda's own way to the process and back is not in it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement that cannot be set up must fail"
)]

use std::hint::black_box;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use lambda::Surroundings;
use lambda_http::Adapter;
use lambda_http::lambda_runtime::{LambdaEvent, Service};
use lambda_http::request::LambdaRequest;
use lambda_http::tower::ServiceExt;

const EVENT: &[u8] = include_bytes!("../../../events/query/post-select.json");

/// What it should add at most to a small answer, in microseconds.
const AIM: f64 = 1000.0;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for (name, bytes, times) in
        [("an answer of 1 KB", 1 << 10, 5000), ("of 1 MB", 1 << 20, 200), ("of 5 MB", 5 << 20, 50)]
    {
        measure(name, bytes, times).await;
    }
}

async fn measure(name: &str, bytes: usize, times: usize) {
    // As rows look in an answer: text that JSON escapes once more.
    let row = r#"["1","ana@customers.example","DE"],"#;
    let rows = Bytes::from(row.repeat(bytes / row.len()));
    let answer = move |asked: Bytes| {
        assert!(!asked.is_empty());
        let rows = rows.clone();
        async move { ([(CONTENT_TYPE, "application/json")], rows) }
    };
    let routes = Router::new().route("/api/v2/statements", post(answer));

    let event: serde_json::Value = serde_json::from_slice(EVENT).unwrap();
    let statement = event["body"].as_str().unwrap();
    let mut alone = Vec::with_capacity(times);
    for _ in 0..times {
        let begun = Instant::now();
        let request =
            axum::http::Request::post("/api/v2/statements").body(Body::from(statement.to_owned())).unwrap();
        let answered = routes.clone().oneshot(request).await.unwrap();
        black_box(axum::body::to_bytes(answered.into_body(), usize::MAX).await.unwrap());
        alone.push(begun.elapsed().as_secs_f64() * 1e6);
    }

    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let told =
        [("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "s3cret")];
    let surroundings = Surroundings::of(&told.map(|(name, value)| set(name, value))).unwrap();
    let mut handler = Adapter::from(surroundings.counted(routes));
    let mut whole = Vec::with_capacity(times);
    for _ in 0..times {
        let begun = Instant::now();
        let request: LambdaRequest = serde_json::from_slice(black_box(EVENT)).unwrap();
        let event = LambdaEvent::new(request, lambda_http::Context::default());
        let answered = handler.call(event).await.unwrap();
        let told = serde_json::to_vec(&answered).unwrap();
        assert!(told.len() > bytes / 2);
        black_box(told);
        whole.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    let (alone, whole) = (middle_and_end(alone), middle_and_end(whole));
    let added = whole.0 - alone.0;
    let aim = if bytes < 1 << 20 { format!(" (aim: at most {AIM:.0})") } else { String::new() };
    println!(
        "{name}: the routes p50 {:.0} us, p99 {:.0}; the handler p50 {:.0}, p99 {:.0}; it adds {added:.0}{aim}",
        alone.0, alone.1, whole.0, whole.1
    );
}

fn middle_and_end(mut micros: Vec<f64>) -> (f64, f64) {
    micros.sort_by(f64::total_cmp);
    (micros[micros.len() / 2], micros[micros.len() * 99 / 100])
}
