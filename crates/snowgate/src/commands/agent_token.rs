//! `snowgate agent token`: an access token for a program that has no browser.
//!
//! SECURITY: the client's secret comes by a variable, a file or standard input; the token goes to standard output, and into a
//! file only when one is named. Neither stands in an error, and what the issuer writes reaches the terminal without anything
//! that steers it.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use domain::Timestamp;
use gateway::ports::Clock;
use local::SystemClock;
use oidc::{DeviceBegun, Granted, TokenClient, TokenWanted};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Broken, printable};
use crate::cli::GetTokenArgs;

/// Where the client's secret is, unless it is said otherwise.
const SECRET: &str = "SNOWGATE_CLIENT_SECRET";

/// Bytes of a secret at most.
const LONGEST_SECRET: u64 = 8 * 1024;

/// A kept token that ends sooner is not printed any more: whoever asked has yet to use it.
const MARGIN: Duration = Duration::from_secs(60);

/// How long a token is kept where the issuer does not say.
const LIFE: Duration = Duration::from_secs(5 * 60);

/// Gets one, or prints the one that is kept.
pub fn run(args: &GetTokenArgs) -> Result<ExitCode, Broken> {
    let secret = secret(args)?;
    if args.client_credentials && secret.is_none() {
        return Err(Broken::usage(format!(
            "--client-credentials needs the client's secret: in {SECRET}, or by --secret-file or --secret-stdin"
        )));
    }
    let client = TokenClient::new(&args.issuer, &args.client_id, secret)
        .map_err(|error| Broken::usage(error.to_string()))?;
    let wanted = TokenWanted {
        scope: args.scope.clone(),
        resource: args.resource.clone(),
        audience: args.audience.clone(),
    };
    let kept = match &args.cache {
        Some(path) => Kept::read(path)?.filter(|kept| kept.is_for(args)),
        None => None,
    };
    let now = SystemClock.now();
    if let Some(kept) = &kept
        && kept.is_good(now)
    {
        return Ok(print(&kept.access_token, args.headers));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let granted = runtime.block_on(get(args, &client, &wanted, kept))?;
    if let Some(path) = &args.cache {
        Kept::of(args, &granted, SystemClock.now()).write(path)?;
    }
    Ok(print(&granted.access_token, args.headers))
}

async fn get(
    args: &GetTokenArgs,
    client: &TokenClient,
    wanted: &TokenWanted,
    kept: Option<Kept>,
) -> Result<Granted, Broken> {
    if let Some(refresh_token) = kept.and_then(|kept| kept.refresh_token) {
        // One that is not good any more is nobody's fault: it is begun again.
        if let Ok(granted) = client.refresh(&refresh_token, wanted).await {
            return Ok(granted);
        }
    }
    if args.client_credentials {
        return Ok(client.client_credentials(wanted).await?);
    }
    let begun = client.begin_device(wanted).await?;
    tell(&begun);
    Ok(client.end_device(&begun, wanted).await?)
}

/// What a person has to do. Standard output is for the token alone.
fn tell(begun: &DeviceBegun) {
    let place = begun.verification_uri_complete.as_ref().unwrap_or(&begun.verification_uri);
    eprintln!(
        "Open {} and confirm the code {} within {} minutes.",
        printable(place).replace('\n', " "),
        printable(&begun.user_code).replace('\n', " "),
        begun.expires_in.as_secs().div_ceil(60)
    );
}

fn print(access_token: &str, headers: bool) -> ExitCode {
    if headers {
        say!("{}", json!({ "Authorization": format!("Bearer {access_token}") }));
    } else {
        say!("{access_token}");
    }
    ExitCode::SUCCESS
}

/// The client's secret; none for a public client.
fn secret(args: &GetTokenArgs) -> Result<Option<String>, Broken> {
    let read = |from: &mut dyn Read| -> Result<Option<String>, Broken> {
        let mut text = String::new();
        from.take(LONGEST_SECRET).read_to_string(&mut text)?;
        // An editor ends a file with a line feed, and `echo` does.
        Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
    };
    let secret = match (&args.secret_file, args.secret_stdin) {
        (Some(path), _) => {
            let mut file = fs::File::open(path)
                .map_err(|error| Broken::new(format!("{} cannot be read: {error}", path.display())))?;
            read(&mut file)?
        }
        (None, true) => read(&mut std::io::stdin().lock())?,
        (None, false) => settings::variable(SECRET)?.filter(|secret| !secret.is_empty()),
    };
    match secret.as_deref() {
        Some("") => Err(Broken::usage("the client's secret is empty")),
        Some(_) | None => Ok(secret),
    }
}

/// A token in a file: JSON of this type, readable for its owner alone.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// 1.
    v: u32,
    issuer: String,
    client_id: String,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    resource: Option<String>,
    #[serde(default)]
    audience: Option<String>,
    access_token: String,
    /// When it ends, RFC 3339.
    expires: String,
    #[serde(default)]
    refresh_token: Option<String>,
}

impl Kept {
    fn of(args: &GetTokenArgs, granted: &Granted, now: Timestamp) -> Self {
        Self {
            v: 1,
            issuer: args.issuer.clone(),
            client_id: args.client_id.clone(),
            scope: args.scope.clone(),
            resource: args.resource.clone(),
            audience: args.audience.clone(),
            access_token: granted.access_token.clone(),
            expires: now.after(granted.expires_in.unwrap_or(LIFE)).to_string(),
            refresh_token: granted.refresh_token.clone(),
        }
    }

    /// A token that was asked for otherwise is another one.
    fn is_for(&self, args: &GetTokenArgs) -> bool {
        let Self {
            v: _,
            issuer,
            client_id,
            scope,
            resource,
            audience,
            access_token: _,
            expires: _,
            refresh_token: _,
        } = self;
        (issuer, client_id, scope, resource, audience)
            == (&args.issuer, &args.client_id, &args.scope, &args.resource, &args.audience)
    }

    fn is_good(&self, now: Timestamp) -> bool {
        self.expires.parse::<Timestamp>().is_ok_and(|end| end.since(now) > MARGIN)
    }

    /// What is kept there; none when there is no such file, or it is of another version.
    fn read(path: &Path) -> Result<Option<Self>, Broken> {
        let broken = |what: &str| Broken::new(format!("{}: {what}", path.display()));
        let metadata = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        // SECURITY: what others may read or write is neither a secret nor ours.
        if !metadata.is_file() || metadata.permissions().mode() & 0o077 != 0 || metadata.nlink() != 1 {
            return Err(broken(
                "a kept token is a file that its owner alone may read: delete it, or chmod 600",
            ));
        }
        let text = fs::read_to_string(path)?;
        Ok(serde_json::from_str::<Self>(&text).ok().filter(|kept| kept.v == 1))
    }

    /// Written beside it and put in its place, so that nobody reads half of it.
    fn write(&self, path: &Path) -> Result<(), Broken> {
        let name = path.file_name().ok_or_else(|| Broken::usage("--cache names no file"))?;
        let beside = path.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        // SECURITY: a file that is there already is somebody else's.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        let written = serde_json::to_writer(&mut file, self)
            .map_err(std::io::Error::from)
            .and_then(|()| file.flush())
            .and_then(|()| fs::rename(&beside, path));
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        Ok(written?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> GetTokenArgs {
        GetTokenArgs {
            issuer: "https://login.example".into(),
            client_id: "claude".into(),
            device: true,
            client_credentials: false,
            scope: Some("sql:read".into()),
            resource: None,
            audience: None,
            secret_file: None,
            secret_stdin: false,
            headers: false,
            cache: None,
        }
    }

    fn granted() -> Granted {
        let expires_in = Some(Duration::from_secs(600));
        Granted { access_token: "hunter2".into(), expires_in, refresh_token: None }
    }

    #[test]
    fn a_kept_token_is_its_owners_alone_and_good_for_what_it_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        assert!(Kept::read(&path).unwrap().is_none());
        let now = Timestamp::from_micros(1_764_000_000_000_000);
        Kept::of(&args(), &granted(), now).write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        let kept = Kept::read(&path).unwrap().unwrap();
        assert!(kept.is_for(&args()) && kept.is_good(now));
        assert!(!kept.is_good(now.after(Duration::from_secs(545))));
        assert!(!kept.is_for(&GetTokenArgs { scope: None, ..args() }));
        assert!(!kept.is_for(&GetTokenArgs { resource: Some("https://gw.example/mcp".into()), ..args() }));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let told = Kept::read(&path).map(|_| ()).unwrap_err().to_string();
        assert!(told.contains("chmod 600") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn what_is_there_and_is_no_kept_token_is_not_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
        file.write_all(b"{\"v\":2}").unwrap();
        assert!(Kept::read(&path).unwrap().is_none());
        assert!(Kept::read(folder.path()).is_err(), "a folder");
    }
}
