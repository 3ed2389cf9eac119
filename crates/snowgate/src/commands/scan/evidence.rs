//! What a sample says about a column, and what that comes to.

use std::collections::BTreeMap;

use masking::Kind;

/// What the gateway told of one column of a sample.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Evidence {
    /// Sampled cells that are not NULL upstream; unknown of a masked column.
    pub cells: u64,
    /// Cells that the detectors changed.
    pub changed: u64,
    /// In how many cells each kind was found.
    pub kinds: BTreeMap<String, u64>,
    /// Masked by lineage: nothing was looked at.
    pub is_masked: bool,
    /// Most cells are several words.
    pub is_prose: bool,
}

/// What the header `X-Snowgate-Found` says of one column.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    pub changed: u64,
    pub nulled: u64,
    pub kinds: BTreeMap<String, u64>,
}

/// Reads the header by ordinal from 0; none where it says that it would be too long, or anything unknown.
pub fn read_found(header: &str) -> Option<BTreeMap<usize, Found>> {
    let mut columns = BTreeMap::new();
    for entry in header.split(", ").filter(|entry| !entry.is_empty()) {
        let mut words = entry.split(' ');
        let column = words.next()?.parse::<usize>().ok()?.checked_sub(1)?;
        let mut found = Found::default();
        for word in words {
            let (name, count) = word.split_once('=')?;
            let count = count.parse().ok()?;
            match name {
                "changed" => found.changed = count,
                "nulled" => found.nulled = count,
                kind if Kind::ALL.iter().any(|known| known.as_str() == kind) => {
                    found.kinds.insert(kind.to_owned(), count);
                }
                _ => return None,
            }
        }
        columns.insert(column, found);
    }
    Some(columns)
}

/// Lower bound of the Wilson score interval at 95 % (Wilson 1927): the share is at least that, as far as so few cells
/// can tell.
pub fn wilson(found: u64, cells: u64) -> f64 {
    const Z: f64 = 1.96;
    if cells == 0 {
        return 0.0;
    }
    // Counts here are far below 2^53.
    let (n, share) = (cells as f64, found.min(cells) as f64 / cells as f64);
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((share + Z * Z / (2.0 * n) - spread) / (1.0 + Z * Z / n)).max(0.0)
}

/// The class of the built-in catalog that holds values of a kind, or the class that would; none for what is no value of
/// its own.
pub fn class_of(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Email => "email",
        Kind::Phone => "phone",
        Kind::Card => "card",
        Kind::Iban | Kind::BankAccount => "iban",
        Kind::UsSsn | Kind::UsItin | Kind::NationalId => "ssn",
        Kind::Passport => "passport",
        Kind::DriverLicense => "driver_license",
        Kind::MedicalId => "medical_id",
        Kind::BirthDate => "dob",
        Kind::Person => "person",
        Kind::Address => "address",
        Kind::IpAddress => "ip_address",
        Kind::Mac | Kind::Device => "device",
        Kind::Wallet => "wallet",
        Kind::Vehicle => "vehicle",
        Kind::Location => "location",
        Kind::Password
        | Kind::ConnectionString
        | Kind::PrivateKey
        | Kind::Jwt
        | Kind::AwsKey
        | Kind::GithubToken
        | Kind::SlackToken
        | Kind::StripeKey
        | Kind::OpenAiKey
        | Kind::AnthropicKey
        | Kind::GoogleKey
        | Kind::Secret => "secret",
        Kind::Custom | Kind::Instruction | Kind::HiddenText | Kind::Link | Kind::Encoded | Kind::Overrun => {
            return None;
        }
    })
}

/// How values of a class leave that a bundle has yet to declare.
pub fn mask_of(class: &str) -> &'static str {
    match class {
        "email" => "email_domain",
        "phone" | "card" | "iban" => "last_four",
        "dob" => "year",
        "salary" => "null",
        "ip_address" => "ip_network",
        _ => "redact",
    }
}

/// Whether a part of each value stays: of a value of another kind the wrong one might.
fn shows_a_part(class: &str) -> bool {
    matches!(mask_of(class), "email_domain" | "last_four" | "ip_network")
}

/// Why a class is proposed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Basis {
    /// What stands in the cells.
    Content,
    /// The same, and the column's name speaks of it.
    ContentAndName,
    /// The name alone.
    Name,
    /// A tag of Snowflake's classification.
    Tag,
}

impl Basis {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::ContentAndName => "content and name",
            Self::Name => "name",
            Self::Tag => "tag",
        }
    }
}

/// What is proposed for a column.
#[derive(Clone, PartialEq, Debug)]
pub struct Proposal {
    pub class: String,
    pub basis: Basis,
    /// 0 to 1.
    pub confidence: f64,
    /// Cells that speak for it.
    pub found: u64,
    /// Whether a bundle that says so may show more of the column than one that says nothing.
    pub may_show: bool,
}

/// What a name alone counts.
const BY_NAME: f64 = 0.3;
/// What a name and a type that fits it count.
const BY_NAME_AND_TYPE: f64 = 0.6;
/// What is left of the share where the detectors, too, have only the name to go by.
const TOLD_BY_NAMES: f64 = 0.6;
/// What a tag counts.
const BY_TAG: f64 = 0.8;
/// From this share on a column is taken for values of one kind, rather than for text with some in it.
const HOLDS_VALUES: f64 = 0.3;

/// From this share of the cells on a class whose mask shows a part of each value is proposed as more than a comment.
const SHOWN_FROM: f64 = 0.95;

/// What a column of that name and type is proposed as; `tagged` is the class that its tags give.
pub fn propose(name: &str, data_type: &str, evidence: &Evidence, tagged: Option<&str>) -> Option<Proposal> {
    let by_tag = tagged.map(|class| Proposal {
        class: class.to_owned(),
        basis: Basis::Tag,
        confidence: BY_TAG,
        found: 0,
        may_show: false,
    });
    let by_content = by_content(name, data_type, evidence);
    match (by_tag, by_content) {
        // What only may be shown does not go before what Snowflake found.
        (Some(tag), Some(content)) if content.may_show || content.confidence < tag.confidence => Some(tag),
        (Some(tag), None) => Some(tag),
        (_, Some(content)) => Some(content),
        (None, None) => by_name(name, data_type),
    }
}

fn by_content(name: &str, data_type: &str, evidence: &Evidence) -> Option<Proposal> {
    let Evidence { cells, changed, kinds, is_masked, is_prose } = evidence;
    if *is_masked || kinds.is_empty() {
        return None;
    }
    let named: Vec<Kind> = Kind::named_by(name).collect();
    let mut classes: BTreeMap<&'static str, (u64, bool, bool)> = BTreeMap::new();
    for (kind, count) in kinds {
        let Some(kind) = Kind::ALL.into_iter().find(|known| known.as_str() == kind) else { continue };
        let Some(class) = class_of(kind) else { continue };
        let (found, is_named, is_by_name) = classes.entry(class).or_default();
        *found = found.saturating_add(*count).min(*cells);
        *is_named |= named.contains(&kind);
        *is_by_name |= matches!(kind, Kind::Person | Kind::Address);
    }
    let is_json = ["VARIANT", "OBJECT", "ARRAY", "MAP"].iter().any(|kind| data_type.starts_with(kind));
    let is_text = ["TEXT", "VARCHAR", "STRING", "CHAR"].iter().any(|kind| data_type.starts_with(kind));
    let top = classes.into_iter().max_by_key(|(_, (found, ..))| *found);
    if let Some((class, (found, is_named, is_by_name))) = top {
        let share = wilson(found, *cells);
        if !is_json && (!is_text || !*is_prose || is_named) && (!is_text || share >= HOLDS_VALUES) {
            let basis = if is_named { Basis::ContentAndName } else { Basis::Content };
            let confidence = if is_by_name { share * TOLD_BY_NAMES } else { share };
            // Of the few cells that hold something else, too, a part would be shown.
            let may_show = shows_a_part(class) && (found as f64) < SHOWN_FROM * *cells as f64;
            return Some(Proposal { class: class.to_owned(), basis, confidence, found, may_show });
        }
    }
    (is_json || is_text).then(|| Proposal {
        class: "notes".to_owned(),
        basis: Basis::Content,
        confidence: wilson(*changed, *cells),
        found: *changed,
        may_show: true,
    })
}

fn by_name(name: &str, data_type: &str) -> Option<Proposal> {
    let kind = Kind::named_by(name).find(|kind| class_of(*kind).is_some())?;
    // Dates have no form that a detector could know; a DATE that is named a birth is one.
    let is_birth = kind == Kind::BirthDate && data_type == "DATE";
    Some(Proposal {
        class: class_of(kind)?.to_owned(),
        basis: Basis::Name,
        confidence: if is_birth { BY_NAME_AND_TYPE } else { BY_NAME },
        found: 0,
        may_show: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(cells: u64, kinds: &[(&str, u64)]) -> Evidence {
        Evidence {
            cells,
            changed: kinds.iter().map(|(_, count)| *count).max().unwrap_or(0),
            kinds: kinds.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect(),
            ..Evidence::default()
        }
    }

    #[track_caller]
    fn check(name: &str, data_type: &str, evidence: &Evidence, expected: Option<(&str, Basis, f64)>) {
        let found = propose(name, data_type, evidence, None);
        let found = found.map(|found| (found.class, found.basis, (found.confidence * 100.0).round() / 100.0));
        assert_eq!(found, expected.map(|(class, basis, share)| (class.to_owned(), basis, share)), "{name}");
    }

    #[test]
    fn few_cells_say_little() {
        let rounded = |found, cells| (wilson(found, cells) * 100.0).round() / 100.0;
        assert_eq!([rounded(8, 8), rounded(200, 200), rounded(100, 200)], [0.68, 0.98, 0.43]);
        assert_eq!([rounded(0, 10), rounded(0, 0), rounded(1, 1)], [0.0, 0.0, 0.21]);
    }

    #[test]
    fn a_column_is_of_the_class_that_most_of_its_cells_hold() {
        let mails = evidence(200, &[("EMAIL", 200), ("PHONE", 1)]);
        check("C1", "TEXT", &mails, Some(("email", Basis::Content, 0.98)));
        check("EMAIL", "TEXT", &mails, Some(("email", Basis::ContentAndName, 0.98)));
        check("C1", "NUMBER", &evidence(200, &[("CARD", 2)]), Some(("card", Basis::Content, 0.0)));
        check("C1", "TEXT", &evidence(200, &[("PERSON", 200)]), Some(("person", Basis::Content, 0.59)));
    }

    #[test]
    fn text_and_json_with_something_in_them_are_notes() {
        let some = evidence(200, &[("EMAIL", 12)]);
        check("BODY", "TEXT", &some, Some(("notes", Basis::Content, 0.03)));
        let most = evidence(200, &[("EMAIL", 190)]);
        check("BODY", "VARIANT", &most, Some(("notes", Basis::Content, 0.91)));
        let prose = Evidence { is_prose: true, ..most };
        check("BODY", "TEXT", &prose, Some(("notes", Basis::Content, 0.91)));
        assert!(propose("BODY", "TEXT", &prose, None).unwrap().may_show);
    }

    #[test]
    fn a_class_that_shows_a_part_needs_nearly_every_cell() {
        let may_show =
            |kind, found| propose("C1", "TEXT", &evidence(200, &[(kind, found)]), None).unwrap().may_show;
        assert_eq!([may_show("EMAIL", 190), may_show("EMAIL", 189)], [false, true]);
        assert_eq!(
            [may_show("CARD", 100), may_show("US_SSN", 100), may_show("IP_ADDRESS", 20)],
            [true, false, true]
        );
    }

    #[test]
    fn a_name_alone_says_less_and_a_masked_column_says_nothing_else() {
        let masked = Evidence { is_masked: true, ..evidence(200, &[("EMAIL", 200)]) };
        check("PHONE_NUMBER", "TEXT", &masked, Some(("phone", Basis::Name, 0.3)));
        check("EMAIL", "TEXT", &Evidence::default(), Some(("email", Basis::Name, 0.3)));
        check("DOB", "DATE", &Evidence::default(), Some(("dob", Basis::Name, 0.6)));
        check("DOB", "TEXT", &Evidence::default(), Some(("dob", Basis::Name, 0.3)));
        for name in ["AMOUNT", "EMAIL_COUNT", "PRODUCT_NAME", "ID", ""] {
            check(name, "TEXT", &Evidence::default(), None);
        }
    }

    #[test]
    fn a_tag_goes_before_what_is_less_certain() {
        let some = evidence(200, &[("EMAIL", 12)]);
        let found = propose("BODY", "TEXT", &some, Some("phone")).unwrap();
        assert_eq!((found.class.as_str(), found.basis, found.may_show), ("phone", Basis::Tag, false));
        let all = evidence(200, &[("EMAIL", 200)]);
        assert_eq!(propose("BODY", "TEXT", &all, Some("phone")).unwrap().class, "email");
    }

    #[test]
    fn the_header_is_read_as_the_door_writes_it() {
        let found = read_found("3 changed=12 nulled=2 EMAIL=12 PHONE=1, 7 changed=1 nulled=0").unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), [&2, &6]);
        assert_eq!((found[&2].changed, found[&2].nulled, found[&2].kinds["EMAIL"]), (12, 2, 12));
        assert!(read_found("").unwrap().is_empty());
        for text in ["too-many", "0 changed=1", "1 changed", "1 changed=x", "1 ana@example.com=1", "x"] {
            assert!(read_found(text).is_none(), "{text}");
        }
    }
}
