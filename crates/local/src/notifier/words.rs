//! What reviewers are told, in words. Everything that is told stands in the notice: ids, names, and sentences of ours.

use gateway::ports::Notice;

/// Who asks, and for whom.
pub(super) fn who(notice: &Notice) -> String {
    let Notice { agent, person, .. } = notice;
    person.as_ref().map_or_else(|| agent.clone(), |person| format!("{agent} for {person}"))
}

/// The moment to the minute, as people read it.
pub(super) fn until(notice: &Notice) -> String {
    let text = notice.expires.to_string();
    let minute = text.get(..16).unwrap_or(&text).replace('T', " ");
    format!("{minute} UTC")
}

#[cfg(test)]
pub(super) fn sample(sign_in: gateway::SignIn) -> Notice {
    use domain::{ApprovalId, Timestamp};
    use gateway::Link;
    use gateway::ports::Invitation;
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
        more: 2,
        reason: "it waits".to_owned(),
        rules: vec!["agents-write-if-approved".to_owned()],
        reviewers: vec!["data-reviewers".to_owned()],
        expires: Timestamp::from_micros(0),
        sign_in,
        invited: vec![invited("rosa@acme.example"), invited("sam@acme.example")],
    }
}
