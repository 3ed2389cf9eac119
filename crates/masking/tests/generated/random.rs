//! Numbers that look random and are the same in every run.

/// SplitMix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `from` to `to`, both included.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from + 1)
    }

    pub fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.between(0, of.len() as u64 - 1) as usize]
    }

    /// So many characters of an alphabet.
    pub fn of(&mut self, alphabet: &str, count: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..count).map(|_| letters[self.between(0, letters.len() as u64 - 1) as usize]).collect()
    }

    pub fn digits(&mut self, count: usize) -> String {
        self.of("0123456789", count)
    }

    /// Digits of which the first is not zero.
    pub fn number(&mut self, count: usize) -> String {
        self.of("123456789", 1) + &self.digits(count - 1)
    }

    pub fn letters(&mut self, count: usize) -> String {
        self.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ", count)
    }

    pub fn hex(&mut self, count: usize) -> String {
        self.of("0123456789abcdef", count)
    }

    pub fn alphanumeric(&mut self, count: usize) -> String {
        self.of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", count)
    }

    /// A shape: `9` a digit, `8` one that is not zero, `A` a capital, `x` a hexadecimal digit, anything else itself.
    pub fn shape(&mut self, shape: &str) -> String {
        shape
            .chars()
            .map(|c| match c {
                '9' => self.digits(1),
                '8' => self.of("23456789", 1),
                'A' => self.letters(1),
                'x' => self.hex(1),
                other => other.to_string(),
            })
            .collect()
    }

    /// `ddmmyy`.
    pub fn day_month_year(&mut self) -> String {
        format!("{:02}{:02}{:02}", self.between(1, 28), self.between(1, 12), self.between(10, 99))
    }

    /// `yymmdd`.
    pub fn year_month_day(&mut self) -> String {
        format!("{:02}{:02}{:02}", self.between(10, 99), self.between(1, 12), self.between(1, 28))
    }
}

/// The digits of a text.
pub fn digits_of(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

pub fn weighted(text: &str, weights: &[u32]) -> u32 {
    digits_of(text).iter().zip(weights).map(|(d, w)| d * w).sum()
}

/// The digit that makes a number pass Luhn's formula.
pub fn luhn_digit(text: &str) -> u32 {
    let sum: u32 = digits_of(text)
        .iter()
        .rev()
        .enumerate()
        .map(|(place, d)| if place % 2 == 0 { (d * 2) / 10 + (d * 2) % 10 } else { *d })
        .sum();
    (10 - sum % 10) % 10
}

/// Groups the characters of a text.
pub fn grouped(text: &str, sizes: &[usize], separator: &str) -> String {
    let mut rest = text;
    let mut groups = Vec::new();
    for size in sizes {
        let (group, tail) = rest.split_at(*size);
        groups.push(group);
        rest = tail;
    }
    groups.join(separator) + rest
}
