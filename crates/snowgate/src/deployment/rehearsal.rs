//! What the bundle that is deployed along would refuse of everything, or ask of nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use comparison::{identity, named, question};
use domain::{Catalog, Context, Decision, Identity};
use gateway::ports::Clock;
use local::SystemClock;
use policy::Bundle;

use super::checks::Findings;

/// A database and a schema that a statement runs in; none for one that names none.
type Place = (Option<String>, Option<String>);

impl Findings<'_> {
    /// All of it; `reviewers` are the groups that somebody is asked for.
    pub(super) fn bundle(&mut self, folder: &Path, reviewers: &BTreeSet<String>) {
        let policies = self.told.get("Policies").to_owned();
        let name = match policies.as_str() {
            "pushed" => {
                return self.attention("Policies", "until a bundle is in force, everything is refused; next, once deployed: snowgate policy push DIR --why …");
            }
            "pushed-by-one" => {
                return self.attention(
                    "Policies",
                    "one operator alone may change what everybody may do; `pushed` wants two",
                );
            }
            other => other.strip_prefix("/opt/").unwrap_or_default(),
        };
        let is_name = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_name {
            // The limits tell it.
            return;
        }
        let dir = folder.join("infra/policies").join(name);
        let next = format!("next: snowgate policy check {}", dir.display());
        let files = match local::bundle_files(&dir) {
            Ok(files) if !files.is_empty() => files,
            Ok(_) | Err(_) => {
                return self.wrong(
                    "Policies",
                    format!(
                        "there is no bundle in {}; next: snowgate policy init {}",
                        dir.display(),
                        dir.display()
                    ),
                );
            }
        };
        let bundle = match Bundle::parse(&files) {
            Ok(bundle) => bundle,
            Err(problems) => {
                return self.wrong(
                    "Policies",
                    format!("the bundle in {} has {} problems; {next}", dir.display(), problems.len()),
                );
            }
        };
        if self.told.get("ReadTags") == "false" && !bundle.tags().is_empty() {
            self.attention("ReadTags", "is false, so what the bundle classifies by [tags] is classified by names alone; name those columns in catalog.toml");
        }
        let asked: Vec<&str> =
            bundle.reviewer_groups().into_iter().filter(|group| !reviewers.contains(*group)).collect();
        if !asked.is_empty() && !self.told.get("Reviewers").is_empty() {
            self.wrong("Reviewers", format!("nobody is in {}, whom the bundle asks: what waits for them would lapse; add somebody, or change [[reviewers]] of catalog.toml", asked.join(", ")));
        }
        let (places, askers) = (self.places(&files), askers(&files));
        let permits = |role: &str| {
            let context = |(database, schema): &Place| Context {
                role: said(self.told.get(role)),
                warehouse: said(self.told.get("SnowflakeWarehouse")),
                database: database.clone(),
                schema: schema.clone(),
            };
            places.iter().any(|place| askers.iter().any(|who| may_ask(&bundle, who, context(place))))
        };
        let (reads, writes) = (permits("SnowflakeRole"), permits("SnowflakeWriter"));
        if !reads {
            let place = match (self.told.get("SnowflakeDatabase"), self.told.get("SnowflakeSchema")) {
                ("", _) => "role and warehouse, whatever database and schema a statement names",
                (_, "") => "role, warehouse and database, whatever schema a statement names",
                (_, _) => "role, warehouse, database and schema",
            };
            self.wrong(
                "Policies",
                format!(
                    "the bundle in {} lets no group and no agent that it names ask even `select 1` under this {place}: \
                     name them in its 10-context.cedar (infra/README.md, step 2)",
                    dir.display()
                ),
            );
        } else if !writes {
            self.attention(
                "SnowflakeWriter",
                format!(
                    "nobody whom the bundle in {} names may ask under this role, so no write can run; if some should, name it in 10-context.cedar",
                    dir.display()
                ),
            );
        }
    }

    /// Where a statement may run: what is said, and for what is not, whatever the bundle names, for whoever asks says the rest.
    fn places(&self, files: &BTreeMap<String, Vec<u8>>) -> BTreeSet<Place> {
        let schemas: Vec<(String, String)> = named(files, "Schema")
            .iter()
            .filter_map(|name| name.split_once('.'))
            .map(|(database, schema)| (database.to_owned(), schema.to_owned()))
            .collect();
        let databases: BTreeSet<Option<String>> = match said(self.told.get("SnowflakeDatabase")) {
            Some(database) => BTreeSet::from([Some(database)]),
            None => {
                let named = named(files, "Database").into_iter();
                let all = named.chain(schemas.iter().map(|(database, _)| database.clone()));
                all.map(Some).chain([None]).collect()
            }
        };
        let mut found = BTreeSet::new();
        for database in databases {
            match said(self.told.get("SnowflakeSchema")) {
                Some(schema) => {
                    found.insert((database, Some(schema)));
                }
                None => {
                    let here = schemas.iter().filter(|(one, _)| Some(one) == database.as_ref());
                    let schemas = here.map(|(_, schema)| Some(schema.clone()));
                    let schemas: BTreeSet<_> = schemas.chain([Some("PUBLIC".to_owned()), None]).collect();
                    found.extend(schemas.into_iter().map(|schema| (database.clone(), schema)));
                }
            }
        }
        found
    }
}

fn said(name: &str) -> Option<String> {
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

/// Somebody in no group, somebody in each group that the bundle names, and each agent that it names, in all of these.
fn askers(files: &BTreeMap<String, Vec<u8>>) -> Vec<Identity> {
    let groups = named(files, "Group");
    let mut found = vec![identity("snowgate-config", [])];
    found.extend(groups.iter().map(|group| identity("snowgate-config", [group.clone()])));
    found.extend(named(files, "Agent").iter().map(|agent| identity(agent, groups.iter().cloned())));
    found
}

fn may_ask(bundle: &Bundle, who: &Identity, context: Context) -> bool {
    let asked = question("select 1".to_owned(), context);
    let catalog = Arc::new(Catalog::empty());
    let rehearsed = gateway::rehearse(bundle, who, &asked, &[], catalog, SystemClock.now());
    !matches!(rehearsed.rulings.overall.decision, Decision::Refuse(_))
}
