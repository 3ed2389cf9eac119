//! A gateway over a home in a temporary folder and a scripted Snowflake.

pub mod customers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::{
    Agent, Asked, Catalog, Column, Context, Credential, Digest, Door, Handle, Identity, ObjectName, Person,
    Prompt, PromptGrade, Relation, RelationKind, SqlText, SqlType, Timestamp,
};
use gateway::ports::{
    Catalogs, Clock, Identities, NotAccepted, Notice, Notified, Notifier, Policies, Routine, Upstream,
};
use gateway::{AskError, Fault, Gateway, Ports, Reply, Review, ReviewPorts, Settings, SignIn};
use local::{Home, HomeArchive, RandomIds, Records, SystemClock};
use policy::Bundle;
use recording::{Closing, Event, ObjectKind, Opening, RecordKey, Report};
use snowflake::scripted::Scripted;
use snowflake::{SqlApi, TierCredentials};
use tempfile::TempDir;

/// Nothing here takes longer, or it hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Ends a test that hangs.
pub async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it hangs")
}

/// The machine's time, and as much further as a test has turned it.
#[derive(Default)]
pub struct Time(AtomicI64);

impl Time {
    pub fn turn(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock.now().as_micros() + self.0.load(Ordering::SeqCst))
    }
}

/// Tokens are names: `ana`, `ben`, … each an agent of group `agents` for that person. A token of `NAME.SECONDS` lives
/// for so long from when the house was built.
pub struct Badges {
    built: Timestamp,
}

#[async_trait]
impl Identities for Badges {
    async fn verify(&self, credential: &Credential, now: Timestamp) -> Result<Identity, NotAccepted> {
        let text = credential.reveal();
        let (name, life) = text.split_once('.').unwrap_or((text, "86400000"));
        let is_name = !name.is_empty() && name.len() < 20 && name.bytes().all(|b| b.is_ascii_lowercase());
        let life = life.parse().map(Duration::from_secs);
        let (true, Ok(life)) = (is_name, life) else {
            return Err(NotAccepted::Rejected { reason: "malformed" });
        };
        let expires_at = self.built.after(life);
        if expires_at <= now {
            return Err(NotAccepted::Expired);
        }
        Ok(Identity {
            issuer: "https://issuer.example".to_owned(),
            subject: name.to_owned(),
            agent: Agent::new("claude-finance"),
            person: Some(Person::new(format!("{name}@acme.example"))),
            groups: BTreeSet::from(["agents".to_owned()]),
            scopes: BTreeSet::new(),
            token_id: None,
            expires_at,
        })
    }
}

/// The bundle in force, which a test may replace.
pub struct OneBundle(Mutex<Arc<Bundle>>);

impl OneBundle {
    /// Puts another bundle in force: the default one with these texts replaced, each in whatever file it stands.
    #[track_caller]
    pub fn change(&self, changes: &[(&str, &str)]) {
        let mut files = policy::default_files();
        for (from, to) in changes {
            let mut found = false;
            for bytes in files.values_mut() {
                let text = String::from_utf8(bytes.clone()).unwrap();
                found |= text.contains(from);
                *bytes = text.replace(from, to).into_bytes();
            }
            assert!(found, "no file holds {from}");
        }
        *self.0.lock().unwrap() = Arc::new(Bundle::parse(&files).unwrap());
    }
}

#[async_trait]
impl Policies for OneBundle {
    async fn bundle(&self) -> Result<Arc<Bundle>, Fault> {
        Ok(Arc::clone(&self.0.lock().unwrap()))
    }
}

/// Keeps what reviewers are told.
#[derive(Default)]
pub struct Bell {
    pub rung: Mutex<Vec<Notice>>,
    /// Nobody hears it.
    pub is_out_of_reach: std::sync::atomic::AtomicBool,
    /// Those of these names cannot be told.
    pub is_deaf: Mutex<BTreeSet<String>>,
}

#[async_trait]
impl Notifier for Bell {
    async fn tell(&self, notice: &Notice) -> Result<Notified, Fault> {
        if self.is_out_of_reach.load(Ordering::SeqCst) {
            return Ok(Notified::Nobody);
        }
        self.rung.lock().unwrap().push(notice.clone());
        let deaf = self.is_deaf.lock().unwrap();
        let names = notice.invited.iter().map(|invited| invited.name.clone());
        let (failed, reviewers) = names.partition(|name| deaf.contains(name));
        Ok(Notified::Told { way: "terminal", reviewers, failed })
    }
}

/// `DEMO.PUBLIC` with its customers, whose version a test may change.
pub struct Warehouse {
    catalog: Mutex<Arc<Catalog>>,
    pub altered: AtomicI64,
    /// How many schemas somebody has asked for at once, at most.
    pub looked_up: AtomicUsize,
    pub forgotten: Mutex<Vec<ObjectName>>,
    /// Functions and procedures, by their names.
    pub routines: Mutex<BTreeMap<ObjectName, BTreeSet<Routine>>>,
    /// Nothing is told of those.
    pub is_mute: std::sync::atomic::AtomicBool,
    /// How long each look takes.
    pub slow: Mutex<Option<(Arc<Time>, Duration)>>,
}

impl Warehouse {
    fn new() -> Self {
        let text = || SqlType::Text { length: 16_777_216 };
        let column = |name: &str, sql_type| Column {
            name: name.to_owned(),
            sql_type,
            is_nullable: name != "ID",
            tags: BTreeMap::new(),
        };
        let customers = Relation {
            kind: RelationKind::Table,
            columns: vec![
                column("ID", SqlType::Fixed { precision: 38, scale: 0 }),
                column("NAME", text()),
                column("EMAIL", text()),
                column("SSN", text()),
                column("COUNTRY", text()),
                column("NOTES", text()),
            ],
            version: 1,
        };
        let view = Relation {
            kind: RelationKind::View {
                definition: Some("SELECT id, email AS contact, country FROM customers".to_owned()),
            },
            columns: vec![
                column("ID", SqlType::Fixed { precision: 38, scale: 0 }),
                column("CONTACT", text()),
                column("COUNTRY", text()),
            ],
            version: 1,
        };
        let name = |name: &str| ObjectName::new("DEMO", "PUBLIC", name);
        Self::of(BTreeMap::from([(name("CUSTOMERS"), customers), (name("V_CONTACTS"), view)]))
    }

    /// `DEMO.PUBLIC` with these tables and views.
    pub fn of(relations: BTreeMap<ObjectName, Relation>) -> Self {
        Self {
            catalog: Mutex::new(Arc::new(Catalog {
                relations,
                loaded: BTreeSet::from([("DEMO".to_owned(), "PUBLIC".to_owned())]),
                digest: Digest::from_bytes([1; 32]),
            })),
            altered: AtomicI64::new(0),
            looked_up: AtomicUsize::new(0),
            forgotten: Mutex::default(),
            routines: Mutex::default(),
            is_mute: Default::default(),
            slow: Mutex::default(),
        }
    }
}

impl Warehouse {
    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.lock().unwrap())
    }

    /// Changes what the catalog says of an object of `DEMO.PUBLIC`.
    pub fn define(&self, name: &str, change: impl FnOnce(&mut Relation)) {
        let mut catalog = Catalog::clone(&self.catalog());
        change(catalog.relations.get_mut(&ObjectName::new("DEMO", "PUBLIC", name)).unwrap());
        *self.catalog.lock().unwrap() = Arc::new(catalog);
    }

    /// Has the view read `LEADS`, a table like the customers', from now on.
    pub fn move_view_to_leads(&self) {
        let mut catalog = Catalog::clone(&self.catalog());
        let name = |name: &str| ObjectName::new("DEMO", "PUBLIC", name);
        let leads = catalog.relations[&name("CUSTOMERS")].clone();
        let definition = Some("SELECT id, email AS contact, country FROM leads".to_owned());
        let kind = RelationKind::View { definition };
        let view = Relation { kind, ..catalog.relations[&name("V_CONTACTS")].clone() };
        catalog.relations.extend([(name("LEADS"), leads), (name("V_CONTACTS"), view)]);
        catalog.digest = Digest::from_bytes([2; 32]);
        *self.catalog.lock().unwrap() = Arc::new(catalog);
    }
}

#[async_trait]
impl Catalogs for Warehouse {
    async fn snapshot(&self, schemas: &BTreeSet<(String, String)>) -> Result<Arc<Catalog>, Fault> {
        self.looked_up.fetch_max(schemas.len(), Ordering::SeqCst);
        if let Some((time, takes)) = &*self.slow.lock().unwrap() {
            time.turn(*takes);
        }
        Ok(self.catalog())
    }

    async fn versions(&self, objects: &BTreeSet<ObjectName>) -> Result<BTreeMap<ObjectName, i64>, Fault> {
        let (altered, catalog) = (self.altered.load(Ordering::SeqCst), self.catalog());
        let known =
            objects.iter().filter_map(|name| Some((name.clone(), catalog.relation(name)?.version + altered)));
        Ok(known.collect())
    }

    async fn routines(
        &self,
        names: &BTreeSet<ObjectName>,
    ) -> Result<BTreeMap<ObjectName, BTreeSet<Routine>>, Fault> {
        if self.is_mute.load(Ordering::SeqCst) {
            return Err(Fault::passing(gateway::Origin::Catalogs, "the catalog cannot be read"));
        }
        let known = self.routines.lock().unwrap();
        Ok(known
            .iter()
            .filter(|(name, _)| names.contains(name))
            .map(|(n, r)| (n.clone(), r.clone()))
            .collect())
    }

    async fn forget(&self, objects: &BTreeSet<ObjectName>) {
        self.forgotten.lock().unwrap().extend(objects.iter().cloned());
    }
}

/// Everything under one roof.
pub struct House {
    pub folder: TempDir,
    pub snow: Scripted,
    pub time: Arc<Time>,
    pub warehouse: Arc<Warehouse>,
    pub settings: Settings,
    pub bundle: Arc<OneBundle>,
    pub bell: Arc<Bell>,
    built: Timestamp,
}

impl House {
    pub async fn new() -> Self {
        Self::with(|_| {}, &[]).await
    }

    /// With other settings, and with the default bundle's limits replaced.
    pub async fn with(change: impl FnOnce(&mut Settings), limits: &[(&str, &str)]) -> Self {
        let name = |name: &str| Some(name.to_owned());
        let mut settings = Settings {
            default_context: Context {
                role: name("ANALYST"),
                warehouse: name("DEMO_WH"),
                database: name("DEMO"),
                schema: name("PUBLIC"),
            },
            hold: Duration::from_secs(5),
            sign_in: SignIn::Development,
            ..Settings::default()
        };
        change(&mut settings);
        let time = Arc::new(Time::default());
        Self {
            folder: tempfile::tempdir().unwrap(),
            snow: Scripted::listen(([127, 0, 0, 1], 0).into()).await.unwrap(),
            built: time.now(),
            time,
            warehouse: Arc::new(Warehouse::new()),
            settings,
            bundle: Arc::new(OneBundle(Mutex::new(Arc::new(bundle(limits))))),
            bell: Arc::new(Bell::default()),
        }
    }

    pub fn time_now(&self) -> Timestamp {
        self.time.now()
    }

    pub fn home_path(&self) -> std::path::PathBuf {
        self.folder.path().join("home")
    }

    /// The home as one more process opens it.
    pub fn open_home(&self) -> Home {
        Home::open(&self.home_path()).unwrap()
    }

    pub fn account(&self) -> SqlApi {
        let tier = serde_json::json!({
            "credential": { "kind": "access-token", "token": "pat-of-the-gateway" },
            "roles": ["ANALYST"], "warehouses": ["DEMO_WH"],
        });
        let writing = serde_json::json!({
            "credential": { "kind": "access-token", "token": "pat-that-writes" },
            "roles": ["ANALYST"], "warehouses": ["DEMO_WH"],
        });
        let settings: snowflake::Settings = serde_json::from_value(serde_json::json!({
            "url": self.snow.url(),
            "account": "ACME-DEV",
            "tiers": { "read": tier, "write": writing },
            "catalog": { "role": "ANALYST", "warehouse": "DEMO_WH" },
            "timeouts": { "answer_ms": 1000, "idle_ms": 500, "body_ms": 5000, "catalog_ms": 1000 },
            "bounds": { "tries": 3, "first_partition_bytes": 4 << 20, "partition_bytes": 4 << 20 },
        }))
        .unwrap();
        let clock: Arc<dyn Clock> = self.time.clone();
        let credentials = TierCredentials::new(&settings, &clock, None).unwrap();
        SqlApi::new(settings, Arc::new(credentials)).unwrap()
    }

    /// The ports as one more process has them.
    pub fn ports(&self) -> Ports {
        let home = Arc::new(self.open_home());
        Ports {
            identities: Arc::new(Badges { built: self.built }),
            policies: self.bundle.clone(),
            catalogs: self.warehouse.clone(),
            keys: home.clone(),
            recorder: home.clone(),
            recordings: home.clone(),
            exchanges: home.clone(),
            standings: home.clone(),
            accesses: home.clone(),
            evidence: home.clone(),
            approvals: home,
            notifier: self.bell.clone(),
            upstream: Arc::new(self.account()) as Arc<dyn Upstream>,
            clock: self.time.clone(),
            ids: Arc::new(RandomIds),
        }
    }

    /// One more process.
    pub fn gateway(&self) -> Gateway {
        Gateway::new(self.ports(), self.settings.clone())
    }

    /// The reviewers' side, as one more process has it.
    pub fn review(&self) -> Review {
        review(&self.ports()).signed_in_by(self.settings.sign_in)
    }

    /// After everybody died: a new process finds what was left, and works until nothing is left to do.
    pub async fn clean_up(&self) {
        self.time.turn(Duration::from_secs(120));
        let home = self.open_home();
        let gateway = self.gateway();
        in_time(async {
            assert!(home.reconcile(self.time.now()).await.unwrap().damaged.is_empty());
            for _ in 0..20 {
                gateway.work(self.time.now().after(Duration::from_secs(5))).await.unwrap();
                if self.records().iter().all(|(_, closing)| closing.is_some()) {
                    return;
                }
                self.time.turn(Duration::from_secs(20));
            }
        })
        .await;
    }

    /// Every exchange, the oldest first: its opening, and its closing where it has one.
    pub fn records(&self) -> Vec<(Opening, Option<Closing>)> {
        let Ok(records) = Records::open(&self.home_path()) else { return Vec::new() };
        let mut records: Vec<(Opening, Option<Closing>)> = records
            .objects()
            .filter_map(|found| found.unwrap().object)
            .filter(|(_, kind)| *kind == ObjectKind::Opening)
            .map(|(key, _)| {
                let read = |kind| records.read(&key, kind).unwrap();
                let opening = recording::decode(&read(ObjectKind::Opening).unwrap()).unwrap().record;
                let closing =
                    read(ObjectKind::Closing).map(|bytes| recording::decode(&bytes).unwrap().record);
                (opening, closing)
            })
            .collect();
        // Their files are listed by sessions, whose names are random.
        records.sort_by(|(one, _), (other, _)| {
            (&one.opened, &one.exchange).cmp(&(&other.opened, &other.exchange))
        });
        records
    }

    /// The only closing there is.
    #[track_caller]
    pub fn closing(&self) -> Closing {
        self.only().1.expect("it is not closed")
    }

    /// The only exchange there is.
    #[track_caller]
    pub fn only(&self) -> (Opening, Option<Closing>) {
        let mut records = self.records();
        assert_eq!(records.len(), 1);
        records.remove(0)
    }

    pub fn verify(&self) -> Report {
        verify(&self.home_path())
    }

    #[track_caller]
    pub fn verifies(&self) {
        let report = self.verify();
        assert!(report.faults.is_empty(), "{:?}", report.faults);
    }

    /// What a replay tells of the only exchange.
    pub fn replay(&self) -> Vec<Event> {
        let records = Records::open(&self.home_path()).unwrap();
        let (opening, closing) = self.only();
        let closing = closing.unwrap();
        let key = RecordKey::new(&opening.opened[..10], opening.exchange.parse().unwrap());
        let mut events = recording::opening_events(&opening);
        for step in records.approval(&key).unwrap() {
            events.push(recording::approval_event(&recording::decode(&step).unwrap().record));
        }
        for (part, record) in (0..).zip(&closing.parts) {
            for (page, entry) in (0..).zip(&record.pages) {
                let object = page_object(&records, &key, part, page, entry);
                let page = recording::decode_page(&object).unwrap();
                events.push(recording::page_event(&closing, entry, &page).unwrap());
            }
        }
        events.push(recording::closing_event(&closing));
        events
    }

    /// The rows of all pages of the only exchange, as recorded.
    pub fn recorded_rows(&self) -> Vec<Vec<Option<String>>> {
        let pages = self.replay().into_iter().filter_map(|event| match event.what {
            recording::What::Page { rows, .. } => Some(rows),
            _ => None,
        });
        pages.flatten().collect()
    }

    /// How many submissions upstream got.
    pub fn submissions(&self) -> usize {
        let received = self.snow.received();
        received.iter().filter(|r| r.method == "POST" && r.path == "/api/v2/statements").count()
    }
}

/// Reviewing over these ports, also by whoever holds the home.
pub fn review(ports: &Ports) -> Review {
    let Ports { approvals, standings, accesses, recordings, exchanges, keys, policies, clock, .. } =
        ports.clone();
    let ports = ReviewPorts { approvals, standings, accesses, recordings, exchanges, keys, policies, clock };
    Review::new(ports).signed_in_by(SignIn::Development)
}

fn page_object(
    records: &Records,
    key: &RecordKey,
    part: u32,
    page: u32,
    entry: &recording::PageRecord,
) -> Vec<u8> {
    use base64::Engine;
    match &entry.inline {
        Some(inline) => base64::engine::general_purpose::STANDARD.decode(inline).unwrap(),
        None => records.read(key, ObjectKind::Page { part, page }).unwrap().unwrap(),
    }
}

/// The default bundle with other limits.
fn bundle(limits: &[(&str, &str)]) -> Bundle {
    let mut files = policy::default_files();
    let mut catalog = String::from_utf8(files["catalog.toml"].clone()).unwrap();
    for (name, value) in limits {
        let line = catalog.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap().to_owned();
        catalog = catalog.replace(&line, &format!("{name} = {value}"));
    }
    files.insert("catalog.toml".to_owned(), catalog.into_bytes());
    Bundle::parse(&files).unwrap()
}

pub fn verify(home: &Path) -> Report {
    recording::verify(&HomeArchive::open(home).unwrap(), SystemClock.now(), &mut |_, _| {}).unwrap()
}

/// What `ana` asks.
pub fn asked(sql: &str) -> Asked {
    asked_by("ana", sql)
}

pub fn asked_by(token: &str, sql: &str) -> Asked {
    Asked {
        door: Door::SqlApi,
        credential: Credential::new(token.to_owned()),
        conversation: None,
        request: None,
        text: SqlText::new(sql),
        bindings: BTreeMap::new(),
        context: Context::default(),
        statement_count: 1,
        parameters: BTreeMap::new(),
        timeout: None,
        prompt: Prompt { text: Some("who are our customers?".to_owned()), grade: PromptGrade::P1 },
        clues: Default::default(),
    }
}

/// Asks and waits for as long as the settings hold.
pub async fn ask(gateway: &Gateway, sql: &str) -> Result<Reply, AskError> {
    in_time(gateway.ask(asked(sql), gateway.settings().hold)).await
}

pub async fn ask_without_waiting(gateway: &Gateway, sql: &str) -> Reply {
    in_time(gateway.ask(asked(sql), Duration::ZERO)).await.unwrap()
}

pub async fn collect(gateway: &Gateway, token: &str, handle: Handle) -> Result<Reply, AskError> {
    in_time(gateway.collect(Door::SqlApi, &Credential::new(token.to_owned()), handle)).await
}

/// The text of the rows of a page object.
pub fn page_text(object: &[u8]) -> String {
    use std::io::Read;
    let page = recording::decode_page(object).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(page.body).read_to_string(&mut text).unwrap();
    text
}
