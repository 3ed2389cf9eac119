//! A bundle: its files, read and validated.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::digest::{Context, SHA256};
use domain::{Catalog, Class, ColumnRef, Digest, Identity, Limits, MaskClass, ObjectName, RuleId, Treatment};

use crate::catalog_file::{self, CatalogFile};
use crate::classes::ClassId;
use crate::detectors::Detectors;
use crate::patterns::Pattern;
use crate::policies::{Policies, Rule};
use crate::problem::{Problem, Source};
use crate::vocabulary::SCHEMA;

/// The schema's name within a bundle.
const SCHEMA_FILE: &str = "schema.cedarschema";

/// The files of the default bundle.
const DEFAULT: [(&str, &str); 6] = [
    ("10-context.cedar", include_str!("../../../infra/policies/default/10-context.cedar")),
    ("20-statements.cedar", include_str!("../../../infra/policies/default/20-statements.cedar")),
    ("30-objects.cedar", include_str!("../../../infra/policies/default/30-objects.cedar")),
    ("40-columns.cedar", include_str!("../../../infra/policies/default/40-columns.cedar")),
    (catalog_file::FILE, include_str!("../../../infra/policies/default/catalog.toml")),
    (SCHEMA_FILE, SCHEMA),
];

/// A policy bundle: parsed, strictly validated, digested. It never changes; a new one takes its place.
pub struct Bundle {
    digest: Digest,
    pub(crate) catalog: CatalogFile,
    pub(crate) policies: Policies,
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle").field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl Bundle {
    /// Reads a bundle: paths within it, with `/` between their parts, and contents.
    ///
    /// A bundle holds `catalog.toml` (its format is shown [above](crate)), any number of `*.cedar` and, if one likes, a copy of the
    /// schema as `schema.cedarschema`; nothing else.
    ///
    /// # Errors
    /// Everything that is wrong, sorted by place; at least one problem.
    pub fn parse(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut catalog = None;
        let mut cedar = Vec::new();
        for (path, bytes) in files {
            let whole = |message: &str| Problem {
                file: path.clone(),
                line: 1,
                column: 1,
                message: message.to_owned(),
            };
            let Ok(text) = std::str::from_utf8(bytes) else {
                problems.push(whole("this is no UTF-8 text"));
                continue;
            };
            if path == catalog_file::FILE {
                catalog = catalog_file::read(text, &mut problems);
            } else if path == SCHEMA_FILE {
                if text != SCHEMA {
                    problems.push(whole("the schema is Snowgate's own; remove this file or copy the one of the default bundle"));
                }
            } else if path.ends_with(".cedar") {
                cedar.push(Source { file: path, text });
            } else {
                problems.push(whole(
                    "a bundle holds catalog.toml, *.cedar and schema.cedarschema; remove this file",
                ));
            }
        }
        if !files.contains_key(catalog_file::FILE) {
            let message = "the file is missing; it holds classes, limits and reviewers".to_owned();
            problems.push(Problem { file: catalog_file::FILE.to_owned(), line: 1, column: 1, message });
        }
        let classes = catalog.as_ref().map(|catalog| &catalog.classes);
        let policies = Policies::read(&cedar, classes, &mut problems);
        match (catalog, policies) {
            (Some(catalog), Some(policies)) if problems.is_empty() => {
                Ok(Self { digest: digest(files), catalog, policies })
            }
            _ => {
                if problems.is_empty() {
                    let message = "this bundle could not be read".to_owned();
                    problems.push(Problem { file: String::new(), line: 1, column: 1, message });
                }
                problems.sort();
                problems.dedup();
                Err(problems)
            }
        }
    }

    /// The bundle that Snowgate comes with: agents of group `agents` read `DEMO` and the sample data, masked.
    ///
    /// # Errors
    /// None; the tests hold that this bundle is sound.
    pub fn default_bundle() -> Result<Self, Vec<Problem>> {
        Self::parse(&default_files())
    }

    /// SHA-256 over the files in the order of their paths, each as the length of its path, its path, the length
    /// of its bytes, its bytes; lengths as eight bytes, the greatest first.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The Snowflake tags that give columns a class here, as the catalog names them; sorted.
    pub fn tags(&self) -> Vec<&str> {
        let mut tags: Vec<&str> = self.catalog.columns.tags.keys().map(String::as_str).collect();
        tags.sort_unstable();
        tags
    }

    /// Every group that `[[reviewers]]` names.
    pub fn reviewer_groups(&self) -> BTreeSet<&str> {
        self.catalog.reviewers.groups().collect()
    }

    /// The groups that decide on a statement of that kind and class, as records name them, wherever one is held; and how many of
    /// their people must say yes.
    pub fn reviewers_of(&self, kind: &str, class: &str) -> (&[String], NonZeroU32) {
        let class = Class::ALL.into_iter().find(|known| known.as_str() == class);
        let reviewers = self.catalog.reviewers.of_words(kind, class);
        (reviewers.groups.as_slice(), reviewers.people)
    }

    /// Whether a rule that a record names may still be one that decides here. Those of the gateway, and of what people have granted,
    /// are no bundle's.
    pub fn may_name(&self, rule: &str) -> bool {
        rule.contains(':') || self.policies.has(rule)
    }

    /// Its rules by their names, as they are written.
    pub fn rules(&self) -> &BTreeMap<RuleId, Rule> {
        self.policies.rules()
    }

    /// How much this principal may take.
    pub fn limits_for(&self, identity: &Identity) -> Limits {
        self.catalog.limits.of(identity)
    }

    /// The classes of a stored column, by name; at least one.
    pub fn classes_of(&self, catalog: &Catalog, column: &ColumnRef) -> Vec<MaskClass> {
        let classes = self.catalog.columns.column(catalog, column).whole();
        classes.into_iter().map(|id| self.catalog.classes.name(id)).collect()
    }

    /// The class that `[[columns]]` gives a column by its name, and whether an entry names this very column; none where
    /// nobody has classified it. Tags are not looked at.
    pub fn named(&self, column: &ColumnRef) -> Option<Named> {
        let rules = &self.catalog.columns;
        let exact = rules.exact.get(&column.object).and_then(|columns| columns.get(&column.column));
        let by_pattern = || {
            let matches = |pattern: &Pattern| {
                pattern.matches_object(&column.object) && pattern.matches_column(&column.column)
            };
            rules.patterns.iter().find(|(pattern, _)| matches(pattern)).map(|(_, id)| id)
        };
        let name = |id: &ClassId| self.catalog.classes.name(*id);
        exact.map(|id| Named::Exactly(name(id))).or_else(|| by_pattern().map(|id| Named::ByPattern(name(id))))
    }

    /// Every column that an entry of `[[columns]]` names without a `*`; sorted.
    pub fn named_columns(&self) -> BTreeSet<ColumnRef> {
        let of_object = |(object, columns): (&ObjectName, &HashMap<String, ClassId>)| {
            let column = |column: &String| ColumnRef { object: object.clone(), column: column.clone() };
            columns.keys().map(column).collect::<Vec<_>>()
        };
        self.catalog.columns.exact.iter().flat_map(of_object).collect()
    }

    /// Whether the bundle declares a class of that name.
    pub fn has_class(&self, name: &str) -> bool {
        self.catalog.classes.find(name).is_some()
    }

    /// The class that a value of a Snowflake tag gives here; the tag by its full name, as `[tags]` writes it.
    pub fn class_of_tag(&self, tag: &str, value: &str) -> Option<MaskClass> {
        let id = self.catalog.columns.tags.get(tag)?.get(value)?;
        Some(self.catalog.classes.name(*id))
    }

    /// Whether any column of this table or view holds more than what everybody may see; a table that the catalog does
    /// not have does.
    pub fn is_classified(&self, catalog: &Catalog, object: &ObjectName) -> bool {
        self.catalog.columns.is_classified(catalog, object)
    }

    /// How a stored column is treated, whole, for whoever may see only what is public.
    pub fn treatment_of(&self, catalog: &Catalog, column: &ColumnRef) -> Treatment {
        let hidden: crate::classes::ClassSet = self
            .catalog
            .columns
            .column(catalog, column)
            .whole()
            .into_iter()
            .filter(|id| *id != ClassId::PUBLIC)
            .collect();
        let mut ids = hidden.iter();
        match (ids.next(), ids.next()) {
            (None, _) => Treatment::Clear,
            (Some(id), None) if self.catalog.classes.is_scanned(*id) => Treatment::Scan,
            (Some(id), None) => Treatment::Mask(self.catalog.classes.fine_mask(*id)),
            (Some(_), Some(_)) => Treatment::Mask(self.catalog.classes.redaction(&hidden)),
        }
    }

    /// How the content detectors are tuned.
    pub fn detectors(&self) -> &Detectors {
        &self.catalog.detectors
    }
}

/// How a bundle names a column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Named {
    /// By an entry for this column.
    Exactly(MaskClass),
    /// By a pattern with a `*`; an entry for the column would go before it.
    ByPattern(MaskClass),
}

/// The files of the default bundle, for whoever writes them out to begin with: path within the bundle, contents.
pub fn default_files() -> BTreeMap<String, Vec<u8>> {
    DEFAULT.into_iter().map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).collect()
}

fn digest(files: &BTreeMap<String, Vec<u8>>) -> Digest {
    let mut context = Context::new(&SHA256);
    for (path, bytes) in files {
        for part in [path.as_bytes(), bytes] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
    }
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    Digest::from_bytes(bytes)
}
