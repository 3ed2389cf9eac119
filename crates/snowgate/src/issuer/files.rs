//! The issuer's folder.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use super::IssuerError;

const KEY: &str = "key.pk8";
const SECRET: &str = "secret";
const URL: &str = "url";
const RESERVED: &str = "reserved-groups";

/// What the folder holds.
pub(super) struct Files {
    /// Where the key lies, for complaints about it.
    pub(super) key_path: String,
    /// PKCS #8.
    pub(super) key: Vec<u8>,
    pub(super) secret: String,
    pub(super) url: String,
    /// Groups that its tokens never carry.
    pub(super) reserved: BTreeSet<String>,
}

/// The files of this home, made where they are missing; `url` is what it now is.
pub(super) fn made(home: &Path, url: &str) -> Result<Files, IssuerError> {
    let folder = home.join("issuer");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|source| failed(&folder, source))?;
    closed(&folder)?;
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map_err(|_| IssuerError::Randomness)?;
    once(&folder, KEY, key.as_ref())?;
    let mut secret = [0_u8; 32];
    rand::fill(&mut secret).map_err(|_| IssuerError::Randomness)?;
    once(&folder, SECRET, hexadecimal(&secret).as_bytes())?;
    let draft = draft(&folder, URL, url.as_bytes())?;
    fs::rename(&draft, folder.join(URL)).map_err(|source| failed(&draft, source))?;
    existing(home)
}

/// The files of this home, which must be there.
pub(super) fn existing(home: &Path) -> Result<Files, IssuerError> {
    let folder = home.join("issuer");
    if !folder.is_dir() {
        return Err(IssuerError::Missing(home.display().to_string()));
    }
    closed(&folder)?;
    let key_path = folder.join(KEY).display().to_string();
    let reserved = match read(&folder, RESERVED) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect(),
        // An earlier version did not write them.
        Err(IssuerError::Missing(_)) => BTreeSet::new(),
        Err(other) => return Err(other),
    };
    let (key, secret, url) = (read(&folder, KEY)?, text(&folder, SECRET)?, text(&folder, URL)?);
    Ok(Files { key_path, key, secret, url, reserved })
}

/// Keeps which groups tokens never carry, for commands that run beside the server.
pub(super) fn reserve(home: &Path, groups: &BTreeSet<String>) -> Result<(), IssuerError> {
    let folder = home.join("issuer");
    let lines: String = groups.iter().flat_map(|group| [group.as_str(), "\n"]).collect();
    let draft = draft(&folder, RESERVED, lines.as_bytes())?;
    fs::rename(&draft, folder.join(RESERVED)).map_err(|source| failed(&draft, source))
}

/// Writes a file unless it exists already; whoever comes second reads what the first wrote.
fn once(folder: &Path, name: &str, content: &[u8]) -> Result<(), IssuerError> {
    let path = folder.join(name);
    if path.exists() {
        return Ok(());
    }
    let draft = draft(folder, name, content)?;
    // A link appears whole or not at all, and never replaces.
    let linked = fs::hard_link(&draft, &path);
    fs::remove_file(&draft).map_err(|source| failed(&draft, source))?;
    match linked {
        Err(source) if source.kind() != ErrorKind::AlreadyExists => Err(failed(&path, source)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a whole file under a name of its own.
fn draft(folder: &Path, name: &str, content: &[u8]) -> Result<PathBuf, IssuerError> {
    let mut unique = [0_u8; 8];
    rand::fill(&mut unique).map_err(|_| IssuerError::Randomness)?;
    let path = folder.join(format!(".{name}.{}", hexadecimal(&unique)));
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|source| failed(&path, source))?;
    Ok(path)
}

fn text(folder: &Path, name: &str) -> Result<String, IssuerError> {
    let damaged = || IssuerError::Damaged(folder.join(name).display().to_string());
    let text = String::from_utf8(read(folder, name)?).map_err(|_| damaged())?;
    let text = text.trim_end();
    // SECURITY: an empty secret would be anybody's.
    if text.is_empty() || (name == SECRET && text.len() < 32) { Err(damaged()) } else { Ok(text.to_owned()) }
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, IssuerError> {
    let path = folder.join(name);
    match closed(&path) {
        Err(IssuerError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {
            Err(IssuerError::Missing(folder.display().to_string()))
        }
        Err(other) => Err(other),
        Ok(()) => fs::read(&path).map_err(|source| failed(&path, source)),
    }
}

/// Fails where anybody else could have read or changed what lies there.
fn closed(path: &Path) -> Result<(), IssuerError> {
    let metadata = fs::metadata(path).map_err(|source| failed(path, source))?;
    if metadata.mode() & 0o077 == 0 { Ok(()) } else { Err(IssuerError::Exposed(path.display().to_string())) }
}

fn failed(path: &Path, source: io::Error) -> IssuerError {
    IssuerError::File { path: path.display().to_string(), source }
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
