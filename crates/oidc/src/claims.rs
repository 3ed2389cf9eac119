//! What a token says, once its signature is known to be good.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{Agent, Identity, Person, Timestamp};
use gateway::ports::ProvenReviewer;

use crate::json::Json;
use crate::name;
use crate::{Bearers, IssuerSettings, Rejected};

type Claims = BTreeMap<String, Json>;

/// What the claims of a signed ID token say of whoever has signed in, to the client that asked for them just now (OpenID
/// Connect Core 1.0 section 3.1.3.7).
pub(crate) fn signed_in(
    payload: &[u8],
    expected: &ExpectedIdToken<'_>,
    now: Timestamp,
) -> Result<ProvenReviewer, Rejected> {
    let Ok(Json::Object(claims)) = serde_json::from_slice(payload) else { return Err(Rejected::Malformed) };
    let ExpectedIdToken { settings, client_id, nonce, max_age, acr_values } = expected;
    if required(&claims, "iss")? != settings.issuer {
        return Err(Rejected::Issuer);
    }
    let audience = claims.get("aud").ok_or(Rejected::Audience)?.texts().ok_or(Rejected::Claim)?;
    let party = optional(&claims, "azp")?;
    // SECURITY: a token for several may be meant for another of them; the authorized party tells.
    let is_ours = audience.contains(client_id)
        && party.is_none_or(|party| party == *client_id)
        && (audience.len() == 1 || party.is_some());
    if !is_ours {
        return Err(Rejected::Audience);
    }
    // SECURITY: without the nonce of this very sign-in the token is somebody else's.
    if required(&claims, "nonce")? != *nonce {
        return Err(Rejected::Nonce);
    }
    moment(&claims, "iat")?.ok_or(Rejected::Claim)?;
    times(&claims, settings, now)?;
    let signed_in = moment(&claims, "auth_time")?.ok_or(Rejected::Claim)?;
    if signed_in > now.after(settings.leeway) {
        return Err(Rejected::NotYetValid);
    }
    // SECURITY: `max_age` only asks the issuer; whether it did as asked is seen here.
    if now.since(signed_in) > max_age.saturating_add(settings.leeway) {
        return Err(Rejected::Stale);
    }
    if !acr_values.is_empty() {
        let acr = required(&claims, "acr")?;
        if !acr_values.iter().any(|accepted| accepted == acr) {
            return Err(Rejected::Weak);
        }
    }
    let is_verified = matches!(claims.get("email_verified"), Some(Json::Bool(true)));
    let email = optional(&claims, "email")?.filter(|_| is_verified);
    let agent = match claims.get("act") {
        Some(act) => Some(actor(act, settings)?),
        None => None,
    };
    // SECURITY: names that nobody has verified give no right, but whoever is called as who asked may not decide.
    let aliases = ["email", "preferred_username", "upn", "unique_name", "oid"].into_iter();
    let aliases = aliases.filter_map(|claim| name::checked(claims.get(claim)?.text()?).ok());
    // The claim by which agents' tokens call people must be there: without it nobody knows whose asks are theirs.
    let shared = settings.person_claim.as_ref().map(|claim| name::checked(required(&claims, claim)?));
    let aliases = aliases.chain(shared.transpose()?);
    Ok(ProvenReviewer {
        aliases: aliases.map(str::to_owned).collect(),
        subject: name::checked(required(&claims, "sub")?)?.to_owned(),
        email: email.map(name::checked).transpose()?.map(str::to_owned),
        groups: names(&claims, &settings.groups_claim)?,
        agent,
        signed_in,
    })
}

/// What an ID token must say.
pub(crate) struct ExpectedIdToken<'a> {
    pub settings: &'a IssuerSettings,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub max_age: Duration,
    pub acr_values: &'a [String],
}

/// The identity that the claims of a signed token prove to somebody who expects them of this issuer, now.
pub(crate) fn identity(
    payload: &[u8],
    settings: &IssuerSettings,
    now: Timestamp,
) -> Result<Identity, Rejected> {
    let Ok(Json::Object(claims)) = serde_json::from_slice(payload) else { return Err(Rejected::Malformed) };
    if required(&claims, "iss")? != settings.issuer {
        return Err(Rejected::Issuer);
    }
    access_only(&claims)?;
    if claims.contains_key("cnf") {
        return Err(Rejected::Bound);
    }
    audience(&claims, settings)?;
    let expires_at = times(&claims, settings, now)?;
    let scopes = scopes(&claims)?;
    if !settings.required_scopes.iter().all(|needed| scopes.contains(needed)) {
        return Err(Rejected::Scope);
    }
    let subject = name::checked(required(&claims, "sub")?)?;
    let (agent, person) = parties(&claims, subject, settings)?;
    // SECURITY: an agent that acts for a person is no person, whatever scopes it was given.
    let is_a_persons = person.is_some() && !claims.contains_key("act") && is_proven(&claims, settings);
    let groups = names(&claims, &settings.groups_claim)?;
    let is_of_a_client =
        settings.clients.is_empty() || settings.clients.iter().any(|client| client == agent.as_str());
    let is_of_a_group = settings.required_groups.is_empty()
        || settings.required_groups.iter().any(|group| groups.contains(group));
    if settings.bearers == Bearers::People && !(is_a_persons && is_of_a_client && is_of_a_group) {
        return Err(Rejected::Bearer);
    }
    Ok(Identity {
        issuer: settings.issuer.clone(),
        subject: subject.to_owned(),
        agent,
        person,
        groups,
        scopes,
        token_id: optional(&claims, "jti")?.map(name::checked).transpose()?.map(str::to_owned),
        expires_at,
    })
}

/// Refuses what an issuer signs with the same keys for other ends.
// SECURITY: an ID token shows who signed in somewhere, and every site that the person signs in at holds one. Where
// `typ` does not tell (`JWT`), these claims do (OpenID Connect Core 1.0 sections 2 and 3.1.3.6; Cognito's `token_use`).
fn access_only(claims: &Claims) -> Result<(), Rejected> {
    let is_id_token = ["nonce", "at_hash", "c_hash"].iter().any(|claim| claims.contains_key(*claim));
    let is_other = claims.get("token_use").is_some_and(|token_use| token_use.text() != Some("access"));
    // OpenID Connect Back-Channel Logout 1.0 section 2.4, RFC 8417: not about access at all.
    let is_event = claims.contains_key("events");
    if is_id_token || is_other || is_event { Err(Rejected::Type) } else { Ok(()) }
}

/// `aud` names us (RFC 7519 section 4.1.3); where there is none at all, the claim that stands for it with this issuer.
fn audience(claims: &Claims, settings: &IssuerSettings) -> Result<(), Rejected> {
    let instead = || required(claims, settings.audience_claim.as_ref()?).ok();
    let named = match claims.get("aud") {
        Some(audience) => audience.texts().ok_or(Rejected::Claim)?,
        // SECURITY: one client, as one text: a list would name others, too.
        None => vec![instead().ok_or(Rejected::Audience)?],
    };
    let is_one_of =
        |known: &[String]| named.iter().any(|audience| known.iter().any(|known| known == audience));
    if !is_one_of(&settings.audience) {
        return Err(Rejected::Audience);
    }
    // SECURITY: a token that opens two doors makes whoever has taken it from one the other's guest.
    if is_one_of(&settings.other_audiences) { Err(Rejected::TwoDoors) } else { Ok(()) }
}

/// Now lies within the token's time, and the token's time is not too long. Gives its end.
fn times(claims: &Claims, settings: &IssuerSettings, now: Timestamp) -> Result<Timestamp, Rejected> {
    let end = moment(claims, "exp")?.ok_or(Rejected::Claim)?;
    let issued = moment(claims, "iat")?;
    let soon = now.after(settings.leeway);
    if [issued, moment(claims, "nbf")?].into_iter().flatten().any(|start| start > soon) {
        return Err(Rejected::NotYetValid);
    }
    if end.after(settings.leeway) <= now {
        return Err(Rejected::Expired);
    }
    if end.since(issued.unwrap_or(soon)) > settings.max_lifetime {
        return Err(Rejected::Lifetime);
    }
    Ok(end)
}

/// A NumericDate (RFC 7519 section 2): seconds since 1970, possibly with a fraction; until the year 9999.
fn moment(claims: &Claims, claim: &str) -> Result<Option<Timestamp>, Rejected> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let seconds = value.number().ok_or(Rejected::Claim)?;
    if !(0.0..=253_402_300_799.0).contains(&seconds) {
        return Err(Rejected::Claim);
    }
    // Within the range checked above the product fits; the fraction below a microsecond is dropped.
    Ok(Some(Timestamp::from_micros((seconds * 1e6) as i64)))
}

/// `scope` (RFC 8693 section 4.2), else `scp`, in which some issuers write it: a text with spaces, or an array.
fn scopes(claims: &Claims) -> Result<BTreeSet<String>, Rejected> {
    let claim = if claims.contains_key("scope") { "scope" } else { "scp" };
    match claims.get(claim).map(Json::text) {
        None => Ok(BTreeSet::new()),
        Some(Some(text)) => text.split(' ').filter(|scope| !scope.is_empty()).map(owned).collect(),
        Some(None) => names(claims, claim),
    }
}

/// The names in a claim that is an array of strings, or one string; none where the claim is absent.
fn names(claims: &Claims, claim: &str) -> Result<BTreeSet<String>, Rejected> {
    let Some(value) = claims.get(claim) else { return Ok(BTreeSet::new()) };
    value.texts().ok_or(Rejected::Claim)?.into_iter().map(owned).collect()
}

/// Who asks, and for whom.
fn parties(
    claims: &Claims,
    subject: &str,
    settings: &IssuerSettings,
) -> Result<(Agent, Option<Person>), Rejected> {
    let agent = if let Some(act) = claims.get("act") {
        actor(act, settings)?
    } else if let Some(claim) = &settings.agent_claim {
        plain(required(claims, claim)?)?
    } else {
        // An agent that acts for itself: the client (RFC 8693 section 4.3, OpenID Connect Core 1.0 section 2).
        let client = match optional(claims, "client_id")? {
            Some(client) => Some(client),
            None => optional(claims, "azp")?,
        };
        return Ok((plain(client.unwrap_or(subject))?, None));
    };
    // Whoever acts for itself acts for nobody, however its issuer writes it.
    let is_itself = agent.as_str() == subject
        || is_a_programs(claims, subject)
        || settings.person_proof.as_ref().is_some_and(|claim| !says(claims, claim));
    let person = if is_itself { None } else { Some(person(claims, subject, settings)?) };
    Ok((agent, person))
}

/// Whether the token is marked as a program's own, by client credentials (RFC 6749 section 4.4). RFC 9068 has no mark of its own for
/// these, so issuers write what they like.
fn is_a_programs(claims: &Claims, subject: &str) -> bool {
    let text = |claim: &str| claims.get(claim).and_then(Json::text);
    // Okta writes the client as `cid`, Microsoft Entra as `appid`.
    let is_its_client = ["client_id", "azp", "cid", "appid"].iter().any(|claim| text(claim) == Some(subject));
    // Auth0: `sub` is `CLIENT@clients`, and `gty` says how it was granted.
    let is_granted_so = text("gty").is_some_and(|grant| grant.replace('_', "-") == "client-credentials");
    // Microsoft Entra's optional claim, and the user that Keycloak makes of a client.
    let is_app = text("idtyp") == Some("app");
    let is_service = text("preferred_username").is_some_and(|name| name.starts_with("service-account-"));
    is_its_client || subject.ends_with("@clients") || is_granted_so || is_app || is_service
}

/// Whether the token says something that only a person's does.
// SECURITY: that `sub` is another than the client proves nobody: many issuers give programs a subject of their own.
fn is_proven(claims: &Claims, settings: &IssuerSettings) -> bool {
    if let Some(claim) = &settings.person_proof {
        return says(claims, claim);
    }
    let is_verified = matches!(claims.get("email_verified"), Some(Json::Bool(true)));
    // Every subject has these, whether person or program.
    let names_people = |claim: &String| !["sub", "oid"].contains(&claim.as_str()) && says(claims, claim);
    // When and how somebody signed in (RFC 9068 section 2.2.1).
    let is_signed_in = says(claims, "auth_time") || says(claims, "amr");
    settings.person_claim.as_ref().is_some_and(names_people)
        || (is_verified && says(claims, "email"))
        || is_signed_in
}

/// Whether a claim says anything.
fn says(claims: &Claims, claim: &str) -> bool {
    let Some(value) = claims.get(claim) else { return false };
    let texts = || value.texts().is_some_and(|texts| texts.iter().any(|text| !text.is_empty()));
    value.number().is_some() || texts() || matches!(value, Json::Bool(true))
}

/// The current actor (RFC 8693 section 4.1): the outermost `act`. Those within it acted before; they are there to
/// be read, not to decide by, and only their shape is checked.
fn actor(act: &Json, settings: &IssuerSettings) -> Result<Agent, Rejected> {
    let current = act.object().ok_or(Rejected::Claim)?;
    let mut earlier = current;
    while let Some(inner) = earlier.get("act") {
        earlier = inner.object().ok_or(Rejected::Claim)?;
    }
    let name = required(current, "sub")?;
    match optional(current, "iss")? {
        None => plain(name),
        Some(issuer) if issuer == settings.issuer => plain(name),
        Some(issuer) => foreign(issuer, name),
    }
}

/// An agent with a name that its token's issuer gave it.
fn plain(name: &str) -> Result<Agent, Rejected> {
    // INVARIANT: no plain name looks like a foreign one.
    if name.contains("://") && name.contains('#') {
        return Err(Rejected::Name);
    }
    Ok(Agent::new(name::checked(name)?))
}

/// An agent with a name that another issuer gave it: `issuer#name`, so that policies cannot mistake one for the other.
// INVARIANT: an issuer holds no `#` (OpenID Connect Discovery 1.0 section 3), so the first one parts the two.
fn foreign(issuer: &str, name: &str) -> Result<Agent, Rejected> {
    if !issuer.contains("://") || issuer.contains('#') || name.is_empty() {
        return Err(Rejected::Name);
    }
    Ok(Agent::new(name::checked(&format!("{issuer}#{name}"))?))
}

/// The person that a token with an agent in it is for.
fn person(claims: &Claims, subject: &str, settings: &IssuerSettings) -> Result<Person, Rejected> {
    let is_verified = matches!(claims.get("email_verified"), Some(Json::Bool(true)));
    let name = match &settings.person_claim {
        Some(claim) => required(claims, claim)?,
        // SECURITY: an address that nobody verified is what its owner typed.
        None if is_verified => optional(claims, "email")?.unwrap_or(subject),
        None => subject,
    };
    Ok(Person::new(name::checked(name)?))
}

/// A claim that must be there as a string.
fn required<'a>(claims: &'a Claims, claim: &str) -> Result<&'a str, Rejected> {
    optional(claims, claim)?.ok_or(Rejected::Claim)
}

/// A claim that is a string where it is there at all; `null` is there.
fn optional<'a>(claims: &'a Claims, claim: &str) -> Result<Option<&'a str>, Rejected> {
    claims.get(claim).map(|value| value.text().ok_or(Rejected::Claim)).transpose()
}

fn owned(name: &str) -> Result<String, Rejected> {
    name::checked(name).map(str::to_owned)
}

#[cfg(test)]
mod tests;
