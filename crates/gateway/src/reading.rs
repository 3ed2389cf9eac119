//! From what was asked to a ruling: read, load what reading needs, read again, decide.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::{
    Access, AccessRequest, Asked, Case, Catalog, Context, Decision, Door, Identity, Refusal, RefusalCode,
    RuleId, Ruling, Statement,
};
use policy::{BatchRuling, Bundle};

use crate::access;
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::spans::{Spanned, span};

/// How often reading may ask for further schemas: a view over views needs one round a level.
const ROUNDS: usize = 6;

/// How many schemas one text may have looked up: each costs the account some statements, before anything is decided or counted.
pub(crate) const MOST_SCHEMAS: usize = 32;

/// Once reading has taken so long, no further schema is asked for: whoever asks is told to ask again, and finds there what was read.
const LONG_ENOUGH: Duration = Duration::from_secs(5);

/// What was asked, read against a catalog snapshot.
pub(crate) struct Read {
    /// The statements, each with the names that it runs under.
    pub statements: Vec<(Context, Statement)>,
    /// The snapshot.
    pub catalog: Arc<Catalog>,
    /// For a text that asks for access: what it asks for, or what is wrong with it. Then nothing is read.
    pub request: Option<Result<AccessRequest, &'static str>>,
}

/// What an answer rests on, before anything is claimed or opened.
pub(crate) struct Grounds {
    pub bundle: Arc<Bundle>,
    pub read: Read,
    /// What words are digested with.
    pub key: [u8; 32],
}

impl Gateway {
    /// Gathers what a decision needs. Where that fails nothing can be opened, because nobody can say what would be decided
    /// and by which budget: it is counted like a request of nobody, so that it stays known and floods nothing.
    pub(crate) async fn grounds(&self, asked: &Asked) -> Result<Grounds, Fault> {
        self.counted(asked.door, self.gather(asked).spanned(span!("read")).await).await
    }

    /// The same for a text that is refused unread.
    pub(crate) async fn grounds_unread(&self, door: Door) -> Result<Grounds, Fault> {
        let gathered = async {
            let bundle = self.ports.policies.bundle().await?;
            let catalog = self.ports.catalogs.snapshot(&BTreeSet::new()).await?;
            let key = self.ports.keys.digest().await?;
            let read = Read { statements: Vec::new(), catalog, request: None };
            Ok(Grounds { bundle, read, key })
        };
        self.counted(door, gathered.spanned(span!("read")).await).await
    }

    pub(crate) async fn counted<T>(&self, door: Door, gathered: Result<T, Fault>) -> Result<T, Fault> {
        if let Err(fault) = &gathered {
            self.reject(door, absent(fault.origin)).await;
        }
        gathered
    }

    async fn gather(&self, asked: &Asked) -> Result<Grounds, Fault> {
        let bundle = self.ports.policies.bundle().await?;
        let read = self.read(asked).await?;
        let key = self.ports.keys.digest().await?;
        Ok(Grounds { bundle, read, key })
    }

    pub(crate) async fn read(&self, asked: &Asked) -> Result<Read, Fault> {
        self.read_within(asked, Some(LONG_ENOUGH)).await
    }

    /// The same, where nobody waits for it.
    pub(crate) async fn read_patiently(&self, asked: &Asked) -> Result<Read, Fault> {
        self.read_within(asked, None).await
    }

    async fn read_within(&self, asked: &Asked, patience: Option<Duration>) -> Result<Read, Fault> {
        if let Some(request) = sql::access_request(asked.text.reveal(), &asked.context) {
            // Nobody is asked for what is not there.
            let wanted = request.iter().map(access::schema_of).collect();
            let catalog = self.ports.catalogs.snapshot(&wanted).await?;
            return Ok(access::read(asked, request, catalog));
        }
        let mut wanted = BTreeSet::new();
        if let (Some(database), Some(schema)) = (&asked.context.database, &asked.context.schema) {
            wanted.insert((database.clone(), schema.clone()));
        }
        let (mut rounds, begun) = (0, self.now());
        loop {
            let catalog = self.ports.catalogs.snapshot(&wanted).await?;
            let statements = read_with(asked, &catalog);
            let missing = statements.iter().flat_map(|(_, statement)| &statement.missing);
            let before = wanted.len();
            wanted.extend(missing.cloned());
            rounds += 1;
            // What is still missing then stays unknown, and policy turns that into less.
            if wanted.len() == before || rounds == ROUNDS || wanted.len() > MOST_SCHEMAS {
                return Ok(Read { statements, catalog, request: None });
            }
            if patience.is_some_and(|patience| self.now().since(begun) > patience) {
                let message = "the catalog takes long to read; ask again in a moment";
                return Err(Fault::passing(Origin::Catalogs, message));
            }
        }
    }
}

/// The word under which it is counted that something was not there.
pub(crate) fn absent(origin: Origin) -> &'static str {
    match origin {
        Origin::Policies => "policy_unavailable",
        Origin::Catalogs | Origin::Upstream => "catalog_unavailable",
        Origin::Keys => "keys_unavailable",
        Origin::Identities => "issuer_unavailable",
        Origin::Recordings | Origin::Pages | Origin::Exchanges | Origin::Gateway => "gateway_unavailable",
    }
}

pub(crate) fn read_with(asked: &Asked, catalog: &Catalog) -> Vec<(Context, Statement)> {
    let variables = BTreeMap::new();
    let scope =
        sql::Scope { context: &asked.context, catalog, bindings: &asked.bindings, variables: &variables };
    let mut context = asked.context.clone();
    let mut statements = Vec::new();
    for (_, statement) in sql::read_batch(asked.text.reveal(), &scope) {
        // SECURITY: the names that it starts under. Those that it changes to are its effects, and policy asks about
        // them besides: `USE ROLE` is granted only where running under that role is.
        let before = context.clone();
        statement.effects.iter().for_each(|effect| context.pass(effect));
        statements.push((before, statement));
    }
    statements
}

/// Decides each statement, and the whole by its strictest.
pub(crate) fn decide(
    bundle: &Bundle,
    identity: &Identity,
    asked: &Asked,
    read: &Read,
    access: Access<'_>,
) -> BatchRuling {
    let cases: Vec<Case<'_>> = read
        .statements
        .iter()
        .map(|(context, statement)| Case {
            identity,
            context,
            statement,
            catalog: read.catalog.as_ref(),
            prompt: asked.prompt.grade,
            door: asked.door,
            access,
        })
        .collect();
    bundle.decide_batch(&cases)
}

/// A ruling of the gateway's own.
pub(crate) fn refusal(bundle: &Bundle, rule: &str, code: RefusalCode, message: String) -> Ruling {
    Ruling {
        decision: Decision::Refuse(Refusal { code, message, retry_after: None, scopes: Vec::new() }),
        rules: vec![RuleId::new(rule)],
        bundle: bundle.digest(),
    }
}
