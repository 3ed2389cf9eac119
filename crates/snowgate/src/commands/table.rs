//! Rows on a terminal.

use std::io::Write;

use super::printable;

/// How wide a column may get. What is cut says so.
const WIDEST: usize = 48;

/// Writes rows under their names, columns aligned.
pub fn write(out: &mut impl Write, names: &[String], rows: &[Vec<Option<String>>]) -> std::io::Result<()> {
    let cell = |text: &str| -> String {
        let text = printable(text);
        let mut characters = text.chars().map(|c| if c == '\n' { ' ' } else { c });
        let mut shown: String = characters.by_ref().take(WIDEST).collect();
        if characters.next().is_some() {
            shown.pop();
            shown.push('…');
        }
        shown
    };
    let header: Vec<String> = names.iter().map(|name| cell(name)).collect();
    let body: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|value| value.as_deref().map_or_else(|| "NULL".to_owned(), cell)).collect())
        .collect();
    let mut widths: Vec<usize> = header.iter().map(|text| text.chars().count()).collect();
    for row in &body {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = (*width).max(text.chars().count());
        }
    }
    line(out, &header, &widths)?;
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    line(out, &rules, &widths)?;
    body.iter().try_for_each(|row| line(out, row, &widths))
}

fn line(out: &mut impl Write, cells: &[String], widths: &[usize]) -> std::io::Result<()> {
    let padded: Vec<String> =
        cells.iter().zip(widths).map(|(text, width)| format!("{text:<width$}")).collect();
    writeln!(out, "  {}", padded.join("  ").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_is_cut_says_so() {
        let mut out = Vec::new();
        let cells = ["a".repeat(WIDEST), "b".repeat(WIDEST + 1)].map(Some).to_vec();
        write(&mut out, &["A".to_owned(), "B".to_owned()], &[cells]).expect("a table");
        let last = String::from_utf8(out).expect("text").lines().last().map(str::to_owned);
        let expected = format!("  {}  {}…", "a".repeat(WIDEST), "b".repeat(WIDEST - 1));
        assert_eq!(last, Some(expected));
    }
}
