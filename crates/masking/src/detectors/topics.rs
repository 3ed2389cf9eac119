//! Words that tell what stands beside them: column names, JSON keys, the text before a value.

use super::fold::View;
use super::foreign;
use super::topic::TELLING;
use super::words::WORDS;
use crate::lexical::is_word;

/// A set of hints that words give.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Atoms(u64);

macro_rules! atoms {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl Atoms {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
        }
    };
}

atoms! {
    PHONE = 0;
    SSN = 1;
    /// A state's number of a person.
    NATIONAL = 2;
    CARD = 3;
    IBAN = 4;
    BANK = 5;
    ACCOUNT = 6;
    PASSPORT = 7;
    LICENSE = 8;
    BIRTH = 9;
    PASSWORD = 10;
    SECRET = 11;
    TOKEN = 12;
    KEY = 13;
    /// Makes a token or key a secret one: access, api, private …
    SECRETIVE = 14;
    /// Words from which a key is made.
    SEED = 30;
    WALLET = 15;
    NAME = 16;
    /// Makes a name a person's: first, customer, holder …
    PERSONAL = 17;
    /// A person's name by itself: surname.
    PERSON = 18;
    /// Makes a name something else's: product, event, host …
    THING = 19;
    ADDRESS = 20;
    /// A postal address by itself: street.
    STREET = 21;
    /// Makes an address something else's: mail, ip, wallet …
    ELECTRONIC = 22;
    VERSION = 23;
    /// Says that the value is about the thing, not the thing: count, verified, type …
    ABOUT = 24;
    /// Says that a number is some other number: order, invoice, tracking …
    OTHER_NUMBER = 25;
    /// Makes a token or key a harmless one: page, cursor, public, primary …
    HARMLESS = 26;
    /// Says nothing by itself: number, value, id …
    GENERIC = 27;
    MEDICAL = 28;
    AWS = 29;
    /// Something was read that tells nothing.
    UNKNOWN = 31;
    TAX = 32;
    MAIL = 33;
    LINE = 34;
    CREDIT = 35;
    USER = 36;
    SECURITY = 37;
    DATE = 38;
    DIGEST = 39;
    IDENTITY = 40;
    DRIVER = 41;
    /// Says that a number follows: number, no.
    NUMBERED = 42;
    /// Makes a number a surrogate: id.
    ID = 43;
    /// A telephone's hardware number.
    DEVICE = 44;
    /// A vehicle's number or plate.
    VEHICLE = 45;
    /// Coordinates.
    PLACE = 46;
    /// A bank's code.
    BIC = 47;
    /// Makes a card, record or number a patient's.
    HEALTH = 48;
    SORTING = 49;
    CODE = 50;
    /// The code on the back of a card.
    CVV = 51;
    /// A plate is no licence to drive.
    PLATE = 52;
    RECORD = 53;
    /// The address of a network card.
    HARDWARE = 54;
    /// Somebody: what stands under it alone is a name.
    HUMAN = 55;
    /// The word is looked for within others, too.
    PIECE = 56;
    /// Says what the rest says in running text only, not in names.
    SPOKEN = 57;
    /// A machine, or what stands before one: four numbers behind it are its address.
    MACHINE = 58;
    /// In a name, behind what it measures or says something about: the name speaks of that alone.
    MEASURE = 60;
    /// Has other meanings: it speaks of a number only where no word of any other kind stands between.
    WEAK = 61;
    /// What has versions: in running text four numbers right behind it are one.
    PRODUCT = 59;
}

impl Atoms {
    pub const NONE: Self = Self(0);

    /// Says nothing of a number in running text.
    pub const IDLE: Self = Self::UNKNOWN
        .or(Self::THING)
        .or(Self::ABOUT)
        .or(Self::ELECTRONIC)
        .or(Self::MEASURE)
        .or(Self::MACHINE)
        .or(Self::PRODUCT)
        .or(Self::HARMLESS);

    /// What makes one name of a word with other meanings: `national id`, `social security`.
    pub const COMPOUND: Self = Self::ID
        .or(Self::IDENTITY)
        .or(Self::NUMBERED)
        .or(Self::SECURITY)
        .or(Self::NATIONAL)
        .or(Self::RECORD)
        .or(Self::CARD);

    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of those hints is among these.
    pub const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    pub const fn without(self, those: Self) -> Self {
        Self(self.0 & !those.0)
    }

    pub const fn is_only(self, those: Self) -> bool {
        self.0 & !those.0 == 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The table, packed for lookup: words under a hash, each at its place or behind it.
struct Table {
    /// One more than the place in `entries`; zero where there is none.
    slots: Vec<u16>,
    entries: Vec<(u128, Atoms)>,
}

/// Four times as many slots as words keep most of them apart.
const SLOTS: usize = 8192;

fn slot_of(packed: u128) -> usize {
    let (low, high) = (packed & u128::from(u64::MAX), packed >> 64);
    let mixed = u64::try_from(low ^ high).unwrap_or(0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> 51).unwrap_or(0)
}

impl Table {
    fn new() -> Self {
        let mut table = Self { slots: vec![0; SLOTS], entries: Vec::new() };
        for (words, atoms) in WORDS {
            for word in words.split_ascii_whitespace() {
                table.add(pack(word.as_bytes()), *atoms);
            }
        }
        for (words, atoms) in foreign::WORDS {
            for word in words.split_ascii_whitespace() {
                // What a capital looks like is not what its small letter does.
                let mut capital = word.chars();
                let first: String = capital.next().into_iter().flat_map(char::to_uppercase).collect();
                for form in [word, &word.to_uppercase(), &format!("{first}{}", capital.as_str())] {
                    table.add_folded(form, *atoms);
                }
            }
        }
        for (words, atoms) in foreign::PIECES {
            for word in words.split_ascii_whitespace() {
                table.add_folded(word, atoms.or(Atoms::PIECE));
            }
        }
        table
    }

    /// Adds a word as it is seen once it is folded.
    fn add_folded(&mut self, word: &str, atoms: Atoms) {
        let mut view = View::default();
        view.fold(word);
        self.add(pack(&view.bytes), atoms);
    }

    fn add(&mut self, packed: u128, atoms: Atoms) {
        let mut slot = slot_of(packed);
        while let Some(place) = self.slots.get(slot).and_then(|place| usize::from(*place).checked_sub(1)) {
            if let Some((known, hints)) = self.entries.get_mut(place)
                && *known == packed
            {
                *hints = hints.or(atoms);
                return;
            }
            slot = (slot + 1) % SLOTS;
        }
        self.entries.push((packed, atoms));
        if let (Some(free), Ok(place)) = (self.slots.get_mut(slot), u16::try_from(self.entries.len())) {
            *free = place;
        }
    }

    #[inline]
    fn find(&self, packed: u128) -> Option<Atoms> {
        let mut slot = slot_of(packed);
        while let Some(place) = self.slots.get(slot).and_then(|place| usize::from(*place).checked_sub(1)) {
            match self.entries.get(place) {
                Some((known, atoms)) if *known == packed => return Some(*atoms),
                _ => slot = (slot + 1) % SLOTS,
            }
        }
        None
    }
}

fn table() -> &'static Table {
    static TABLE: std::sync::OnceLock<Table> = std::sync::OnceLock::new();
    TABLE.get_or_init(Table::new)
}

/// At most sixteen bytes, in lower case, as one number; longer words keep their first sixteen.
#[inline]
fn pack(word: &[u8]) -> u128 {
    // Digits have the bit that tells small letters from capitals, too.
    let small = |byte: u8| u64::from(byte | 0x20);
    let packed = |bytes: &[u8]| bytes.iter().fold(0, |packed, &byte| (packed << 8) | small(byte));
    if word.len() <= 16 && word.iter().all(u8::is_ascii_alphanumeric) {
        return match word.split_last_chunk::<8>() {
            Some((head, tail)) => {
                let tail = u64::from_be_bytes(*tail) | u64::from_be_bytes([0x20; 8]);
                (u128::from(packed(head)) << 64) | u128::from(tail)
            }
            None => u128::from(packed(word)),
        };
    }
    word.iter()
        .filter(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii())
        .take(16)
        .fold(0, |packed, &byte| (packed << 8) | u128::from(small(byte)))
}

/// What a word of a name hints at, behind others that came to `atoms`.
fn added(atoms: Atoms, hint: Atoms) -> Atoms {
    // `version_host` is a host, `host_version` a version.
    let atoms = if hint.has(Atoms::MACHINE) { atoms.without(Atoms::VERSION) } else { atoms };
    let hint = if hint.has(Atoms::SPOKEN) { hint.without(Atoms::SPOKEN.or(Atoms::PHONE)) } else { hint };
    let hint = hint.without(Atoms::MACHINE.or(Atoms::PRODUCT));
    // `phone_number_verified`, `license_fee`; but `verified_phone_number`.
    let is_about = hint.has(Atoms::ABOUT) && !hint.has(Atoms::GENERIC.or(TELLING));
    let hint = if is_about { hint.or(Atoms::MEASURE) } else { hint };
    let atoms = if hint.has(TELLING.or(Atoms::NUMBERED)) { atoms.without(Atoms::MEASURE) } else { atoms };
    atoms.or(if hint.is_empty() { Atoms::UNKNOWN } else { hint })
}

/// What a word hints at.
fn of_word(word: &[u8]) -> Atoms {
    table().find(pack(word)).map_or(Atoms::UNKNOWN, |atoms| atoms.without(Atoms::PIECE))
}

/// What a word hints at that others may be glued to, as in scripts without blanks.
pub(crate) fn of_glued_word(word: &[u8]) -> Atoms {
    let whole = of_word(word);
    if !whole.has(Atoms::UNKNOWN) || word.iter().all(u8::is_ascii) {
        return whole;
    }
    // Two letters at least, eight at most; a letter is two bytes.
    const LENGTHS: std::ops::RangeInclusive<usize> = 2..=8;
    const LONGEST: usize = 40;
    let known = table();
    let pieces = (0..word.len().min(LONGEST))
        .flat_map(|from| LENGTHS.map_while(move |letters| word.get(from..from + 2 * letters)));
    pieces
        .filter(|piece| piece.iter().all(|b| !b.is_ascii()))
        .filter_map(|piece| known.find(pack(piece)).filter(|atoms| atoms.has(Atoms::PIECE)))
        .fold(whole, |atoms, piece| atoms.or(piece.without(Atoms::PIECE)))
}

/// What a word of running text hints at: one with a capital within may be a name, `dateOfBirth`.
pub(crate) fn of_spoken_word(word: &[u8]) -> Atoms {
    const LENGTHS: std::ops::RangeInclusive<usize> = 5..=40;
    let whole = of_glued_word(word);
    let has_hump =
        || word.array_windows().any(|[left, right]| left.is_ascii_lowercase() && right.is_ascii_uppercase());
    if whole.has(Atoms::UNKNOWN) && LENGTHS.contains(&word.len()) && has_hump() {
        return whole.or(of_folded_name(word));
    }
    whole
}

/// What the words of a name hint at: `customerName`, `CUSTOMER_NAME`, `customer-name2`.
pub(crate) fn of_name(name: &str) -> Atoms {
    const SHORT_PASSWORDS: [&str; 4] = ["pass", "pin", "otp", "pw"];
    if SHORT_PASSWORDS.iter().any(|word| name.eq_ignore_ascii_case(word)) {
        return Atoms::PASSWORD;
    }
    if name.is_ascii() {
        return of_folded_name(name.as_bytes());
    }
    let mut view = View::default();
    view.fold(name);
    of_folded_name(&view.bytes)
}

fn of_folded_name(name: &[u8]) -> Atoms {
    let bytes = name;
    let mut atoms = Atoms::NONE;
    let mut start = 0;
    // Read without its separators, a name may be one of our compounds.
    if name.len() <= 20 {
        let whole = of_word(bytes);
        if !whole.has(Atoms::UNKNOWN) {
            atoms = added(atoms, whole);
        }
    }
    let mut previous = 0_u8;
    for (position, &byte) in bytes.iter().chain(std::iter::once(&b'_')).enumerate() {
        let is_hump = byte.is_ascii_uppercase() && previous.is_ascii_lowercase();
        let is_separator = !is_word(byte);
        if is_hump || is_separator {
            if let Some(word) = bytes.get(start..position).filter(|word| !word.is_empty()) {
                atoms = added(atoms, of_glued_word(word));
                let stem = word.trim_ascii_end();
                let letters = stem.iter().rposition(|b| !b.is_ascii_digit()).map_or(0, |last| last + 1);
                if letters < word.len() {
                    atoms = added(atoms, of_word(word.get(..letters).unwrap_or_default()));
                }
            }
            start = if is_separator { position + 1 } else { position };
        }
        previous = byte;
    }
    atoms
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::check_under;
    use super::*;

    #[test]
    fn names_of_many_offices_and_tongues_tell_what_stands_under_them() {
        for (names, value, expected) in [
            ("reisepassnummer identity_document travelDocument", "C01X00T47", "PASSPORT"),
            ("drivers_lic dlnumber fuehrerscheinnr patente cdl", "D1234567", "DRIVER_LICENSE"),
            ("gebdat fec_nac dobs", "1981-05-12", "DOB"),
            ("rekeningnummer num_compte", "1234567890", "BANK_ACCOUNT"),
            ("patient_id medicaid_id chart_no health_plan_no", "12345678", "MEDICAL_ID"),
            (
                "tax_identifier taxIdentifier contribuinte piva fein nip taj nr_dowodu",
                "123456789",
                "NATIONAL_ID",
            ),
            ("smtp_pass root_pass security_answer userPin", "h7Gkd92pQ", "PASSWORD"),
            (
                "authorization auth_header bearer_token sas_token deploy_key",
                "f97ca891e7310d76b1701c5c",
                "SECRET",
            ),
        ] {
            for name in names.split(' ') {
                check_under(name, value, &format!("[{expected}]"));
            }
        }
        for name in ["member_id", "employer_id", "document_number", "mnemonic", "passenger_count"] {
            check_under(name, "12345678", "12345678");
        }
    }

    #[test]
    fn the_last_word_of_a_name_says_what_is_measured() {
        for name in [
            "mobile_number_verified",
            "account_number_length",
            "nhs_number_valid",
            "aadhaar_number_flag",
            "license_fee",
            "insurance_premium",
            "phone_minutes",
            "mobile_sessions",
            "national_sales",
            "passport_seq",
            "socialFollowers",
        ] {
            check_under(name, "123456789", "123456789");
        }
        check_under("verified_phone_number", "4155552671", "[PHONE]");
        check_under("provider_npi", "1234567893", "[MEDICAL_ID]");
        check_under("payment_card", "4111111111111111", "[CARD]");
        check_under("insurance_policy_number", "123456789", "[NATIONAL_ID]");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_word_is_packed_letter_by_letter(word in "[A-Za-z0-9_é]{0,20}") {
            let letters = word.bytes().filter(|b| b.is_ascii_alphanumeric() || *b >= 0x80).take(16);
            let packed = letters.fold(0, |packed, b| packed * 256 + u128::from(b | 0x20));
            prop_assert_eq!(pack(word.as_bytes()), packed);
        }
    }
}
