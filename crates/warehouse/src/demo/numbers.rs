//! Numbers that look real and belong to nobody: test ranges with correct check digits.

/// A small generator: the same numbers at every start, on every machine.
pub(super) struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n.max(1)
    }

    /// One of these.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T
    where
        &'a T: Default,
    {
        let n = self.below(from.len() as u64);
        usize::try_from(n).ok().and_then(|n| from.get(n).copied()).unwrap_or_default()
    }

    /// So many decimal digits.
    pub fn digits(&mut self, n: usize) -> String {
        (0..n).filter_map(|_| char::from_digit(u32::try_from(self.below(10)).unwrap_or(0), 10)).collect()
    }
}

/// A card number in one of the test ranges, with its Luhn digit.
pub(super) fn card(dice: &mut Dice) -> String {
    let (prefix, length) = match dice.below(4) {
        0 => ("411111", 16),
        1 => ("555555", 16),
        2 => ("378282", 15),
        _ => ("601111", 16),
    };
    let mut digits = format!("{prefix}{}", dice.digits(length - prefix.len() - 1));
    let sum: u32 = digits
        .chars()
        .rev()
        .enumerate()
        .filter_map(|(n, c)| c.to_digit(10).map(|d| if n % 2 == 0 { d * 2 } else { d }))
        .map(|d| if d > 9 { d - 9 } else { d })
        .sum();
    digits.extend(char::from_digit((10 - sum % 10) % 10, 10));
    digits
}

/// A social security number that the rules allow: no area 000, 666 or 900 up, no group 00, no serial 0000.
pub(super) fn ssn(dice: &mut Dice) -> String {
    let area = match 1 + dice.below(898) {
        666 => 667,
        area => area,
    };
    format!("{area:03}-{:02}-{:04}", 1 + dice.below(99), 1 + dice.below(9999))
}

/// A German or British account number with its two check digits (ISO 13616).
pub(super) fn iban(dice: &mut Dice) -> String {
    let (country, account) = if dice.below(2) == 0 {
        ("DE", format!("50010517{}", dice.digits(10)))
    } else {
        ("GB", format!("NWBK601613{}", dice.digits(8)))
    };
    let checked = format!("{account}{country}00");
    let remainder = checked.chars().fold(0_u32, |rest, c| match c.to_digit(36) {
        Some(value) if value >= 10 => (rest * 100 + value) % 97,
        Some(value) => (rest * 10 + value) % 97,
        None => rest,
    });
    format!("{country}{:02}{account}", 98 - remainder)
}

/// A phone number in a range that is reserved for fiction (555-01xx).
pub(super) fn phone(dice: &mut Dice) -> String {
    format!("+1-{}{}-555-01{}", 2 + dice.below(8), dice.digits(2), dice.digits(2))
}
