//! Reads what `strace -f -y` wrote: system calls with the lines at which each began and ended. Never
//! guesses: a line that it does not understand ends the test.

/// One system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The thread.
    pub thread: u32,
    /// Such as `fdatasync`.
    pub name: String,
    /// Its arguments as strace shows them; file descriptors with their paths.
    pub arguments: String,
    /// Its result, such as `0` or `-1 EIO (Input/output error)`.
    pub result: String,
    /// The line at which it began.
    pub began: usize,
    /// The line at which it ended. Two calls that overlap in time overlap in lines.
    pub ended: usize,
}

impl Call {
    /// Whether it did what it was to do.
    pub fn succeeded(&self) -> bool {
        !self.result.starts_with('-') && self.result != "?"
    }

    /// The path or socket of its first argument, a file descriptor.
    pub fn file(&self) -> &str {
        let first = self.arguments.split(", ").next().unwrap_or_default();
        let opened = first.split_once('<').map(|(_, rest)| rest);
        opened
            .and_then(|rest| rest.strip_suffix('>'))
            .unwrap_or_default()
    }

    /// The first text among its arguments, such as the path of `unlink`.
    pub fn text(&self) -> &str {
        self.arguments.split('"').nth(1).unwrap_or_default()
    }

    /// Whether it ended before the other one began.
    pub fn precedes(&self, other: &Self) -> bool {
        self.ended < other.began
    }
}

/// What is told of a trace when it is out of order: each call on a line, cut.
pub fn outline(calls: &[Call]) -> String {
    let line = |call: &Call| {
        let arguments: String = call.arguments.chars().take(OUTLINED).collect();
        let Call { began, ended, .. } = call;
        let (thread, name, result) = (call.thread, &call.name, &call.result);
        format!("{began}-{ended} {thread} {name}({arguments}) = {result}")
    };
    calls.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Enough for a path or the first words of a packet.
const OUTLINED: usize = 160;

/// Reads a whole trace. A call that never ended is left out: it has had no effect that counts.
pub fn read(text: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: Vec<Call> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let (thread, rest) = line.split_once(' ').expect("a thread and its call");
        let thread: u32 = thread
            .parse()
            .unwrap_or_else(|_| panic!("no thread: {line}"));
        let rest = rest.trim_start();
        // What becomes of threads and signals is no call.
        if rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if let Some(rest) = rest.strip_prefix("<... ") {
            let (name, rest) = rest.split_once(" resumed>").expect("a resumed call");
            let mine = |call: &Call| call.thread == thread && call.name == name;
            let Some(begun) = unfinished.iter().position(mine) else {
                // It began before the trace did.
                continue;
            };
            let mut call = unfinished.swap_remove(begun);
            let (arguments, result) = ended(rest, line);
            call.arguments.push_str(arguments);
            result.clone_into(&mut call.result);
            call.ended = at;
            calls.push(call);
            continue;
        }
        let (name, rest) = rest
            .split_once('(')
            .unwrap_or_else(|| panic!("no call: {line}"));
        let mut call = Call {
            thread,
            name: name.to_owned(),
            arguments: String::new(),
            result: String::new(),
            began: at,
            ended: at,
        };
        if let Some(arguments) = rest.strip_suffix(" <unfinished ...>") {
            // The blank behind a comma belongs to what follows.
            arguments.clone_into(&mut call.arguments);
            unfinished.push(call);
            continue;
        }
        let (arguments, result) = ended(rest, line);
        (call.arguments, call.result) = (arguments.to_owned(), result.to_owned());
        calls.push(call);
    }
    calls.sort_by_key(|call| call.began);
    calls
}

/// What stands before and behind the last `) = ` of a line; strace pads before the sign.
fn ended<'a>(rest: &'a str, line: &str) -> (&'a str, &'a str) {
    let (before, result) = rest
        .rsplit_once(" = ")
        .unwrap_or_else(|| panic!("no result: {line}"));
    let arguments = before.trim_end().strip_suffix(')');
    let arguments = arguments.unwrap_or_else(|| panic!("no end of the arguments: {line}"));
    (arguments, result)
}

/// What the unit tests of the module and of its readers need.
pub mod tests {
    use std::sync::Arc;

    use libtest_mimic::Trial;

    use super::*;
    use crate::trials::{Trials, tests};

    /// All tests of this file.
    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone:
            a_call_on_one_line_is_read,
            a_call_that_others_interrupt_spans_their_lines,
            a_call_that_others_interrupt_between_its_arguments_keeps_them_apart,
            calls_that_overlap_precede_each_other_in_no_direction,
            a_failed_call_has_not_succeeded,
            what_began_before_the_trace_or_never_ended_is_left_out,
        ]
    }

    async fn a_call_on_one_line_is_read() {
        let calls = read("7  fdatasync(9</s/segments/a>)           = 0\n7  unlink(\"/s/a\") = 0\n");
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[0].file(), "/s/segments/a");
        assert_eq!(calls[1].text(), "/s/a");
        assert!(calls[0].succeeded() && calls[0].precedes(&calls[1]));
    }

    async fn a_call_that_others_interrupt_spans_their_lines() {
        let calls = read(
            "7  fdatasync(9</a> <unfinished ...>\n\
             8  sendto(4<socket:[1]>, \"x = y\", 5, 0, NULL, 0) = 5\n\
             7  <... fdatasync resumed>)             = 0\n",
        );
        assert_eq!((calls[0].began, calls[0].ended), (0, 2));
        assert_eq!(calls[0].file(), "/a");
        assert_eq!(calls[1].text(), "x = y");
    }

    async fn a_call_that_others_interrupt_between_its_arguments_keeps_them_apart() {
        let calls = read(
            "7  recvfrom(16<socket:[1]>,  <unfinished ...>\n\
             8  fsync(9</a>) = 0\n\
             7  <... recvfrom resumed>\"COMMIT\", 8192, 0, NULL, NULL) = 6\n",
        );
        assert_eq!(calls[0].file(), "socket:[1]");
        assert_eq!(calls[0].text(), "COMMIT");
    }

    async fn calls_that_overlap_precede_each_other_in_no_direction() {
        let calls = read(
            "7  fdatasync(9</a> <unfinished ...>\n\
             8  sendto(4<socket:[1]>, \"x\", 1, 0, NULL, 0) = 1\n\
             7  <... fdatasync resumed>) = 0\n",
        );
        assert!(!calls[0].precedes(&calls[1]) && !calls[1].precedes(&calls[0]));
    }

    async fn a_failed_call_has_not_succeeded() {
        let calls = read("7  fdatasync(9</a>) = -1 EIO (Input/output error)\n");
        assert!(!calls[0].succeeded());
    }

    async fn what_began_before_the_trace_or_never_ended_is_left_out() {
        let calls = read(
            "7  <... epoll_wait resumed>[], 1024, 50) = 0\n\
             8  +++ exited with 0 +++\n\
             9  read(3</a>,  <unfinished ...>\n",
        );
        assert_eq!(calls, []);
    }
}
