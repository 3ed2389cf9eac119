//! A notice, for tests.

use domain::{ApprovalId, Timestamp};
use gateway::ports::{Invitation, Notice};
use gateway::{Link, SignIn};

pub(super) fn sample(sign_in: SignIn) -> Notice {
    let invited = |name: &str| Invitation {
        name: name.to_owned(),
        mail: Some(name.to_owned()),
        link: Link::from_text(format!("https://snowgate.example/a/7#t={}", name.len())),
    };
    Notice {
        approval: ApprovalId::from_u128(7),
        exchange: "s/1".to_owned(),
        agent: "claude-finance".to_owned(),
        person: Some("ana@acme.example".to_owned()),
        class: "write".to_owned(),
        kinds: vec!["delete".to_owned()],
        writes: vec!["DEMO.PUBLIC.ORDERS".to_owned()],
        reads: Vec::new(),
        more_writes: 2,
        more: 0,
        reason: "it waits".to_owned(),
        rules: vec!["agents-write-if-approved".to_owned()],
        reviewers: vec!["data-reviewers".to_owned()],
        expires: Timestamp::from_micros(0),
        sign_in,
        reminded: None,
        invited: vec![invited("rosa@acme.example"), invited("sam@acme.example")],
    }
}
