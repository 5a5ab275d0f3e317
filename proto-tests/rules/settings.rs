//! config/mailhold.toml has every setting that is read, and none that is not. Asks the reader of
//! the configuration itself: a key that it does not know is refused.

use std::collections::BTreeSet;

use mailhold::config::{ConfigFile, Faults, audit, desk, roles};
use toml::{Table, Value};

use super::{Findings, tokens, tree::Source};

/// How the reader refuses a key.
const UNKNOWN: &str = "there is no such setting";

/// The sections of which there may be several.
const LISTS: [&str; 2] = ["milter.listen", "policy.rule"];

/// No section lies deeper, unless the reader takes whatever it finds.
const DEPTH_LIMIT: usize = 3;

/// Whether the reader knows a key such as `worker.lease`, and whether it is a section.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Not,
    Setting,
    Section,
}

/// The settings of a sample file, those behind a single `#` included: `section.key`.
pub fn in_sample(sample: &Source) -> BTreeSet<String> {
    let written = sample
        .text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if is_setting(setting) => setting,
            _ => line,
        });
    let text = written.collect::<Vec<_>>().join("\n");
    let table: Table = text
        .parse()
        .unwrap_or_else(|e| panic!("{}: {e}", sample.path));
    let mut keys = BTreeSet::new();
    collect("", &table, &mut keys);
    keys
}

fn is_setting(line: &str) -> bool {
    line.split_once(" = ")
        .is_some_and(|(name, _)| is_name(name))
}

fn is_name(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    !text.is_empty() && text.bytes().all(is_sign)
}

fn collect(around: &str, table: &Table, keys: &mut BTreeSet<String>) {
    for (name, value) in table {
        let key = joined(around, name);
        let inline = value.as_table().into_iter();
        let listed = value.as_array().into_iter().flatten();
        let tables: Vec<_> = inline.chain(listed.filter_map(Value::as_table)).collect();
        if tables.is_empty() {
            keys.insert(key);
        } else {
            tables.iter().for_each(|inner| collect(&key, inner, keys));
        }
    }
}

fn joined(around: &str, name: &str) -> String {
    if around.is_empty() {
        name.to_owned()
    } else {
        format!("{around}.{name}")
    }
}

/// The settings that the reader knows. Every text of its sources that could be a name is tried in
/// every section.
pub fn in_code(sources: &[Source]) -> BTreeSet<String> {
    let texts = sources.iter().flat_map(tokens::of);
    let names: BTreeSet<String> = texts
        .filter_map(|token| token.text().map(str::to_owned))
        .filter(|text| is_name(text))
        .collect();
    let (mut settings, mut sections) = (BTreeSet::new(), vec![String::new()]);
    while let Some(section) = sections.pop() {
        let depth = section.split('.').count();
        assert!(
            depth <= DEPTH_LIMIT,
            "{section}: the reader refuses nothing here"
        );
        for name in &names {
            let key = joined(&section, name);
            match known(&key) {
                Known::Not => {}
                Known::Setting => {
                    settings.insert(key);
                }
                Known::Section => sections.push(key),
            }
        }
    }
    settings
}

fn known(key: &str) -> Known {
    let as_section = faults(key, Value::Table(Table::new()));
    if as_section.iter().any(|fault| fault.contains(UNKNOWN)) {
        return Known::Not;
    }
    let is_refused = |fault: &String| {
        fault.contains("is a section, must be") || fault.contains("must be a list")
    };
    if LISTS.contains(&key) || !as_section.iter().any(is_refused) {
        Known::Section
    } else {
        Known::Setting
    }
}

/// What the reader says of this one key.
fn faults(key: &str, value: Value) -> Vec<String> {
    let mut value = value;
    for name in key.rsplit('.') {
        value = Value::Table(Table::from_iter([(name.to_owned(), value)]));
        if LISTS.iter().any(|list| list.ends_with(&format!(".{name}"))) {
            let Value::Table(outer) = value else {
                unreachable!("just made")
            };
            value = Value::Table(
                outer
                    .into_iter()
                    .map(|(name, inner)| (name, Value::Array(vec![inner])))
                    .collect(),
            );
        }
    }
    let Value::Table(mut file) = value else {
        return Vec::new();
    };
    if key.starts_with("directory.table") {
        let directory = file
            .get_mut("directory")
            .and_then(Value::as_table_mut)
            .unwrap();
        directory.insert("backend".to_owned(), "table".into());
    }
    let file = ConfigFile::parse("", &file.to_string()).unwrap();
    let all = [
        roles::milter(&file).err(),
        roles::worker(&file).err(),
        roles::reviews(&file).err(),
        roles::migrate(&file).err(),
        audit::key(&file).err(),
        desk::web(&file).err(),
        desk::outline(&file).err(),
    ];
    let faults = all
        .into_iter()
        .flatten()
        .flat_map(|Faults { faults, .. }| faults);
    let first_of =
        |key: String, list: &&str| key.replace(&format!("{list}."), &format!("{list}[1]."));
    let plain = LISTS.iter().fold(key.to_owned(), first_of);
    let about = faults.filter(|fault| fault.key == key || fault.key == plain);
    about.map(|fault| fault.problem).collect()
}

/// What one side has and the other has not.
pub fn differences(sample: &BTreeSet<String>, code: &BTreeSet<String>) -> Findings {
    let undocumented = code.difference(sample);
    let without_effect = sample.difference(code);
    undocumented
        .map(|key| format!("config/mailhold.toml does not have {key}"))
        .chain(
            without_effect
                .map(|key| format!("config/mailhold.toml has {key}, which nothing reads")),
        )
        .collect()
}

pub mod tests {
    //! What must be found.

    use std::sync::Arc;

    use libtest_mimic::Trial;

    use super::{
        super::{none, one, tree::Source},
        differences, in_code, in_sample,
    };
    use crate::trials::{Trials, tests};

    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone:
            a_setting_is_told_from_a_section_and_from_any_other_text,
            a_setting_that_the_sample_lacks_or_invents_is_found,
        ]
    }

    const READER: &str = "fn f() { s(\"worker\"); s(\"lease\"); s(\"no_such\"); s(\"database\"); s(\"url\"); s(\"Not a name\") }";

    async fn a_setting_is_told_from_a_section_and_from_any_other_text() {
        let found = in_code(&[Source::new("src/config/roles.rs", READER)]);
        let found: Vec<_> = found.iter().map(String::as_str).collect();
        assert_eq!(found, ["worker.database.url", "worker.lease"]);
    }

    async fn a_setting_that_the_sample_lacks_or_invents_is_found() {
        let code = in_code(&[Source::new("src/config/roles.rs", READER)]);
        let found = |text| {
            differences(
                &in_sample(&Source::new("config/mailhold.toml", text)),
                &code,
            )
        };
        none(&found(
            "[worker]\nlease = \"1m\"\n[worker.database]\n# Where.\n#url = \"x\"\n",
        ));
        one(
            &found("[worker]\nlease = \"1m\"\n"),
            &["does not have worker.database.url"],
        );
        let more = "[worker]\nlease = \"1m\"\nnap = \"1s\"\n[worker.database]\nurl = \"x\"\n";
        one(&found(more), &["worker.nap", "nothing reads"]);
    }
}
