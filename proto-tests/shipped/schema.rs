//! The schema for slapd, which is shipped in two spellings.

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::{Trials, tests};

const FOR_SLAPD_CONF: &str = include_str!("../../config/ldap/mailhold.schema");
const FOR_CONFIG: &str = include_str!("../../config/ldap/mailhold.ldif");

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone: both_spellings_of_the_schema_say_the_same]
}

async fn both_spellings_of_the_schema_say_the_same() {
    let definitions = |text: &str, keywords: [&str; 3]| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let words: Vec<_> = lines.flat_map(str::split_whitespace).collect();
        let parts = words.split(|word| keywords.contains(&word.to_lowercase().as_str()));
        parts.skip(1).map(|part| part.join(" ")).collect()
    };
    let old = definitions(
        FOR_SLAPD_CONF,
        ["objectidentifier", "attributetype", "objectclass"],
    );
    let new = definitions(
        FOR_CONFIG,
        [
            "olcobjectidentifier:",
            "olcattributetypes:",
            "olcobjectclasses:",
        ],
    );
    assert!(old.len() >= 6, "{old:?}");
    assert_eq!(old, new);
}
