use std::collections::{BTreeMap, BTreeSet};

use super::*;

const EXAMPLE: &str = include_str!("../../../../snowgate.example.toml");

const UPSTREAM: &str = "[upstream]\nurl = 'https://acme-dev.snowflakecomputing.com'\naccount = 'ACME-DEV'\n\
    [upstream.catalog]\nrole = 'R'\nwarehouse = 'W'\n[upstream.tiers.read]\nroles = ['R']\nwarehouses = ['W']\n\
    credential = { kind = 'access-token', token = 't' }\n";

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, Broken> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(File { name: "some.toml", text }, variables)
}

#[test]
fn two_accounts_at_one_address_are_two() {
    let behind = |account: &str| {
        let text = UPSTREAM.replace("account = 'ACME-DEV'", &format!("account = '{account}'"));
        read(&text, &[]).unwrap().serving().unwrap().behind
    };
    assert_eq!(behind("ACME-DEV"), behind("acme-dev"));
    assert_ne!(behind("ACME-DEV"), behind("ACME-PROD"));
}

#[test]
fn nothing_at_all_is_a_good_configuration() {
    read("", &[]).unwrap().check().unwrap();
}

#[test]
fn the_reference_is_a_good_configuration_with_the_defaults() {
    let config = read(EXAMPLE, &[]).unwrap();
    config.check().unwrap();
    crate::serve::check_parts(&config).unwrap();
    // What it says of signing in and of mail is what holds where nothing is said of it.
    let (shown, mail) =
        (config.sign_in_settings().unwrap().unwrap(), config.mail_settings().unwrap().unwrap());
    let plain = oidc::SignInSettings::new(shown.issuer.issuer.clone(), shown.client_id.clone());
    assert_eq!(shown.issuer, plain.issuer);
    assert_eq!(
        (shown.scopes, shown.max_age, shown.acr_values),
        (plain.scopes, plain.max_age, plain.acr_values)
    );
    assert_eq!(mail.tls, local::MailTls::Starttls);
    let default = read("", &[]).unwrap();
    assert_eq!(config.default_context(), default.default_context());
    assert_eq!((config.own.listen, config.own.scale), (default.own.listen, default.own.scale));
    assert_eq!(config.own.home, default.own.home);
    assert_eq!(config.shared.hold_seconds, default.shared.hold_seconds);
    assert_eq!(config.shared.session_idle_minutes, default.shared.session_idle_minutes);
}

#[test]
fn auditors_are_nobody_else() {
    let issuers = "[[issuers]]\nissuer = 'https://login.example'\naudience = ['snowgate']\n";
    let told = |auditors: &str| {
        let config =
            read(&format!("{issuers}[[auditors]]\n{auditors}"), &[]).map_err(|broken| broken.to_string())?;
        config
            .check()
            .and_then(|()| crate::serve::check_parts(&config).map(|_| ()))
            .map_err(|told| told.to_string())
    };
    let own = "issuer = 'https://login.example'\naudience = ['audit']\nrequired_scopes = ['audit:read']";
    assert_eq!(told(own), Ok(()));
    let of_agents = told(&own.replace("'audit'", "'audit', 'snowgate'")).unwrap_err();
    assert!(of_agents.contains("auditors[0].audience: is that of agents, too"), "{of_agents}");
    let unscoped = told(&own.replace("'audit:read'", "")).unwrap_err();
    assert!(unscoped.contains("auditors[0].required_scopes: names no scope"), "{unscoped}");
    assert_eq!(
        told(&format!("{own}\nclients = ['console']\nrequired_groups = ['auditors']\nperson_proof = 'uid'")),
        Ok(())
    );
    for key in ["clients", "required_groups"] {
        let agents = told(&format!(
            "{own}\n[[issuers]]\nissuer = 'https://other.example'\naudience = ['snowgate']\n{key} = ['x']"
        ))
        .unwrap_err();
        assert!(agents.contains(&format!("issuers[1].{key}: is for [[auditors]]")), "{agents}");
    }
}

#[test]
fn an_unknown_key_is_refused_by_name_wherever_it_stands() {
    for (text, variables) in [
        ("lissten = '127.0.0.1:1'", vec![]),
        ("", vec![("SNOWGATE_LISSTEN", "x")]),
        ("[defaults]\nrolle = 'A'", vec![]),
    ] {
        let broken = read(text, &variables).unwrap_err().to_string();
        assert!(broken.contains("lissten") || broken.contains("rolle"), "{broken}");
    }
}

#[test]
fn a_value_in_the_wrong_place_is_not_printed() {
    for text in [
        "hold_seconds = \"hunter2\"",
        "[upstream]\nurl = \"hunter2\"\nlisten = \"hunter2\"",
        "listen = \"hunter2",
    ] {
        let told = match read(text, &[]) {
            Ok(config) => crate::serve::check_parts(&config).unwrap_err().to_string(),
            Err(broken) => broken.to_string(),
        };
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn what_must_not_be_names_who_said_it() {
    for (text, variables, expected) in [
        ("\nlisten = 'hunter2'", vec![], "some.toml:2: listen: is no address"),
        ("", vec![("SNOWGATE_LISTEN", "0.0.0.0:1")], "SNOWGATE_LISTEN: listen: listening on 0.0.0.0:1 needs"),
        ("scale = 0.0", vec![], "some.toml:1: scale: lies above 0"),
        (UPSTREAM, vec![], "some.toml:1: upstream: a Snowflake upstream needs a real issuer"),
        (UPSTREAM, vec![("SNOWGATE_LISTEN", "0.0.0.0:1")], "SNOWGATE_LISTEN: listen: listening on"),
    ] {
        let told = read(text, &variables).unwrap().check().unwrap_err().to_string();
        assert!(told.starts_with(expected) && !told.contains("hunter2"), "{told}");
    }
    let told = read("[[issuers]]\nissuer = 'ftp://a'\naudience = ['a']", &[]).unwrap();
    let told = crate::serve::check_parts(&told).unwrap_err().to_string();
    assert!(told.starts_with("some.toml:2: issuers[0].issuer: the issuer"), "{told}");
}

#[test]
fn an_issuer_over_http_is_none_before_an_account_or_beyond_this_machine() {
    let issuer =
        |scheme: &str| format!("[[issuers]]\nissuer = '{scheme}://127.0.0.1:9'\naudience = ['snowgate']\n");
    for (text, is_refused) in [("listen = '0.0.0.0:8181'\n", true), ("", false), (UPSTREAM, true)] {
        let (over_http, over_https) =
            (format!("{text}{}", issuer("http")), format!("{text}{}", issuer("https")));
        let checked = read(&over_http, &[]).unwrap().check();
        assert_eq!(checked.is_err(), is_refused, "{text}");
        if let Err(broken) = checked {
            assert!(broken.to_string().contains("must be an https address"), "{broken}");
        }
        read(&over_https, &[]).unwrap().check().unwrap();
    }
}

#[test]
fn a_variable_overrides_the_file() {
    let config = read(
        "hold_seconds = 3\n[defaults]\nrole = 'A'",
        &[
            ("SNOWGATE_HOLD_SECONDS", "5"),
            ("SNOWGATE_DEFAULTS__ROLE", "B"),
            ("SNOWGATE_LISTEN", "127.0.0.1:9"),
        ],
    )
    .unwrap();
    assert_eq!((config.shared.hold_seconds, config.own.listen.as_str()), (5, "127.0.0.1:9"));
    assert_eq!(config.shared.defaults.role.as_deref(), Some("B"));
}

#[test]
fn the_development_issuer_stays_on_loopback_over_the_embedded_warehouse() {
    for (text, needs) in
        [("listen = '0.0.0.0:8181'", true), ("listen = '[::1]:8181'", false), (UPSTREAM, true)]
    {
        let checked = read(text, &[]).unwrap().check();
        assert_eq!(checked.is_err_and(|broken| broken.to_string().contains("real issuer")), needs, "{text}");
    }
}

const ISSUER: &str = "[reviewers_issuer]\nissuer = 'https://people.example'\nclient_id = 'snowgate'\n";
const ROSA: &str = "[[reviewers]]\nemail = 'rosa@example.com'\ngroups = ['data-reviewers']\n";
const MAIL: &str = "[mail]\nhost = '127.0.0.1'\ntls = 'none'\nfrom = 'snowgate@example.com'\n";

#[test]
fn what_reviewing_needs_is_told_before_anything_listens() {
    let agents = "[[issuers]]\nissuer = 'https://a.example'\naudience = ['snowgate']\n";
    for (text, expected) in [
        (ISSUER.to_owned(), "reviewers_issuer: lets nobody decide: add [[reviewers]]"),
        (MAIL.to_owned(), "mail: has nobody to go to"),
        (
            format!("approvals_url = 'http://approve.example'\n{ISSUER}{ROSA}"),
            "approvals_url: is https://HOST",
        ),
        (format!("listen = '0.0.0.0:1'\n{agents}{ISSUER}{ROSA}"), "reviewers_issuer: needs approvals_url"),
        (
            format!("{UPSTREAM}{agents}{}{ROSA}", ISSUER.replace("https", "http")),
            "reviewers_issuer.issuer: must be an https address",
        ),
        (format!("{ROSA}{ROSA}"), "reviewers: names somebody twice"),
        (format!("{ROSA}[reminders]\nafter_percent = 100\n"), "reminders.after_percent: lies from 1 to 99"),
        (format!("{ROSA}[reminders]\nsecond_after_percent = 0\n"), "reminders.second_after_percent: lies"),
        (
            format!("{ROSA}[reminders]\nsecond_groups = ['data-leads']\n"),
            "reminders.second_groups: names `data-leads`, which no entry",
        ),
        (ROSA.replace("email", "subject = 'x'\nemail"), "reviewers[0]: names one person"),
        (ROSA.replace("['data-reviewers']", "[]"), "reviewers[0].groups: names no group"),
        (ROSA.replace("rosa@example.com", "rosa"), "reviewers[0].email: is no mail address"),
        (
            format!("{}{MAIL}", ROSA.replace("email = 'rosa@example.com'", "subject = 'x'")),
            "reviewers[0].mail: is needed",
        ),
        (format!("{ROSA}{}", MAIL.replace("'none'", "'maybe'")), "mail.tls: is one of"),
        (format!("{ROSA}{MAIL}user = 'u'\n"), "mail.user: needs its password"),
    ] {
        let told = read(&text, &[]).unwrap().check().unwrap_err().to_string();
        assert!(told.contains(expected), "{told}");
    }
    for (text, expected) in [
        (format!("{ROSA}{}", MAIL.replace("127.0.0.1", "smtp.example.com")), "mail.tls: may be `none` only"),
        (format!("{ROSA}{}", MAIL.replace("snowgate@", "snow gate@")), "mail.from: is no mail address"),
        (
            format!("{ISSUER}max_age_seconds = 0\n{ROSA}"),
            "reviewers_issuer.max_age_seconds: `max_age_seconds` of issuer",
        ),
        (
            format!("{ISSUER}algorithms = ['HS256']\n{ROSA}"),
            "reviewers_issuer.algorithms: an algorithm is one of",
        ),
    ] {
        let config = read(&text, &[]).unwrap();
        config.check().unwrap();
        let told = crate::serve::check_parts(&config).unwrap_err().to_string();
        assert!(told.contains(expected), "{told}");
    }
    read(&format!("{ISSUER}{ROSA}{MAIL}"), &[]).unwrap().check().unwrap();
}

#[test]
fn a_link_alone_decides_over_the_embedded_warehouse_without_an_issuer_and_nowhere_else() {
    let sign_in = |text: &str| read(text, &[]).unwrap().gateway_settings().sign_in;
    let roster = |text: &str| read(text, &[]).unwrap().roster("127.0.0.1:8181".parse().unwrap());
    assert_eq!(sign_in(""), gateway::SignIn::Development);
    assert_eq!(sign_in(&format!("{ISSUER}{ROSA}")), gateway::SignIn::Oidc);
    assert_eq!(sign_in(UPSTREAM), gateway::SignIn::Oidc);
    assert_eq!(sign_in(&format!("{ROSA}{UPSTREAM}")), gateway::SignIn::Oidc);
    // Before an account without an issuer there is no page at all.
    assert_eq!(roster(UPSTREAM), None);
    assert_eq!(roster(&format!("{ROSA}{UPSTREAM}")), None);
    assert_eq!(roster("").unwrap().people().len(), 1);
    let named = roster(&format!("{ISSUER}{ROSA}{UPSTREAM}")).unwrap();
    assert_eq!((named.issuer(), named.address()), ("https://people.example", "http://127.0.0.1:8181"));
    let public = read("", &[("SNOWGATE_APPROVALS_URL", "https://approve.example/")]).unwrap();
    assert_eq!(public.roster("127.0.0.1:1".parse().unwrap()).unwrap().address(), "https://approve.example");
    // Over plain http nobody but this machine is let in.
    let agents = "[[issuers]]\nissuer = 'https://a.example'\naudience = ['a']\n";
    let everywhere = read(&format!("listen = '0.0.0.0:1'\n{agents}"), &[]).unwrap();
    assert_eq!(everywhere.roster("0.0.0.0:1".parse().unwrap()), None);
}

#[test]
fn no_secret_of_reviewing_is_printed() {
    let text = format!("{ISSUER}client_secret = 'hunter2'\n{ROSA}{MAIL}user = 'u'\npassword = 'hunter2'\n");
    let config = read(&text, &[]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

/// The reference with everything that it comments out, and further ones with each of the lines that stand in
/// another's place.
fn whole_references() -> Vec<String> {
    let is_key = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let (mut lines, mut others) = (Vec::<String>::new(), Vec::new());
    let mut keys = BTreeMap::new();
    for line in EXAMPLE.lines() {
        let shown = line.strip_prefix("# ").unwrap_or(line);
        if shown.starts_with('[') {
            keys.clear();
        } else if let Some((key, _)) = shown.split_once(" = ").filter(|(key, _)| is_key(key)) {
            if let Some(at) = keys.get(key) {
                others.push((*at, shown.to_owned()));
                continue;
            }
            keys.insert(key.to_owned(), lines.len());
        } else {
            continue;
        }
        lines.push(shown.to_owned());
    }
    let replaced = others.into_iter().map(|(at, other)| {
        let mut lines = lines.clone();
        lines[at] = other;
        lines.join("\n")
    });
    std::iter::once(lines.join("\n")).chain(replaced).collect()
}

/// What a table takes, as the refusal of an unknown key tells it; none where any key is taken.
fn taken_beside(root: &toml::Table, set: impl FnOnce(&mut toml::Table)) -> Option<BTreeSet<String>> {
    let mut root = root.clone();
    set(&mut root);
    // The development issuer's rules do not matter here, and neither does what cannot be built.
    let told = read(&root.to_string(), &[]).err()?.to_string();
    let (_, expected) = told.split_once("expected ")?;
    let names = expected.split('`').skip(1).step_by(2);
    Some(names.map(str::to_owned).collect::<BTreeSet<_>>()).filter(|names| !names.is_empty())
}

/// Follows a path of keys and, in arrays, positions.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other value has nothing below it")]
fn at<'a>(root: &'a mut toml::Table, path: &[String]) -> &'a mut toml::Table {
    let Some((first, rest)) = path.split_first() else { return root };
    match root.get_mut(first).unwrap() {
        toml::Value::Table(table) => at(table, rest),
        toml::Value::Array(tables) => at(tables[0].as_table_mut().unwrap(), rest),
        other => panic!("{path:?}: {other}"),
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "every other value is no table")]
fn check_every_key(root: &toml::Table, path: &[String], free: &mut BTreeSet<String>) {
    let taken = taken_beside(root, |root| {
        at(root, path).insert("unknown_key".to_owned(), toml::Value::Integer(1));
    });
    let table = at(&mut root.clone(), path).clone();
    match taken {
        Some(taken) => {
            for key in taken {
                // They are read there to be refused with a word on what to write instead.
                if path == ["issuers"] && ["clients", "required_groups"].contains(&key.as_str()) {
                    continue;
                }
                assert!(table.contains_key(&key), "the reference lacks `{key}` under `{}`", path.join("."));
            }
        }
        None => {
            free.insert(path.join("."));
        }
    }
    for (key, value) in &table {
        let is_table = match value {
            toml::Value::Table(_) => true,
            toml::Value::Array(entries) => entries.first().is_some_and(toml::Value::is_table),
            _ => false,
        };
        if is_table {
            check_every_key(root, &[path, std::slice::from_ref(key)].concat(), free);
        }
    }
}

#[test]
fn every_key_of_every_setting_stands_in_the_reference() {
    let (mut free, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    let credential = ["upstream", "tiers", "read", "credential"].map(str::to_owned);
    let mut taken = BTreeSet::new();
    for text in whole_references() {
        let mut root: toml::Table = text.parse().unwrap();
        read(&text, &[]).unwrap_or_else(|broken| panic!("{broken}:\n{text}"));
        check_every_key(&root, &[], &mut free);
        taken = taken_beside(&root, |root| {
            at(root, &credential).insert("kind".to_owned(), "none".into());
        })
        .unwrap();
        kinds.insert(at(&mut root, &credential)["kind"].as_str().unwrap().to_owned());
    }
    assert_eq!(kinds, taken, "every kind of credential is shown");
    // `workload-identity` takes no key besides its kind.
    let expected = ["upstream.parameters", "upstream.tiers.read.credential"].map(str::to_owned);
    assert_eq!(free, BTreeSet::from(expected), "everything else refuses what it does not know");
}
