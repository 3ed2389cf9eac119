//! Words that tell what stands beside them: column names, JSON keys, the text before a value.

use super::fold::View;
use super::foreign;
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
}

impl Atoms {
    pub const NONE: Self = Self(0);

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

/// Words of at most sixteen ASCII letters or digits, with what they hint at.
const WORDS: &[(&str, Atoms)] = &[
    (
        "phone telephone tel mobile cell cellphone fax msisdn call called calls calling dial dialed \
         phones telefon telefono telefone handy movil celular portable whatsapp sms text texted \
         hotline landline reach ring voicemail phoneno phonenumber tlf telefoonnummer rufnummer \
         cellulare ph mob gsm telefax viber dials callback rufen anrufen ruf rufnr tlfnr telefoon telefonnummer telefoonnr telefonszam telefonni puhelin \
         puhelinnumero puh telno telnr mobilnummer mobiltelefon mobiel komorka gsmno cep ceptelefonu mobileph \
         landlineno faxno faxnumber phone1 phone2 phonenum telephoneno callbackno kontakttelefon llame llamar appeler \
         appelez chiamare chiama ligar ligue erreichbar contactno contactnumber mobileno mobilenumber \
         homephone workphone telepon ponsel nohp talrunis telefonas mobitel sdt thoai dienthoai handynummer handynr mobilnr \
         reached ruckruf ruckrufnummer kontaktnummer telefonski",
        Atoms::PHONE,
    ),
    ("ssn ssns socialsecurity social soc ssnumber", Atoms::SSN),
    (
        "sin nino nhs aadhaar aadhar uidai cpf cnpj nif nie dni nss bsn pesel curp rfc tfn medicare \
         itin steuer steuerid steueridnr idnr fiscal fiscale codice insee nir national personnummer \
         fodselsnummer henkilotunnus hkid nric mykad rut cuit cuil cedula citizen citizenship \
         taxpayer tin ein insurance nationalid taxid ppsn pps egn cnp oib amka afm jmbg ahv svnr tckn \
         rrn cpr fnr hetu vat identification idcard govid ni pan panno sozialversicherung passportid \
         mynumber natid gstin siren burgerservicenummer rijksregister rijksregisternummer insz niss niss \
         svnr ahvnr ahvnummer avs oasi mykad ktp nik cccd cmnd thaiid citizenid pis pasep cnh \
         steueridentifikationsnummer sozialversicherungsnummer steuernummer utr abn ird irdno nhsno kimlik \
         tckimlik tckimlikno zehut teudatzehut rodne rodnecislo isikukood asmenskodas personaskods emso uidnumber \
         nationalinsurance socialinsurance taxnumber taxno taxidno vatno identitynumber idnumber idno \
         nationalidno resident sss philhealth umid snils egrpou rnokpp cnic emiratesid iqama qid civilid \
         nationalno fnr dnr personnr cprnr cprnummer hetu sotu peselnr nuip nit cedulano rg \
         krankenversicherung idkort juminnumber voter personalausweis ausweis burgerservice kennitala nin bvn emirates asmens kods nip edb adoszam adoazonosito \
         tajszam identidad identidade identitate identita identite kra npwp masothue ruc rif cidadao iin ssnit",
        Atoms::NATIONAL,
    ),
    (
        "card cards cc ccnum ccn creditcard cardnumber cardno visa mastercard amex discover karte \
         tarjeta carte cartao pan debit karta kaart kortti kartu kortnummer kartennummer kreditkarte kreditkort creditcardno bankkarte \
         girocard",
        Atoms::CARD,
    ),
    ("imei imei1 imei2 imeisv meid imsi iccid imeino", Atoms::DEVICE),
    ("vin vins vinno vinnumber chassis chassisno vehicleid fahrgestellnummer bastidor", Atoms::VEHICLE),
    (
        "plate plates licenseplate licenceplate numberplate plateno platenumber kennzeichen targa regplate rego \
         immatriculation matricula kenteken rendszam nopol",
        Atoms::VEHICLE.or(Atoms::PLATE),
    ),
    (
        "lat latitude lon lng long longitude latlng latlon latlong gps geo coordinates coords geolocation",
        Atoms::PLACE,
    ),
    ("bic swift swiftcode biccode swiftbic bicswift swiftno", Atoms::BIC),
    ("health medical clinical hospital healthcare", Atoms::HEALTH),
    ("record records chart", Atoms::RECORD),
    ("mac macaddress macaddr hwaddr hwaddress bssid ethernet", Atoms::HARDWARE),
    (
        "patient employee beneficiary recipient passenger student teacher doctor nurse tenant borrower payee assignee \
         cardholder consignee signatory referrer applicant spouse insured supervisor",
        Atoms::HUMAN,
    ),
    ("sort", Atoms::SORTING),
    ("code", Atoms::CODE),
    ("cvv cvc cvv2 cvc2 cvn securitycode", Atoms::CVV),
    (
        "iban ibans routing aba sortcode bsb ifsc clabe rtn routingno abarouting routingnum bankaccount bankaccountno nuban blz bankleitzahl cbu kontonummer routingnumber",
        Atoms::IBAN,
    ),
    ("bank sort bic swift konto cuenta", Atoms::BANK),
    ("account acct acc accountnumber accountno acctno", Atoms::ACCOUNT),
    (
        "passport passports passportno passportnumber pasaporte passeport reisepass passaporto \
         passaporte ppt utlevel putovnica pasaport paszport paszportu paspor pasas",
        Atoms::PASSPORT,
    ),
    (
        "license licence dl dln driverlicense driverslicense fuhrerschein permis licencia licenseno fuehrerschein rijbewijs korkort korekort forerkort ajokortti",
        Atoms::LICENSE,
    ),
    ("driver drivers driving", Atoms::DRIVER),
    (
        "birth dob born birthday bdate birthdt dobirth geboortedatum geburtstag fodelsedatum fodselsdato syntymaaika nascitaq datanascimento datadinascita fechanacimiento datenaissance urodzenia dataurodzenia dogumtarihi dogum narozeni narozen rodjen ne nee nato nata nacido nacida nascido nascida fodt fodd birthdate dateofbirth geboren geburtsdatum naissance nacimiento \
         nascimento nascita bday geb ddn",
        Atoms::BIRTH,
    ),
    (
        "password passwords wachtwoord losenord salasana adgangskode passord haslo heslo jelszo parola sifre lozinka clave passwd pwd passphrase passcode passwort kennwort contrasena senha \
         motdepasse pw temppw wifipw wifikey mfacode otpcode pswd userpassword dbpass userpass dbpassword adminpass ftppass",
        Atoms::PASSWORD,
    ),
    (
        "secret secrets secretkey clientsecret apisecret credential credentials sharedkey signingkey",
        Atoms::SECRET,
    ),
    ("token tokens jwt bearer pat cookie otp", Atoms::TOKEN),
    ("key keys", Atoms::KEY),
    (
        "apikey accesskey authtoken accesstoken refreshtoken privatekey encryptionkey accountkey",
        Atoms::SECRET,
    ),
    (
        "access auth api private client refresh session authorization oauth signing encryption master \
         bot webhook service shared",
        Atoms::SECRETIVE,
    ),
    ("aws amazon s3 iam", Atoms::AWS),
    (
        "wallet btc bitcoin eth ethereum crypto xbt erc20 blockchain ltc litecoin doge xrp sol trx",
        Atoms::WALLET,
    ),
    ("name names nom nombre nome nm", Atoms::NAME),
    (
        "full first last given middle family legal maiden customer person contact employee patient \
         holder beneficiary owner member guest student applicant recipient sender passenger manager \
         buyer seller subscriber spouse child parent insured cust emp billing shipping attn people \
         users customers persons contacts employees patients profile author teacher doctor nurse \
         tenant borrower cardholder signatory referrer delivery home mailing consignee famille payee assignee",
        Atoms::PERSONAL,
    ),
    ("user client", Atoms::USER),
    (
        "surname namn voornaam achternaam tussenvoegsel imie nazwisko prenume jmeno prijmeni nimi sukunimi etunimi fornavn etternavn efternamn fornamn efternavn nominativo contactname patientname employeename holdername ownername firstname lastname fullname forename givenname familyname nachname vorname apellido \
         apellidos prenom cognome sobrenome cardholder cardholdername accountholder middlename \
         customername maidenname nameoncard displayname",
        Atoms::PERSON,
    ),
    (
        "product event company org organization organisation host file table column city country \
         state region brand domain server service plan vendor project app application model device \
         category job queue bucket schema database db role warehouse group team item field tag class \
         method function module package campaign store shop currency nation part supplier segment \
         bank branch school street metric source target index stage",
        Atoms::THING,
    ),
    ("address addr addresses adresse direccion indirizzo endereco adres anschrift", Atoms::ADDRESS),
    (
        "street lakcim adresa adressezeile osoite gata adress direccionpostal homeaddr mailaddr residence streetname addressline2 addressline3 addressl1 domicile domicilio wohnort wohnadresse streetaddress address1 address2 addr1 addr2 homeaddress postaladdress shippingaddress \
         billingaddress strasse calle rue mailingaddress addressline addressline1",
        Atoms::STREET,
    ),
    ("line1 line2 line", Atoms::LINE),
    ("email mail emails emailaddress mails correo", Atoms::MAIL.or(Atoms::ELECTRONIC)),
    (
        "ip ipv4 ipv6 mac remote url web contract network memory peer bind listen proxy gateway dns \
         socket bus hw ethernet",
        Atoms::ELECTRONIC,
    ),
    (
        "version ver versions build firmware release rev revision fw semver sdk oid patch section sec \
         chapter clause article appendix figure step upgrade upgraded downgraded kernel",
        Atoms::VERSION,
    ),
    (
        "count cnt counts num verified valid flag status avg rate sum total enabled required length \
         len has is opt format type score ratio pct percent provider changed updated created expires \
         expiry expired attempts policy reset max min present template prefix suffix label \
         placeholder regex strength age rotated at ttl missing",
        Atoms::ABOUT,
    ),
    (
        "order orders ord invoice inv tracking shipment ticket txn transaction ref reference batch \
         sku po event row qty quantity amount price total zip postcode ean upc isbn asin case request \
         build port serial part item lot epoch timestamp ts page line job run trace span commit issue \
         pr bug store product sum size bytes pid",
        Atoms::OTHER_NUMBER,
    ),
    (
        "page cursor next prev previous sync continuation public primary foreign partition sort cache \
         object idempotency pagination hash row surrogate dedupe routing unique lookup csrf count \
         type pub",
        Atoms::HARMLESS,
    ),
    (
        "hash sha sha1 sha256 sha512 md5 digest checksum etag commit fingerprint crc blake integrity",
        Atoms::DIGEST,
    ),
    ("number no num nr numero nummer", Atoms::NUMBERED),
    (
        "number no num nr value val id code v text raw data content numero nummer plain formatted \
         full is the on file my your our his her their a was as of for to",
        Atoms::GENERIC,
    ),
    (
        "mrn mbi hicn npi dea nhi ohip ramq healthcard medicalrecord medicalrecordno patientno kvnr mrnnumber",
        Atoms::MEDICAL,
    ),
    ("tax", Atoms::TAX),
    ("security", Atoms::SECURITY),
    ("credit", Atoms::CREDIT),
    ("date day month year", Atoms::DATE),
    ("ids identifier", Atoms::IDENTITY),
    ("id uuid guid sid", Atoms::ID),
];

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
            atoms = whole;
        }
    }
    let mut previous = 0_u8;
    for (position, &byte) in bytes.iter().chain(std::iter::once(&b'_')).enumerate() {
        let is_hump = byte.is_ascii_uppercase() && previous.is_ascii_lowercase();
        let is_separator = !is_word(byte);
        if is_hump || is_separator {
            if let Some(word) = bytes.get(start..position).filter(|word| !word.is_empty()) {
                atoms = atoms.or(of_glued_word(word));
                let stem = word.trim_ascii_end();
                let letters = stem.iter().rposition(|b| !b.is_ascii_digit()).map_or(0, |last| last + 1);
                if letters < word.len() {
                    atoms = atoms.or(of_word(word.get(..letters).unwrap_or_default()));
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

    use super::*;

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
