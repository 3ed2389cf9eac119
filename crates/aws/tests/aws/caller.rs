//! Who calls, from an STS that may lie, and what a stack says.

use std::sync::Arc;

use aws::{Caller, CallerError, Stack};
use axum::Router;
use axum::http::StatusCode;

use crate::moto::config_for;

/// A service that answers so, whatever it is asked.
async fn answering(status: u16, text: &str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new((StatusCode::from_u16(status).unwrap(), text.to_owned()));
    let router = Router::new().fallback(move || async move { (*answer).clone() });
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn called(status: u16, text: &str) -> Result<Caller, CallerError> {
    Caller::ask(&config_for(&answering(status, text).await), conformance::NOON).await
}

fn identity(id: &str, arn: &str) -> String {
    format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{id}</UserId>\
         <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
}

#[tokio::test]
async fn whoever_calls_is_who_sts_says() {
    let arn = "arn:aws:sts::123456789012:assumed-role/Operators/ana@acme.example";
    let caller = called(200, &identity("AROA1:ana@acme.example", arn)).await.unwrap();
    assert_eq!((caller.id(), caller.arn()), ("AROA1:ana@acme.example", arn));
}

#[tokio::test]
async fn who_cannot_be_told_is_nobody() {
    for (status, text) in [
        (200, String::new()),
        (200, "<UserId>AIDA1</UserId>".to_owned()),
        (200, identity("", "arn:aws:iam::123456789012:user/ana")),
        (200, identity("AIDA1", "arn:aws:iam::123456789012:root")),
        (200, "x".repeat(300 * 1024)),
        (403, "<Error><Code>ExpiredToken</Code></Error>".to_owned()),
        (500, identity("AIDA1", "arn:aws:iam::123456789012:user/ana")),
    ] {
        assert!(
            called(status, &text).await.is_err(),
            "{status} {}",
            text.chars().take(80).collect::<String>()
        );
    }
}

#[tokio::test]
async fn a_stack_that_there_is_none_of_is_none_and_no_name_is_no_request() {
    let ask = async |status, text: &str, name: &str| {
        Stack::ask(&config_for(&answering(status, text).await), name, conformance::NOON).await
    };
    let none = "<Error><Code>ValidationError</Code></Error>";
    assert_eq!(ask(400, none, "snowgate").await.unwrap(), None);
    assert!(ask(403, "<Error><Code>AccessDenied</Code></Error>", "snowgate").await.is_err());
    let said = "<OutputKey>StateTable</OutputKey><OutputValue>t</OutputValue>";
    assert_eq!(ask(200, said, "snowgate").await.unwrap().unwrap().outputs["StateTable"], "t");
    assert_eq!(ask(200, said, "snowgate&Action=DeleteStack").await.unwrap(), None);
}

const ROLE: &str = "arn:aws:sts::123456789012:assumed-role/Operators";

#[test]
fn a_person_is_a_user_or_what_a_session_is_named() {
    let person = |id: &str, arn: &str| Caller::of(id, arn).unwrap().person().to_owned();
    assert_eq!(person("AIDA1", "arn:aws:iam::123456789012:user/staff/Ana"), "ana");
    assert_eq!(person("AROA1:Ana@acme.example", &format!("{ROLE}/Ana@acme.example")), "ana");
    assert_eq!(person("AROA1:100234", &format!("{ROLE}/100234")), "100234");
}

#[test]
fn whom_nobody_can_tell_from_others_is_nobody() {
    let session = |name: &str| Caller::of(&format!("AROA1:{name}"), &format!("{ROLE}/{name}"));
    for made_up in
        ["botocore-session-1732612345", "1732612345123456789", "aws-sdk-js-17326", "AWSCLI-Session"]
    {
        let told = session(made_up).unwrap_err().to_string();
        assert!(told.contains("role_session_name"), "{told}");
    }
    for (id, arn) in [
        ("123456789012", "arn:aws:iam::123456789012:root"),
        ("AIDA1", "no arn"),
        ("AIDA1", "arn:aws:ec2::123456789012:instance/i-1"),
        ("AIDA1", "arn:aws:iam::123456789012:user/"),
        ("AROA1:@", "arn:aws:sts::123456789012:assumed-role/Operators/@acme"),
        ("", "arn:aws:iam::123456789012:user/ana"),
        ("AI DA", "arn:aws:iam::123456789012:user/ana"),
        // Whoever asks for such a session names it.
        ("123456789012:ben", "arn:aws:sts::123456789012:federated-user/ben"),
    ] {
        assert!(matches!(Caller::of(id, arn), Err(CallerError::NoPerson { .. })), "{id} {arn}");
    }
}

#[tokio::test]
async fn what_a_stack_says_is_read_pair_by_pair() {
    let text = "<Stacks><member><Parameters><member><ParameterKey>A</ParameterKey><ParameterValue>x &amp; &quot;y&quot;\
                </ParameterValue></member><member><ParameterKey>B</ParameterKey><ParameterValue/></member><member>\
                <ParameterKey>C</ParameterKey><ParameterValue>z</ParameterValue></member></Parameters><Outputs><member>\
                <OutputKey>A</OutputKey><OutputValue>o</OutputValue></member></Outputs></member></Stacks>";
    let url = answering(200, text).await;
    let Stack { parameters, outputs } =
        Stack::ask(&config_for(&url), "snowgate", conformance::NOON).await.unwrap().unwrap();
    let told = |said: std::collections::BTreeMap<String, String>| {
        said.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(told(parameters), ["A=x & \"y\"", "B=", "C=z"], "none has another's value");
    assert_eq!(told(outputs), ["A=o"]);
}
