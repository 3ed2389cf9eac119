//! `snowgate policy check DIR`, `snowgate policy init DIR` and `snowgate policy diff DIR DIR`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use comparison::{Asking, Cases, Side, differences};
use gateway::ports::Clock;
use local::SystemClock;
use policy::{Bundle, Problem};

use super::{Broken, counted, on_aws, schema};
use crate::cli::{DiffArgs, PlaceArgs};

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
    Bundle::parse(&files(dir)?).map_err(|problems| not_good(dir, &problems))
}

fn not_good(dir: &Path, problems: &[Problem]) -> Broken {
    let problems: Vec<String> = problems.iter().take(10).map(ToString::to_string).collect();
    Broken::new(format!(
        "the policy bundle is not good:\n  {}\nnext: snowgate policy check {}",
        problems.join("\n  "),
        dir.display()
    ))
}

/// Shows what differs between two bundles.
pub fn diff(args: &DiffArgs) -> Result<ExitCode, Broken> {
    let (before, after) = (Path::new(&args.before), args.after.as_ref().map(Path::new));
    let (true, Some(after)) = (before.is_dir() && args.stack.is_none(), after.filter(|after| after.is_dir()))
    else {
        return on_aws::run();
    };
    let (before_files, after_files) = (files(before)?, files(after)?);
    let old = Side::parse(&before_files).map_err(|problems| not_good(before, &problems))?;
    let new = Side::parse(&after_files).map_err(|problems| not_good(after, &problems))?;
    let cases = Cases::of_bundles([&old, &new], &asking(args)?);
    let found = differences(&old, &new, &cases, SystemClock.now());
    say!("{} → {}", old.bundle.digest(), new.bundle.digest());
    say!("{}", found.to_string().trim_end());
    Ok(ExitCode::SUCCESS)
}

/// Who asks what, as the options say.
fn asking(args: &DiffArgs) -> Result<Asking, Broken> {
    let DiffArgs {
        before: _,
        after: _,
        schema,
        statements,
        database,
        schema_name,
        role,
        warehouse,
        groups,
        stack: _,
    } = args;
    let place = database.clone().map(|database| (database, schema_name.clone()));
    let catalog = schema
        .as_ref()
        .map(|path| {
            let database = database.clone().ok_or_else(|| {
                Broken::usage("--schema needs --database, the one that its unqualified names are of")
            })?;
            schema::catalog(path, &PlaceArgs { database, schema_name: schema_name.clone() })
        })
        .transpose()?;
    let read = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path)
            .map_err(|error| Broken::new(format!("{} cannot be read: {error}", path.display())))
    };
    Ok(Asking {
        groups: groups.clone(),
        role: role.clone(),
        warehouse: warehouse.clone(),
        place,
        catalog,
        statements: statements.as_ref().map(read).transpose()?,
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
