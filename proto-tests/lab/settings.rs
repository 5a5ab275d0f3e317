//! The settings of a lab's mailhold: the sample file with what a test changes. Never adds a key
//! that the sample does not have.

use std::{fs, path::PathBuf};

use toml::{Table, Value};

use super::{place::Place, user::User};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/mailhold.toml");

/// The content of a `mailhold.toml`.
#[derive(Clone, Debug)]
pub struct Settings(Table);

impl Settings {
    /// The shipped sample.
    pub fn sample() -> Self {
        Self(fs::read_to_string(SAMPLE).unwrap().parse().unwrap())
    }

    /// Sets one, named as in `worker.database.url`.
    ///
    /// # Panics
    /// When there is no such section.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        let (table, name) = self.place_of(key);
        table.insert(name.to_owned(), value.into());
        self
    }

    /// Takes one away, named as in `worker.database.password_file`.
    pub fn unset(&mut self, key: &str) -> &mut Self {
        let (table, name) = self.place_of(key);
        table.remove(name).expect("a setting that is there");
        self
    }

    fn place_of<'a>(&mut self, key: &'a str) -> (&mut Table, &'a str) {
        let (section, name) = key.rsplit_once('.').expect("a key with its section");
        let mut table = &mut self.0;
        for step in section.split('.') {
            table = table
                .get_mut(step)
                .and_then(Value::as_table_mut)
                .unwrap_or_else(|| panic!("no section {section}"));
        }
        (table, name)
    }

    /// Whether they have a section, named as in `worker.database`.
    pub fn has_section(&self, section: &str) -> bool {
        self.value(section).is_some_and(Value::is_table)
    }

    /// One of them as text, such as an address.
    pub fn text(&self, key: &str) -> &str {
        let text = self.value(key).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no text {key}"))
    }

    /// One of them as a list of texts.
    pub fn texts(&self, key: &str) -> Vec<String> {
        let list = self.value(key).and_then(Value::as_array);
        let list = list.unwrap_or_else(|| panic!("no list {key}"));
        let text = |value: &Value| value.as_str().map(str::to_owned);
        list.iter().filter_map(text).collect()
    }

    fn value(&self, key: &str) -> Option<&Value> {
        let mut steps = key.split('.');
        let first = self.0.get(steps.next()?);
        steps.fold(first, |table, step| table?.get(step))
    }

    /// Replaces the milter's listeners: socket and instance. All that comes by `local.sock` is
    /// submitted, as in the sample.
    pub fn listen(&mut self, listeners: &[(String, &str)]) -> &mut Self {
        let listener = |(socket, instance): &(String, &str)| {
            let mut table = Table::new();
            table.insert("socket".to_owned(), socket.clone().into());
            table.insert("instance".to_owned(), (*instance).into());
            if socket.starts_with("unix:") {
                table.insert("mode".to_owned(), "0660".into());
                table.insert("group".to_owned(), "postfix".into());
            }
            if socket.ends_with("/local.sock") {
                table.insert("submitted".to_owned(), "all".into());
            }
            Value::Table(table)
        };
        let all: Vec<_> = listeners.iter().map(listener).collect();
        self.set("milter.listen", all)
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        self.0.to_string()
    }

    /// Writes them where all processes can read them: they hold no secret.
    pub fn write(&self, place: &Place, name: &str) -> PathBuf {
        place.file(name, User::ROOT, 0o644, self.to_text())
    }
}
