//! From statements and grants to what a result is bound to when it comes.

use std::collections::BTreeSet;

use domain::{
    Catalog, ColumnRef, Context, Grant, Mask, ObjectName, RelationKind, ShownHow, ShownOutput, Statement,
};
use masking::{AnsweredColumn, Detectors};
use policy::Bundle;
use recording::TreatmentRecord;

use crate::live::{PartPlan, Touched};

/// What one statement's result is bound to; without a grant everything is masked.
pub(crate) fn part_plan(
    statement: &Statement,
    catalog: &Catalog,
    grant: Option<&Grant>,
    detectors: &Detectors,
) -> PartPlan {
    let obligations = grant.map(|grant| &grant.obligations);
    let outputs = statement.lineage.outputs.as_deref();
    PartPlan {
        names: outputs.map(|outputs| {
            outputs.iter().map(|output| Some(storable(detectors, output.name.as_ref()?))).collect()
        }),
        stored_names: outputs.map_or_else(Vec::new, |outputs| stored_names(outputs, detectors)),
        columns: obligations
            .and_then(|obligations| obligations.columns.as_ref())
            .map(|columns| columns.iter().map(TreatmentRecord::from).collect()),
        unforeseen: obligations
            .map_or_else(masked_whole, |obligations| TreatmentRecord::from(&obligations.unforeseen)),
        mask_column_names: obligations.is_none_or(|obligations| obligations.mask_column_names),
        origins: outputs.map(|outputs| outputs.iter().map(|output| origin_of(output, catalog)).collect()),
    }
}

/// So many names of stored columns tell what one column holds.
pub(crate) const MOST_NAMES: usize = 16;

/// What nobody decided on is not shown.
pub(crate) fn masked_whole() -> TreatmentRecord {
    TreatmentRecord::Mask { class: "unknown".to_owned(), mask: Mask::Redact.name() }
}

/// A name as the live state may hold it.
// SECURITY: an agent chooses its aliases and may name objects that do not exist, and the state is no sealed place.
fn storable(detectors: &Detectors, name: &str) -> String {
    detectors.redact_text(name, "").into_owned()
}

/// What the stored columns are called that each column shows as they are, and the members of JSON; nothing at all where
/// every column keeps its name.
fn stored_names(outputs: &[ShownOutput], detectors: &Detectors) -> Vec<Vec<String>> {
    let is_renamed = |output: &ShownOutput| {
        output
            .shows
            .iter()
            .any(|shown| shown.how == ShownHow::Path || output.name.as_ref() != Some(&shown.column.column))
    };
    if !outputs.iter().any(is_renamed) {
        return Vec::new();
    }
    let names = |output: &ShownOutput| {
        let shown = output.shows.iter().filter(|shown| shown.how != ShownHow::Derived);
        let names = shown.flat_map(|shown| [Some(&shown.column.column), shown.path.last()]).flatten();
        let names: BTreeSet<&String> = names.collect();
        names.into_iter().take(MOST_NAMES).map(|name| storable(detectors, name)).collect()
    };
    outputs.iter().map(names).collect()
}

/// What upstream answered, its names as the plan's are kept: what was redacted alike is the same.
pub(crate) fn as_planned(answered: &[AnsweredColumn], detectors: &Detectors) -> Vec<AnsweredColumn> {
    answered
        .iter()
        .map(|column| AnsweredColumn { name: storable(detectors, &column.name), ..column.clone() })
        .collect()
}

/// Where a column comes from that shows exactly one stored column as it is, with the type that the catalog knows.
fn origin_of(output: &ShownOutput, catalog: &Catalog) -> Option<[String; 5]> {
    let mut shows = output.shows.iter();
    let (Some(shown), None) = (shows.next(), shows.next()) else { return None };
    if shown.how != ShownHow::Stored || !output.is_known {
        return None;
    }
    let ColumnRef { object, column } = &shown.column;
    let relation = catalog.relation(object)?;
    let stored = relation.columns.iter().find(|candidate| candidate.name == *column)?;
    Some([
        object.database.clone(),
        object.schema.clone(),
        object.name.clone(),
        column.clone(),
        stored.sql_type.wire_name().to_owned(),
    ])
}

/// How the answer contradicts where the columns should come from: a sentence without names or values.
///
/// Upstream may leave an origin out, and names a view where the plan knows the table behind it; so only another
/// *table or view that the statement does not read*, or another type, contradicts.
pub(crate) fn contradiction(
    plan: &PartPlan,
    answered: &[AnsweredColumn],
    reads: &[[String; 3]],
) -> Option<&'static str> {
    let origins = plan.origins.as_deref()?;
    for (origin, column) in origins.iter().zip(answered) {
        let Some([_, _, _, _, sql_type]) = origin else { continue };
        if *sql_type != column.sql_type.wire_name() {
            return Some("upstream answered a stored column with another type than the catalog knows");
        }
        if let Some(ColumnRef { object, .. }) = &column.origin {
            let is_read = reads.iter().any(|[database, schema, name]| {
                object.database == *database && object.schema == *schema && object.name == *name
            });
            if !is_read {
                return Some("upstream answered a column from an object that the statement does not read");
            }
        }
    }
    None
}

/// The objects that hold anything classified and are read, with their versions: if one of them changes before the
/// rows are released, what was decided is about something else.
pub(crate) fn touched(
    statements: &[(Context, Statement)],
    catalog: &Catalog,
    bundle: &Bundle,
) -> Vec<Touched> {
    let mut touched: Vec<Touched> = Vec::new();
    for (_, statement) in statements {
        for name in &statement.footprint.reads {
            let Some(relation) = catalog.relation(name) else { continue };
            let is_view = matches!(relation.kind, RelationKind::View { .. });
            let object = object_parts(name);
            let is_classified = is_view || bundle.is_classified(catalog, name);
            if is_classified && !touched.iter().any(|seen| seen.object == object) {
                touched.push(Touched { object, version: relation.version });
            }
        }
    }
    touched
}

/// Database, schema and name.
pub(crate) fn object_parts(name: &ObjectName) -> [String; 3] {
    [name.database.clone(), name.schema.clone(), name.name.clone()]
}

/// The same as the live state may hold it. An object whose name was redacted is found nowhere, which ends in less.
pub(crate) fn storable_parts(name: &ObjectName, detectors: &Detectors) -> [String; 3] {
    object_parts(name).map(|part| storable(detectors, &part))
}

/// The object with these parts.
pub(crate) fn object_named([database, schema, name]: &[String; 3]) -> ObjectName {
    ObjectName::new(database.clone(), schema.clone(), name.clone())
}
