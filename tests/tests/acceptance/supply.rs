//! `deny.toml`, as far as it can be held without asking anybody: licences, sources and bans of what is built on this machine.
//! Advisories and other platforms need `cargo deny check`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use toml::Table;

use crate::architecture::root;

fn deny() -> Table {
    fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap()
}

/// What is built here and is not ours.
struct Package {
    name: String,
    /// Where it comes from, when that is not the registry that goes without saying.
    source: Option<String>,
    licence: String,
}

/// As `cargo tree` tells it, with the features that are really built: `name v1.2.3 (proc-macro) (source)|licence (*)`.
fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--locked", "--prefix", "none", "--format", "{p}|{l}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let ours = format!("({}", root().canonicalize().unwrap().display());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: BTreeSet<&str> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    let packages: Vec<Package> = lines
        .into_iter()
        .filter_map(|line| {
            let (package, licence) = line.split_once('|')?;
            let package = package.replace(" (proc-macro)", "");
            let mut words = package.splitn(3, ' ');
            let (name, _, source) =
                (words.next()?.to_owned(), words.next()?, words.next().map(str::to_owned));
            Some(Package { name, source, licence: licence.to_owned() })
        })
        .filter(|package| !package.source.as_ref().is_some_and(|source| source.starts_with(&ours)))
        .collect();
    assert!(packages.len() > 200, "{}", packages.len());
    packages
}

#[test]
fn every_licence_is_one_that_is_allowed() {
    let deny = deny();
    let allowed = deny["licenses"]["allow"].as_array().unwrap().iter();
    let allowed: BTreeSet<String> = allowed.map(|licence| licence.as_str().unwrap().to_owned()).collect();
    for Package { name, licence, .. } in packages() {
        assert!(is_allowed(&licence, &allowed), "{name}: {licence}");
    }
}

#[test]
fn everything_comes_from_the_one_registry_and_nothing_banned_is_built() {
    let deny = deny();
    let banned = deny["bans"]["deny"].as_array().unwrap().iter();
    let banned: BTreeSet<&str> = banned.map(|ban| ban["crate"].as_str().unwrap()).collect();
    for rule in ["unknown-registry", "unknown-git"] {
        assert_eq!(deny["sources"][rule].as_str(), Some("deny"));
    }
    for Package { name, source, .. } in packages() {
        assert_eq!(source, None, "{name}");
        assert!(!banned.contains(name.as_str()), "`{name}` is banned by deny.toml");
    }
}

#[test]
fn a_licence_is_met_as_its_expression_says() {
    for (licence, allowed, expected) in [
        ("MIT OR GPL-3.0", &["MIT"][..], true),
        ("MIT/GPL-3.0", &["MIT"], true),
        ("MIT AND GPL-3.0", &["MIT"], false),
        ("(MIT OR GPL-3.0) AND ISC", &["MIT", "ISC"], true),
        ("MIT OR GPL-3.0 AND ISC", &["GPL-3.0"], false),
        ("Apache-2.0 WITH LLVM-exception", &["Apache-2.0"], false),
        ("", &["MIT"], false),
        ("MIT MIT", &["MIT"], false),
    ] {
        let allowed = allowed.iter().map(|licence| (*licence).to_owned()).collect();
        assert_eq!(is_allowed(licence, &allowed), expected, "{licence}");
    }
}

/// Whether an SPDX expression can be met by what is allowed. `AND` binds closer than `OR`; an old `/` is an `OR`.
fn is_allowed(licence: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced =
        licence.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ").replace(" WITH ", "+WITH+");
    let mut words = spaced.split_whitespace().peekable();
    let met = any(&mut words, allowed);
    met && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, allowed);
    }
    met
}

fn all(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    match words.next() {
        Some("(") => any(words, allowed) & words.next().is_some_and(|word| word == ")"),
        Some(word) => allowed.contains(&word.replace("+WITH+", " WITH ")),
        None => false,
    }
}
