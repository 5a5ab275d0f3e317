//! Reads one section: typed values with defaults, every fault noted, unknown keys refused.

use std::{cell::RefCell, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use secrecy::SecretString;

use super::{
    fault::Fault,
    file::{Entry, Table, Value},
    secret, value,
};

/// Names closer than this are taken for misspelt.
const LIKENESS: f64 = 0.75;

/// A section that is being read. After a fault a value that serves is given back, so that the rest
/// is read too; `ConfigFile::finish` then refuses the whole.
pub struct Section<'a> {
    name: String,
    line: Option<usize>,
    table: Option<&'a Table>,
    known: RefCell<Vec<&'static str>>,
    faults: &'a RefCell<Vec<Fault>>,
}

impl<'a> Section<'a> {
    pub(super) fn of_entry(
        name: String,
        entry: Option<&'a Entry>,
        faults: &'a RefCell<Vec<Fault>>,
    ) -> Self {
        let line = entry.map(|entry| entry.line);
        let mut section = Self {
            name,
            line,
            table: None,
            known: RefCell::default(),
            faults,
        };
        match entry.map(|entry| &entry.value) {
            Some(Value::Table(table)) => section.table = Some(table),
            Some(Value::Text(_) | Value::Number(_) | Value::List(_) | Value::Other(_)) => {
                section.fault("", line, format!("must be a section: [{}]", section.name));
            }
            None => {}
        }
        section
    }

    /// A section within this one.
    pub fn section(&self, key: &'static str) -> Section<'a> {
        Section::of_entry(self.full(key), self.entry(key), self.faults)
    }

    /// Whether the file has this key.
    pub fn has(&self, key: &'static str) -> bool {
        self.entry(key).is_some()
    }

    /// The sections of a list, such as `[[milter.listen]]`.
    pub fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(entry) = self.entry(key) else {
            return Vec::new();
        };
        let Value::List(items) = &entry.value else {
            self.fault(
                key,
                Some(entry.line),
                format!("must be a list: [[{}]]", self.full(key)),
            );
            return Vec::new();
        };
        let name = |index: usize| format!("{}[{}]", self.full(key), index + 1);
        let read = |(index, item)| Section::of_entry(name(index), Some(item), self.faults);
        items.iter().enumerate().map(read).collect()
    }

    /// A text; `None` if it is absent or wrong.
    pub fn text(&self, key: &'static str) -> Option<String> {
        let entry = self.entry(key)?;
        if let Value::Text(text) = &entry.value {
            return Some(text.clone());
        }
        self.wrong(key, entry, "a text in quotes");
        None
    }

    /// A text that must be there and not be empty.
    pub fn required(&self, key: &'static str) -> String {
        let text = self.text(key);
        if text.as_deref().is_none_or(str::is_empty) && !self.faulty(key) {
            let line = self.entry(key).map(|entry| entry.line).or(self.line);
            self.fault(key, line, "is missing, and has no default".to_owned());
        }
        text.unwrap_or_default()
    }

    /// A text that a type reads, or its default.
    pub fn parsed<T>(
        &self,
        key: &'static str,
        default: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(key);
        match read(text.as_deref().unwrap_or(default)) {
            Ok(value) => Some(value),
            Err(problem) => {
                if !self.faulty(key) {
                    self.fault(key, self.line_of(key), problem);
                }
                None
            }
        }
    }

    /// As [`Section::parsed`], for a type that reads itself.
    pub fn typed<T: FromStr<Err: ToString>>(&self, key: &'static str, default: &str) -> Option<T> {
        self.parsed(key, default, |text| {
            text.parse().map_err(|error: T::Err| error.to_string())
        })
    }

    /// A duration above zero.
    pub fn duration(&self, key: &'static str, default: &str) -> Duration {
        let read = |text: &str| match value::duration(text)? {
            Duration::ZERO => Err(format!("{text:?} is no time at all")),
            duration => Ok(duration),
        };
        self.parsed(key, default, read).unwrap_or_default()
    }

    /// A size in bytes.
    pub fn size(&self, key: &'static str, default: &str) -> u64 {
        self.parsed(key, default, value::size).unwrap_or_default()
    }

    /// An absolute path.
    pub fn path(&self, key: &'static str, default: &str) -> PathBuf {
        let read = |text: &str| match PathBuf::from(text) {
            path if path.is_absolute() => Ok(path),
            _ => Err(format!("{text:?} is not an absolute path")),
        };
        self.parsed(key, default, read).unwrap_or_default()
    }

    /// A loopback address with a port.
    pub fn loopback(&self, key: &'static str, default: &str) -> SocketAddr {
        let read = |text: &str| match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Ok(address),
            Ok(_) => Err(format!("{text:?} is not a loopback address")),
            Err(_) => Err(format!(
                "{text:?} is not an address with a port such as {default:?}"
            )),
        };
        self.parsed(key, default, read)
            .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// One of a few words.
    pub fn word<T: Copy>(&self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let default = names.first().copied().unwrap_or_default();
        let read = |text: &str| {
            let found = words
                .iter()
                .find(|(name, _)| *name == text)
                .map(|(_, word)| *word);
            found.ok_or_else(|| {
                let hint = nearest(text, &names).map(|near| format!(" (did you mean {near:?}?)"));
                format!(
                    "{text:?} is none of {}{}",
                    names.join(", "),
                    hint.unwrap_or_default()
                )
            })
        };
        self.parsed(key, default, read)
    }

    /// A whole number within bounds.
    pub fn number(
        &self,
        key: &'static str,
        default: u32,
        bounds: std::ops::RangeInclusive<u32>,
    ) -> u32 {
        let Some(entry) = self.entry(key) else {
            return default;
        };
        let Value::Number(number) = &entry.value else {
            self.wrong(key, entry, "a whole number");
            return default;
        };
        match u32::try_from(*number) {
            Ok(number) if bounds.contains(&number) => number,
            _ => {
                let (least, most) = (bounds.start(), bounds.end());
                self.fault(
                    key,
                    Some(entry.line),
                    format!("{number} is not within {least} to {most}"),
                );
                default
            }
        }
    }

    /// A list of texts, or its default.
    pub fn texts(&self, key: &'static str, default: &[&str]) -> Vec<String> {
        let Some(entry) = self.entry(key) else {
            return default.iter().map(|&text| text.to_owned()).collect();
        };
        let Value::List(items) = &entry.value else {
            self.wrong(key, entry, "a list such as [\"a\", \"b\"]");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            if let Value::Text(text) = &item.value {
                texts.push(text.clone());
            } else {
                self.wrong(key, item, "a list of texts in quotes");
            }
        }
        texts
    }

    /// A list of texts that a type reads.
    pub fn list<T, E: ToString>(
        &self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let mut list = Vec::new();
        for text in self.texts(key, &[]) {
            match read(&text) {
                Ok(item) => list.push(item),
                Err(error) => self.fault(key, self.line_of(key), error.to_string()),
            }
        }
        list
    }

    /// A secret from the file that the setting names; `None` without the setting.
    pub fn secret(&self, key: &'static str) -> Option<SecretString> {
        let path = self.text(key)?;
        match secret::read(std::path::Path::new(&path)) {
            Ok(secret) => Some(secret),
            Err(problem) => {
                self.fault(key, self.line_of(key), problem);
                None
            }
        }
    }

    /// Notes a fault of a key that the file has.
    pub fn refuse(&self, key: &'static str, problem: &str) {
        self.fault(key, self.line_of(key).or(self.line), problem.to_owned());
    }

    /// Refuses every key that was not asked for.
    pub fn refuse_unknown(&self) {
        let known = self.known.borrow();
        for (key, entry) in self.table.into_iter().flatten() {
            if !known.contains(&key.as_str()) {
                self.unknown(key, entry.line, &known);
            }
        }
    }

    pub(super) fn unknown(&self, key: &str, line: usize, known: &[&str]) {
        let hint = nearest(key, known).map(|near| format!(" (did you mean {near:?}?)"));
        let problem = format!("there is no such setting{}", hint.unwrap_or_default());
        self.fault(key, Some(line), problem);
    }

    fn entry(&self, key: &'static str) -> Option<&'a Entry> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.table?.get(key)
    }

    fn full(&self, key: &str) -> String {
        match (self.name.as_str(), key) {
            ("", key) => key.to_owned(),
            (name, "") => name.to_owned(),
            (name, key) => format!("{name}.{key}"),
        }
    }

    fn line_of(&self, key: &'static str) -> Option<usize> {
        self.entry(key).map(|entry| entry.line)
    }

    pub(super) fn faulty(&self, key: &str) -> bool {
        let full = self.full(key);
        self.faults.borrow().iter().any(|fault| fault.key == full)
    }

    fn wrong(&self, key: &str, entry: &Entry, wanted: &str) {
        let found = match &entry.value {
            Value::Text(text) => format!("{text:?}"),
            Value::Number(number) => number.to_string(),
            Value::List(_) => "a list".to_owned(),
            Value::Table(_) => "a section".to_owned(),
            Value::Other(kind) => format!("a {kind}"),
        };
        self.fault(
            key,
            Some(entry.line),
            format!("is {found}, must be {wanted}"),
        );
    }

    fn fault(&self, key: &str, line: Option<usize>, problem: String) {
        self.faults.borrow_mut().push(Fault {
            line,
            key: self.full(key),
            problem,
        });
    }
}

fn nearest<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |name: &&str| strsim::normalized_damerau_levenshtein(text, name);
    let best = known
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= LIKENESS || strsim::jaro_winkler(text, best) >= 0.9).then_some(*best)
}
