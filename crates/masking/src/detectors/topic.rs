//! What words come to, and the kind that a whole value is under a name that says so.

use super::Kind;
use super::context::Shape;
use super::looks::Looks;
use super::topics::Atoms;

/// What words say that a value is: any of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Topic(u32);

macro_rules! topics {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl Topic {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
        }
    };
}

topics! {
    PHONE = 0;
    SSN = 1;
    NATIONAL = 2;
    CARD = 3;
    BANK = 4;
    PASSPORT = 5;
    LICENSE = 6;
    BIRTH = 7;
    PASSWORD = 8;
    SECRET = 9;
    WALLET = 10;
    PERSON = 11;
    ADDRESS = 12;
    MEDICAL = 13;
    VEHICLE = 14;
    DEVICE = 15;
    PLACE = 16;
    BIC = 17;
    CVV = 18;
    MAC = 19;
    HUMAN = 20;
    VERSION = 21;
    KEYED = 22;
    /// A password by all of its name: whatever stands there is one.
    PHRASE = 23;
    SEED = 24;
    /// Called a name and nothing else: things are so called as well.
    CALLED = 25;
    /// A telephone that only a verb speaks of.
    SPOKEN = 26;
}

/// Hints that come to something, by themselves or with others.
pub(super) const TELLING: Atoms = Atoms::PHONE
    .or(Atoms::SSN)
    .or(Atoms::TAX)
    .or(Atoms::NATIONAL)
    .or(Atoms::CARD)
    .or(Atoms::IBAN)
    .or(Atoms::BANK)
    .or(Atoms::ACCOUNT)
    .or(Atoms::SORTING)
    .or(Atoms::PASSPORT)
    .or(Atoms::LICENSE)
    .or(Atoms::BIRTH)
    .or(Atoms::PASSWORD)
    .or(Atoms::SECRET)
    .or(Atoms::TOKEN)
    .or(Atoms::KEY)
    .or(Atoms::WALLET)
    .or(Atoms::PERSON)
    .or(Atoms::NAME)
    .or(Atoms::ADDRESS)
    .or(Atoms::STREET)
    .or(Atoms::MEDICAL)
    .or(Atoms::HEALTH)
    .or(Atoms::VEHICLE)
    .or(Atoms::DEVICE)
    .or(Atoms::PLACE)
    .or(Atoms::BIC)
    .or(Atoms::CVV)
    .or(Atoms::HARDWARE)
    .or(Atoms::HUMAN)
    .or(Atoms::SEED)
    .or(Atoms::VERSION);

impl Topic {
    pub const NONE: Self = Self(0);

    /// Numbers that are given to people.
    pub const NUMBERS: Self = Self::PHONE
        .or(Self::SSN)
        .or(Self::NATIONAL)
        .or(Self::CARD)
        .or(Self::BANK)
        .or(Self::PASSPORT)
        .or(Self::LICENSE)
        .or(Self::MEDICAL)
        .or(Self::DEVICE);

    /// What a name alone says of a whole value only where the set is broad.
    pub const BROAD: Self = Self::PERSON.or(Self::ADDRESS).or(Self::HUMAN);

    /// What may stand beside the word for a password in a name that speaks of nothing else.
    const WHOLLY: Atoms = Atoms::PASSWORD
        .or(Atoms::SEED)
        .or(Atoms::GENERIC)
        .or(Atoms::USER)
        .or(Atoms::PERSONAL)
        .or(Atoms::SECRETIVE)
        .or(Atoms::ACCOUNT);

    /// What hints come to.
    pub fn of(atoms: Atoms) -> Self {
        if !atoms.has(TELLING) {
            return Self::NONE;
        }
        let version = if atoms.has(Atoms::VERSION) { Self::VERSION } else { Self::NONE };
        if atoms.has(Atoms::ABOUT) && !atoms.has(Atoms::GENERIC)
            || atoms.has(Atoms::DIGEST.or(Atoms::MEASURE))
        {
            return version;
        }
        let is_key = atoms.has(Atoms::TOKEN.or(Atoms::KEY)) && !atoms.has(Atoms::HARMLESS);
        let is_name = atoms.has(Atoms::NAME) && !atoms.has(Atoms::THING.or(Atoms::VERSION));
        let is_alone = atoms.is_only(Atoms::NAME);
        let is_postal =
            atoms.has(Atoms::ADDRESS) && !atoms.has(Atoms::ELECTRONIC.or(Atoms::WALLET).or(Atoms::ID));
        let said = [
            (atoms.has(Atoms::PHONE) && !atoms.has(Atoms::ID), Self::PHONE),
            (atoms.has(Atoms::SSN) || atoms.has(Atoms::TAX) && atoms.has(Atoms::GENERIC), Self::SSN),
            (atoms.has(Atoms::NATIONAL), Self::NATIONAL),
            (atoms.has(Atoms::CARD) && !atoms.has(Atoms::ID.or(Atoms::HEALTH)), Self::CARD),
            (
                atoms.has(Atoms::IBAN)
                    || atoms.has(Atoms::BANK) && atoms.has(Atoms::ACCOUNT.or(Atoms::NUMBERED))
                    || atoms.has(Atoms::ACCOUNT) && atoms.has(Atoms::NUMBERED)
                    || atoms.has(Atoms::SORTING) && atoms.has(Atoms::CODE),
                Self::BANK,
            ),
            (atoms.has(Atoms::PASSPORT), Self::PASSPORT),
            (atoms.has(Atoms::LICENSE) && !atoms.has(Atoms::PLATE), Self::LICENSE),
            (atoms.has(Atoms::BIRTH), Self::BIRTH),
            (atoms.has(Atoms::PASSWORD), Self::PASSWORD),
            (atoms.has(Atoms::PASSWORD) && atoms.is_only(Self::WHOLLY), Self::PHRASE),
            (atoms.has(Atoms::SEED), Self::SEED),
            (
                (atoms.has(Atoms::SECRET) && !atoms.has(Atoms::HARMLESS))
                    || is_key && atoms.has(Atoms::SECRETIVE.or(Atoms::SECRET).or(Atoms::AWS)),
                Self::SECRET,
            ),
            // Nothing says whether it is secret: its value has to look so. Rows and pages have keys, too.
            (
                is_key
                    && !atoms.has(Atoms::ID.or(Atoms::OTHER_NUMBER).or(Atoms::NAME))
                    && !atoms.is_only(Atoms::KEY.or(Atoms::GENERIC)),
                Self::KEYED,
            ),
            (atoms.has(Atoms::WALLET), Self::WALLET),
            (
                atoms.has(Atoms::PERSON)
                    || is_name && (is_alone || atoms.has(Atoms::PERSONAL.or(Atoms::USER))),
                Self::PERSON,
            ),
            (is_alone, Self::CALLED),
            (
                is_postal || atoms.has(Atoms::STREET) && !atoms.has(Atoms::NAME.or(Atoms::ELECTRONIC)),
                Self::ADDRESS,
            ),
            (
                atoms.has(Atoms::MEDICAL)
                    || atoms.has(Atoms::HEALTH)
                        && atoms.has(Atoms::RECORD.or(Atoms::CARD).or(Atoms::NUMBERED)),
                Self::MEDICAL,
            ),
            (atoms.has(Atoms::VEHICLE) && !atoms.has(Atoms::ID), Self::VEHICLE),
            (atoms.has(Atoms::DEVICE), Self::DEVICE),
            // Shops and events have coordinates, too; a person's are sensitive.
            (atoms.has(Atoms::PLACE) && atoms.has(Atoms::PERSONAL.or(Atoms::USER)), Self::PLACE),
            (atoms.has(Atoms::BIC), Self::BIC),
            (atoms.has(Atoms::CVV) && !atoms.has(Atoms::ID), Self::CVV),
            (atoms.has(Atoms::HARDWARE) && !atoms.has(Atoms::ID), Self::MAC),
            (
                atoms.has(Atoms::HUMAN)
                    && atoms.is_only(
                        Atoms::HUMAN.or(Atoms::PERSONAL).or(Atoms::GENERIC).or(Atoms::HEALTH).or(Atoms::WEAK),
                    ),
                Self::HUMAN,
            ),
        ];
        said.into_iter().fold(version, |topic, (is_said, one)| if is_said { topic.or(one) } else { topic })
    }

    /// What either says.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of those is among these.
    pub const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    pub const fn without(self, those: Self) -> Self {
        Self(self.0 & !those.0)
    }

    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether a whole value can be of some kind under this name, whatever it looks like.
    pub const fn may_name_whole(self, is_broad: bool) -> bool {
        let those = if is_broad {
            Self::VERSION.or(Self::CALLED)
        } else {
            Self::VERSION.or(Self::CALLED).or(Self::BROAD)
        };
        !self.without(those).is_none()
    }

    /// Whether the words say that a hit of that kind is one; true for kinds that no words tell.
    pub const fn speaks_of(self, kind: Kind) -> bool {
        match kind {
            Kind::Phone => self.has(Self::PHONE),
            Kind::Card => self.has(Self::CARD) || self.has(Self::CVV),
            Kind::Iban => self.has(Self::BANK),
            Kind::BankAccount => self.has(Self::BANK) || self.has(Self::BIC),
            Kind::UsSsn => self.has(Self::SSN),
            Kind::UsItin => self.has(Self::SSN) || self.has(Self::NATIONAL),
            Kind::NationalId => self.has(Self::NATIONAL) || self.has(Self::SSN),
            Kind::Passport => self.has(Self::PASSPORT),
            Kind::DriverLicense => self.has(Self::LICENSE),
            Kind::MedicalId => self.has(Self::MEDICAL),
            Kind::BirthDate => self.has(Self::BIRTH),
            Kind::Person => self.has(Self::PERSON),
            Kind::Address => self.has(Self::ADDRESS),
            Kind::Wallet => self.has(Self::WALLET),
            Kind::Password => self.has(Self::PASSWORD),
            Kind::Secret => self.has(Self::SECRET),
            Kind::Vehicle => self.has(Self::VEHICLE),
            Kind::Device => self.has(Self::DEVICE),
            Kind::Location => self.has(Self::PLACE),
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

    /// What opens something.
    const CREDENTIALS: Self = Self::PASSWORD.or(Self::SECRET).or(Self::KEYED).or(Self::SEED);

    /// The kind of credential that a whole value is under this name; of bytes, that a name alone is told of.
    #[inline(never)]
    fn credential(self, looks: &Looks, shape: Shape, is_broad: bool) -> Option<Kind> {
        let is_text = shape == Shape::Text;
        let is_number = shape == Shape::Number && looks.digits >= 4 && looks.length == looks.digits;
        // Bytes show nothing of what they are.
        if shape == Shape::Hex && looks.length >= 2 {
            let those = if is_broad { Self::NONE } else { Self::BROAD };
            let named = self.without(those);
            return [
                (Self::PASSWORD, Kind::Password),
                (Self::SECRET, Kind::Secret),
                (Self::ADDRESS, Kind::Address),
                (Self::PERSON.or(Self::HUMAN), Kind::Person),
            ]
            .into_iter()
            .find_map(|(topic, kind)| named.has(topic).then_some(kind));
        }
        let is_phrase = looks.words <= 2 || self.has(Self::PHRASE);
        if self.has(Self::PASSWORD) && (is_text && is_phrase && looks.length >= 3 || is_number) {
            return Some(Kind::Password);
        }
        let is_secret = self.has(Self::SEED) && looks.is_seed()
            || self.has(Self::SECRET) && looks.words <= 1 && looks.length >= 8
            || self.has(Self::KEYED) && looks.is_random();
        (is_text && is_secret).then_some(Kind::Secret)
    }

    /// The kind that a whole value is under this name, if it looks at all like it.
    #[allow(clippy::inline_always, reason = "every value of every result is asked this")]
    #[inline(always)]
    pub(super) fn kind_of_whole(self, looks: &Looks, shape: Shape, is_broad: bool) -> Option<Kind> {
        let is_text = shape == Shape::Text;
        let is_number_like = looks.others == 0 && looks.length <= 32;
        // Of two words one is no number where it has many small letters.
        let is_wordy = || looks.words >= 2 && looks.letters >= looks.capitals + 5;
        let is_document = is_number_like && looks.words <= 3 && (5..=20).contains(&looks.alphanumerics);
        if (self.has(Self::CREDENTIALS) || shape == Shape::Hex)
            && let Some(kind) = self.credential(looks, shape, is_broad)
        {
            return Some(kind);
        }
        if self.has(Self::CARD) && is_number_like && (12..=19).contains(&looks.digits) && looks.letters == 0 {
            return Some(Kind::Card);
        }
        if self.has(Self::SSN) && is_number_like && (7..=11).contains(&looks.digits) && looks.letters <= 2 {
            return Some(Kind::UsSsn);
        }
        if self.has(Self::PASSPORT) && is_document && !is_wordy() && looks.digits >= 1 {
            return Some(Kind::Passport);
        }
        if self.has(Self::LICENSE) && is_document && !is_wordy() && looks.digits >= 4 {
            return Some(Kind::DriverLicense);
        }
        if self.has(Self::NATIONAL)
            && is_number_like
            && !is_wordy()
            && (7..=20).contains(&looks.alphanumerics)
            && looks.digits >= 4
        {
            return Some(Kind::NationalId);
        }
        if self.has(Self::MEDICAL) && is_document && !is_wordy() && looks.digits >= 4 {
            return Some(Kind::MedicalId);
        }
        if self.has(Self::DEVICE) && is_number_like && (14..=22).contains(&looks.digits) && looks.letters == 0
        {
            return Some(Kind::Device);
        }
        let has_plate = looks.digits >= 1 && looks.letters >= 1 && (4..=17).contains(&looks.alphanumerics);
        if self.has(Self::VEHICLE) && is_text && is_number_like && looks.words <= 4 && has_plate {
            return Some(Kind::Vehicle);
        }
        if self.has(Self::MAC) && is_text && looks.length == 12 && looks.alphanumerics == 12 && looks.is_hex {
            return Some(Kind::Mac);
        }
        if self.has(Self::BIC)
            && is_text
            && looks.others == 0
            && matches!(looks.alphanumerics, 8 | 11)
            && looks.words == 1
        {
            return Some(Kind::BankAccount);
        }
        if self.has(Self::CVV) && (3..=4).contains(&looks.digits) && looks.length == looks.digits {
            return Some(Kind::Card);
        }
        if self.has(Self::PLACE) && looks.digits >= 4 && looks.length <= 60 && looks.letters <= 6 {
            return Some(Kind::Location);
        }
        if self.has(Self::BANK) && is_number_like && looks.digits >= 6 {
            return Some(Kind::BankAccount);
        }
        if self.has(Self::PHONE) && looks.is_phone_like && (6..=18).contains(&looks.digits) {
            return Some(Kind::Phone);
        }
        if self.has(Self::BIRTH) && looks.length <= 40 && looks.digits >= 1 && shape != Shape::Hex {
            return Some(Kind::BirthDate);
        }
        if self.has(Self::WALLET)
            && is_text
            && looks.words <= 1
            && looks.others <= 1
            && looks.alphanumerics >= 24
            && looks.digits >= 2
        {
            return Some(Kind::Wallet);
        }
        if is_broad && is_text && looks.letters + looks.beyond >= 2 {
            if self.has(Self::ADDRESS) {
                return Some(Kind::Address);
            }
            // A name has two words or more, and begins with a capital.
            if self.has(Self::HUMAN)
                && (2..=4).contains(&looks.words)
                && looks.digits == 0
                && looks.is_capitalised
            {
                return Some(Kind::Person);
            }
            let most_digits = if self.has(Self::CALLED) { 0 } else { 2 };
            if self.has(Self::PERSON) && looks.digits <= most_digits && looks.words <= 8 {
                return Some(Kind::Person);
            }
        }
        None
    }
}
