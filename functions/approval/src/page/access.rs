//! Leave to read that is asked for: what a yes puts in force, until when, and what it does not.

use maud::{Markup, html};
use recording::AccessRecord;

use super::minute;
use super::seen::{self, Look};
use super::sql_text;

/// What is asked for.
pub fn card(wanted: &AccessRecord) -> Markup {
    let AccessRecord { to, until, why, policy } = wanted;
    html! {
        section.card {
            h2 { "What is asked for" }
            dl.under {
                div { dt { "to read" } dd { (seen::shown(to, Look::Name)) } }
                div { dt { "until" } dd { (minute(until)) } }
                div { dt { "why" } dd { (seen::shown(why, Look::Prose)) } }
            }
            p {
                "Nothing runs now. A yes lets this agent read that, for this person, without asking for each statement. What policy "
                "forbids stays forbidden, what it masks stays masked, and nothing else than reading comes with it."
            }
            p { "It ends by itself; whoever may decide here can end it before. What has been read by then cannot be unread." }
            details.view {
                summary { "The rule that a yes adds" }
                (sql_text::shown(policy))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_has_written_stays_text() {
        let wanted = AccessRecord {
            to: "DEMO.SALES.*".to_owned(),
            until: "2026-11-26T18:00:00.000000Z".to_owned(),
            why: "<script>alert(1)</script> \u{202e}now".to_owned(),
            policy: "permit (principal == Agent::\"</pre><img>\", action, resource);".to_owned(),
        };
        let page = card(&wanted).into_string();
        assert!(!page.contains("<script>") && !page.contains("<img") && !page.contains('\u{202e}'), "{page}");
        assert!(page.contains("DEMO.SALES.*") && page.contains("2026-11-26 18:00 UTC"), "{page}");
    }
}
