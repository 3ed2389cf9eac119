//! `snowgate agent token`: an access token for a program that has no browser.
//!
//! SECURITY: the client's secret comes by a variable, a file or standard input; the token goes to standard output, and into a
//! file only when one is named. Neither stands in an error, and what the issuer writes reaches the terminal without anything
//! that steers it.

mod kept;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use gateway::ports::Clock;
use local::SystemClock;
use oidc::{DeviceBegun, GrantError, Granted, INVALID_GRANT, TokenClient, TokenWanted};
use serde_json::json;

use self::kept::{Kept, Turn};
use super::{Broken, printable};
use crate::cli::GetTokenArgs;

/// Where the client's secret is, unless it is said otherwise.
pub(super) const SECRET: &str = "SNOWGATE_CLIENT_SECRET";

/// How long another program that gets the same token is waited for: clients give up after ten seconds.
const PATIENCE: Duration = Duration::from_secs(8);

/// Bytes of a secret at most.
const LONGEST_SECRET: u64 = 8 * 1024;

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
    let granted = match &args.cache {
        None => block_on(get(args, &client, &wanted, None))?,
        Some(path) => {
            if let Some(kept) = good(path, args)? {
                return Ok(print(&kept.access_token, args.headers));
            }
            let waits = || {
                eprintln!("Another program gets this token at the moment; waiting for it.");
            };
            match Turn::take(path, PATIENCE, waits) {
                Ok(turn) => return get_and_keep(args, &client, &wanted, (path, &turn)),
                // A second sign-in beside the first would be in its way.
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                    return Err(Broken::new(format!(
                        "another program is getting this token, or holds the lock beside {}; call again in a moment",
                        path.display()
                    )));
                }
                Err(error) => {
                    warn_unkept(path, &error);
                    // Without a place for the next refresh token the one that is kept is not used up.
                    block_on(get(args, &client, &wanted, None))?
                }
            }
        }
    };
    Ok(print(&granted.access_token, args.headers))
}

/// The same while nobody else does: whoever had to wait may find it there.
fn get_and_keep(
    args: &GetTokenArgs,
    client: &TokenClient,
    wanted: &TokenWanted,
    (path, turn): (&Path, &Turn),
) -> Result<ExitCode, Broken> {
    if let Some(kept) = good(path, args)? {
        return Ok(print(&kept.access_token, args.headers));
    }
    let kept = Kept::read(path)?.filter(|kept| kept.is_for(args));
    let refresh_token = kept.and_then(|kept| kept.refresh_token);
    let granted = block_on(get(args, client, wanted, refresh_token))?;
    // Printed whatever comes of keeping it: a refresh token may have been used up for it.
    let printed = print(&granted.access_token, args.headers);
    if let Err(error) = turn.write(&Kept::of(args, &granted, SystemClock.now())) {
        warn_unkept(path, &error);
    }
    Ok(printed)
}

/// The token that is kept there, as long as it is good.
fn good(path: &Path, args: &GetTokenArgs) -> Result<Option<Kept>, Broken> {
    let now = SystemClock.now();
    Ok(Kept::read(path)?.filter(|kept| kept.is_for(args) && kept.is_good(now)))
}

fn warn_unkept(path: &Path, error: &std::io::Error) {
    eprintln!("The token is not kept: {}: {error}", path.display());
}

fn block_on(getting: impl Future<Output = Result<Granted, Broken>>) -> Result<Granted, Broken> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(getting)
}

async fn get(
    args: &GetTokenArgs,
    client: &TokenClient,
    wanted: &TokenWanted,
    refresh_token: Option<String>,
) -> Result<Granted, Broken> {
    if args.client_credentials {
        return Ok(client.client_credentials(wanted).await?);
    }
    if let Some(refresh_token) = refresh_token {
        match client.refresh(&refresh_token, wanted).await {
            // One that is not good any more is nobody's fault: a person is asked again. What else goes wrong passes, or is to be
            // mended, and no person helps.
            Err(GrantError::Refused(INVALID_GRANT)) => {}
            refreshed => return Ok(refreshed?),
        }
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
        from.take(LONGEST_SECRET + 1).read_to_string(&mut text)?;
        if text.len() as u64 > LONGEST_SECRET {
            return Err(Broken::usage(format!("the client's secret is longer than {LONGEST_SECRET} bytes")));
        }
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
