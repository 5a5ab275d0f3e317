//! Reads tables out of a Markdown page. Never renders anything.

use super::tree::Source;

/// The rows of the table whose first column has this title, each as its cells.
///
/// # Panics
/// When the page has no such table, or two: what is read from it would be wrong.
pub fn rows(page: &Source, title: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = page.text.lines().collect();
    let heads: Vec<usize> = (0..lines.len())
        .filter(|at| cells(lines[*at]).first().is_some_and(|cell| cell == title))
        .collect();
    assert_eq!(
        heads.len(),
        1,
        "{}: tables that begin with {title:?}",
        page.path
    );
    let body = lines.iter().skip(heads[0] + 2);
    let rows = body.take_while(|line| line.trim_start().starts_with('|'));
    rows.map(|line| cells(line)).collect()
}

/// What stands in backticks in a cell, in order.
pub fn names(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The cells of a line; none if it is not of a table.
fn cells(line: &str) -> Vec<String> {
    let Some(inner) = line.trim().strip_prefix('|') else {
        return Vec::new();
    };
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    inner
        .split('|')
        .map(|cell| cell.trim().to_owned())
        .collect()
}
