//! Questions: may each shown column be seen in clear, may each tested column be tested?

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use domain::{
    Case, Class, ColumnRef, ErrorText, Kind, Mask, MaskClass, MaskRule, ObjectName, ShownColumn, ShownHow,
    ShownOutput, TestedHow, Treatment,
};

use crate::asker::{Asker, Tested};
use crate::catalog_file::CatalogFile;
use crate::classes::{ClassId, ClassSet};
use crate::columns::{ColumnClasses, TableRules};
use crate::refusal::No;

/// What the answers make of a result.
pub(crate) struct Judged {
    /// One treatment a result column; none when the columns are not known.
    pub(crate) treatments: Option<Vec<Treatment>>,
    /// What every column gets when they are not known.
    pub(crate) unforeseen: Treatment,
    /// Whether column names are made of values that may not be seen.
    pub(crate) mask_column_names: bool,
    /// Whether anything is shown or tested that may not be seen in clear.
    pub(crate) touches_hidden: bool,
    /// What upstream may be quoted with when the statement fails.
    pub(crate) error_text: ErrorText,
    /// Whether a test needs a person's yes.
    pub(crate) needs_approval: bool,
}

/// What may be told of objects. SHOW VARIABLES, SHOW USERS, SHOW GRANTS and whatever else there is are not here: their
/// answers hold values, or say who may do what.
const METADATA: [&str; 45] = [
    "show_tables",
    "show_dynamic_tables",
    "show_event_tables",
    "show_external_tables",
    "show_hybrid_tables",
    "show_iceberg_tables",
    "show_views",
    "show_materialized_views",
    "show_semantic_views",
    "show_stages",
    "show_file_formats",
    "show_sequences",
    "show_streams",
    "show_tasks",
    "show_functions",
    "show_user_functions",
    "show_procedures",
    "show_tags",
    "show_roles",
    "show_parameters",
    "show_unique_keys",
    "show_imported_keys",
    "show_exported_keys",
    "show_objects",
    "show_columns",
    "show_schemas",
    "show_databases",
    "show_warehouses",
    "show_primary_keys",
    "describe",
    "describe_table",
    "describe_view",
    "describe_dynamic_table",
    "describe_event_table",
    "describe_external_table",
    "describe_iceberg_table",
    "describe_materialized_view",
    "describe_semantic_view",
    "describe_schema",
    "describe_database",
    "describe_sequence",
    "describe_stream",
    "describe_file_format",
    "describe_function",
    "explain",
];

/// Definitions that hold no query and no code.
const BODILESS: [&str; 6] =
    ["comment", "create_schema", "create_database", "create_sequence", "create_file_format", "create_stage"];
/// What ends the kind of a definition that moves what guards a table.
const WALLS: [&str; 2] = ["_policy", "_tag"];

/// Whether such a statement, or a step of one, answers names and states alone, and no value that anybody stored or set.
fn answers_metadata(class: Class, kind: &Kind) -> bool {
    match class {
        Class::Show => METADATA.contains(&kind.as_str()),
        // A status.
        Class::Session | Class::Transaction => true,
        Class::Read
        | Class::Write
        | Class::Import
        | Class::Define
        | Class::Call
        | Class::Export
        | Class::Grant
        | Class::Account
        | Class::Opaque => false,
    }
}

/// Whether the answer is a row of counts. What the statement copies is said of its columns, so that it is judged; no value of it
/// comes back.
fn counts_rows(class: Class, kind: &Kind) -> bool {
    const KINDS: [&str; 7] =
        ["insert", "insert_overwrite", "update", "update_all", "delete", "delete_all", "merge"];
    class == Class::Write && KINDS.contains(&kind.as_str())
}

/// What nobody foresaw is not shown.
pub(crate) fn masked_whole() -> Treatment {
    Treatment::Mask(MaskRule { class: MaskClass::new("unknown"), mask: Mask::Redact })
}

/// Judges the columns of one statement.
pub(crate) struct Judge<'a, 'b> {
    file: &'a CatalogFile,
    case: &'a Case<'a>,
    asker: &'b mut Asker<'a>,
    tables: HashMap<&'a ObjectName, TableRules<'a>>,
    /// What each column that is tied to others shows of them: their classes that are hidden or scanned.
    tied: HashMap<&'a ColumnRef, Rc<ClassSet>>,
    is_writable: HashMap<&'a ObjectName, bool>,
}

impl<'a, 'b> Judge<'a, 'b> {
    pub(crate) fn new(file: &'a CatalogFile, case: &'a Case<'a>, asker: &'b mut Asker<'a>) -> Self {
        Self { file, case, asker, tables: HashMap::new(), tied: HashMap::new(), is_writable: HashMap::new() }
    }

    /// Asks about every column that the statement shows or tests.
    pub(crate) fn judge(mut self, noes: &mut Vec<No>) -> Judged {
        let lineage = &self.case.statement.lineage;
        lineage.ties.iter().for_each(|tie| self.carry(tie));
        // What a pipeline answers is what its last step answers, whatever the others are.
        let (class, kind) = self.case.statement.answering();
        let mut judged = Judged {
            treatments: None,
            unforeseen: masked_whole(),
            mask_column_names: false,
            touches_hidden: false,
            error_text: ErrorText::Shown,
            needs_approval: false,
        };
        match &lineage.outputs {
            // Names, types, comments, a status: no stored value but what somebody wrote into a comment, which is for
            // the detectors. Their columns differ by version, so nobody foretells them.
            None if answers_metadata(class, kind) => {
                judged.unforeseen = Treatment::Clear;
            }
            None if self.answers_status() => {
                judged.unforeseen = Treatment::Clear;
            }
            None => {
                judged.mask_column_names = true;
                judged.touches_hidden = true;
                judged.error_text = ErrorText::CompilationOnly;
                self.asker.note("gateway:columns-unknown");
            }
            Some(outputs) => {
                let treatments: Vec<Treatment> = outputs.iter().map(|output| self.treat(output)).collect();
                for (output, treatment) in outputs.iter().zip(&treatments) {
                    let is_hidden = *treatment != Treatment::Clear;
                    judged.touches_hidden |= is_hidden;
                    judged.error_text = judged.error_text.max(match (is_hidden, output.is_known) {
                        (false, _) => ErrorText::Shown,
                        // What it shows beside the unknown may be hidden as well.
                        (true, false) if output.shows.is_empty() => ErrorText::CompilationOnly,
                        (true, _) => ErrorText::Hidden,
                    });
                    judged.mask_column_names |= output.is_name_from_values && is_hidden;
                }
                // INVARIANT: what is not known stays masked, also where it should be a count (I2).
                let told = |(output, treatment): (&ShownOutput, Treatment)| {
                    if output.is_known && counts_rows(class, kind) { Treatment::Clear } else { treatment }
                };
                let treatments = outputs.iter().zip(treatments).map(told).collect();
                judged.treatments = Some(treatments);
            }
        }
        for tested in &lineage.tests {
            self.test(&tested.column, tested.how, tested.with.as_ref(), &mut judged, noes);
        }
        // SECURITY: upstream words of a failure quote values. Whatever may fail hides them, whether its result is used or
        // not: what a step answers that another one follows, and each column that stands anywhere.
        let earlier = self.case.statement.steps.split_last().map_or(&[][..], |(_, earlier)| earlier);
        if earlier.iter().any(|(class, kind)| *class != Class::Read && !answers_metadata(*class, kind)) {
            judged.touches_hidden = true;
            judged.error_text = judged.error_text.max(ErrorText::CompilationOnly);
        }
        for column in &lineage.touched {
            if !self.is_hidden(column) {
                continue;
            }
            judged.touches_hidden = true;
            // What the catalog does not hold was mistyped, and does not compile; or it is new, and may hold anything.
            let is_stored =
                self.case.catalog.relation(&column.object).is_some_and(|relation| {
                    relation.columns.iter().any(|stored| stored.name == column.column)
                });
            let error_text = if is_stored { ErrorText::Hidden } else { ErrorText::CompilationOnly };
            judged.error_text = judged.error_text.max(error_text);
        }
        judged.error_text = self.error_text(judged.error_text);
        judged
    }

    /// Whether the answer is a status, and nothing that is hidden comes under another name: definitions without a query
    /// and without a body.
    // SECURITY: what is renamed or exchanged may come where its classes do not follow, so no column of it is hidden.
    fn answers_status(&self) -> bool {
        let (statement, catalog) = (self.case.statement, self.case.catalog);
        let footprint = &statement.footprint;
        let kind = statement.kind.as_str();
        if statement.class != Class::Define
            || !statement.steps.is_empty()
            || !footprint.reads.is_empty()
            || !statement.functions.is_empty()
            || WALLS.iter().any(|wall| kind.ends_with(wall))
        {
            return false;
        }
        if kind.starts_with("drop_") || BODILESS.contains(&kind) {
            return true;
        }
        if kind != "alter_table" && kind != "alter_view" {
            return false;
        }
        let (known, unknown): (Vec<_>, Vec<_>) =
            footprint.writes.iter().partition(|object| catalog.relation(object).is_some());
        // At most the new name is one that the catalog does not know.
        unknown.len() <= 1
            && !known.is_empty()
            && known.into_iter().all(|object| !self.file.columns.is_classified(catalog, object))
    }

    /// How much of upstream's words about a failure may be shown, when its columns allow so much.
    fn error_text(&self, error_text: ErrorText) -> ErrorText {
        let statement = self.case.statement;
        let is_code = |class: Class| matches!(class, Class::Call | Class::Opaque);
        let runs_code =
            is_code(statement.class) || statement.functions.iter().any(|function| is_code(function.class));
        let stores_rows = matches!(statement.class, Class::Write | Class::Import);
        match error_text {
            // What code asks may be made of stored values, and fail to compile because of them.
            ErrorText::CompilationOnly if runs_code => ErrorText::Hidden,
            // Whether a row may be stored depends on those that are (a unique key).
            ErrorText::Shown
                if stores_rows
                    && statement
                        .footprint
                        .writes
                        .iter()
                        .any(|object| self.file.columns.is_classified(self.case.catalog, object)) =>
            {
                ErrorText::CompilationOnly
            }
            ErrorText::Shown | ErrorText::CompilationOnly | ErrorText::Hidden => error_text,
        }
    }

    /// Equality carries the class: each of these columns shows what any other of them may not.
    // SECURITY: `p.sku = c.ssn` chooses rows in which `p.sku` is a masked number, whoever has permitted the comparison.
    fn carry(&mut self, tie: &'a BTreeSet<ColumnRef>) {
        let mut carried = ClassSet::new();
        for column in tie {
            for class in self.column(column).whole() {
                if !self.may_see(class) || self.file.classes.is_scanned(class) {
                    carried.insert(class);
                }
            }
        }
        if !carried.is_empty() {
            let carried = Rc::new(carried);
            self.tied.extend(tie.iter().map(|column| (column, Rc::clone(&carried))));
        }
    }

    /// How one result column leaves.
    fn treat(&mut self, output: &'a ShownOutput) -> Treatment {
        // INVARIANT: what is not known is masked, before anything that is known about it is looked at (I2).
        if !output.is_known {
            self.asker.note("gateway:column-unknown");
            return Treatment::Mask(self.file.classes.fine_mask(ClassId::UNKNOWN));
        }
        let mut hidden = ClassSet::new();
        let mut scanned = ClassSet::new();
        let mut is_made_of_scanned = false;
        // The classes that a mask of their own fits: every shown column is stored, whole, and of one class.
        let mut is_fine = true;
        for shown in &output.shows {
            let (classes, has_parts) = self.classes_shown(shown);
            for class in &classes {
                if !self.may_see(*class) {
                    hidden.insert(*class);
                } else if self.file.classes.is_scanned(*class) {
                    scanned.insert(*class);
                    is_made_of_scanned |= shown.how == ShownHow::Derived;
                }
            }
            is_fine &= shown.how == ShownHow::Stored && !has_parts && classes.len() == 1;
            is_fine &= hidden.len() == 1 && classes.is_subset(&hidden);
        }
        match hidden.first() {
            Some(class) if is_fine => {
                let rule = self.file.classes.fine_mask(*class);
                // SECURITY: who may write the column could write guesses into it and compare their tokens; who may put guesses
                // beside it need not write at all.
                if rule.mask.is_token()
                    && (!output.is_stored
                        || output.shows.iter().any(|shown| self.may_write(&shown.column.object)))
                {
                    self.asker.note("gateway:token-refused");
                    return Treatment::Mask(self.file.classes.redaction(&hidden));
                }
                Treatment::Mask(rule)
            }
            Some(_) => Treatment::Mask(self.file.classes.redaction(&hidden)),
            // A detector sees what it knows only while the text is whole.
            None if is_made_of_scanned => {
                self.asker.note("gateway:text-transformed");
                Treatment::Mask(self.file.classes.redaction(&scanned))
            }
            None if !scanned.is_empty() => Treatment::Scan,
            None => Treatment::Clear,
        }
    }

    /// The classes that a shown column brings, and whether it has classified parts.
    fn classes_shown(&mut self, shown: &'a ShownColumn) -> (ClassSet, bool) {
        let column = self.column(&shown.column);
        let mut classes = match shown.how {
            ShownHow::Path => column.at(&shown.path),
            ShownHow::Stored | ShownHow::Derived => column.whole(),
        };
        if let Some(tied) = self.tied.get(&shown.column) {
            classes.extend(tied.iter().copied());
        }
        (classes, !column.paths.is_empty())
    }

    /// Asks whether one column may be tested.
    fn test(
        &mut self,
        column: &'a ColumnRef,
        how: TestedHow,
        with: Option<&'a ColumnRef>,
        judged: &mut Judged,
        noes: &mut Vec<No>,
    ) {
        let classes = self.column(column).whole();
        let mut is_same_class = None;
        for class in &classes {
            if self.may_see(*class) && !self.file.classes.is_scanned(*class) {
                continue;
            }
            judged.touches_hidden = true;
            judged.error_text = ErrorText::Hidden;
            let is_same_class = *is_same_class.get_or_insert_with(|| {
                how == TestedHow::Join
                    && !classes.contains(&ClassId::UNKNOWN)
                    && with.is_some_and(|with| self.column(with).whole() == classes)
                    // Whoever fills one side joins guesses of their own with the other.
                    && ![Some(column), with].into_iter().flatten().any(|side| self.may_write(&side.object))
            });
            let name = self.file.classes.name(*class);
            match self.asker.may_test(*class, name.as_str(), how, is_same_class) {
                Tested::Yes => {}
                Tested::IfApproved => judged.needs_approval = true,
                Tested::Forbidden(rules) => noes.push(No::Forbidden(rules)),
                Tested::NotGranted => noes.push(No::Test { column: column.clone(), class: name, how }),
            }
        }
    }

    fn may_write(&mut self, object: &'a ObjectName) -> bool {
        if let Some(known) = self.is_writable.get(object) {
            return *known;
        }
        let may_write = self.asker.may_write(object);
        self.is_writable.insert(object, may_write);
        may_write
    }

    /// Whether anything in the column may not be seen, or only by way of the detectors.
    fn is_hidden(&mut self, column: &'a ColumnRef) -> bool {
        let classes = self.column(column).whole();
        classes.iter().any(|class| !self.may_see(*class) || self.file.classes.is_scanned(*class))
    }

    fn may_see(&mut self, class: ClassId) -> bool {
        self.asker.may_see(class, self.file.classes.name(class).as_str())
    }

    fn column(&mut self, column: &'a ColumnRef) -> ColumnClasses<'a> {
        let (file, case) = (self.file, self.case);
        self.tables
            .entry(&column.object)
            .or_insert_with(|| file.columns.table(case.catalog, &column.object))
            .column(&column.column)
    }
}
