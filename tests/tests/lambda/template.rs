//! Each function's own binary, told what `template.yaml` tells it and nothing else.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::functions;

/// How long a function may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The variables of each function.
type Variables = BTreeMap<String, BTreeMap<String, String>>;

/// The variables of each function by who looks at tokens first, as `tests/template/variables.py` reads them of the template.
fn variables() -> BTreeMap<String, Variables> {
    let root = functions::root();
    let script = root.join("tests/template/variables.py");
    let told = Command::new(root.join(".tools/python/bin/python")).arg("-B").arg(script).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    serde_json::from_slice(&told.stdout).unwrap()
}

/// Starts a function, until it asks Lambda for its first event or ends; what it has asked for, else what it has said.
fn started(name: &str, told: &BTreeMap<String, String>) -> Result<String, String> {
    let lambda = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = lambda.local_addr().unwrap();
    // Where a layer would lie.
    let bundles = functions::root().join("infra/policies").display().to_string();
    let told = told.iter().map(|(name, value)| (name, value.replace("/opt", &bundles)));
    let mut function = Command::new(functions::built().join(name))
        .env_clear()
        .env("AWS_LAMBDA_FUNCTION_NAME", name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI-secret")
        .envs(told)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    lambda.set_nonblocking(true).unwrap();
    let begun = std::time::Instant::now();
    let found = loop {
        if let Ok((stream, _)) = lambda.accept() {
            stream.set_nonblocking(false).unwrap();
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).unwrap();
            break Ok(line);
        }
        if function.try_wait().unwrap().is_some() {
            break Err(());
        }
        assert!(begun.elapsed() < PATIENCE, "{name} neither starts nor ends");
        std::thread::sleep(Duration::from_millis(20));
    };
    let _ = function.kill();
    let output = function.wait_with_output().unwrap();
    found.map_err(|()| String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn every_function_starts_with_what_the_template_tells_it() {
    if !crate::children::is_here("python3") {
        functions::say("!! SKIPPED: no `python3`, so no function was started with the template's variables");
        return;
    }
    let variables = variables();
    let always = ["approval", "evidence", "index", "query", "seal", "sessions", "work"];
    assert!(variables["jwt"].keys().eq(always));
    let more = variables["lambda"].keys().filter(|name| !always.contains(&name.as_str()));
    assert!(more.eq(["authorizer"]));
    // Those of the doors differ by their issuers alone, so one round goes over everything else.
    for name in ["query", "evidence"] {
        started(name, &variables["jwt"][name]).unwrap_or_else(|said| panic!("{said}"));
    }
    for (name, told) in &variables["saml"] {
        started(name, told).unwrap_or_else(|said| panic!("{said}"));
    }
    let variables = &variables["lambda"];
    for (name, told) in variables {
        let asked = started(name, told).unwrap_or_else(|said| panic!("{said}"));
        assert!(asked.starts_with("GET /2018-06-01/runtime/invocation/next"), "{name}: {asked}");
        // A bundle that was pushed is no folder: it is looked for when something is to be decided.
        for pushed in ["pushed", "pushed-by-one"] {
            let mut instead = told.clone();
            instead.insert("SNOWGATE_POLICIES".to_owned(), pushed.to_owned());
            started(name, &instead).unwrap_or_else(|said| panic!("{pushed}: {said}"));
        }
        // Of another's settings it knows none.
        for (other, theirs) in variables.iter().filter(|(other, _)| *other != name) {
            // Where everything lies everybody may be told.
            let is_foreign = |key: &str| !told.contains_key(key) && !key.starts_with("SNOWGATE_AWS__");
            let Some(foreign) = theirs.iter().find(|(key, _)| is_foreign(key)) else { continue };
            let mut more = told.clone();
            more.insert(foreign.0.clone(), foreign.1.clone());
            let said = started(name, &more).unwrap_err();
            let key = foreign.0.trim_start_matches("SNOWGATE_").split("__").next().unwrap().to_lowercase();
            assert!(
                said.contains(&format!("unknown field `{key}`")),
                "{name} and a setting of {other}: {said}"
            );
        }
    }
}
