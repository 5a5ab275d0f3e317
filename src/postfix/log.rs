//! Finds in Postfix's log what became of messages: a new queue ID, or who moved them. Reads a
//! bounded tail and trusts a line no further than its program's name: anybody can write to syslog.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{LogSource, Settings, error::PostfixError, journal, log_file};
use crate::domain::queue_id::QueueId;

/// How far the clock may have been set back since a mark that is a time alone.
const CLOCK_STEP: TimeDelta = TimeDelta::hours(2);

/// The programs that tell what a hand did to a message.
pub(super) const HANDS: [&str; 2] = ["pickup", "postsuper"];

/// The same, and those that tell what Postfix did by itself: that it took mail in, and sent it on.
pub(super) const HANDS_AND_POSTFIX: [&str; 4] = ["cleanup", "pickup", "postsuper", "qmgr"];

/// What `postsuper` logged that it did to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Put on hold.
    Held,
    /// Let go from hold.
    Released,
    /// Removed.
    Removed,
    /// Submitted anew.
    Requeued,
    /// Marked as expired.
    Expired,
}

/// One line of `postsuper` in Postfix's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The message.
    pub queue_id: QueueId,
    /// What was done to it.
    pub effect: Effect,
    /// The time as the log has it, in the log's own form.
    pub stamp: String,
}

/// What the log says of some messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Old queue IDs of requeued messages and their new ones.
    pub requeued_as: BTreeMap<QueueId, QueueId>,
    /// What `postsuper` did to them, oldest first.
    pub evidence: Vec<Evidence>,
    /// Those that the queue manager took up for delivery, and when it did so first.
    pub taken_up: BTreeMap<QueueId, String>,
    /// When Postfix itself gave them back to their senders because they were marked as expired, if
    /// that was asked for.
    pub given_back: BTreeMap<QueueId, String>,
    /// Those whose arrival is logged, and of which all was read that was logged since, if that was asked
    /// for: of these alone is silence a proof. A log that was cut or rotated away has no arrival.
    pub followed: BTreeSet<QueueId>,
}

/// A place in the log to read on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogMark {
    since: DateTime<Utc>,
    /// Inode and length of the log file.
    file: Option<(u64, u64)>,
}

impl LogMark {
    /// A mark known by its time alone; of a log file the whole tail is read then.
    pub fn since(since: DateTime<Utc>) -> Self {
        Self {
            since: since - CLOCK_STEP,
            file: None,
        }
    }

    /// The end of the log as it is now.
    pub(super) fn at_end(settings: &Settings, now: DateTime<Utc>) -> Self {
        let file = match &settings.log {
            LogSource::File(path) => fs::metadata(path).ok(),
            LogSource::Journal | LogSource::None => None,
        };
        Self {
            since: now,
            file: file.map(|file| (file.ino(), file.len())),
        }
    }
}

/// Reads what was logged of these messages since the mark.
pub(super) async fn read(
    settings: &Settings,
    programs: &[String],
    mark: LogMark,
    ids: &[QueueId],
) -> Result<Findings, PostfixError> {
    let tail = match settings.log.clone() {
        LogSource::None => return Ok(Findings::default()),
        LogSource::Journal => journal::read(settings, programs, mark.since).await?,
        LogSource::File(path) => {
            super::in_background(move || {
                log_file::read_tail(&path, mark.file)
                    .map_err(|cause| PostfixError::ReadLog { path, cause })
            })
            .await?
        }
    };
    let ids = ids.iter().collect();
    let mut findings = find(&tail.text, &ids);
    if tail.unbroken_from > 0 {
        findings.followed = find(tail.unbroken(), &ids).followed;
    }
    Ok(findings)
}

/// Finds these messages in the text of a log.
pub(super) fn find(log: &[u8], ids: &BTreeSet<&QueueId>) -> Findings {
    let mut findings = Findings::default();
    for line in log.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        let Some(entry) = Entry::read(&line) else {
            continue;
        };
        if let Some((new, old)) = entry.requeue().filter(|(_, old)| ids.contains(old)) {
            findings.requeued_as.insert(old, new);
        }
        let evidence = entry.evidence();
        let evidence = evidence.filter(|evidence| ids.contains(&evidence.queue_id));
        findings.evidence.extend(evidence);
        let arrived = entry.arrived().filter(|id| ids.contains(id));
        findings.followed.extend(arrived);
        if let Some(id) = entry.taken_up().filter(|id| ids.contains(id)) {
            let stamp = entry.stamp.to_owned();
            findings.taken_up.entry(id).or_insert(stamp);
        }
        if let Some(id) = entry.given_back().filter(|id| ids.contains(id)) {
            let stamp = entry.stamp.to_owned();
            findings.given_back.entry(id).or_insert(stamp);
        }
    }
    findings
}

/// A log line in its parts: `stamp host name/program[pid]: text`.
struct Entry<'a> {
    stamp: &'a str,
    program: &'a str,
    text: &'a str,
}

impl<'a> Entry<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (head, text) = line.split_once("]: ")?;
        let (head, pid) = head.rsplit_once('[')?;
        if pid.is_empty() || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (origin, name) = head.rsplit_once(' ')?;
        let (_, program) = name.rsplit_once('/')?;
        let (stamp, _host) = origin.rsplit_once(' ')?;
        Some(Self {
            stamp,
            program,
            text,
        })
    }

    /// New and old queue ID, from `NEW: uid=102 from=<…> orig_id=OLD` (`src/pickup/pickup.c`).
    ///
    /// A sender cannot forge it: what a user sends ends in `>`.
    fn requeue(&self) -> Option<(QueueId, QueueId)> {
        if self.program != "pickup" {
            return None;
        }
        let (new, rest) = self.text.split_once(": uid=")?;
        let (_, old) = rest.rsplit_once("> orig_id=")?;
        Some((new.parse().ok()?, old.parse().ok()?))
    }

    /// The message of `ID: message-id=<…>`, which is logged of every message before a milter is asked about
    /// its end, and long before its queue file is whole (`src/cleanup/cleanup_message.c`).
    fn arrived(&self) -> Option<QueueId> {
        if self.program != "cleanup" {
            return None;
        }
        let (id, _) = self.text.split_once(": message-id=")?;
        id.parse().ok()
    }

    /// The message of `ID: from=<…>, size=…, nrcpt=… (queue active)` (`src/qmgr/qmgr_active.c`).
    fn taken_up(&self) -> Option<QueueId> {
        if self.program != "qmgr" {
            return None;
        }
        let (id, _) = self.text.split_once(": from=<")?;
        id.parse().ok()
    }

    /// The message of `ID: from=<…>, status=force-expired, returned to sender`
    /// (`src/qmgr/qmgr_active.c`).
    fn given_back(&self) -> Option<QueueId> {
        let id = self.taken_up()?;
        let is_expired = self
            .text
            .ends_with(">, status=force-expired, returned to sender");
        is_expired.then_some(id)
    }

    fn evidence(&self) -> Option<Evidence> {
        if self.program != "postsuper" {
            return None;
        }
        let (id, done) = self.text.split_once(": ")?;
        let effect = match done {
            "placed on hold" => Effect::Held,
            "released from hold" => Effect::Released,
            "removed" => Effect::Removed,
            "requeued" => Effect::Requeued,
            "expired" => Effect::Expired,
            _ => return None,
        };
        Some(Evidence {
            queue_id: id.parse().ok()?,
            effect,
            stamp: self.stamp.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OLD: &str = "4jWpV34xY7z1X8k0";
    const NEW: &str = "4jWppQ3jqVz1X8lx";

    fn id(text: &str) -> QueueId {
        text.parse().unwrap()
    }

    fn found(log: &str) -> Findings {
        find(log.as_bytes(), &BTreeSet::from([&id(OLD)]))
    }

    #[test]
    fn a_requeued_message_is_found_under_its_new_id() {
        let findings = found(&format!(
            "Nov 21 10:48:30 mx postfix/pickup[12213]: {NEW}: uid=102 from=<a@corp.test> \
             orig_id={OLD}\n"
        ));
        assert_eq!(findings.requeued_as, BTreeMap::from([(id(OLD), id(NEW))]));
    }

    #[test]
    fn every_form_of_time_stamp_is_read() {
        for stamp in [
            "Nov 21 10:47:53",
            "2026-11-21T10:47:53.123456+00:00",
            "2026-11-21T10:47:53+0000",
        ] {
            let line = format!("{stamp} mx postfix-out/postsuper[1]: {OLD}: released from hold\n");
            let expected = Evidence {
                queue_id: id(OLD),
                effect: Effect::Released,
                stamp: stamp.to_owned(),
            };
            assert_eq!(found(&line).evidence, [expected]);
        }
    }

    #[test]
    fn a_sender_cannot_pretend_to_be_a_requeued_message() {
        let sender = format!("<x> orig_id={OLD}>");
        let line = format!("Nov 21 1:1:1 mx postfix/pickup[1]: {NEW}: uid=0 from={sender}\n");
        assert_eq!(found(&line), Findings::default());
    }

    #[test]
    fn a_message_that_was_taken_up_for_delivery_is_told() {
        let line =
            format!("4 mx postfix/qmgr[1]: {OLD}: from=<a@b.test>, size=9, nrcpt=1 (queue active)");
        let log = format!("Nov {line}\nDec {line}\nJan 4 mx postfix/smtp[1]: {OLD}: from=<x>\n");
        let taken_up = BTreeMap::from([(id(OLD), "Nov 4".to_owned())]);
        assert_eq!(found(&log).taken_up, taken_up);
    }

    #[test]
    fn a_message_that_was_given_back_as_expired_is_told() {
        let of = |from: &str, status: &str| {
            let line = format!("Nov 4 mx postfix/qmgr[1]: {OLD}: from=<{from}>, {status}\n");
            found(&line).given_back
        };
        let given_back = BTreeMap::from([(id(OLD), "Nov 4".to_owned())]);
        let forced = "status=force-expired, returned to sender";
        assert_eq!(of("a@b.test", forced), given_back);
        let forged = format!("a>, {forced}");
        for (from, status) in [
            ("a@b.test", "status=expired, returned to sender"),
            (&*forged, "size=9, nrcpt=1 (queue active)"),
        ] {
            assert!(of(from, status).is_empty(), "{status}");
        }
    }

    #[test]
    fn a_message_is_followed_from_its_arrival() {
        let line = |program, text| format!("Nov 4 mx postfix/{program}[1]: {OLD}: {text}\n");
        let followed = |log: &str| found(log).followed;
        let arrival = line("cleanup", "message-id=<1@a.test>");
        assert_eq!(followed(&arrival), BTreeSet::from([id(OLD)]));
        assert!(followed(&line("qmgr", "message-id=<1@a.test>")).is_empty());
        assert!(followed(&line("cleanup", "hold: message-id=<1@a.test>")).is_empty());
    }

    #[test]
    fn other_programs_and_other_messages_are_left_out() {
        let log = format!(
            "Nov 21 1:1:1 mx postfix/qmgr[1]: {OLD}: removed\n\
             Nov 21 1:1:1 mx postfix/smtpd[1]: {NEW}: uid=1 from=<> orig_id={OLD}\n\
             Nov 21 1:1:1 mx postfix/postsuper[1]: {NEW}: removed\n\
             Nov 21 1:1:1 mx postfix/postsuper[1]: Deleted: 1 message\n"
        );
        assert_eq!(found(&log), Findings::default());
    }

    #[test]
    fn a_clock_that_was_set_back_hides_nothing() {
        let captured = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let logged_after_a_step = captured - TimeDelta::hours(1);
        assert!(LogMark::since(captured).since < logged_after_a_step);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_log(log in prop::collection::vec(any::<u8>(), 0..2_000)) {
            find(&log, &BTreeSet::new());
        }

        #[test]
        fn any_text_behind_the_program_is_read(text in ".*") {
            for program in HANDS_AND_POSTFIX {
                let line = format!("Nov 21 1:1:1 mx postfix/{program}[1]: {text}");
                find(line.as_bytes(), &BTreeSet::new());
            }
        }
    }
}
