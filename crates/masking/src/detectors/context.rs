//! What is known about a value before it is read: its column or key, and what kind of text it is.

use domain::SqlType;

use super::Kind;
use super::topics::{self, Atoms};
use crate::lexical::{before, run_start};

/// What a value stands under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    /// What the column's or key's name hints at.
    atoms: Atoms,
    /// What that comes to.
    topic: Topic,
    /// What kind of text the value is.
    pub shape: Shape,
    /// Whether names alone may mask names and addresses.
    is_broad: bool,
    /// Whether the value is all of what the name names, so that the name alone may mask it.
    is_value: bool,
    /// Whether the value is a result's.
    pub is_cell: bool,
    /// Which patterns of the set's own have a context word in the name, a bit each.
    pub named: u32,
}

/// What kind of text a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    Text,
    /// A number: digits, sign, point, exponent.
    Number,
    /// A date or time in its wire spelling.
    Time,
    /// Hexadecimal bytes.
    Hex,
}

impl Context {
    pub fn of_column(name: &str, sql_type: &SqlType, is_broad: bool) -> Self {
        let shape = match sql_type {
            SqlType::Fixed { .. } | SqlType::Real | SqlType::DecFloat => Shape::Number,
            SqlType::Date
            | SqlType::Time { .. }
            | SqlType::TimestampNtz { .. }
            | SqlType::TimestampLtz { .. }
            | SqlType::TimestampTz { .. } => Shape::Time,
            SqlType::Binary { .. } => Shape::Hex,
            SqlType::Text { .. }
            | SqlType::Boolean
            | SqlType::Variant
            | SqlType::Object
            | SqlType::Array
            | SqlType::Geography
            | SqlType::Geometry
            | SqlType::Vector
            | SqlType::Map
            | SqlType::Unknown(_) => Shape::Text,
        };
        let atoms = topics::of_name(name);
        Self { atoms, topic: Topic::of(atoms), shape, is_broad, is_value: true, is_cell: true, named: 0 }
    }

    /// The context of a text that is no cell.
    pub fn of_text(name: &str) -> Self {
        let atoms = topics::of_name(name);
        Self {
            atoms,
            topic: Topic::of(atoms),
            shape: Shape::Text,
            is_broad: false,
            is_value: !name.is_empty(),
            is_cell: false,
            named: 0,
        }
    }

    /// The same place, for a text that is no value: a key.
    pub fn plain(self) -> Self {
        Self { atoms: Atoms::NONE, topic: Topic::NONE, shape: Shape::Text, is_value: false, named: 0, ..self }
    }

    /// The same context, with what more patterns have a context word in the name.
    pub fn with_named(self, named: u32) -> Self {
        Self { named: self.named | named, ..self }
    }

    pub fn of_number(self) -> Self {
        Self { shape: Shape::Number, ..self }
    }

    /// The context of what stands under a key here. A key that says nothing by itself (`value`, `number`) means
    /// what its parent means; a `name` or `address` line is what its parent has.
    pub fn under_key(self, key: &str) -> Self {
        let own = topics::of_name(key);
        let says_nothing =
            Atoms::GENERIC.or(Atoms::UNKNOWN).or(Atoms::NUMBERED).or(Atoms::ID).or(Atoms::CODE);
        let is_generic = own.is_only(says_nothing) && own.has(Atoms::GENERIC);
        let inherits = is_generic
            || own.is_only(Atoms::NAME.or(Atoms::PERSONAL).or(Atoms::GENERIC))
            || own.has(Atoms::LINE);
        let (atoms, named) = if inherits { (own.or(self.atoms), self.named) } else { (own, 0) };
        Self { atoms, topic: Topic::of(atoms), shape: Shape::Text, is_value: true, named, ..self }
    }

    /// Whether a member of that name tells what the members beside it are (`{"type": "phone", "value": …}`).
    pub fn is_kind_key(key: &str) -> bool {
        ["type", "kind", "key", "k", "field", "label", "attribute", "attr", "property", "param"]
            .iter()
            .any(|word| key.eq_ignore_ascii_case(word))
    }

    /// Whether the value is named a version: four numbers are then no address.
    pub fn is_version(self) -> bool {
        self.atoms.has(Atoms::VERSION)
    }

    /// What the column's or key's name says that the value is.
    #[inline]
    pub const fn topic(self) -> Topic {
        self.topic
    }

    /// The kind to which the name alone is reason enough, if the value looks at all like it.
    #[inline]
    pub fn kind_by_name(self, value: &str) -> Option<Kind> {
        if !self.is_value || self.topic.is_none() {
            return None;
        }
        let kind = self.topic.kind_of_whole(&Looks::of(value), self.shape, self.is_broad)?;
        (!is_placeholder(value)).then_some(kind)
    }
}

impl Kind {
    /// The kinds that a column's or key's name speaks of, whatever stands under it. Kinds that no name tells are not
    /// among them.
    pub fn named_by(name: &str) -> impl Iterator<Item = Self> {
        let atoms = topics::of_name(name);
        let topic = Topic::of(atoms);
        let is_mail = atoms.has(Atoms::MAIL) && !atoms.has(Atoms::ABOUT.or(Atoms::DIGEST).or(Atoms::ID));
        Self::ALL.into_iter().filter(move |kind| {
            if *kind == Self::Email { is_mail } else { kind.has_context() && topic.speaks_of(*kind) }
        })
    }
}

/// What words say that a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Topic {
    pub phone: bool,
    pub ssn: bool,
    pub national: bool,
    pub card: bool,
    pub bank: bool,
    pub passport: bool,
    pub license: bool,
    pub birth: bool,
    pub password: bool,
    pub secret: bool,
    pub wallet: bool,
    pub person: bool,
    pub address: bool,
    pub medical: bool,
    pub vehicle: bool,
    pub device: bool,
    pub place: bool,
    pub bic: bool,
    pub cvv: bool,
    pub mac: bool,
    pub human: bool,
    pub version: bool,
}

impl Topic {
    pub const NONE: Self = Self {
        phone: false,
        ssn: false,
        national: false,
        card: false,
        bank: false,
        passport: false,
        license: false,
        birth: false,
        password: false,
        secret: false,
        wallet: false,
        person: false,
        address: false,
        medical: false,
        vehicle: false,
        device: false,
        place: false,
        bic: false,
        cvv: false,
        mac: false,
        human: false,
        version: false,
    };

    fn of(atoms: Atoms) -> Self {
        let version = atoms.has(Atoms::VERSION);
        if atoms.has(Atoms::ABOUT) && !atoms.has(Atoms::GENERIC) || atoms.has(Atoms::DIGEST) {
            return Self { version, ..Self::NONE };
        }
        let is_key = atoms.has(Atoms::TOKEN.or(Atoms::KEY)) && !atoms.has(Atoms::HARMLESS);
        let is_name = atoms.has(Atoms::NAME) && !atoms.has(Atoms::THING.or(Atoms::VERSION));
        let is_alone = atoms.is_only(Atoms::NAME);
        let is_postal =
            atoms.has(Atoms::ADDRESS) && !atoms.has(Atoms::ELECTRONIC.or(Atoms::WALLET).or(Atoms::ID));
        Self {
            phone: atoms.has(Atoms::PHONE) && !atoms.has(Atoms::ID),
            ssn: atoms.has(Atoms::SSN) || atoms.has(Atoms::TAX) && atoms.has(Atoms::GENERIC),
            national: atoms.has(Atoms::NATIONAL),
            card: atoms.has(Atoms::CARD) && !atoms.has(Atoms::ID.or(Atoms::HEALTH)),
            bank: atoms.has(Atoms::IBAN)
                || atoms.has(Atoms::BANK) && atoms.has(Atoms::ACCOUNT.or(Atoms::NUMBERED))
                || atoms.has(Atoms::ACCOUNT) && atoms.has(Atoms::NUMBERED)
                || atoms.has(Atoms::SORTING) && atoms.has(Atoms::CODE),
            passport: atoms.has(Atoms::PASSPORT),
            license: atoms.has(Atoms::LICENSE) && !atoms.has(Atoms::PLATE),
            birth: atoms.has(Atoms::BIRTH),
            password: atoms.has(Atoms::PASSWORD),
            secret: (atoms.has(Atoms::SECRET) && !atoms.has(Atoms::HARMLESS))
                || is_key && atoms.has(Atoms::SECRETIVE.or(Atoms::SECRET).or(Atoms::AWS)),
            wallet: atoms.has(Atoms::WALLET),
            person: atoms.has(Atoms::PERSON)
                || is_name && (is_alone || atoms.has(Atoms::PERSONAL.or(Atoms::USER))),
            address: is_postal || atoms.has(Atoms::STREET) && !atoms.has(Atoms::NAME),
            medical: atoms.has(Atoms::MEDICAL)
                || atoms.has(Atoms::HEALTH) && atoms.has(Atoms::RECORD.or(Atoms::CARD).or(Atoms::NUMBERED)),
            vehicle: atoms.has(Atoms::VEHICLE) && !atoms.has(Atoms::ID),
            device: atoms.has(Atoms::DEVICE),
            // Shops and events have coordinates, too; a person's are sensitive.
            place: atoms.has(Atoms::PLACE) && atoms.has(Atoms::PERSONAL.or(Atoms::USER)),
            bic: atoms.has(Atoms::BIC),
            cvv: atoms.has(Atoms::CVV) && !atoms.has(Atoms::ID),
            mac: atoms.has(Atoms::HARDWARE) && !atoms.has(Atoms::ID),
            human: atoms.has(Atoms::HUMAN)
                && atoms.is_only(Atoms::HUMAN.or(Atoms::PERSONAL).or(Atoms::GENERIC)),
            version,
        }
    }

    /// What either says.
    pub fn or(self, other: Self) -> Self {
        Self {
            phone: self.phone || other.phone,
            ssn: self.ssn || other.ssn,
            national: self.national || other.national,
            card: self.card || other.card,
            bank: self.bank || other.bank,
            passport: self.passport || other.passport,
            license: self.license || other.license,
            birth: self.birth || other.birth,
            password: self.password || other.password,
            secret: self.secret || other.secret,
            wallet: self.wallet || other.wallet,
            person: self.person || other.person,
            address: self.address || other.address,
            medical: self.medical || other.medical,
            vehicle: self.vehicle || other.vehicle,
            device: self.device || other.device,
            place: self.place || other.place,
            bic: self.bic || other.bic,
            cvv: self.cvv || other.cvv,
            mac: self.mac || other.mac,
            human: self.human || other.human,
            version: self.version || other.version,
        }
    }

    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Whether the words say that a hit of that kind is one; true for kinds that no words tell.
    pub const fn speaks_of(self, kind: Kind) -> bool {
        match kind {
            Kind::Phone => self.phone,
            Kind::Card => self.card || self.cvv,
            Kind::Iban => self.bank,
            Kind::BankAccount => self.bank || self.bic,
            Kind::UsSsn => self.ssn,
            Kind::UsItin => self.ssn || self.national,
            Kind::NationalId => self.national || self.ssn,
            Kind::Passport => self.passport,
            Kind::DriverLicense => self.license,
            Kind::MedicalId => self.medical,
            Kind::BirthDate => self.birth,
            Kind::Person => self.person,
            Kind::Address => self.address,
            Kind::Wallet => self.wallet,
            Kind::Password => self.password,
            Kind::Secret => self.secret,
            Kind::Vehicle => self.vehicle,
            Kind::Device => self.device,
            Kind::Location => self.place,
            Kind::Email
            | Kind::IpAddress
            | Kind::Mac
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
            | Kind::Custom
            | Kind::Instruction
            | Kind::HiddenText
            | Kind::Link
            | Kind::Encoded
            | Kind::Overrun => true,
        }
    }

    /// The kind that a whole value is under this name, if it looks at all like it.
    fn kind_of_whole(self, looks: &Looks, shape: Shape, is_broad: bool) -> Option<Kind> {
        let is_text = shape == Shape::Text;
        let is_number_like = looks.others == 0 && looks.length <= 32;
        let is_document = is_number_like && looks.words <= 3 && (5..=20).contains(&looks.alphanumerics);
        if self.password && is_text && looks.words <= 2 && looks.length >= 3 {
            return Some(Kind::Password);
        }
        if self.secret && is_text && looks.words <= 1 && looks.length >= 8 {
            return Some(Kind::Secret);
        }
        if self.card && is_number_like && (12..=19).contains(&looks.digits) && looks.letters == 0 {
            return Some(Kind::Card);
        }
        if self.ssn && is_number_like && (7..=11).contains(&looks.digits) && looks.letters <= 2 {
            return Some(Kind::UsSsn);
        }
        if self.passport && is_document && looks.digits >= 1 {
            return Some(Kind::Passport);
        }
        if self.license && is_document && looks.digits >= 4 {
            return Some(Kind::DriverLicense);
        }
        if self.national && is_number_like && (7..=20).contains(&looks.alphanumerics) && looks.digits >= 4 {
            return Some(Kind::NationalId);
        }
        if self.medical && is_document && looks.digits >= 4 {
            return Some(Kind::MedicalId);
        }
        if self.device && is_number_like && (14..=22).contains(&looks.digits) && looks.letters == 0 {
            return Some(Kind::Device);
        }
        let has_plate = looks.digits >= 1 && looks.letters >= 1 && (4..=17).contains(&looks.alphanumerics);
        if self.vehicle && is_text && is_number_like && looks.words <= 4 && has_plate {
            return Some(Kind::Vehicle);
        }
        if self.mac && is_text && looks.length == 12 && looks.alphanumerics == 12 && looks.is_hex {
            return Some(Kind::Mac);
        }
        if self.bic
            && is_text
            && looks.others == 0
            && matches!(looks.alphanumerics, 8 | 11)
            && looks.words == 1
        {
            return Some(Kind::BankAccount);
        }
        if self.cvv && (3..=4).contains(&looks.digits) && looks.length == looks.digits {
            return Some(Kind::Card);
        }
        if self.place && looks.digits >= 4 && looks.length <= 60 && looks.letters <= 6 {
            return Some(Kind::Location);
        }
        if self.bank && is_number_like && looks.digits >= 6 {
            return Some(Kind::BankAccount);
        }
        if self.phone && looks.is_phone_like && (6..=18).contains(&looks.digits) {
            return Some(Kind::Phone);
        }
        if self.birth && looks.length <= 40 && looks.digits >= 1 && shape != Shape::Hex {
            return Some(Kind::BirthDate);
        }
        if self.wallet
            && is_text
            && looks.words <= 1
            && looks.others <= 1
            && looks.alphanumerics >= 24
            && looks.digits >= 2
        {
            return Some(Kind::Wallet);
        }
        if is_broad && is_text && looks.letters + looks.beyond >= 2 {
            if self.address {
                return Some(Kind::Address);
            }
            // A name has two words or more, and begins with a capital.
            if self.human && (2..=4).contains(&looks.words) && looks.digits == 0 && looks.is_capitalised {
                return Some(Kind::Person);
            }
            if self.person && looks.digits <= 2 && looks.words <= 8 {
                return Some(Kind::Person);
            }
        }
        None
    }
}

/// What a value consists of.
#[derive(Default)]
struct Looks {
    length: usize,
    digits: usize,
    letters: usize,
    /// Bytes beyond ASCII.
    beyond: usize,
    alphanumerics: usize,
    /// Bytes that are neither alphanumeric nor usual within numbers.
    others: usize,
    words: usize,
    is_phone_like: bool,
    is_hex: bool,
    is_capitalised: bool,
}

impl Looks {
    fn of(value: &str) -> Self {
        let value = value.trim();
        let mut looks = Self {
            length: value.len(),
            is_phone_like: true,
            is_hex: true,
            is_capitalised: value.bytes().next().is_some_and(|b| b.is_ascii_uppercase() || b >= 0x80),
            ..Self::default()
        };
        let mut previous = b' ';
        for &byte in value.as_bytes() {
            looks.is_hex &= byte.is_ascii_hexdigit();
            match byte {
                b'0'..=b'9' => looks.digits += 1,
                b'a'..=b'z' | b'A'..=b'Z' => {
                    looks.letters += 1;
                    looks.is_phone_like &=
                        matches!(byte, b'x' | b'e' | b't' | b'X' | b'E' | b'T') && looks.letters <= 4;
                }
                b' ' | b'-' | b'.' | b'/' => {}
                b'(' | b')' | b'+' | b'#' | b',' | b':' => looks.others += 1,
                0x80.. => looks.beyond += 1,
                _ => {
                    looks.others += 1;
                    looks.is_phone_like = false;
                }
            }
            if byte != b' ' && previous == b' ' {
                looks.words += 1;
            }
            previous = byte;
        }
        looks.alphanumerics = looks.digits + looks.letters;
        looks
    }
}

/// Whether a word in capitals is a bank's code (ISO 9362): bank, country, place, perhaps a branch.
pub(super) fn is_bic(word: &[u8]) -> bool {
    matches!(word.len(), 8 | 11)
        && word.iter().take(6).all(u8::is_ascii_uppercase)
        && word.iter().all(u8::is_ascii_alphanumeric)
}

/// Whether a value only says that there is, or could be, one.
pub(crate) fn is_placeholder(value: &str) -> bool {
    let trimmed = value.trim();
    let Some(first) = trimmed.bytes().next() else { return true };
    if trimmed.bytes().all(|b| b == first || matches!(b, b'*' | b'.' | b'-' | b'_' | b'#' | b'?' | b' ')) {
        // `12` and `77` are values, `xxx` and `***` are not.
        return !first.is_ascii_digit() || trimmed.len() > 6 && trimmed.bytes().all(|b| matches!(b, b'0'));
    }
    let wraps = [("<", ">"), ("${", "}"), ("{{", "}}"), ("[", "]"), ("%(", ")s"), ("$(", ")")];
    if wraps.iter().any(|(open, close)| trimmed.starts_with(open) && trimmed.ends_with(close)) {
        return true;
    }
    if trimmed.ends_with("...") || trimmed.ends_with('…') || trimmed.contains("***") {
        return true;
    }
    if trimmed.len() > 14 {
        return false;
    }
    const EMPTY_WORDS: [&str; 28] = [
        "null",
        "none",
        "nil",
        "n/a",
        "na",
        "true",
        "false",
        "yes",
        "no",
        "unknown",
        "redacted",
        "masked",
        "hidden",
        "empty",
        "required",
        "optional",
        "missing",
        "invalid",
        "expired",
        "changeme",
        "your_password",
        "undefined",
        "todo",
        "tbd",
        "incorrect",
        "wrong",
        "reset",
        "string",
    ];
    EMPTY_WORDS.iter().any(|word| trimmed.eq_ignore_ascii_case(word))
}

/// How far back words may stand to tell what a value is.
const REACH: usize = 26;

/// What the words just before a position say that the value there is.
pub(crate) fn near(text: &[u8], position: usize) -> Topic {
    // `acct # 1234567`
    let is_numbered = before(text, run_start(text, position, 1, |b| b == b' ')) == b'#';
    let mut atoms = Atoms::NONE;
    let mut end = position;
    let stop = position.saturating_sub(REACH);
    let mut is_first = true;
    while end > stop {
        let word_end = run_start(text, end, REACH, |b| !b.is_ascii_alphanumeric() && b < 0x80);
        if word_end <= stop {
            break;
        }
        let word_start = run_start(text, word_end, 40, |b| b.is_ascii_alphanumeric() || b >= 0x80);
        if word_start == word_end {
            break;
        }
        let word = text.get(word_start..word_end).unwrap_or_default();
        if word.iter().filter(|b| b.is_ascii_digit()).count() >= 4 {
            // Another value stands between: what is before it is about that one.
            break;
        }
        let hint = topics::of_word(word);
        if is_first && hint.has(Atoms::OTHER_NUMBER) && !hint.has(Atoms::GENERIC) {
            return Topic::NONE;
        }
        is_first = is_first && hint.has(Atoms::GENERIC);
        atoms = atoms.or(hint);
        end = word_start;
    }
    if atoms.is_empty() {
        return Topic::NONE;
    }
    if is_numbered {
        atoms = atoms.or(Atoms::NUMBERED);
    }
    // Free text counts and verifies all the time; only a name that says so is about something else.
    let spoken = Topic::of(atoms.without(Atoms::ABOUT.or(Atoms::DIGEST).or(Atoms::ID)));
    Topic { person: false, address: false, ..spoken }
}
