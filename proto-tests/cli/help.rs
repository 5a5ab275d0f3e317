//! What the command line tells of itself.

use std::{process::Output, sync::Arc};

use libtest_mimic::Trial;

use crate::{
    lab::{Lab, program::text},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        every_command_tells_what_it_does,
        the_help_lists_the_exit_codes,
        without_a_command_the_help_is_shown_as_an_error,
        a_misspelt_command_is_refused_with_the_nearest,
        the_version_is_told,
        help_into_a_closed_pipe_is_no_fault,
    ]
}

async fn mailhold(lab: &Lab, words: &[&str]) -> Output {
    lab.tools
        .mailhold("help")
        .arguments(words)
        .output(b"")
        .await
}

async fn every_command_tells_what_it_does(lab: &Lab) {
    for (command, told) in [
        (
            &[][..],
            "Reviews outgoing mail before it leaves a Postfix server",
        ),
        (&["milter"], "capture what flagged people send out"),
        (&["worker"], "Carry decisions out"),
        (&["migrate"], "database schema"),
        (&["check"], "every fault with its line"),
        (&["explain"], "nothing is sent, held or recorded"),
        (&["check"], "the main.cf lines for this host"),
        (&["reviews"], "List, show and decide held messages"),
        (&["watched"], "how much would have been held"),
        (&["audit"], "whether the record of what people did is whole"),
        (&["audit", "verify"], "nothing was changed, taken away"),
        (&["audit", "head"], "one line to keep elsewhere"),
        (&["password"], "from a password on standard input"),
        (&["strays"], "on hold that nobody captured"),
        (&["strays", "list"], "oldest first"),
        (&["strays", "adopt"], "so that reviewers see and decide it"),
        (&["reviews", "list"], "wait for a decision"),
        (&["reviews", "show"], "without their content"),
        (&["reviews", "release"], "go to their recipients"),
        (&["reviews", "discard"], "nobody is told"),
        (&["reviews", "return"], "with a bounce"),
    ] {
        let output = mailhold(lab, &[command, &["--help"]].concat()).await;
        assert_eq!(output.status.code(), Some(0), "{command:?}");
        let help = text(&output.stdout).replace("\n          ", " ");
        assert!(help.contains(told), "{command:?}: no {told:?} in:\n{help}");
        assert!(help.contains("--config <FILE>"), "{command:?}:\n{help}");
    }
}

async fn the_help_lists_the_exit_codes(lab: &Lab) {
    let help = text(&mailhold(lab, &["--help"]).await.stdout);
    for code in [
        "0 done",
        "1 a decision was refused",
        "64",
        "66",
        "69",
        "70",
        "77",
        "78",
    ] {
        assert!(help.contains(code), "no {code} in:\n{help}");
    }
}

async fn without_a_command_the_help_is_shown_as_an_error(lab: &Lab) {
    for words in [&[][..], &["reviews"]] {
        let output = mailhold(lab, words).await;
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        assert!(text(&output.stderr).contains("Usage:"), "{output:?}");
    }
}

async fn a_misspelt_command_is_refused_with_the_nearest(lab: &Lab) {
    let output = mailhold(lab, &["reviews", "relaese"]).await;
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("'release'"), "{output:?}");
}

async fn the_version_is_told(lab: &Lab) {
    let output = mailhold(lab, &["--version"]).await;
    let version = concat!("mailhold ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(text(&output.stdout), version);
}

async fn help_into_a_closed_pipe_is_no_fault(lab: &Lab) {
    let mailhold = lab.tools.mailhold_path().display();
    let line = format!("{mailhold} --help | head -c 1; echo ${{PIPESTATUS[0]}}");
    let bash = crate::lab::program::Program::new("bash", "/bin/bash");
    let output = bash.arguments(["-c", &line]).output(b"").await;
    assert_eq!(text(&output.stdout), "R0\n");
    assert_eq!(text(&output.stderr), "");
}
