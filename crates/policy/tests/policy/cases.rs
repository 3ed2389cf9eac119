//! Builds catalogs, principals and statements by hand.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Agent, Case, Catalog, Class, Column, ColumnRef, Context, Decision, Door, FlaggedFunction, Footprint,
    FunctionName, Grant, Identity, Kind, Lineage, ObjectName, PromptGrade, Relation, RelationKind, Ruling,
    ShownColumn, ShownHow, ShownOutput, SqlType, Statement, TestedColumn, TestedHow, Timestamp, Treatment,
};
use policy::{Bundle, Problem};

/// The tables of the two default databases: object, then columns with their types.
pub const TABLES: &[&str] = &[
    "DEMO.PUBLIC.CUSTOMERS ID:n NAME:t EMAIL:t SSN:t CARD_NUMBER:t DOB:d PHONE:t COUNTRY:t NOTES:t PROFILE:v SIGNUP_DATE:d SEGMENT:t",
    "DEMO.PUBLIC.ORDERS ID:n CUSTOMER_ID:n AMOUNT:n STATUS:t CREATED_AT:d SHIP_ADDRESS:t SKU:t",
    "DEMO.PUBLIC.PAYMENTS ID:n ORDER_ID:n CARD_NUMBER:t IBAN:t AMOUNT:n LAST4:t PAID_AT:d",
    "DEMO.PUBLIC.EMPLOYEES ID:n NAME:t EMAIL:t SSN:t SALARY:n MANAGER_ID:n DEPT:t HIRED:d",
    "DEMO.PUBLIC.PRODUCTS SKU:t NAME:t PRICE:n CATEGORY:t",
    "DEMO.PUBLIC.COUNTRIES CODE:t NAME:t REGION:t",
    "DEMO.PUBLIC.V_CUSTOMERS ID:n FULL_NAME:t CONTACT:t TAX_REF:t COUNTRY:t",
    "DEMO.PUBLIC.V_COUNTRY_STATS COUNTRY:t N:n UNIQUE_CONTACTS:n",
    "SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.REGION R_REGIONKEY:n R_NAME:t R_COMMENT:t",
    "SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.NATION N_NATIONKEY:n N_NAME:t N_REGIONKEY:n N_COMMENT:t",
    "SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.SUPPLIER S_SUPPKEY:n S_NAME:t S_ADDRESS:t S_NATIONKEY:n S_PHONE:t S_ACCTBAL:n S_COMMENT:t",
    "SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.CUSTOMER C_CUSTKEY:n C_NAME:t C_ADDRESS:t C_NATIONKEY:n C_PHONE:t C_ACCTBAL:n C_MKTSEGMENT:t C_COMMENT:t",
    "SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.PART P_PARTKEY:n P_NAME:t P_MFGR:t P_BRAND:t P_TYPE:t P_SIZE:n P_CONTAINER:t P_RETAILPRICE:n P_COMMENT:t",
    "SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.PARTSUPP PS_PARTKEY:n PS_SUPPKEY:n PS_AVAILQTY:n PS_SUPPLYCOST:n PS_COMMENT:t",
    "SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.ORDERS O_ORDERKEY:n O_CUSTKEY:n O_ORDERSTATUS:t O_TOTALPRICE:n O_ORDERDATE:d O_ORDERPRIORITY:t O_CLERK:t O_SHIPPRIORITY:n O_COMMENT:t",
    "SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.LINEITEM L_ORDERKEY:n L_PARTKEY:n L_SUPPKEY:n L_LINENUMBER:n L_QUANTITY:n L_EXTENDEDPRICE:n L_DISCOUNT:n L_TAX:n L_RETURNFLAG:t L_LINESTATUS:t L_SHIPDATE:d L_COMMITDATE:d L_RECEIPTDATE:d L_SHIPINSTRUCT:t L_SHIPMODE:t L_COMMENT:t",
    "DEMO.INFORMATION_SCHEMA.TABLES TABLE_NAME:t ROW_COUNT:n COMMENT:t",
    "DEMO.PUBLIC.NEW_TABLE A:n B:t J:v H:u",
];

/// The catalog of [`TABLES`].
pub fn catalog() -> Catalog {
    let mut catalog = Catalog::empty();
    for table in TABLES {
        let mut words = table.split(' ');
        let name = object(words.next().unwrap());
        let columns = words
            .map(|word| {
                let (name, kind) = word.split_once(':').unwrap();
                let sql_type = match kind {
                    "n" => SqlType::Fixed { precision: 38, scale: 0 },
                    "t" => SqlType::Text { length: 100 },
                    "d" => SqlType::Date,
                    "v" => SqlType::Variant,
                    _ => SqlType::Unknown("hologram".into()),
                };
                Column { name: name.into(), sql_type, is_nullable: true, tags: BTreeMap::new() }
            })
            .collect();
        catalog.loaded.insert((name.database.clone(), name.schema.clone()));
        catalog.relations.insert(name, Relation { kind: RelationKind::Table, columns, version: 1 });
    }
    catalog
}

/// `DATABASE.SCHEMA.TABLE`.
pub fn object(text: &str) -> ObjectName {
    let parts: Vec<&str> = text.split('.').collect();
    ObjectName::new(parts[0], parts[1], parts[2])
}

/// `TABLE.COLUMN` of DEMO.PUBLIC, or a full name.
pub fn column(text: &str) -> ColumnRef {
    let full = if text.matches('.').count() == 1 { format!("DEMO.PUBLIC.{text}") } else { text.to_owned() };
    let (table, column) = full.rsplit_once('.').unwrap();
    ColumnRef { object: object(table), column: column.into() }
}

/// An agent for Ana, in these groups.
pub fn identity(groups: &[&str]) -> Identity {
    Identity {
        issuer: "https://issuer.example".into(),
        subject: "ana".into(),
        agent: Agent::new("claude-finance"),
        person: Some(domain::Person::new("ana@example.com")),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        scopes: BTreeSet::new(),
        token_id: None,
        expires_at: Timestamp::from_micros(0),
    }
}

/// Role, warehouse, database and schema of the demo.
pub fn context() -> Context {
    let some = |text: &str| Some(text.to_owned());
    Context {
        role: some("ANALYST"),
        warehouse: some("DEMO_WH"),
        database: some("DEMO"),
        schema: some("PUBLIC"),
    }
}

/// A statement that does nothing yet.
pub fn statement(class: Class, kind: &str) -> Statement {
    Statement {
        class,
        kind: Kind::new(kind),
        steps: Vec::new(),
        footprint: Footprint::default(),
        lineage: Lineage { outputs: Some(Vec::new()), ..Lineage::default() },
        functions: BTreeSet::new(),
        effects: Vec::new(),
        missing: BTreeSet::new(),
        why: None,
    }
}

/// A SELECT of nothing yet.
pub fn select() -> Statement {
    statement(Class::Read, "select")
}

/// How a statement is put together.
pub trait Build: Sized {
    /// One more result column, made of these.
    fn output(self, shows: &[(&str, ShownHow)]) -> Self;
    /// One more result column, a stored one.
    fn stored(self, column: &str) -> Self {
        self.output(&[(column, ShownHow::Stored)])
    }
    /// One more result column, made of a stored one.
    fn derived(self, column: &str) -> Self {
        self.output(&[(column, ShownHow::Derived)])
    }
    /// One more result column, a path in a stored one.
    fn path(self, column: &str, path: &[&str]) -> Self;
    /// One more result column that nobody knows.
    fn unknown(self) -> Self;
    /// Tests a column.
    fn tests(self, column: &str, how: TestedHow) -> Self;
    /// Joins two columns.
    fn joins(self, a: &str, b: &str) -> Self;
    /// Compares columns with each other.
    fn ties(self, columns: &[&str]) -> Self;
    /// Reads a table.
    fn reads(self, table: &str) -> Self;
    /// Changes a table.
    fn writes(self, table: &str) -> Self;
    /// Calls a flagged function.
    fn calls(self, name: &str, class: Class) -> Self;
}

impl Build for Statement {
    fn output(mut self, shows: &[(&str, ShownHow)]) -> Self {
        let shows: BTreeSet<ShownColumn> = shows
            .iter()
            .map(|(name, how)| ShownColumn { column: column(name), how: *how, path: Vec::new() })
            .collect();
        self.footprint.reads.extend(shows.iter().map(|shown| shown.column.object.clone()));
        let output = ShownOutput {
            name: Some("X".into()),
            shows,
            is_known: true,
            is_stored: true,
            is_name_from_values: false,
        };
        self.lineage.outputs.as_mut().unwrap().push(output);
        self
    }

    fn path(self, name: &str, path: &[&str]) -> Self {
        let mut with = self.output(&[]);
        let output = with.lineage.outputs.as_mut().unwrap().last_mut().unwrap();
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        output.shows.insert(ShownColumn { column: column(name), how: ShownHow::Path, path });
        with.footprint.reads.insert(column(name).object);
        with
    }

    fn unknown(self) -> Self {
        let mut with = self.output(&[]);
        with.lineage.outputs.as_mut().unwrap().last_mut().unwrap().is_known = false;
        with
    }

    fn tests(mut self, name: &str, how: TestedHow) -> Self {
        self.footprint.reads.insert(column(name).object);
        self.lineage.tests.insert(TestedColumn { column: column(name), how, with: None });
        self
    }

    fn joins(mut self, a: &str, b: &str) -> Self {
        for (this, other) in [(a, b), (b, a)] {
            self.footprint.reads.insert(column(this).object);
            self.lineage.tests.insert(TestedColumn {
                column: column(this),
                how: TestedHow::Join,
                with: Some(column(other)),
            });
        }
        self
    }

    fn ties(mut self, columns: &[&str]) -> Self {
        let tie: BTreeSet<ColumnRef> = columns.iter().map(|name| column(name)).collect();
        self.footprint.reads.extend(tie.iter().map(|column| column.object.clone()));
        self.lineage.ties.push(tie);
        self
    }

    fn reads(mut self, table: &str) -> Self {
        self.footprint.reads.insert(object(table));
        self
    }

    fn writes(mut self, table: &str) -> Self {
        self.footprint.writes.insert(object(table));
        self
    }

    fn calls(mut self, name: &str, class: Class) -> Self {
        self.functions.insert(FlaggedFunction { name: FunctionName::new(name.split('.')), class });
        self
    }
}

/// Decides a statement of an agent in these groups in the demo's context.
pub fn decide(bundle: &Bundle, groups: &[&str], statement: &Statement) -> Ruling {
    decide_in(bundle, groups, &context(), statement)
}

/// The same in another context.
pub fn decide_in(bundle: &Bundle, groups: &[&str], context: &Context, statement: &Statement) -> Ruling {
    let (identity, catalog) = (identity(groups), catalog());
    bundle.decide(&Case {
        identity: &identity,
        context,
        statement,
        catalog: &catalog,
        prompt: PromptGrade::P1,
        door: Door::SqlApi,
        access: domain::Access::NONE,
    })
}

/// What may run once nobody says no.
pub fn grant(ruling: &Ruling) -> &Grant {
    match &ruling.decision {
        Decision::Allow(grant) => grant,
        Decision::Hold(hold) => &hold.grant,
        Decision::Refuse(refusal) => panic!("refused: {}", refusal.message),
    }
}

/// The treatments of a ruling, in words.
pub fn treatments(ruling: &Ruling) -> String {
    match &grant(ruling).obligations.columns {
        None => "all masked".into(),
        Some(columns) => columns.iter().map(treatment).collect::<Vec<_>>().join(", "),
    }
}

/// One treatment in words.
pub fn treatment(treatment: &Treatment) -> String {
    match treatment {
        Treatment::Clear => "clear".into(),
        Treatment::Scan => "scan".into(),
        Treatment::Mask(rule) => format!("{} {}", rule.mask.name(), rule.class),
    }
}

/// The sentence of a refusal.
#[track_caller]
pub fn refusal(ruling: &Ruling) -> &str {
    match &ruling.decision {
        Decision::Refuse(refusal) => &refusal.message,
        Decision::Allow(_) | Decision::Hold(_) => panic!("not refused: {ruling:?}"),
    }
}

/// The rules of a ruling, in words.
pub fn rules(ruling: &Ruling) -> String {
    ruling.rules.iter().map(domain::RuleId::as_str).collect::<Vec<_>>().join(" ")
}

/// The end of a catalog file that has nothing wrong with it.
pub const LIMITS: &str = "\
[[limits]]
rows = 10
bytes = 1000
at_once = 2
per_minute = 5
upstream_seconds_per_hour = 60
statement_seconds = 9
hidden_failures_per_hour = 9
[[reviewers]]
groups = ['stewards']
expires = '30m'
";

/// A bundle of these policies, with classes `email` and `notes`.
pub fn bundle(cedar: &str) -> Bundle {
    bundle_with(cedar, "")
}

/// The same with more in its catalog file.
#[track_caller]
pub fn bundle_with(cedar: &str, catalog: &str) -> Bundle {
    match parse(&[("a.cedar", cedar), ("catalog.toml", &format!("{CLASSES}{catalog}\n{LIMITS}"))]) {
        Ok(bundle) => bundle,
        Err(problems) => panic!("{problems:#?}"),
    }
}

/// Classes and columns of [`bundle`].
pub const CLASSES: &str = "\
[classes.email]
mask = 'email_domain'
[classes.person]
mask = 'token'
[classes.notes]
scan = true
[[columns]]
match = 'DEMO.PUBLIC.CUSTOMERS.EMAIL'
class = 'email'
[[columns]]
match = 'DEMO.PUBLIC.EMPLOYEES.EMAIL'
class = 'email'
[[columns]]
match = 'DEMO.PUBLIC.CUSTOMERS.NAME'
class = 'person'
[[columns]]
match = ['DEMO.PUBLIC.CUSTOMERS.NOTES', 'DEMO.PUBLIC.CUSTOMERS.PROFILE']
class = 'notes'
[[columns]]
match = ['DEMO.PUBLIC.*.ID', 'DEMO.PUBLIC.CUSTOMERS.COUNTRY', 'DEMO.PUBLIC.PRODUCTS.*']
class = 'public'
[[paths]]
match = 'DEMO.PUBLIC.CUSTOMERS.PROFILE'
path = ['contact.email', 'Mail']
class = 'email'
";

/// Permits everything but seeing and testing.
pub const RUN_ALL: &str = "\
@id(\"run\") permit (principal, action in Action::\"run\", resource);
@id(\"use\") permit (principal, action == Action::\"use\", resource);
@id(\"objects\") permit (principal, action in [Action::\"read_object\", Action::\"change_object\"], resource);
@id(\"unattended\") permit (principal, action == Action::\"unattended\", resource);
@id(\"see-public\") permit (principal, action == Action::\"see\", resource == DataClass::\"public\");
";

/// Parses files.
pub fn parse(files: &[(&str, &str)]) -> Result<Bundle, Vec<Problem>> {
    Bundle::parse(&files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect())
}

/// [`RUN_ALL`] without the policy of this name.
pub fn all_but(id: &str) -> String {
    RUN_ALL.lines().filter(|line| !line.contains(&format!("\"{id}\""))).collect::<Vec<_>>().join("\n")
}

/// A read of one column that anybody may see.
pub fn read() -> Statement {
    select().stored("CUSTOMERS.ID")
}
