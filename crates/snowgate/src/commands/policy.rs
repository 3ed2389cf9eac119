//! `snowgate policy check DIR` and `snowgate policy init DIR`.

use std::path::Path;
use std::process::ExitCode;

use policy::Bundle;

use super::Broken;

/// Says what is wrong with a bundle, and where.
pub fn check(dir: &Path) -> Result<ExitCode, Broken> {
    match Bundle::parse(&local::bundle_files(dir)?) {
        Ok(bundle) => {
            println!("{} is a good bundle: {}", dir.display(), bundle.digest());
            println!("next: snowgate serve --policies {}", dir.display());
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            for problem in &problems {
                println!("{problem}");
            }
            let plural = if problems.len() == 1 { "" } else { "s" };
            Err(Broken::new(format!(
                "{} problem{plural}; nothing is decided by a bundle that has any",
                problems.len()
            )))
        }
    }
}

/// The bundle in a folder, for a command that decides by it.
pub fn bundle(dir: &Path) -> Result<Bundle, Broken> {
    Bundle::parse(&local::bundle_files(dir)?).map_err(|problems| {
        let problems: Vec<String> = problems.iter().take(10).map(ToString::to_string).collect();
        Broken::new(format!(
            "the policy bundle is not good:\n  {}\nnext: snowgate policy check {}",
            problems.join("\n  "),
            dir.display()
        ))
    })
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
        println!("wrote {}", path.display());
    }
    println!("next: edit them, then: snowgate policy check {}", dir.display());
    Ok(ExitCode::SUCCESS)
}
