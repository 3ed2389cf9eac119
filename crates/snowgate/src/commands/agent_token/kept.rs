//! A token in a file: who may read it, whose it is, and that one program at a time gets the next.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use domain::Timestamp;
use oidc::Granted;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::Broken;
use crate::cli::GetTokenArgs;

/// The version that is written.
const VERSION: u32 = 2;

/// A kept token that ends sooner is not printed any more: whoever asked has yet to use it.
const MARGIN: Duration = Duration::from_secs(60);

/// How long a token is kept where the issuer does not say.
const LIFE: Duration = Duration::from_secs(5 * 60);

/// How long it is kept at most, whatever the issuer says.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes of a kept token's file at most.
const LONGEST_FILE: u64 = 256 * 1024;

/// How a token was got: whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    /// A person's, who agreed on another device.
    Device,
    /// The client's own.
    ClientCredentials,
}

impl Way {
    const fn of(args: &GetTokenArgs) -> Self {
        if args.client_credentials { Self::ClientCredentials } else { Self::Device }
    }
}

/// A token in a file: JSON of this type, readable for its owner alone.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// 2.
    v: u32,
    way: Way,
    issuer: String,
    client_id: String,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    resource: Option<String>,
    #[serde(default)]
    audience: Option<String>,
    pub access_token: String,
    /// When it ends, RFC 3339.
    expires: String,
    /// What gets the next one; a person's alone.
    #[serde(default)]
    pub refresh_token: Option<String>,
}

impl Kept {
    pub fn of(args: &GetTokenArgs, granted: &Granted, now: Timestamp) -> Self {
        let way = Way::of(args);
        Self {
            v: VERSION,
            way,
            issuer: args.issuer.clone(),
            client_id: args.client_id.clone(),
            scope: args.scope.clone(),
            resource: args.resource.clone(),
            audience: args.audience.clone(),
            access_token: granted.access_token.clone(),
            expires: now.after(granted.expires_in.unwrap_or(LIFE).min(LONGEST_LIFE)).to_string(),
            refresh_token: granted.refresh_token.clone().filter(|_| way == Way::Device),
        }
    }

    /// A token that was asked for otherwise, or by a person and not by the client, is another one.
    pub fn is_for(&self, args: &GetTokenArgs) -> bool {
        let Self {
            v: _,
            way,
            issuer,
            client_id,
            scope,
            resource,
            audience,
            access_token: _,
            expires: _,
            refresh_token: _,
        } = self;
        (*way, issuer, client_id, scope, resource, audience)
            == (Way::of(args), &args.issuer, &args.client_id, &args.scope, &args.resource, &args.audience)
    }

    pub fn is_good(&self, now: Timestamp) -> bool {
        self.expires.parse::<Timestamp>().is_ok_and(|end| end.since(now) > MARGIN)
    }

    /// What is kept there; none when there is no such file, or it is of another version.
    pub fn read(path: &Path) -> Result<Option<Self>, Broken> {
        let broken = |what: &str| Broken::new(format!("{}: {what}", path.display()));
        let before = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        if !before.is_file() {
            return Err(broken("a kept token is a file: name another one"));
        }
        let file = File::open(path)?;
        // SECURITY: what was opened is looked at, and not what a name means at another moment; what others may read or write, or
        // have made, is neither a secret nor ours.
        let found = file.metadata()?;
        if (found.dev(), found.ino()) != (before.dev(), before.ino()) {
            return Err(broken("it was replaced at this moment"));
        }
        if found.permissions().mode() & 0o077 != 0 || found.nlink() != 1 {
            return Err(broken(
                "a kept token is a file that its owner alone may read: delete it, or chmod 600",
            ));
        }
        if found.uid() != own_uid(path)? {
            return Err(broken("it is another user's: name another file"));
        }
        let mut text = String::new();
        file.take(LONGEST_FILE).read_to_string(&mut text)?;
        // SECURITY: what is no kept token is not written over.
        let is_kept = |found: Value| {
            let is_text = |name: &str| found.get(name).is_some_and(Value::is_string);
            found.get("v").is_some_and(Value::is_u64) && is_text("issuer") && is_text("access_token")
        };
        if !serde_json::from_str(&text).is_ok_and(is_kept) {
            return Err(broken("there is something else than a kept token: name another file"));
        }
        Ok(serde_json::from_str::<Self>(&text).ok().filter(|kept| kept.v == VERSION))
    }
}

/// The user that this program runs as.
fn own_uid(path: &Path) -> io::Result<u32> {
    if let Ok(own) = fs::metadata("/proc/self") {
        return Ok(own.uid());
    }
    // Elsewhere: whoever makes a file has it.
    let probe = beside(path, &format!("uid.{}", std::process::id()))?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&probe)?;
    let uid = made.metadata().map(|made| made.uid());
    fs::remove_file(&probe)?;
    uid
}

fn beside(path: &Path, end: &str) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::other("--cache names no file"))?;
    Ok(path.with_file_name(format!(".{}.{end}", name.to_string_lossy())))
}

/// How often a lock that somebody has is asked for.
const OFTEN: Duration = Duration::from_millis(100);

/// Takes a lock that somebody else has. Whoever may write beside it may hold it for ever.
fn locked(lock: &File, patience: Duration) -> io::Result<()> {
    let until = Instant::now() + patience;
    while Instant::now() < until {
        std::thread::sleep(OFTEN);
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Leave to write what is kept: one program at a time has it, so that no two use the same refresh token.
pub(super) struct Turn {
    path: PathBuf,
    new: PathBuf,
    /// Held until this is dropped.
    _lock: File,
}

impl Turn {
    /// Waits for whoever has it, for so long; `waits` tells so. It has found that it can be written there.
    ///
    /// # Errors
    /// What keeps it from being written there; [`io::ErrorKind::TimedOut`] where somebody has it still.
    pub fn take(path: &Path, patience: Duration, waits: impl FnOnce()) -> io::Result<Self> {
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(beside(path, "lock")?)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waits();
                locked(&lock, patience)?;
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let turn = Self { path: path.to_owned(), new: beside(path, "new")?, _lock: lock };
        turn.make()?;
        Ok(turn)
    }

    /// The file that will be put in its place. What a program that was killed left of it is taken away first.
    fn make(&self) -> io::Result<File> {
        match fs::remove_file(&self.new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        // SECURITY: a file that is there already is somebody else's.
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.new)
    }

    /// Written beside it and put in its place, so that nobody reads half of it.
    pub fn write(&self, kept: &Kept) -> io::Result<()> {
        let mut file = self.make()?;
        serde_json::to_writer(&mut file, kept)?;
        file.flush()?;
        fs::rename(&self.new, &self.path)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Gone where it was put in its place.
        let _ = fs::remove_file(&self.new);
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
        Granted { access_token: "hunter2".into(), expires_in, refresh_token: Some("hunter3".into()) }
    }

    const NOW: Timestamp = Timestamp::from_micros(1_764_000_000_000_000);

    fn write(path: &Path, kept: &Kept) {
        Turn::take(path, Duration::ZERO, || panic!("nobody else has it")).unwrap().write(kept).unwrap();
    }

    #[test]
    fn a_kept_token_is_its_owners_alone_and_good_for_what_it_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        assert!(Kept::read(&path).unwrap().is_none());
        write(&path, &Kept::of(&args(), &granted(), NOW));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "nothing but its lock is left beside it: {names:?}");
        let kept = Kept::read(&path).unwrap().unwrap();
        assert!(kept.is_for(&args()) && kept.is_good(NOW));
        assert!(!kept.is_good(NOW.after(Duration::from_secs(545))));
        assert!(!kept.is_for(&GetTokenArgs { scope: None, ..args() }));
        assert!(!kept.is_for(&GetTokenArgs { resource: Some("https://gw.example/mcp".into()), ..args() }));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let told = Kept::read(&path).map(|_| ()).unwrap_err().to_string();
        assert!(told.contains("chmod 600") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn whoever_holds_the_lock_for_ever_keeps_nobody_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        let mut waited = false;
        let held = Turn::take(&path, Duration::ZERO, || panic!("nobody else has it")).unwrap();
        let taken = Turn::take(&path, Duration::from_millis(1), || waited = true).map(|_| ());
        assert_eq!((taken.unwrap_err().kind(), waited), (io::ErrorKind::TimedOut, true));
        drop(held);
        assert!(Turn::take(&path, Duration::ZERO, || panic!("nobody has it")).is_ok());
    }

    #[test]
    fn a_persons_token_is_not_the_clients_own_and_the_clients_own_is_not_renewed() {
        let device = args();
        let own = GetTokenArgs { device: false, client_credentials: true, ..args() };
        let (persons, machines) = (Kept::of(&device, &granted(), NOW), Kept::of(&own, &granted(), NOW));
        assert!(persons.is_for(&device) && !persons.is_for(&own));
        assert!(machines.is_for(&own) && !machines.is_for(&device));
        assert!(persons.refresh_token.is_some() && machines.refresh_token.is_none());
    }

    #[test]
    fn whatever_an_issuer_says_a_token_is_kept_for_a_day_at_most() {
        let granted = Granted { expires_in: Some(Duration::from_secs(u64::MAX)), ..granted() };
        let kept = Kept::of(&args(), &granted, NOW);
        assert!(kept.is_good(NOW.after(LONGEST_LIFE - MARGIN * 2)));
        assert!(!kept.is_good(NOW.after(LONGEST_LIFE)));
    }

    #[test]
    fn what_is_there_and_is_no_kept_token_is_not_taken_for_one_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        let put = |text: &str| {
            let _ = fs::remove_file(&path);
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        for v in [1, 3] {
            let text = format!(r#"{{"v":{v},"issuer":"x","access_token":"y","more":true}}"#);
            put(text.as_str());
            assert!(Kept::read(&path).unwrap().is_none(), "{text}");
        }
        for text in [
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "",
            "{}",
            "[1]",
            "{\"v\":\"x\"}",
            "{\"v\":2,\"access_token\":\"y\"}",
        ] {
            put(text);
            assert!(Kept::read(&path).is_err(), "{text}");
        }
        assert!(Kept::read(folder.path()).is_err(), "a folder");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(Kept::read(&link).is_err(), "a link");
    }

    #[test]
    fn one_program_at_a_time_gets_the_next_and_one_that_was_killed_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        fs::write(folder.path().join(".token.json.new"), "half of it").unwrap();
        let first = Turn::take(&path, Duration::ZERO, || panic!("nobody else has it")).unwrap();
        let (told, waits) = std::sync::mpsc::channel();
        let second = std::thread::spawn({
            let path = path.clone();
            move || {
                let turn = Turn::take(&path, Duration::from_secs(60), || told.send(()).unwrap()).unwrap();
                let kept = Kept::read(&path).unwrap();
                drop(turn);
                kept.is_some()
            }
        });
        waits.recv().unwrap();
        first.write(&Kept::of(&args(), &granted(), NOW)).unwrap();
        drop(first);
        assert!(second.join().unwrap(), "it finds what the first has got");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_found_before_anybody_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("missing").join("token.json");
        assert!(Turn::take(&nowhere, Duration::ZERO, || ()).is_err());
    }
}
