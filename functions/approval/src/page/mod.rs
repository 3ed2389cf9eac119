//! The pages. Everything in them is text that `maud` escapes; nothing is ever put together from strings.

mod access;
pub mod arriving;
pub mod over;
pub mod problem;
mod result;
mod seen;
mod sql_text;
pub mod standing;
mod undo;
pub mod waits;

use maud::{DOCTYPE, Markup, html};

/// One page.
fn page(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex, nofollow";
                title { (title) " · Snowgate" }
                link rel="icon" href="/a/static/sign.svg" type="image/svg+xml";
                link rel="stylesheet" href="/a/static/page.css";
                script src="/a/static/page.js" defer {}
            }
            body {
                header.top {
                    img src="/a/static/sign.svg" alt="" width="28" height="28";
                    span.name { "Snowgate" }
                    span.what { "Approvals" }
                }
                main { (body) }
                footer { "Opening this page decides nothing. Only the buttons of somebody who has signed in do." }
            }
        }
    }
}

/// A moment to the minute, as people read it.
fn minute(moment: &str) -> String {
    let minute = moment.get(..16).unwrap_or(moment).replace('T', " ");
    format!("{minute} UTC")
}

/// A word of ours as people write it: `create_table` is `create table`.
fn words(word: &str) -> String {
    word.replace('_', " ")
}
