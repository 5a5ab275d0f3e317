//! Carries decisions out with `postsuper`, on the hold queue only. Proves nothing by exit status.
//!
//! `postsuper` ends with status 0 also when nothing matched. It tells what it did in one line per
//! message on standard error, whether that is a terminal or not, and whether the log goes to syslog
//! or to `maillog_file`: `main` in `src/postsuper/postsuper.c` calls `msg_vstream_init` with
//! standard error besides `maillog_client_init`. An ID that is not on hold leaves no line at all.

use std::{collections::BTreeSet, ffi::OsStr, path::PathBuf};

use super::{
    Settings,
    command::{self, Bounds, Output},
    error::PostfixError,
};
use crate::domain::queue_id::QueueId;

/// Complaints kept of one call.
const COMPLAINT_LIMIT: usize = 20;

/// What is done to held messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `-H`: to the deferred queue, for delivery.
    Release,
    /// `-d`: removed, nobody is told.
    Discard,
    /// `-f`: marked as expired and let go, so that Postfix returns it to its sender.
    Return,
    /// `-r`: submitted anew, with a new queue ID and a new age.
    Requeue,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 4] = [Self::Release, Self::Discard, Self::Return, Self::Requeue];

    fn option(self) -> &'static str {
        match self {
            Self::Release => "-H",
            Self::Discard => "-d",
            Self::Return => "-f",
            Self::Requeue => "-r",
        }
    }

    /// What `postsuper` says behind the queue ID when it has done this.
    ///
    /// `-f` says "expired" and then "released from hold"; the first is left out when the message
    /// was marked as expired already.
    fn effect(self) -> &'static str {
        match self {
            Self::Release | Self::Return => "released from hold",
            Self::Discard => "removed",
            Self::Requeue => "requeued",
        }
    }
}

/// What one call of `postsuper` said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The messages that it says it has moved. Others may have moved too: look into the queue.
    pub done: BTreeSet<QueueId>,
    /// What else it said, cut to a few lines.
    pub complaints: Vec<String>,
}

/// Does one thing to these messages, as far as they are on hold.
///
/// # Errors
///
/// [`PostfixError::Overdue`] leaves open what happened: look into the queue.
pub(super) async fn carry_out(
    settings: &Settings,
    action: Action,
    ids: &[QueueId],
) -> Result<Report, PostfixError> {
    let program = program(settings);
    let arguments = arguments(settings, action);
    let bounds = Bounds {
        deadline: settings.command_timeout,
        output_bytes: 64 * 1_024 + ids.len().saturating_mul(1_024),
    };
    let input: String = ids.iter().map(|id| format!("{id}\n")).collect();
    let output = if nix::unistd::geteuid().is_root() {
        command::run_to_its_end(&program, &arguments, input.as_bytes(), bounds).await?
    } else {
        let lead = ["-n".as_ref(), program.as_os_str()];
        let arguments = [lead.as_slice(), &arguments].concat();
        command::run_to_its_end(&settings.sudo, &arguments, input.as_bytes(), bounds).await?
    };
    let report = parse(action, ids, &String::from_utf8_lossy(&output.stderr));
    if !output.status.success() && report.done.is_empty() {
        return Err(refusal(program, &output));
    }
    Ok(report)
}

/// The program that moves messages.
pub(super) fn program(settings: &Settings) -> PathBuf {
    settings.command_directory.join("postsuper")
}

/// The arguments that `sudo` must permit, to the letter.
pub(super) fn arguments(settings: &Settings, action: Action) -> Vec<&OsStr> {
    let mut arguments: Vec<&OsStr> = Vec::new();
    if settings.is_other_instance() {
        arguments.extend(["-c".as_ref(), settings.config_directory.as_os_str()]);
    }
    arguments.extend([action.option(), "-", "hold"].map(OsStr::new));
    arguments
}

/// The status of `sudo` where it runs nothing.
const SUDO_REFUSED: i32 = 1;

/// Who refused, by the lines that were said: `sudo` also warns where it goes on. When it does not, its
/// status is 1 (sudo(8), EXIT VALUE); whatever ended otherwise may have begun.
fn refusal(program: PathBuf, output: &Output) -> PostfixError {
    let text = String::from_utf8_lossy(&output.stderr);
    let said_by = |name: &str| text.lines().find(|line| line.starts_with(name));
    let by_sudo = text
        .lines()
        .rfind(|line| line.starts_with("sudo: ") || line.starts_with("Sorry, user "));
    let by_sudo = by_sudo.filter(|_| output.status.code() == Some(SUDO_REFUSED));
    match (said_by("postsuper: "), by_sudo) {
        (None, Some(said)) => PostfixError::Forbidden { said: cut(said) },
        (said, _) => PostfixError::Refused {
            program,
            status: output.status.to_string(),
            said: said.map_or_else(|| output.complaint(), cut),
        },
    }
}

fn cut(line: &str) -> String {
    line.chars().take(300).collect()
}

/// Reads what `postsuper` said of the messages that it was asked about.
pub(super) fn parse(action: Action, asked: &[QueueId], said: &str) -> Report {
    let asked: BTreeSet<&QueueId> = asked.iter().collect();
    let mut report = Report::default();
    for line in said.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let text = line.strip_prefix("postsuper: ").unwrap_or(line);
        match read_line(text) {
            Line::Effect(id, effect) if effect == action.effect() && asked.contains(&id) => {
                report.done.insert(id);
            }
            Line::Effect(id, "expired") if action == Action::Return && asked.contains(&id) => {}
            Line::Count => {}
            Line::Effect(..) | Line::Other if report.complaints.len() < COMPLAINT_LIMIT => {
                report.complaints.push(cut(text));
            }
            Line::Effect(..) | Line::Other => {}
        }
    }
    report
}

/// One line of `postsuper`.
enum Line<'a> {
    /// What it did to one message.
    Effect(QueueId, &'a str),
    /// How many it did it to; also printed for none.
    Count,
    /// Warnings and errors, its own or those of `sudo`.
    Other,
}

fn read_line(text: &str) -> Line<'_> {
    const COUNTS: [&str; 4] = ["Released from hold", "Deleted", "Force-expired", "Requeued"];
    let Some((subject, rest)) = text.split_once(": ") else {
        return Line::Other;
    };
    if COUNTS.contains(&subject) {
        return Line::Count;
    }
    match subject.parse() {
        Ok(id) => Line::Effect(id, rest),
        Err(_) => Line::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: &str = "4jWpV34rvkz1X8jq";
    const B: &str = "4jWpV34tLsz1X8jk";

    fn id(text: &str) -> QueueId {
        text.parse().unwrap()
    }

    fn report(action: Action, said: &str) -> Report {
        parse(action, &[id(A), id(B)], said)
    }

    #[test]
    fn each_message_that_postsuper_names_is_done() {
        let said = format!(
            "postsuper: {A}: released from hold\npostsuper: {B}: released from hold\n\
             postsuper: Released from hold: 2 messages\n"
        );
        let report = report(Action::Release, &said);
        assert_eq!(report.done, BTreeSet::from([id(A), id(B)]));
        assert_eq!(report.complaints, Vec::<String>::new());
    }

    #[test]
    fn a_message_that_is_not_named_is_not_done() {
        let said = format!("postsuper: {B}: removed\npostsuper: Deleted: 1 message\n");
        assert_eq!(report(Action::Discard, &said).done, BTreeSet::from([id(B)]));
    }

    #[test]
    fn a_count_alone_proves_nothing() {
        let report = report(Action::Requeue, "postsuper: Requeued: 2 messages\n");
        assert_eq!(report, Report::default());
    }

    #[test]
    fn a_returned_message_must_have_left_hold() {
        let expired = format!("postsuper: {A}: expired\npostsuper: Force-expired: 1 message\n");
        assert_eq!(report(Action::Return, &expired), Report::default());
        let left = format!("{expired}postsuper: {A}: released from hold\n");
        assert_eq!(report(Action::Return, &left).done, BTreeSet::from([id(A)]));
    }

    #[test]
    fn another_effect_is_a_complaint() {
        let report = report(Action::Release, &format!("postsuper: {A}: removed\n"));
        assert_eq!(report.done, BTreeSet::new());
        assert_eq!(report.complaints, [format!("{A}: removed")]);
    }

    #[test]
    fn warnings_and_strangers_are_complaints() {
        let said = "postsuper: warning: invalid mail queue id: -\n\
                    postsuper: 4jWpV34vRQz1X8jv: removed\nsudo: a password is required\n";
        let report = report(Action::Discard, said);
        assert_eq!(report.done, BTreeSet::new());
        assert_eq!(report.complaints.len(), 3);
    }

    #[test]
    fn a_refusal_of_sudo_is_told_from_one_of_postsuper() {
        let output = |stderr: &str| Output {
            status: std::os::unix::process::ExitStatusExt::from_raw(256),
            stdout: Vec::new(),
            stderr: stderr.into(),
        };
        let fault =
            |stderr: String| refusal("/usr/sbin/postsuper".into(), &output(&stderr)).to_string();
        let warning = "sudo: unable to resolve host mx";
        for said in [
            "sudo: a password is required",
            "Sorry, user x may not run y",
        ] {
            let text = fault(format!("{warning}\n{said}\n"));
            assert!(text.starts_with("sudo does not permit this command"));
            assert!(text.contains(said), "{text}");
        }
        let fatal = fault(format!("{warning}\npostsuper: fatal: no queue\n"));
        assert_eq!(
            fatal,
            "/usr/sbin/postsuper refused (exit status: 1): postsuper: fatal: no queue"
        );
    }

    #[test]
    fn only_the_status_of_sudo_itself_tells_that_nothing_was_run() {
        let is_forbidden = |wait_status| {
            let output = Output {
                status: std::os::unix::process::ExitStatusExt::from_raw(wait_status),
                stdout: Vec::new(),
                stderr: "sudo: a password is required\n".into(),
            };
            let error = refusal("/usr/sbin/postsuper".into(), &output);
            matches!(error, PostfixError::Forbidden { .. })
        };
        // A status is in the second byte; in the first is the signal.
        assert!(is_forbidden(1 << 8));
        for wait_status in [9, 15, 2 << 8, 75 << 8, 137 << 8] {
            assert!(!is_forbidden(wait_status), "{wait_status}");
        }
    }

    #[test]
    fn complaints_are_cut() {
        let report = report(
            Action::Release,
            &format!("{}\n", "x".repeat(500)).repeat(100),
        );
        assert_eq!(report.complaints.len(), COMPLAINT_LIMIT);
        assert!(report.complaints.iter().all(|line| line.len() == 300));
    }

    proptest! {
        #[test]
        fn whatever_it_says_only_asked_messages_are_done(said in ".*") {
            for action in Action::ALL {
                let report = report(action, &said);
                prop_assert!(report.done.is_subset(&BTreeSet::from([id(A), id(B)])));
            }
        }
    }
}
