//! The words of the Cedar schema as values: actions, entities, spellings.

use cedar_policy::{EntityId, EntityTypeName, EntityUid, ParseErrors};
use domain::{Class, ObjectName, identifier};

/// The schema that every bundle is validated against. It is a file of the default bundle, so that there is one.
pub(crate) const SCHEMA: &str = include_str!("../../../infra/policies/default/schema.cedarschema");

/// A question's verb.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Under this role, warehouse, database or schema?
    Use,
    /// May a statement or function of this class run?
    Run(Class),
    /// May this object be read?
    ReadObject,
    /// May this object be changed?
    ChangeObject,
    /// Without a person?
    Unattended,
    /// In clear?
    See,
    /// In a predicate, join, ordering …?
    Test,
    /// Likewise, when a person has said yes?
    TestIfApproved,
}

/// How many actions there are.
pub(crate) const ACTIONS: usize = 7 + Class::ALL.len();

impl Action {
    /// Every action, in the order of [`Action::index`].
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let others = [
            Self::Use,
            Self::ReadObject,
            Self::ChangeObject,
            Self::Unattended,
            Self::See,
            Self::Test,
            Self::TestIfApproved,
        ];
        others.into_iter().chain(Class::ALL.map(Self::Run))
    }

    /// Its place among all actions.
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Use => 0,
            Self::ReadObject => 1,
            Self::ChangeObject => 2,
            Self::Unattended => 3,
            Self::See => 4,
            Self::Test => 5,
            Self::TestIfApproved => 6,
            Self::Run(class) => 7 + class as usize,
        }
    }

    /// Its name in policies.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Run(class) => class.as_str(),
            Self::ReadObject => "read_object",
            Self::ChangeObject => "change_object",
            Self::Unattended => "unattended",
            Self::See => "see",
            Self::Test => "test",
            Self::TestIfApproved => "test_if_approved",
        }
    }

    /// Whether an action or action group of that name in a policy's scope covers this action.
    pub(crate) fn is_named(self, name: &str) -> bool {
        name == self.name() || (name == "run" && matches!(self, Self::Run(_)))
    }
}

/// The entity types of the schema.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    pub(crate) action: EntityTypeName,
    pub(crate) group: EntityTypeName,
    pub(crate) agent: EntityTypeName,
    pub(crate) role: EntityTypeName,
    pub(crate) warehouse: EntityTypeName,
    pub(crate) database: EntityTypeName,
    pub(crate) schema: EntityTypeName,
    pub(crate) table: EntityTypeName,
    pub(crate) absent: EntityTypeName,
    pub(crate) statement: EntityTypeName,
    pub(crate) function: EntityTypeName,
    pub(crate) data_class: EntityTypeName,
}

impl Vocabulary {
    /// Parses the names; they are constants, and a test holds that this succeeds.
    pub(crate) fn new() -> Result<Self, Box<ParseErrors>> {
        let name = |name: &str| name.parse().map_err(Box::new);
        Ok(Self {
            action: name("Action")?,
            group: name("Group")?,
            agent: name("Agent")?,
            role: name("Role")?,
            warehouse: name("Warehouse")?,
            database: name("Database")?,
            schema: name("Schema")?,
            table: name("Table")?,
            absent: name("Absent")?,
            statement: name("Statement")?,
            function: name("Function")?,
            data_class: name("DataClass")?,
        })
    }

    /// The entity of a database, by its stored name.
    pub(crate) fn database(&self, database: &str) -> EntityUid {
        entity(&self.database, identifier(database))
    }

    /// The entity of a schema, by its stored names.
    pub(crate) fn schema(&self, database: &str, schema: &str) -> EntityUid {
        entity(&self.schema, format!("{}.{}", identifier(database), identifier(schema)))
    }

    /// The entity of a table or view.
    pub(crate) fn table(&self, name: &ObjectName) -> EntityUid {
        entity(&self.table, name.to_string())
    }
}

/// The entity of that type and id. Ids are never parsed: whatever an agent writes is only a name.
pub(crate) fn entity(kind: &EntityTypeName, id: impl AsRef<str>) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_its_own_place() {
        let places: Vec<usize> = Action::all().map(Action::index).collect();
        assert_eq!(places, (0..ACTIONS).collect::<Vec<_>>());
    }

    #[test]
    fn names_are_spelled_as_objects_print_them() {
        for part in ["DEMO", "T1$", "1T", "demo", "a.b", "a\"b", "", "_X"] {
            let printed = ObjectName::new(part, "S", "N").to_string();
            assert_eq!(format!("{}.S.N", identifier(part)), printed);
        }
    }

    #[test]
    fn a_quoted_name_cannot_pass_for_another_object() {
        let vocabulary = Vocabulary::new().unwrap();
        assert_ne!(vocabulary.database("DEMO.PUBLIC"), vocabulary.database("DEMO"));
        assert_ne!(vocabulary.schema("A.B", "C"), vocabulary.schema("A", "B.C"));
    }
}
