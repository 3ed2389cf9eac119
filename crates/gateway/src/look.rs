//! The verbs that only look: what would become of a statement, what there is to ask about.
//!
//! Nothing of it is an exchange and nothing reaches upstream but the catalog's own reading. Each look is counted, by door
//! and word, and whoever may not ask at the moment (revoked, over budget) may not look either. A table or view is there for
//! whoever may read it: what `SELECT * FROM` it would be told decides, by the same reading and the same policy, so that
//! these verbs know no rule of their own.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AccessGrant, Asked, Context, Credential, Decision, Door, Grant, Hold, ObjectName, Obligations, Prompt,
    PromptGrade, RelationKind, Ruling, SqlText, SqlType, Statement, Tier, Treatment,
};
use masking::Detectors;
use tracing::{Instrument, Span};

use crate::access::Grants;
use crate::admission::is_large;
use crate::approval::unless_untold;
use crate::ask::AskError;
use crate::evidence::{Purpose, WANTED, Weighed};
use crate::fault::{Fault, Origin};
use crate::gateway::{Gateway, off_the_loop};
use crate::plan;
use crate::ports::{Named, Prospect};
use crate::principal::Principal;
use crate::reading::Read;
use crate::seal;
use crate::spans::{Spanned, span};

/// Tables and views that one listing looks at: reading each is about a millisecond's work.
const LISTED: usize = 100;

/// What would become of a statement.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// What would be decided now, with the rules that lead to it.
    pub ruling: Ruling,
    /// The class and the kind of what was asked, in policies' words; none when it was not read, or is a batch.
    pub what: Option<(&'static str, String)>,
    /// Why it could not be read or resolved with certainty, in words of this program.
    pub why: Option<&'static str>,
    /// Its result columns in order; none where they cannot be told before it runs, and when it is refused.
    pub columns: Option<Vec<ForeseenColumn>>,
    /// Whether every column of its result would be masked, because its columns cannot be told.
    pub masks_all: bool,
    /// How well the prompt behind it is known now: a rule may ask for more.
    pub grade: PromptGrade,
}

/// A result column before there is a result.
#[derive(Clone, Debug)]
pub struct ForeseenColumn {
    /// Its name after the detectors; none where the text does not tell, or the name would be made from values.
    pub name: Option<String>,
    /// How it would leave.
    pub treatment: Treatment,
    /// Where it is masked for how well the prompt is known alone: from which grade on it would not be.
    pub shown_from: Option<PromptGrade>,
}

/// Where to look; a part that is absent is the gateway's default. Stored names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// The database.
    pub database: Option<String>,
    /// The schema in it.
    pub schema: Option<String>,
}

/// A table or view that this principal may read.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Its name, each part after the detectors.
    pub name: ObjectName,
    /// Whether it is a view.
    pub is_view: bool,
    /// How many columns it has.
    pub columns: usize,
    /// Why reading it waits for a person; none when it does not.
    pub waits_for: Option<String>,
    /// How well the person's prompt must be known for that; none where it need not be. What is told of its columns holds from then
    /// on.
    pub wants: Option<PromptGrade>,
}

/// Some tables and views of one schema, in the order of their names.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The database that was looked at; none when nobody named one and there is no default.
    pub database: Option<String>,
    /// The schema; likewise.
    pub schema: Option<String>,
    /// Those that this principal may read; there may be none, and more to look at.
    pub relations: Vec<Relation>,
    /// Where to go on, when there are more to look at: a word that tells nothing.
    pub after: Option<String>,
}

/// A table or view with its columns.
#[derive(Clone, Debug)]
pub struct Described {
    /// What it is.
    pub relation: Relation,
    /// Its columns in order: each with its type and how `SELECT *` would show it.
    pub columns: Vec<(ForeseenColumn, SqlType)>,
}

/// What of a table or view is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// That it is there.
    Relation,
    /// Its columns, too.
    Columns,
}

impl Gateway {
    /// Who this credential proves. Whether they were revoked is each verb's to check.
    ///
    /// # Errors
    /// [`AskError::NotAccepted`] when it proves nobody; it is counted.
    pub async fn identify(&self, door: Door, credential: &Credential) -> Result<Principal, AskError> {
        self.prove(door, credential).await
    }

    /// What [`Gateway::ask`] would decide now. Nothing is opened, run or held; the look is counted as `checked`.
    ///
    /// # Errors
    /// [`AskError`] when nobody was identified or something broke. A no is a [`Foreseen`].
    pub async fn check(&self, asked: Asked) -> Result<Foreseen, AskError> {
        let principal = self.prove(asked.door, &asked.credential).await?;
        let mut asked = asked;
        self.complete(&mut asked);
        self.reject(asked.door, "checked").await;
        if let Some(ruling) =
            self.counted(asked.door, self.look_ahead(&asked, &principal, Prospect::Open).await).await?
        {
            let grade = asked.prompt.grade;
            return Ok(Foreseen { ruling, what: None, why: None, columns: None, masks_all: false, grade });
        }
        let key = self.counted(asked.door, self.ports.keys.digest().await).await?;
        let weighed = self.weigh(&asked, principal.identity(), &key, (Purpose::Look, Named::default())).await;
        let mut weighed = self.counted(asked.door, weighed).await?;
        weighed.fill(&mut asked);
        if !is_large(&asked) {
            return self.foresee_one(&asked, &principal, &weighed).await;
        }
        self.aside(move |gateway| async move { gateway.foresee_one(&asked, &principal, &weighed).await })
            .await
    }

    async fn foresee_one(
        &self,
        asked: &Asked,
        principal: &Principal,
        weighed: &Weighed,
    ) -> Result<Foreseen, AskError> {
        let bundle = self.counted(asked.door, self.ports.policies.bundle().await).await?;
        let read = self.counted(asked.door, self.read(asked).spanned(span!("read")).await).await?;
        let grants = &mut Grants::default();
        let ruling = self.rule_with(&bundle, principal.identity(), asked, &read, grants);
        let ruled = self.counted(asked.door, ruling.spanned(span!("decide")).await).await?;
        let identity = principal.identity();
        let ruled = self.tell_what_is_wanted(&bundle, identity, asked, &read, weighed, ruled).await;
        let ruling = unless_untold(&bundle, &read, asked.text.reveal(), ruled.ruling);
        let grade = asked.prompt.grade;
        // Whoever has asked people for too much would be refused, and nobody be asked.
        if let Decision::Hold(_) = &ruling.decision {
            let ahead = self.look_ahead(asked, principal, Prospect::Waits).await;
            if let Some(ruling) = self.counted(asked.door, ahead).await? {
                return Ok(Foreseen {
                    ruling,
                    what: None,
                    why: None,
                    columns: None,
                    masks_all: false,
                    grade,
                });
            }
        }
        let mut foreseen = foreseen(ruling, &read, &self.detectors.of(&bundle), grade);
        if let Some(columns) = &mut foreseen.columns
            && columns.iter().any(|column| is_mask(&column.treatment))
        {
            let grants: Vec<AccessGrant> = ruled.access.into_iter().map(|granted| granted.grant).collect();
            self.tell_what_would_be_shown(&bundle, principal.identity(), asked, &read, &grants, columns);
        }
        Ok(foreseen)
    }

    /// The tables and views of a schema that this principal may read, from where an earlier listing ended. Counted as
    /// `listed`.
    ///
    /// # Errors
    /// As for [`Gateway::check`]; [`AskError::Counted`] with a refusal for whoever may not ask at the moment;
    /// [`AskError::UnknownPage`] where no listing has ended.
    pub async fn list(
        &self,
        door: Door,
        credential: &Credential,
        place: Place,
        after: Option<String>,
    ) -> Result<Listed, AskError> {
        let principal = self.prove(door, credential).await?;
        self.reject(door, "listed").await;
        self.may_look(door, &principal).await?;
        let (database, schema) = self.place(place);
        let (Some(database), Some(schema)) = (database.clone(), schema.clone()) else {
            return Ok(Listed { database, schema, relations: Vec::new(), after: None });
        };
        self.aside(
            move |gateway| async move { gateway.list_in(door, &principal, database, schema, after).await },
        )
        .await
    }

    async fn list_in(
        &self,
        door: Door,
        principal: &Principal,
        database: String,
        schema: String,
        after: Option<String>,
    ) -> Result<Listed, AskError> {
        let wanted = BTreeSet::from([(database.clone(), schema.clone())]);
        let catalog = self.counted(door, self.ports.catalogs.snapshot(&wanted).await).await?;
        let key = self.counted(door, self.ports.keys.digest().await).await?;
        let is_there = |name: &&ObjectName| name.database == database && name.schema == schema;
        let mut names = catalog.relations.keys().filter(is_there);
        // SECURITY: the last that was looked at may be one that this principal must not know of.
        let word = |name: &ObjectName| seal::keyed_word(&key, "listed", &name.to_string());
        if after.is_some_and(|after| !names.by_ref().any(|name| word(name) == after)) {
            return Err(AskError::UnknownPage);
        }
        let some: Vec<&ObjectName> = names.by_ref().take(LISTED).collect();
        let more = names.next().is_some();
        let (mut relations, mut grants) = (Vec::new(), Grants::default());
        for name in &some {
            if let Some(described) =
                self.describe_one(door, principal, (name, Told::Relation), &mut grants).await?
            {
                relations.push(described.relation);
            }
        }
        let after = some.last().filter(|_| more).map(|last| word(last));
        Ok(Listed { database: Some(database), schema: Some(schema), relations, after })
    }

    /// A table or view with its columns; none when there is none that this principal may read. Counted as `described`.
    ///
    /// # Errors
    /// As for [`Gateway::list`].
    pub async fn describe(
        &self,
        door: Door,
        credential: &Credential,
        place: Place,
        name: String,
    ) -> Result<Option<Described>, AskError> {
        let principal = self.prove(door, credential).await?;
        self.reject(door, "described").await;
        self.may_look(door, &principal).await?;
        let (Some(database), Some(schema)) = self.place(place) else { return Ok(None) };
        let name = ObjectName::new(database, schema, name);
        self.describe_one(door, &principal, (&name, Told::Columns), &mut Grants::default()).await
    }

    /// SECURITY: what may not be read and what does not exist is the same nothing.
    async fn describe_one(
        &self,
        door: Door,
        principal: &Principal,
        (name, told): (&ObjectName, Told),
        grants: &mut Grants,
    ) -> Result<Option<Described>, AskError> {
        let mut asked = self.glance(door, format!("SELECT * FROM {name}"));
        let bundle = self.counted(door, self.ports.policies.bundle().await).await?;
        let read = self.counted(door, self.read(&asked).await).await?;
        let identity = principal.identity();
        // A look has no prompt, and shows nothing of a cell: it tells what a statement may whose prompt is known well enough. Whatever
        // is refused in any case is refused for the best, too, and is asked about no further.
        let mut found = None;
        for grade in [PromptGrade::P0].iter().chain(WANTED.iter().rev()) {
            asked.prompt = Prompt { text: None, grade: *grade };
            let ruled = self.rule_with(&bundle, identity, &asked, &read, grants).await;
            let ruled = self.counted(door, ruled).await?;
            let is_refused = matches!(ruled.ruling.decision, Decision::Refuse(_));
            let is_unknown = *grade == PromptGrade::P0;
            if !is_refused {
                found = Some((ruled, *grade));
            }
            if is_refused != is_unknown {
                break;
            }
        }
        let Some((ruled, grade)) = found else { return Ok(None) };
        asked.prompt = Prompt { text: None, grade };
        let Some(mut described) = described(name, &ruled.ruling, &read, &self.detectors.of(&bundle)) else {
            return Ok(None);
        };
        described.relation.wants = Some(grade).filter(|grade| *grade > PromptGrade::P0);
        let (mut columns, types): (Vec<_>, Vec<_>) = described.columns.into_iter().unzip();
        if told == Told::Columns && columns.iter().any(|column| is_mask(&column.treatment)) {
            let grants: Vec<AccessGrant> = ruled.access.into_iter().map(|granted| granted.grant).collect();
            self.tell_what_would_be_shown(&bundle, identity, &asked, &read, &grants, &mut columns);
        }
        Ok(Some(Described { columns: columns.into_iter().zip(types).collect(), ..described }))
    }

    /// Whoever lacks a scope, is revoked or over a limit is refused before anything is looked at.
    async fn may_look(&self, door: Door, principal: &Principal) -> Result<(), AskError> {
        if let Some(refusal) = self.lacks_scope(principal.identity(), Tier::Read) {
            self.reject(door, "scope").await;
            return Err(AskError::Counted(refusal));
        }
        let asked = self.glance(door, "SELECT 1".to_owned());
        let ahead = self.counted(door, self.look_ahead(&asked, principal, Prospect::Open).await).await?;
        match ahead.map(|ruling| ruling.decision) {
            Some(Decision::Refuse(refusal)) => Err(AskError::Counted(refusal)),
            Some(Decision::Allow(_) | Decision::Hold(_)) | None => Ok(()),
        }
    }

    fn place(&self, place: Place) -> (Option<String>, Option<String>) {
        let defaults = &self.settings.default_context;
        let Place { database, schema } = place;
        // As for statements: the default schema belongs to the default database alone.
        let schema = match (&database, schema) {
            (None, None) => defaults.schema.clone(),
            (Some(named), None) if defaults.database.as_ref() == Some(named) => defaults.schema.clone(),
            (_, schema) => schema,
        };
        (database.or_else(|| defaults.database.clone()), schema)
    }

    /// A text of ours, as if it were asked under the default names.
    fn glance(&self, door: Door, text: String) -> Asked {
        let mut asked = Asked {
            door,
            credential: Credential::new(String::new()),
            conversation: None,
            request: None,
            text: SqlText::new(text),
            bindings: BTreeMap::new(),
            context: Context::default(),
            statement_count: 1,
            parameters: BTreeMap::new(),
            timeout: None,
            prompt: Prompt::default(),
            clues: Default::default(),
        };
        self.complete(&mut asked);
        asked
    }

    /// Work of size, where it keeps nobody's small statement waiting.
    async fn aside<T, W, F>(&self, work: W) -> Result<T, AskError>
    where
        T: Send + 'static,
        W: FnOnce(Self) -> F + Send + 'static,
        F: Future<Output = Result<T, AskError>>,
    {
        let desk = self.desks.acquire().spanned(span!("queue")).await.map_err(|error| {
            Fault::passing(Origin::Gateway, "the gateway cannot read large statements").because(error)
        })?;
        let (gateway, here) = (self.clone(), tokio::runtime::Handle::current());
        let span = Span::current();
        let done = off_the_loop(move || here.block_on(work(gateway).instrument(span))).await?;
        drop(desk);
        done
    }
}

fn foreseen(ruling: Ruling, read: &Read, detectors: &Detectors, grade: PromptGrade) -> Foreseen {
    let grant = match &ruling.decision {
        Decision::Allow(grant) | Decision::Hold(Hold { grant, .. }) => Some(grant),
        Decision::Refuse(_) => None,
    };
    let [(_, statement)] = read.statements.as_slice() else {
        let masks_all = grant.is_some();
        return Foreseen { ruling, what: None, why: None, columns: None, masks_all, grade };
    };
    let columns = grant.and_then(|grant| columns(statement, grant, detectors));
    let masks_all = columns.is_none() && grant.is_some_and(|grant| is_mask(&grant.obligations.unforeseen));
    Foreseen {
        what: Some((statement.class.as_str(), statement.kind.as_str().to_owned())),
        why: statement.why,
        columns,
        masks_all,
        ruling,
        grade,
    }
}

/// The columns that a grant speaks of, by the names that the text tells.
fn columns(statement: &Statement, grant: &Grant, detectors: &Detectors) -> Option<Vec<ForeseenColumn>> {
    let Obligations { columns, unforeseen: _, mask_column_names, error_text: _, limits: _ } =
        &grant.obligations;
    let treatments = columns.as_ref()?;
    let outputs = statement.lineage.outputs.as_ref()?;
    if outputs.len() != treatments.len() {
        return None;
    }
    let columns = outputs.iter().zip(treatments).map(|(output, treatment)| {
        let is_told = !output.is_name_from_values && !mask_column_names;
        let name = output.name.as_ref().filter(|_| is_told);
        let name = name.map(|name| detectors.redact_text(name, "").into_owned());
        ForeseenColumn { name, treatment: treatment.clone(), shown_from: None }
    });
    Some(columns.collect())
}

fn described(name: &ObjectName, ruling: &Ruling, read: &Read, detectors: &Detectors) -> Option<Described> {
    let (grant, waits_for) = match &ruling.decision {
        Decision::Allow(grant) => (grant, None),
        Decision::Hold(hold) => (&hold.grant, Some(hold.reason.clone())),
        Decision::Refuse(_) => return None,
    };
    let stored = read.catalog.relation(name)?;
    let [(_, statement)] = read.statements.as_slice() else { return None };
    // What cannot be told column by column would be masked whole (invariant I2).
    let hidden = Treatment::from(&plan::masked_whole());
    let told = columns(statement, grant, detectors).filter(|told| told.len() == stored.columns.len());
    let columns = stored.columns.iter().enumerate().map(|(at, column)| {
        let treatment = told.as_ref().and_then(|told| told.get(at)).map(|told| told.treatment.clone());
        let name = Some(detectors.redact_text(&column.name, "").into_owned());
        let treatment = treatment.unwrap_or_else(|| hidden.clone());
        (ForeseenColumn { name, treatment, shown_from: None }, column.sql_type.clone())
    });
    let columns = columns.collect();
    let part = |part: &str| detectors.redact_text(part, "").into_owned();
    let relation = Relation {
        name: ObjectName::new(part(&name.database), part(&name.schema), part(&name.name)),
        is_view: matches!(stored.kind, RelationKind::View { .. }),
        columns: stored.columns.len(),
        waits_for,
        wants: None,
    };
    Some(Described { relation, columns })
}

pub(crate) fn is_mask(treatment: &Treatment) -> bool {
    match treatment {
        Treatment::Mask(_) => true,
        Treatment::Clear | Treatment::Scan => false,
    }
}
