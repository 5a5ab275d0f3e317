//! Strangers' bytes for the readers of queue files, of `postsuper` and of the log, and what must
//! hold of each reading. Run as property tests and by the fuzzer (docs/testing.md); never part of
//! the program.

use std::{collections::BTreeSet, io::Cursor};

use super::{
    log::{self, Findings},
    postsuper::{self, Action},
    queue_file::{QueueFile, QueueFileError},
    record::kind,
    sample::{ID, Sample},
};
use crate::{
    domain::{capture::ContentDigest, queue_id::QueueId, targets::Cut},
    mail::digest::{ContentHasher, render_header},
};

const ASKED: [&str; 2] = ["4jWpV34rvkz1X8jq", "4jWpV34tLsz1X8jk"];
/// What Postfix shows a milter of one header field at most.
const FIELD_LIMIT: usize = 60_000;

fn read(bytes: &[u8], field_limit: usize) -> Result<QueueFile, QueueFileError> {
    QueueFile::read(Cursor::new(bytes), &id(ID), field_limit)
}

fn id(text: &str) -> QueueId {
    match text.parse() {
        Ok(id) => id,
        Err(refused) => panic!("{refused}"),
    }
}

/// The queue-file reader: it keeps no more than there is, and what was read stays what it was.
pub fn queue_file(input: &[u8]) {
    let Ok(file) = read(input, FIELD_LIMIT) else {
        return;
    };
    let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let recipients: usize = file
        .recipients
        .iter()
        .map(|one| one.address.len() + length(&one.original) + length(&one.dsn_original) + 2)
        .sum();
    let kept = file.sender.len() + length(&file.login) + recipients + 2 * file.n_delivered;
    assert!(kept <= input.len(), "{kept} bytes out of {}", input.len());
    // What follows the end is nobody's matter.
    let longer = read(&[input, b"E\0N\x05extra"].concat(), FIELD_LIMIT);
    assert_eq!(longer.ok().as_ref(), Some(&file));
    // The limit of header fields is a matter of the content alone.
    match read(input, 10) {
        Ok(cut) => assert_eq!(cut.recipients, file.recipients),
        Err(refused) => panic!("{refused}"),
    }
}

/// The content of a queue file: the digest of what a milter was shown, however lines are stored.
pub fn queue_content(input: &[u8]) {
    let mut cut = Cut::new(input);
    let message = Message::of(&mut cut);
    let splits = cut.rest();
    let sample = message.file(splits);
    let file = match read(&sample.clone().end().bytes, FIELD_LIMIT) {
        Ok(file) => file,
        Err(refused) => panic!("{refused}"),
    };
    assert!(file.holds(&message.digest()), "{message:?}");
    assert_eq!(file.digest_without_received, None);
    // One line more is another content.
    let more = read(&sample.line(b"x").end().bytes, FIELD_LIMIT);
    assert!(more.is_ok_and(|more| !more.holds(&message.digest())));
}

/// A message as a milter is shown it.
#[derive(Debug)]
struct Message {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<Vec<u8>>,
}

impl Message {
    fn of(cut: &mut Cut<'_>) -> Self {
        let n_fields = cut.byte() % 8;
        let n_lines = cut.byte() % 8;
        let field = |_| {
            let is_name = |byte: &&u8| byte.is_ascii_graphic() && **byte != b':';
            let name: Vec<u8> = cut.part().iter().filter(is_name).copied().collect();
            let value = cut.part().split(|byte| *byte == b'\n').map(as_text);
            let value = value.collect::<Vec<_>>().join(&b"\n\t"[..]);
            (!name.is_empty()).then_some((name, value))
        };
        let fields = (0..n_fields).filter_map(field).collect();
        let line = |_| {
            cut.part()
                .iter()
                .copied()
                .filter(|byte| *byte != b'\n')
                .collect()
        };
        let body = (0..n_lines).map(line).collect();
        Self { fields, body }
    }

    fn digest(&self) -> ContentDigest {
        let mut content = Vec::new();
        for (name, value) in &self.fields {
            render_header(name, value, &mut content);
        }
        content.extend(b"\r\n");
        for line in &self.body {
            content.extend(line);
            content.extend(b"\r\n");
        }
        let mut hasher = ContentHasher::new();
        hasher.update(&content);
        hasher.finish()
    }

    /// Its queue file up to the end of the message; each of `splits` cuts one line in two records.
    fn file(&self, splits: &[u8]) -> Sample {
        let mut splits = splits.iter().map(|at| usize::from(*at));
        let mut sample = Sample::with_envelope().received();
        for (name, value) in &self.fields {
            // Postfix knows a field by the record that it begins in.
            let mut whole = name.len() + 1;
            let field = [name.as_slice(), b":", value].concat();
            for line in field.split(|byte| *byte == b'\n') {
                let at = splits.next().map(|at| at.max(whole));
                sample = stored(sample, line, at);
                whole = 1;
            }
        }
        sample = sample.line(b"");
        for line in &self.body {
            sample = stored(sample, line, splits.next());
        }
        sample
    }
}

fn stored(sample: Sample, line: &[u8], at: Option<usize>) -> Sample {
    match at.and_then(|at| line.split_at_checked(at)) {
        Some((first, rest)) => sample.record(kind::PARTIAL_LINE, first).line(rest),
        None => sample.line(line),
    }
}

fn as_text(line: &[u8]) -> Vec<u8> {
    line.iter().copied().filter(|byte| *byte != 0).collect()
}

/// The output of `postsuper`: nothing is done that it does not name, and little is kept.
pub fn postsuper_output(input: &[u8]) {
    let asked = ASKED.map(id);
    let mut cut = Cut::new(input);
    let n_action = usize::from(cut.byte()) % Action::ALL.len();
    let Some(action) = Action::ALL.get(n_action).copied() else {
        return;
    };
    let said = String::from_utf8_lossy(cut.rest()).into_owned();
    let report = postsuper::parse(action, &asked, &said);
    let effect = match action {
        Action::Release | Action::Return => "released from hold",
        Action::Discard => "removed",
        Action::Requeue => "requeued",
    };
    for id in &report.done {
        assert!(asked.contains(id), "{id} was not asked for");
        assert!(said.contains(&format!("{id}: {effect}")), "{said:?}");
    }
    assert!(report.complaints.len() <= 20);
    assert!(
        report
            .complaints
            .iter()
            .all(|one| one.chars().count() <= 300)
    );
    // What stands before and behind does not hide a line, nor can it make one.
    let [first, second] = &asked;
    let framed = format!("{said}\npostsuper: {first}: {effect}\n{said}");
    let mut expected = report.done.clone();
    expected.insert(first.clone());
    assert_eq!(postsuper::parse(action, &asked, &framed).done, expected);
    let other = postsuper::parse(action, std::slice::from_ref(second), &framed).done;
    assert!(!other.contains(first));
}

/// Log lines: messages that were asked for, line by line, and no sender speaks for `pickup`.
pub fn log_lines(input: &[u8]) {
    let [old, new] = ASKED.map(id);
    let asked = BTreeSet::from([&old]);
    let whole = log::find(input, &asked);
    assert!(whole.requeued_as.keys().all(|id| *id == old));
    assert!(whole.evidence.iter().all(|one| one.queue_id == old));
    let mut by_line = Findings::default();
    for line in input.split(|byte| *byte == b'\n') {
        let found = log::find(line, &asked);
        assert!(found.evidence.len() <= 1 && found.requeued_as.len() <= 1);
        by_line.requeued_as.extend(found.requeued_as);
        by_line.evidence.extend(found.evidence);
        by_line.followed.extend(found.followed);
    }
    assert_eq!(whole, by_line);
    // Whatever a sender calls himself, Postfix writes it between these brackets.
    let sender: Vec<u8> = input
        .iter()
        .copied()
        .filter(|byte| *byte != b'\n')
        .collect();
    for line in [
        "pickup[7]: X: uid=0 from=<",
        "smtpd[7]: NOQUEUE: reject: RCPT from x[::1]: 550 <",
    ] {
        let line = line.replace('X', new.as_str());
        let start = format!("Nov 21 10:48:30 mx postfix/{line}");
        let forged = [start.as_bytes(), &sender, b">"].concat();
        assert_eq!(log::find(&forged, &asked), Findings::default());
    }
}

/// Inputs to begin with, for each target above.
pub mod seeds {
    use super::{super::sample::Sample, ASKED, kind};
    use crate::domain::targets::joined;

    /// Queue files: plain, with recipients behind the message, edited by a milter, and going round.
    pub fn queue_file() -> Vec<Vec<u8>> {
        let plain = Sample::message(&[b"Subject: a", b"X: y", b" z", b"", b"body"]);
        let behind = Sample::with_envelope()
            .received()
            .record(kind::EXTRACTED, b"")
            .record(kind::ATTRIBUTE, b"notify_flags=1")
            .record(kind::ATTRIBUTE, b"sasl_username=anna")
            .record(kind::RECIPIENT, b"copy@out.test")
            .record(kind::CANCELLED_RECIPIENT, b"gone@out.test")
            .record(kind::DELIVERED, b"served@out.test")
            .record(kind::END, b"");
        let start = Sample::with_envelope().received();
        let at = start.bytes.len();
        let pointer = start.clone().pointer(at);
        let edited = start.pointer(at + 34).line(b"old").end().line(b"new").end();
        [plain, behind, pointer, edited]
            .map(|sample| sample.bytes)
            .into()
    }

    /// How many fields and lines, their parts, and where lines are cut.
    pub fn queue_content() -> Vec<Vec<u8>> {
        let parts = joined(&[b"Subject", b" a\nb", b"To", b" x", b"body", b"\0b"]);
        vec![
            [&[2, 2], &parts[..], &[9, 1, 4, 2]].concat(),
            [&[1, 1], &joined(&[b"Received", b" x", b""])[..]].concat(),
            vec![0, 0],
        ]
    }

    /// An action, and what was said.
    pub fn postsuper_output() -> Vec<Vec<u8>> {
        let [a, b] = ASKED;
        let said = format!(
            "\0postsuper: {a}: released from hold\npostsuper: {b}: removed\n\
             postsuper: Released from hold: 1 message\nsudo: a password is required\n"
        );
        let returned = format!("\u{2}postsuper: {a}: expired\n{a}: released from hold\n");
        [said, returned].map(String::into_bytes).into()
    }

    /// Lines of a log.
    pub fn log_lines() -> Vec<Vec<u8>> {
        let [old, new] = ASKED;
        let lines = format!(
            "Nov 21 10:48:30 mx postfix/pickup[12213]: {new}: uid=102 from=<a@corp.test> orig_id={old}\n\
             2026-11-21T10:47:53.1+00:00 mx postfix-out/postsuper[1]: {old}: released from hold\n"
        );
        vec![lines.into_bytes(), format!("x> orig_id={old}").into_bytes()]
    }
}
