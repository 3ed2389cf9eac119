//! The issuers that are trusted, and the order in which a token is looked at.

use std::fmt;

use domain::{Credential, Identity, Timestamp};

use crate::claims;
use crate::fetch::Source;
use crate::keyring::Keyring;
use crate::token::Token;
use crate::{IssuerSettings, Rejected, SettingsError};

/// The issuers that are trusted, with their keys.
pub struct Issuers(Vec<Issuer>);

/// One issuer with its keys.
pub(crate) struct Issuer {
    settings: IssuerSettings,
    keyring: Keyring,
}

impl Issuers {
    /// Checks the settings; asks nobody yet.
    pub fn new(settings: Vec<IssuerSettings>) -> Result<Self, SettingsError> {
        if settings.is_empty() {
            return Err(SettingsError::NoIssuer);
        }
        let mut issuers: Vec<Issuer> = Vec::with_capacity(settings.len());
        for settings in settings {
            settings.check()?;
            if issuers.iter().any(|other| other.settings.issuer == settings.issuer) {
                return Err(SettingsError::Twice(settings.issuer));
            }
            issuers.push(Issuer::new(settings)?);
        }
        Ok(Self(issuers))
    }

    /// Verifies a token and says whose it is.
    ///
    /// Asks the token's issuer for keys only when the ones at hand are missing, old, or lack the one that the token
    /// names; never more often than its settings allow, and for no longer than they say.
    // SECURITY: from the cheapest check to the dearest. Nothing is fetched before `iss` is a configured one, and no
    // claim but `iss` is looked at before the signature is known to be good.
    pub async fn verify(&self, credential: &Credential, now: Timestamp) -> Result<Identity, Rejected> {
        let token = Token::read(credential.reveal())?;
        let issuer =
            self.0.iter().find(|issuer| issuer.settings.issuer == token.issuer).ok_or(Rejected::Issuer)?;
        issuer.verify(&token, now).await
    }

    /// The scopes that the settings of this token's issuer ask for.
    pub(crate) fn required_scopes(&self, credential: &Credential) -> Vec<String> {
        let Ok(token) = Token::read(credential.reveal()) else { return Vec::new() };
        let issuer = self.0.iter().find(|issuer| issuer.settings.issuer == token.issuer);
        issuer.map(|issuer| issuer.settings.required_scopes.clone()).unwrap_or_default()
    }
}

impl Issuer {
    pub(crate) fn new(settings: IssuerSettings) -> Result<Self, SettingsError> {
        settings.check()?;
        let keyring = Keyring::new(&settings, Source::new(&settings)?);
        Ok(Self { settings, keyring })
    }

    pub(crate) fn settings(&self) -> &IssuerSettings {
        &self.settings
    }

    async fn verify(&self, token: &Token<'_>, now: Timestamp) -> Result<Identity, Rejected> {
        self.check(token, now).await?;
        claims::identity(&token.payload, &self.settings, now)
    }

    /// Whether the issuer has signed it, as its settings want it. What the token claims is not looked at.
    pub(crate) async fn check(&self, token: &Token<'_>, now: Timestamp) -> Result<(), Rejected> {
        if !self.settings.algorithms.contains(&token.algorithm) {
            return Err(Rejected::Algorithm);
        }
        let kind = token.kind.as_deref().unwrap_or_default();
        if !self.settings.types.iter().any(|accepted| accepted.eq_ignore_ascii_case(kind)) {
            return Err(Rejected::Type);
        }
        let key_id = token.key_id.as_deref();
        let keys = self.keyring.keys(key_id, now).await?;
        if !keys.candidates(key_id, token.algorithm)?.any(|key| token.is_signed_by(key)) {
            return Err(Rejected::Signature);
        }
        Ok(())
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|issuer| &issuer.settings.issuer)).finish()
    }
}
