//! Each forgery fails to compile, and for the reason that stands beside it (invariant I3).
//!
//! A `compile_fail` doctest is content with any error: a renamed type, a missing import. Here each file in `forgeries/`
//! is one attempt, and `NAME.expected` holds every error that the compiler must find in it: code, line, words. The
//! compiler runs straight on the crates that were built for this very test, so that nothing is compiled twice and no
//! network is needed. When words change, read the difference; the test says how to take it over.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "everything here is a test, also what they share"
)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forgeries")
}

/// The library `proofs` that this test was built with: the newest that lies beside it. It hands on the crates that a
/// forgery may use, each as it was built for it.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let files = fs::read_dir(test.parent().unwrap()).unwrap().map(|entry| entry.unwrap());
    let libraries = files.filter(|entry| {
        let name = entry.file_name().into_string().unwrap();
        name.starts_with("libproofs-") && name.ends_with(".rlib")
    });
    let newest = libraries.max_by_key(|entry| entry.metadata().unwrap().modified().unwrap());
    newest.expect("cargo puts a test's library beside it").path()
}

/// What the compiler says about a forgery: an error a line, without what depends on where things lie.
fn errors(forgery: &Path, library: &Path) -> String {
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "--crate-name", "forgery", "--crate-type", "lib", "--emit", "metadata"]);
    rustc.args(["--error-format", "json", "--out-dir", env!("CARGO_TARGET_TMPDIR"), "-"]);
    rustc.arg("-L").arg(format!("dependency={}", library.parent().unwrap().display()));
    rustc.arg("--extern").arg(format!("proofs={}", library.display()));
    let source = format!("use proofs::{{domain, gateway, masking, serde_json}};\ninclude!({forgery:?});\n");
    let mut rustc = rustc.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    rustc.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    let output = rustc.wait_with_output().unwrap();
    let mut told = String::new();
    for line in String::from_utf8(output.stderr).unwrap().lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        let Some(span) = message["spans"].as_array().unwrap().iter().find(|span| span["is_primary"] == true)
        else {
            // The last words ("aborting due to …") have no place.
            continue;
        };
        if message["level"] != "error" {
            continue;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().trim().to_owned();
        let [code, words] = [text(&message["code"]["code"]), text(&message["message"])];
        let [label, source] = [text(&span["label"]), text(&span["text"][0]["text"])];
        told.push_str(&format!("{code}, line {}: {words} ({label})\n    {source}\n", span["line_start"]));
    }
    told
}

#[test]
fn no_proof_can_be_forged() {
    let library = library();
    let mut wrong = Vec::new();
    let accepted = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for entry in fs::read_dir(folder()).unwrap() {
        let forgery = entry.unwrap().path();
        if forgery.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let told = errors(&forgery, &library);
        let name = forgery.file_stem().unwrap().to_string_lossy().into_owned();
        // One of the functions that is no forgery would hide behind another's error.
        let attempts = fs::read_to_string(&forgery).unwrap().matches("fn ").count();
        if told.lines().count() / 2 < attempts {
            wrong.push(format!("{name}: {attempts} attempts and these errors:\n{told}"));
            continue;
        }
        let expected = forgery.with_extension("expected");
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if told != expected {
            fs::write(accepted.join(format!("{name}.expected")), &told).unwrap();
            wrong.push(format!("{name} should be told:\n{expected}and is told:\n{told}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nif these are right: cp {}/*.expected {}",
        wrong.join("\n"),
        accepted.display(),
        folder().display()
    );
}

#[test]
fn every_proof_is_tried_in_every_way() {
    let mut missing: Vec<String> = Vec::new();
    for proof in ["principal", "permit", "masked", "reply"] {
        for way in ["literal", "default", "deserialized", "mutated", "made"] {
            missing.push(format!("{proof}_{way}.rs"));
        }
    }
    missing.retain(|name| !folder().join(name).exists());
    assert!(missing.is_empty(), "{missing:?}");
}
