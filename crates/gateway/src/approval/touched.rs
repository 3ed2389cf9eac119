//! What the catalog says of everything that a statement touches. A person approves what it says when they are asked; once it says
//! something else, they are asked anew.
//!
//! So it is with the functions and procedures that a statement calls and that are not Snowflake's own: whatever bears such a name
//! where it may be looked for. What one of them reaches in its turn is in nobody's catalog: another that it calls, a table that a
//! script names, a file of its handler that lies in a stage.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Asked, Catalog, Class, Context, Decision, Footprint, FunctionName, ObjectName, Refusal, RefusalCode,
    Relation, RelationKind, Ruling, Statement,
};
use masking::Detectors;
use policy::{Bundle, full_names};
use recording::ViewRecord;

use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::opening::recordable_sql;
use crate::ports::Routine;
use crate::reading::{MOST_SCHEMAS, Read, refusal};
use crate::seal;
use crate::snapshot::snapshot;

/// How often a catalog that has changed while it was read is read again.
const TRIES: usize = 3;

/// Bytes of one view's definition at most that a record keeps, and of all of one asking.
const LONGEST_VIEW: usize = 16 * 1024;
const LONGEST_VIEWS: usize = 64 * 1024;

/// What the catalog says of the objects that statements touch: their columns, types and versions, and the definitions of the
/// views among them. Views are read down to their tables, so those beneath are among them.
#[derive(Default)]
pub(crate) struct Surroundings {
    /// `hmac-sha256:…` over all of it; none where it cannot be told.
    // INVARIANT: none is no other's, not even another none, so that what could not be told is asked for anew.
    pub digest: Option<String>,
    /// The same without the versions of what is only made anew: what must stay as it is between two runs of one text, of which
    /// the first may be what has made it.
    pub defined: Option<String>,
    /// The views, as they may be shown.
    pub views: Vec<ViewRecord>,
    /// What there is of the objects, and in which version.
    versions: BTreeMap<ObjectName, i64>,
    /// What there is not, as far as it could be.
    absent: BTreeSet<ObjectName>,
}

impl Gateway {
    /// What the catalog says of whatever these statements touch.
    pub(crate) async fn touched(
        &self,
        key: &[u8; 32],
        read: &Read,
        text: &str,
        detectors: &Detectors,
    ) -> Result<Surroundings, Fault> {
        let statements = read.statements.iter().map(|(_, statement)| &statement.footprint);
        let names: BTreeSet<&ObjectName> =
            statements.flat_map(|footprint| footprint.reads.iter().chain(&footprint.writes)).collect();
        // What is only written was not looked up for reading.
        let unread: BTreeSet<(String, String)> = names
            .iter()
            .filter(|name| !name.database.is_empty() && !name.schema.is_empty())
            .filter(|name| !read.catalog.has_schema(&name.database, &name.schema))
            .map(|name| (name.database.clone(), name.schema.clone()))
            .collect();
        let is_beyond = unread.len() > MOST_SCHEMAS;
        let is_asked = !unread.is_empty() && !is_beyond;
        let further = if is_asked { Some(self.ports.catalogs.snapshot(&unread).await?) } else { None };
        let catalogs = [Some(&read.catalog), further.as_ref()];
        let catalogs: Vec<&Catalog> = catalogs.into_iter().flatten().map(AsRef::as_ref).collect();
        let routines = match called(read, text) {
            Ok(called) if called.is_empty() => Some(String::new()),
            Ok(called) => Some(said_of(&self.ports.catalogs.routines(&called).await?)?),
            Err(_) => None,
        };
        let told = told(key, &names, &only_made(read), &catalogs, routines.as_deref(), detectors);
        // SECURITY: whatever nobody has read of it touches who knows what, which may be another thing in a later run.
        let is_known = !is_beyond && !read.statements.iter().any(is_opaque);
        let defined = told.defined.filter(|_| is_known);
        Ok(Surroundings { defined, ..told })
    }

    /// What was asked, read against a catalog that says what its source says at this moment.
    pub(super) async fn read_afresh(
        &self,
        key: &[u8; 32],
        asked: &Asked,
        detectors: &Detectors,
    ) -> Result<(Read, Surroundings), Fault> {
        for _ in 0..TRIES {
            let read = self.read_patiently(asked).await?;
            let touched = self.touched(key, &read, asked.text.reveal(), detectors).await?;
            let names: BTreeSet<ObjectName> =
                touched.versions.keys().chain(&touched.absent).cloned().collect();
            if self.ports.catalogs.versions(&names).await? == touched.versions {
                return Ok((read, touched));
            }
            // SECURITY: a snapshot may be a minute old, and a view was redefined within it.
            self.ports.catalogs.forget(&names).await;
        }
        Err(Fault::passing(Origin::Catalogs, "what an approved statement touches changes while it is read"))
    }
}

/// Why nobody can tell what a text calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Untold {
    /// The method of a model or of an instance, which no list of functions tells.
    Method,
    /// It stands elsewhere, or is known once it runs.
    Elsewhere,
    /// A name that no database completes.
    Short,
    /// A name of too many parts.
    Long,
    /// A text that cannot be cut into pieces.
    Pieces,
    /// More schemas than are looked up.
    Many,
}

impl Untold {
    /// Why, and what to write instead.
    fn words(self) -> [&'static str; 2] {
        match self {
            Self::Method => [
                "it calls a method of a model or of an instance, and nothing tells what that does",
                "call a procedure by its full name that calls the method, or ask a security engineer for a rule that permits it \
                 without a person",
            ],
            Self::Elsewhere => [
                "what it runs is not told by its text (a task, an alert, a job, a name that is made when it runs, a body in \
                 another language)",
                "send those statements themselves, or call a procedure by its full name",
            ],
            Self::Short => [
                "it calls something by a name without a database, and no database is in use",
                "write that name as DATABASE.SCHEMA.NAME",
            ],
            Self::Long => [
                "it calls something by a name of more than three parts",
                "write that name as DATABASE.SCHEMA.NAME",
            ],
            Self::Pieces => {
                ["its text cannot be cut into pieces", "mend a quote or a comment that does not end"]
            }
            Self::Many => [
                "it names objects of more schemas than anybody looks up",
                "ask in several calls, of fewer schemas each",
            ],
        }
    }
}

/// The no to what a person would have to approve, where nobody can tell what it calls: their yes would be to no one thing, and
/// would never let it run. None where it can be told.
pub(crate) fn untold(read: &Read, text: &str, why_held: &str) -> Option<Refusal> {
    let [why, instead] = called(read, text).err()?.words();
    let message =
        format!("this waits for a person ({why_held}), and nobody can approve it: {why}. Instead, {instead}");
    Some(Refusal { code: RefusalCode::Policy, message, retry_after: None, scopes: Vec::new() })
}

/// The rule by which that is refused.
pub(crate) const UNTOLD: &str = "gateway:untold";

/// What was ruled; where people would be asked for what nobody can tell, no.
pub(crate) fn unless_untold(bundle: &Bundle, read: &Read, text: &str, ruling: Ruling) -> Ruling {
    // A request for access calls nothing.
    let (Decision::Hold(hold), None) = (&ruling.decision, &read.request) else { return ruling };
    match untold(read, text, &hold.reason) {
        Some(Refusal { code, message, .. }) => refusal(bundle, UNTOLD, code, message),
        None => ruling,
    }
}

fn is_opaque((_, statement): &(Context, Statement)) -> bool {
    statement.class == Class::Opaque
}

/// The names under which these statements' functions and procedures may be found.
fn called(read: &Read, text: &str) -> Result<BTreeSet<ObjectName>, Untold> {
    let mut names = BTreeSet::new();
    let footprints = read.statements.iter().map(|(_, statement)| &statement.footprint);
    let objects = footprints.flat_map(|footprint| footprint.reads.iter().chain(&footprint.writes));
    let schemas: BTreeSet<_> = objects.map(|name| (&name.database, &name.schema)).collect();
    if schemas.len() > MOST_SCHEMAS {
        return Err(Untold::Many);
    }
    // SECURITY: of what was not read whole every call counts that its pieces tell.
    let by_pieces = if read.statements.iter().any(is_opaque) {
        sql::calls(text).ok_or(Untold::Pieces)?
    } else {
        BTreeSet::new()
    };
    for of @ (context, statement) in &read.statements {
        // A view calls what is found beside it.
        let Footprint { reads, writes } = &statement.footprint;
        let touched = reads.iter().chain(writes).filter(|name| !name.schema.is_empty());
        let beside = touched.map(|name| (name.database.as_str(), name.schema.as_str())).collect();
        let by_pieces = by_pieces.iter().filter(|_| is_opaque(of));
        for function in statement.functions.iter().chain(by_pieces) {
            let parts = function.name.parts();
            let full = full_names(function, context, &beside).ok_or_else(|| {
                if parts.iter().any(|part| part == FunctionName::UNTOLD) {
                    Untold::Elsewhere
                } else if context.database.is_none() && parts.len() < 3 {
                    Untold::Short
                } else {
                    Untold::Long
                }
            })?;
            let is_method = parts.last().is_some_and(|last| last.contains('!'));
            if is_method && !full.is_empty() {
                return Err(Untold::Method);
            }
            for ObjectName { database, schema, name } in full {
                // In quotes a name keeps its case, unless the account says otherwise.
                let names_there = [name.clone(), name.to_ascii_uppercase()];
                names.extend(names_there.map(|name| ObjectName::new(&database, &schema, name)));
            }
        }
    }
    Ok(names)
}

/// What is said of these, a line each.
fn said_of(routines: &BTreeMap<ObjectName, BTreeSet<Routine>>) -> Result<String, Fault> {
    let mut said = String::new();
    for (name, routines) in routines {
        // INVARIANT: no name of an object begins so, and JSON has no line break of its own.
        let routines = serde_json::to_string(routines)
            .map_err(|error| Fault::lasting(Origin::Catalogs, "a function cannot be told").because(error))?;
        said.push_str(&format!("\n({name}) {routines}"));
    }
    Ok(said)
}

/// What a `CREATE` of these statements makes, and no other of them touches.
fn only_made(read: &Read) -> BTreeSet<&ObjectName> {
    let (mut made, mut used) = (BTreeSet::new(), BTreeSet::new());
    for (_, statement) in &read.statements {
        let is_create = statement.class == Class::Define
            && ["create_", "replace_"].iter().any(|verb| statement.kind.as_str().starts_with(verb));
        used.extend(&statement.footprint.reads);
        if is_create { &mut made } else { &mut used }.extend(&statement.footprint.writes);
    }
    made.difference(&used).copied().collect()
}

fn told(
    key: &[u8; 32],
    names: &BTreeSet<&ObjectName>,
    only_made: &BTreeSet<&ObjectName>,
    catalogs: &[&Catalog],
    routines: Option<&str>,
    detectors: &Detectors,
) -> Surroundings {
    let mut found: BTreeMap<ObjectName, Relation> = BTreeMap::new();
    let mut absent = BTreeSet::new();
    for name in names {
        // A schema is whatever lies in it.
        let is_schema = name.name.is_empty() && !name.schema.is_empty();
        let lies_in = |other: &ObjectName| (&other.database, &other.schema) == (&name.database, &name.schema);
        let mut is_there = false;
        for catalog in catalogs {
            if let Some(relation) = catalog.relation(name) {
                found.insert(ObjectName::clone(name), relation.clone());
                is_there = true;
            }
            if is_schema {
                let inside = catalog.relations.iter().filter(|(other, _)| lies_in(other));
                found.extend(inside.map(|(other, relation)| (other.clone(), relation.clone())));
            }
        }
        if !is_there {
            absent.insert(ObjectName::clone(name));
        }
    }
    let versions = found.iter().map(|(name, relation)| (name.clone(), relation.version)).collect();
    let views = views(&found, detectors);
    // INVARIANT: injective. Names print so that no two lists of them print alike.
    let nowhere: String = absent.iter().map(|name| format!("\n{name}")).collect();
    let digest_of = |kind, relations| {
        let said = format!("{}{nowhere}{}", snapshot(BTreeSet::new(), relations).digest, routines?);
        Some(format!("hmac-sha256:{}", seal::keyed_word(key, kind, &said)))
    };
    let without_version = |(name, relation): (&ObjectName, &Relation)| {
        let version = if only_made.contains(name) { 0 } else { relation.version };
        (name.clone(), Relation { version, ..relation.clone() })
    };
    let defined = digest_of("defined", found.iter().map(without_version).collect());
    let digest = digest_of("touched", found);
    // Whatever has no full name is nowhere to be looked for.
    absent.retain(|name| [&name.database, &name.schema, &name.name].into_iter().all(|part| !part.is_empty()));
    Surroundings { digest, defined, views, versions, absent }
}

/// The views among these, as they may be shown: the shortest first, so that long ones keep none of them away.
fn views(found: &BTreeMap<ObjectName, Relation>, detectors: &Detectors) -> Vec<ViewRecord> {
    let mut shortest: Vec<(usize, &ObjectName)> = found
        .iter()
        .filter_map(|(name, relation)| match &relation.kind {
            RelationKind::View { definition: Some(text) } => Some((text.len(), name)),
            RelationKind::View { definition: None } | RelationKind::Table => None,
        })
        .filter(|(length, _)| *length <= LONGEST_VIEW)
        .collect();
    shortest.sort_unstable();
    let mut left = LONGEST_VIEWS;
    let fitting: BTreeSet<&ObjectName> = shortest
        .into_iter()
        .map_while(|(length, name)| {
            left = left.checked_sub(length)?;
            Some(name)
        })
        .collect();
    let mut views = Vec::new();
    for (object, Relation { kind, .. }) in found {
        let RelationKind::View { definition } = kind else { continue };
        let name = detectors.redact_text(&object.to_string(), "").into_owned();
        let view = match definition {
            Some(text) if fitting.contains(object) => {
                ViewRecord { name, definition: Some(recordable_sql(detectors, text)), length: None }
            }
            Some(text) => ViewRecord { name, definition: None, length: Some(text.len() as u64) },
            None => ViewRecord { name, definition: None, length: None },
        };
        views.push(view);
    }
    views
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::{Bindings, Column, SqlType};

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let context = Context { database: Some("DB".into()), schema: Some("S".into()), ..Context::default() };
        check_in(context, text, expected);
    }

    #[track_caller]
    fn check_in(context: Context, text: &str, expected: &[&str]) {
        let column = Column {
            name: "ID".to_owned(),
            sql_type: SqlType::Fixed { precision: 38, scale: 0 },
            is_nullable: true,
            tags: BTreeMap::new(),
        };
        let table = Relation { kind: RelationKind::Table, columns: vec![column], version: 1 };
        let loaded = [("DB".to_owned(), "S".to_owned()), ("OTHER".to_owned(), "T".to_owned())];
        let relations = BTreeMap::from([(ObjectName::new("OTHER", "T", "ORDERS"), table)]);
        let catalog = snapshot(loaded.into(), relations);
        let (bindings, variables) = (Bindings::new(), BTreeMap::new());
        let scope =
            sql::Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
        let batch = sql::read_batch(text, &scope);
        let statements = batch.into_iter().map(|(_, statement)| (context.clone(), statement)).collect();
        let names = called(&Read { statements, catalog: Arc::new(catalog), request: None }, text);
        let names = names.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(names.unwrap_or_else(|why| vec![format!("? {why:?}")]), expected, "{text}");
    }

    #[test]
    fn a_function_is_looked_for_wherever_its_name_may_lie() {
        check("select f(id) from other.t.orders", &["DB.PUBLIC.F", "DB.S.F", "OTHER.T.F"]);
        check("select x.f(1)", &["DB.X.F"]);
        check("call a.b.tidy(1)", &["A.B.TIDY"]);
        check("call Tidy(1)", &["DB.PUBLIC.TIDY", "DB.S.TIDY"]);
        check("select count(*), upper('x'), sum(id) from other.t.orders", &[]);
        check("select snowflake.cortex.complete('a', 'b')", &[]);
    }

    #[test]
    fn a_quoted_name_is_looked_for_as_it_is_stored() {
        check("call db.s.\"tidy\"(1)", &["DB.S.TIDY", "DB.S.\"tidy\""]);
        check("select db.s.\"a.b\"(id) from other.t.orders", &["DB.S.\"A.B\"", "DB.S.\"a.b\""]);
        check("select db.\"s\".f(1)", &["DB.\"s\".F"]);
        check("create view db.s.v as select db.\"s\".f(id) from other.t.orders", &["DB.\"s\".F"]);
        check("select snowflake.f(1)", &["DB.SNOWFLAKE.F"]);
        check("select snowflake(1)", &["DB.PUBLIC.SNOWFLAKE", "DB.S.SNOWFLAKE"]);
        check(
            "select \"SNOWFLAKE.CORTEX.COMPLETE\"(1)",
            &["DB.PUBLIC.\"SNOWFLAKE.CORTEX.COMPLETE\"", "DB.S.\"SNOWFLAKE.CORTEX.COMPLETE\""],
        );
        check("select identifier('db.s.\"f\"')(1)", &["DB.S.F", "DB.S.\"f\""]);
    }

    #[test]
    fn without_a_database_a_shorter_name_tells_nothing() {
        for text in ["call tidy(1)", "call s.tidy(1)", "select f(1)", "select f(id) from other.t.orders"] {
            check_in(Context::default(), text, &["? Short"]);
        }
        check_in(Context::default(), "call db.s.tidy(1)", &["DB.S.TIDY"]);
        check_in(Context::default(), "select count(*), system$typeof(1) from other.t.orders", &[]);
    }

    #[test]
    fn what_a_text_runs_and_does_not_name_is_never_the_same() {
        for text in ["call db.s.m!forecast(3)", "select m!predict(1)"] {
            check(text, &["? Method"]);
        }
        for text in [
            "execute task db.s.t",
            "begin execute alert db.s.a; end",
            "execute immediate 'execute task db.s.t'",
        ] {
            check(text, &["? Elsewhere"]);
        }
        check("begin call db.s.tidy(1); end", &["DB.S.TIDY"]);
        check("execute immediate 'begin call x.tidy(1); end'", &["DB.X.TIDY"]);
        check("create task other.t.w as call tidy()", &["DB.PUBLIC.TIDY", "DB.S.TIDY", "OTHER.T.TIDY"]);
        check("call db.s.tidy(db.s.f(1))", &["DB.S.F", "DB.S.TIDY"]);
    }

    #[test]
    fn a_function_in_what_cannot_be_read_is_looked_for_as_well() {
        check("select * from other.t.orders limit a.b.f(1)", &["A.B.F"]);
        check("select * from other.t.orders pivot (a.b.f(id) for id in (1, 2))", &["A.B.F"]);
        check("select ceil(a.b.f(1) to 2), upper('x')", &["A.B.F"]);
        check("frobnicate a.b.f(1) \"a.b.g(2)\"", &["A.B.F"]);
        check("frobnicate m!predict(1)", &["? Method"]);
        check("frobnicate 'a", &["? Pieces"]);
    }

    #[test]
    fn what_cannot_be_looked_for_is_never_the_same() {
        check("select a.b.c.d(1)", &["? Long"]);
        let (nothing, detectors) = (BTreeSet::new(), Detectors::standard());
        let told = |routines| told(&[7; 32], &nothing, &nothing, &[], routines, &detectors);
        assert_eq!((told(None).digest, told(None).defined), (None, None));
        assert!(told(Some("")).digest.is_some());
    }

    #[test]
    fn long_views_keep_no_short_one_from_being_shown() {
        let view = |length: usize| Relation {
            kind: RelationKind::View { definition: Some("x".repeat(length)) },
            columns: Vec::new(),
            version: 1,
        };
        let long = LONGEST_VIEWS / 4;
        let all = ["A", "B", "C", "D", "E"].map(|name| (ObjectName::new("DB", "S", name), view(long)));
        let found = all.into_iter().chain([(ObjectName::new("DB", "S", "Z"), view(33))]).collect();
        let shown: Vec<bool> =
            views(&found, &Detectors::standard()).iter().map(|view| view.definition.is_some()).collect();
        assert_eq!(shown, [true, true, true, false, false, true]);
    }
}
