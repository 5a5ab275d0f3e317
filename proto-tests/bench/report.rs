//! The report of a run: a table for people, JSON for programs.

use std::{fs, path::Path, process::ExitCode};

use serde_json::json;

use super::{
    machine,
    statistics::Figure,
    verdict::{Row, Verdict},
};

/// What was measured so far.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Takes a row, and shows it at once: a run is long.
    pub fn add(&mut self, row: Row) {
        println!("{}", line(&row));
        for fact in &row.facts {
            println!("    {fact}");
        }
        self.rows.push(row);
    }

    /// All rows in one table.
    pub fn print(&self) {
        println!("\n{}", HEAD);
        for row in &self.rows {
            println!("{}", line(row));
        }
    }

    /// Writes them for programs, with what the machine is.
    pub fn write(&self, file: &Path) {
        let rows: Vec<_> = self.rows.iter().map(Row::to_json).collect();
        let report = json!({ "machine": machine::description(), "rows": rows });
        let text = serde_json::to_string_pretty(&report).unwrap();
        fs::write(file, text + "\n").unwrap();
        println!("written: {}", file.display());
    }

    /// A failure if any row is short.
    pub fn exit_code(&self) -> ExitCode {
        let mut verdicts = self.rows.iter().map(Row::verdict);
        if self.rows.is_empty() || verdicts.any(|verdict| verdict == Verdict::Short) {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }
}

const HEAD: &str = "| verdict    | figure | 95 % interval | target | what |\n|---|---|---|---|---|";

fn line(row: &Row) -> String {
    let Figure { value, low, high } = row.figure;
    let interval = if low == high {
        "-".to_owned()
    } else {
        format!("{} to {}", number(low), number(high))
    };
    let target = row.target.to_string();
    format!(
        "| {:<10} | {} | {interval} | {} | {} |",
        row.verdict(),
        with_unit(&number(value), row.unit),
        with_unit(&target, if target == "-" { "" } else { row.unit }),
        row.name,
    )
}

fn with_unit(text: &str, unit: &str) -> String {
    if unit.is_empty() {
        text.to_owned()
    } else {
        format!("{text} {unit}")
    }
}

/// Three digits that matter.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
