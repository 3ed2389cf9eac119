//! A question beside the statement: could this principal put values of its own into a table?

use cedar_policy::{Context, Entities, EntityUid, RestrictedExpression};
use domain::{Class, ObjectName};

use crate::asker::{Asker, action_of, asking_for, tier_of_class};
use crate::policies::{Answer, schema_of_tests};
use crate::vocabulary::{Action, entity};

/// The acts that put values of the asker's choice where a query reads them, by class. What a procedure does is its
/// owner's; a block and a text that is run are the asker's own.
const WRITES: [(Class, &[&str]); 5] = [
    (Class::Write, &["insert", "insert_overwrite", "update", "update_all", "merge"]),
    (Class::Import, &["copy_into_table", "put"]),
    (
        Class::Define,
        &[
            "create_table",
            "create_or_alter_table",
            "replace_table",
            "clone_table",
            "swap_table",
            "alter_table",
            "create_view",
            "replace_view",
            "create_dynamic_table",
            "replace_dynamic_table",
            "create_or_alter_view",
            "create_or_alter_dynamic_table",
            // Where views are listed these are not, but they are read as any table.
            "create_materialized_view",
            "replace_materialized_view",
            "replace_event_table",
            "undrop_table",
            "undrop_view",
            // A schema or a database takes its tables with it.
            "clone_schema",
            "replace_schema",
            "swap_schema",
            "undrop_schema",
            "alter_schema",
            "clone_database",
            "replace_database",
            "swap_database",
            "undrop_database",
            "alter_database",
            // What is loaded and what is read of changes later.
            "create_pipe",
            "replace_pipe",
            "create_stream",
            "replace_stream",
        ],
    ),
    (
        Class::Call,
        &["block", "execute_immediate", "create_task", "replace_task", "create_or_alter_task", "alter_task"],
    ),
    (Class::Export, &["create_external_table", "replace_external_table", "create_iceberg_table"]),
];

impl Asker<'_> {
    /// Whether policy lets this principal fill the table, by any act, without a person's yes. What a person must
    /// permit each time is no write of the principal's own.
    ///
    /// The rules that answer are none of the statement's: they are not kept.
    // SECURITY: whatever cannot be told counts as a yes, because a yes takes something away.
    pub(crate) fn may_write(&mut self, object: &ObjectName) -> bool {
        let footprint = &self.case.statement.footprint;
        // Only of these it is known what they lie in.
        if !footprint.reads.contains(object) && !footprint.writes.contains(object) {
            return true;
        }
        let vocabulary = &self.policies.vocabulary;
        if self.with_writes.is_none() {
            let actions = WRITES.iter().map(|(class, _)| *class).filter(|class| !self.runs(*class));
            let actions: Vec<_> = actions.map(|class| action_of(vocabulary, class)).collect();
            self.with_writes = self.entities.clone().add_entities(actions, schema_of_tests()).ok();
        }
        let Some(entities) = &self.with_writes else { return true };
        let table = vocabulary.table(object);
        let mut writes = WRITES.iter().flat_map(|(class, kinds)| kinds.iter().map(|kind| (*class, *kind)));
        writes.any(|(class, kind)| self.may_do(class, kind, &table, entities))
    }

    /// Whether the statement has that class, or calls a function of it: then the entities have its action.
    fn runs(&self, class: Class) -> bool {
        let statement = self.case.statement;
        statement.class == class
            || statement.steps.iter().any(|(step, _)| *step == class)
            || statement.functions.iter().any(|function| function.class == class)
    }

    fn may_do(&self, class: Class, kind: &str, table: &EntityUid, entities: &Entities) -> bool {
        let mut pairs = asking_for(self.case, class, kind, tier_of_class(class));
        pairs.push(("functions".into(), RestrictedExpression::new_set([])));
        pairs.push(("touches_hidden".into(), RestrictedExpression::new_bool(false)));
        pairs.push(("is_complete".into(), RestrictedExpression::new_bool(true)));
        let Ok(context) = Context::from_pairs(pairs) else { return true };
        let statement = entity(&self.policies.vocabulary.statement, kind);
        let questions = [
            (Action::ChangeObject, table),
            (Action::Run(class), &statement),
            (Action::Unattended, table),
            (Action::Unattended, &statement),
        ];
        questions.into_iter().all(|(action, resource)| {
            let request = self.policies.request(&self.principal, action, resource.clone(), context.clone());
            let answer =
                request.map(|request| self.policies.ask(self.case.identity, action, &request, entities));
            match answer {
                Some(Answer::Forbidden(_) | Answer::NotGranted) => false,
                Some(Answer::Granted(_) | Answer::Broken(_)) | None => true,
            }
        })
    }
}
