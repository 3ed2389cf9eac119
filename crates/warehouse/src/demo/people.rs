//! The people, what they ordered and how they paid.

use serde_json::json;

use super::Rows;
use super::numbers::{Dice, card, iban, phone, ssn};
use crate::functions::sorted;

const CUSTOMERS: u64 = 400;
const ORDERS: u64 = 900;
const EMPLOYEES: u64 = 60;

const FIRST: [&str; 24] = [
    "Ana", "Bela", "Carla", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Imani", "Jonas", "Keiko", "Lena",
    "Mateo", "Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Samir", "Tove", "Uma", "Viktor", "Wanda",
    "Yusuf",
];
const LAST: [&str; 24] = [
    "Adler",
    "Brandt",
    "Castillo",
    "Dahl",
    "Eriksen",
    "Fontaine",
    "Grabowski",
    "Haddad",
    "Ivanova",
    "Jansen",
    "Kimura",
    "Lindqvist",
    "Moreau",
    "Nowak",
    "Okafor",
    "Petrov",
    "Quiroga",
    "Rossi",
    "Suzuki",
    "Tanaka",
    "Ulrich",
    "Varga",
    "Weber",
    "Zielinski",
];
const STREETS: [&str; 8] = [
    "Linden Avenue",
    "Harbour Road",
    "Mill Lane",
    "Station Street",
    "Orchard Way",
    "Hill Road",
    "Park Row",
    "Elm Court",
];
const CITIES: [&str; 8] =
    ["Springfield", "Rivertown", "Lakeside", "Fairview", "Greenville", "Ashford", "Millbrook", "Easton"];
const SEGMENTS: [&str; 4] = ["consumer", "business", "vip", "partner"];
const STATUSES: [&str; 4] = ["open", "shipped", "delivered", "cancelled"];
const DEPARTMENTS: [&str; 6] = ["engineering", "sales", "finance", "support", "people", "operations"];
const TIERS: [&str; 3] = ["bronze", "silver", "gold"];
const CATEGORIES: [&str; 5] = ["books", "garden", "kitchen", "music", "toys"];
const THINGS: [&str; 8] = ["lamp", "kettle", "guitar", "atlas", "trowel", "puzzle", "teapot", "drum"];
const COUNTRIES: [(&str, &str, &str); 12] = [
    ("US", "United States", "Americas"),
    ("CA", "Canada", "Americas"),
    ("BR", "Brazil", "Americas"),
    ("DE", "Germany", "Europe"),
    ("FR", "France", "Europe"),
    ("GB", "United Kingdom", "Europe"),
    ("PL", "Poland", "Europe"),
    ("SE", "Sweden", "Europe"),
    ("JP", "Japan", "Asia"),
    ("IN", "India", "Asia"),
    ("KE", "Kenya", "Africa"),
    ("AU", "Australia", "Oceania"),
];

/// The rows of every table.
pub(super) struct Demo {
    pub customers: Rows,
    pub orders: Rows,
    pub payments: Rows,
    pub employees: Rows,
    pub products: Rows,
    pub countries: Rows,
}

/// Makes everybody, always the same.
pub(super) fn make() -> Demo {
    let mut dice = Dice::new(20_261_123);
    let customers: Rows = (1..=CUSTOMERS).map(|id| customer(id, &mut dice)).collect();
    let products: Rows = (1..=40).map(|n| product(n, &mut dice)).collect();
    let orders: Rows = (1..=ORDERS).map(|id| order(id, &mut dice)).collect();
    let payments = orders.iter().filter_map(|order| payment(order, &customers, &mut dice)).collect();
    let employees = (1..=EMPLOYEES).map(|id| employee(id, &mut dice)).collect();
    let countries = COUNTRIES.iter().map(|(code, name, region)| texts(&[code, name, region])).collect();
    Demo { customers, orders, payments, employees, products, countries }
}

fn texts(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn day(dice: &mut Dice, from: u64, years: u64) -> String {
    format!("{}-{:02}-{:02}", from + dice.below(years), 1 + dice.below(12), 1 + dice.below(28))
}

fn moment(dice: &mut Dice) -> String {
    let day = day(dice, 2024, 2);
    format!("{day}T{:02}:{:02}:{:02}.{}", dice.below(24), dice.below(60), dice.below(60), dice.digits(3))
}

fn address(dice: &mut Dice) -> (String, String) {
    (format!("{} {}", 1 + dice.below(199), dice.pick(&STREETS)), dice.pick(&CITIES).to_owned())
}

fn customer(id: u64, dice: &mut Dice) -> Vec<String> {
    let (first, last) = (dice.pick(&FIRST), dice.pick(&LAST));
    let name = format!("{first} {last}");
    let domain = if dice.below(2) == 0 { "example.com" } else { "example.org" };
    let email = format!("{}.{}{id}@{domain}", first.to_lowercase(), last.to_lowercase());
    let (ssn, card, phone) = (ssn(dice), card(dice), phone(dice));
    let (street, city) = address(dice);
    let notes = note(dice, first, &email, &ssn, &card, &phone);
    let profile = json!({
        "email": email,
        "phone": phone,
        "ssn": ssn,
        "address": { "street": street, "city": city, "zip": dice.digits(5) },
        "tier": dice.pick(&TIERS),
        "tags": [dice.pick(&CATEGORIES), dice.pick(&CATEGORIES)],
        "visits": dice.below(200),
        "newsletter": dice.below(2) == 0,
    });
    let (country, _, _) =
        COUNTRIES.get(usize::try_from(dice.below(12)).unwrap_or(0)).copied().unwrap_or_default();
    let born = day(dice, 1940, 65);
    let signed_up = day(dice, 2018, 8);
    let segment = dice.pick(&SEGMENTS);
    // Every tenth leaves no phone number: NULLs belong to real data.
    let phone = if id.is_multiple_of(10) { String::new() } else { phone };
    vec![
        id.to_string(),
        name,
        email,
        ssn,
        card,
        born,
        phone,
        country.to_owned(),
        notes,
        sorted(profile).to_string(),
        signed_up,
        segment.to_owned(),
    ]
}

/// What a clerk might have typed; some of it is nobody's business.
fn note(dice: &mut Dice, first: &str, email: &str, ssn: &str, card: &str, phone: &str) -> String {
    match dice.below(8) {
        0 => format!("{first} asked to be written to at {email} instead of being called."),
        1 => format!("Verified by SSN {ssn}, then reset the password."),
        2 => format!("Paid with card {card}; the terminal printed no receipt."),
        3 => format!("Call back on {phone} after six."),
        4 => "Prefers delivery on Saturdays.".to_owned(),
        5 => "Complained about a scratched teapot, refunded in full.".to_owned(),
        6 => format!("Moved; new address not known. Reach {first} under {phone} or {email}."),
        _ => String::new(),
    }
}

fn product(n: u64, dice: &mut Dice) -> Vec<String> {
    let category = dice.pick(&CATEGORIES);
    let name = format!("{category} {} no. {n}", dice.pick(&THINGS));
    vec![sku(n), name, format!("{}.{}", 3 + dice.below(190), dice.digits(2)), category.to_owned()]
}

fn sku(n: u64) -> String {
    format!("SKU-{n:04}")
}

fn order(id: u64, dice: &mut Dice) -> Vec<String> {
    let (street, city) = address(dice);
    vec![
        id.to_string(),
        (1 + dice.below(CUSTOMERS)).to_string(),
        format!("{}.{}", 5 + dice.below(900), dice.digits(2)),
        dice.pick(&STATUSES).to_owned(),
        moment(dice),
        format!("{street}, {city}"),
        sku(1 + dice.below(40)),
    ]
}

/// Five of six orders are paid, by the customer's card or from a bank account.
fn payment(order: &[String], customers: &Rows, dice: &mut Dice) -> Option<Vec<String>> {
    if dice.below(6) == 0 {
        return None;
    }
    let (id, customer, amount) = (order.first()?, order.get(1)?, order.get(2)?);
    let customer: usize = customer.parse().ok()?;
    let card = customers.get(customer.checked_sub(1)?)?.get(4)?.clone();
    let last4 = card.chars().skip(card.len().saturating_sub(4)).collect();
    Some(vec![format!("9{id}"), id.clone(), card, iban(dice), amount.clone(), last4, moment(dice)])
}

fn employee(id: u64, dice: &mut Dice) -> Vec<String> {
    let (first, last) = (dice.pick(&FIRST), dice.pick(&LAST));
    let email = format!("{}.{}@example.org", first.to_lowercase(), last.to_lowercase());
    let manager = if id <= 6 { String::new() } else { (1 + (id - 1) % 6).to_string() };
    let salary = 38_000 + 500 * dice.below(180);
    vec![
        id.to_string(),
        format!("{first} {last}"),
        email,
        ssn(dice),
        salary.to_string(),
        manager,
        dice.pick(&DEPARTMENTS).to_owned(),
        day(dice, 2010, 15),
    ]
}
