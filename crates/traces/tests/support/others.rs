//! Spans of one test where others run beside it.

use std::sync::OnceLock;

/// Where one subscriber alone is there, whichever thread comes to a line first decides for all whether anybody wants it, and most have
/// none (`tracing-core`, `callsite`). So there are always others.
pub fn keep_others() {
    static OTHERS: OnceLock<[tracing::Dispatch; 2]> = OnceLock::new();
    OTHERS.get_or_init(|| std::array::from_fn(|_| tracing::Dispatch::new(tracing_subscriber::registry())));
}
