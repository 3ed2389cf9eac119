//! URLs of a statement: relative, as Snowflake's are, so that they hold behind any host name (section 1.4).

use domain::{Handle, RequestId};

use super::STATEMENTS;
use crate::reading::percent;

/// `statementStatusUrl`.
pub(crate) fn status_url(handle: Handle, request: Option<&RequestId>) -> String {
    match request {
        None => format!("{STATEMENTS}/{handle}"),
        Some(request) => format!("{STATEMENTS}/{handle}?requestId={}", percent::encode(request.as_str())),
    }
}

/// The `Link` header of one partition of `pages`: `first`, `prev`, `next` and `last`, where there are such.
pub(crate) fn link(handle: Handle, request: Option<&RequestId>, page: u32, pages: u32) -> String {
    let base = match request {
        None => format!("{STATEMENTS}/{handle}?"),
        Some(request) => format!("{STATEMENTS}/{handle}?requestId={}&", percent::encode(request.as_str())),
    };
    let last = pages.saturating_sub(1);
    let next = page.checked_add(1).filter(|next| *next <= last);
    let targets = [("first", Some(0)), ("prev", page.checked_sub(1)), ("next", next), ("last", Some(last))];
    let entries = targets
        .into_iter()
        .filter_map(|(relation, target)| Some(format!("<{base}partition={}>; rel=\"{relation}\"", target?)));
    entries.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDLE: Handle = Handle::from_u128(0x01b2c3d4_0000_0000_0000_000000000001);

    #[track_caller]
    fn check(page: u32, pages: u32, expected: &[(&str, u32)]) {
        let entries: Vec<String> = expected
            .iter()
            .map(|(relation, partition)| {
                format!(
                    "</api/v2/statements/01b2c3d4-0000-0000-0000-000000000001?requestId=r-1&partition={partition}>; rel=\"{relation}\""
                )
            })
            .collect();
        assert_eq!(link(HANDLE, "r-1".parse().ok().as_ref(), page, pages), entries.join(","));
    }

    #[test]
    fn a_partition_links_to_its_neighbours() {
        check(0, 1, &[("first", 0), ("last", 0)]);
        check(0, 3, &[("first", 0), ("next", 1), ("last", 2)]);
        check(1, 3, &[("first", 0), ("prev", 0), ("next", 2), ("last", 2)]);
        check(2, 3, &[("first", 0), ("prev", 1), ("last", 2)]);
    }

    #[test]
    fn a_request_id_cannot_break_out_of_a_url() {
        let request = "a\">,<b&c".parse().ok();
        assert!(link(HANDLE, request.as_ref(), 0, 1).starts_with(
            "</api/v2/statements/01b2c3d4-0000-0000-0000-000000000001?requestId=a%22%3E%2C%3Cb%26c&partition=0>"
        ));
        assert_eq!(status_url(HANDLE, None), "/api/v2/statements/01b2c3d4-0000-0000-0000-000000000001");
    }
}
