//! The arrows of the architecture, and what may stand where.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Crates without I/O, clock, randomness, logging, HTTP and async (invariant I9), with everything that they may
/// depend on.
const PURE: [(&str, &[&str]); 6] = [
    ("domain", &["jiff", "thiserror", "unicode-normalization"]),
    ("sql", &["domain", "sqlparser"]),
    ("legible", &["sql", "unicode-normalization", "unicode-security"]),
    // `regex` is for the patterns of a bundle's own detectors: linear in the text whatever the pattern, and pure. `policy`
    // checks that they compile within their limits, where file and line are known; `masking` runs them.
    (
        "policy",
        &["domain", "aws-lc-rs", "cedar-policy", "miette", "regex", "regex-syntax", "thiserror", "toml"],
    ),
    (
        "masking",
        &[
            "domain",
            "flate2",
            "aho-corasick",
            "arrow-array",
            "arrow-buffer",
            "arrow-ipc",
            "arrow-schema",
            "aws-lc-rs",
            "base64",
            "memchr",
            "regex",
            "simdutf8",
            "thiserror",
        ],
    ),
    ("recording", &["domain", "aws-lc-rs", "base64", "flate2", "serde", "serde_json", "thiserror"]),
];

/// Of ours, what each other crate may depend on.
const ARROWS: [(&str, &[&str]); 31] = [
    ("gateway", &["domain", "sql", "policy", "masking", "recording"]),
    ("oidc", &["domain", "gateway"]),
    ("snowflake", &["domain", "gateway", "masking"]),
    ("local", &["domain", "gateway", "policy", "recording"]),
    ("aws", &["domain", "gateway", "policy", "recording"]),
    ("warehouse", &["domain", "gateway", "masking", "policy", "sql"]),
    // Who listens to spans: it asks the ports for time and randomness.
    ("traces", &["domain", "gateway"]),
    // The page settles: it reaches neither policy nor upstream, and links no adapter.
    ("approval", &["domain", "gateway", "legible", "recording", "sql", "traces"]),
    // What was seen comes in: statements, policy and records are behind the gateway.
    ("evidence", &["domain", "gateway", "traces"]),
    // It asks a port whose a token is, and calls no AWS.
    ("authorizer", &["domain", "gateway", "traces"]),
    ("work", &["aws", "domain", "gateway", "traces"]),
    ("seal", &["aws", "domain", "gateway", "recording", "traces"]),
    ("index", &["aws", "domain", "gateway", "recording", "traces"]),
    // Questions of auditors: what they may see, and that it was recorded, is behind the gateway.
    ("sessions", &["domain", "gateway", "traces"]),
    // Doors alone: what they stand before is somebody else's to choose.
    ("query", &["domain", "gateway", "recording", "oidc", "traces"]),
    // What every program is told, and makes of it.
    ("settings", &["domain", "gateway", "local", "oidc", "snowflake"]),
    ("lambda", &["aws", "domain", "gateway", "local", "recording", "settings", "snowflake", "traces"]),
    // The functions as they are deployed, a packing list each. The page reaches no account, and neither does evidence.
    ("query-lambda", &["gateway", "lambda", "local", "query", "settings", "snowflake"]),
    ("work-lambda", &["gateway", "lambda", "local", "settings", "snowflake", "work"]),
    // It makes rows: no gateway, no settings but the places.
    ("seal-lambda", &["lambda", "local", "seal"]),
    ("index-lambda", &["gateway", "index", "lambda", "local"]),
    // It reads what was recorded: no upstream, no keys.
    ("sessions-lambda", &["domain", "gateway", "lambda", "local", "sessions", "settings"]),
    ("approval-lambda", &["approval", "gateway", "lambda", "local", "settings"]),
    ("evidence-lambda", &["evidence", "gateway", "lambda", "local", "settings"]),
    ("authorizer-lambda", &["authorizer", "lambda", "local", "settings"]),
    // What two bundles decide: a rehearsal of the gateway's, for the command line alone.
    ("comparison", &["domain", "gateway", "legible", "policy", "sql"]),
    // An operator's program: it reaches no account of Snowflake, no statement and no record.
    (
        "operator",
        &["aws", "comparison", "domain", "gateway", "legible", "local", "policy", "settings", "sql"],
    ),
    (
        "snowgate",
        &[
            "comparison",
            "domain",
            "gateway",
            "legible",
            "policy",
            "recording",
            "oidc",
            "snowflake",
            "local",
            "warehouse",
            "settings",
            "query",
            "approval",
            "evidence",
            "sessions",
            "traces",
            "masking",
            "sql",
        ],
    ),
    ("acceptance", &[]),
    // What both stores are held to.
    ("conformance", &["domain", "gateway", "recording"]),
    ("proofs", &["domain", "gateway", "masking"]),
];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn metadata(more: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO"));
    // This machine's packages alone: the others need not be here.
    let rustc = Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let host = String::from_utf8(rustc)
        .unwrap()
        .lines()
        .find_map(|line| Some(line.strip_prefix("host: ")?.to_owned()));
    command.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host.unwrap()]);
    command.args(more).current_dir(root());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The members of the workspace with what they depend on when they are built (not when they are tested).
fn members() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata(&["--no-deps"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter().map(|package| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let normal = dependencies.filter(|dependency| dependency["kind"].as_str() != Some("dev"));
        (text(&package["name"]), normal.map(|dependency| text(&dependency["name"])).collect())
    });
    packages.collect()
}

#[test]
fn arrows_point_inwards_only() {
    let members = members();
    let ours: BTreeSet<&str> = members.keys().map(String::as_str).collect();
    let known: BTreeSet<&str> =
        PURE.iter().map(|(name, _)| *name).chain(ARROWS.iter().map(|(name, _)| *name)).collect();
    assert_eq!(ours, known, "a new crate needs its place in the architecture");
    for (name, allowed) in ARROWS {
        let found = members[name].iter().filter(|dependency| ours.contains(dependency.as_str()));
        for dependency in found {
            assert!(allowed.contains(&dependency.as_str()), "`{name}` may not depend on `{dependency}`");
        }
    }
}

#[test]
fn the_core_depends_on_what_is_listed_and_on_nothing_that_does_anything() {
    let members = members();
    for (name, allowed) in PURE {
        for dependency in &members[name] {
            assert!(
                allowed.contains(&dependency.as_str()),
                "`{name}` is pure and may not depend on `{dependency}`"
            );
        }
    }
    // Not by way of others either.
    let trees = trees();
    let acting = [
        "tokio",
        "async-std",
        "smol",
        "futures-executor",
        "reqwest",
        "hyper",
        "axum",
        "tracing",
        "log4rs",
        "rusqlite",
        "lambda_http",
    ];
    for (name, _) in PURE {
        let found: Vec<&str> = acting.into_iter().filter(|crate_| trees[name].contains(*crate_)).collect();
        assert!(found.is_empty(), "`{name}` is pure and reaches {found:?}");
        assert!(
            !trees[name].iter().any(|found| found.starts_with("aws-sdk") || found.starts_with("aws-config"))
        );
    }
}

#[test]
fn only_what_answers_ports_by_aws_links_its_sdk_and_nobody_its_http_client() {
    for (name, tree) in trees() {
        let links = tree.iter().any(|found| found.starts_with("aws-sdk"));
        let is_deployed = ["aws", "index", "lambda", "operator", "seal", "work"].contains(&name.as_str())
            || name.ends_with("-lambda");
        // `snowgate` on somebody's own machine has no use for it, and neither have the doors.
        assert_eq!(links, is_deployed, "`{name}`");
        // One way out, and one TLS stack on it: its own HTTP clients are left out.
        assert!(!tree.contains("aws-smithy-http-client"), "`{name}` links another HTTP client");
    }
}

/// Every crate that each member reaches when it is built.
fn trees() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata(&[]);
    let name_of: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (package["id"].as_str().unwrap(), package["name"].as_str().unwrap()))
        .collect();
    let mut reaches: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let normal = node["deps"].as_array().unwrap().iter().filter(|dependency| {
            dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null())
        });
        let found = normal.map(|dependency| dependency["pkg"].as_str().unwrap()).collect();
        reaches.insert(node["id"].as_str().unwrap(), found);
    }
    let members = metadata["workspace_members"].as_array().unwrap().iter().map(|id| id.as_str().unwrap());
    members
        .map(|member| {
            let (mut seen, mut waiting) = (BTreeSet::new(), vec![member]);
            while let Some(next) = waiting.pop() {
                if seen.insert(next) {
                    waiting.extend(&reaches[next]);
                }
            }
            seen.remove(member);
            (name_of[member].to_owned(), seen.into_iter().map(|id| name_of[id].to_owned()).collect())
        })
        .collect()
}

#[test]
fn only_the_local_binary_links_the_warehouse_and_no_lambda_links_datafusion() {
    for (name, tree) in trees() {
        if !["snowgate", "warehouse"].contains(&name.as_str()) {
            assert!(!tree.contains("warehouse"), "`{name}` links the embedded warehouse");
            let found = tree.iter().find(|dependency| dependency.starts_with("datafusion"));
            assert_eq!(found, None, "`{name}` links DataFusion");
        }
    }
}

#[test]
fn a_crate_is_named_for_what_it_is() {
    for name in members().keys() {
        let parts: Vec<&str> = name.split(['-', '_']).collect();
        for word in ["utils", "util", "common", "types", "helpers", "helper", "shared", "misc"] {
            assert!(!parts.contains(&word), "`{name}` says nothing");
        }
    }
}

fn manifests() -> Vec<(PathBuf, toml::Table)> {
    let metadata = metadata(&["--no-deps"]);
    let packages = metadata["packages"].as_array().unwrap().iter();
    let paths = packages.map(|package| PathBuf::from(package["manifest_path"].as_str().unwrap()));
    paths.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap().parse().unwrap())).collect()
}

#[test]
fn every_crate_has_the_workspaces_lints() {
    for (path, manifest) in manifests() {
        let lints =
            manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        assert_eq!(lints, Some(true), "{}", path.display());
    }
}

#[test]
fn every_version_is_chosen_once() {
    for (path, manifest) in manifests() {
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, dependency) in
                manifest.get(table).and_then(toml::Value::as_table).into_iter().flatten()
            {
                let version = dependency.as_str().or_else(|| dependency.get("version")?.as_str());
                assert_eq!(version, None, "{}: `{name}` belongs into the workspace's list", path.display());
            }
        }
    }
}

/// What is banned where a reply ends the right to work (invariant I10).
const SPAWNING: [&str; 5] = [
    "tokio::spawn",
    "tokio::task::spawn",
    "tokio::task::spawn_local",
    "tokio::task::JoinSet::spawn",
    "std::thread::spawn",
];

/// The crates whose code runs under a request, below `root`.
const BOUND: [&str; 17] = [
    "crates/gateway",
    "functions/approval",
    "functions/approval/lambda",
    "functions/authorizer",
    "functions/authorizer/lambda",
    "functions/evidence",
    "functions/evidence/lambda",
    "functions/query",
    "functions/query/lambda",
    "functions/work",
    "functions/work/lambda",
    "functions/seal",
    "functions/seal/lambda",
    "functions/index",
    "functions/index/lambda",
    "functions/sessions",
    "functions/sessions/lambda",
];

#[test]
fn the_lints_ban_work_behind_a_reply() {
    let bans = |path: &Path| -> BTreeMap<String, String> {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let table: toml::Table = text.parse().unwrap();
        let methods = table["disallowed-methods"].as_array().unwrap().iter();
        let text = |ban: &toml::Value, key: &str| ban[key].as_str().unwrap().to_owned();
        methods.map(|ban| (text(ban, "path"), text(ban, "reason"))).collect()
    };
    let everywhere = bans(&root().join("clippy.toml"));
    for folder in BOUND {
        // Clippy reads the nearest file alone, in the crate's folder or above, so it must repeat what holds everywhere.
        let folder = root().join(folder);
        let nearest = folder.ancestors().map(|above| above.join("clippy.toml")).find(|file| file.is_file());
        let nearest = nearest.unwrap();
        let here = bans(&nearest);
        for (path, reason) in &everywhere {
            assert_eq!(here.get(path), Some(reason), "{} must ban {path} like the root's", nearest.display());
        }
        for path in SPAWNING {
            assert!(here.contains_key(path), "{} must ban {path}", nearest.display());
        }
    }
}

#[test]
fn no_request_leaves_work_behind() {
    for folder in BOUND {
        for file in sources(&root().join(folder).join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            // Tests may do more; they stand at the end of their files.
            let code = text.split("#[cfg(test)]").next().unwrap();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let spawns = [
                    "tokio::spawn",
                    "task::spawn(",
                    "spawn_local(",
                    "JoinSet",
                    "thread::spawn",
                    "Handle::spawn",
                    ".spawn(",
                ];
                for word in spawns {
                    assert!(!line.contains(word), "{}: {line}", file.display());
                }
            }
        }
    }
}

pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// What is built of one selection of packages: each with its features.
fn built(selection: &[&str]) -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p} {f}"]);
    let output = command.args(selection).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter(|line| !line.contains('(') || line.contains("(proc-macro)"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn running_and_testing_build_the_same_crates() {
    let run = built(&["--package", "snowgate", "--edges", "normal,build"]);
    let tested = built(&["--workspace", "--edges", "normal,build,dev"]);
    let only_run: Vec<&String> = run.difference(&tested).collect();
    assert!(run.len() > 300, "{} packages", run.len());
    assert!(
        only_run.is_empty(),
        "whoever runs after testing would build these again, and all that needs them: {only_run:?}"
    );
}
