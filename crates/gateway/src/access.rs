//! Leave to read for a while: how it is asked for, what a decision makes of it, and how it ends.
//!
//! It is asked for by a text of Snowgate's own (`sql::access_request`), which is an exchange like every other: recorded, held
//! for reviewers, collected. Where it was granted stands in `approval/access`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{
    Access, AccessGrant, AccessRequest, AccessTo, Asked, Bindings, Case, Catalog, Class, Context, Decision,
    Digest, Door, Footprint, Identity, Kind, Lineage, ObjectName, PrincipalKey, Refusal, RefusalCode,
    RelationKind, Ruling, ShownOutput, Statement, Timestamp,
};
use policy::{BatchRuling, Bundle};
use recording::{GrantedRecord, ObjectKind, RecordKey};
use sql::Scope;

use crate::approval::note_of;
use crate::ask::AskError;
use crate::closing::Closed;
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::live::{Live, LiveAccess};
use crate::reading::{Read, refusal};

/// The verb of asking for access, in records, listings and `[[reviewers]]`.
pub(crate) const KIND: &str = "request_access";

/// The only column of what is answered once it is granted.
pub(crate) const STATUS: &str = "status";

/// What policy said, and what people had granted that it may depend on.
pub(crate) struct Ruled {
    pub rulings: Vec<Ruling>,
    pub ruling: Ruling,
    pub access: Vec<Granted>,
}

/// What is in force for whoever asks, looked up once for everything that one request decides, and only when it is needed.
#[derive(Default)]
pub(crate) struct Grants(Option<Vec<Granted>>);

/// Leave to read that is in force, with where that stands.
#[derive(Clone)]
pub(crate) struct Granted {
    pub grant: AccessGrant,
    pub principal: PrincipalKey,
    /// The exchange that asked for it.
    pub key: RecordKey,
    /// The step that has granted it.
    pub step: u32,
    pub digest: Digest,
}

impl Granted {
    /// As an opening tells it.
    pub fn record(&self) -> GrantedRecord {
        let Self { grant, key, step, digest, principal: _ } = self;
        GrantedRecord {
            approval: grant.id.to_string(),
            granted: key.object(ObjectKind::Approval { step: *step }),
            digest: digest.to_string(),
            to: grant.to.to_string(),
            until: grant.until.to_string(),
        }
    }
}

/// What was in force, as records tell it.
pub(crate) fn records(access: &[Granted]) -> Vec<GrantedRecord> {
    access.iter().map(Granted::record).collect()
}

/// What has led to this ruling.
pub(crate) fn used(ruling: &Ruling, access: &[Granted]) -> Vec<LiveAccess> {
    let is_used = |granted: &&Granted| {
        let rule = granted.record().rule();
        ruling.rules.iter().any(|used| used.as_str() == rule)
    };
    let used = access.iter().filter(is_used);
    used.map(|granted| LiveAccess {
        id: granted.grant.id.to_string(),
        until_us: granted.grant.until.as_micros(),
    })
    .collect()
}

/// What a request for access is read and recorded as: it touches nothing, and answers one sentence.
pub fn statement() -> Statement {
    let status = ShownOutput {
        name: Some(STATUS.to_owned()),
        shows: BTreeSet::new(),
        is_known: true,
        is_stored: false,
        is_name_from_values: false,
    };
    Statement {
        class: Class::Grant,
        kind: Kind::new(KIND),
        steps: Vec::new(),
        footprint: Footprint::default(),
        lineage: Lineage { outputs: Some(vec![status]), ..Lineage::default() },
        functions: BTreeSet::new(),
        effects: Vec::new(),
        missing: BTreeSet::new(),
        why: None,
    }
}

/// What becomes of a request for access at that moment.
pub(crate) fn rule_request(
    bundle: &Bundle,
    identity: &Identity,
    asked: &Asked,
    read: &Read,
    request: &Result<AccessRequest, &'static str>,
    access: Access<'_>,
) -> BatchRuling {
    let ruling = match request {
        Ok(request) => {
            let case = Case {
                identity,
                context: &asked.context,
                statement: &statement(),
                catalog: read.catalog.as_ref(),
                prompt: asked.prompt.grade,
                door: asked.door,
                access,
            };
            bundle.decide_access(&case, request, &behind(request, &read.catalog))
        }
        Err(why) => refusal(bundle, "gateway:access", RefusalCode::Policy, format!("refused: {why}")),
    };
    BatchRuling { overall: ruling.clone(), statements: vec![ruling] }
}

/// What reading the view that is asked for reads besides, as far as this catalog tells; nothing of a table and of a schema.
fn behind(request: &AccessRequest, catalog: &Catalog) -> BTreeSet<ObjectName> {
    let AccessTo::Object(name) = &request.to else { return BTreeSet::new() };
    let is_view =
        catalog.relation(name).is_some_and(|relation| matches!(relation.kind, RelationKind::View { .. }));
    if !is_view {
        return BTreeSet::new();
    }
    let (context, bindings, variables) = (Context::default(), Bindings::new(), BTreeMap::new());
    let scope = Scope { context: &context, catalog, bindings: &bindings, variables: &variables };
    let mut reads = sql::read(&format!("select * from {name}"), &scope).footprint.reads;
    reads.remove(name);
    reads
}

/// What a text that asks for access is read as, against this catalog.
pub(crate) fn read(
    asked: &Asked,
    request: Result<AccessRequest, &'static str>,
    catalog: Arc<Catalog>,
) -> Read {
    Read { statements: vec![(asked.context.clone(), statement())], catalog, request: Some(request) }
}

/// The schema in which what is asked for lies.
pub(crate) fn schema_of(request: &AccessRequest) -> (String, String) {
    match &request.to {
        AccessTo::Object(name) => (name.database.clone(), name.schema.clone()),
        AccessTo::Schema { database, schema } => (database.clone(), schema.clone()),
    }
}

impl Live {
    /// The first end of what it was decided by; none where nothing of that ends.
    pub(crate) fn access_end(&self) -> Option<Timestamp> {
        first_end(&self.access)
    }
}

/// The first end of these.
pub(crate) fn first_end(used: &[LiveAccess]) -> Option<Timestamp> {
    used.iter().map(|access| Timestamp::from_micros(access.until_us)).min()
}

/// The no once it has ended.
pub(crate) fn ended_at(end: Timestamp) -> Refusal {
    ended(format!("the access that this statement was decided by ended at {end}; ask for it again"))
}

fn ended(message: String) -> Refusal {
    Refusal { code: RefusalCode::AccessEnded, message, retry_after: None, scopes: Vec::new() }
}

impl Gateway {
    /// What policy says of each statement and of the whole, with what people have granted.
    ///
    /// SECURITY: what was granted is looked up only where nothing else permits a statement, so that it can add and never take
    /// away. Where it cannot be looked up nothing is decided.
    pub(crate) async fn rule_with(
        &self,
        bundle: &Bundle,
        identity: &Identity,
        asked: &Asked,
        read: &Read,
        Grants(found): &mut Grants,
    ) -> Result<Ruled, Fault> {
        let (rulings, ruling) = self.rule(bundle, identity, asked, read, Access::NONE);
        let is_without_rule = matches!(ruling.decision, Decision::Refuse(_))
            && ruling.rules.iter().any(|rule| rule.as_str() == "gateway:not-granted");
        if !is_without_rule || bundle.longest_access().is_none() {
            return Ok(Ruled { rulings, ruling, access: Vec::new() });
        }
        let access = match found {
            Some(found) => found.clone(),
            // On the heap: on the stack of whoever polls it there would be too little left for policy.
            None => {
                let looked_up = Box::pin(self.granted_to(bundle, &identity.key())).await?;
                found.insert(looked_up).clone()
            }
        };
        if access.is_empty() {
            return Ok(Ruled { rulings, ruling, access });
        }
        let grants: Vec<AccessGrant> = access.iter().map(|granted| granted.grant.clone()).collect();
        let granted = Access { now: self.now(), grants: &grants };
        let (rulings, ruling) = self.rule(bundle, identity, asked, read, granted);
        Ok(Ruled { rulings, ruling, access })
    }

    /// Why what this exchange was decided by permits it no more; none while it does, and where it was decided by rules alone.
    pub(crate) async fn access_ended(&self, live: &Live) -> Result<Option<Refusal>, Fault> {
        let Some(end) = live.access_end() else { return Ok(None) };
        if self.now() >= end {
            return Ok(Some(ended_at(end)));
        }
        let bundle = self.ports.policies.bundle().await?;
        let in_force = Box::pin(self.granted_to(&bundle, &live.principal())).await?;
        let stands =
            |used: &LiveAccess| in_force.iter().any(|granted| granted.grant.id.to_string() == used.id);
        if live.access.iter().all(stands) {
            return Ok(None);
        }
        Ok(Some(ended(
            "the access that this statement was decided by was taken back; ask for it again".to_owned(),
        )))
    }

    /// Why what was granted to this request is in force no more; none while it is, where nothing was, and of everything else.
    pub(crate) async fn grant_ended(&self, live: &Live) -> Result<Option<Refusal>, Fault> {
        if live.approval.is_none() {
            return Ok(None);
        }
        let case = self.case_of(live).await?;
        if !case.trail.is_of_access() {
            return Ok(None);
        }
        if case.trail.ended().is_some() {
            return Ok(Some(ended("this access was ended by a reviewer; ask for it again".to_owned())));
        }
        if case.trail.access_in_force().is_none() {
            return Ok(None);
        }
        let end = note_of(&case)?.until;
        if self.now() >= end {
            return Ok(Some(ended(format!("this access ended at {end}; ask for it again"))));
        }
        let bundle = self.ports.policies.bundle().await?;
        let in_force = Box::pin(self.granted_to(&bundle, &live.principal())).await?;
        let is_there = in_force.iter().any(|granted| granted.key == case.key);
        Ok((!is_there).then(|| ended("this access was taken back; ask for it again".to_owned())))
    }

    /// What is under way when its access ends is stopped, and nothing of it is released.
    pub(crate) async fn refuse_if_access_ended(
        &self,
        live: &mut Live,
        holder: u128,
    ) -> Result<Option<Closed>, Fault> {
        if live.access.is_empty() {
            return Ok(None);
        }
        Box::pin(async move {
            let Some(refused) = self.access_ended(live).await? else { return Ok(None) };
            self.stop_upstream(live).await;
            let closed = self.close_refused(live, &refused).await;
            self.settle(live, holder, closed).await.map(Some)
        })
        .await
    }

    /// What was released in time is shown no longer than its access lasts.
    pub(crate) async fn unless_access_ended(&self, door: Door, live: &Live) -> Result<(), AskError> {
        let ended = match Box::pin(self.access_ended(live)).await? {
            Some(refused) => Some(refused),
            None => Box::pin(self.grant_ended(live)).await?,
        };
        match ended {
            None => Ok(()),
            Some(refused) => {
                self.reject(door, "access_ended").await;
                Err(AskError::Counted(refused))
            }
        }
    }
}
