//! Names that an issuer gives: compared in policies, kept in recordings, shown to reviewers.

use crate::Rejected;

/// A name in bytes, at most.
pub(crate) const LONGEST: usize = 256;

/// The name, if it can be kept and shown for what it is.
pub(crate) fn checked(name: &str) -> Result<&str, Rejected> {
    if name.is_empty() || name.len() > LONGEST || name.chars().any(is_deceptive) {
        return Err(Rejected::Name);
    }
    Ok(name)
}

/// Whether a character moves, hides or breaks what stands around it when a name is shown.
// SECURITY: a reviewer decides by the names on the page; `ana` and an invisible mark must not look like `ana`.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{00AD}'
                | '\u{061C}'
                | '\u{180E}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_shown_for_what_it_is() {
        for good in ["ana@example.com", "claude finance", "группа", "a|b", &"x".repeat(256)] {
            assert_eq!(checked(good), Ok(good));
        }
        for bad in ["", "a\nb", "a\0", "a\u{202E}b", "ana\u{200B}", "\u{85}", &"x".repeat(257)] {
            assert_eq!(checked(bad), Err(Rejected::Name));
        }
    }
}
