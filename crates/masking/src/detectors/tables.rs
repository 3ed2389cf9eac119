//! Tables in a text: a first line of names, and values under them.

use super::context::Context;
use super::scan::Scan;
use crate::lexical::{at, part, run_end};

/// The most columns that are read; what stands further on is read as any text is.
const MOST_COLUMNS: usize = 32;

/// The longest first line.
const LONGEST_HEADER: usize = 512;

/// Finds values by the names in the first line.
#[cold]
#[inline(never)]
pub(super) fn find(scan: &mut Scan<'_>) {
    let text = scan.text;
    let head = text.get(..LONGEST_HEADER.min(text.len())).unwrap_or_default();
    let Some(end) = memchr::memchr(b'\n', head) else { return };
    let header = text.get(..end).unwrap_or_default().trim_ascii();
    // Markdown's tables have a bar before each row and behind it.
    let is_framed = header.len() > 2 && header.starts_with(b"|") && header.ends_with(b"|");
    let header = if is_framed { part(header, 1, header.len() - 1) } else { header };
    let Some(separator) = separator(header) else { return };
    let mut columns = [None; MOST_COLUMNS];
    let mut is_any = false;
    for (slot, name) in columns.iter_mut().zip(header.split(|b| *b == separator)) {
        let Some(name) = name_of(name) else { return };
        let context = scan.context.of_column_in_text(name);
        *slot = Some(context).filter(|context| context.tells());
        is_any |= slot.is_some();
    }
    let count = header.iter().filter(|b| **b == separator).count() + 1;
    let mut from = end + 1;
    while is_any && from < text.len() && scan.spend(32) {
        let line_end = run_end(text, from, usize::MAX, |b| b != b'\n');
        let first = run_end(text, from, usize::from(is_framed), |b| b == b'|');
        row(scan, first, line_end, separator, columns.get(..count).unwrap_or(&columns));
        from = line_end + 1;
    }
}

/// The separator of a line of names: one that stands between names only.
fn separator(header: &[u8]) -> Option<u8> {
    let separator = *header.iter().find(|b| matches!(b, b',' | b';' | b'\t' | b'|'))?;
    header.split(|b| *b == separator).all(|name| name_of(name).is_some()).then_some(separator)
}

/// A name as columns have them: a letter, then letters, digits, `_`, `-`, `.`, at most two words; perhaps in quotes.
fn name_of(field: &[u8]) -> Option<&str> {
    const LONGEST: usize = 40;
    let name = field.trim_ascii();
    let name = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(name);
    let is_name = name.len() <= LONGEST
        && name.first().is_some_and(|b| b.is_ascii_alphabetic() || *b >= 0x80)
        && name.iter().all(|b| b.is_ascii_alphanumeric() || *b >= 0x80 || b"_-. #".contains(b))
        && name.iter().filter(|b| **b == b' ').count() <= 1;
    std::str::from_utf8(name).ok().filter(|_| is_name)
}

/// One line of values.
fn row(scan: &mut Scan<'_>, from: usize, to: usize, separator: u8, columns: &[Option<Context>]) {
    let text = scan.text;
    let mut start = from;
    for column in columns {
        if start > to {
            return;
        }
        let is_quoted = at(text, start) == b'"';
        let open = start + usize::from(is_quoted);
        let end = run_end(text, open, to - open.min(to), |b| b != if is_quoted { b'"' } else { separator });
        if let Some(context) = column
            && let Some(value) = text.get(open..end).and_then(|value| std::str::from_utf8(value).ok())
            && let Some(kind) = context.kind_in_table(value.trim())
        {
            let blanks = value.len() - value.trim_start().len();
            scan.found(open + blanks, open + blanks + value.trim().len(), kind);
        }
        start = run_end(text, end, usize::MAX, |b| b != separator && b != b'\n') + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, stays};

    #[test]
    fn values_are_what_the_first_line_names() {
        check("id,dob,ok\na,25 settembre 2000,y\nb,1981-05-12,n", "id,dob,ok\na,[DOB],y\nb,[DOB],n");
        check("id;ssnNumber;state\r\n7;536221234;open", "id;ssnNumber;state\r\n7;[US_SSN];open");
        check("id,password,ok\n1,h7Gkd92pQ,y", "id,password,ok\n1,[PASSWORD],y");
        check(
            "\"id\",\"phone no\",\"note\"\n1,\"4155552671\",\"a, b\"\n2,4155552672,",
            "\"id\",\"phone no\",\"note\"\n1,\"[PHONE]\",\"a, b\"\n2,[PHONE],",
        );
        check("id|passport\n1|C01X00T47", "id|passport\n1|[PASSPORT]");
        check(
            "| ssn | passport |\n|---|---|\n| 536221234 | C01X00T47 |\n",
            "| ssn | passport |\n|---|---|\n| [US_SSN] | [PASSPORT] |\n",
        );
        stays("id,sku,qty,price\n123456,AB1234567,7,26.99\n919586123,CD1234567,8,27.96");
        stays("Dear phone team of ours, hello and welcome to it\n4155552671, 12345678");
        stays("id,phone_count,total_of_all_that_was_sold\n1,12345678,536221234");
        stays("password, if any;\nnone;");
    }

    #[test]
    fn a_table_that_is_cut_or_empty_is_no_trouble() {
        for text in [
            "phone,ssn\n",
            "phone,ssn\n,",
            "phone,ssn\n\"",
            "phone\n1",
            ",\n,",
            "phone,\n1",
            "phone,ssn\n\n\n",
        ] {
            stays(text);
        }
    }
}
