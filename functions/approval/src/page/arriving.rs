//! On the way to what waits. None of these pages tells anything of it.

use domain::ApprovalId;
use maud::{Markup, html};

use super::page;

/// The page behind every link, whether or not there is anything behind it.
pub fn shell(id: ApprovalId) -> Markup {
    let body = html! {
        section.card.plain {
            h1 { "An agent asks for your approval" }
            p { "You will see who asks, for whom, and exactly what would run. Then you decide. You may be asked to sign in first." }
            form #arrive method="post" action=(format!("/a/{id}")) hidden autocomplete="off" {
                input type="hidden" name="token" value="";
                button.primary type="submit" { "Continue" }
            }
            p #incomplete hidden { "The address of this page is incomplete: open the whole link in your mail once more." }
            noscript { p { "This page needs JavaScript: it brings the secret part of your link here, which mail scanners never see." } }
        }
    };
    page("Approval", &body)
}

/// On to the issuer.
pub fn to_issuer(url: &str) -> Markup {
    let body = html! {
        section.card.plain {
            h1 { "Sign in to go on" }
            p { "You are being taken to your organisation’s sign-in." }
            p { a.button.primary #onward href=(url) rel="noreferrer" { "Sign in" } }
        }
    };
    page("Sign in", &body)
}

/// On to what waits, with the mark that the script keeps for it.
// SECURITY: the mark is told here, once, and to nobody who brings the cookie alone: cookies know no ports, so that on this machine
// any other server gets them. What a script keeps belongs to one origin, its port included.
pub fn onward(id: ApprovalId, mark: &str) -> Markup {
    let body = html! {
        section.card.plain {
            h1 { "You are signed in" }
            p { a.button.primary #onward data-mark=(mark) href=(format!("/a/{id}/review")) { "Read what waits" } }
        }
    };
    page("Signed in", &body)
}

/// The page in the place of what waits: its script brings the mark that it keeps. It is the same for every approval and for none.
pub fn before(id: ApprovalId) -> Markup {
    let body = html! {
        section.card.plain {
            h1 { "What waits for you" }
            form #look method="post" action=(format!("/a/{id}/review")) autocomplete="off" {
                input type="hidden" name="mark" value="";
                noscript { p { "This page needs JavaScript." } }
            }
            p #closed hidden { "Nobody has signed in here. Open the link in your mail: it opens this page in the tab that you use then." }
        }
    };
    page("Approval", &body)
}
