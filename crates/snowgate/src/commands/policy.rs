//! `snowgate policy check DIR` and `snowgate policy init DIR`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use policy::Bundle;

use super::{Broken, counted};

/// Says what is wrong with a bundle, and where.
pub fn check(dir: &Path) -> Result<ExitCode, Broken> {
    match Bundle::parse(&files(dir)?) {
        Ok(bundle) => {
            say!("{} is a good bundle: {}", dir.display(), bundle.digest());
            // A bundle may look for less than the detectors would: whoever reviews it should see that at once.
            for weakness in bundle.detectors().weaknesses() {
                say!("weaker: {weakness}");
            }
            say!("next: snowgate serve --policies {}", dir.display());
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            for problem in &problems {
                say!("{problem}");
            }
            Err(Broken::new(format!(
                "{}; nothing is decided by a bundle that has any; next: mend it, then: snowgate policy check {}",
                counted(problems.len() as u64, "problem"),
                dir.display()
            )))
        }
    }
}

/// The bundle in a folder, for a command that decides by it.
pub fn bundle(dir: &Path) -> Result<Bundle, Broken> {
    Bundle::parse(&files(dir)?).map_err(|problems| {
        let problems: Vec<String> = problems.iter().take(10).map(ToString::to_string).collect();
        Broken::new(format!(
            "the policy bundle is not good:\n  {}\nnext: snowgate policy check {}",
            problems.join("\n  "),
            dir.display()
        ))
    })
}

/// The files of a bundle that somebody has named, of which there is at least one.
fn files(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>, Broken> {
    let none = |what: &str| {
        let dir = dir.display();
        Broken::new(format!(
            "{what} `{dir}`; next: snowgate policy init {dir} (the built-in bundle, to start from)"
        ))
    };
    if !dir.exists() {
        return Err(none("there is no folder"));
    }
    let files = local::bundle_files(dir)?;
    if files.is_empty() { Err(none("there is no policy bundle in")) } else { Ok(files) }
}

/// Writes the built-in bundle, to start from.
pub fn init(dir: &Path) -> Result<ExitCode, Broken> {
    let files = policy::default_files();
    for name in files.keys() {
        if dir.join(name).exists() {
            return Err(Broken::new(format!(
                "{} exists already; name another folder",
                dir.join(name).display()
            )));
        }
    }
    for (name, bytes) in &files {
        let path = dir.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, bytes)?;
        say!("wrote {}", path.display());
    }
    say!("next: edit them, then: snowgate policy check {}", dir.display());
    Ok(ExitCode::SUCCESS)
}
