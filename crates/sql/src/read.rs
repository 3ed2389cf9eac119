//! From a text to a [`Statement`].

use std::collections::BTreeSet;

use domain::{
    Bindings, Class, Context, Effect, FlaggedFunction, Footprint, FunctionName, Kind, Lineage, ShownOutput,
    Statement,
};
use sqlparser::ast;

use crate::class::{
    Act, DEEPEST, View, act, called, flagged, texts, unknown_calls, unknown_calls_of_columns,
    unknown_calls_of_script,
};
use crate::lexer::{Lexeme, Token, significant};
use crate::lineage::{BYTES_OF_NAMES, Derived, MOST_TOLD, Reader};
use crate::mentions::mentions;
use crate::parse::parse;
use crate::request::LONGEST_NAME;
use crate::show::{has_indirection, read_show};
use crate::split::{statements, steps};
use crate::stages::{Stages, stages};
use crate::{Scope, names};
use crate::{ddl, effects};

/// The longest text that is read at all.
const LONGEST: usize = 10_000_000;
/// How many pieces one statement may have.
const MOST_TOKENS: usize = 100_000;
/// How many steps one pipeline may have.
const MOST_STEPS: usize = 64;
/// How many statements one text may hold.
pub const MOST_STATEMENTS: usize = 256;

/// Reads one statement, a trailing `;` allowed.
///
/// It cannot fail: a text that is too long, cannot be cut, holds no statement or more than one, or holds what
/// nobody can read, is opaque. The stack is bounded whatever the text.
pub fn read(text: &str, scope: &Scope<'_>) -> Statement {
    read_after(text, scope, &mut 0)
}

/// The same after others of a batch, on which so much work was spent.
pub(crate) fn read_after(text: &str, scope: &Scope<'_>, spent: &mut u32) -> Statement {
    if is_too_long(text) {
        return opaque("a text longer than 10 MB");
    }
    let tokens = match significant(text) {
        Ok(tokens) => tokens,
        Err(trouble) => return opaque(trouble.0),
    };
    match statements(text, &tokens).as_slice() {
        [] => opaque("no statement"),
        [statement] => read_pieces(text, statement, scope, spent),
        _ => opaque("more than one statement"),
    }
}

/// Whether the text is longer than any that is read.
pub(crate) fn is_too_long(text: &str) -> bool {
    text.len() > LONGEST
}

/// Whether these pieces of one statement are more than are read, told before anything else looks at them.
pub(crate) fn is_too_much(text: &str, tokens: &[Token]) -> bool {
    tokens.len() > MOST_TOKENS
        || tokens.iter().filter(|token| token.is_symbol(text, "->>")).count() >= MOST_STEPS
}

/// A statement that nobody can read.
pub(crate) fn opaque(why: &'static str) -> Statement {
    Statement {
        class: Class::Opaque,
        kind: Kind::new("unknown"),
        steps: Vec::new(),
        footprint: Footprint::default(),
        lineage: Lineage::default(),
        functions: BTreeSet::new(),
        effects: vec![Effect::Unknown],
        missing: BTreeSet::new(),
        why: Some(why),
    }
}

/// [`Statement::why`] of one with a longer name than any.
pub(crate) const LONG_NAME: &str = "a name of more than 255 characters";

/// Whether a name is longer than Snowflake lets any be ("Identifier requirements").
pub(crate) fn is_long_name(name: &str) -> bool {
    name.len() > LONGEST_NAME && name.chars().count() > LONGEST_NAME
}

/// Whether one of the names that statements run under is.
pub(crate) fn has_long_name(context: &Context) -> bool {
    let Context { role, warehouse, database, schema } = context;
    [role, warehouse, database, schema].into_iter().flatten().any(|name| is_long_name(name))
}

/// Whether so many names are more than anybody holds, each with the database and the schema that it is looked for in.
fn are_too_many(names: usize, context: &Context) -> bool {
    let place = [&context.database, &context.schema].into_iter().flatten().map(String::len).sum::<usize>();
    names.saturating_mul(place) > MOST_TOLD * BYTES_OF_NAMES
}

/// Why nobody holds all the names of this statement; none where they are as short as names are.
// SECURITY: a name is held as often as it is meant: with each column, and those of the database and the schema with each table. So it is
// bounded before anything is held.
fn names_too_much(text: &str, tokens: &[Token], context: &Context) -> Option<&'static str> {
    let names = || tokens.iter().filter(|token| matches!(token.kind, Lexeme::Word | Lexeme::Quoted));
    let is_long = |token: &Token| {
        token.end.saturating_sub(token.start) > LONGEST_NAME
            && token.name(text).is_some_and(|name| is_long_name(&name))
    };
    if has_long_name(context) || names().any(is_long) {
        return Some(LONG_NAME);
    }
    are_too_many(names().count(), context).then_some(TOO_MANY_NAMES)
}

const TOO_MANY_NAMES: &str = "names too many objects";

/// Reads the pieces of one statement.
fn read_pieces(text: &str, tokens: &[Token], scope: &Scope<'_>, spent: &mut u32) -> Statement {
    if is_too_much(text, tokens) {
        return opaque("a statement too long to read");
    }
    if let Some(why) = names_too_much(text, tokens, scope.context) {
        return opaque(why);
    }
    let mut reader = Reader::new(scope);
    reader.bound(tokens.len(), *spent);
    let steps = steps(text, tokens);
    let mut strictest: Option<Act> = None;
    let mut outputs = None;
    let mut effects = Vec::new();
    let mut acts = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let earlier_reads = std::mem::take(&mut reader.reads);
        let has_changed = !reader.writes.is_empty();
        let mut part = read_step(&mut reader, text, step, scope, 0);
        if has_changed && !reader.reads.is_empty() {
            reader.opaque.get_or_insert("a step that reads tables after an earlier one has changed some");
        }
        reader.reads.extend(earlier_reads);
        let is_last = at + 1 == steps.len();
        if is_last {
            outputs = part.outputs(&mut reader);
        }
        let derived = part.derived.take().unwrap_or_default();
        if !is_last {
            derived.outputs.iter().for_each(|output| reader.touch(&output.value));
        }
        reader.end_step(derived);
        if steps.len() > 1 {
            // SECURITY: upstream a step sees the names, the variables and the role that those before it have left, and
            // all that is told of a pipeline is told as if it ran in one session.
            let is_of_session = part.act.class == Class::Session || part.act.kind.as_str() == "alter_session";
            if is_of_session || (!is_last && !part.effects.is_empty()) {
                reader.opaque.get_or_insert("a pipeline with a step that changes its session");
            }
            acts.push((part.act.class, part.act.kind.clone()));
        }
        effects.append(&mut part.effects);
        strictest = match strictest {
            Some(before) if before.class >= part.act.class => Some(before),
            _ => Some(part.act),
        };
    }
    *spent = spent.saturating_add(reader.spent());
    let Some(act) = strictest else { return opaque("no statement") };
    Statement { steps: acts, ..finish(&mut reader, act, outputs, effects) }
}

/// What was gathered so far as a statement; the reader goes on without it.
pub(crate) fn finish(
    reader: &mut Reader<'_>,
    act: Act,
    outputs: Option<Vec<ShownOutput>>,
    effects: Vec<Effect>,
) -> Statement {
    if effects::is_hidden_switch(&act.kind, &effects) {
        reader.opaque.get_or_insert("USE or UNSET of a name that cannot be told");
    }
    reader.bound_names();
    let is_opaque = reader.opaque.is_some() || act.class == Class::Opaque;
    let functions = std::mem::take(&mut reader.functions);
    let by_function =
        functions.iter().filter(|function| function.class != Class::Opaque || is_known(function));
    let class = by_function.map(|function| function.class).fold(act.class, Class::max);
    let class = if is_opaque { Class::Opaque } else { class };
    let touched = reader.take_touched();
    let tests = reader.take_tested();
    let effects = if class == Class::Opaque { vec![Effect::Unknown] } else { effects };
    Statement {
        class,
        kind: act.kind,
        steps: Vec::new(),
        footprint: Footprint {
            reads: std::mem::take(&mut reader.reads),
            writes: std::mem::take(&mut reader.writes),
        },
        lineage: Lineage {
            outputs: outputs.filter(|_| class != Class::Opaque),
            tests,
            ties: reader.tied(),
            touched,
        },
        functions,
        effects,
        missing: std::mem::take(&mut reader.missing),
        why: reader.opaque.take().or(reader.why.take()),
    }
}

/// RESULT_SCAN and its like are opaque by name; a function that nobody knows is only marked so.
fn is_known(function: &FlaggedFunction) -> bool {
    function.name.parts().last().is_some_and(|last| crate::class::flag(last).is_some())
}

/// One step, read.
pub(crate) struct Part {
    pub act: Act,
    pub derived: Option<Derived>,
    /// Columns that do not come from lineage: the plan of EXPLAIN.
    pub fixed: Option<Vec<ShownOutput>>,
    pub effects: Vec<Effect>,
}

impl Part {
    pub(crate) fn new(act: Act) -> Self {
        Self { act, derived: None, fixed: None, effects: Vec::new() }
    }

    pub(crate) fn outputs(&mut self, reader: &mut Reader<'_>) -> Option<Vec<ShownOutput>> {
        self.fixed.take().or_else(|| self.derived.as_ref().and_then(|derived| reader.outputs(derived)))
    }
}

pub(crate) fn read_step(
    reader: &mut Reader<'_>,
    text: &str,
    tokens: &[Token],
    scope: &Scope<'_>,
    depth: u32,
) -> Part {
    let act = act(text, tokens);
    reader.functions.extend(flagged(text, tokens));
    if depth > DEEPEST {
        reader.opaque.get_or_insert("texts nested too deeply");
        return Part::new(act);
    }
    if tokens.iter().any(|token| token.is_symbol(text, "->>")) {
        reader.opaque.get_or_insert("a pipeline inside brackets");
    }
    let named = effects::named_by(View { text, tokens }, &act.kind);
    let around = std::mem::replace(&mut reader.named, named);
    let act_class = act.class;
    let part = match (act.kind.as_str(), act.class) {
        // Whatever the class of what stands inside.
        ("block" | "execute_immediate" | "call", _) => read_call(reader, text, tokens, scope, act, depth),
        (kind, Class::Export) if kind.ends_with("_task") || kind.ends_with("_alert") => {
            read_call(reader, text, tokens, scope, act, depth)
        }
        ("explain", _) => read_show(reader, text, tokens, scope, act, depth),
        ("alter_session", Class::Account) => read_session(reader, text, tokens, scope, act),
        (_, Class::Read) => read_query(reader, text, tokens, scope, act),
        (_, Class::Write | Class::Define | Class::Import | Class::Export) => {
            read_change(reader, text, tokens, scope, act)
        }
        (_, Class::Show) => read_show(reader, text, tokens, scope, act, depth),
        (_, Class::Session) => read_session(reader, text, tokens, scope, act),
        (_, Class::Transaction) => Part::new(act),
        (_, Class::Call | Class::Grant | Class::Account) => {
            read_call(reader, text, tokens, scope, act, depth)
        }
        (_, Class::Opaque) => {
            reader.opaque.get_or_insert(Statement::UNKNOWN);
            mention(reader, text, tokens, scope);
            Part::new(act)
        }
    };
    reader.named = around;
    let Stages { read, written } = stages(View { text, tokens }, act_class == Class::Read);
    read.iter().for_each(|stage| reader.mention_stage(stage));
    written.iter().for_each(|stage| reader.write_stage(stage));
    part
}

fn read_query(reader: &mut Reader<'_>, text: &str, tokens: &[Token], scope: &Scope<'_>, act: Act) -> Part {
    let mut part = Part::new(act);
    match parse(text, tokens, scope) {
        Ok(ast::Statement::Query(query)) => {
            part.derived = Some(reader.read_query(&query));
            // `SELECT … FOR UPDATE` keeps others from changing those rows.
            if std::mem::take(&mut reader.locks) {
                part.act =
                    Act { class: part.act.class.max(Class::Write), kind: Kind::new("select_for_update") };
                reader.writes.extend(reader.reads.iter().cloned());
            }
        }
        Ok(_) => {
            reader.opaque.get_or_insert("a statement that its words and its tree tell differently");
        }
        Err(trouble) => {
            reader.opaque.get_or_insert(trouble.0);
            mention(reader, text, tokens, scope);
        }
    }
    part
}

/// Statements that store or define: those that copy rows must parse.
fn read_change(reader: &mut Reader<'_>, text: &str, tokens: &[Token], scope: &Scope<'_>, act: Act) -> Part {
    let mut part = Part::new(act);
    let written = reader.writes.len();
    let parsed = parse(text, tokens, scope);
    let view = View { text, tokens };
    let read = reader.reads.clone();
    match &parsed {
        Ok(statement) if !agrees(&part.act, statement) => {
            reader.opaque.get_or_insert("a statement that its words and its tree tell differently");
            mention(reader, text, tokens, scope);
        }
        Ok(ast::Statement::Query(query)) => {
            // `WITH … INSERT`: the tree hangs the statement under a query.
            reader.opaque.get_or_insert("a write under WITH");
            reader.read_query(query);
            mention(reader, text, tokens, scope);
        }
        Ok(ast::Statement::CopyIntoSnowflake { kind, into, from_obj, from_query, .. }) => {
            let is_location = *kind == ast::CopyIntoSnowflakeKind::Location
                || part.act.kind.as_str() == "copy_into_location";
            if !is_location {
                reader.write_name(into);
            }
            match (from_query, from_obj) {
                (Some(query), _) => part.derived = Some(reader.copied(query)),
                (None, Some(name)) if is_location => {
                    reader.read_name(name);
                }
                (None, _) => {}
            }
        }
        Ok(statement) => {
            part.derived = reader.written(statement);
            part.act.kind = refined(&part.act.kind, statement, std::mem::take(&mut reader.writes_all));
            // The tree of other definitions is not walked: what they mention is told by their words.
            if part.derived.is_none() {
                reader.functions.extend(unknown_calls(text, tokens));
                mention(reader, text, tokens, scope);
            }
        }
        Err(trouble) => {
            // Rows move by a statement that cannot be read.
            if part.act.class == Class::Write
                && part.act.kind.as_str() != "remove"
                && part.act.kind.as_str() != "truncate"
            {
                reader.opaque.get_or_insert(trouble.0);
            }
            reader.why.get_or_insert(trouble.0);
            reader.functions.extend(unknown_calls(text, tokens));
            mention(reader, text, tokens, scope);
        }
    }
    if holds_expressions(&part.act.kind) {
        reader.functions.extend(unknown_calls_of_columns(text, tokens));
    }
    let names_target = reader.writes.len() > written && !has_indirection(view);
    if converts_columns(view, &part.act.kind) {
        reader.test_stored();
    } else if view.has("TEMPLATE") {
        // The names and types of its columns are values.
        reader.test_read_beyond(&read);
    }
    part.effects.extend(effects::of_change(&part.act, names_target));
    part
}

/// Whether expressions may stand in it that no tree tells: defaults and checks of a table, what is made of copied rows.
fn holds_expressions(kind: &Kind) -> bool {
    let kind = kind.as_str();
    kind.starts_with("copy_into") || kind.ends_with("_table") || kind.ends_with("_pipe")
}

/// Whether a definition gives columns that hold something other types, so that it fails where a value does not fit.
fn converts_columns(view: View<'_>, kind: &Kind) -> bool {
    if kind.as_str() == "create_or_alter_table" {
        return true;
    }
    let is_column = |at: &usize| view.is_any(*at, &["ALTER", "MODIFY"]);
    let column = (1..view.tokens.len()).find(is_column).filter(|_| kind.as_str().starts_with("alter_"));
    column.is_some_and(|column| {
        (column + 1..view.tokens.len()).any(|at| view.is(at, "TYPE") || ddl::is_type(&view.word(at)))
    })
}

/// Whether the tree is the act that the words told.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other tree moves no rows")]
fn agrees(act: &Act, statement: &ast::Statement) -> bool {
    let kind = act.kind.as_str();
    match statement {
        ast::Statement::Insert(_) => kind.starts_with("insert"),
        ast::Statement::Update(_) => kind.starts_with("update"),
        ast::Statement::Delete(_) => kind.starts_with("delete"),
        ast::Statement::Merge(_) => kind == "merge",
        ast::Statement::Truncate(_) => kind == "truncate",
        // A location in quotes looks like a table to the parser: the stricter reading stands.
        ast::Statement::CopyIntoSnowflake { kind: ast::CopyIntoSnowflakeKind::Table, .. } => {
            kind.starts_with("copy_into")
        }
        ast::Statement::CopyIntoSnowflake { kind: ast::CopyIntoSnowflakeKind::Location, .. } => {
            kind == "copy_into_location"
        }
        ast::Statement::Query(_) => act.class == Class::Write,
        _ => act.class != Class::Write || kind == "remove",
    }
}

/// A write without a real WHERE is a write to all rows.
#[allow(clippy::wildcard_enum_match_arm, reason = "only these two have a WHERE")]
fn refined(kind: &Kind, statement: &ast::Statement, is_of_all: bool) -> Kind {
    let verb = match statement {
        ast::Statement::Update(_) => "update",
        ast::Statement::Delete(_) => "delete",
        _ => return kind.clone(),
    };
    if is_of_all { Kind::new(format!("{verb}_all")) } else { Kind::new(verb) }
}

fn read_session(reader: &mut Reader<'_>, text: &str, tokens: &[Token], scope: &Scope<'_>, act: Act) -> Part {
    let view = View { text, tokens };
    let mut part = Part::new(act);
    if !view.is(0, "SET") {
        part.effects = effects::of_pieces(view);
        return part;
    }
    let parsed = parse(text, tokens, scope);
    match parsed.as_ref().ok().and_then(effects::of_set) {
        Some((effects, values)) => {
            part.effects = effects;
            part.derived = Some(reader.kept(values));
        }
        None => {
            reader.opaque.get_or_insert("a SET that cannot be read");
            part.effects = vec![Effect::Unknown];
            mention(reader, text, tokens, scope);
        }
    }
    part
}

/// Calls, blocks, grants and account statements: what they mention, and the text that they run if it is
/// constant.
fn read_call(
    reader: &mut Reader<'_>,
    text: &str,
    tokens: &[Token],
    scope: &Scope<'_>,
    act: Act,
    depth: u32,
) -> Part {
    let view = View { text, tokens };
    let mut part = Part::new(act);
    // GRANT changes nobody's names and limits; everything else here may.
    if part.act.class != Class::Grant || part.act.kind.as_str() == "block" {
        part.effects = vec![Effect::Unknown];
    }
    if part.act.class == Class::Opaque {
        reader.why.get_or_insert("a script that runs what nobody can read");
    }
    if mention(reader, text, tokens, scope) {
        reader.opaque.get_or_insert("a name made by an expression");
    }
    let runs = runs_others(&part.act.kind);
    if runs {
        reader.functions.extend(unknown_calls_of_script(text, tokens));
    }
    // Their `?` are bound by USING, never by the values of the outer statement.
    let bindings = Bindings::new();
    let inner_scope = &Scope { bindings: &bindings, ..*scope };
    let is_whole = view.is(0, "EXECUTE") && tokens.len() == 3;
    for inner in texts(text, tokens) {
        let (inner_class, derived) = read_text(reader, &inner, inner_scope, depth + 1);
        part.act.class = part.act.class.max(inner_class);
        // Its result is what the whole answers.
        part.derived = derived.filter(|_| is_whole);
    }
    if view.is(0, "CALL") {
        let name = match parse(text, tokens, scope) {
            Ok(ast::Statement::Call(function)) => names::function_name(&function.name).0,
            // SECURITY: what cannot be read is called by whatever name.
            Ok(_) | Err(_) => FunctionName::new([FunctionName::UNTOLD]),
        };
        reader.functions.insert(FlaggedFunction { name, class: Class::Call });
    } else if runs {
        reader.functions.extend(called(text, tokens));
    }
    part
}

/// Whether a statement of that kind runs others, or what stands elsewhere.
fn runs_others(kind: &Kind) -> bool {
    let kind = kind.as_str();
    matches!(kind, "block" | "call")
        || kind.starts_with("execute")
        || ["_task", "_alert"].iter().any(|end| kind.ends_with(end))
}

/// Reads a text that a statement runs, and answers its class.
fn read_text(reader: &mut Reader<'_>, text: &str, scope: &Scope<'_>, depth: u32) -> (Class, Option<Derived>) {
    let Ok(tokens) = significant(text) else {
        reader.opaque.get_or_insert("a text that runs and cannot be cut");
        return (Class::Opaque, None);
    };
    let statements = statements(text, &tokens);
    if statements.len() > MOST_STATEMENTS || is_too_much(text, &tokens) {
        reader.opaque.get_or_insert("a statement too long to read");
        return (Class::Opaque, None);
    }
    if let Some(why) = names_too_much(text, &tokens, scope.context) {
        reader.opaque.get_or_insert(why);
        return (Class::Opaque, None);
    }
    let mut class = Class::Call;
    let mut is_lost = false;
    let steps: Vec<&[Token]> = statements.into_iter().flat_map(|statement| steps(text, statement)).collect();
    let is_single = steps.len() == 1;
    let mut derived = None;
    for step in steps {
        if is_lost {
            reader.opaque.get_or_insert("a text that changes what its own names mean");
        }
        let part = read_step(reader, text, step, scope, depth);
        is_lost |= !part.effects.is_empty();
        class = class.max(part.act.class);
        derived = part.derived.filter(|_| is_single);
    }
    (class, derived)
}

/// Notes what the words mention, where no tree tells it; answers whether it also changes what they do not name.
pub(crate) fn mention(reader: &mut Reader<'_>, text: &str, tokens: &[Token], scope: &Scope<'_>) -> bool {
    let found = mentions(text, tokens, scope.variables);
    // A change that names nothing at all is asked for as such.
    if found.reads_indirect || (found.writes_indirect && !found.writes.is_empty()) {
        reader.opaque.get_or_insert("a name made by an expression");
    }
    // Those of bodies that it defines, too.
    if are_too_many(found.reads.len().saturating_add(found.writes.len()), scope.context) {
        reader.opaque.get_or_insert(TOO_MANY_NAMES);
        return true;
    }
    for parts in found.reads {
        reader.mention_read(&parts);
    }
    for parts in found.writes {
        reader.mention_write(&parts);
    }
    found.stages_in_bodies.iter().for_each(|stage| reader.mention_stage(stage));
    found.writes_indirect
}
