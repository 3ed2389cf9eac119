//! Wiring search and replay for auditors.

use std::sync::Arc;

use axum::Router;
use gateway::{Audit, AuditPorts, Ports};
use local::Home;
use settings::wiring;

use crate::commands::Broken;
use crate::config::Config;

/// The routes of auditors, where there are any. Their tokens are verified by settings of their own.
pub fn routes(config: &Config, home: &Home, ports: &Ports) -> Result<Option<Router>, Broken> {
    if config.shared.auditors.is_empty() {
        return Ok(None);
    }
    let Ports { exchanges, recordings, policies, clock, ids, .. } = ports.clone();
    let audit = Audit::new(AuditPorts {
        identities: Arc::new(wiring::auditors(
            &config.shared.auditors,
            &config.shared.issuers,
            &config.places,
        )?),
        exchanges,
        index: Arc::new(home.clone()),
        recordings,
        looks: Arc::new(home.clone()),
        policies,
        clock,
        ids,
    });
    Ok(Some(sessions::routes(Arc::new(audit))))
}
