//! Words that tell what stands beside them, in Latin letters.

use super::topics::Atoms;

/// Words of at most sixteen ASCII letters or digits, with what they hint at.
pub(super) const WORDS: &[(&str, Atoms)] = &[
    (
        "phone telephone tel mobile cell cellphone fax msisdn \
         phones telefon telefono telefone handy movil celular portable whatsapp sms \
         hotline landline voicemail phoneno phonenumber tlf telefoonnummer rufnummer \
         cellulare ph mob gsm telefax viber callback rufnr tlfnr telefoon telefonnummer telefoonnr telefonszam telefonni puhelin \
         puhelinnumero puh telno telnr mobilnummer mobiltelefon mobiel komorka gsmno cep ceptelefonu mobileph \
         landlineno faxno faxnumber phone1 phone2 phonenum telephoneno callbackno kontakttelefon contactno contactnumber mobileno mobilenumber \
         homephone workphone telepon ponsel nohp talrunis telefonas mobitel sdt thoai dienthoai handynummer handynr mobilnr \
         ruckruf ruckrufnummer kontaktnummer telefonski callernumber callingnumber callednumber",
        Atoms::PHONE,
    ),
    // What people say of a telephone; columns have such names for other reasons.
    (
        "call called calls calling dial dialed dials text texted reach reached ring rufen anrufen ruf llame llamar \
         appeler appelez chiamare chiama ligar ligue erreichbar",
        Atoms::PHONE.or(Atoms::SPOKEN),
    ),
    (
        "national insurance identification social medicare sin nip nic nir nie nit rut tin ein resident voter routing \
         sv citizen citizenship identity fiscal codice medical health iva seguro vat",
        Atoms::WEAK,
    ),
    ("ssn ssns socialsecurity social soc ssnumber", Atoms::SSN),
    (
        "sv cuoc rentenversicheru rvnummer svnummer svnr sofinr seguro iva cif ccnumero cartaocidadao cartaodecidadao sin nino nhs aadhaar aadhar uidai cpf cnpj nif nie dni nss bsn pesel curp rfc tfn medicare \
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
         tajszam identidad identidade identitate identita identite kra npwp masothue ruc rif cidadao iin ssnit taxidentifier steuerliche contribuinte partitaiva partita piva fein uniquetaxref uniquetaxpayer ipn inn taj nic nid psn spi rvnr nrdowodu dowod dowodu matricule documento pnr personnr personnumber sofinummer individualnumber nip regon siret nass numsecu securitesociale rijksregisternr idcardnumber idcardno numerofiscal philsys philsysid npwp tajszam uidno epicno",
        Atoms::NATIONAL,
    ),
    (
        "card cards cc ccnum ccn creditcard cardnumber cardno visa mastercard amex discover karte \
         tarjeta carte cartao pan debit karta kaart kortti kartu kortnummer kartennummer kreditkarte kreditkort creditcardno bankkarte \
         girocard",
        Atoms::CARD,
    ),
    ("sim imei imei1 simno imei2 imeisv meid imsi iccid imeino", Atoms::DEVICE),
    ("vin vins vinno vinnumber chassis chassisno vehicleid fahrgestellnummer bastidor", Atoms::VEHICLE),
    (
        "plate plates licenseplate licenceplate numberplate plateno platenumber kennzeichen targa regplate rego \
         immatriculation matricula kenteken rendszam nopol",
        Atoms::VEHICLE.or(Atoms::PLATE),
    ),
    (
        "lat latitude lon lng long longitude latlng latlon latlong gps geo coordinates coords geolocation location geopoint geometry geometries",
        Atoms::PLACE,
    ),
    ("bic swift swiftcode biccode swiftbic bicswift swiftno ifsc ifsccode", Atoms::BIC),
    ("health medical clinical hospital healthcare patient patients", Atoms::HEALTH),
    ("record records chart", Atoms::RECORD),
    ("mac macaddress macaddr hwaddr hwaddress bssid ethernet", Atoms::HARDWARE),
    (
        "patient employee beneficiary recipient passenger student attendee participant signer policyholder nextofkin passengers recipients tenants doctors students teachers nurses traveler travelers traveller guest guests buyer author teacher doctor nurse tenant borrower payee assignee \
         cardholder consignee signatory referrer applicant spouse insured supervisor",
        Atoms::HUMAN,
    ),
    ("sort", Atoms::SORTING),
    ("code", Atoms::CODE),
    ("cvv cvc cvv2 cvc2 cvn securitycode", Atoms::CVV),
    (
        "iban ibans routing aba rekeningnummer numcompte ifsccode kontonr accno acno sortcode bsb ifsc clabe bankdetails bankdetail beneficiaryaccou rtn routingno abarouting routingnum bankaccount bankaccountno nuban blz bankleitzahl cbu kontonummer routingnumber",
        Atoms::IBAN,
    ),
    ("bank sort bic swift konto cuenta", Atoms::BANK),
    ("account bancaria bancario bancaire acct acc accountnumber accountno acctno", Atoms::ACCOUNT),
    (
        "traveldocumentno passport passports passportno passportnumber pasaporte passeport reisepass passaporto \
         passaporte ppt personalausweis personalausweisn personalausweisnummer personalausweisnr ausweisnummer ausweisnr utlevel reisepassnummer reisepassnr passnummer paspoort traveldocument traveldoc identitydocument iddocument passportnr paspoortnummer ppno putovnica pasaport paszport paszportu paspor pasas",
        Atoms::PASSPORT,
    ),
    (
        "license licence dl dln driverlicense dlno dlnumber dlnum cdl patente driverslic driverlic fuehrerscheinnr fuehrerscheinnu fuhrerscheinnumm drvlic rijbewijsnummer driverslicense fuhrerschein permis licencia licenseno fuehrerschein rijbewijs korkort korekort forerkort ajokortti",
        Atoms::LICENSE,
    ),
    ("driver drivers driving", Atoms::DRIVER),
    (
        "birth dob born birthday bdate birthdt dobirth geboortedatum geburtstag fodelsedatum fodselsdato syntymaaika nascitaq datanascimento datadinascita fechanacimiento datenaissance urodzenia dataurodzenia dogumtarihi dogum narozeni narozen rodjen ne nee nato nata nacido nacida nascido nascida fodt fodd birthdate dateofbirth geboren geburtsdatum naissance nacimiento \
         nascimento gebdat dobs gebdatum fecnac fechanac birthyear nascita bday geb ddn",
        Atoms::BIRTH,
    ),
    (
        "password passwords wachtwoord losenord salasana adgangskode passord haslo heslo jelszo parola sifre lozinka clave passwd pwd passphrase passcode passwort kennwort contrasena senha \
         motdepasse pw temppw smtppass ldappass mailpass rootpass loginpass mysqlpass redispass sshpass wifipass emailpass newpass oldpass apppass securityanswer secretanswer seedphrase recoveryphrase backupcodes userpin cardpin atmpin wifipw wifikey mfacode otpcode pswd userpassword dbpass userpass dbpassword adminpass ftppass",
        Atoms::PASSWORD,
    ),
    (
        "secret secrets secretkey authorization clientsecret apisecret credential credentials sharedkey signingkey",
        Atoms::SECRET,
    ),
    ("seed mnemonic mnemonics recovery seedphrase recoveryphrase seedwords", Atoms::SEED),
    ("token tokens jwt bearer pat cookie otp", Atoms::TOKEN),
    ("key keys", Atoms::KEY),
    (
        "apikey accesskey authtoken authheader bearertoken idtoken sastoken storagekey deploykey sessioncookie cookiesession accesstoken refreshtoken privatekey encryptionkey accountkey",
        Atoms::SECRET,
    ),
    (
        "access auth api private client refresh session authorization oauth signing encryption master \
         bot webhook service shared",
        Atoms::SECRETIVE,
    ),
    ("aws amazon s3 iam", Atoms::AWS),
    (
        "wallet btc cardano cosmos monero walletaddr bitcoin eth ethereum crypto xbt erc20 blockchain ltc litecoin doge xrp sol trx",
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
        "contactperson surname namn voornaam achternaam tussenvoegsel imie nazwisko prenume jmeno prijmeni nimi sukunimi etunimi fornavn etternavn efternamn fornamn efternavn nominativo contactname patientname employeename holdername ownername firstname lastname fullname forename givenname familyname nachname fname lname nomcomplet nombrecompleto shiptoname billtoname agentname callername leadname fathername mothername nickname personname guestname passengername studentname sendername recipientname vorname apellido \
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
        "street lakcim shipto billto ulica adresa adressezeile osoite gata adress direccionpostal homeaddr mailaddr residence streetname addressline2 addressline3 addressl1 domicile domicilio wohnort wohnadresse streetaddress address1 address2 addr1 addr2 homeaddress postaladdress shippingaddress \
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
        "ip ips ipv4 ipaddr ipaddress cidr subnet host hosts hostname addr addrs address addresses client clients src \
         source dst dest destination peer remote server servers from at by on via node nodes gateway router dhcp lease \
         dns endpoint listen bind proxy origin target user users localhost machine device",
        Atoms::MACHINE,
    ),
    (
        "update updated updating rollback rolled hotfix driver drivers plugin tag package packages lib library image \
         firefox chrome edge safari android ios windows macos fileversion assemblyversion productversion release \
         released agent browser nginx postgres postgresql mysql redis python java openssl",
        Atoms::PRODUCT,
    ),
    (
        "revenue premium premiums claims fee fees seats sales seconds minutes duration ms sessions cost costs sent pages \
         followers shares likes population bytes theta angle weight depth speed seq rank requested rowcount payment \
         payments charges balance views clicks masked last4 size created region country model tower penalty usage volume",
        Atoms::MEASURE,
    ),
    (
        "version ver versions versione versie wersja verze verzio versio versiune build builds firmware release rev revision fw semver sdk oid patch section sec \
         chapter clause article appendix figure step upgrade upgrades upgraded upgrading downgrade downgraded kernel",
        Atoms::VERSION,
    ),
    (
        "count cnt counts num verified valid flag status avg rate sum total enabled required length \
         len has is opt format type score ratio pct percent changed updated created expires \
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
        "mrn mbi patientidentifie hicn npi dea nhi medicaid patientid patientnumber insurancememberid chartno healthplan versichertennumm versichertennr healthplanid healthplanno providernpi ohip ramq healthcard medicalrecord medicalrecordno patientno kvnr mrnnumber",
        Atoms::MEDICAL,
    ),
    ("tax", Atoms::TAX),
    ("security", Atoms::SECURITY),
    ("credit", Atoms::CREDIT),
    ("date day month year", Atoms::DATE),
    ("ids identifier", Atoms::IDENTITY),
    ("id uuid guid sid", Atoms::ID),
];
