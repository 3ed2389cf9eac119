//! The ports of `gateway`, answered by one folder.
//!
//! A [`Home`] holds recordings, pages and sealed texts as plain files, the state of what is under way in one SQLite
//! file, and the keys. It is a product, not a mock: every write that must be durable is synced before it returns,
//! every conditional write is atomic, and several processes may use one home at once (a gateway and `snowgate revoke`;
//! that only one gateway serves it is for whoever starts one to see to). [`Records`] reads a home's recordings without touching anything else; [`FolderPolicies`] holds
//! a policy bundle; [`SystemClock`] and [`RandomIds`] are this machine's time and randomness.
//!
//! The crate refuses to know what a statement is, what was decided and what a record tells, but for what finds a
//! lost exchange again. It runs on Unix: permissions are part of what it promises.
//!
//! ```
//! use domain::SessionId;
//! use local::{Home, Records};
//!
//! let folder = tempfile::tempdir().unwrap();
//! let home = Home::open(&folder.path().join("home")).unwrap();
//! let records = Records::open(home.path()).unwrap();
//! assert_eq!(records.exchanges(SessionId::from_u128(7)).unwrap(), []);
//! ```

mod accesses;
mod approvals;
mod audit;
mod clock;
mod disk;
mod error;
mod evidence;
mod exchanges;
mod home;
mod keys;
mod layout;
mod notifier;
mod policies;
mod reconcile;
mod recorder;
mod records;
mod standings;
mod state;
mod write_once;

pub use clock::{RandomIds, SystemClock};
pub use error::HomeError;
pub use home::{
    Home, Rejections, ReviewersClient, Revocation, RevocationAct, ServedPolicies, Serving, SignInRules,
};
pub use notifier::{Mail, MailError, MailSettings, MailTls, Terminal};
pub use policies::{FolderPolicies, bundle_files};
pub use reconcile::Reconciled;
pub use records::{Found, HomeArchive, Known, Listed, Listing, Objects, Records};
