//! The tags of columns, from the account's own record of them.
//!
//! A tag only ever adds a class, so a tag that is missing means less masking. Whatever makes this reading doubtful is
//! therefore a fault of the whole snapshot, and never a column without tags: also that the view is not there for the
//! catalog role, which elsewhere reads as empty.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use domain::{ObjectName, Relation};
use gateway::ports::Ids;
use gateway::{Fault, Origin};

use super::read::{Row, ask_if_there};
use crate::error::Error;
use crate::upstream::SqlApi;

/// Names are as stored, so that what is bound is compared and never written into the text.
const TAGS: &str = "SELECT OBJECT_NAME, COLUMN_NAME, TAG_DATABASE, TAG_SCHEMA, TAG_NAME, TAG_VALUE \
                    FROM SNOWFLAKE.ACCOUNT_USAGE.TAG_REFERENCES \
                    WHERE DOMAIN = 'COLUMN' AND OBJECT_DELETED IS NULL \
                    AND OBJECT_DATABASE = ? AND OBJECT_SCHEMA = ?";

/// The tags of one column: name to value.
type Tags = BTreeMap<String, String>;

/// Gives the columns of one schema their tags, each by its full name as SQL would need it written
/// (`GOV.TAGS.PRIVACY`, `GOV.TAGS."Odd name"`).
pub(super) async fn add(
    account: &SqlApi,
    ids: &dyn Ids,
    (database, schema): &(String, String),
    relations: &mut BTreeMap<ObjectName, Relation>,
) -> Result<(), Fault> {
    let rows: Option<Vec<Row<6>>> = ask_if_there(account, ids, database, TAGS, &[database, schema]).await?;
    let rows =
        rows.ok_or(Error::NotSet("the catalog role cannot read SNOWFLAKE.ACCOUNT_USAGE.TAG_REFERENCES"));
    let mut tags = rows.and_then(by_column).map_err(|error| error.into_fault(Origin::Catalogs))?;
    // What is left over names what was renamed since, or what appeared after the columns were read: the record is late.
    for (object, relation) in relations {
        for column in &mut relation.columns {
            column.tags = tags.remove(&(object.name.clone(), column.name.clone())).unwrap_or_default();
        }
    }
    Ok(())
}

/// The tags by object and column.
fn by_column(rows: Vec<Row<6>>) -> Result<BTreeMap<(String, String), Tags>, Error> {
    let mut columns: BTreeMap<(String, String), Tags> = BTreeMap::new();
    for row in rows {
        let [Some(object), Some(column), Some(database), Some(schema), Some(name), Some(value)] = row else {
            return Err(Error::Nonsense("a tag has no name, column or value"));
        };
        let tag = ObjectName::new(database, schema, name).to_string();
        match columns.entry((object, column)).or_default().entry(tag) {
            Entry::Vacant(free) => {
                free.insert(value);
            }
            Entry::Occupied(taken) if *taken.get() == value => {}
            // SECURITY: whichever were taken, the other's class would be lost.
            Entry::Occupied(_) => return Err(Error::Nonsense("a column has one tag with two values")),
        }
    }
    Ok(columns)
}
