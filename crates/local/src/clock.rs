//! This machine's time and randomness.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use domain::Timestamp;
use gateway::ports::{Clock, Ids};
use gateway::{Fault, Origin};

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the Clock port")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// Randomness from the operating system, through the one crypto provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn random(&self) -> Result<u128, Fault> {
        let mut bytes = [0; 16];
        rand::fill(&mut bytes).map_err(|_| Fault::passing(Origin::Gateway, "no randomness is available"))?;
        Ok(u128::from_be_bytes(bytes))
    }
}
