//! What can be found.

/// A kind of sensitive value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// An e-mail address, also in disguise.
    Email,
    /// A telephone number.
    Phone,
    /// A payment card number.
    Card,
    /// An international bank account number.
    Iban,
    /// A domestic account or routing number, by its context.
    BankAccount,
    /// A United States social security number.
    UsSsn,
    /// A United States individual taxpayer number.
    UsItin,
    /// Any other state's number of a person: tax, health, insurance, identity.
    NationalId,
    /// A passport number, by its context, or a machine-readable zone.
    Passport,
    /// A driving licence number, by its context.
    DriverLicense,
    /// A patient's or insured person's number.
    MedicalId,
    /// A date of birth, by its context.
    BirthDate,
    /// A person's name, by its column or key.
    Person,
    /// A postal address, by its column or key.
    Address,
    /// An IPv4 or IPv6 address.
    IpAddress,
    /// A hardware address.
    Mac,
    /// An address of a crypto currency.
    Wallet,
    /// A password, by its context.
    Password,
    /// A URL that carries a user and a password.
    ConnectionString,
    /// A private key in PEM or a like armour.
    PrivateKey,
    /// A JSON web token.
    Jwt,
    /// An AWS access key id or secret key.
    AwsKey,
    /// A GitHub token.
    GithubToken,
    /// A Slack token or webhook.
    SlackToken,
    /// A Stripe key.
    StripeKey,
    /// An OpenAI key.
    OpenAiKey,
    /// An Anthropic key.
    AnthropicKey,
    /// A Google API key or token.
    GoogleKey,
    /// Any other token or key, by its prefix or its context.
    Secret,
    /// A vehicle's identification number or plate, by its check digit or context.
    Vehicle,
    /// A telephone's hardware number (IMEI), by its context.
    Device,
    /// Coordinates of a place, by their context.
    Location,
    /// What a pattern of the deployment's own found.
    Custom,
    /// Text that tells its reader what to do.
    Instruction,
    /// Characters that nobody sees.
    HiddenText,
    /// The target of a link or image in Markdown.
    Link,
    /// An encoded text that holds something sensitive.
    Encoded,
    /// Nothing certain: looking closer would have taken too long.
    Overrun,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 38] = [
        Self::Email,
        Self::Phone,
        Self::Card,
        Self::Iban,
        Self::BankAccount,
        Self::UsSsn,
        Self::UsItin,
        Self::NationalId,
        Self::Passport,
        Self::DriverLicense,
        Self::MedicalId,
        Self::BirthDate,
        Self::Person,
        Self::Address,
        Self::IpAddress,
        Self::Mac,
        Self::Wallet,
        Self::Password,
        Self::ConnectionString,
        Self::PrivateKey,
        Self::Jwt,
        Self::AwsKey,
        Self::GithubToken,
        Self::SlackToken,
        Self::StripeKey,
        Self::OpenAiKey,
        Self::AnthropicKey,
        Self::GoogleKey,
        Self::Secret,
        Self::Vehicle,
        Self::Device,
        Self::Location,
        Self::Custom,
        Self::Instruction,
        Self::HiddenText,
        Self::Link,
        Self::Encoded,
        Self::Overrun,
    ];

    /// The word that stands in redactions and recordings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Phone => "PHONE",
            Self::Card => "CARD",
            Self::Iban => "IBAN",
            Self::BankAccount => "BANK_ACCOUNT",
            Self::UsSsn => "US_SSN",
            Self::UsItin => "US_ITIN",
            Self::NationalId => "NATIONAL_ID",
            Self::Passport => "PASSPORT",
            Self::DriverLicense => "DRIVER_LICENSE",
            Self::MedicalId => "MEDICAL_ID",
            Self::BirthDate => "DOB",
            Self::Person => "PERSON",
            Self::Address => "ADDRESS",
            Self::IpAddress => "IP_ADDRESS",
            Self::Mac => "MAC",
            Self::Wallet => "CRYPTO_WALLET",
            Self::Password => "PASSWORD",
            Self::ConnectionString => "CONNECTION_STRING",
            Self::PrivateKey => "PRIVATE_KEY",
            Self::Jwt => "JWT",
            Self::AwsKey => "AWS_KEY",
            Self::GithubToken => "GITHUB_TOKEN",
            Self::SlackToken => "SLACK_TOKEN",
            Self::StripeKey => "STRIPE_KEY",
            Self::OpenAiKey => "OPENAI_KEY",
            Self::AnthropicKey => "ANTHROPIC_KEY",
            Self::GoogleKey => "GOOGLE_API_KEY",
            Self::Secret => "SECRET",
            Self::Vehicle => "VEHICLE_ID",
            Self::Device => "DEVICE_ID",
            Self::Location => "LOCATION",
            Self::Custom => "CUSTOM",
            Self::Instruction => "INSTRUCTION",
            Self::HiddenText => "HIDDEN_TEXT",
            Self::Link => "LINK",
            Self::Encoded => "ENCODED",
            Self::Overrun => "REDACTED",
        }
    }

    /// The kind of a detector that `catalog.toml` may switch or tune, by its name there: the word in small letters.
    ///
    /// What stands for a bundle's own patterns, for text that acts on its reader, or for an overrun is none.
    pub fn of_detector(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.is_detector() && kind.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether the kind is a detector that can be switched and tuned.
    pub const fn is_detector(self) -> bool {
        !matches!(
            self,
            Self::Custom | Self::Instruction | Self::HiddenText | Self::Link | Self::Encoded | Self::Overrun
        )
    }

    /// Whether names and nearby words can say that a value is of this kind.
    pub const fn has_context(self) -> bool {
        matches!(
            self,
            Self::Phone
                | Self::Card
                | Self::Iban
                | Self::BankAccount
                | Self::UsSsn
                | Self::UsItin
                | Self::NationalId
                | Self::Passport
                | Self::DriverLicense
                | Self::MedicalId
                | Self::BirthDate
                | Self::Person
                | Self::Address
                | Self::Wallet
                | Self::Password
                | Self::Secret
                | Self::Vehicle
                | Self::Device
                | Self::Location
        )
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    pub(crate) const fn bit(self) -> u64 {
        1 << self as u64
    }
}
