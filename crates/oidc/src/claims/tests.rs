//! What each claim means, and which shapes are refused.

use std::time::Duration;

use super::*;

const NOW: i64 = 1_800_000_000;

fn settings() -> IssuerSettings {
    IssuerSettings::new("https://login.example", "snowgate")
}

/// The identity of a token with good claims and these besides (later ones replace).
fn read(more: &str, settings: &IssuerSettings) -> Result<Identity, Rejected> {
    let mut claims: serde_json::Value = serde_json::json!({
        "iss": "https://login.example", "aud": "snowgate", "sub": "claude", "iat": NOW, "exp": NOW + 600,
    });
    let more: BTreeMap<String, serde_json::Value> = serde_json::from_str(&format!("{{{more}}}")).unwrap();
    for (key, value) in more {
        claims[key] = value;
    }
    identity(claims.to_string().as_bytes(), settings, Timestamp::from_micros(NOW * 1_000_000))
}

#[track_caller]
fn refused(more: &str, expected: Rejected) {
    assert_eq!(read(more, &settings()), Err(expected), "{more}");
}

#[track_caller]
fn accepted(more: &str) -> Identity {
    read(more, &settings()).unwrap()
}

/// Agent and person.
#[track_caller]
fn parties(more: &str, settings: &IssuerSettings) -> (String, Option<String>) {
    let identity = read(more, settings).unwrap();
    (identity.agent.to_string(), identity.person.map(|person| person.to_string()))
}

fn pair(agent: &str, person: Option<&str>) -> (String, Option<String>) {
    (agent.to_owned(), person.map(str::to_owned))
}

#[test]
fn a_token_is_for_us_or_for_nobody_here() {
    accepted(r#""aud":["other","snowgate"]"#);
    refused(r#""aud":"other""#, Rejected::Audience);
    refused(r#""aud":"Snowgate""#, Rejected::Audience);
    refused(r#""aud":"snowgate ""#, Rejected::Audience);
    refused(r#""aud":[]"#, Rejected::Audience);
    refused(r#""aud":["snowgate",7]"#, Rejected::Claim);
    refused(r#""aud":null"#, Rejected::Claim);
    refused(r#""aud":{"snowgate":1}"#, Rejected::Claim);
}

#[test]
fn a_token_for_two_doors_opens_neither() {
    let agents = IssuerSettings { other_audiences: vec!["audit".into()], ..settings() };
    assert!(read(r#""aud":["other","snowgate"]"#, &agents).is_ok());
    for both in [r#"["snowgate","audit"]"#, r#"["audit","other","snowgate"]"#] {
        assert_eq!(read(&format!(r#""aud":{both}"#), &agents), Err(Rejected::TwoDoors), "{both}");
    }
    assert_eq!(read(r#""aud":"audit""#, &agents), Err(Rejected::Audience));
    // Where a client stands for it, as well.
    let by_client = IssuerSettings {
        audience_claim: Some("client_id".into()),
        required_scopes: vec!["sql".into()],
        ..agents
    };
    let both = r#""client_id":"audit","aud":["snowgate","audit"],"scope":"sql""#;
    assert_eq!(read(both, &by_client), Err(Rejected::TwoDoors));
}

/// A token without `aud` of an issuer that writes none, with these claims besides.
fn read_without_audience(more: &str, audience_claim: Option<&str>) -> Result<Identity, Rejected> {
    let mut settings = settings();
    settings.audience_claim = audience_claim.map(str::to_owned);
    settings.required_scopes = vec!["snowgate/sql".to_owned()];
    let claims = format!(
        r#"{{"iss":"https://login.example","sub":"claude","iat":{NOW},"exp":{},"scope":"snowgate/sql"{more}}}"#,
        NOW + 600
    );
    identity(claims.as_bytes(), &settings, Timestamp::from_micros(NOW * 1_000_000))
}

#[test]
fn where_an_issuer_writes_no_audience_the_client_stands_for_it_and_only_then() {
    let client = r#","client_id":"snowgate""#;
    assert!(read_without_audience(client, Some("client_id")).is_ok());
    assert!(read_without_audience(r#","azp":"snowgate""#, Some("azp")).is_ok());
    // Nobody has said so, or of another claim.
    assert_eq!(read_without_audience(client, None), Err(Rejected::Audience));
    assert_eq!(read_without_audience(client, Some("azp")), Err(Rejected::Audience));
    for odd in [
        "",
        r#","client_id":"other""#,
        r#","client_id":"Snowgate""#,
        r#","client_id":["snowgate"]"#,
        r#","client_id":null"#,
        r#","client_id":{"snowgate":1}"#,
    ] {
        assert_eq!(read_without_audience(odd, Some("client_id")), Err(Rejected::Audience), "{odd}");
    }
    // What has an audience is for that, whoever it was issued to.
    for (audience, expected) in [
        (r#""other""#, Rejected::Audience),
        (r#"[]"#, Rejected::Audience),
        (r#"null"#, Rejected::Claim),
        (r#""""#, Rejected::Audience),
    ] {
        let more = format!(r#"{client},"aud":{audience}"#);
        assert_eq!(read_without_audience(&more, Some("client_id")), Err(expected), "{audience}");
    }
    assert!(read_without_audience(r#","client_id":"other","aud":"snowgate""#, Some("client_id")).is_ok());
    // An ID token is for a client, too.
    let id = format!(r#"{client},"token_use":"id""#);
    assert_eq!(read_without_audience(&id, Some("client_id")), Err(Rejected::Type));
}

#[test]
fn the_issuer_is_compared_exactly() {
    refused(r#""iss":"https://login.example/""#, Rejected::Issuer);
    refused(r#""iss":"HTTPS://login.example""#, Rejected::Issuer);
    refused(r#""iss":["https://login.example"]"#, Rejected::Claim);
}

#[test]
fn a_token_has_its_time_give_or_take_the_leeway() {
    accepted(&format!(r#""exp":{}"#, NOW - 59));
    accepted(&format!(r#""exp":{}.75"#, NOW + 1));
    accepted(&format!(r#""nbf":{},"iat":{}"#, NOW + 60, NOW + 60));
    refused(&format!(r#""exp":{}"#, NOW - 60), Rejected::Expired);
    refused(&format!(r#""nbf":{}"#, NOW + 61), Rejected::NotYetValid);
    refused(&format!(r#""iat":{}"#, NOW + 61), Rejected::NotYetValid);
    refused(r#""exp":null"#, Rejected::Claim);
    for odd in ["\"1900000000\"", "-1", "1e300", "18446744073709551615", "true", "[1900000000]"] {
        refused(&format!(r#""exp":{odd}"#), Rejected::Claim);
        refused(&format!(r#""nbf":{odd}"#), Rejected::Claim);
        refused(&format!(r#""iat":{odd}"#), Rejected::Claim);
    }
    let end = accepted(&format!(r#""exp":{}"#, NOW + 7)).expires_at;
    assert_eq!(end, Timestamp::from_micros((NOW + 7) * 1_000_000), "the leeway is not part of it");
}

#[test]
fn a_token_without_an_end_is_refused() {
    let claims = format!(r#"{{"iss":"https://login.example","aud":"snowgate","sub":"a","iat":{NOW}}}"#);
    let now = Timestamp::from_micros(NOW * 1_000_000);
    assert_eq!(identity(claims.as_bytes(), &settings(), now), Err(Rejected::Claim));
}

#[test]
fn no_token_lives_longer_than_its_issuer_may_let_it() {
    accepted(&format!(r#""exp":{}"#, NOW + 86_400));
    refused(&format!(r#""exp":{}"#, NOW + 86_401), Rejected::Lifetime);
    refused(&format!(r#""iat":{},"exp":{}"#, NOW - 86_000, NOW + 600), Rejected::Lifetime);
}

#[test]
fn no_claim_stands_twice() {
    let now = Timestamp::from_micros(NOW * 1_000_000);
    let text = |more: &str| {
        format!(r#"{{"iss":"https://login.example","aud":"snowgate","sub":"a","exp":{}{more}}}"#, NOW + 9)
    };
    let read = |more: &str| identity(text(more).as_bytes(), &settings(), now).map(drop);
    assert_eq!(read(""), Ok(()));
    assert_eq!(read(r#","sub":"b""#), Err(Rejected::Malformed));
    assert_eq!(read(r#","\u0073ub":"b""#), Err(Rejected::Malformed));
    assert_eq!(read(r#","act":{"sub":"b","sub":"c"}"#), Err(Rejected::Malformed));
    assert_eq!(read(r#","unknown":1,"unknown":1"#), Err(Rejected::Malformed));
}

#[test]
fn id_tokens_and_bound_tokens_are_no_bearer_access_tokens() {
    for claim in [r#""nonce":"n""#, r#""at_hash":"h""#, r#""c_hash":"h""#, r#""events":{}"#] {
        refused(claim, Rejected::Type);
    }
    refused(r#""token_use":"id""#, Rejected::Type);
    accepted(r#""token_use":"access""#);
    refused(r#""cnf":{"jkt":"x"}"#, Rejected::Bound);
}

#[test]
fn scopes_are_a_text_or_an_array() {
    let scopes = |more: &str| accepted(more).scopes.into_iter().collect::<Vec<_>>();
    assert_eq!(scopes(r#""scope":"sql:read  sql:write""#), ["sql:read", "sql:write"]);
    assert_eq!(scopes(r#""scp":["b","a"]"#), ["a", "b"]);
    assert_eq!(scopes(r#""scope":"a","scp":["b"]"#), ["a"], "one claim, not the sum of two");
    assert_eq!(scopes(""), [""; 0]);
    refused(r#""scope":{"a":1}"#, Rejected::Claim);
    refused(r#""scope":null"#, Rejected::Claim);

    let mut settings = settings();
    settings.required_scopes = vec!["sql:read".into(), "sql:write".into()];
    assert!(read(r#""scope":"sql:write sql:read x""#, &settings).is_ok());
    assert_eq!(read(r#""scope":"sql:read""#, &settings), Err(Rejected::Scope));
    assert_eq!(read(r#""scope":"sql:read sql:WRITE""#, &settings), Err(Rejected::Scope));
    assert_eq!(read("", &settings), Err(Rejected::Scope));
}

#[test]
fn groups_come_from_the_configured_claim_alone() {
    let mut settings = settings();
    settings.groups_claim = "https://corp.example/groups".into();
    let groups = |more: &str, settings: &IssuerSettings| {
        read(more, settings).map(|identity| identity.groups.into_iter().collect::<Vec<_>>())
    };
    let claim = r#""https://corp.example/groups":["a","b c"],"groups":["admins"]"#;
    assert_eq!(groups(claim, &settings), Ok(vec!["a".into(), "b c".into()]));
    assert_eq!(groups(r#""https://corp.example/groups":"a b""#, &settings), Ok(vec!["a b".into()]));
    assert_eq!(groups(r#""groups":["admins"]"#, &settings), Ok(vec![]));
    assert_eq!(groups(r#""https://corp.example/groups":[["a"]]"#, &settings), Err(Rejected::Claim));
}

#[test]
fn the_outermost_actor_asks_and_the_subject_is_whom_it_asks_for() {
    let settings = settings();
    let act = r#""sub":"u-17","act":{"sub":"claude-finance"}"#;
    assert_eq!(parties(act, &settings), pair("claude-finance", Some("u-17")));
    let nested = r#""sub":"u-17","act":{"sub":"claude","act":{"sub":"scheduler","act":{"sub":"cron"}}}"#;
    assert_eq!(parties(nested, &settings), pair("claude", Some("u-17")));
    let client = r#""sub":"u-17","client_id":"other","act":{"sub":"claude"}"#;
    assert_eq!(parties(client, &settings), pair("claude", Some("u-17")));
    assert_eq!(parties(r#""act":{"sub":"claude"}"#, &settings), pair("claude", None), "for itself");
    for odd in ["null", "[]", "\"claude\"", "{}", r#"{"sub":7}"#, r#"{"sub":""}"#, r#"{"sub":"a","act":7}"#] {
        assert!(read(&format!(r#""act":{odd}"#), &settings).is_err(), "{odd}");
    }
}

#[test]
fn an_actor_of_another_issuer_is_never_taken_for_one_of_ours() {
    let settings = settings();
    let ours = r#""sub":"u","act":{"sub":"claude","iss":"https://login.example"}"#;
    assert_eq!(parties(ours, &settings), pair("claude", Some("u")));
    let theirs = r#""sub":"u","act":{"sub":"claude","iss":"https://agents.example"}"#;
    assert_eq!(parties(theirs, &settings), pair("https://agents.example#claude", Some("u")));
    refused(r#""sub":"u","act":{"sub":"https://agents.example#claude"}"#, Rejected::Name);
    refused(r#""sub":"u","act":{"sub":"b#c","iss":"https://a#b"}"#, Rejected::Name);
    refused(r#""sub":"u","act":{"sub":"c","iss":"work"}"#, Rejected::Name);
}

#[test]
fn the_person_is_an_address_only_where_it_was_verified() {
    let mut settings = settings();
    let with = |email: &str| format!(r#""sub":"u-17","act":{{"sub":"claude"}},{email}"#);
    let email = with(r#""email":"ana@corp.example","email_verified":true"#);
    assert_eq!(parties(&email, &settings).1.as_deref(), Some("ana@corp.example"));
    let typed = with(r#""email":"boss@corp.example""#);
    assert_eq!(parties(&typed, &settings).1.as_deref(), Some("u-17"));
    let said = with(r#""email":"boss@corp.example","email_verified":"true""#);
    assert_eq!(parties(&said, &settings).1.as_deref(), Some("u-17"));
    settings.person_claim = Some("upn".into());
    assert_eq!(parties(&with(r#""upn":"ana""#), &settings).1.as_deref(), Some("ana"));
    assert_eq!(read(&email, &settings), Err(Rejected::Claim));
}

#[test]
fn without_an_actor_the_client_asks_for_itself() {
    let mut settings = settings();
    assert_eq!(parties("", &settings), pair("claude", None));
    assert_eq!(parties(r#""azp":"app","sub":"u""#, &settings), pair("app", None));
    assert_eq!(parties(r#""client_id":"c","azp":"app","sub":"u""#, &settings), pair("c", None));
    refused(r#""client_id":7"#, Rejected::Claim);

    settings.agent_claim = Some("client_id".into());
    assert_eq!(parties(r#""client_id":"c","sub":"u""#, &settings), pair("c", Some("u")));
    assert_eq!(parties(r#""client_id":"c","sub":"c""#, &settings), pair("c", None));
    assert_eq!(parties(r#""client_id":"c","sub":"u","act":{"sub":"a"}"#, &settings), pair("a", Some("u")));
    assert_eq!(read(r#""sub":"u""#, &settings), Err(Rejected::Claim));
}

#[test]
fn no_name_is_too_long_or_deceptive() {
    let long = "x".repeat(257);
    for name in ["", &long, r"a\nb", r"a\u0000", r"ana\u202e"] {
        refused(&format!(r#""sub":"{name}""#), Rejected::Name);
        refused(&format!(r#""sub":"u","act":{{"sub":"{name}"}}"#), Rejected::Name);
        refused(&format!(r#""client_id":"{name}""#), Rejected::Name);
        refused(&format!(r#""groups":["a","{name}"]"#), Rejected::Name);
        refused(&format!(r#""jti":"{name}""#), Rejected::Name);
        refused(&format!(r#""scp":["{name}"]"#), Rejected::Name);
    }
    refused(r#""sub":null"#, Rejected::Claim);
    assert_eq!(accepted(r#""jti":"t-1""#).token_id.as_deref(), Some("t-1"));
    assert_eq!(accepted("").token_id, None);
}

#[test]
fn a_wider_leeway_is_a_setting() {
    let mut settings = settings();
    settings.leeway = Duration::ZERO;
    assert_eq!(read(&format!(r#""exp":{NOW}"#), &settings), Err(Rejected::Expired));
    assert!(read(&format!(r#""nbf":{NOW}"#), &settings).is_ok());
}

#[test]
fn where_people_look_no_program_does() {
    let mut people = settings();
    people.bearers = Bearers::People;
    people.agent_claim = Some("client_id".into());
    let ana = r#""sub":"u-1","client_id":"console","email":"ana@example.com","email_verified":true"#;
    assert_eq!(parties(ana, &people), pair("console", Some("ana@example.com")));
    let refused = |more: &str, expected| assert_eq!(read(more, &people), Err(expected), "{more}");
    refused(&format!(r#"{ana},"act":{{"sub":"claude"}}"#), Rejected::Bearer);
    refused(r#""sub":"console","client_id":"console""#, Rejected::Bearer);
    refused(r#""sub":"u-1""#, Rejected::Claim);
    // Whom it cannot name it does not take for somebody.
    people.agent_claim = None;
    assert_eq!(read(ana, &people), Err(Rejected::Bearer));
}

#[test]
fn a_programs_own_token_is_nobodys_whatever_its_issuer_calls_its_subject() {
    let mut people = settings();
    people.bearers = Bearers::People;
    people.agent_claim = Some("client_id".into());
    let read_of = |more: &str, settings: &IssuerSettings| {
        read(&format!(r#""sub":"5f0c-of-a-service","client_id":"bot",{more}"#), settings)
    };
    let proof = r#""auth_time":1795445000"#;
    assert!(read_of(proof, &people).is_ok());
    for nothing in [
        r#""scope":"audit:read""#,
        r#""email":"bot@example.com""#,
        r#""email":"bot@example.com","email_verified":false"#,
        r#""email_verified":true"#,
        r#""auth_time":null"#,
        r#""amr":[]"#,
        r#""amr":"""#,
    ] {
        assert_eq!(read_of(nothing, &people), Err(Rejected::Bearer), "{nothing}");
    }
    let verified = r#""email":"bot@example.com","email_verified":true"#;
    for mark in [
        r#""gty":"client-credentials""#,
        r#""gty":"client_credentials""#,
        r#""idtyp":"app""#,
        r#""preferred_username":"service-account-bot""#,
        r#""azp":"5f0c-of-a-service""#,
        r#""cid":"5f0c-of-a-service""#,
        r#""appid":"5f0c-of-a-service""#,
        r#""sub":"bot@clients""#,
    ] {
        for proof in [proof, verified, r#""amr":["pwd"]"#] {
            assert_eq!(read_of(&format!("{mark},{proof}"), &people), Err(Rejected::Bearer), "{mark} {proof}");
        }
        // For agents it acts for itself, and is no person of any rule.
        let agents = IssuerSettings { bearers: Bearers::Agents, ..people.clone() };
        assert_eq!(read_of(&format!("{mark},{proof}"), &agents).unwrap().person, None, "{mark}");
    }
    // By a claim that the operator names.
    for (claim, proves) in [("username", true), ("sub", false), ("oid", false)] {
        let named = IssuerSettings { person_claim: Some(claim.into()), ..people.clone() };
        assert_eq!(read_of(r#""username":"Company_ana","oid":"9""#, &named).is_ok(), proves, "{claim}");
    }
    let proven = IssuerSettings { person_proof: Some("uid".into()), ..people.clone() };
    assert_eq!(
        read_of(&format!("{proof},{verified}"), &proven),
        Err(Rejected::Bearer),
        "nothing else proves it then"
    );
    assert!(read_of(r#""uid":"00u1""#, &proven).is_ok());
    let agents = IssuerSettings { bearers: Bearers::Agents, ..proven };
    assert_eq!(read_of(proof, &agents).unwrap().person, None);
    assert!(read_of(r#""uid":"00u1""#, &agents).unwrap().person.is_some());
}

#[test]
fn people_look_who_are_in_a_group_that_is_named() {
    let mut people = settings();
    people.bearers = Bearers::People;
    people.agent_claim = Some("client_id".into());
    people.required_groups = vec!["auditors".into(), "security".into()];
    let ana = |more: &str| {
        read(&format!(r#""sub":"u-1","client_id":"console","auth_time":1795445000{more}"#), &people)
    };
    assert!(ana(r#","groups":["staff","security"]"#).is_ok());
    for none in ["", r#","groups":[]"#, r#","groups":["staff","Auditors"]"#, r#","roles":["auditors"]"#] {
        assert_eq!(ana(none), Err(Rejected::Bearer), "{none}");
    }
}

#[test]
fn people_look_by_the_clients_that_are_named() {
    let mut people = settings();
    people.bearers = Bearers::People;
    people.agent_claim = Some("azp".into());
    people.clients = vec!["console".into(), "terminal".into()];
    let ana = |client: &str| format!(r#""sub":"u-1","azp":"{client}","auth_time":1795445000"#);
    assert!(read(&ana("console"), &people).is_ok());
    for client in ["bot", "Console", "console2"] {
        assert_eq!(read(&ana(client), &people), Err(Rejected::Bearer), "{client}");
    }
}
