//! Names of objects as people write them in SQL, and as Snowflake stores them.

use crate::reading::rejected::Rejected;

/// The parts of a dotted name as stored: an unquoted part in upper case, a quoted one as it stands.
///
/// # Errors
/// None when it is no name of one to `most` parts.
pub(super) fn parts(text: &str, most: usize) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = part(rest)?;
        parts.push(part);
        match after.strip_prefix('.') {
            Some(after) => rest = after,
            None if after.is_empty() => break,
            None => return None,
        }
    }
    (parts.len() <= most).then_some(parts)
}

/// One part, and what follows it.
fn part(text: &str) -> Option<(String, &str)> {
    if let Some(mut rest) = text.strip_prefix('"') {
        let mut name = String::new();
        loop {
            let (before, after) = rest.split_once('"')?;
            name.push_str(before);
            match after.strip_prefix('"') {
                Some(after) => {
                    name.push('"');
                    rest = after;
                }
                None => return fits(&name).then_some((name, after)),
            }
        }
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
    let length = text.bytes().take_while(|byte| is_plain(*byte)).count();
    let (name, after) = text.split_at_checked(length)?;
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    (starts && fits(name)).then(|| (name.to_ascii_uppercase(), after))
}

fn fits(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= 255 && !name.chars().any(char::is_control)
}

/// The rejection of what is no name.
pub(super) fn rejected(name: &'static str) -> Rejected {
    Rejected::Member {
        within: "",
        name: crate::reading::rejected::Name::new(name),
        problem: "must be a name as SQL writes it, like CUSTOMERS or \"odd name\"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&[&str]>) {
        let found = parts(text, 3);
        assert_eq!(found, expected.map(|parts| parts.iter().map(|part| (*part).to_owned()).collect()));
    }

    #[test]
    fn names_are_folded_as_snowflake_folds_them() {
        check("customers", Some(&["CUSTOMERS"]));
        check("demo.public.customers", Some(&["DEMO", "PUBLIC", "CUSTOMERS"]));
        check("\"odd \"\"name\".T$1", Some(&["odd \"name", "T$1"]));
    }

    #[test]
    fn what_is_no_name_is_none() {
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a b",
            "a, b",
            "a.b.c.d",
            "\"a",
            "\"\"",
            "1a",
            "a;b",
            "a\"b\"",
            "(select 1)",
        ] {
            check(text, None);
        }
    }
}
