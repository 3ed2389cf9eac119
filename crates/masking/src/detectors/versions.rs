//! Versions of four numbers, told from the addresses of machines that look the same.

use super::context::Context;
use super::topics::{self, Atoms};
use crate::lexical::{at, before, is_word, part, run_end, run_start};

/// Whether the four numbers that stand there are a version.
///
/// SECURITY: what is said to be a version stays. So the word right before, or what is glued to the numbers, has to say
/// so: a word further off, with others between, speaks for something else (`version 2.3 of the client at …`).
pub(super) fn is_version(text: &[u8], start: usize, end: usize, context: Context) -> bool {
    // A log of builds is named so as well, and has addresses in it.
    const LONGEST_VALUE: usize = 40;
    has_suffix(text, end)
        || is_upgraded(text, start)
        || match said_before(text, start) {
            Said::Version => true,
            Said::Machine => false,
            Said::Nothing => context.is_version() && text.len() <= LONGEST_VALUE,
        }
}

/// What stands before four numbers says of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Version,
    Machine,
    Nothing,
}

/// `-rc.1`, `-SNAPSHOT`, `.jar`, `_amd64`, `+build.5`.
fn has_suffix(text: &[u8], end: usize) -> bool {
    const STAGES: [&[u8]; 13] = [
        b"rc",
        b"beta",
        b"alpha",
        b"snapshot",
        b"pre",
        b"dev",
        b"final",
        b"ga",
        b"release",
        b"hotfix",
        b"stable",
        b"ubuntu",
        b"deb",
    ];
    const FILES: [&[u8]; 14] = [
        b"jar", b"deb", b"rpm", b"tar", b"tgz", b"zip", b"whl", b"exe", b"dmg", b"msi", b"apk", b"pkg",
        b"nupkg", b"gem",
    ];
    const MACHINES: [&[u8]; 7] = [b"amd64", b"x86", b"arm", b"i386", b"i686", b"win", b"linux"];
    let word_end = run_end(text, end + 1, 9, |b| b.is_ascii_alphabetic());
    let with_digits = run_end(text, end + 1, 9, |b| b.is_ascii_alphanumeric());
    let word = part(text, end + 1, word_end);
    let is_among = |words: &[&[u8]]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    let for_machine = MACHINES.iter().any(|known| {
        part(text, end + 1, with_digits).get(..known.len()).is_some_and(|w| w.eq_ignore_ascii_case(known))
    });
    match at(text, end) {
        b'-' | b'_' => is_among(&STAGES) || for_machine,
        b'.' => is_among(&FILES) || is_among(&STAGES),
        b'+' => at(text, end + 1).is_ascii_alphanumeric(),
        _ => false,
    }
}

/// What is glued to the numbers, or the nearest word before them, says.
fn said_before(text: &[u8], start: usize) -> Said {
    match before(text, start) {
        b'/' => return of_path(text, start - 1),
        b'=' if before(text, start - 1) == b'=' => return Said::Version,
        b':' if is_artifact(text, start - 1) => return Said::Version,
        _ => {}
    }
    let mut end = start;
    for _ in 0..3 {
        let word_end = run_start(text, end, 4, |b| !is_word(b));
        // What another sentence or line says is said of something else.
        if part(text, word_end, end).iter().any(|b| matches!(b, b'\n' | b';' | b'!' | b'?' | b'`')) {
            return Said::Nothing;
        }
        let word_start = run_start(text, word_end, 40, is_word);
        let word = part(text, word_start, word_end);
        let hint = topics::of_spoken_word(word);
        if is_link(word) {
            end = word_start;
            continue;
        }
        if word.eq_ignore_ascii_case(b"from") || word.eq_ignore_ascii_case(b"to") {
            // `upgraded to …`, `rollback from …`, but `step 3 from …`.
            let verb_end = run_start(text, word_start, 2, |b| b == b' ');
            let verb = part(text, run_start(text, verb_end, 40, is_word), verb_end);
            return if is_change(verb) { Said::Version } else { Said::Machine };
        }
        if is_part(word) && end == start {
            return Said::Version;
        }
        if hint.has(Atoms::VERSION) || hint.has(Atoms::PRODUCT) {
            // `DHCP release …`
            let earlier_end = run_start(text, word_start, 2, |b| matches!(b, b' ' | b'_' | b'-'));
            let earlier = part(text, run_start(text, earlier_end, 40, is_word), earlier_end);
            let is_lease = [&b"dhcp"[..], b"lease", b"ip"].iter().any(|w| earlier.eq_ignore_ascii_case(w));
            return if is_lease { Said::Machine } else { Said::Version };
        }
        return if hint.has(Atoms::MACHINE) || word.iter().any(u8::is_ascii_alphabetic) {
            Said::Machine
        } else {
            Said::Nothing
        };
    }
    Said::Nothing
}

/// A word for a numbered part of a text.
fn is_part(word: &[u8]) -> bool {
    const PARTS: [&[u8]; 9] =
        [b"table", b"tab", b"fig", b"paragraph", b"par", b"item", b"lemma", b"theorem", b"exercise"];
    PARTS.iter().any(|part| word.eq_ignore_ascii_case(part))
}

/// A word that stands between `version` and its number.
fn is_link(word: &[u8]) -> bool {
    const LINKS: [&[u8]; 9] = [b"is", b"was", b"number", b"no", b"nr", b"num", b"level", b"v", b"now"];
    LINKS.iter().any(|link| word.eq_ignore_ascii_case(link))
}

/// A word for one version that follows another.
fn is_change(word: &[u8]) -> bool {
    const CHANGES: [&[u8]; 22] = [
        b"upgrade",
        b"upgrades",
        b"upgraded",
        b"upgrading",
        b"update",
        b"updates",
        b"updated",
        b"updating",
        b"downgrade",
        b"downgraded",
        b"downgrading",
        b"rollback",
        b"back",
        b"migrated",
        b"bump",
        b"bumped",
        b"bumps",
        b"version",
        b"release",
        b"hotfix",
        b"pinned",
        b"reverted",
    ];
    CHANGES.iter().any(|change| word.eq_ignore_ascii_case(change))
}

/// `Chrome/83.28.4.40`, but `https://203.0.113.7` and `db-host/203.0.113.7`.
fn of_path(text: &[u8], slash: usize) -> Said {
    let start = run_start(text, slash, 40, |b| b.is_ascii_alphanumeric());
    let word = part(text, start, slash);
    let is_product = word.first().is_some_and(u8::is_ascii_alphabetic)
        && !matches!(before(text, start), b'/' | b'.' | b'-' | b'_' | b':' | b'@')
        && !topics::of_spoken_word(word).has(Atoms::MACHINE.or(Atoms::ELECTRONIC));
    let is_agent = topics::of_spoken_word(word).has(Atoms::PRODUCT);
    if is_product || is_agent { Said::Version } else { Said::Machine }
}

/// `acme/app:3.19.10.11`, `com.acme:lib:3.19.10.11`: an image or a package of some place.
fn is_artifact(text: &[u8], colon: usize) -> bool {
    let start = run_start(text, colon, 80, |b| b.is_ascii_alphanumeric() || b"._-/:".contains(&b));
    let name = part(text, start, colon);
    let (mut slashes, mut colons) = (0, 0);
    for &byte in name {
        slashes += usize::from(byte == b'/');
        colons += usize::from(byte == b':');
    }
    let last = name.rsplit(|b| matches!(b, b'/' | b':')).next().unwrap_or_default();
    let is_url = memchr::memmem::find(name, b"//").is_some();
    let is_machine = topics::of_spoken_word(last).has(Atoms::MACHINE);
    let is_dotted = colons == 1 && memchr::memchr(b'.', name).is_some();
    name.first().is_some_and(u8::is_ascii_alphabetic)
        && !is_url
        && !is_machine
        && (slashes > 0 && colons == 0 || slashes == 0 && is_dotted)
}

/// `upgraded from 3.19.10.11 to 3.19.10.12`: one version follows another that begins alike.
fn is_upgraded(text: &[u8], start: usize) -> bool {
    let gap = run_start(text, start, 4, |b| matches!(b, b' ' | b'-' | b'>'));
    let word = run_start(text, gap, 3, |b| b.is_ascii_alphabetic());
    let end = if gap == start {
        return false;
    } else if part(text, word, gap).eq_ignore_ascii_case(b"to") {
        run_start(text, word, 2, |b| b == b' ')
    } else {
        gap
    };
    let first = run_start(text, end, 24, |b| b.is_ascii_digit() || b == b'.');
    let lead = |from: usize| part(text, from, run_end(text, from, 4, |b| b.is_ascii_digit()));
    first < end && lead(first) == lead(start) && said_before(text, first) == Said::Version
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, check_under, stays};

    #[test]
    fn a_version_of_four_numbers_stays() {
        for text in [
            "build 3.19.10.11 failed",
            "Build: 3.19.10.11",
            "(build 3.19.10.11)",
            "AppleWebKit/537.36 Chrome/83.28.4.40 Safari/537.36",
            "okhttp/4.9.3.1",
            "agent/4.9.3.1 started",
            "foo==3.113.7.57",
            "3.19.10.11-rc.1 and 3.19.10.11-beta and 3.19.10.11-SNAPSHOT and 3.19.10.11+g5f2",
            "nvidia-driver-3.19.10.11",
            "foo-3.19.10.11.jar, foo_3.19.10.11_amd64.deb, foo-3.19.10.11-linux-x64",
            "pull acme/app:3.19.10.11",
            "com.acme:lib:3.19.10.11",
            "FileVersion: 3.19.10.11",
            "[assembly: AssemblyVersion(\"3.19.10.11\")]",
            "update to 3.19.10.11",
            "rollback from 3.19.10.11",
            "driver 3.19.10.11, plugin 3.19.10.11, hotfix 3.19.10.11",
            "Firefox 118.0.2.1",
            "upgraded from 3.19.10.11 to 3.19.10.12",
            "upgraded 3.19.10.11 -> 3.19.10.12",
            "patch level 3.19.10.11",
            "wersja 3.19.10.11, versione: 3.19.10.11",
            "the version number is 3.19.10.11",
            "appVersion=3.19.10.11",
        ] {
            stays(text);
        }
        check_under("fw", "30.11.14.155", "30.11.14.155");
        check_under("client_version", "30.11.14.155", "30.11.14.155");
    }

    #[test]
    fn a_version_elsewhere_hides_no_address() {
        for text in [
            "version 2.3 client 203.0.113.7",
            "build v9.3.3 ip 203.0.113.7",
            "took 12 sec from 203.0.113.7",
            "step 3 from 203.0.113.7",
            "ver=7 ip=203.0.113.7",
            "release notes fetched from 203.0.113.7",
            "firmware upload to 203.0.113.7",
            "fw rule deny 203.0.113.7",
            "kernel panic at 203.0.113.7",
            "build failed on host 203.0.113.7",
            "DHCP release 203.0.113.7",
            "build_server_ip: 203.0.113.7",
            "buildHost: 203.0.113.7",
            "https://203.0.113.7/x, db-host/203.0.113.7, ",
            "/203.0.113.7",
            "ana@203.0.113.7",
            "client:203.0.113.7",
            "ip-203.0.113.7",
            "203.0.113.7-203.0.113.9",
            "version 1.2 was asked for by 203.0.113.7",
        ] {
            let hidden = text.replace("203.0.113.7", "[IP_ADDRESS]").replace("203.0.113.9", "[IP_ADDRESS]");
            check(text, &hidden);
        }
        for name in
            ["build_server_ip", "fw_ip", "fw_src", "ver_ip", "patch_host", "step_ip", "release_server"]
        {
            check_under(name, "203.0.113.7", "[IP_ADDRESS]");
        }
        let log = "connection 17 was closed and opened again by 203.0.113.7";
        check_under("build_log", log, "connection 17 was closed and opened again by [IP_ADDRESS]");
    }

    #[test]
    fn words_for_telephones_in_texts_name_no_column() {
        for name in ["raw_text", "payload_text", "sql_text", "call_center", "ring_count"] {
            for text in ["order 9240021 shipped", "sold 1234567 units", "7,26,27.96\n919586,1"] {
                check_under(name, text, text);
            }
        }
        check("please call 4155552671", "please call [PHONE]");
        check("text me at 415 555 2671", "text me at [PHONE]");
        check_under("caller_number", "4155552671", "[PHONE]");
    }
}
