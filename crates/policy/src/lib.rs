//! Decides, on Cedar: a [`domain::Case`] goes in, a [`domain::Ruling`] comes out.
//!
//! A [`Bundle`] is a set of files: Cedar policies, which say who may do what, and `catalog.toml`, which says
//! which column holds which class of values, how a class is masked, who reviews, and how much one principal may
//! take. A bundle either passes strict validation whole or does not exist: [`Bundle::parse`] answers every
//! [`Problem`] with its file, line and column.
//!
//! Four questions are asked, each denied unless a policy permits it: may the statement run; may it run
//! unattended; may each shown column be seen in clear; may each tested column be tested. The names that the
//! statement runs under and every object that it touches are questions too. An error in any policy refuses.
//!
//! Equality carries the class: a column that the statement compares with a masked one is masked with it. A join of
//! two columns of one class is told to policies as such only in tables that the principal cannot fill by itself.
//!
//! `catalog.toml` looks like this; the default bundle shows a whole one:
//!
//! ```toml
//! contact = "the data stewards"             # whom refusals tell to ask
//!
//! [classes.email]                           # a class of values
//! mask = "email_domain"                     # redact last_four email_domain null token year ip_network band
//! # width = 1000                            # for band
//! # scan = true                             # free text or JSON: shown only after the detectors
//!
//! [[columns]]                               # which columns hold it; the most specific pattern wins, its last part first
//! match = ["DEMO.PUBLIC.CUSTOMERS.EMAIL", "*.*.*.EMAIL"]
//! class = "email"
//!
//! [[paths]]                                 # what lies inside a VARIANT
//! match = "DEMO.PUBLIC.CUSTOMERS.PROFILE"
//! path = ["email", "contact.email"]
//! class = "email"
//!
//! [tags."SNOWFLAKE.CORE.SEMANTIC_CATEGORY"] # Snowflake tag, its value, the class
//! EMAIL = "email"
//!
//! [[limits]]                                # without `agents` and `groups`: the default, every key needed but `…_if_approved`
//! [[reviewers]]                             # without `classes` and `kinds`: the default; `people`: how many must say yes
//!
//! [access]                                  # reading that people grant for a while; without it nobody can
//! longest = "12h"                           # and for no longer
//!
//! [detectors]                               # what is found by content, where lineage shows a value
//! off = ["ip_address"]                      # looked for no more; `snowgate policy check` lists it
//!
//! [detectors.tune.phone]
//! needs_context = true                      # only where a name, key or the words before say what it is
//! min_length = 10                           # letters and digits of a hit, at least
//! class = "phone"                           # hits leave as this class is masked; `token` and `null` are redactions here
//!
//! [[detectors.custom]]
//! name = "employee_id"
//! pattern = 'E[0-9]{6}'                     # or: literal = "E", shape = "999999" (9 digit, A a letter, X either)
//! context = ["employee", "staff"]           # one of them in the name, the key, or shortly before; optional
//! class = "employee"
//!
//! [results]                                 # what acts on its reader: off, flag (counted) or strip (taken out)
//! instructions = "flag"
//! hidden_text = "strip"
//! links = "off"
//! ```
//!
//! This crate refuses to know SQL, clocks, files and networks. It is given everything that a decision may depend
//! on, and the same case always gives the same ruling.
//!
//! ```
//! let bundle = policy::Bundle::default_bundle().unwrap();
//! assert!(bundle.digest().to_string().starts_with("sha256:"));
//!
//! let broken = [("catalog.toml".to_owned(), b"[classes.email]\nmask = 'rot13'\n".to_vec())].into();
//! let problems = policy::Bundle::parse(&broken).unwrap_err();
//! assert!(problems[0].to_string().starts_with("catalog.toml:"));
//! ```

mod access;
mod asker;
mod batch;
mod bundle;
mod catalog_file;
mod classes;
mod columns;
mod context;
mod decide;
mod detectors;
mod failures;
mod functions;
mod large;
mod lineage;
mod patterns;
mod policies;
mod policy_files;
mod problem;
mod reader;
mod refusal;
mod settings;
mod settings_file;
mod vocabulary;
mod writes;

pub use asker::tier_of_class;
pub use batch::BatchRuling;
pub use bundle::{Bundle, Named, SCHEMA_FILE, default_files};
pub use detectors::{
    BUILT_IN as BUILT_IN_DETECTORS, CustomDetector, Detectors, LARGEST_PATTERN, MOST_CUSTOM, Results, Stance,
    TunedDetector,
};
pub use functions::full_names;
pub use policies::Rule;
pub use problem::Problem;
