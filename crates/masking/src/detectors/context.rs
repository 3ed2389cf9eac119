//! What is known about a value before it is read: its column or key, and what kind of text it is.

use domain::SqlType;

use super::Kind;
use super::looks::Looks;
use super::topic::Topic;
use super::topics::{self, Atoms};
use super::trifles;
use crate::lexical::{at, before, is_word, part, run_end, run_start};

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
        let topic = Topic::of(atoms);
        // A key that is a number is no secret, and need not be looked at for one.
        let topic = if shape == Shape::Text { topic } else { topic.without(Topic::KEYED) };
        Self { atoms, topic, shape, is_broad, is_value: true, is_cell: true, named: 0 }
    }

    /// The same column, with what the stored columns are called that are shown in it: an alias adds to what they say, and
    /// takes nothing away.
    pub fn with_stored(self, names: &[String]) -> Self {
        let topics = || names.iter().map(|name| Topic::of(topics::of_name(name)));
        if names.is_empty() {
            return self;
        }
        let is_version = topics().all(|topic| topic.has(Topic::VERSION));
        let said = topics().fold(self.topic, Topic::or);
        let said = if is_version { said } else { said.without(Topic::VERSION) };
        let topic = if self.shape == Shape::Text { said } else { said.without(Topic::KEYED) };
        let more = names.iter().map(|name| topics::of_name(name));
        let atoms = if self.topic.is_none() { more.fold(self.atoms, Atoms::or) } else { self.atoms };
        let atoms = if is_version { atoms } else { atoms.without(Atoms::VERSION) };
        Self { atoms, topic, ..self }
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

    /// The context of a literal that is compared with something of that name.
    pub fn of_literal(name: &str) -> Self {
        Self { is_broad: true, ..Self::of_text(name) }
    }

    /// The context of a column of a table that stands in such a text.
    pub fn of_column_in_text(self, name: &str) -> Self {
        Self { is_broad: self.is_broad, ..Self::of_text(name) }
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
        // `{"phone": {"work": …}}`: who says nothing of a number leaves it what it is.
        let is_silent = own.is_only(Atoms::UNKNOWN.or(Atoms::GENERIC).or(Atoms::PERSONAL))
            && self.topic.has(Topic::NUMBERS)
            || own.is_only(Atoms::DATE.or(Atoms::GENERIC)) && self.topic.has(Topic::BIRTH);
        // The coordinates of a place that is somebody's.
        let is_point = own.is_only(Atoms::PLACE) && self.topic.has(Topic::PLACE);
        let inherits = is_silent
            || is_point
            || is_generic
            || own.is_only(Atoms::NAME.or(Atoms::PERSONAL).or(Atoms::GENERIC))
            || own.has(Atoms::LINE);
        let (atoms, named) = if inherits { (own.or(self.atoms), self.named) } else { (own, 0) };
        Self { atoms, topic: Topic::of(atoms), shape: Shape::Text, is_value: true, named, ..self }
    }

    /// Whether a member of that name tells what the members beside it are (`{"type": "phone", "value": …}`).
    pub fn is_kind_key(key: &str) -> bool {
        const LONGEST: usize = 15;
        const KEYS: [&str; 17] = [
            "type",
            "kind",
            "key",
            "k",
            "field",
            "label",
            "attribute",
            "attr",
            "property",
            "param",
            "doctype",
            "doc_type",
            "document_type",
            "documentType",
            "id_type",
            "idType",
            "identifier_type",
        ];
        key.len() <= LONGEST && KEYS.iter().any(|word| key.eq_ignore_ascii_case(word))
    }

    /// Whether a member of that name may tell what the value beside it is (`{"name": "ssn", "value": …}`): it may as well
    /// be the name of somebody, or a heading.
    pub fn is_name_key(key: &str) -> bool {
        const LONGEST: usize = 11;
        const KEYS: [&str; 14] = [
            "name",
            "n",
            "id",
            "column",
            "column_name",
            "columnName",
            "field_name",
            "fieldName",
            "title",
            "header",
            "question",
            "variable",
            "prop",
            "code",
        ];
        key.len() <= LONGEST && KEYS.iter().any(|word| key.eq_ignore_ascii_case(word))
    }

    /// Whether a member of that name has the value that a name beside it names.
    pub fn is_value_key(key: &str) -> bool {
        const LONGEST: usize = 12;
        const KEYS: [&str; 12] = [
            "value",
            "val",
            "v",
            "answer",
            "data",
            "content",
            "text",
            "values",
            "string_value",
            "stringValue",
            "raw",
            "response",
        ];
        key.len() <= LONGEST && KEYS.iter().any(|word| key.eq_ignore_ascii_case(word))
    }

    /// Whether the value is named a version: four numbers are then no address.
    pub fn is_version(self) -> bool {
        self.atoms.has(Atoms::VERSION)
    }

    /// Whether the name says anything.
    pub fn tells(self) -> bool {
        !self.topic.is_none()
    }

    /// Whether the name is a password's or a secret's.
    pub fn is_credential(self) -> bool {
        self.topic.has(Topic::PASSWORD.or(Topic::SECRET))
    }

    /// Whether the value is named a coordinate of somebody's.
    pub fn is_place(self) -> bool {
        self.topic.has(Topic::PLACE)
    }

    /// What the column's or key's name says that the value is.
    #[inline]
    pub const fn topic(self) -> Topic {
        self.topic
    }

    /// The same for values of tables within texts, which are few: the code for all others is not copied for them.
    #[cold]
    #[inline(never)]
    pub fn kind_in_table(self, value: &str) -> Option<Kind> {
        self.kind_by_name(value)
    }

    /// The kind to which the name alone is reason enough, if the value looks at all like it.
    #[allow(clippy::inline_always, reason = "every value of every result is asked this")]
    #[inline(always)]
    pub fn kind_by_name(self, value: &str) -> Option<Kind> {
        if !self.is_value || !self.topic.may_name_whole(self.is_broad) {
            return None;
        }
        let kind = self.topic.kind_of_whole(&Looks::of(value), self.shape, self.is_broad)?;
        // `ssn_last_checked`: of dates only those of births are meant.
        // A fraction is money or a measure.
        let is_fraction = self.shape == Shape::Number
            && !matches!(kind, Kind::Location | Kind::Password)
            && trifles::has_fraction(value.as_bytes())
            || value.starts_with("0.") && trifles::has_fraction(value.as_bytes());
        let is_other_date = !matches!(kind, Kind::BirthDate | Kind::Password | Kind::Secret)
            && trifles::is_day(value.as_bytes());
        (!is_placeholder(value) && !is_other_date && !is_fraction).then_some(kind)
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
    let has_stars = memchr::memchr(b'*', trimmed.as_bytes()).is_some() && trimmed.contains("***");
    if trimmed.ends_with("...") || trimmed.ends_with('…') || has_stars {
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
    // Whether a word stands between that has nothing to do with numbers; the word behind the one that is read.
    let (mut is_apart, mut behind) = (false, Atoms::NONE);
    let (mut is_counted, mut is_named_phone) = (false, false);
    while end > stop {
        let word_end = run_start(text, end, REACH, |b| !is_word(b));
        if word_end <= stop {
            break;
        }
        let word_start = run_start(text, word_end, 40, is_word);
        if word_start == word_end {
            break;
        }
        let word = text.get(word_start..word_end).unwrap_or_default();
        if word.len() >= 4 && word.iter().filter(|b| b.is_ascii_digit()).count() >= 4 {
            // Another value stands between: what is before it is about that one.
            break;
        }
        let hint = topics::of_spoken_word(word);
        if is_first && hint.has(Atoms::OTHER_NUMBER) && !hint.has(Atoms::GENERIC) {
            return Topic::NONE;
        }
        // `phone sales 12345678`
        is_counted |= is_first && hint.is_only(Atoms::MEASURE);
        is_first = is_first && hint.has(Atoms::GENERIC);
        let is_weak = hint.has(Atoms::WEAK) && is_apart && !behind.has(Atoms::COMPOUND);
        is_apart = is_apart || hint.is_only(Atoms::IDLE) && (word.len() > LONGEST_LINK || !is_link(word));
        behind = hint;
        if !is_weak {
            atoms = atoms.or(hint);
            is_named_phone |= hint.has(Atoms::PHONE) && !hint.has(Atoms::SPOKEN);
        }
        end = word_start;
    }
    if atoms.is_empty() {
        return Topic::NONE;
    }
    // `patient id A7275717`
    if is_numbered || atoms.has(Atoms::HEALTH) && atoms.has(Atoms::ID) {
        atoms = atoms.or(Atoms::NUMBERED);
    }
    // Free text counts and verifies all the time; only a name that says so is about something else.
    let spoken = Topic::of(atoms.without(Atoms::ABOUT.or(Atoms::DIGEST).or(Atoms::ID).or(Atoms::MEASURE)));
    let spoken = spoken.without(Topic::PERSON.or(Topic::ADDRESS));
    let spoken =
        if is_counted { spoken.without(Topic::PHONE.or(Topic::NATIONAL).or(Topic::BANK)) } else { spoken };
    if spoken.has(Topic::PHONE) && !is_named_phone { spoken.or(Topic::SPOKEN) } else { spoken }
}

/// Letters of the longest word that [`is_link`] knows.
const LONGEST_LINK: usize = 6;

/// Words that stand between what a number is called and the number.
fn is_link(word: &[u8]) -> bool {
    const LINKS: [&[u8]; 24] = [
        b"me", b"us", b"him", b"her", b"them", b"now", b"at", b"by", b"via", b"please", b"and", b"or",
        b"with", b"back", b"here", b"again", b"under", b"you", b"be", b"this", b"nr", b"from", b"by", b"it",
    ];
    LINKS.iter().any(|link| word.eq_ignore_ascii_case(link))
}

/// What the words right behind a value say that it is: `… (SSN)`, `… is my passport`.
pub(super) fn behind(text: &[u8], end: usize) -> Topic {
    const LONGEST: usize = 24;
    let from = match part(text, end, end + 4) {
        [b' ', b'(', ..] => end + 2,
        b" is " => {
            let owner = run_end(text, end + 4, 5, |b| b.is_ascii_alphabetic());
            let is_owner = [&b"my"[..], b"his", b"her", b"their", b"our", b"the"]
                .iter()
                .any(|word| part(text, end + 4, owner).eq_ignore_ascii_case(word));
            if !is_owner || at(text, owner) != b' ' {
                return Topic::NONE;
            }
            owner + 1
        }
        _ => return Topic::NONE,
    };
    let to = run_end(text, from, LONGEST, |b| is_word(b) || matches!(b, b' ' | b'_' | b'-'));
    let mut words = part(text, from, to).split(|b| !is_word(*b)).filter(|word| !word.is_empty());
    // In brackets stands that alone; a sentence goes on.
    let most = if at(text, to) == b')' { 3 } else { 1 };
    if before(text, from) == b'(' && at(text, to) != b')' {
        return Topic::NONE;
    }
    let atoms = words.by_ref().take(most).fold(Atoms::NONE, |atoms, word| {
        let hint = topics::of_spoken_word(word);
        if hint.has(Atoms::WEAK.or(Atoms::SPOKEN)) { atoms.or(Atoms::ABOUT) } else { atoms.or(hint) }
    });
    Topic::of(atoms).without(Topic::VERSION.or(Topic::BROAD))
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
