//! `snowgate policy check DIR` and `snowgate policy init DIR`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use policy::Bundle;

use super::Broken;

/// Says what is wrong with a bundle, and where.
pub fn check(dir: &Path) -> Result<ExitCode, Broken> {
    match Bundle::parse(&read(dir)?) {
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

/// The files of a bundle folder, by relative path with forward slashes; hidden files are left out.
fn read(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>, Broken> {
    let mut files = BTreeMap::new();
    let mut folders = vec![(dir.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .map_err(|error| Broken::new(format!("{} cannot be read: {error}", folder.display())))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            if entry.file_type()?.is_dir() {
                folders.push((entry.path(), format!("{prefix}{name}/")));
            } else {
                files.insert(format!("{prefix}{name}"), std::fs::read(entry.path())?);
            }
        }
    }
    Ok(files)
}
