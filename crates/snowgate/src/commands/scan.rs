//! `snowgate scan`: samples tables through the gateway, as an agent would, and proposes entries for catalog.toml.
//!
//! It counts what the gateway says that its detectors changed, column by column, and never reads that out of the cells:
//! a text such as `[EMAIL]` may be stored upstream, a tuned detector leaves other words, and a NUMBER becomes NULL.

mod evidence;
mod told;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Duration;

use domain::{ColumnRef, ObjectName, quoted};
use policy::{Bundle, Named};
use reqwest::StatusCode;

use self::evidence::{Evidence, propose, read_found};
use self::told::{Report, ScannedColumn, Standing};
use super::caller::{Call, Caller, Stay};
use super::{Broken, counted, one_line};
use crate::cli::{ScanArgs, Target};
use crate::config;

/// Some tables could not be scanned.
const PARTIAL: u8 = 2;
/// Columns asked for at once: what is found in them fits into a header.
const AT_ONCE: usize = 40;
/// What the gateway is given to say that a statement was stopped.
const GRACE: Duration = Duration::from_secs(5);
/// No scan takes longer, and no token of the development issuer lives longer.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a statement is asked again that the gateway has put off.
const TRIES: u32 = 3;
/// Seconds that are waited for a gateway that puts off.
const LONGEST_WAIT: u64 = 60;
/// Words in a cell from which on it is taken for prose.
const PROSE: u64 = 5;
/// Characters of the gateway's words that are repeated.
const MESSAGE: usize = 500;

/// Scans and prints.
pub fn run(args: &ScanArgs) -> Result<ExitCode, Broken> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(scan(args))
}

async fn scan(args: &ScanArgs) -> Result<ExitCode, Broken> {
    super::caller::base(&args.url)?;
    let bundle = match &args.policies {
        Some(dir) => super::policy::bundle(dir)?,
        None => Bundle::default_bundle().map_err(|_| Broken::new("the built-in policy bundle is broken"))?,
    };
    let home = config::home(&args.home)?;
    let answer = Duration::from_secs(args.timeout).saturating_add(GRACE);
    let stay = Stay { token: A_DAY, answer: Some(answer) };
    let caller = Caller::new(&args.url, &home, "snowgate-scan", &["agents", "scanners"], stay)?;
    let scanner = Scanner { caller, rows: args.rows, timeout: args.timeout, has_sample: Cell::new(true) };

    let mut report = Report {
        rows: args.rows,
        min_confidence: args.min_confidence,
        tables: 0,
        columns: Vec::new(),
        failed: Vec::new(),
    };
    let tables = scanner.tables(&args.targets, &mut report).await?;
    let tags = if args.no_tags { Tags::new() } else { scanner.tags().await };
    for (at, (table, columns)) in tables.iter().enumerate() {
        let name = one_line(&table.to_string());
        eprintln!("scanning {}/{} {name}", at.saturating_add(1), tables.len());
        match scanner.sample(table, columns).await {
            Ok(sampled) => {
                report.tables = report.tables.saturating_add(1);
                let scanned = columns.iter().zip(sampled);
                report
                    .columns
                    .extend(scanned.map(|(column, evidence)| judged(column, evidence, &bundle, &tags)));
            }
            Err(Failed { why, .. }) => {
                eprintln!("  not scanned: {why}");
                report.failed.push((table.to_string(), why));
            }
        }
    }
    if report.tables == 0 {
        let why = report.failed.first().map(|(_, why)| why.clone()).unwrap_or_default();
        return Err(Broken::new(format!("no table could be scanned; of the first: {why}")));
    }
    print(args, &report, &bundle);
    Ok(if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(PARTIAL) })
}

/// One column as the information schema lists it.
struct Listed {
    column: ColumnRef,
    data_type: String,
}

/// Tags of Snowflake's own classification by column.
type Tags = BTreeMap<ColumnRef, BTreeMap<String, String>>;

fn judged(listed: &Listed, evidence: Evidence, bundle: &Bundle, tags: &Tags) -> ScannedColumn {
    let Listed { column, data_type } = listed;
    let tags = tags.get(column).cloned().unwrap_or_default();
    let tagged = tags
        .iter()
        .find_map(|(tag, value)| bundle.class_of_tag(&format!("SNOWFLAKE.CORE.{tag}"), value))
        .map(|class| class.as_str().to_owned());
    let (class, is_entry) = match bundle.named(column) {
        Some(Named::Exactly(class)) => (Some(class.as_str().to_owned()), true),
        Some(Named::ByPattern(class)) => (Some(class.as_str().to_owned()), false),
        None => (None, false),
    };
    let proposal = propose(&column.column, data_type, &evidence, tagged.as_deref());
    ScannedColumn { column: column.clone(), evidence, class, is_entry, tags, proposal }
}

fn print(args: &ScanArgs, report: &Report, bundle: &Bundle) {
    if args.json {
        report.json_lines().iter().for_each(|line| say!("{line}"));
    } else {
        use std::io::Write as _;
        let _ = write!(std::io::stdout(), "{}", report.toml(|class| bundle.has_class(class)));
    }
    let columns = counted(report.columns.len() as u64, "column");
    eprintln!(
        "{columns} of {}: {} proposed, {} to judge, {} classified, {} without findings, {} that contradict the bundle",
        counted(report.tables, "table"),
        report.count(Standing::Proposed),
        report.count(Standing::ToJudge),
        report.count(Standing::Classified),
        report.count(Standing::Clear),
        report.count(Standing::Contradicted),
    );
    if report.unseen() > 0 {
        eprintln!(
            "{} that nobody has classified are masked for this scan, so that only names and tags count; next: let the \
             group `scanners` see them (snowgate scan --help)",
            counted(report.unseen(), "column")
        );
    }
    for (table, why) in &report.failed {
        eprintln!("not scanned: {}: {why}", one_line(table));
    }
    let dir = args.policies.as_ref().map_or_else(|| "./policies".into(), |dir| dir.display().to_string());
    if args.policies.is_none() {
        eprintln!("next: snowgate policy init {dir} (unless you have a bundle: then scan with --policies)");
    }
    eprintln!("next: add what you agree with to {dir}/catalog.toml, then: snowgate policy check {dir}");
}

/// How the words of what policy has refused begin.
const NOT_PERMITTED: &str = "422 003001";

/// Why a statement has no rows.
struct Failed {
    /// In one line, the gateway's words among others.
    why: String,
    /// Whether it was this statement that was refused or failed, so that another may do better.
    is_of_statement: bool,
}

impl Failed {
    fn elsewhere(broken: &Broken) -> Self {
        Self { why: one_line(&broken.to_string()), is_of_statement: false }
    }
}

/// What a statement answered.
struct Answered {
    rows: Vec<Vec<Option<String>>>,
    columns: usize,
    masked: BTreeSet<usize>,
    found: String,
}

struct Scanner {
    caller: Caller,
    rows: u32,
    /// Seconds after which a statement is stopped.
    timeout: u64,
    /// Whether upstream may still be thought to know SAMPLE.
    has_sample: Cell<bool>,
}

impl Scanner {
    async fn ask(&self, sql: &str) -> Result<Answered, Failed> {
        let call = Call {
            sql,
            prompt: Some("snowgate scan: classify columns"),
            session: Some("snowgate-scan"),
            timeout: Some(self.timeout),
            names: None,
        };
        let elsewhere = |broken: Broken| Failed::elsewhere(&broken);
        let mut tries = 1;
        loop {
            let told = self.caller.ask(&call).await.map_err(elsewhere)?;
            match told.status {
                StatusCode::OK => {
                    let handle = told.handle().map_err(elsewhere)?;
                    let masked = told.masked.into_iter().collect();
                    let (meta, rows) = self.caller.rows(&handle, told.answer).await.map_err(elsewhere)?;
                    return Ok(Answered { rows, columns: meta.row_type.len(), masked, found: told.found });
                }
                StatusCode::ACCEPTED => {
                    let handle = told.handle().map_err(elsewhere)?;
                    let why = if told.waits { "it waits for a person" } else { "it takes too long" };
                    self.caller.cancel(&handle).await.map_err(elsewhere)?;
                    return Err(Failed { why: format!("{why}, and was taken back"), is_of_statement: true });
                }
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
                    if tries < TRIES && told.retry_after.is_some_and(|wait| wait <= LONGEST_WAIT) =>
                {
                    tries = tries.saturating_add(1);
                    tokio::time::sleep(Duration::from_secs(told.retry_after.unwrap_or(1))).await;
                }
                status => {
                    let message = told.answer.message.unwrap_or_default();
                    let code = told.answer.code.unwrap_or_default();
                    let words: String = one_line(&format!("{} {code}: {message}", status.as_u16()))
                        .chars()
                        .take(MESSAGE)
                        .collect();
                    let is_of_statement =
                        !told.exchange.is_empty() && status != StatusCode::TOO_MANY_REQUESTS;
                    return Err(Failed { why: words, is_of_statement });
                }
            }
        }
    }

    /// Every table that is to be scanned, with its columns. Views are left out unless they are named: what they show
    /// is stored elsewhere.
    async fn tables(
        &self,
        targets: &[Target],
        report: &mut Report,
    ) -> Result<BTreeMap<ObjectName, Vec<Listed>>, Broken> {
        let mut tables = BTreeMap::new();
        let everything = [None];
        let named: Vec<Option<&Target>> = targets.iter().map(Some).collect();
        for target in if named.is_empty() { everything.as_slice() } else { named.as_slice() } {
            match self.list(*target).await {
                Ok(listed) if listed.is_empty() => {
                    report.failed.push((target_name(*target), "there is no such table".to_owned()));
                }
                Ok(listed) => tables.extend(listed),
                Err(Failed { why, .. }) => report.failed.push((target_name(*target), why)),
            }
        }
        if tables.is_empty() {
            let why = report.failed.first().map(|(name, why)| format!("{}: {why}", one_line(name)));
            return Err(Broken::new(format!("no table is found; {}", why.unwrap_or_default())));
        }
        for (name, why) in &report.failed {
            eprintln!("not scanned: {}: {why}", one_line(name));
        }
        Ok(tables)
    }

    async fn list(&self, target: Option<&Target>) -> Result<BTreeMap<ObjectName, Vec<Listed>>, Failed> {
        let schema = target.map(|target| format!("{}.", quoted(&target.database))).unwrap_or_default();
        let mut condition = "table_schema <> 'INFORMATION_SCHEMA'".to_owned();
        if let Some(name) = target.and_then(|target| target.schema.as_ref()) {
            condition.push_str(&format!(" and table_schema = {}", literal(name)));
        }
        let table = target.and_then(|target| target.table.as_ref());
        if let Some(name) = table {
            condition.push_str(&format!(" and table_name = {}", literal(name)));
        }
        let columns = format!(
            "select table_catalog, table_schema, table_name, column_name, data_type \
             from {schema}information_schema.columns where {condition} \
             order by table_schema, table_name, ordinal_position"
        );
        let mut tables: BTreeMap<ObjectName, Vec<Listed>> = BTreeMap::new();
        for row in texts::<5>(self.ask(&columns).await?)? {
            let [database, schema, table, column, data_type] = row;
            let object = ObjectName::new(database, schema, table);
            let column = ColumnRef { object: object.clone(), column };
            tables.entry(object).or_default().push(Listed { column, data_type });
        }
        if table.is_none() {
            let views = format!(
                "select table_catalog, table_schema, table_name from {schema}information_schema.tables \
                 where {condition} and table_type like '%VIEW%'"
            );
            for [database, schema, table] in texts::<3>(self.ask(&views).await?)? {
                tables.remove(&ObjectName::new(database, schema, table));
            }
        }
        Ok(tables)
    }

    /// Tags of Snowflake's own classification, where they may be read; else it is said that they may not.
    async fn tags(&self) -> Tags {
        // Columns of this view: Snowflake's reference of ACCOUNT_USAGE.TAG_REFERENCES.
        const TAGS: &str = "select object_database, object_schema, object_name, column_name, tag_name, tag_value \
             from snowflake.account_usage.tag_references \
             where domain = 'COLUMN' and object_deleted is null and tag_database = 'SNOWFLAKE' \
             and tag_schema = 'CORE' and tag_name in ('SEMANTIC_CATEGORY', 'PRIVACY_CATEGORY')";
        let rows = match self.ask(TAGS).await {
            Ok(answered) => texts::<6>(answered),
            Err(failed) => Err(failed),
        };
        let mut tags = Tags::new();
        match rows {
            Ok(rows) => {
                for [database, schema, table, column, tag, value] in rows {
                    let object = ObjectName::new(database, schema, table);
                    tags.entry(ColumnRef { object, column }).or_default().insert(tag, value);
                }
                eprintln!("tags of Snowflake's classification: on {}", counted(tags.len() as u64, "column"));
            }
            // What policy says of it at length helps nobody here: the whole stands in the recording.
            Err(Failed { is_of_statement: true, why }) if why.starts_with(NOT_PERMITTED) => eprintln!(
                "tags of Snowflake's classification are not read: policy does not let the scanner read \
                 SNOWFLAKE.ACCOUNT_USAGE.TAG_REFERENCES; going on without (--no-tags to be quiet)"
            ),
            Err(Failed { why, .. }) => {
                eprintln!("tags of Snowflake's classification are not read ({why}); going on without");
            }
        }
        tags
    }

    /// What a sample says of each column, in order.
    async fn sample(&self, table: &ObjectName, columns: &[Listed]) -> Result<Vec<Evidence>, Failed> {
        let mut sampled = Vec::with_capacity(columns.len());
        for some in columns.chunks(AT_ONCE) {
            sampled.extend(self.sample_columns(table, some).await?);
        }
        Ok(sampled)
    }

    async fn sample_columns(&self, table: &ObjectName, columns: &[Listed]) -> Result<Vec<Evidence>, Failed> {
        let answered = self.sampled_rows(table, columns).await?;
        if answered.columns != columns.len() {
            let why = "the gateway answered other columns than were asked for".to_owned();
            return Err(Failed { why, is_of_statement: false });
        }
        let Some(mut found) = read_found(&answered.found) else {
            // More than fits into a header: fewer columns have less.
            let (left, right) = columns.split_at(columns.len() / 2);
            if left.is_empty() {
                let why = "what the gateway says of its findings cannot be read".to_owned();
                return Err(Failed { why, is_of_statement: false });
            }
            let mut sampled = Box::pin(self.sample_columns(table, left)).await?;
            sampled.extend(Box::pin(self.sample_columns(table, right)).await?);
            return Ok(sampled);
        };
        let evidence = (0..columns.len()).map(|at| {
            if answered.masked.contains(&at) {
                return Evidence { is_masked: true, ..Evidence::default() };
            }
            let found = found.remove(&at).unwrap_or_default();
            let shown = answered.rows.iter().filter_map(|row| row.get(at)?.as_deref());
            let (mut cells, mut words) = (0_u64, 0_u64);
            for cell in shown {
                cells = cells.saturating_add(1);
                words = words.saturating_add(cell.split_whitespace().count() as u64);
            }
            Evidence {
                is_prose: cells > 0 && words / cells >= PROSE,
                // What a detector made NULL was none.
                cells: cells.saturating_add(found.nulled),
                changed: found.changed,
                kinds: found.kinds,
                is_masked: false,
            }
        });
        Ok(evidence.collect())
    }

    /// A random sample where upstream knows it, else the first rows. Both are bounded by LIMIT: what does not know SAMPLE
    /// may pass over it.
    async fn sampled_rows(&self, table: &ObjectName, columns: &[Listed]) -> Result<Answered, Failed> {
        let [database, schema, name] = [&table.database, &table.schema, &table.name].map(|part| quoted(part));
        let names: Vec<String> = columns.iter().map(|listed| quoted(&listed.column.column)).collect();
        let select = format!("select {} from {database}.{schema}.{name}", names.join(", "));
        let rows = self.rows;
        if self.has_sample.get() {
            let sampled = self.ask(&format!("{select} sample ({rows} rows) limit {rows}")).await;
            match sampled {
                Err(Failed { is_of_statement: true, .. }) => {}
                Ok(_) | Err(_) => return sampled,
            }
        }
        let first = self.ask(&format!("{select} limit {rows}")).await;
        if first.is_ok() && self.has_sample.replace(false) {
            eprintln!("  SAMPLE is not known here: the first {rows} rows of each table are taken");
        }
        first
    }
}

/// The rows of an answer with so many columns, none of them masked or NULL.
fn texts<const N: usize>(answered: Answered) -> Result<Vec<[String; N]>, Failed> {
    let wrong = |why: &str| Failed { why: why.to_owned(), is_of_statement: false };
    if !answered.masked.is_empty() {
        return Err(wrong("the gateway masks names and types there; classify them as `public`"));
    }
    let rows = answered.rows.into_iter().map(|row| {
        let row: Option<Vec<String>> = row.into_iter().collect();
        row.and_then(|row| row.try_into().ok())
            .ok_or_else(|| wrong("the gateway answered other columns than were asked for"))
    });
    rows.collect()
}

/// A text as a constant of Snowflake's SQL, where a backslash escapes.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn target_name(target: Option<&Target>) -> String {
    let Some(Target { database, schema, table }) = target else {
        return "the database that the gateway works in".to_owned();
    };
    let names = [Some(database), schema.as_ref(), table.as_ref()];
    names.into_iter().flatten().map(|name| domain::identifier(name)).collect::<Vec<_>>().join(".")
}
