//! Puts the questions of one case to the policies, each once.

use std::collections::{BTreeSet, HashMap, HashSet};

use cedar_policy::{Context, Entities, Entity, EntityUid, RestrictedExpression};
use domain::{Case, Class, Kind, ObjectName, PromptGrade, RuleId, Statement, TestedHow, Tier, identifier};

use crate::access::{self, Granted};
use crate::classes::ClassId;
use crate::functions;
use crate::policies::{Answer, Policies, schema_of_tests};
use crate::vocabulary::{Action, Vocabulary, entity};

/// Attributes of a request's context.
pub(crate) type Pairs = Vec<(String, RestrictedExpression)>;

/// Asks for one case, and keeps every rule that had something to say.
pub(crate) struct Asker<'a> {
    pub(crate) policies: &'a Policies,
    pub(crate) case: &'a Case<'a>,
    pub(crate) principal: EntityUid,
    pub(crate) entities: Entities,
    /// The same with the actions of every write there is; made when first asked.
    pub(crate) with_writes: Option<Entities>,
    asking: Context,
    /// By [`ClassId::index`].
    seen: Vec<Option<bool>>,
    tested: HashMap<(ClassId, TestedHow, bool), Tested>,
    rules: BTreeSet<RuleId>,
    is_broken: bool,
    /// What people have granted to whoever asks.
    granted: Vec<Granted>,
}

/// Whether a column may be tested.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Tested {
    Yes,
    IfApproved,
    Forbidden(BTreeSet<RuleId>),
    NotGranted,
}

/// What the policies cannot be asked about: an entity or request that could not even be built.
#[derive(Debug)]
pub(crate) struct Unaskable;

impl<'a> Asker<'a> {
    /// Prepares the entities of a case.
    pub(crate) fn new(
        policies: &'a Policies,
        classes: usize,
        case: &'a Case<'a>,
        tier: Tier,
    ) -> Result<Self, Unaskable> {
        let principal = entity(&policies.vocabulary.agent, case.identity.agent.as_str());
        let entities = Entities::from_entities(entities_of(policies, case, &principal)?, schema_of_tests())
            .map_err(|_| Unaskable)?;
        let asking = Context::from_pairs(asking(case, tier)).map_err(|_| Unaskable)?;
        Ok(Self {
            policies,
            case,
            principal,
            entities,
            with_writes: None,
            asking,
            seen: vec![None; classes],
            tested: HashMap::new(),
            rules: BTreeSet::new(),
            is_broken: false,
            granted: access::granted(policies, case.identity, case.access.grants)?,
        })
    }

    /// Whether values of this class may be seen.
    // INVARIANT: never true for the unknown class, whatever policy says.
    pub(crate) fn may_see(&mut self, class: ClassId, name: &str) -> bool {
        if class == ClassId::UNKNOWN {
            return false;
        }
        if let Some(Some(known)) = self.seen.get(class.index()) {
            return *known;
        }
        let resource = entity(&self.policies.vocabulary.data_class, name);
        let answer = self.ask(Action::See, resource, self.asking.clone());
        let is_seen = matches!(answer, Answer::Granted(_));
        if answer == Answer::NotGranted {
            self.note("gateway:masked-by-default");
        }
        if let Some(slot) = self.seen.get_mut(class.index()) {
            *slot = Some(is_seen);
        }
        is_seen
    }

    /// Whether a column of this class may be tested so.
    pub(crate) fn may_test(
        &mut self,
        class: ClassId,
        name: &str,
        how: TestedHow,
        is_same_class: bool,
    ) -> Tested {
        if let Some(known) = self.tested.get(&(class, how, is_same_class)) {
            return known.clone();
        }
        let tested = self.ask_test(name, how, is_same_class);
        self.tested.insert((class, how, is_same_class), tested.clone());
        tested
    }

    fn ask_test(&mut self, name: &str, how: TestedHow, is_same_class: bool) -> Tested {
        let mut pairs = asking(self.case, tier_of(self.case));
        pairs.push(("how".into(), RestrictedExpression::new_string(how.as_str().into())));
        pairs.push(("is_same_class".into(), RestrictedExpression::new_bool(is_same_class)));
        let Ok(context) = Context::from_pairs(pairs) else {
            self.is_broken = true;
            return Tested::NotGranted;
        };
        let resource = entity(&self.policies.vocabulary.data_class, name);
        match self.ask(Action::Test, resource.clone(), context.clone()) {
            Answer::Granted(_) => return Tested::Yes,
            // A rule that forbids a test means it; what merely nobody permits, a person may.
            Answer::Forbidden(rules) => return Tested::Forbidden(rules),
            Answer::NotGranted | Answer::Broken(_) => {}
        }
        match self.ask(Action::TestIfApproved, resource, context) {
            Answer::Granted(_) => Tested::IfApproved,
            Answer::Forbidden(rules) => Tested::Forbidden(rules),
            Answer::NotGranted | Answer::Broken(_) => Tested::NotGranted,
        }
    }

    /// Asks whether this object may be read: by the bundle's rules, and where none of them says anything, by what people have
    /// granted: tables and views, and no stage beside them.
    pub(crate) fn may_read(&mut self, object: &ObjectName, running: &Context) -> Answer {
        let is_stage = object.name.starts_with('@');
        let object = self.policies.vocabulary.table(object);
        let answer = self.ask(Action::ReadObject, object.clone(), running.clone());
        if answer != Answer::NotGranted || self.granted.is_empty() || is_stage {
            return answer;
        }
        let now = self.case.access.now;
        let answer =
            access::ask(self.policies, &self.granted, &self.principal, &self.entities, &object, running, now);
        self.keep(&answer);
        answer
    }

    /// Asks whether this may be used.
    pub(crate) fn may_use(&mut self, resource: EntityUid) -> Answer {
        self.ask(Action::Use, resource, self.asking.clone())
    }

    /// The context of the questions whether a statement may run.
    pub(crate) fn running(&mut self, touches_hidden: bool) -> Result<Context, Unaskable> {
        let Statement { class, kind, .. } = self.case.statement;
        self.running_as(*class, kind, touches_hidden)
    }

    /// The context of the same questions about one step.
    pub(crate) fn running_as(
        &mut self,
        class: Class,
        kind: &Kind,
        touches_hidden: bool,
    ) -> Result<Context, Unaskable> {
        let statement = self.case.statement;
        let mut names: BTreeSet<String> = BTreeSet::new();
        for function in &statement.functions {
            names.insert(function.name.to_string());
            if !functions::is_built_in(function) {
                let full = functions::full_names_in(self.case, function).unwrap_or_default();
                names.extend(full.iter().map(ToString::to_string));
            }
        }
        let functions = names.into_iter().map(RestrictedExpression::new_string);
        let mut pairs = asking_for(self.case, class, kind.as_str(), tier_of_class(class));
        pairs.push(("functions".into(), RestrictedExpression::new_set(functions)));
        pairs.push(("touches_hidden".into(), RestrictedExpression::new_bool(touches_hidden)));
        pairs.push(("is_complete".into(), RestrictedExpression::new_bool(statement.missing.is_empty())));
        Context::from_pairs(pairs).map_err(|_| Unaskable)
    }

    /// Puts a question about what was not asked for: its rules are not this case's.
    pub(crate) fn wonder(&self, action: Action, resource: EntityUid, context: Context) -> Answer {
        match self.policies.request(&self.principal, action, resource, context) {
            Some(request) => self.policies.ask(self.case.identity, action, &request, &self.entities),
            None => Answer::Broken(BTreeSet::new()),
        }
    }

    /// Puts one question and keeps the rules that answered it.
    pub(crate) fn ask(&mut self, action: Action, resource: EntityUid, context: Context) -> Answer {
        let answer = self.wonder(action, resource, context);
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        match answer {
            Answer::Granted(rules) | Answer::Forbidden(rules) => self.rules.extend(rules.iter().cloned()),
            Answer::Broken(rules) => {
                self.is_broken = true;
                self.rules.extend(rules.iter().cloned());
            }
            Answer::NotGranted => {}
        }
    }

    /// Keeps one of the gateway's own rules.
    pub(crate) fn note(&mut self, rule: &str) {
        let rule = RuleId::new(rule);
        self.rules.insert(rule);
    }

    /// Whether any answer so far was an error.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Every rule that had something to say.
    pub(crate) fn into_rules(self) -> BTreeSet<RuleId> {
        self.rules
    }

    pub(crate) fn policies(&self) -> &'a Policies {
        self.policies
    }
}

/// Which upstream identity a statement needs (decision 6).
pub(crate) fn tier_of(case: &Case<'_>) -> Tier {
    tier_of_class(case.statement.class)
}

/// Which upstream identity runs statements of that class.
pub fn tier_of_class(class: Class) -> Tier {
    match class {
        Class::Show | Class::Session | Class::Transaction | Class::Read => Tier::Read,
        Class::Write | Class::Import => Tier::Write,
        Class::Define | Class::Call | Class::Export | Class::Grant | Class::Account | Class::Opaque => {
            Tier::Define
        }
    }
}

/// What every question may depend on.
fn asking(case: &Case<'_>, tier: Tier) -> Pairs {
    asking_for(case, case.statement.class, case.statement.kind.as_str(), tier)
}

/// The same for a statement of another class and kind.
pub(crate) fn asking_for(case: &Case<'_>, class: Class, kind: &str, tier: Tier) -> Pairs {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let prompt = match case.prompt {
        PromptGrade::P0 => 0,
        PromptGrade::P1 => 1,
        PromptGrade::P2 => 2,
        PromptGrade::P3 => 3,
        PromptGrade::P4 => 4,
    };
    let mut pairs = Vec::with_capacity(8);
    pairs.push(("class".into(), text(class.as_str())));
    pairs.push(("kind".into(), text(kind)));
    pairs.push(("tier".into(), text(tier.as_str())));
    pairs.push(("door".into(), text(case.door.as_str())));
    pairs.push(("prompt".into(), RestrictedExpression::new_long(prompt)));
    pairs
}

/// The principal with its groups, and the objects of the case with what they lie in.
fn entities_of(
    policies: &Policies,
    case: &Case<'_>,
    principal: &EntityUid,
) -> Result<Vec<Entity>, Unaskable> {
    let vocabulary = &policies.vocabulary;
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let identity = case.identity;
    let mut attributes = HashMap::from([
        ("issuer".to_owned(), text(&identity.issuer)),
        ("subject".to_owned(), text(&identity.subject)),
        ("scopes".to_owned(), RestrictedExpression::new_set(identity.scopes.iter().map(|scope| text(scope)))),
    ]);
    if let Some(person) = &identity.person {
        attributes.insert("person".to_owned(), text(person.as_str()));
    }
    let groups: HashSet<EntityUid> =
        identity.groups.iter().map(|group| entity(&vocabulary.group, group)).collect();
    let mut entities = vec![Entity::new(principal.clone(), attributes, groups).map_err(|_| Unaskable)?];

    // `action in Action::"run"` is true only of actions whose parent is said here.
    let mut classes: BTreeSet<Class> =
        case.statement.functions.iter().map(|function| function.class).collect();
    classes.insert(case.statement.class);
    classes.extend(case.statement.steps.iter().map(|(class, _)| *class));
    entities.extend(classes.into_iter().map(|class| action_of(vocabulary, class)));

    let mut schemas: BTreeSet<(&str, &str)> = BTreeSet::new();
    let footprint = &case.statement.footprint;
    let objects: BTreeSet<&ObjectName> = footprint.reads.iter().chain(&footprint.writes).collect();
    for object in objects {
        schemas.insert((&object.database, &object.schema));
        let schema = vocabulary.schema(&object.database, &object.schema);
        entities.push(Entity::new_no_attrs(vocabulary.table(object), HashSet::from([schema])));
    }
    schemas.extend(crate::context::schemas_used(case));
    for (database, schema) in schemas {
        let inside = HashSet::from([vocabulary.database(database)]);
        entities.push(Entity::new_no_attrs(vocabulary.schema(database, schema), inside));
    }
    Ok(entities)
}

/// The action of running statements of that class, one of `run`.
pub(crate) fn action_of(vocabulary: &Vocabulary, class: Class) -> Entity {
    let run = HashSet::from([entity(&vocabulary.action, "run")]);
    Entity::new_no_attrs(entity(&vocabulary.action, Action::Run(class).name()), run)
}

/// The entity of a role or warehouse.
pub(crate) fn named(kind: &cedar_policy::EntityTypeName, name: &str) -> EntityUid {
    entity(kind, identifier(name))
}
