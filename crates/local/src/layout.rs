//! Where what lies in a home.

use std::path::{Path, PathBuf};

use domain::{ExchangeId, SessionId, Timestamp};
use gateway::Origin;
use recording::{ObjectKind, RecordKey};

/// The folders of a home:
///
/// | path | holds |
/// | --- | --- |
/// | `records/v1/dt=<day>/<session>/<n>.opening.json`, `.approval-0000.json` …, `.evidence-0000.json` …, `.closing.json` | openings, steps of approvals, late evidence, closings |
/// | `pages/v1/…/<n>.part-0000.page-000000` | pages of masked rows |
/// | `sealed/v1/…/<n>.sealed` | exact texts, encrypted |
/// | `standing/<session>-<number>` | where standing approvals lie (`.standing-0000.json` … among the records) |
/// | `looks/v1/dt=<day>/<moment>-<look>.json` | who has looked at the recordings over HTTP, and at what |
/// | `access/<SHA-256 of a principal>/<end>-<session>-<number>` | where leave to read lies that was granted and has not ended |
/// | `state.db` (with `-wal`, `-shm`) | what is under way: sessions, handles, leases, budgets, revocations; evidence that waits for its statement, sealed |
/// | `keys/master` | 32 random bytes, made at first start |
/// | `keys/sessions/<session>` | the session's sealing key, wrapped under the master key |
/// | `tmp/` | files on their way to their name |
///
/// Folders have mode 0700, files 0600. Objects are written once and never changed; deleting `keys/sessions/<session>`
/// erases the exact texts of that session and nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn records(&self) -> PathBuf {
        self.root.join("records")
    }

    pub fn pages(&self) -> PathBuf {
        self.root.join("pages")
    }

    pub fn sealed(&self) -> PathBuf {
        self.root.join("sealed")
    }

    pub fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    pub fn session_keys(&self) -> PathBuf {
        self.root.join("keys").join("sessions")
    }

    pub fn master(&self) -> PathBuf {
        self.root.join("keys").join("master")
    }

    pub fn standing(&self) -> PathBuf {
        self.root.join("standing")
    }

    pub fn access(&self) -> PathBuf {
        self.root.join("access")
    }

    pub fn looks(&self) -> PathBuf {
        self.root.join("looks")
    }

    /// The file of a look; none where its key is none that a look has.
    // SECURITY: what names a file has no part that leads elsewhere.
    pub fn look(&self, key: &str) -> Option<PathBuf> {
        let mut parts = key.strip_prefix("looks/v1/dt=")?.split('/');
        let (day, name) = (parts.next()?, parts.next()?);
        let is_plain = |part: &str| {
            part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)) && !part.starts_with('.')
        };
        let is_key = parts.next().is_none() && is_plain(day) && is_plain(name) && name.ends_with(".json");
        is_key.then(|| self.root.join(key))
    }

    pub fn state(&self) -> PathBuf {
        self.root.join("state.db")
    }

    /// The folders, outermost first.
    pub fn folders(&self) -> [PathBuf; 7] {
        [
            self.root.clone(),
            self.records(),
            self.pages(),
            self.sealed(),
            self.temporary(),
            self.keys(),
            self.session_keys(),
        ]
    }

    /// The folder that objects of this kind lie in.
    pub fn objects(&self, kind: ObjectKind) -> PathBuf {
        match kind {
            ObjectKind::Opening
            | ObjectKind::Closing
            | ObjectKind::Approval { .. }
            | ObjectKind::Standing { .. }
            | ObjectKind::Evidence { .. } => self.records(),
            ObjectKind::Page { .. } => self.pages(),
            ObjectKind::Sealed => self.sealed(),
        }
    }

    /// The file of one object; none when the key is not one that may become a path.
    // SECURITY: `RecordKey::day` is any text; only a key that reads back as itself names a file.
    pub fn object(&self, key: &RecordKey, kind: ObjectKind) -> Option<PathBuf> {
        let object = key.object(kind);
        RecordKey::parse(&object)?;
        Some(self.objects(kind).join(object))
    }

    /// The folder of one session's records on one day.
    pub fn session_records(&self, day: &str, session: SessionId) -> PathBuf {
        self.records().join("v1").join(format!("dt={day}")).join(session.to_string())
    }
}

/// The same exchange's key on the days before and after: the number of an exchange is its own on all of them.
pub(crate) fn neighbours(key: &RecordKey) -> Option<[RecordKey; 2]> {
    let noon: Timestamp = format!("{}T12:00:00Z", key.day).parse().ok()?;
    let exchange: ExchangeId = key.exchange;
    let day = |offset: i64| Timestamp::from_micros(noon.as_micros().saturating_add(offset)).day();
    const DAY: i64 = 86_400_000_000;
    Some([RecordKey::new(day(-DAY), exchange), RecordKey::new(day(DAY), exchange)])
}

/// What trouble with objects of this kind is called.
pub(crate) fn origin_of(kind: ObjectKind) -> Origin {
    match kind {
        ObjectKind::Opening
        | ObjectKind::Closing
        | ObjectKind::Approval { .. }
        | ObjectKind::Standing { .. }
        | ObjectKind::Evidence { .. }
        | ObjectKind::Sealed => Origin::Recordings,
        ObjectKind::Page { .. } => Origin::Pages,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_would_leave_the_folder_is_no_path() {
        let layout = Layout::new(Path::new("/home"));
        let exchange: ExchangeId = format!("{}/1", "a".repeat(32)).parse().unwrap();
        for day in ["../../../etc", "2026-11-2", "", "2026-11-23/x"] {
            assert_eq!(layout.object(&RecordKey::new(day, exchange), ObjectKind::Opening), None, "{day}");
        }
        assert!(layout.object(&RecordKey::new("2026-11-23", exchange), ObjectKind::Opening).is_some());
        assert!(layout.look("looks/v1/dt=2026-11-23/20261123T150000000000Z-ab.json").is_some());
        for key in [
            "looks/v1/dt=2026-11-23/../../keys/master.json",
            "looks/v1/dt=../x.json",
            "looks/v1/dt=/.json",
            "looks/v1/dt=2026-11-23/x",
            "looks/v1/dt=2026-11-23",
            "keys/master",
        ] {
            assert_eq!(layout.look(key), None, "{key}");
        }
    }

    #[test]
    fn the_days_around_a_turn_of_the_year_are_its_neighbours() {
        let exchange: ExchangeId = format!("{}/1", "a".repeat(32)).parse().unwrap();
        let days = neighbours(&RecordKey::new("2027-01-01", exchange)).unwrap().map(|key| key.day);
        assert_eq!(days, ["2026-12-31", "2027-01-02"]);
    }
}
