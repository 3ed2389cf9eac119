//! The role's own proof of who it is, from an STS that may lie: moto does not play this one call.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws::{WebIdentity, WebToken};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use gateway::{Fault, Retry};

use crate::moto::config_for;

const TOKEN: &str = "eyJhbGciOiJFUzM4NCJ9.eyJhdWQiOiJzbm93Zmxha2Vjb21wdXRpbmcuY29tIn0.c2lnbmF0dXJl";

/// Statuses and bodies that it answers with, the last again and again, and what it was asked.
type Script = Arc<Mutex<(VecDeque<(u16, String)>, Vec<String>)>>;

async fn answer(State(script): State<Script>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 10_000).await.unwrap();
    let header = |name: &str| parts.headers[name].to_str().unwrap().to_owned();
    let said = format!(
        "{} {} {} {} {}",
        parts.method,
        parts.uri,
        header("authorization"),
        header("x-amz-date"),
        String::from_utf8(body.to_vec()).unwrap()
    );
    let mut script = script.lock().unwrap();
    script.1.push(said);
    let (status, text) = if script.0.len() > 1 { script.0.pop_front().unwrap() } else { script.0[0].clone() };
    (axum::http::StatusCode::from_u16(status).unwrap(), text).into_response()
}

/// What becomes of such answers, and what was asked.
async fn asked(answers: &[(u16, &str)]) -> (Result<WebToken, Fault>, Vec<String>) {
    let answers = answers.iter().map(|(status, text)| (*status, (*text).to_owned())).collect();
    let script: Script = Arc::new(Mutex::new((answers, Vec::new())));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let found = WebIdentity::new(&config_for(&url)).token("snowflakecomputing.com", conformance::NOON).await;
    let said = script.lock().unwrap().1.clone();
    (found, said)
}

fn given(token: &str) -> String {
    format!(
        "<GetWebIdentityTokenResponse><GetWebIdentityTokenResult><Expiration>2026-11-26T00:05:00Z</Expiration>\
         <WebIdentityToken>{token}</WebIdentityToken></GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"
    )
}

fn error(code: &str) -> String {
    format!("<ErrorResponse><Error><Code>{code}</Code><Message>s3cret</Message></Error></ErrorResponse>")
}

#[tokio::test]
async fn the_role_asks_for_a_token_for_snowflake_alone_and_signs_what_it_asks() {
    let (found, said) = asked(&[(200, &given(TOKEN))]).await;
    let found = found.ok().unwrap();
    assert_eq!((found.token.as_str(), found.good_for.as_secs()), (TOKEN, 300));
    assert_eq!(said.len(), 1);
    let said = &said[0];
    assert!(said.starts_with("POST / AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{said}");
    assert!(
        said.contains("/us-east-1/sts/aws4_request, SignedHeaders=content-type;host;x-amz-date,"),
        "{said}"
    );
    assert!(
        said.ends_with(
            "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=snowflakecomputing.com\
             &SigningAlgorithm=ES384&DurationSeconds=300"
        ),
        "{said}"
    );
}

#[tokio::test]
async fn what_passes_is_tried_again_and_nothing_else_is() {
    let busy = error("InternalFailure");
    let (found, said) = asked(&[(500, &busy), (503, ""), (200, &given(TOKEN))]).await;
    assert!(found.is_ok() && said.len() == 3, "{said:?}");
    let (found, said) = asked(&[(400, &error("Throttling")), (200, &given(TOKEN))]).await;
    assert!(found.is_ok() && said.len() == 2, "{said:?}");
    let (found, said) = asked(&[(500, &busy)]).await;
    assert_eq!((found.err().unwrap().retry, said.len()), (Retry::Soon, 3));
    let denied = error("AccessDenied");
    let disabled = error("OutboundWebIdentityFederationDisabled");
    for (status, text) in [(403, &denied), (400, &disabled)] {
        let (found, said) = asked(&[(status, text)]).await;
        let fault = found.err().unwrap();
        assert_eq!((fault.retry, said.len()), (Retry::Never, 1));
        let told = format!("{fault} {fault:?}");
        let code = text.split("Code>").nth(1).unwrap().trim_end_matches("</");
        assert!(told.contains(code) && !told.contains("s3cret"), "{told}");
    }
}

#[tokio::test]
async fn what_is_no_token_is_none() {
    let long = given(&"a".repeat(100_000));
    for text in [
        "",
        "<WebIdentityToken>",
        &given(""),
        &given("a.b"),
        &given("a.b.c d"),
        &given("a.b.c&#10;X-Evil: 1"),
        &long,
    ] {
        let (found, said) = asked(&[(200, text)]).await;
        assert_eq!(found.err().unwrap().retry, Retry::Never, "{text}");
        assert_eq!(said.len(), 1);
    }
}
