//! Which home the commands work on, and who is revoked in it.

use std::fs;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Served, snowgate};

#[test]
fn every_command_finds_the_home_that_serve_would() {
    let gateway = Served::start();
    let (code, answer) = gateway.ask("select 1");
    assert_eq!(code, 0);
    let exchange = answer["exchange"].as_str().expect("an exchange").to_owned();
    let session = exchange.split('/').next().expect("a session");
    let folder = gateway.folder.path();
    fs::write(folder.join("other.toml"), "home = 'home'").expect("written");
    let commands = [
        &["token"][..],
        &["ask", "--url", &gateway.url, "select 1"],
        &["search"],
        &["replay", session],
        &["revoke", "list"],
        &["revoke", "agent", "nobody"],
    ];
    let run = |command: &[&str], more: &[&str], variables: &[(&str, &str)]| -> Output {
        let variables = variables.iter().copied();
        snowgate(folder).args(command).args(more).envs(variables).output().expect("it runs")
    };
    for command in commands {
        let lost = run(command, &[], &[]);
        assert_eq!(lost.status.code(), Some(1), "{command:?}");
        assert!(!folder.join(".snowgate").exists(), "{command:?} makes none");
        for (more, variables) in [
            (&[][..], &[("SNOWGATE_HOME", "home")][..]),
            (&["--config", "other.toml"], &[]),
            (&["--home", "home"], &[("SNOWGATE_HOME", "nowhere")]),
            (&["--home", "home", "--config", "other.toml"], &[]),
        ] {
            let found = run(command, more, variables);
            assert_eq!(found.status.code(), Some(0), "{command:?} {more:?} {variables:?}: {found:?}");
        }
        let lost = run(command, &["--config", "absent.toml", "--home", "home"], &[]);
        assert_eq!(lost.status.code(), Some(1), "{command:?}: what is named must be there");
    }
    fs::write(folder.join("snowgate.toml"), "home = 'home'").expect("written");
    for command in commands {
        let found = run(command, &[], &[]);
        assert_eq!(found.status.code(), Some(0), "{command:?}: {found:?}");
    }
    // What reads a home that is named needs nothing else.
    fs::write(folder.join("snowgate.toml"), "home = ").expect("written");
    assert_eq!(run(&["search"], &["--home", "home"], &[]).status.code(), Some(0));
    assert_eq!(run(&["search"], &[], &[]).status.code(), Some(1));
}

#[test]
fn a_revocation_is_listed_taken_back_and_stays_on_record() {
    let gateway = Served::start();
    let revoke = |words: &[&str]| gateway.run(&[&["revoke"], words, &["--home", "home"]].concat());
    let within = |expected: i32| {
        let begun = Instant::now();
        loop {
            let asked = begun.elapsed();
            if gateway.ask("select 1").0 == expected {
                break;
            }
            assert!(asked < Duration::from_secs(5), "not yet {expected}");
        }
    };
    within(0);
    let nothing = revoke(&["list"]);
    assert_eq!((nothing.status.code(), nothing.stdout.is_empty()), (Some(0), true));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("nothing is revoked"));

    assert_eq!(revoke(&["agent", "snowgate-ask"]).status.code(), Some(0));
    assert_eq!(revoke(&["person", "ana@example.com"]).status.code(), Some(0));
    within(3);
    let told = gateway.lines(&["revoke", "list", "--json", "--home", "home"]);
    let words: Vec<(&Value, &Value)> = told.iter().map(|row| (&row["kind"], &row["id"])).collect();
    let expected = [(json!("agent"), json!("snowgate-ask")), (json!("person"), json!("ana@example.com"))];
    assert_eq!(words, expected.each_ref().map(|(kind, id)| (kind, id)), "{told:?}");
    assert!(
        told.iter().all(|row| row["since"].as_str().is_some_and(|since| since.ends_with('Z'))),
        "{told:?}"
    );
    let text = String::from_utf8(revoke(&["list"]).stdout).expect("text");
    assert!(text.lines().all(|line| line.contains("Z  ")) && text.lines().count() == 2, "{text}");

    assert_eq!(revoke(&["undo", "agent", "snowgate-ask"]).status.code(), Some(0));
    within(0);
    let again = revoke(&["undo", "agent", "snowgate-ask"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not revoked"), "{again:?}");
    let told = gateway.lines(&["revoke", "list", "--history", "--json", "--home", "home"]);
    let acts: Vec<String> = told.iter().map(|row| format!("{} {}", row["act"], row["id"])).collect();
    assert_eq!(
        acts,
        [r#""revoked" "snowgate-ask""#, r#""revoked" "ana@example.com""#, r#""undone" "snowgate-ask""#]
    );
    for wrong in [&["undo", "agent"][..], &["undo", "session", "x"], &["session", "x"], &["agent", ""], &[]] {
        assert_eq!(revoke(wrong).status.code(), Some(64), "{wrong:?}");
    }
}
