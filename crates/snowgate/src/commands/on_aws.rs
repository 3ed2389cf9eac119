//! What `snowgate-aws` does: this program links no AWS SDK, so it hands over.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use super::Broken;

/// The program.
const NAME: &str = "snowgate-aws";

/// Runs it with the arguments of this program, and ends as it does.
pub fn run() -> Result<ExitCode, Broken> {
    let program = beside().or_else(on_path).ok_or_else(|| {
        Broken::new(format!(
            "this is done by `{NAME}`, which is neither beside this program nor on the PATH; \
             next: cargo install --locked --path crates/operator (in the sources), or copy it here"
        ))
    })?;
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let status = Command::new(&program)
        .args(arguments)
        .status()
        .map_err(|error| Broken::new(format!("{} does not start: {error}", program.display())))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    // Ended by a signal: nobody knows how far it came.
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn beside() -> Option<PathBuf> {
    let own = env::current_exe().ok()?;
    program_in(own.parent()?)
}

fn on_path() -> Option<PathBuf> {
    let path = settings::variable("PATH").ok().flatten()?;
    // SECURITY: no relative folder, or whoever can write where one stands would be run with one's credentials.
    env::split_paths(&path).filter(|folder| folder.is_absolute()).find_map(|folder| program_in(&folder))
}

fn program_in(folder: &Path) -> Option<PathBuf> {
    let path = folder.join(format!("{NAME}{}", env::consts::EXE_SUFFIX));
    path.is_file().then_some(path)
}
