//! Makes and changes the parts of the small history: what was sent, captured, decided and found.

use std::{collections::BTreeSet, ops::Range};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    super::{
        canary::Canary,
        imprint::Imprint,
        ledger::{Act, Ballot, ByHand, Heard, Outcome, Standing, Submission, Way},
        snapshot::{Capture, Decision, Delivery, LogLine, Look, Moved, QueueFile, Settlement},
    },
    FIRST, Truth,
};

impl Truth {
    /// A message that Postfix takes under this queue ID; the ID stands in its first recipient.
    pub(super) fn send(
        &mut self,
        id: &str,
        standing: Standing,
        way: Way,
        n_recipients: usize,
    ) -> Canary {
        let canary = Canary::new(&mut self.chance);
        let name = id.to_ascii_lowercase();
        let queue_id = (way != Way::Sendmail).then(|| id.to_owned());
        let content = format!("Subject: {canary}\r\n\r\n{canary}\r\n");
        let at = self.tick();
        self.history.submissions.push(Submission {
            number: self.history.submissions.len(),
            canary: canary.clone(),
            again_after: None,
            sender: format!("s{name}@corp.test"),
            standing,
            recipients: (0..n_recipients)
                .map(|number| format!("r{name}n{number}@elsewhere.test"))
                .collect(),
            way,
            imprint: Imprint::of(content.as_bytes()),
            begun_at: at,
            outcome: Outcome::Accepted { queue_id },
            ended_at: Some(at),
        });
        canary
    }

    pub(super) fn send_again(&mut self, before: &str, id: &str) {
        let submission = self.submission(before).clone();
        self.history.submissions.push(Submission {
            number: self.history.submissions.len(),
            again_after: Some(submission.number),
            outcome: Outcome::Accepted {
                queue_id: Some(id.to_owned()),
            },
            ..submission
        });
    }

    /// The submission of a queue ID; of a message that was sent again, the last.
    pub fn submission(&mut self, id: &str) -> &mut Submission {
        let name = id.to_ascii_lowercase();
        let is_it = |one: &&mut Submission| {
            let told = Outcome::Accepted {
                queue_id: Some(id.to_owned()),
            };
            one.outcome == told || one.recipients[0].contains(&name)
        };
        self.history.submissions.iter_mut().find(is_it).unwrap()
    }

    /// A record of it.
    pub fn capture(&mut self, id: &str, state: &str) {
        let submission = self.submission(id).clone();
        let at = self.tick();
        let paths = submission.recipients.iter().map(|one| format!("<{one}>"));
        self.found.captures.push(Capture {
            capture_id: format!("capture {} of {id}", self.found.captures.len()),
            instance: "postfix".to_owned(),
            queue_id: id.to_owned(),
            state: state.to_owned(),
            sender: format!("<{}>", submission.sender),
            recipients: paths.collect(),
            size_bytes: submission.imprint.size_bytes,
            digest: submission.imprint.whole.clone(),
            captured_at: at,
            created_at: at,
            imprint: submission.imprint,
            canaries: BTreeSet::from([submission.canary]),
        });
    }

    /// The capture of a queue ID.
    pub fn captured(&mut self, id: &str) -> &mut Capture {
        let mut captures = self.found.captures.iter_mut();
        captures.find(|one| one.queue_id == id).unwrap()
    }

    pub(super) fn settle(&mut self, id: &str, decision: &str, method: &str, heard: Heard) {
        self.ballot(id, decision, FIRST, heard);
        let capture_id = self.captured(id).capture_id.clone();
        let created_at = self.tick();
        self.found.decisions.push(Decision {
            capture_id,
            decision: decision.to_owned(),
            reviewer: FIRST.to_owned(),
            created_at,
        });
        let (acts, disposition) = match (decision, method) {
            ("release", "requeue") => (&[Act::Requeue][..], "released"),
            ("release", _) => (&[Act::Release][..], "released"),
            ("discard", _) => (&[Act::Remove][..], "discarded"),
            _ => (&[Act::Expire, Act::Release][..], "returned"),
        };
        for act in acts {
            self.moved(id, *act);
        }
        self.end(id, disposition, method);
    }

    /// Somebody tries to decide.
    pub fn ballot(&mut self, id: &str, decision: &str, reviewer: &str, heard: Heard) {
        let capture_id = self.captured(id).capture_id.clone();
        let at = self.tick();
        self.history.ballots.push(Ballot {
            number: self.history.ballots.len(),
            capture_id,
            decision: decision.to_owned(),
            reviewer: reviewer.to_owned(),
            begun_at: at,
            heard,
            ended_at: Some(at),
        });
    }

    /// Its end is recorded.
    pub fn end(&mut self, id: &str, disposition: &str, method: &str) {
        let created_at = self.tick();
        let capture = self.captured(id);
        disposition.clone_into(&mut capture.state);
        let capture_id = capture.capture_id.clone();
        self.found.settlements.push(Settlement {
            capture_id,
            disposition: disposition.to_owned(),
            method: method.to_owned(),
            new_queue_id: None,
            evidence: String::new(),
            is_decided: method != "none",
            created_at,
        });
    }

    /// The settlement of a queue ID's capture.
    pub fn settled(&mut self, id: &str) -> &mut Settlement {
        let capture_id = self.captured(id).capture_id.clone();
        let mut settlements = self.found.settlements.iter_mut();
        settlements
            .find(|one| one.capture_id == capture_id)
            .unwrap()
    }

    /// A line of `postsuper` in the log.
    pub fn moved(&mut self, id: &str, act: Act) {
        let queue_id = id.to_owned();
        self.found.moved.push(Moved { queue_id, act });
    }

    pub(super) fn by_hand(&mut self, id: &str, act: Act) {
        let at = self.tick();
        let queue_id = id.to_owned();
        self.history.by_hand.push(ByHand {
            queue_id,
            act,
            at,
            was_done: Some(true),
        });
        self.moved(id, act);
    }

    /// Its file, in a queue.
    pub fn queue(&mut self, id: &str, queue: &str) {
        let submission = self.submission(id).clone();
        self.found.queue_files.push(QueueFile {
            queue: queue.to_owned(),
            name: id.to_owned(),
            mode: 0o700,
            canaries: BTreeSet::from([submission.canary]),
            digest: Some(submission.imprint.whole),
            sender: Some(submission.sender),
            recipients: submission.recipients,
        });
    }

    /// The file of a queue ID.
    pub fn file(&mut self, id: &str) -> &mut QueueFile {
        let mut files = self.found.queue_files.iter_mut();
        files.find(|one| one.name == id).unwrap()
    }

    /// It reaches so many of its recipients, under these names, the newest first.
    pub fn deliver(&mut self, ids: &[&str], n_recipients: usize) {
        let submission = self.submission(ids[ids.len() - 1]).clone();
        let at = self.tick();
        self.found.deliveries.push(Delivery {
            sender: submission.sender,
            recipients: submission.recipients[..n_recipients].to_vec(),
            at,
            queue_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            returns: None,
            canaries: BTreeSet::from([submission.canary]),
            imprint: submission.imprint,
        });
    }

    /// Its sender is told that it was not delivered.
    pub fn bounce(&mut self, id: &str) {
        let submission = self.submission(id).clone();
        let at = self.tick();
        self.found.deliveries.push(Delivery {
            sender: String::new(),
            recipients: vec![submission.sender],
            at,
            queue_ids: vec![format!("4jWkMG9{}", &id[7..])],
            returns: Some(id.to_owned()),
            canaries: BTreeSet::from([submission.canary]),
            imprint: Imprint::default(),
        });
    }

    /// What arrived of a queue ID, a bounce included.
    pub fn arrived(&mut self, id: &str) -> &mut Delivery {
        let mut deliveries = self.found.deliveries.iter_mut();
        deliveries.find(|one| is_of(one, id)).unwrap()
    }

    /// Takes away what arrived of a queue ID.
    pub fn forget_arrived(&mut self, id: &str) {
        self.found.deliveries.retain(|one| !is_of(one, id));
    }

    /// Takes away the capture of a queue ID.
    pub fn forget_captured(&mut self, id: &str) {
        self.found.captures.retain(|one| one.queue_id != id);
    }

    /// A line of a process of mailhold.
    pub fn log_line(&mut self, role: &str, level: &str, text: &str) {
        self.found.log_lines.push(LogLine {
            role: role.to_owned(),
            level: level.to_owned(),
            event: "an.event".to_owned(),
            text: text.to_owned(),
        });
    }

    /// Looks that see all green, one each second.
    pub(super) fn look(&mut self, begin: DateTime<Utc>, n_looks: i64) {
        let look = |number| {
            let from = begin + TimeDelta::seconds(number);
            let to = from + TimeDelta::milliseconds(100);
            let signs = BTreeSet::new();
            Look { from, to, signs }
        };
        self.found.looks.extend((0..n_looks).map(look));
    }

    /// What was seen around a fault that was alone: a sign, in these seconds after its begin.
    pub fn seen(&mut self, number: usize, sign: &str, red: Range<i64>) {
        let from = self.history.alone[number].from;
        let near = -10..200;
        for look in &mut self.found.looks {
            let second = (look.from - from).num_seconds();
            if near.contains(&second) {
                look.signs.clear();
            }
            if red.contains(&second) {
                look.signs.insert(sign.to_owned());
            }
        }
    }
}

fn is_of(delivery: &Delivery, id: &str) -> bool {
    let returned = delivery.returns.as_deref() == Some(id);
    returned || delivery.queue_ids.iter().any(|one| one == id)
}
