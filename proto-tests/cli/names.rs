//! What names no message is refused before anything is read or asked.

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::{
    lab::{
        Lab,
        program::{Program, text},
    },
    trials::{Trials, tests},
};

/// Without a file of settings: whoever got further would tell of that.
const NO_SETTINGS: &str = "/nonexistent/mailhold.toml";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        what_names_no_message_is_refused_as_usage,
        one_bad_name_among_good_ones_refuses_all,
        a_good_name_goes_on_to_the_settings,
    ]
}

fn reviews(lab: &Lab, words: &[&str]) -> Program {
    let mailhold = lab.tools.mailhold("mailhold");
    mailhold
        .arguments(["--config", NO_SETTINGS, "reviews"])
        .arguments(words)
}

async fn what_names_no_message_is_refused_as_usage(lab: &Lab) {
    for name in [
        "",
        "ALL",
        "all",
        "-",
        "-d",
        "--",
        "-H",
        "D305C34",
        "0123456789ABCDEF",
        "../hold/4jWkMG56f7z1j",
        "/var/spool/postfix/hold/4jWkMG56f7z1j",
        "4jWkMG56f7z1j hold",
        "4jWkMG56f7z1j\n4jWkMG56f7z1k",
        "4jWkMG56f7z",
        "mx 1/4jWkMG56f7z1j",
        "mx1/",
        "01997e1c-5b7a-7c3e-9d2f",
        "*",
        "%",
        "'; drop table capture; --",
    ] {
        for words in [
            &["show", name][..],
            &["release", name, "--as", "rita"],
            &["discard", "--as", "rita", name],
            &["return", "--as", "rita", "--json", name],
        ] {
            let output = reviews(lab, words).output(b"").await;
            assert_eq!(output.status.code(), Some(64), "{words:?}: {output:?}");
            assert_eq!(text(&output.stdout), "", "{words:?}");
            assert!(!text(&output.stderr).contains(NO_SETTINGS), "{words:?}");
        }
    }
}

async fn one_bad_name_among_good_ones_refuses_all(lab: &Lab) {
    let words = ["release", "4jWkMG56f7z1j", "ALL", "--as", "rita"];
    let output = reviews(lab, &words).output(b"").await;
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    let told = text(&output.stderr);
    assert!(
        told.contains("\"ALL\" is neither a capture ID, nor a long queue ID"),
        "{told}"
    );
}

async fn a_good_name_goes_on_to_the_settings(lab: &Lab) {
    for name in [
        "4jWkMG56f7z1j",
        "mx1/4jWkMG56f7z1j",
        "01997e1c-5b7a-7c3e-9d2f-0a1b2c3d4e5f",
    ] {
        let output = reviews(lab, &["show", name]).output(b"").await;
        assert_eq!(output.status.code(), Some(78), "{output:?}");
        assert!(text(&output.stderr).contains(NO_SETTINGS), "{output:?}");
    }
}
