//! Reads `catalog.toml`; the crate's documentation shows its format.

use std::collections::HashMap;

use domain::Mask;
use toml::de::DeTable;

use crate::access::AccessRules;
use crate::classes::{BUILT_IN, ClassId, Classes, MIXED};
use crate::columns::{ColumnRules, PathRule};
use crate::detectors::{Detectors, read_detectors};
use crate::patterns::{Pattern, is_full_name};
use crate::problem::{Problem, Source};
use crate::reader::{At, Reader, Table};
use crate::settings::{LimitRules, ReviewerRules};
use crate::settings_file::{read_access, read_limits, read_reviewers};

/// The file's name within a bundle.
pub(crate) const FILE: &str = "catalog.toml";

/// What `catalog.toml` says.
#[derive(Debug)]
pub(crate) struct CatalogFile {
    pub(crate) contact: Option<String>,
    pub(crate) classes: Classes,
    pub(crate) columns: ColumnRules,
    pub(crate) limits: LimitRules,
    pub(crate) reviewers: ReviewerRules,
    pub(crate) access: Option<AccessRules>,
    pub(crate) detectors: Detectors,
}

/// Reads the file. With any problem noted, what is returned must not be used.
pub(crate) fn read(text: &str, problems: &mut Vec<Problem>) -> Option<CatalogFile> {
    let source = Source { file: FILE, text };
    let (document, faults) = DeTable::parse_recoverable(text);
    for fault in &faults {
        let at = fault.span().map_or(0, |span| span.start);
        problems.push(source.problem(at, format!("this is no TOML: {}", fault.message())));
    }
    if !faults.is_empty() {
        return None;
    }
    let mut reader = Reader::new(source, problems);
    let reader = &mut reader;
    let file = Table { entries: document.get_ref(), at: 0 };
    let mut known = vec!["contact", "classes", "columns", "paths", "tags", "limits", "reviewers"];
    known.extend(["access", "detectors", "results"]);
    reader.only(file, &known);

    let contact = reader.text(file, "contact").map(|text| text.value.to_owned());
    let classes = read_classes(reader, file);
    let columns = ColumnRules {
        paths: read_paths(reader, file, &classes),
        tags: read_tags(reader, file, &classes),
        ..read_columns(reader, file, &classes)
    };
    let limits = read_limits(reader, file);
    let reviewers = read_reviewers(reader, file);
    let access = read_access(reader, file);
    let detectors = read_detectors(reader, file, &classes);
    Some(CatalogFile { contact, classes, columns, limits: limits?, reviewers: reviewers?, access, detectors })
}

fn read_classes(reader: &mut Reader<'_>, file: Table<'_>) -> Classes {
    let mut classes = Classes::built_in();
    let Some(table) = reader.table(file, "classes") else { return classes };
    for (name, class) in reader.tables(table) {
        reader.only(class, &["mask", "width", "epoch", "scan"]);
        if name.value == MIXED || BUILT_IN.iter().any(|(built_in, _)| *built_in == name.value) {
            reader.wrong(name.at, format!("class `{}` is built in; choose another name", name.value));
            continue;
        }
        if !is_word(name.value) {
            reader.wrong(name.at, "a class is named in lower-case letters, digits and `_`, at most 40");
            continue;
        }
        let mask = read_mask(reader, class).unwrap_or(Mask::Redact);
        let is_scanned = reader.flag(class, "scan").unwrap_or(false);
        classes.add(name.value, mask, is_scanned);
    }
    classes
}

/// The names of masks in the file.
const MASKS: [&str; 9] =
    ["redact", "last_four", "email_domain", "null", "token", "shared_token", "year", "ip_network", "band"];

fn read_mask(reader: &mut Reader<'_>, class: Table<'_>) -> Option<Mask> {
    let width = reader.count(class, "width");
    let name = reader.text(class, "mask");
    if class.entries.contains_key("width") && name.as_ref().is_none_or(|name| name.value != "band") {
        reader.wrong(class.at, "`width` belongs to `mask = \"band\"`; remove it or change the mask");
    }
    let epoch = reader.count(class, "epoch");
    if class.entries.contains_key("epoch") && name.as_ref().is_none_or(|name| name.value != "shared_token") {
        reader.wrong(class.at, "`epoch` belongs to `mask = \"shared_token\"`; remove it or change the mask");
    }
    let name = name?;
    let mask = match name.value {
        "redact" => Mask::Redact,
        "last_four" => Mask::LastFour,
        "email_domain" => Mask::EmailDomain,
        "null" => Mask::Null,
        "token" => Mask::Token,
        "shared_token" => {
            if !class.entries.contains_key("epoch") {
                reader.wrong(
                    name.at,
                    "a shared token needs its `epoch`: 1, and one more whenever its keys shall change",
                );
            }
            Mask::SharedToken(epoch?)
        }
        "year" => Mask::Year,
        "ip_network" => Mask::IpNetwork,
        "band" => {
            if !class.entries.contains_key("width") {
                reader.wrong(name.at, "a band needs its `width`");
            }
            Mask::Band(width?)
        }
        other => {
            reader.wrong(name.at, format!("there is no mask `{other}`; choose one of {}", MASKS.join(", ")));
            return None;
        }
    };
    Some(mask)
}

fn read_columns(reader: &mut Reader<'_>, file: Table<'_>, classes: &Classes) -> ColumnRules {
    let mut rules = ColumnRules::default();
    let mut places = HashMap::new();
    let mut wild: Vec<(Pattern, ClassId, usize, &str)> = Vec::new();
    for entry in reader.array_of_tables(file, "columns") {
        reader.only(entry, &["match", "class"]);
        let class = needed_class(reader, entry, classes);
        for (pattern, text) in needed_patterns(reader, entry) {
            let Some(class) = class else { continue };
            match pattern.as_column() {
                Some(column) => {
                    if places.insert(column.clone(), ()).is_some() {
                        reader.wrong(text.at, format!("`{column}` is classified twice; remove one of both"));
                    }
                    rules.exact.entry(column.object).or_default().insert(column.column, class);
                }
                None => {
                    let rank = pattern.rank();
                    let rival = wild.iter().find(|(other, other_class, _, _)| {
                        *other == pattern
                            || (*other_class != class && other.rank() == rank && other.may_meet(&pattern))
                    });
                    if let Some((_, _, _, rival)) = rival {
                        let message = format!(
                            "`{}` and `{rival}` may match the same column and neither is more specific; \
                             change one of both",
                            text.value
                        );
                        reader.wrong(text.at, message);
                    }
                    wild.push((pattern, class, text.at, text.value));
                }
            }
        }
    }
    wild.sort_by_key(|(pattern, ..)| std::cmp::Reverse(pattern.rank()));
    rules.patterns = wild.into_iter().map(|(pattern, class, ..)| (pattern, class)).collect();
    rules
}

fn read_paths(reader: &mut Reader<'_>, file: Table<'_>, classes: &Classes) -> Vec<PathRule> {
    let mut rules = Vec::new();
    for entry in reader.array_of_tables(file, "paths") {
        reader.only(entry, &["match", "path", "class"]);
        let class = needed_class(reader, entry, classes);
        let patterns = needed_patterns(reader, entry);
        for path in reader.needed_texts(entry, "path") {
            let names: Vec<String> = path.value.split('.').map(str::to_lowercase).collect();
            if names.iter().any(String::is_empty) {
                reader.wrong(path.at, "a path is names with dots between them, such as \"address.city\"");
                continue;
            }
            let Some(class) = class else { continue };
            let new = patterns.iter().map(|(pattern, _)| PathRule {
                pattern: pattern.clone(),
                path: names.clone(),
                class,
            });
            rules.extend(new);
        }
    }
    rules
}

fn read_tags(
    reader: &mut Reader<'_>,
    file: Table<'_>,
    classes: &Classes,
) -> HashMap<String, HashMap<String, ClassId>> {
    let mut tags = HashMap::new();
    let Some(table) = reader.table(file, "tags") else { return tags };
    for (tag, values) in reader.tables(table) {
        // SECURITY: by any other name it would never be found on a column, and nobody would notice.
        if !is_full_name(tag.value) {
            let message = format!(
                "`{}` is no full name of a tag; write it as Snowflake stores it: [tags.\"DATABASE.SCHEMA.TAG\"]",
                tag.value
            );
            reader.wrong(tag.at, message);
        }
        let mut classes_of_values = HashMap::new();
        for value in values.entries.keys() {
            let value = value.get_ref();
            let Some(name) = reader.text(values, value) else { continue };
            match find_class(reader, classes, &name) {
                // SECURITY: whoever may set tags must not be able to unmask a column by it.
                Some(ClassId::PUBLIC) => {
                    reader.wrong(name.at, "no tag makes a column public; name the column under [[columns]]");
                }
                Some(class) => {
                    classes_of_values.insert(value.to_string(), class);
                }
                None => {}
            }
        }
        tags.insert(tag.value.to_owned(), classes_of_values);
    }
    tags
}

pub(crate) fn needed_class(reader: &mut Reader<'_>, entry: Table<'_>, classes: &Classes) -> Option<ClassId> {
    let name = reader.needed_text(entry, "class")?;
    find_class(reader, classes, &name)
}

pub(crate) fn find_class(reader: &mut Reader<'_>, classes: &Classes, name: &At<&str>) -> Option<ClassId> {
    let class = classes.find(name.value);
    if class.is_none() {
        let message = format!(
            "class `{}` is not declared; add [classes.{}] or correct the name",
            name.value, name.value
        );
        reader.wrong(name.at, message);
    }
    class
}

fn needed_patterns<'t>(reader: &mut Reader<'_>, entry: Table<'t>) -> Vec<(Pattern, At<&'t str>)> {
    let mut patterns = Vec::new();
    for text in reader.needed_texts(entry, "match") {
        match Pattern::parse(text.value) {
            Ok(pattern) => patterns.push((pattern, text)),
            Err(fault) => reader.wrong(text.at, fault),
        }
    }
    patterns
}

pub(crate) fn is_word(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
