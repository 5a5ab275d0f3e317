//! Reads the TOML file into plain values that remember their lines.

use std::{cell::RefCell, collections::BTreeMap, fs, path::Path};

use toml::de::{DeTable, DeValue};

use super::{
    fault::{Fault, Faults},
    section::Section,
};

/// A configuration file that is well-formed TOML.
pub struct ConfigFile {
    path: String,
    pub(super) root: Table,
    faults: RefCell<Vec<Fault>>,
}

/// A table of the file.
pub type Table = BTreeMap<String, Entry>;

/// A value of the file and the line of its key. Two are equal wherever they stand.
#[derive(Debug)]
pub struct Entry {
    /// The line, counted from 1.
    pub line: usize,
    /// The value.
    pub value: Value,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// What a value can be here.
#[derive(Debug, PartialEq)]
pub enum Value {
    /// A string.
    Text(String),
    /// A whole number.
    Number(i64),
    /// An array.
    List(Vec<Entry>),
    /// A table.
    Table(Table),
    /// Anything else, by TOML's name of it.
    Other(&'static str),
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read or is not TOML.
    pub fn read(path: &Path) -> Result<Self, Faults> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|cause| {
            let problem = format!("cannot read the configuration: {cause}");
            Faults {
                path: name.clone(),
                faults: vec![Fault {
                    line: None,
                    key: String::new(),
                    problem,
                }],
            }
        })?;
        Self::parse(&name, &text)
    }

    /// Reads the text of a file called `path`.
    ///
    /// # Errors
    /// A text that is not TOML.
    pub fn parse(path: &str, text: &str) -> Result<Self, Faults> {
        let lines = Lines::of(text);
        let root = DeTable::parse(text).map_err(|error| {
            let line = error.span().map(|span| lines.of_offset(span.start));
            let problem = format!("not valid TOML: {}", error.message());
            Faults {
                path: path.to_owned(),
                faults: vec![Fault {
                    line,
                    key: String::new(),
                    problem,
                }],
            }
        })?;
        let root = table(root.get_ref(), &lines);
        Ok(Self {
            path: path.to_owned(),
            root,
            faults: RefCell::default(),
        })
    }

    /// The section of a name; an absent one is read as empty.
    pub fn section(&self, name: &str) -> Section<'_> {
        let found = self.root.get(name);
        Section::of_entry(name.to_owned(), found, &self.faults)
    }

    /// Reports a section that no process knows.
    pub fn refuse_unknown_sections(&self, known: &[&str]) {
        let sections = Section::of_entry(String::new(), None, &self.faults);
        for (name, entry) in &self.root {
            if !known.contains(&name.as_str()) {
                sections.unknown(name, entry.line, known);
            }
        }
    }

    /// What the file says in some sections, for people: the full keys and their values. Nothing that a
    /// secret's file holds is among it, only the file's name.
    pub fn shown(&self, sections: &[&str]) -> Vec<(String, String)> {
        let mut shown = Vec::new();
        for name in sections {
            if let Some(entry) = self.root.get(*name) {
                show(name, &entry.value, &mut shown);
            }
        }
        shown
    }

    /// The settings that were read, unless anything was wrong on the way.
    pub fn finish<T>(&self, settings: T) -> Result<T, Faults> {
        let mut faults = self.faults.take();
        if faults.is_empty() {
            return Ok(settings);
        }
        faults.sort();
        faults.dedup();
        Err(Faults {
            path: self.path.clone(),
            faults,
        })
    }
}

fn show(key: &str, value: &Value, shown: &mut Vec<(String, String)>) {
    let text = match value {
        Value::Table(table) => {
            for (name, entry) in table {
                show(&format!("{key}.{name}"), &entry.value, shown);
            }
            return;
        }
        Value::List(list)
            if list
                .iter()
                .any(|entry| matches!(entry.value, Value::Table(_))) =>
        {
            for (entry, number) in list.iter().zip(1..) {
                show(&format!("{key}.{number}"), &entry.value, shown);
            }
            return;
        }
        Value::List(list) => {
            let texts = list.iter().map(|entry| plain_text(&entry.value));
            texts.collect::<Vec<_>>().join(", ")
        }
        plain @ (Value::Text(_) | Value::Number(_) | Value::Other(_)) => plain_text(plain),
    };
    shown.push((key.to_owned(), text));
}

fn plain_text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Other(kind) => (*kind).to_owned(),
        Value::List(_) | Value::Table(_) => String::new(),
    }
}

fn table(table: &DeTable<'_>, lines: &Lines) -> Table {
    let entries = table.iter().map(|(key, value)| {
        let line = lines.of_offset(key.span().start);
        (
            key.get_ref().to_string(),
            Entry {
                line,
                value: plain(value.get_ref(), lines),
            },
        )
    });
    entries.collect()
}

fn plain(value: &DeValue<'_>, lines: &Lines) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("number out of range"), Value::Number),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| Entry {
                    line: lines.of_offset(item.span().start),
                    value: plain(item.get_ref(), lines),
                })
                .collect(),
        ),
        DeValue::Table(inner) => Value::Table(table(inner, lines)),
        DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            Value::Other(value.type_str())
        }
    }
}

/// The offsets at which lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(offset, _)| offset + 1);
        Self(std::iter::once(0).chain(after_breaks).collect())
    }

    fn of_offset(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }
}
