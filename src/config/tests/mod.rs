//! The sample file is accepted as it is, and every fault is named with its line and its cure.

use proptest::prelude::*;

use super::*;

mod policy;
mod sign_in;

const SAMPLE: &str = include_str!("../../../config/mailhold.toml");

pub(super) fn faults(text: &str) -> String {
    let file = match ConfigFile::parse("mailhold.toml", text) {
        Ok(file) => file,
        Err(faults) => return faults.to_string(),
    };
    let all = [
        roles::milter(&file).err(),
        roles::worker(&file).err(),
        roles::reviews(&file).err(),
        roles::migrate(&file).err(),
        audit::key(&file).err(),
        roles::instances(&file).err(),
    ];
    let texts: Vec<String> = all
        .into_iter()
        .flatten()
        .map(|faults| faults.to_string())
        .collect();
    texts.join("\n")
}

/// The sample with one line replaced.
pub(super) fn sample_with(line: &str, instead: &str) -> String {
    assert!(SAMPLE.contains(line), "the sample has no line {line:?}");
    SAMPLE.replacen(line, instead, 1)
}

#[test]
fn the_sample_file_has_no_fault() {
    assert_eq!(faults(SAMPLE), "");
}

#[test]
fn an_unknown_setting_is_named_with_its_line_and_the_nearest_known_name() {
    let found = faults(&sample_with("lease = \"1m\"", "leese = \"1m\""));
    let line = SAMPLE
        .lines()
        .position(|line| line.starts_with("lease"))
        .unwrap()
        + 1;
    assert_eq!(
        found,
        format!(
            "mailhold.toml:{line}: worker.leese: there is no such setting (did you mean \"lease\"?)"
        )
    );
}

#[test]
fn an_unknown_section_is_refused() {
    let found = faults(&sample_with("[recorder]", "[recoder]"));
    assert!(
        found.contains("recoder: there is no such setting (did you mean \"recorder\"?)"),
        "{found}"
    );
}

#[test]
fn a_duration_without_a_unit_is_refused_with_the_cure() {
    let found = faults(&sample_with("drain = \"30s\"", "drain = \"30\""));
    assert!(
        found.contains("milter.drain: \"30\" has no unit (try \"30s\")"),
        "{found}"
    );
}

#[test]
fn a_number_where_a_duration_belongs_is_refused() {
    let found = faults(&sample_with("drain = \"30s\"", "drain = 30"));
    assert!(
        found.contains("milter.drain: is 30, must be a text in quotes"),
        "{found}"
    );
}

#[test]
fn a_missing_mandatory_setting_is_named() {
    let found = faults(&sample_with("internal_domains = [\"example.com\"]", ""));
    assert!(
        found.contains("policy.internal_domains: is missing"),
        "{found}"
    );
}

#[test]
fn all_faults_are_told_at_once() {
    let text = sample_with("max_connections = 1000", "max_connections = 0");
    let found = faults(&text.replace("outage = \"tempfail\"", "outage = \"tempfial\""));
    assert!(
        found.contains("milter.max_connections: 0 is not within 1 to 100000"),
        "{found}"
    );
    assert!(
        found.contains("\"tempfial\" is none of tempfail, hold, pass (did you mean \"tempfail\"?)"),
        "{found}"
    );
}

#[test]
fn a_cap_of_captures_is_a_number_and_zero_is_none() {
    let cap = |value: &str| {
        let text = sample_with("sender_cap = 1000", value);
        let file = ConfigFile::parse("mailhold.toml", &text).unwrap();
        let config = roles::milter(&file).unwrap();
        config.milter.sender_cap.map(std::num::NonZeroU32::get)
    };
    assert_eq!(cap(""), Some(1_000));
    assert_eq!(cap("sender_cap = 7"), Some(7));
    assert_eq!(cap("sender_cap = 0"), None);
    for odd in ["-1", "1000001", "\"1000\"", "1.5"] {
        let found = faults(&sample_with(
            "sender_cap = 1000",
            &format!("sender_cap = {odd}"),
        ));
        assert!(found.contains("milter.sender_cap:"), "{odd}: {found}");
    }
}

#[test]
fn a_password_in_a_url_is_refused() {
    const URL: &str = "postgres://mailhold_milter@localhost/mailhold";
    for url in [
        "postgres://mailhold_milter:secret@localhost/mailhold",
        "postgres://mailhold_milter:sec/ret@localhost/mailhold",
        "postgres://mailhold_milter@localhost/mailhold?password=secret",
        "mysql://mailhold_milter:secret@localhost/mailhold",
        "mailhold_milter:secret@localhost",
    ] {
        let found = faults(&sample_with(URL, url));
        assert!(
            found.contains("milter.database.url: holds a password"),
            "{found}"
        );
        assert!(!found.contains("sec"), "{found}");
    }
    let local = "postgres://mailhold_milter@localhost:5432/mailhold?host=/run/postgresql";
    assert_eq!(faults(&sample_with(URL, local)), "");
}

#[test]
fn a_secret_that_everyone_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "secret\n").unwrap();
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let setting = format!("password_file = {:?}", file.path());
    let sample = "#password_file = \"/etc/mailhold/milter.password\"";
    let found = faults(&sample_with(sample, &setting));
    assert!(found.contains("milter.database.password_file:"), "{found}");
    assert!(
        found.contains("can be read by everyone (chmod 0640"),
        "{found}"
    );
}

#[test]
fn metrics_on_another_address_than_loopback_are_refused() {
    let found = faults(&sample_with("127.0.0.1:9461", "0.0.0.0:9461"));
    assert!(
        found.contains("\"0.0.0.0:9461\" is not a loopback address"),
        "{found}"
    );
}

#[test]
fn a_text_that_is_not_toml_is_refused_with_its_line() {
    let found = faults("[log]\nformat = json\n");
    assert!(
        found.starts_with("mailhold.toml:2: not valid TOML"),
        "{found}"
    );
}

#[test]
fn a_milter_without_a_listener_is_refused() {
    let found = faults("[policy]\ninternal_domains = [\"corp.test\"]\n");
    assert!(found.contains("milter.listen: is missing"), "{found}");
}

#[test]
fn a_comparison_without_a_pause_is_refused() {
    for wrong in ["0s", "15"] {
        let found = faults(&sample_with(
            "reconcile = \"15s\"",
            &format!("reconcile = \"{wrong}\""),
        ));
        assert!(found.contains("worker.reconcile: "), "{found}");
    }
    let found = faults(&sample_with(
        "administrators = []",
        "administrators = \"olga\"",
    ));
    assert!(found.contains("reviews.administrators: "), "{found}");
}

#[test]
fn a_lease_that_a_slow_command_would_outlive_is_refused() {
    let found = faults(&sample_with("lease = \"1m\"", "lease = \"59s\""));
    assert!(
        found.contains("worker.lease: must be at least twice postfix.command_timeout"),
        "{found}"
    );
}

#[test]
fn a_worker_for_an_instance_that_nobody_captures_from_is_refused() {
    let found = faults(&sample_with(
        "hold queue this worker serves.\ninstance = \"postfix\"",
        "hold queue this worker serves.\ninstance = \"postfxi\"",
    ));
    assert!(
        found.contains("worker.instance: \"postfxi\" is named by no [[milter.listen]]"),
        "{found}"
    );
}

proptest! {
    #[test]
    fn no_text_in_place_of_a_value_makes_the_reading_panic(
        line in 0..SAMPLE.lines().count(),
        value in "\\PC{0,40}|[-0-9]{1,25}|\"[^\"]{0,40}\"|\\[.{0,20}\\]|\\{.{0,20}\\}",
    ) {
        let changed = SAMPLE.lines().enumerate().map(|(number, text)| match text.split_once('=') {
            Some((key, _)) if number == line => format!("{}={value}", key.trim_start_matches('#')),
            _ => text.to_owned(),
        });
        let text = changed.collect::<Vec<_>>().join("\n");
        // Whatever is said of it, each fault has a text.
        prop_assert!(faults(&text).lines().all(|line| !line.is_empty()));
    }
}
