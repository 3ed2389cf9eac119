//! From readings to a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{Context, SHA256};
use domain::{Catalog, Digest, ObjectName, Relation, RelationKind};

/// One snapshot of these schemas.
pub(super) fn catalog<'a>(
    schemas: &BTreeSet<(String, String)>,
    relations: impl Iterator<Item = &'a BTreeMap<ObjectName, Relation>>,
) -> Catalog {
    let relations: BTreeMap<ObjectName, Relation> =
        relations.flatten().map(|(name, relation)| (name.clone(), relation.clone())).collect();
    let digest = digest(schemas, &relations);
    Catalog { relations, loaded: schemas.clone(), digest }
}

/// SHA-256 over schemas, names, columns, view texts and versions.
///
/// Every text goes in behind its length (8 bytes, big-endian), every list behind its number of items, so that two
/// different catalogs never feed the same bytes. The order is: schemas; then each relation's name, version, kind
/// (`table`, `view`, `view?` for one without a text) with the view's text, and columns with name, type, facets,
/// nullability and tags.
fn digest(schemas: &BTreeSet<(String, String)>, relations: &BTreeMap<ObjectName, Relation>) -> Digest {
    let mut feed = Feed(Context::new(&SHA256));
    feed.number(schemas.len() as u64);
    for (database, schema) in schemas {
        feed.text(database);
        feed.text(schema);
    }
    feed.number(relations.len() as u64);
    for (name, relation) in relations {
        let Relation { kind, columns, version } = relation;
        feed.text(&name.database);
        feed.text(&name.schema);
        feed.text(&name.name);
        feed.0.update(&version.to_be_bytes());
        match kind {
            RelationKind::Table => feed.text("table"),
            RelationKind::View { definition: None } => feed.text("view?"),
            RelationKind::View { definition: Some(text) } => {
                feed.text("view");
                feed.text(text);
            }
        }
        feed.number(columns.len() as u64);
        for column in columns {
            feed.text(&column.name);
            feed.text(column.sql_type.wire_name());
            for facet in [column.sql_type.precision(), column.sql_type.scale(), column.sql_type.length()] {
                feed.number(facet.map_or(0, |facet| facet.saturating_add(1)));
            }
            feed.number(u64::from(column.is_nullable));
            feed.number(column.tags.len() as u64);
            for (name, value) in &column.tags {
                feed.text(name);
                feed.text(value);
            }
        }
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(feed.0.finish().as_ref());
    Digest::from_bytes(bytes)
}

struct Feed(Context);

impl Feed {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }
}
