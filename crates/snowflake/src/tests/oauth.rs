//! Tokens from a token endpoint.

use std::sync::Arc;

use domain::Tier;
use gateway::Retry;
use gateway::ports::Clock;
use serde_json::json;

use super::support::{SetClock, in_time, server};
use crate::scripted::{Answer, Ending, Scripted, When};
use crate::{Credentials, OAuth, OAuthClient, Secret, Timeouts};

fn client(server: &Scripted) -> OAuthClient {
    OAuthClient {
        token_endpoint: format!("{}/oauth/token", server.url()),
        client_id: "gate way".into(),
        client_secret: Secret::new("s3cr&t"),
        scope: Some("session:role:ANALYST".into()),
        audience: None,
    }
}

fn timeouts() -> Timeouts {
    Timeouts { answer_ms: 500, ..Timeouts::default() }
}

fn token(text: &str) -> Answer {
    Answer::json(200, &json!({ "access_token": text, "token_type": "Bearer", "expires_in": 600 }))
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_again_before_it_ends() {
    let server = server().await;
    server.on(When::path("/oauth/token"), [token("one"), token("two"), token("three")]);
    let clock = Arc::new(SetClock::at(1_000));
    let oauth = OAuth::client_credentials(&client(&server), timeouts(), clock.clone()).unwrap();
    let bearer = async || in_time(oauth.bearer(Tier::Read)).await.unwrap().token.reveal().to_owned();

    assert_eq!((bearer().await, bearer().await), ("one".into(), "one".into()));
    clock.set(1_539);
    assert_eq!(bearer().await, "one");
    clock.set(1_540);
    assert_eq!(bearer().await, "two");
    oauth.refused(Tier::Read).await;
    assert_eq!(bearer().await, "three");

    let request = server.received().swap_remove(0);
    assert_eq!(
        String::from_utf8(request.body.clone()).unwrap(),
        "grant_type=client_credentials&scope=session%3Arole%3AANALYST"
    );
    assert_eq!(request.header("authorization"), Some("Basic Z2F0ZSUyMHdheTpzM2NyJTI2dA=="));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
}

#[tokio::test]
async fn many_statements_ask_for_one_token() {
    let server = server().await;
    server.on(When::any(), [token("one")]);
    let clock: Arc<dyn Clock> = Arc::new(SetClock::at(1_000));
    let oauth = Arc::new(OAuth::client_credentials(&client(&server), timeouts(), clock).unwrap());
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let oauth = oauth.clone();
            tokio::spawn(async move { oauth.bearer(Tier::Read).await.is_ok() })
        })
        .collect();
    for task in tasks {
        assert!(in_time(task).await.unwrap());
    }
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_workloads_token_is_exchanged_and_read_anew_each_time() {
    let server = server().await;
    server.on(When::any(), [token("one")]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "subject-1\n").unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SetClock::at(1_000));
    let oauth = OAuth::token_exchange(&client(&server), file.clone(), None, timeouts(), clock).unwrap();
    in_time(oauth.bearer(Tier::Read)).await.unwrap();
    std::fs::write(&file, "subject-2").unwrap();
    oauth.refused(Tier::Read).await;
    in_time(oauth.bearer(Tier::Read)).await.unwrap();
    let bodies: Vec<String> =
        server.received().into_iter().map(|request| String::from_utf8(request.body).unwrap()).collect();
    assert_eq!(
        bodies[0],
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=subject-1\
         &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt\
         &requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token\
         &scope=session%3Arole%3AANALYST"
    );
    assert!(bodies[1].contains("subject_token=subject-2&"));
    std::fs::remove_file(&file).unwrap();
    oauth.refused(Tier::Read).await;
    assert!(oauth.bearer(Tier::Read).await.is_err());
}

#[tokio::test]
async fn an_endpoint_that_refuses_lies_or_sleeps_gives_no_bearer() {
    for (answer, retry) in [
        (Answer::json(400, &json!({ "error": "invalid_client" })), Retry::Never),
        (Answer::status(401), Retry::Never),
        (Answer::status(429), Retry::Soon),
        (Answer::status(503), Retry::Soon),
        (Answer::status(302).header("Location", "/other"), Retry::Soon),
        (Answer::body(200, "text/html", "<html>"), Retry::Soon),
        (Answer::json(200, &json!({ "access_token": "x", "token_type": "N_A" })), Retry::Soon),
        (Answer::json(200, &json!({ "access_token": "", "token_type": "Bearer" })), Retry::Soon),
        (Answer::body(200, "application/json", vec![b' '; 100_000]), Retry::Soon),
        (token("x").ending(Ending::Silent), Retry::Soon),
        (token("x").ending(Ending::StallAfter(3)), Retry::Soon),
        (token("x").ending(Ending::Dropped), Retry::Soon),
    ] {
        let server = server().await;
        server.on(When::any(), [answer]);
        let clock: Arc<dyn Clock> = Arc::new(SetClock::at(1_000));
        let oauth = OAuth::client_credentials(&client(&server), timeouts(), clock).unwrap();
        let fault = in_time(oauth.bearer(Tier::Read)).await.unwrap_err();
        assert_eq!(fault.retry, retry, "{fault:?}");
        assert!(!format!("{oauth:?} {fault:?}").contains("s3cr"));
    }
}
