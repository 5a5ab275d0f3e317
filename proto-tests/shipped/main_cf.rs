//! The lines for Postfix's `main.cf`.

use std::{fs, sync::Arc, time::Duration};

use libtest_mimic::Trial;

use crate::{
    lab::program::{Program, text},
    trials::{Trials, tests},
};

const SHIPPED: &str = include_str!("../../config/postfix/main.cf");
const PAGE: &str = include_str!("../../docs/install.md");
const SAMPLE: &str = include_str!("../../config/mailhold.toml");
/// Debian's own.
const MASTER_CF: &str = "/usr/share/postfix/master.cf.dist";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        postfix_understands_the_lines,
        the_page_shows_the_lines_that_are_shipped,
        postfix_waits_longer_than_the_milter_takes,
    ]
}

async fn postfix_understands_the_lines() {
    let output = postconf(&["-n"]).await;
    assert_eq!(text(&output.stderr), "", "no warning");
    assert!(parameter("enable_long_queue_ids").await.contains("yes"));
    for (parameter_name, socket) in [("smtpd_milters", "smtp"), ("non_smtpd_milters", "local")] {
        let value = parameter(parameter_name).await;
        assert!(
            value.contains(&format!("unix:mailhold/{socket}.sock")),
            "{value}"
        );
        assert!(value.contains("default_action=tempfail"), "{value}");
    }
}

async fn the_page_shows_the_lines_that_are_shipped() {
    let lines: Vec<_> = SHIPPED
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    assert!(
        PAGE.contains(&lines.join("\n")),
        "docs/install.md differs from config/postfix/main.cf"
    );
}

async fn postfix_waits_longer_than_the_milter_takes() {
    let sample: toml::Table = SAMPLE.parse().unwrap();
    let ours = |setting: &str| time(sample["milter"][setting].as_str().unwrap());
    for name in ["smtpd_milters", "non_smtpd_milters"] {
        let value = parameter(name).await;
        let theirs = |word: &str| {
            let found = value
                .split([',', ' '])
                .find_map(|part| part.strip_prefix(word));
            time(found.unwrap())
        };
        assert!(theirs("command_timeout=") > ours("mail_deadline"));
        assert!(theirs("content_timeout=") > ours("end_of_message_deadline"));
    }
}

async fn parameter(name: &str) -> String {
    text(&postconf(&["-h", name]).await.stdout)
}

async fn postconf(arguments: &[&str]) -> std::process::Output {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("main.cf"),
        format!("compatibility_level = 3.6\n{SHIPPED}"),
    )
    .unwrap();
    fs::copy(MASTER_CF, directory.path().join("master.cf")).unwrap();
    Program::new("postconf", "/usr/sbin/postconf")
        .arguments(["-c"])
        .arguments([directory.path()])
        .arguments(arguments)
        .output(b"")
        .await
}

fn time(text: &str) -> Duration {
    let seconds = text.trim_end_matches('s').parse();
    Duration::from_secs(seconds.unwrap_or_else(|_| panic!("{text:?} is no time in seconds")))
}
