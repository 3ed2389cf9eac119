//! HTTP to one host, with patience and without trust.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::Tier;
use gateway::Fault;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, Url};
use tokio::time::{Instant, sleep, timeout_at};

use crate::auth::Credentials;
use crate::error::Error;
use crate::settings::{Bounds, Settings, Timeouts, origin_of};

/// How this program names itself; the SQL API answers 400 without it.
const USER_AGENT: &str = concat!("Snowgate/", env!("CARGO_PKG_VERSION"));
/// The first pause between two tries, and the longest.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A client for that host.
///
/// SECURITY: no redirect is followed, no proxy of the environment is used and nothing is repeated by the library:
/// a bearer goes to the host that the settings name, as often as [`Transport::send`] says.
pub(crate) fn http(host: &Url, timeouts: &Timeouts) -> Result<reqwest::Client, Error> {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .retry(reqwest::retry::never())
        .referer(false)
        .https_only(host.scheme() == "https")
        .connect_timeout(timeouts.connect())
        .pool_idle_timeout(Duration::from_secs(60))
        .build()
        .map_err(|_| Error::setting("url", "cannot be connected to: no usable TLS"))
}

/// One request, which may be sent more than once.
pub(crate) struct Call {
    pub(crate) tier: Tier,
    pub(crate) method: Method,
    /// The path, made by us of checked parts.
    pub(crate) path: String,
    /// The query without `retry=true`.
    pub(crate) query: String,
    /// Whether a further try says `retry=true`, which makes Snowflake find the first instead of running it again
    /// (Snowflake SQL API, "Resubmitting a request").
    pub(crate) is_submission: bool,
    pub(crate) body: Option<Bytes>,
    /// Varies the pauses.
    pub(crate) salt: u128,
}

/// The way to the account.
pub(crate) struct Transport {
    base: Url,
    account: HeaderValue,
    http: reqwest::Client,
    credentials: Arc<dyn Credentials>,
    pub(crate) timeouts: Timeouts,
    pub(crate) bounds: Bounds,
}

impl Transport {
    pub(crate) fn new(settings: &Settings, credentials: Arc<dyn Credentials>) -> Result<Self, Error> {
        let base = origin_of("url", &settings.url)?;
        Ok(Self {
            account: HeaderValue::try_from(&settings.account)
                .map_err(|_| Error::setting("account", "cannot be sent"))?,
            http: http(&base, &settings.timeouts)?,
            base,
            credentials,
            timeouts: settings.timeouts,
            bounds: settings.bounds,
        })
    }

    /// Sends until an answer comes that means something, at most until then: a lost connection, 429 and 5xx are tried
    /// again, a refused bearer once with a fresh one.
    ///
    /// Answers with the status 200, 202, 400, 404, 405, 408, 415 or 422.
    pub(crate) async fn send(&self, call: &Call, until: Instant) -> Result<Response, Failed> {
        let mut has_fresh_bearer = false;
        let mut tries = 0;
        loop {
            let bearer = self.credentials.bearer(call.tier).await.map_err(Failed::Credentials)?;
            let mut authorization = HeaderValue::try_from(format!("Bearer {}", bearer.token.reveal()))
                .map_err(|_| Error::Credential("the bearer cannot be sent"))?;
            authorization.set_sensitive(true);
            let mut request = self
                .http
                .request(call.method.clone(), self.url(call, tries > 0))
                .header(AUTHORIZATION, authorization)
                .header("X-Snowflake-Authorization-Token-Type", bearer.kind.as_str())
                .header("Snowflake-Account", self.account.clone())
                .header(ACCEPT, "application/json")
                .header(ACCEPT_ENCODING, "gzip");
            if let Some(body) = &call.body {
                request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
            }
            tries += 1;

            let answer = match timeout_at(until, request.send()).await {
                Err(_) => return Err(Error::Slow.into()),
                Ok(answer) => answer,
            };
            let (error, asked_pause) = match answer {
                Err(error) if error.is_builder() => return Err(Error::unreachable(error).into()),
                Err(error) => (Error::unreachable(error), None),
                Ok(response) => {
                    let status = response.status().as_u16();
                    match status {
                        200 | 202 | 400 | 404 | 405 | 408 | 415 | 422 => return Ok(response),
                        401 if !has_fresh_bearer => {
                            has_fresh_bearer = true;
                            self.credentials.refused(call.tier).await;
                            continue;
                        }
                        401 | 403 => return Err(Error::Rejected { tier: call.tier, status }.into()),
                        429 | 500..=599 => (Error::Busy { status }, retry_after(&response)),
                        300..=399 => return Err(Error::Nonsense("it points elsewhere").into()),
                        400..=499 => return Err(Error::Refused { status }.into()),
                        _ => return Err(Error::Nonsense("its status means nothing here").into()),
                    }
                }
            };
            if tries >= self.bounds.tries {
                return Err(error.into());
            }
            let pause = pause(tries, call.salt).max(asked_pause.unwrap_or_default());
            let Some(resume) = Instant::now().checked_add(pause).filter(|at| *at < until) else {
                return Err(error.into());
            };
            tokio::time::sleep_until(resume).await;
        }
    }

    /// When an answer that does not depend on a statement's end must be there.
    pub(crate) fn soon(&self) -> Instant {
        Instant::now() + self.timeouts.answer()
    }

    fn url(&self, call: &Call, is_again: bool) -> Url {
        let mut url = self.base.clone();
        url.set_path(&call.path);
        let retry = if is_again && call.is_submission { "&retry=true" } else { "" };
        let query = format!("{}{retry}", call.query);
        url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
        url
    }
}

/// Why a request has no answer: upstream's doing, or that of whoever keeps our credentials.
pub(crate) enum Failed {
    Upstream(Error),
    Credentials(Fault),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Upstream(error)
    }
}

/// Sleeps between two looks at a running statement.
pub(crate) async fn pause_between_polls(looks: u32, salt: u128) {
    sleep(pause(looks, salt)).await;
}

/// Doubles from 200 ms to 5 s, of which at least half is kept and the rest is left to chance, so that what broke
/// together does not come back together.
fn pause(tries: u32, salt: u128) -> Duration {
    let whole = PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(5)).min(LONGEST_PAUSE);
    let chance = (salt.rotate_right(tries.saturating_mul(8)) & 0xff) as u32;
    whole / 2 + whole / 2 * chance / 256
}

/// `Retry-After` in seconds (RFC 9110, 10.2.3); a date is not used by Snowflake, and ignored.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_vary_and_stay_bounded() {
        for salt in [0, u128::MAX, 0x0123_4567_89ab_cdef] {
            assert!((100..=200).contains(&pause(1, salt).as_millis()));
            assert!((200..=400).contains(&pause(2, salt).as_millis()));
            assert!((2_500..=5_000).contains(&pause(1_000, salt).as_millis()));
        }
        assert_ne!(pause(1, 0), pause(1, 0xff00));
    }
}
