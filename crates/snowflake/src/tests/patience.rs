//! Waiting, trying again, and giving up.

use std::time::{Duration, Instant};

use gateway::Retry;
use gateway::ports::{Progress, Upstream, UpstreamHandle};

use super::support::{HANDLE, SECOND, THIRD, account, all, in_time, server, settings, start, work};
use crate::scripted::{Answer, Ending, When};

const COLUMNS: [(&str, &str); 1] = [("N", "fixed")];
const ROWS: &[&[Option<&str>]] = &[&[Some("1")]];

fn done() -> Answer {
    Answer::result(HANDLE, &COLUMNS, ROWS)
}

fn handle() -> UpstreamHandle {
    UpstreamHandle { tier: domain::Tier::Read, text: format!("1:{HANDLE}") }
}

#[tokio::test]
async fn a_busy_or_broken_upstream_is_tried_again_as_the_same_request() {
    for trouble in [
        Answer::status(429),
        Answer::status(429).header("Retry-After", "0"),
        Answer::status(503),
        Answer::status(500),
        Answer::status(200).ending(Ending::Dropped),
    ] {
        let server = server().await;
        server.on(When::submitted(), [trouble, done()]);
        let progress = start(&account(settings(&server.url())), work("select 1"), 3_000).await.unwrap();
        assert!(matches!(progress, Progress::Done(_)));
        let received = server.received();
        let [first, second] = received.as_slice() else { panic!("{} requests", received.len()) };
        assert_eq!(second.query, format!("{}&retry=true", first.query));
        assert_eq!(second.body, first.body);
    }
}

#[tokio::test]
async fn trouble_that_does_not_end_is_a_passing_fault_after_bounded_tries() {
    for trouble in [Answer::status(429), Answer::status(503), Answer::status(200).ending(Ending::Dropped)] {
        let server = server().await;
        server.on(When::any(), [trouble]);
        let Err(fault) = start(&account(settings(&server.url())), work("select 1"), 1_000).await else {
            panic!()
        };
        assert_eq!(fault.retry, Retry::Soon);
        assert!((2..=10).contains(&server.received().len()));
    }
}

#[tokio::test]
async fn a_pause_that_outlasts_the_wait_is_not_waited_for() {
    let server = server().await;
    server.on(When::any(), [Answer::status(429).header("Retry-After", "3600")]);
    let began = Instant::now();
    let Err(fault) = start(&account(settings(&server.url())), work("select 1"), 8_000).await else {
        panic!()
    };
    assert_eq!((fault.retry, server.received().len()), (Retry::Soon, 1));
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_statement_that_outlasts_the_wait_is_found_again_by_its_request_id() {
    let server = server().await;
    server.on(When::submitted().without("async=true"), [done().ending(Ending::Silent)]);
    server.on(When::submitted().with("async=true"), [Answer::running(HANDLE)]);
    let progress = start(&account(settings(&server.url())), work("call slow()"), 300).await.unwrap();
    let Progress::Running(running) = progress else { panic!() };
    assert_eq!(running, handle());
    let received = server.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[1].query, format!("{}&async=true&retry=true", received[0].query));
    assert_eq!(received[1].body, received[0].body);
}

#[tokio::test]
async fn a_statement_that_ends_during_the_second_submission_is_done() {
    let server = server().await;
    server.on(When::submitted().without("async=true"), [done().ending(Ending::Silent)]);
    server.on(When::submitted().with("async=true"), [done()]);
    let progress = start(&account(settings(&server.url())), work("call slow()"), 300).await.unwrap();
    assert!(matches!(progress, Progress::Done(_)));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again_as_the_same_request() {
    let server = server().await;
    server.on(When::submitted(), [done().ending(Ending::CutAfter(30)), done()]);
    let progress = start(&account(settings(&server.url())), work("select 1"), 1_000).await.unwrap();
    assert!(matches!(progress, Progress::Done(_)));
    assert!(server.received()[1].query.ends_with("&retry=true"));
}

#[tokio::test]
async fn an_upstream_that_never_answers_is_a_passing_fault() {
    let server = server().await;
    server.on(When::any(), [done().ending(Ending::Silent)]);
    let account = account(settings(&server.url()));
    let Err(fault) = start(&account, work("select 1"), 300).await else { panic!() };
    assert_eq!(fault.retry, Retry::Soon);
    assert!(in_time(account.poll(&handle(), Duration::ZERO)).await.is_err());
    assert!(in_time(account.rows(&handle(), 0, 0)).await.is_err());
    assert!(in_time(account.cancel(&handle())).await.is_err());
}

#[tokio::test]
async fn a_body_that_stalls_is_a_passing_fault() {
    let server = server().await;
    server.on(When::any(), [done().ending(Ending::StallAfter(30))]);
    let Err(fault) = start(&account(settings(&server.url())), work("select 1"), 1_000).await else {
        panic!()
    };
    assert_eq!(fault.retry, Retry::Soon);
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_passing_fault() {
    let gone = server().await.url();
    let Err(fault) = start(&account(settings(&gone)), work("select 1"), 500).await else { panic!() };
    assert_eq!(fault.retry, Retry::Soon);
}

#[tokio::test]
async fn a_poll_waits_for_the_end_and_no_longer_than_it_may() {
    let server = server().await;
    server.on(When::asked_about(HANDLE), [Answer::running(HANDLE), Answer::running(HANDLE), done()]);
    server.on(When::asked_about(SECOND), [Answer::running(SECOND)]);
    let account = account(settings(&server.url()));
    let progress = in_time(account.poll(&handle(), Duration::from_secs(5))).await.unwrap();
    assert!(matches!(progress, Progress::Done(_)));

    let second = UpstreamHandle { tier: domain::Tier::Read, text: format!("1:{SECOND}") };
    let began = Instant::now();
    let progress = in_time(account.poll(&second, Duration::from_millis(700))).await.unwrap();
    assert!(matches!(progress, Progress::Running(running) if running == second));
    assert!((Duration::from_millis(400)..Duration::from_secs(5)).contains(&began.elapsed()));
}

#[tokio::test]
async fn a_submission_that_is_told_to_come_back_is_polled_within_its_wait() {
    let server = server().await;
    server.on(When::submitted(), [Answer::running(HANDLE)]);
    server.on(When::asked_about(HANDLE), [Answer::running(HANDLE), done()]);
    let progress = start(&account(settings(&server.url())), work("select 1"), 5_000).await.unwrap();
    assert!(matches!(progress, Progress::Done(_)));
}

#[tokio::test]
async fn a_first_partition_too_big_to_keep_is_streamed_when_it_is_read() {
    let cell = "x".repeat(1_000);
    let row: &[Option<&str>] = &[Some(&cell)];
    let rows = vec![row; 500];
    let server = server().await;
    server.on(When::any(), [Answer::result(HANDLE, &[("T", "text")], &rows)]);
    let account = account(settings(&server.url()));
    let Progress::Done(finished) = start(&account, work("select t"), 2_000).await.unwrap() else { panic!() };
    assert!(finished.first.is_none());
    assert_eq!(finished.parts[0].partitions, [500]);
    let text = all(in_time(account.rows(&finished.handle, 0, 0)).await.unwrap()).await.unwrap();
    assert_eq!(serde_json::from_str::<Vec<Vec<String>>>(&text).unwrap(), vec![vec![cell]; 500]);
}

#[tokio::test]
async fn the_rows_of_a_batch_are_fetched_by_part_in_any_process() {
    let server = server().await;
    server.on(When::asked_about(HANDLE), [Answer::batch(HANDLE, &[SECOND, THIRD])]);
    server.on(When::asked_about(SECOND), [done_as(SECOND, "1")]);
    server.on(When::asked_about(THIRD), [done_as(THIRD, "2")]);
    let account = account(settings(&server.url()));
    // One that knows its statements, and one that has to learn them.
    for text in [format!("2:{HANDLE}:{SECOND},{THIRD}"), format!("2:{HANDLE}")] {
        let handle = UpstreamHandle { tier: domain::Tier::Read, text };
        let rows = in_time(account.rows(&handle, 1, 0)).await.unwrap();
        assert_eq!(all(rows).await.unwrap(), r#"[["2"]]"#);
        assert!(in_time(account.rows(&handle, 2, 0)).await.is_err());
    }
}

fn done_as(handle: &str, cell: &str) -> Answer {
    Answer::result(handle, &COLUMNS, &[&[Some(cell)]])
}

#[tokio::test]
async fn cancelling_what_has_ended_succeeds() {
    for answer in [
        Answer::status(404),
        Answer::failed(HANDLE, "000605", "57014", "not executing"),
        Answer::failed(HANDLE, "000604", "57014", "canceled"),
        Answer::failed(HANDLE, "000709", "02000", "not found"),
    ] {
        let server = server().await;
        server.on(When::cancelled(HANDLE), [answer]);
        in_time(account(settings(&server.url())).cancel(&handle())).await.unwrap();
    }
    let server = server().await;
    server.on(When::cancelled(HANDLE), [Answer::failed(HANDLE, "003001", "42501", "no")]);
    assert!(in_time(account(settings(&server.url())).cancel(&handle())).await.is_err());
}

#[tokio::test]
async fn a_statement_past_its_timeout_has_failed_whatever_the_body_says() {
    for answer in [Answer::status(408), Answer::body(408, "text/html", "<html>")] {
        let server = server().await;
        server.on(When::any(), [answer]);
        let progress = start(&account(settings(&server.url())), work("select 1"), 1_000).await.unwrap();
        let Progress::Failed(failure) = progress else { panic!() };
        assert_eq!((failure.code.as_str(), failure.sqlstate.as_str()), ("000630", "57014"));
    }
}
