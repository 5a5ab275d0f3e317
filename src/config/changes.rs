//! What has changed from one reading of the file to the next, and what a running process does not
//! take up. Never compares secrets: of those it sees the file's name.

use std::collections::BTreeSet;

use super::file::{ConfigFile, Table, Value};

/// Settings and sections that a running milter keeps to its end.
pub const MILTER_KEEPS: [&str; 8] = [
    "log",
    "milter.listen",
    "milter.max_connections",
    "milter.connection_timeout",
    "milter.metrics",
    "milter.database",
    "spool",
    "recorder",
];

/// Settings and sections that a running worker keeps to its end.
pub const WORKER_KEEPS: [&str; 5] = [
    "log",
    "worker.instance",
    "worker.metrics",
    "worker.database",
    "postfix",
];

/// The settings at or below one of `kept` that `new` has otherwise than `old`, by their full keys.
pub fn among(kept: &[&str], old: &ConfigFile, new: &ConfigFile) -> Vec<String> {
    let mut changed = Vec::new();
    compare(&old.root, &new.root, "", &mut changed);
    let is_kept = |key: &String| {
        let below = |kept: &&str| {
            let rest = key.strip_prefix(kept);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        kept.iter().any(below)
    };
    changed.retain(is_kept);
    changed
}

/// An absent section is an empty one; an absent setting differs from one that is written out.
fn compare(old: &Table, new: &Table, section: &str, changed: &mut Vec<String>) {
    let none = Table::new();
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let full = match section {
            "" => key.clone(),
            section => format!("{section}.{key}"),
        };
        let values = [old, new].map(|table| table.get(key).map(|entry| &entry.value));
        match values {
            [Some(Value::Table(old)), Some(Value::Table(new))] => {
                compare(old, new, &full, changed);
            }
            [Some(Value::Table(old)), None] => compare(old, &none, &full, changed),
            [None, Some(Value::Table(new))] => compare(&none, new, &full, changed),
            [old, new] if old == new => {}
            _ => changed.push(full),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> ConfigFile {
        ConfigFile::parse("test", text).unwrap()
    }

    const OLD: &str = "[milter]\nmail_deadline = '5s'\nmetrics = '127.0.0.1:1'\n\
                       [[milter.listen]]\nsocket = 'unix:/a'\n[policy]\ninternal_domains = ['a.test']\n\
                       [spool]\ndirectory = '/s'\n[worker]\nmetrics = '127.0.0.1:2'\n";

    fn changed(from: &str, to: &str) -> Vec<String> {
        assert!(OLD.contains(from), "{from}");
        among(&MILTER_KEEPS, &file(OLD), &file(&OLD.replace(from, to)))
    }

    #[test]
    fn the_sample_says_what_a_running_process_keeps() {
        let sample = include_str!("../../config/mailhold.toml");
        let head = sample.lines().take_while(|line| line.starts_with('#'));
        let named = head.filter_map(|line| line.strip_prefix("#     "));
        let named = named.flat_map(|line| line.split(',').map(str::trim));
        let named: BTreeSet<&str> = named.filter(|name| !name.is_empty()).collect();
        assert_eq!(
            named,
            MILTER_KEEPS.into_iter().chain(WORKER_KEEPS).collect()
        );
    }

    #[test]
    fn what_a_running_process_keeps_is_named_when_it_changes() {
        assert_eq!(changed("127.0.0.1:1", "127.0.0.1:3"), ["milter.metrics"]);
        assert_eq!(changed("unix:/a", "unix:/b"), ["milter.listen"]);
        assert_eq!(changed("directory = '/s'\n", ""), ["spool.directory"]);
        assert_eq!(
            changed("[spool]\ndirectory = '/s'\n", ""),
            ["spool.directory"]
        );
        assert_eq!(
            changed(
                "[spool]",
                "[milter.database]\nurl = 'x'\n[log]\nlevel = 'warn'\n[spool]"
            ),
            ["log.level", "milter.database.url"]
        );
    }

    #[test]
    fn what_a_running_process_takes_up_is_not_named() {
        assert_eq!(changed("'5s'", "'4s'"), [""; 0]);
        assert_eq!(changed("a.test", "b.test"), [""; 0]);
        assert_eq!(changed("[policy]", "\n\n# moved\n[policy]"), [""; 0]);
        assert_eq!(
            changed("127.0.0.1:2", "127.0.0.1:4"),
            [""; 0],
            "another process's"
        );
    }
}
