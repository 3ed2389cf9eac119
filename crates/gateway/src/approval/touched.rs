//! What the catalog says of everything that a statement touches. A person approves what it says when they are asked; once it says
//! something else, they are asked anew.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Asked, Catalog, Class, ObjectName, Relation, RelationKind};
use masking::Detectors;
use recording::ViewRecord;

use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::opening::recordable_sql;
use crate::reading::Read;
use crate::seal;
use crate::snapshot::snapshot;

/// How often a catalog that has changed while it was read is read again.
const TRIES: usize = 3;

/// Bytes of one view's definition at most that a record keeps, and of all of one asking.
const LONGEST_VIEW: usize = 16 * 1024;
const LONGEST_VIEWS: usize = 64 * 1024;

/// What the catalog says of the objects that statements touch: their columns, types and versions, and the definitions of the
/// views among them. Views are read down to their tables, so those beneath are among them.
// INVARIANT: an empty digest is no other's, so that what could not be told is asked for anew.
#[derive(Default)]
pub(crate) struct Surroundings {
    /// `hmac-sha256:…` over all of it.
    pub digest: String,
    /// The same without the versions of what is only made anew: what must stay as it is between two runs of one text, of which
    /// the first may be what has made it.
    pub defined: String,
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
        let further =
            if unread.is_empty() { None } else { Some(self.ports.catalogs.snapshot(&unread).await?) };
        let catalogs = [Some(&read.catalog), further.as_ref()];
        let catalogs: Vec<&Catalog> = catalogs.into_iter().flatten().map(AsRef::as_ref).collect();
        Ok(told(key, &names, &only_made(read), &catalogs, detectors))
    }

    /// What was asked, read against a catalog that says what its source says at this moment.
    pub(super) async fn read_afresh(
        &self,
        key: &[u8; 32],
        asked: &Asked,
        detectors: &Detectors,
    ) -> Result<(Read, Surroundings), Fault> {
        for _ in 0..TRIES {
            let read = self.read(asked).await?;
            let touched = self.touched(key, &read, detectors).await?;
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
    let besides: String = absent.iter().map(|name| format!("\n{name}")).collect();
    let digest_of = |kind, relations| {
        let said = format!("{}{besides}", snapshot(BTreeSet::new(), relations).digest);
        format!("hmac-sha256:{}", seal::keyed_word(key, kind, &said))
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

/// The views among these, as they may be shown.
fn views(found: &BTreeMap<ObjectName, Relation>, detectors: &Detectors) -> Vec<ViewRecord> {
    let mut left = LONGEST_VIEWS;
    let mut views = Vec::new();
    for (name, Relation { kind, .. }) in found {
        let RelationKind::View { definition } = kind else { continue };
        let name = detectors.redact_text(&name.to_string(), "").into_owned();
        let view = match definition {
            Some(text) if text.len() <= LONGEST_VIEW.min(left) => {
                left = left.saturating_sub(text.len());
                ViewRecord { name, definition: Some(recordable_sql(detectors, text)), length: None }
            }
            Some(text) => ViewRecord { name, definition: None, length: Some(text.len() as u64) },
            None => ViewRecord { name, definition: None, length: None },
        };
        views.push(view);
    }
    views
}
