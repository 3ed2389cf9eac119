//! The page of reviewers, as a browser that keeps cookies comes to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use domain::ApprovalId;
use gateway::ports::{Ids, ReviewerIssuer};
use gateway::{Gateway, KnownReviewer, Reception, ReviewerName, Roster};
use local::RandomIds;
use serde_json::json;

use crate::door::{self, Answered, call, get};
use crate::held::{deletes, words};
use crate::house::House;

pub use crate::browser::{Browser, Shown};

pub const HOST: &str = "https://snowgate.example";
pub const ROSA: &str = "rosa@acme.example";
pub const SAM: &str = "sam@acme.example";

/// Two reviewers, who are asked for whatever the default bundle holds.
pub fn people() -> Vec<KnownReviewer> {
    let known = |email: &str| KnownReviewer {
        name: ReviewerName::Email(email.to_owned()),
        groups: Some(BTreeSet::from(["data-reviewers".to_owned()])),
        mail: Some(email.to_owned()),
    };
    vec![known("rosa@acme.example"), known("sam@acme.example")]
}

/// The roster of the local demo.
pub fn demo() -> Arc<Roster> {
    Arc::new(Roster::development(HOST, people()))
}

/// The gateway's settings with that roster.
pub fn with(roster: &Arc<Roster>) -> impl FnOnce(&mut gateway::Settings) {
    let roster = Arc::clone(roster);
    move |settings| settings.roster = Some(roster)
}

/// The page as one more process has it.
pub fn page(house: &House, roster: &Arc<Roster>, issuer: Option<Arc<dyn ReviewerIssuer>>) -> Router {
    let ids: Arc<dyn Ids> = Arc::new(RandomIds);
    let reception = Reception::new(house.review(), Arc::clone(roster), issuer, ids);
    approval::routes(reception, approval::Behind::Snowflake)
}

/// A reviewer's link, as they were told it: its approval and its token.
#[track_caller]
pub fn link_of(house: &House, who: &str) -> (ApprovalId, String) {
    let rung = house.bell.rung.lock().unwrap();
    let notice = rung.last().expect("nobody was told");
    let invited = notice.invited.iter().find(|invited| invited.name == who).expect("they were not told");
    let link = invited.link.reveal();
    let (path, token) = link.split_once("#t=").unwrap();
    assert_eq!(path, format!("{HOST}/a/{}", notice.approval));
    (notice.approval, token.to_owned())
}

/// What was told last is told by one turn of the worker.
pub async fn told(house: &House, gateway: &Gateway) {
    crate::held::work(house, gateway).await;
}

/// A house in which something waits, and its reviewers know.
pub struct Waits {
    pub house: House,
    pub gateway: Gateway,
    pub router: Router,
    pages: Router,
    held: Answered,
    pub id: ApprovalId,
    pub token: String,
}

pub async fn waits(sql: &str) -> Waits {
    waits_in(House::with(with(&demo()), &[]).await, json!({ "statement": sql })).await
}

pub async fn waits_in(house: House, body: serde_json::Value) -> Waits {
    deletes(&house);
    let gateway = house.gateway();
    let router = door::router(gateway.clone());
    let pages = page(&house, &demo(), None);
    let held = call(&router, "ana", "POST", "/api/v2/statements", Some(body.to_string().as_bytes())).await;
    assert_eq!(held.status, 202, "{}", held.text());
    told(&house, &gateway).await;
    let (id, token) = link_of(&house, ROSA);
    Waits { house, gateway, router, pages, held, id, token }
}

impl Waits {
    pub fn browser(&self) -> Browser {
        Browser::new(self.pages.clone())
    }

    pub async fn poll(&self) -> Answered {
        get(&self.router, "ana", &self.held.handle(), "").await
    }

    pub fn words(&self) -> Vec<&'static str> {
        words(&self.house)
    }
}

#[track_caller]
pub fn opens_nothing(shown: &Shown) {
    assert_eq!(shown.status, 404, "{}", shown.text);
    assert!(shown.text.contains("This link opens nothing"), "{}", shown.text);
    assert!(!shown.text.contains("delete") && !shown.text.contains("CUSTOMERS"), "{}", shown.text);
}
