//! A result that has outgrown its limit: what there is of it, in counts alone. No row of it is shown here.

use maud::{Markup, html};
use recording::ResultRecord;

/// What is kept, and what a yes does.
pub fn card(result: &ResultRecord) -> Markup {
    let ResultRecord { rows, kept_rows, kept_bytes, row_limit, byte_limit, digest: _ } = result;
    html! {
        section.card {
            h2 { "What waits is its result" }
            p { "The statement below has run. Its result is larger than may leave without a person, so it is kept, masked as policy says." }
            dl.under {
                div { dt { "rows" } dd { (grouped(*rows)) " by the warehouse’s own count" } }
                div { dt { "kept" } dd {
                    @if kept_rows < rows { "only the first " (grouped(*kept_rows)) " rows" } @else { "all of them" }
                    ", " (grouped(*kept_bytes)) " bytes"
                } }
                div { dt { "limit" } dd { (grouped(*row_limit)) " rows, " (grouped(*byte_limit)) " bytes" } }
            }
            @if kept_rows < rows {
                p.notice {
                    "There are more than may be kept, so the statement was stopped. A yes releases the rows that are kept, and says so."
                }
            }
            p { "A yes gives its agent exactly what is kept; nothing runs again. A no gives it none." }
        }
    }
}

/// Digits in threes, as people read a count.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_in_threes() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(count), text);
        }
    }
}
