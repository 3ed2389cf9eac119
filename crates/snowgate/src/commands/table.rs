//! Rows on a terminal.

use std::io::Write;

use super::printable;

/// How wide a column may get.
const WIDEST: usize = 48;

/// Writes rows under their names, columns aligned.
pub fn write(out: &mut impl Write, names: &[String], rows: &[Vec<Option<String>>]) -> std::io::Result<()> {
    let cell = |text: &str| -> String {
        printable(text).chars().map(|c| if c == '\n' { ' ' } else { c }).take(WIDEST).collect()
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
