//! Everything belongs to a principal (invariant I11).

use std::time::Duration;

use axum::Router;
use gateway::ports::RevokedWhat;

use crate::door::{Answered, call, get, router, submit};
use crate::house::{House, customers, in_time};

/// What of an answer may not tell two handles apart.
fn without_handle(answer: &Answered, handle: &str) -> (u16, String, String) {
    let headers = format!("{:?}", answer.headers).replace(handle, "HANDLE");
    (answer.status.as_u16(), headers, answer.text().replace(handle, "HANDLE"))
}

async fn every_route(router: &Router, token: &str, handle: &str) -> Vec<(u16, String, String)> {
    let mut answers = Vec::new();
    for query in ["", "?partition=0", "?partition=1", "?requestId=r-1", "?partition=999"] {
        answers.push(without_handle(&get(router, token, handle, query).await, handle));
    }
    for query in ["", "?requestId=r-1"] {
        let path = format!("/api/v2/statements/{handle}/cancel{query}");
        answers.push(without_handle(&call(router, token, "POST", &path, None).await, handle));
    }
    answers
}

#[tokio::test]
async fn another_principals_handle_answers_as_an_unknown_one_at_every_route() {
    let house = House::with(|settings| (settings.inline, settings.page_size) = (0, 250), &[]).await;
    customers::answer(&house.snow, &[5, 4]);
    let router = router(house.gateway());
    let ended = submit(&router, "ana", customers::SQL, "?requestId=r-1").await;
    assert_eq!(ended.status, 200);
    let held = submit(&router, "ana", "update customers set country = 'DE' where id = 1", "").await;
    assert_eq!(held.status, 202);
    let batch =
        br#"{"statement":"select id from customers; select 1","parameters":{"MULTI_STATEMENT_COUNT":"2"}}"#;
    let unknown = "01b2c3d4-aaaa-bbbb-cccc-000000000099";
    call(&router, "ana", "POST", "/api/v2/statements", Some(batch)).await;
    let children: Vec<String> =
        house.records().iter().flat_map(|(opening, _)| opening.children.clone()).collect();
    assert_eq!(children.len(), 2);
    let of_nobody = every_route(&router, "ben", unknown).await;
    for handle in [ended.handle(), held.handle()].iter().chain(&children) {
        assert_eq!(every_route(&router, "ben", handle).await, of_nobody, "{handle}");
    }
    // And none of it has changed anything.
    assert_eq!(get(&router, "ana", &ended.handle(), "?partition=1").await.status, 200);
    assert_eq!(get(&router, "ana", &held.handle(), "").await.status, 202);
}

#[tokio::test]
async fn a_request_id_belongs_to_its_principal_and_to_what_it_first_asked() {
    let house = House::new().await;
    customers::answer(&house.snow, &[2]);
    let router = router(house.gateway());
    let first = submit(&router, "ana", customers::SQL, "?requestId=r-1").await;
    let again = submit(&router, "ana", customers::SQL, "?requestId=r-1&retry=true").await;
    assert_eq!((first.status.as_u16(), &first.body), (200, &again.body), "the same answer");
    assert_eq!(house.submissions(), 1, "and nothing ran twice");

    let other = submit(&router, "ana", "select id from customers", "?requestId=r-1").await;
    assert_eq!((other.status.as_u16(), other.json()["code"].as_str()), (422, Some("099008")));
    let bens = submit(&router, "ben", customers::SQL, "?requestId=r-1").await;
    assert_eq!(bens.status, 200);
    assert_ne!(bens.handle(), first.handle());
    assert_eq!(house.submissions(), 2);
    house.verifies();
}

#[tokio::test]
async fn equal_requests_at_once_run_one_statement() {
    let house = House::new().await;
    customers::answer_later(&house.snow, 1, &[2]);
    let router = router(house.gateway());
    let ask = || submit(&router, "ana", customers::SQL, "?requestId=r-1");
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    assert_eq!(one.status, 200, "{}", one.text());
    assert_eq!((&one.body, &one.body), (&two.body, &three.body));
    assert_eq!(house.submissions(), 1);
}

#[tokio::test]
async fn who_is_revoked_can_neither_ask_nor_collect() {
    for (what, id) in [(RevokedWhat::Agent, "claude-finance"), (RevokedWhat::Person, "ana@acme.example")] {
        let house = House::new().await;
        customers::answer(&house.snow, &[2]);
        let router = router(house.gateway());
        let answer = submit(&router, "ana", customers::SQL, "").await;
        house.open_home().revoke(what, id).unwrap();
        let path = format!("/api/v2/statements/{}/cancel", answer.handle());
        for refused in [
            get(&router, "ana", &answer.handle(), "").await,
            get(&router, "ana", &answer.handle(), "?partition=1").await,
            call(&router, "ana", "POST", &path, None).await,
        ] {
            assert_eq!(refused.status, 401, "{}", refused.text());
        }
        let asked = submit(&router, "ana", customers::SQL, "").await;
        assert_eq!((asked.status.as_u16(), asked.json()["code"].as_str()), (422, Some("099004")));
        assert_eq!(house.submissions(), 1);
        assert_eq!(house.records().len(), 2, "the refusal is recorded");
        house.verifies();
    }
}

#[tokio::test]
async fn a_revoked_session_is_closed_to_its_own_handles_alone() {
    let house = House::new().await;
    customers::answer(&house.snow, &[2]);
    let router = router(house.gateway());
    let anas = submit(&router, "ana", customers::SQL, "").await;
    let bens = submit(&router, "ben", customers::SQL, "").await;
    let session = anas.headers["x-snowgate-exchange"].to_str().unwrap().split('/').next().unwrap().to_owned();
    house.open_home().revoke(RevokedWhat::Session, &session).unwrap();
    assert_eq!(get(&router, "ana", &anas.handle(), "").await.status, 401);
    assert_eq!(get(&router, "ben", &bens.handle(), "").await.status, 200);
}

#[tokio::test]
async fn who_is_revoked_while_a_statement_runs_is_not_shown_its_rows() {
    use snowflake::scripted::When;
    let house = House::new().await;
    let slow = customers::head(customers::HANDLE, &[2]).after(Duration::from_millis(1200));
    house.snow.on(When::submitted(), [slow]);
    let router = router(house.gateway());
    let revoking = async {
        while house.submissions() == 0 {
            tokio::task::yield_now().await;
        }
        house.open_home().revoke(RevokedWhat::Person, "ana@acme.example").unwrap();
    };
    let both = async { tokio::join!(submit(&router, "ana", customers::SQL, ""), revoking) };
    let (answer, ()) = in_time(both).await;
    assert_eq!(answer.status, 401, "{}", answer.text());
    house.verifies();
}

#[tokio::test]
async fn a_token_that_has_expired_collects_nothing_and_a_fresh_one_does() {
    let house = House::new().await;
    customers::answer(&house.snow, &[2]);
    let router = router(house.gateway());
    let answer = submit(&router, "ana.60", customers::SQL, "").await;
    assert_eq!(get(&router, "ana.60", &answer.handle(), "").await.status, 200);
    house.time.turn(Duration::from_secs(61));
    let expired = get(&router, "ana.60", &answer.handle(), "").await;
    assert_eq!((expired.status.as_u16(), expired.json()["code"].as_str()), (401, Some("390318")));
    assert_eq!(get(&router, "ana.600", &answer.handle(), "").await.status, 200);
}
