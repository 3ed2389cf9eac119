//! Making a catalog snapshot, with the digest that names it in every decision.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{Context, SHA256};
use domain::{Catalog, Column, Digest, ObjectName, Relation, RelationKind};

/// The snapshot of these schemas, whole, with these tables and views.
///
/// Every adapter of the port `Catalogs` makes its snapshots here, so that one digest means one content whoever read it.
pub fn snapshot(loaded: BTreeSet<(String, String)>, relations: BTreeMap<ObjectName, Relation>) -> Catalog {
    let digest = digest(&loaded, &relations);
    Catalog { relations, loaded, digest }
}

/// SHA-256 over schemas, names, columns, tags, view texts and versions.
///
/// Every text goes in behind its length (8 bytes, big-endian), every list behind its number of items, so that two
/// different catalogs never feed the same bytes. The order is: schemas; then each relation's name, version, kind
/// (`table`, `view`, `view?` for one without a text) with the view's text, and columns with name, type, facets,
/// nullability and tags.
fn digest(loaded: &BTreeSet<(String, String)>, relations: &BTreeMap<ObjectName, Relation>) -> Digest {
    let mut feed = Feed(Context::new(&SHA256));
    feed.count(loaded.len());
    for (database, schema) in loaded {
        feed.text(database);
        feed.text(schema);
    }
    feed.count(relations.len());
    for (name, relation) in relations {
        // Taken apart in full: what is added to one of these belongs into the digest.
        let ObjectName { database, schema, name } = name;
        let Relation { kind, columns, version } = relation;
        for part in [database, schema, name] {
            feed.text(part);
        }
        feed.0.update(&version.to_be_bytes());
        match kind {
            RelationKind::Table => feed.text("table"),
            RelationKind::View { definition: None } => feed.text("view?"),
            RelationKind::View { definition: Some(text) } => {
                feed.text("view");
                feed.text(text);
            }
        }
        feed.count(columns.len());
        for column in columns {
            feed.column(column);
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

    fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text.as_bytes());
    }

    fn column(&mut self, column: &Column) {
        let Column { name, sql_type, is_nullable, tags } = column;
        self.text(name);
        self.text(sql_type.wire_name());
        for facet in [sql_type.precision(), sql_type.scale(), sql_type.length()] {
            self.number(facet.map_or(0, |facet| facet.saturating_add(1)));
        }
        self.number(u64::from(*is_nullable));
        self.count(tags.len());
        for (tag, value) in tags {
            self.text(tag);
            self.text(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::SqlType;

    use super::*;

    fn schemas() -> BTreeSet<(String, String)> {
        BTreeSet::from([("DEMO".to_owned(), "PUBLIC".to_owned())])
    }

    fn column(name: &str) -> Column {
        let tags = BTreeMap::from([("GOV.TAGS.PRIVACY".to_owned(), "MAIL".to_owned())]);
        Column { name: name.to_owned(), sql_type: SqlType::Text { length: 10 }, is_nullable: true, tags }
    }

    fn view() -> Relation {
        let kind = RelationKind::View { definition: Some("select 1".to_owned()) };
        Relation { kind, columns: vec![column("A"), column("B")], version: 7 }
    }

    fn digest_of(relation: Relation) -> Digest {
        snapshot(schemas(), BTreeMap::from([(ObjectName::new("DEMO", "PUBLIC", "V"), relation)])).digest
    }

    #[test]
    fn the_digest_changes_with_anything_that_is_known() {
        let changes: [fn(&mut Relation); 14] = [
            |_| {},
            |view| view.version = 8,
            |view| view.kind = RelationKind::Table,
            |view| view.kind = RelationKind::View { definition: None },
            |view| view.kind = RelationKind::View { definition: Some("select 2".to_owned()) },
            |view| view.columns.swap(0, 1),
            |view| view.columns.truncate(1),
            |view| view.columns[0].is_nullable = false,
            |view| view.columns[0].sql_type = SqlType::Text { length: 11 },
            |view| view.columns[0].sql_type = SqlType::Binary { length: 10 },
            |view| view.columns[0].tags.clear(),
            |view| {
                view.columns[1].tags.clear();
            },
            |view| {
                view.columns[0].tags.insert("GOV.TAGS.PRIVACY".to_owned(), "NAME".to_owned());
            },
            |view| {
                view.columns[0].tags.insert("GOV.TAGS.OTHER".to_owned(), "MAIL".to_owned());
            },
        ];
        let digests: BTreeSet<String> = changes
            .iter()
            .map(|change| {
                let mut view = view();
                change(&mut view);
                digest_of(view).to_string()
            })
            .collect();
        assert_eq!(digests.len(), changes.len());
        let elsewhere = BTreeMap::from([(ObjectName::new("DEMO", "PUBLIC", "W"), view())]);
        assert!(!digests.contains(&snapshot(schemas(), elsewhere).digest.to_string()));
    }

    #[test]
    fn an_empty_schema_is_not_an_unknown_one() {
        let nothing = snapshot(BTreeSet::new(), BTreeMap::new()).digest;
        assert_ne!(snapshot(schemas(), BTreeMap::new()).digest, nothing);
    }
}
