//! Addresses of machines: MAC and IPv6 (IPv4 is a cluster of digits).

use std::net::Ipv6Addr;

use super::Kind;
use super::scan::Scan;
use crate::lexical::{at, before, is_word, part, run_end, run_start};

/// Tries the addresses that may start with the short word there; answers the end of what was found.
pub(super) fn from_word(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<usize> {
    let text = scan.text;
    if !part(text, start, end).iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let separator = at(text, end);
    if before(text, start) == separator && separator != b':' || before(text, start) == b'.' {
        return None;
    }
    // `MAC:b8:4c:…`, `addr:fdf0:…`: a name stands before the colon.
    let is_named = before(text, start) == b':' && {
        let name = run_start(text, start - 1, 12, is_word);
        let word = part(text, name, start - 1);
        word.len() > 4 || word.iter().any(|b| b.is_ascii_alphabetic() && !b.is_ascii_hexdigit())
    };
    if !scan.spend(48) {
        return None;
    }
    if end - start == 2
        && separator != b'.'
        && let Some(found) = mac(text, start, 2, separator, is_named)
    {
        scan.found(start, found, Kind::Mac);
        return Some(found);
    }
    if end - start == 4 && separator == b'.' {
        let found = mac(text, start, 4, separator, is_named)?;
        scan.found(start, found, Kind::Mac);
        return Some(found);
    }
    if separator != b':' {
        return None;
    }
    let (from, found) = ipv6(text, start, is_named)?;
    scan.found(from, found, Kind::IpAddress);
    Some(found)
}

/// Groups of hexadecimal digits of one size with one separator: six bytes, or eight.
fn mac(text: &[u8], start: usize, size: usize, separator: u8, is_named: bool) -> Option<usize> {
    if before(text, start) == separator && !is_named {
        return None;
    }
    let mut end = start;
    let mut bytes = 0;
    let mut sum = 0_u32;
    loop {
        let group_end = run_end(text, end, size, |b| b.is_ascii_hexdigit());
        if group_end - end != size {
            break;
        }
        sum += part(text, end, group_end).iter().map(|&b| u32::from(b)).sum::<u32>();
        bytes += size / 2;
        end = group_end;
        if bytes == 8 || at(text, end) != separator || !at(text, end + 1).is_ascii_hexdigit() {
            break;
        }
        end += 1;
    }
    // All zeros and all ones are nobody's.
    let is_nobody = sum == u32::from(b'0') * 12;
    let is_whole = !is_word(at(text, end))
        && (at(text, end) != separator || separator == b'.' && !at(text, end + 1).is_ascii_alphanumeric());
    let has_length = bytes == 6 || bytes == 8 && size == 2;
    (has_length && is_whole && !is_nobody).then_some(end)
}

/// An IPv6 address whose first group starts there, or the `::` before it does.
fn ipv6(text: &[u8], start: usize, is_named: bool) -> Option<(usize, usize)> {
    let mut from = start;
    while before(text, from) == b':' && start - from < 2 && !is_named {
        from -= 1;
    }
    if is_word(before(text, from)) || start - from == 1 {
        return None;
    }
    let end = run_end(text, from, 45, |b| b.is_ascii_hexdigit() || b == b':' || b == b'.');
    // A full stop or colon behind the address ends the sentence, not the address.
    let mut last = end;
    while matches!(before(text, last), b'.' | b':')
        && last > from
        // `2001:db8::/32`
        && !(part(text, from, last).ends_with(b"::") && at(text, last) == b'/')
    {
        last -= 1;
    }
    if is_word(at(text, end)) {
        return None;
    }
    let address: Ipv6Addr = std::str::from_utf8(part(text, from, last)).ok()?.parse().ok()?;
    let [first, .., sixth, _, _] = address.segments();
    let is_full = part(text, from, last).iter().filter(|&&b| b == b':').count() == 7;
    let is_routed = matches!(first, 0x2000..=0x3FFF | 0xFC00..=0xFDFF | 0xFE80..=0xFEBF | 0x0064)
        || first == 0 && sixth == 0xFFFF;
    (is_full || is_routed).then_some((from, last))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, stays};

    #[test]
    fn an_address_is_found_right_behind_its_name_and_before_a_full_stop() {
        check("MAC:b8:4c:ac:b3:f2:a2", "MAC:[MAC]");
        check("device:db:01:90:ba:2a:b9", "device:[MAC]");
        check("bssid f695.d6f4.592f.", "bssid [MAC].");
        check("addr:fdf0:7883:9039::2359", "addr:[IP_ADDRESS]");
        check("value:2600:8954:3aca:f551::/64", "value:[IP_ADDRESS]/64");
        check("203.0.113.7-203.0.113.9", "[IP_ADDRESS]-[IP_ADDRESS]");
        stays("ab:db:01:90:ba:2a:b9:11:22");
        stays("f695.d6f4.592f.1234");
        stays("std:ab::cd");
    }
}
