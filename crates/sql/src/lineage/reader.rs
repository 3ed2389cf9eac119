//! What one reading gathers, and the tables that keep names small while it does.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use domain::{
    Class, ColumnRef, FlaggedFunction, FunctionName, ObjectName, Relation, ShownColumn, ShownHow,
    ShownOutput, TestedColumn, TestedHow,
};

use super::sort::Sort;
use super::ties::Ties;
use super::value::{Certainty, ColumnId, Derived, ObjectId, Output, Value};
use crate::Scope;
use crate::names::{Named, Namespace, Search};

/// How deep queries, views and expressions may nest. The parser stops at 50; views add theirs.
const DEEPEST: u32 = 80;
/// How many columns one statement may unfold, so that `select * from a, a` over itself stays finite.
const MOST_OUTPUTS: usize = 200_000;
/// How much one statement may make us do, and all statements of a batch together: an expression or a query counts one,
/// views and recursion as often as they are read; what grows with the breadth of a value or a frame counts by that.
const MOST_WORK: u32 = 2_000_000;
/// What any statement may make us do, however short it is: its views are long.
const LEAST_WORK: u32 = 100_000;
/// What each piece of its text adds to that.
const WORK_OF_TOKEN: u32 = 40;
/// How many columns a statement may test, or show in all its result columns together; and all statements of a batch.
pub(crate) const MOST_TOLD: usize = 100_000;
/// So many bytes of names count as one column that is told.
pub(crate) const BYTES_OF_NAMES: usize = 100;
/// How many result columns a statement may have: each is told by its name, which may be long.
const MOST_COLUMNS: usize = 20_000;

/// One reading under way.
pub(crate) struct Reader<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) namespace: Namespace,
    /// What the step that is being read names.
    pub(crate) named: Named,
    objects: Vec<ObjectName>,
    object_ids: HashMap<ObjectName, ObjectId>,
    columns: Vec<(ObjectId, Rc<str>)>,
    /// Columns that are guessed, because no catalog has them.
    guessed_ids: HashMap<(ObjectId, Rc<str>), ColumnId>,
    /// The stored tables that were named, so that naming one again is cheap.
    tables: HashMap<ObjectId, Rc<Derived>>,
    tests: BTreeSet<(ColumnId, TestedHow, Option<ColumnId>)>,
    ties: Ties,
    /// Whether each column stands anywhere, by its id.
    touched: Vec<bool>,
    pub(crate) reads: BTreeSet<ObjectName>,
    pub(crate) writes: BTreeSet<ObjectName>,
    pub(crate) functions: BTreeSet<FlaggedFunction>,
    pub(crate) missing: BTreeSet<(String, String)>,
    /// Why something is not known.
    pub(crate) why: Option<&'static str>,
    /// Why the statement cannot be read at all.
    pub(crate) opaque: Option<&'static str>,
    pub(super) views: HashMap<ObjectId, Rc<Derived>>,
    pub(super) open_views: Vec<ObjectId>,
    /// Results of earlier steps of a pipeline, by their names `$1`, `$2` …
    pub(super) steps: BTreeMap<String, Rc<Derived>>,
    /// Whether a write chooses all rows.
    pub(crate) writes_all: bool,
    /// Whether a query locks the rows that it reads.
    pub(crate) locks: bool,
    /// How often something was tested so far: whatever may fail, or takes long, or is compared, counts.
    pub(super) risks: u32,
    depth: u32,
    work: u32,
    most_work: u32,
    unfolded: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(scope: &'a Scope<'a>) -> Self {
        let namespace = Namespace {
            database: scope.context.database.clone(),
            schema: scope.context.schema.clone(),
            search: Search::Path,
        };
        Self {
            scope,
            namespace,
            named: Named::default(),
            objects: Vec::new(),
            object_ids: HashMap::new(),
            columns: Vec::new(),
            guessed_ids: HashMap::new(),
            tables: HashMap::new(),
            tests: BTreeSet::new(),
            ties: Ties::default(),
            touched: Vec::new(),
            reads: BTreeSet::new(),
            writes: BTreeSet::new(),
            functions: BTreeSet::new(),
            missing: BTreeSet::new(),
            why: None,
            opaque: None,
            views: HashMap::new(),
            open_views: Vec::new(),
            steps: BTreeMap::new(),
            writes_all: false,
            locks: false,
            risks: 0,
            depth: 0,
            work: 0,
            most_work: MOST_WORK,
            unfolded: 0,
        }
    }

    /// Bounds the work by how long the statement is, and by what those before it in its batch have left.
    pub(crate) fn bound(&mut self, tokens: usize, spent: u32) {
        let of_text = u32::try_from(tokens).unwrap_or(u32::MAX).saturating_mul(WORK_OF_TOKEN);
        let left = MOST_WORK.saturating_sub(spent);
        self.most_work = LEAST_WORK.saturating_add(of_text).min(left);
    }

    /// How much has been done.
    pub(crate) fn spent(&self) -> u32 {
        self.work
    }

    /// Counts work beyond one for each expression; false when it is too much.
    // SECURITY: whatever a statement can make longer than its own text is counted here before it is done, or a few kB
    // would keep the gateway busy for minutes.
    pub(super) fn charge(&mut self, more: usize) -> bool {
        self.work = self.work.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        if self.work > self.most_work {
            self.give_up("more to look at than its length allows");
        }
        self.work <= self.most_work
    }

    /// Runs one deeper level, or answers `otherwise` and makes the statement opaque when it is too deep.
    pub(super) fn deeper<T>(&mut self, otherwise: T, run: impl FnOnce(&mut Self) -> T) -> T {
        if self.depth >= DEEPEST {
            self.give_up("nested too deeply");
        }
        self.charge(1);
        if self.opaque.is_some() {
            return otherwise;
        }
        self.depth += 1;
        let answer = run(self);
        self.depth -= 1;
        answer
    }

    /// Counts unfolded columns; false when there are too many.
    pub(super) fn may_unfold(&mut self, more: usize) -> bool {
        self.unfolded = self.unfolded.saturating_add(more);
        if self.unfolded > MOST_OUTPUTS {
            self.give_up("too many columns");
        }
        self.unfolded <= MOST_OUTPUTS
    }

    /// The statement cannot be read.
    pub(super) fn give_up(&mut self, why: &'static str) {
        self.opaque.get_or_insert(why);
    }

    /// Something about the statement is not known.
    pub(super) fn doubt(&mut self, why: &'static str) {
        self.why.get_or_insert(why);
    }

    pub(super) fn object(&mut self, name: &ObjectName) -> ObjectId {
        if let Some(id) = self.object_ids.get(name) {
            return *id;
        }
        let id = ObjectId::try_from(self.objects.len()).unwrap_or(ObjectId::MAX);
        self.objects.push(name.clone());
        self.object_ids.insert(name.clone(), id);
        id
    }

    pub(super) fn object_name(&self, id: ObjectId) -> Option<&ObjectName> {
        self.objects.get(id as usize)
    }

    /// A column of an object whose columns nobody knows, or that none of them is.
    pub(super) fn guessed(&mut self, object: ObjectId, name: &Rc<str>) -> ColumnId {
        let key = (object, Rc::clone(name));
        if let Some(id) = self.guessed_ids.get(&key) {
            return *id;
        }
        let id = self.column(object, Rc::clone(name));
        self.guessed_ids.insert(key, id);
        id
    }

    fn column(&mut self, object: ObjectId, name: Rc<str>) -> ColumnId {
        let id = ColumnId::try_from(self.columns.len()).unwrap_or(ColumnId::MAX);
        self.columns.push((object, name));
        id
    }

    /// What the column of that name would be in each of these objects.
    pub(super) fn guesses(&mut self, origins: &[ObjectId], name: &str) -> Vec<ColumnId> {
        /// What one guess counts: it is kept, tested, tied and told.
        const WORK_OF_GUESS: usize = 12;
        if !self.charge(origins.len().saturating_mul(WORK_OF_GUESS)) {
            return Vec::new();
        }
        let name: Rc<str> = Rc::from(name);
        let mut guesses: Vec<ColumnId> = origins.iter().map(|origin| self.guessed(*origin, &name)).collect();
        guesses.sort_unstable();
        guesses.dedup();
        guesses
    }

    /// All columns of a stored object of the catalog, in order.
    pub(super) fn stored(&mut self, object: ObjectId, relation: &Relation) -> Rc<Derived> {
        if let Some(known) = self.tables.get(&object) {
            return Rc::clone(known);
        }
        if !self.may_unfold(relation.columns.len()) {
            return Rc::default();
        }
        let outputs = relation
            .columns
            .iter()
            .map(|column| {
                let name: Rc<str> = Rc::from(column.name.as_str());
                let id = self.column(object, Rc::clone(&name));
                Output::new(Some(name), Value::stored(id, Sort::of(&column.sql_type)))
            })
            .collect();
        let derived = Rc::new(Derived::new(outputs, true, vec![object]));
        self.tables.insert(object, Rc::clone(&derived));
        derived
    }

    /// All columns of a relation together, seen through an expression. Columns that are not known are guessed
    /// as `*`, so that testing them names the object.
    pub(super) fn whole(&mut self, derived: &Derived) -> Value {
        let all = self.of_outputs(derived, |_| true);
        let all = if derived.hides_columns() {
            all.or(Value::unknown(self.guesses(&derived.origins, "*")))
        } else {
            all
        };
        self.touch(&all);
        all
    }

    /// An expression over those outputs that are wanted.
    pub(super) fn of_outputs(&mut self, derived: &Derived, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let outputs = || derived.outputs.iter().map(|output| &output.value).filter(|value| is_wanted(value));
        let breadth: usize = outputs().map(|value| 1 + value.breadth()).sum();
        if !self.charge(breadth) {
            return Value::unknown(Vec::new());
        }
        let is_steady = outputs().all(|value| value.is_steady);
        let size = outputs().map(|value| value.size).max().unwrap_or_default();
        Value { is_steady, size, ..Value::together(outputs()) }
    }

    /// The statement tests every column of a relation.
    pub(super) fn test_each(&mut self, derived: &Derived, how: TestedHow) {
        derived.outputs.iter().for_each(|output| self.test(&output.value, how));
        if derived.hides_columns() {
            for guess in self.guesses(&derived.origins, "*") {
                self.tests.insert((guess, how, None));
            }
        }
    }

    /// The statement tests everything that this value shows.
    pub(super) fn test(&mut self, value: &Value, how: TestedHow) {
        self.risks = self.risks.saturating_add(1);
        if value.is_told {
            self.give_up("tests what somebody wrote about an object");
        }
        if self.tests.len() > MOST_TOLD {
            self.give_up("tests too many columns");
        }
        if !self.charge(value.breadth() / 4) {
            return;
        }
        // Whether values of several columns fall into one group tells whether they are equal.
        if how == TestedHow::Group && value.breadth() > 1 {
            self.tie([value]);
        }
        for source in &value.sources {
            self.tests.insert((source.column, how, None));
        }
        for guess in &value.guesses {
            self.tests.insert((*guess, how, None));
        }
        if value.certainty == Certainty::Untraced {
            self.give_up("tests something that cannot be traced to a column");
        }
    }

    /// The statement compares two stored columns for equality.
    pub(super) fn join(&mut self, left: ColumnId, right: ColumnId) {
        self.tests.insert((left, TestedHow::Join, Some(right)));
        self.tests.insert((right, TestedHow::Join, Some(left)));
        self.ties.tie([left, right].into_iter());
    }

    /// The statement compares all that these values show with each other: each of them may show any other.
    pub(super) fn tie<'v>(&mut self, values: impl IntoIterator<Item = &'v Value>) {
        let values: Vec<&Value> = values.into_iter().collect();
        if !self.charge(values.iter().map(|value| value.breadth() / 4).sum()) {
            return;
        }
        let columns = values.into_iter().flat_map(|value| {
            value.sources.iter().map(|source| source.column).chain(value.guesses.iter().copied())
        });
        self.ties.tie(columns);
    }

    pub(super) fn flag(&mut self, name: &FunctionName, class: Class) {
        self.functions.insert(FlaggedFunction { name: name.clone(), class });
    }

    pub(super) fn column_ref(&self, id: ColumnId) -> Option<ColumnRef> {
        let (object, column) = self.columns.get(id as usize)?;
        Some(ColumnRef { object: self.object_name(*object)?.clone(), column: column.to_string() })
    }

    /// Bytes of a column's full name.
    fn name_bytes(&self, id: ColumnId) -> usize {
        let Some((object, column)) = self.columns.get(id as usize) else { return 0 };
        self.object_name(*object).map_or(0, bytes_of_object).saturating_add(column.len())
    }

    /// Gives up where the full names of all that is tested, touched and tied are longer than one statement may tell: each is told as often
    /// as it is named, with its object's name.
    // SECURITY: here, before any of them is written out. A few kilobytes can name one long name a hundred thousand times.
    pub(crate) fn bound_names(&mut self) {
        let tests = self.tests.iter().flat_map(|(column, _, with)| [Some(*column), *with]).flatten();
        let touched = (0..).zip(&self.touched).filter(|(_, is_touched)| **is_touched).map(|(id, _)| id);
        let bytes = tests.chain(touched).map(|id| self.name_bytes(id)).fold(0, usize::saturating_add);
        if bytes.saturating_add(self.tied_bytes()) > MOST_TOLD * BYTES_OF_NAMES {
            self.give_up("names too many columns");
            self.tests.clear();
            self.touched.clear();
        }
    }

    fn tied_bytes(&self) -> usize {
        self.ties.members().map(|id| self.name_bytes(id)).fold(0, usize::saturating_add)
    }

    /// Some part of the statement uses this value, whatever becomes of it.
    pub(crate) fn touch(&mut self, value: &Value) {
        let columns = value.sources.iter().map(|source| source.column).chain(value.guesses.iter().copied());
        for column in columns {
            let place = column as usize;
            if self.touched.len() <= place {
                self.touched.resize(place + 1, false);
            }
            if let Some(is_touched) = self.touched.get_mut(place) {
                *is_touched = true;
            }
        }
    }

    /// What was touched so far, as if nothing had been.
    pub(super) fn take_touches(&mut self) -> Vec<bool> {
        std::mem::take(&mut self.touched)
    }

    /// Puts back what was touched before.
    pub(super) fn touch_again(&mut self, before: Vec<bool>) {
        if self.touched.len() < before.len() {
            self.touched.resize(before.len(), false);
        }
        self.touched.iter_mut().zip(before).for_each(|(is_touched, was)| *is_touched |= was);
    }

    /// Whether a column of that object was touched, or one of an object that nobody knows.
    pub(super) fn has_touched(&self, object: Option<&ObjectName>) -> bool {
        let touched = self.columns.iter().zip(&self.touched).filter(|(_, is_touched)| **is_touched);
        touched.map(|((id, _), _)| *id).any(|id| object.is_none() || self.object_name(id) == object)
    }

    /// What some part of the statement uses beside what it shows and tests, in full names; forgotten here.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<ColumnRef> {
        let mut touched = std::mem::take(&mut self.touched);
        for (column, _, _) in &self.tests {
            if let Some(is_touched) = touched.get_mut(*column as usize) {
                *is_touched = false;
            }
        }
        let ids = (0..).zip(touched).filter(|(_, is_touched)| *is_touched);
        ids.filter_map(|(id, _)| self.column_ref(id)).collect()
    }

    /// What the statement tests, in full names; forgotten here.
    pub(crate) fn take_tested(&mut self) -> BTreeSet<TestedColumn> {
        let tests = std::mem::take(&mut self.tests);
        tests
            .iter()
            .filter_map(|(column, how, with)| {
                let with = with.and_then(|with| self.column_ref(with));
                Some(TestedColumn { column: self.column_ref(*column)?, how: *how, with })
            })
            .collect()
    }

    /// What its comparisons tie together, in full names. A later step of a pipeline shows what this one has tied, so
    /// nothing is forgotten.
    pub(crate) fn tied(&mut self) -> Vec<BTreeSet<ColumnRef>> {
        // Of a statement that has given up.
        if self.tied_bytes() > MOST_TOLD * BYTES_OF_NAMES {
            return Vec::new();
        }
        // A column that was guessed may be one that is stored as well.
        let mut places: HashMap<(ObjectId, Rc<str>), ColumnId> = HashMap::new();
        if !self.guessed_ids.is_empty() {
            for (id, (object, name)) in (0..).zip(&self.columns) {
                let first = *places.entry((*object, Rc::clone(name))).or_insert(id);
                self.ties.tie([first, id].into_iter());
            }
        }
        let groups = self.ties.groups();
        let named = groups.iter().map(|group| group.iter().filter_map(|id| self.column_ref(*id)).collect());
        named.filter(|group: &BTreeSet<ColumnRef>| group.len() > 1).collect()
    }

    /// The result columns in full names; none when they cannot be told.
    pub(crate) fn outputs(&mut self, derived: &Derived) -> Option<Vec<ShownOutput>> {
        if !derived.is_complete {
            return None;
        }
        // They are told in full names: so many that telling takes longer than reading are nobody's.
        let breadth: usize = derived.outputs.iter().map(|output| output.value.breadth()).sum();
        let names = derived.outputs.iter().map(|output| {
            let paths = output
                .value
                .sources
                .iter()
                .flat_map(|source| source.path.iter().flat_map(|path| path.iter()));
            let columns = output.value.sources.iter().map(|source| self.name_bytes(source.column));
            let own = output.name.as_ref().map_or(0, |name| name.len());
            paths.map(String::len).chain(columns).fold(own, usize::saturating_add)
        });
        let names = names.fold(0, usize::saturating_add) / BYTES_OF_NAMES;
        if breadth.saturating_add(names) > MOST_TOLD || derived.outputs.len() > MOST_COLUMNS {
            self.give_up("too many columns");
            return None;
        }
        for source in derived.outputs.iter().flat_map(|output| &output.value.sources) {
            if let Some(is_touched) = self.touched.get_mut(source.column as usize) {
                *is_touched = false;
            }
        }
        Some(derived.outputs.iter().map(|output| self.output(output)).collect())
    }

    fn output(&self, output: &Output) -> ShownOutput {
        let shows = output
            .value
            .sources
            .iter()
            .filter_map(|source| {
                let path = match (source.how, &source.path) {
                    (ShownHow::Path, Some(path)) => path.to_vec(),
                    _ => Vec::new(),
                };
                Some(ShownColumn { column: self.column_ref(source.column)?, how: source.how, path })
            })
            .collect();
        ShownOutput {
            // A name that only upstream knows foretells nothing.
            name: output.name.as_ref().filter(|_| output.is_sure()).map(ToString::to_string),
            shows,
            is_known: output.value.is_known(),
            is_stored: output.value.is_stored,
            is_name_from_values: output.is_name_from_values,
        }
    }
}

/// Bytes of an object's full name.
pub(crate) fn bytes_of_object(name: &ObjectName) -> usize {
    [&name.database, &name.schema, &name.name].into_iter().map(String::len).fold(0, usize::saturating_add)
}
