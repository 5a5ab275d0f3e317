//! The two orders that nothing is lost by: synced before the answer, committed before the removal.
//! Judges a trace of one held message. Its own tests plant each wrong order.

use std::path::Path;

use super::trace::Call;

/// What is known of the message whose trace is judged.
pub struct Message<'a> {
    /// The spool's directory.
    pub spool: &'a Path,
    /// Its queue ID, which its frame in the spool names.
    pub queue_id: &'a str,
}

/// Words of the milter's quarantine request. It goes out before the final reply.
const ANSWER: &str = "mailhold review";
/// The frontend's message and the backend's answer in PostgreSQL's protocol.
const COMMIT: &str = "COMMIT";

/// Everything that is out of order; empty for a message that is safe at every moment.
pub fn faults(calls: &[Call], message: &Message<'_>) -> Vec<String> {
    let seen = Seen { calls, message };
    let mut faults = seen.before_the_answer();
    faults.extend(seen.before_the_removal());
    faults
}

struct Seen<'a> {
    calls: &'a [Call],
    message: &'a Message<'a>,
}

impl<'a> Seen<'a> {
    /// Everything that finds the capture after a power cut is synced before Postfix is answered.
    fn before_the_answer(&self) -> Vec<String> {
        let Some(answer) = self.sends(ANSWER).next() else {
            return vec!["no answer was sent".to_owned()];
        };
        let Some(frame) = self.frame() else {
            return vec!["no frame was written".to_owned()];
        };
        let mut faults = Vec::new();
        let mut must = |is_so: bool, what: String| {
            if !is_so {
                faults.push(what);
            }
        };
        must(
            self.is_synced_between(frame, answer),
            format!("{} is not synced before the answer", frame.file()),
        );
        for write in self.writes_in("large") {
            let what = format!("{} is not synced before its frame", write.file());
            must(self.is_synced_between(write, frame), what);
        }
        for created in self.created() {
            let path = Path::new(created.text());
            let directory = path.parent().unwrap_or(path).display().to_string();
            let is_durable = |sync: &&Call| {
                sync.file() == directory && created.precedes(sync) && sync.precedes(answer)
            };
            let what = format!(
                "the name {} is not synced before the answer",
                path.display()
            );
            must(self.syncs().any(|sync| is_durable(&sync)), what);
        }
        faults
    }

    /// Nothing of the capture is marked or removed before PostgreSQL has confirmed its COMMIT.
    fn before_the_removal(&self) -> Vec<String> {
        let Some(frame) = self.frame() else {
            return Vec::new();
        };
        let is_after = |call: &&Call| frame.precedes(call);
        let Some(removal) = self.removals(frame).find(is_after) else {
            return vec!["the capture was never removed".to_owned()];
        };
        let sent = self.sends(COMMIT).filter(is_after);
        let confirms = |sent: &Call| {
            self.receives(COMMIT).any(|received| {
                received.file() == sent.file()
                    && sent.began <= received.ended
                    && received.precedes(removal)
            })
        };
        let recorded = |sent: &Call| {
            self.sends(self.message.queue_id)
                .any(|record| record.file() == sent.file() && record.began <= sent.began)
        };
        if sent.filter(|sent| recorded(sent)).any(confirms) {
            return Vec::new();
        }
        let what = format!("{}({})", removal.name, removal.file());
        vec![format!("{what} comes before the answer to COMMIT")]
    }

    fn succeeded(&self) -> impl Iterator<Item = &'a Call> {
        self.calls.iter().filter(|call| call.succeeded())
    }

    /// Whether a sync that began after `write` ended before `effect` began.
    fn is_synced_between(&self, write: &Call, effect: &Call) -> bool {
        self.syncs().any(|sync| {
            sync.file() == write.file() && write.precedes(sync) && sync.precedes(effect)
        })
    }

    fn syncs(&self) -> impl Iterator<Item = &'a Call> {
        let names = ["fsync", "fdatasync"];
        self.succeeded()
            .filter(move |call| names.contains(&&*call.name))
    }

    /// Writes into a part of the spool, but for zeros, which say nothing.
    fn writes_in(&self, part: &str) -> impl Iterator<Item = &'a Call> {
        let directory = self.message.spool.join(part);
        let names = ["write", "writev", "pwrite64", "pwritev"];
        self.succeeded().filter(move |call| {
            let is_zero = call.text().trim_start_matches("\\0").is_empty();
            names.contains(&&*call.name)
                && !is_zero
                && Path::new(call.file()).starts_with(&directory)
        })
    }

    /// The write of the frame that makes the capture exist.
    fn frame(&self) -> Option<&'a Call> {
        let id = self.message.queue_id;
        self.writes_in("segments")
            .find(|call| call.arguments.contains(id))
    }

    /// Whether a call names a file that captures lie in; the probe of the disk is none.
    fn holds_captures(&self, call: &Call) -> bool {
        let path = Path::new(call.text());
        ["segments", "large"]
            .iter()
            .any(|part| path.starts_with(self.message.spool.join(part)))
    }

    fn created(&self) -> impl Iterator<Item = &'a Call> {
        self.succeeded().filter(|call| {
            let is_made = call.name == "openat" && call.arguments.contains("O_CREAT");
            is_made && self.holds_captures(call)
        })
    }

    /// What takes a capture away: a file removed, and anything more that is written to segments, such
    /// as a mark that names it as settled.
    fn removals(&self, frame: &'a Call) -> impl Iterator<Item = &'a Call> {
        let removed = self.calls.iter().filter(|call| {
            let is_gone = call.name.starts_with("unlink");
            is_gone && self.holds_captures(call)
        });
        let marks = self
            .writes_in("segments")
            .filter(move |call| *call != frame);
        let mut all: Vec<&Call> = removed.chain(marks).collect();
        all.sort_by_key(|call| call.began);
        all.into_iter()
    }

    fn sends(&self, words: &'a str) -> impl Iterator<Item = &'a Call> {
        self.talk(["write", "writev", "sendto", "sendmsg"], words)
    }

    fn receives(&self, words: &'a str) -> impl Iterator<Item = &'a Call> {
        self.talk(["read", "readv", "recvfrom", "recvmsg"], words)
    }

    fn talk(&self, names: [&'static str; 4], words: &'a str) -> impl Iterator<Item = &'a Call> {
        self.succeeded().filter(move |call| {
            let is_talk = names.contains(&&*call.name) && call.file().starts_with("socket:");
            is_talk && call.arguments.contains(words)
        })
    }
}

/// Planted orders, right and wrong.
pub mod tests {
    use std::sync::Arc;

    use libtest_mimic::Trial;

    use super::*;
    use crate::{
        protection::trace,
        trials::{Trials, tests},
    };

    /// All tests of this file.
    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone:
            the_right_order_has_no_fault,
            each_step_out_of_order_is_found,
            a_step_that_failed_or_is_missing_is_found,
            a_step_that_has_not_ended_is_found,
        ]
    }

    /// A large message in the right order, one step on each line.
    const STEPS: [&str; 13] = [
        r#"openat(AT_FDCWD</>, "/s/large/f", O_RDWR|O_CREAT|O_EXCL, 0600) = 9</s/large/f>"#,
        r#"writev(9</s/large/f>, [{iov_base="body", iov_len=4}], 1) = 4"#,
        r"fdatasync(9</s/large/f>) = 0",
        r"fsync(10</s/large>) = 0",
        r#"openat(AT_FDCWD</>, "/s/segments/a", O_RDWR|O_CREAT|O_EXCL, 0600) = 8</s/segments/a>"#,
        r#"pwrite64(8</s/segments/a>, "\0\0\0"..., 65536, 0) = 65536"#,
        r"fsync(11</s/segments>) = 0",
        r#"writev(8</s/segments/a>, [{iov_base="\2\3", iov_len=2}, {iov_base="ID1", iov_len=3}], 2) = 5"#,
        r"fdatasync(8</s/segments/a>) = 0",
        r#"sendto(5<socket:[1]>, "qmailhold review", 16, 0, NULL, 0) = 16"#,
        r#"sendto(6<socket:[2]>, "insert ID1 Q\0\0\0\vCOMMIT\0", 20, 0, NULL, 0) = 20"#,
        r#"recvfrom(6<socket:[2]>, "C\0\0\0\vCOMMIT\0Z", 8192, 0, NULL, NULL) = 18"#,
        r#"unlink("/s/segments/a") = 0"#,
    ];
    const ZEROS: usize = 5;

    fn faults_of(steps: &[String]) -> Vec<String> {
        let lines: Vec<String> = steps.iter().map(|step| format!("7 {step}")).collect();
        let message = Message {
            spool: Path::new("/s"),
            queue_id: "ID1",
        };
        faults(&trace::read(&lines.join("\n")), &message)
    }

    fn steps() -> Vec<String> {
        STEPS.map(str::to_owned).to_vec()
    }

    async fn the_right_order_has_no_fault() {
        assert_eq!(faults_of(&steps()), [""; 0]);
        let mut marked = steps();
        let mark = r#"writev(8</s/segments/a>, [{iov_base="\2\4", iov_len=2}], 1) = 2"#;
        marked.insert(12, mark.to_owned());
        assert_eq!(faults_of(&marked), [""; 0]);
        let mut probed = steps();
        let made = r#"openat(AT_FDCWD</>, "/s/probe", O_RDWR|O_CREAT|O_EXCL, 0600) = 12</s/probe>"#;
        let removed = r#"unlink("/s/probe") = 0"#;
        for step in [removed, made] {
            probed.insert(9, step.to_owned());
        }
        assert_eq!(faults_of(&probed), [""; 0]);
    }

    async fn each_step_out_of_order_is_found() {
        for (step, behind) in [
            (1, 2),   // the body behind its sync
            (2, 7),   // the body's sync behind the frame
            (3, 9),   // the large file's name behind the answer
            (6, 9),   // the segment's name behind the answer
            (7, 8),   // the frame behind its sync
            (8, 9),   // the frame's sync behind the answer
            (10, 12), // COMMIT behind the removal
            (11, 12), // the answer to COMMIT behind the removal
        ] {
            let mut wrong = steps();
            let moved = wrong.remove(step);
            wrong.insert(behind, moved);
            assert_ne!(faults_of(&wrong), [""; 0], "{}", STEPS[step]);
        }
        let mut marked = steps();
        let mark = r#"writev(8</s/segments/a>, [{iov_base="\2\4", iov_len=2}], 1) = 2"#;
        marked.insert(11, mark.to_owned());
        assert_ne!(
            faults_of(&marked),
            [""; 0],
            "a mark before the answer to COMMIT"
        );
    }

    async fn a_step_that_failed_or_is_missing_is_found() {
        for step in [2, 3, 6, 7, 8, 9, 10, 11, 12] {
            let mut missing = steps();
            missing.remove(step);
            assert_ne!(faults_of(&missing), [""; 0], "without {}", STEPS[step]);
            let mut failed = steps();
            let (call, _) = STEPS[step].rsplit_once(" = ").unwrap();
            failed[step] = format!("{call} = -1 EIO (Input/output error)");
            // A removal that failed was still begun.
            if step != 12 {
                assert_ne!(faults_of(&failed), [""; 0], "failed {}", STEPS[step]);
            }
        }
        let mut without_zeros = steps();
        without_zeros.remove(ZEROS);
        assert_eq!(faults_of(&without_zeros), [""; 0], "zeros are for speed");
    }

    async fn a_step_that_has_not_ended_is_found() {
        for (step, next) in [(2, 7), (3, 9), (6, 9), (8, 9), (11, 12)] {
            let mut late = steps();
            let (call, result) = STEPS[step].rsplit_once(") = ").unwrap();
            let (name, _) = call.split_once('(').unwrap();
            // Another thread's, so that it may go on.
            late[step] = format!("{call} <unfinished ...>");
            late.insert(next + 1, format!("<... {name} resumed>) = {result}"));
            let lines: Vec<String> = late
                .iter()
                .map(|line| {
                    match line.contains(name)
                        && (line.contains("unfinished") || line.contains("resumed"))
                    {
                        true => format!("8 {line}"),
                        false => format!("7 {line}"),
                    }
                })
                .collect();
            let message = Message {
                spool: Path::new("/s"),
                queue_id: "ID1",
            };
            let found = faults(&trace::read(&lines.join("\n")), &message);
            assert_ne!(found, [""; 0], "{}", STEPS[step]);
        }
    }
}
