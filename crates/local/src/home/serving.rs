//! How reviewers of the gateway that serves a home prove themselves.

use gateway::SignIn;
use rusqlite::{OptionalExtension, params};

use super::Home;
use crate::error::HomeError;

/// In `meta`: the word of how they do.
const SIGN_IN: &str = "sign_in";

impl Home {
    /// Notes it for the commands beside the gateway, which know no other configuration. Blocks.
    ///
    /// # Errors
    /// [`HomeError::State`] when it cannot be written.
    pub fn note_sign_in(&self, sign_in: SignIn) -> Result<(), HomeError> {
        let note = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2";
        let write = self.inner.state.write_synced(|tx| tx.execute(note, params![SIGN_IN, sign_in.as_str()]));
        write.map(|_| ()).map_err(HomeError::State)
    }

    /// As the gateway that has served it last has noted it. Blocks.
    // SECURITY: where nobody has noted anything that can be read, they sign in: whoever holds the home decides nothing.
    ///
    /// # Errors
    /// [`HomeError::State`] when it cannot be read.
    pub fn sign_in(&self) -> Result<SignIn, HomeError> {
        let select = "SELECT value FROM meta WHERE key = ?1";
        let noted: Option<String> = self
            .inner
            .state
            .read_now(|connection| connection.query_row(select, [SIGN_IN], |row| row.get(0)).optional())
            .map_err(HomeError::State)?;
        Ok(noted.and_then(|word| SignIn::from_word(&word)).unwrap_or(SignIn::Oidc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_remembers_how_reviewers_of_its_gateway_sign_in_and_nothing_is_taken_for_granted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home");
        let home = Home::open(&path).unwrap();
        assert_eq!(home.sign_in().unwrap(), SignIn::Oidc);
        for sign_in in [SignIn::Development, SignIn::Oidc, SignIn::Development] {
            home.note_sign_in(sign_in).unwrap();
            assert_eq!(Home::open(&path).unwrap().sign_in().unwrap(), sign_in);
        }
    }
}
