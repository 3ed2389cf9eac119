//! What would not work of a deployment on AWS, said before it: the parameters of `template.yaml`, as `samconfig.toml` keeps them.
//!
//! Nothing here calls AWS. What only the account knows (quotas, whose subscription is confirmed) is told as what to look at.

mod around;
mod checks;
mod issuers;
mod limits;
mod parameters;
mod rehearsal;
mod sizes;
mod tokens;

use std::path::Path;
use std::process::ExitCode;

use crate::commands::Broken;

pub use parameters::Parameters;

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "samconfig.toml";

/// Whether the issuers are asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// They are.
    Ask,
    /// Nobody is.
    Nobody,
}

/// What is found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// It would not work: the parameter, and what to say instead.
    Wrong(&'static str, String),
    /// It would work, and perhaps not as it is meant.
    Attention(&'static str, String),
}

/// Says what would not work.
pub fn check(file: Option<&Path>, environment: &str, reach: Reach) -> Result<ExitCode, Broken> {
    let path = file.unwrap_or(Path::new(DEFAULT_FILE));
    let text = std::fs::read_to_string(path).map_err(|error| {
        Broken::new(format!(
            "{} cannot be read: {error}; next: sam deploy --guided (it keeps what you say there), or name it by --config",
            path.display()
        ))
    })?;
    let told = Parameters::read(&text, environment)
        .map_err(|problem| Broken::new(format!("{}: {problem}", path.display())))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let programs = settings::variable("PATH")?.unwrap_or_default();
    let mut findings = checks::all(&told, folder, &programs);
    if reach == Reach::Ask {
        findings.extend(issuers::ask(&told)?);
    }
    say!("file      {} ({environment})", path.display());
    let mut wrong = 0_u64;
    for finding in &findings {
        match finding {
            Finding::Wrong(parameter, problem) => {
                wrong += 1;
                say!("{parameter}: {problem}");
            }
            Finding::Attention(parameter, problem) => say!("ATTENTION: {parameter}: {problem}"),
        }
    }
    if wrong > 0 {
        let counted = crate::commands::counted(wrong, "parameter");
        return Err(Broken::new(format!("{counted} would not work; mend them in {}", path.display())));
    }
    match reach {
        Reach::Ask => say!("good; next: sam build && sam deploy"),
        Reach::Nobody => say!(
            "good, as far as is seen from here (--reach asks the issuers); next: sam build && sam deploy"
        ),
    }
    Ok(ExitCode::SUCCESS)
}
