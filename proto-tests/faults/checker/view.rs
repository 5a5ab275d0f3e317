//! A history and a snapshot side by side: which queue ID is which message, and what became of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::{
    canary::Canary,
    ledger::{Act, ByHand, History, Standing, Submission, Way},
    snapshot::{Capture, Decision, Delivery, QueueFile, Settlement, Snapshot},
};

/// The state of a capture that stands under review, or will.
const UNDER_REVIEW: [&str; 3] = ["captured", "held", "decided"];

/// All submissions of one message.
pub struct Letter<'a> {
    /// What is in every part of it.
    pub canary: &'a Canary,
    /// In their order.
    pub submissions: Vec<&'a Submission>,
    /// The queue IDs that Postfix gave it, the first one where it was requeued.
    pub queue_ids: BTreeSet<&'a str>,
}

/// What became of one message that Postfix took, by its first queue ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in this queue.
    Queued(String),
    /// It reached all recipients.
    Delivered,
    /// Its sender was told, as a decision or a hand wanted or after a release.
    Bounced,
    /// A decision removed it.
    Discarded,
    /// A hand removed it.
    Removed,
    /// It is in no queue and reached so many recipients.
    Missing(usize),
}

/// A history and a snapshot side by side.
pub struct View<'a> {
    pub history: &'a History,
    pub found: &'a Snapshot,
    /// By canary.
    pub letters: BTreeMap<&'a Canary, Letter<'a>>,
    captures: HashMap<&'a str, Vec<&'a Capture>>,
    decisions: HashMap<&'a str, &'a Decision>,
    settlements: HashMap<&'a str, &'a Settlement>,
    files: HashMap<&'a str, Vec<&'a QueueFile>>,
    deliveries: HashMap<&'a str, Vec<&'a Delivery>>,
    bounces: HashMap<&'a str, Vec<&'a Delivery>>,
    by_hand: HashMap<&'a str, Vec<&'a ByHand>>,
    in_spool: BTreeSet<&'a Canary>,
    in_maildrop: BTreeSet<&'a Canary>,
    in_bounces: BTreeSet<&'a Canary>,
    named: HashMap<&'a str, &'a Canary>,
}

impl<'a> View<'a> {
    pub fn new(history: &'a History, found: &'a Snapshot) -> Self {
        let mut view = Self {
            history,
            found,
            letters: letters(history),
            captures: HashMap::new(),
            decisions: HashMap::new(),
            settlements: HashMap::new(),
            files: HashMap::new(),
            deliveries: HashMap::new(),
            bounces: HashMap::new(),
            by_hand: HashMap::new(),
            in_spool: found
                .spool_files
                .iter()
                .flat_map(|file| &file.canaries)
                .collect(),
            in_maildrop: BTreeSet::new(),
            in_bounces: BTreeSet::new(),
            named: HashMap::new(),
        };
        for capture in &found.captures {
            view.captures
                .entry(&capture.queue_id)
                .or_default()
                .push(capture);
        }
        for decision in &found.decisions {
            view.decisions.insert(&decision.capture_id, decision);
        }
        for settlement in &found.settlements {
            view.settlements.insert(&settlement.capture_id, settlement);
        }
        for file in &found.queue_files {
            let origin = view.origin(&file.name);
            view.files.entry(origin).or_default().push(file);
            if file.queue == "maildrop" {
                view.in_maildrop.extend(&file.canaries);
            }
            if file.is_bounce() {
                view.in_bounces.extend(&file.canaries);
            }
        }
        for delivery in &found.deliveries {
            if let Some(returned) = &delivery.returns {
                let origin = view.origin(returned);
                view.bounces.entry(origin).or_default().push(delivery);
            } else if let Some(first) = delivery.queue_ids.last() {
                let origin = view.origin(first);
                view.deliveries.entry(origin).or_default().push(delivery);
            }
        }
        for by_hand in history.by_hand.iter().filter(|one| one.may_count()) {
            let origin = view.origin(&by_hand.queue_id);
            view.by_hand.entry(origin).or_default().push(by_hand);
        }
        view.name_letters();
        view
    }

    /// The queue ID that a requeued message had at first.
    pub fn origin<'b>(&self, queue_id: &'b str) -> &'b str
    where
        'a: 'b,
    {
        let mut origin = queue_id;
        // A log that lies must not keep us here.
        for _ in 0..16 {
            match self.found.requeued.get(origin) {
                Some(before) => origin = before,
                None => break,
            }
        }
        origin
    }

    /// Every trace of a queue ID that has a canary tells whose it is.
    fn name_letters(&mut self) {
        let mut named: Vec<(&'a Canary, &'a str)> = Vec::new();
        for (queue_id, canary) in &self.found.messages {
            named.push((canary, self.origin(queue_id)));
        }
        for capture in &self.found.captures {
            let canaries = capture.canaries.iter();
            named.extend(canaries.map(|canary| (canary, capture.queue_id.as_str())));
        }
        let files = self.found.queue_files.iter();
        for file in files.filter(|file| file.queue != "maildrop" && !file.is_bounce()) {
            let origin = self.origin(&file.name);
            named.extend(file.canaries.iter().map(|canary| (canary, origin)));
        }
        for delivery in self.found.deliveries.iter().filter(|one| !one.is_bounce()) {
            let Some(first) = delivery.queue_ids.last() else {
                continue;
            };
            // A message may hold parts of another one, and is not that one.
            let is_it = |canary: &&Canary| {
                let letter = self.letters.get(canary);
                letter.is_some_and(|letter| letter.recipients().contains(&delivery.recipients[0]))
            };
            let origin = self.origin(first);
            let canaries = delivery.canaries.iter().filter(is_it);
            named.extend(canaries.map(|canary| (canary, origin)));
        }
        for submission in &self.history.submissions {
            let id = submission.outcome.queue_id();
            named.extend(id.map(|id| (&submission.canary, id)));
        }
        for (canary, queue_id) in named {
            if let Some(letter) = self.letters.get_mut(canary) {
                letter.queue_ids.insert(queue_id);
                self.named.insert(queue_id, canary);
            }
        }
    }

    /// The message that a first queue ID is.
    pub fn letter(&self, origin: &str) -> Option<&Letter<'a>> {
        self.letters.get(self.named.get(origin)?)
    }

    /// All captures of a queue ID.
    pub fn captures(&self, queue_id: &str) -> &[&'a Capture] {
        self.captures.get(queue_id).map_or(&[], Vec::as_slice)
    }

    /// The decision on a capture.
    pub fn decision(&self, capture_id: &str) -> Option<&'a Decision> {
        self.decisions.get(capture_id).copied()
    }

    /// The settlement of a capture.
    pub fn settlement(&self, capture_id: &str) -> Option<&'a Settlement> {
        self.settlements.get(capture_id).copied()
    }

    /// The queue files of a message, by its first queue ID.
    pub fn files(&self, origin: &str) -> &[&'a QueueFile] {
        self.files.get(origin).map_or(&[], Vec::as_slice)
    }

    /// What reached recipients, by the first queue ID.
    pub fn deliveries(&self, origin: &str) -> &[&'a Delivery] {
        self.deliveries.get(origin).map_or(&[], Vec::as_slice)
    }

    /// What told the sender that it did not, by the first queue ID.
    pub fn bounces(&self, origin: &str) -> &[&'a Delivery] {
        self.bounces.get(origin).map_or(&[], Vec::as_slice)
    }

    /// What an operator did to a message, by its first queue ID.
    pub fn by_hand(&self, origin: &str) -> &[&'a ByHand] {
        self.by_hand.get(origin).map_or(&[], Vec::as_slice)
    }

    /// Whether an operator did any of these.
    pub fn was_by_hand(&self, origin: &str, acts: &[Act]) -> bool {
        self.by_hand(origin)
            .iter()
            .any(|one| acts.contains(&one.act))
    }

    /// Whether anybody decided so on any capture of a queue ID.
    pub fn was_decided(&self, queue_id: &str, words: &[&str]) -> bool {
        let decisions = self.captures(queue_id).iter();
        let mut decisions = decisions.filter_map(|one| self.decision(&one.capture_id));
        decisions.any(|one| words.contains(&one.decision.as_str()))
    }

    /// Whether a part of a message is in the spool, and something waits there. What is left of
    /// captures that are recorded stays until its file is removed.
    pub fn waits_in_spool(&self, canary: &Canary) -> bool {
        self.found.spool_waiting != Some(0) && self.in_spool.contains(canary)
    }

    /// Whether a part of a message is in the spool at all.
    pub fn is_in_spool(&self, canary: &Canary) -> bool {
        self.in_spool.contains(canary)
    }

    /// Whether a message waits to be picked up.
    pub fn is_in_maildrop(&self, canary: &Canary) -> bool {
        self.in_maildrop.contains(canary)
    }

    /// Whether an error in mailhold's log names a queue ID: an operator was told.
    pub fn is_alarmed(&self, queue_id: &str) -> bool {
        let lines = &self.found.log_lines;
        lines
            .iter()
            .any(|line| line.level == "ERROR" && line.text.contains(queue_id))
    }

    /// Whether a line calls this message gone. The alarm of that name stands for a quarter of an hour
    /// and is told when it begins: of whatever follows meanwhile, such a line is all that is logged.
    pub fn is_called_gone(&self, queue_id: &str) -> bool {
        let lines = &self.found.log_lines;
        lines
            .iter()
            .any(|line| line.event == "message.gone" && line.text.contains(queue_id))
    }

    /// What became of a message, by its first queue ID.
    pub fn fate(&self, letter: &Letter<'_>, origin: &str) -> Fate {
        // Postfix does not act on what is not whole or was set aside.
        let mut files = self.files(origin).iter();
        if let Some(file) = files.find(|file| file.is_whole() && file.queue != "corrupt") {
            return Fate::Queued(file.queue.clone());
        }
        let reached = self.reached(origin);
        let recipients = letter.recipients();
        if recipients.iter().all(|one| reached.contains(one.as_str())) {
            return Fate::Delivered;
        }
        let may_bounce = self.was_decided(origin, &["return", "release"])
            || self.was_by_hand(origin, &[Act::Return, Act::Expire, Act::Release]);
        let is_bounced =
            !self.bounces(origin).is_empty() || self.in_bounces.contains(letter.canary);
        if may_bounce && is_bounced {
            Fate::Bounced
        } else if reached.is_empty() && self.was_decided(origin, &["discard"]) {
            Fate::Discarded
        } else if self.was_by_hand(origin, &[Act::Remove]) {
            Fate::Removed
        } else {
            Fate::Missing(reached.len())
        }
    }

    /// The recipients that a message reached.
    pub fn reached(&self, origin: &str) -> BTreeSet<&'a str> {
        let deliveries = self.deliveries(origin).iter();
        let recipients = deliveries.flat_map(|delivery| &delivery.recipients);
        recipients.map(String::as_str).collect()
    }
}

impl<'a> Letter<'a> {
    /// What the directory says of the sender, over all submissions: changing if they differ.
    pub fn standing(&self) -> Standing {
        let first = self.submissions[0].standing;
        let alike = self.submissions.iter().all(|one| one.standing == first);
        if alike { first } else { Standing::Changing }
    }

    /// The envelope recipients.
    pub fn recipients(&self) -> &'a [String] {
        &self.submissions[0].recipients
    }

    /// The envelope sender.
    pub fn sender(&self) -> &'a str {
        &self.submissions[0].sender
    }

    /// The queue IDs that a client was told, each with its submission.
    pub fn accepted(&self) -> Vec<(&'a str, &'a Submission)> {
        let told = |submission: &&'a Submission| {
            let id = submission.outcome.queue_id()?;
            Some((id, *submission))
        };
        self.submissions.iter().filter_map(told).collect()
    }

    /// How many submissions Postfix took without telling a queue ID.
    pub fn n_accepted_unnamed(&self) -> usize {
        let is_unnamed = |submission: &&&Submission| {
            submission.way == Way::Sendmail && submission.outcome.is_accepted()
        };
        self.submissions.iter().filter(is_unnamed).count()
    }
}

impl Capture {
    /// Whether it is captured, held or decided.
    pub fn is_under_review(&self) -> bool {
        UNDER_REVIEW.contains(&self.state.as_str())
    }

    /// Whether the worker once saw its message on hold.
    pub fn was_held(&self) -> bool {
        !["captured", "gone", "never_queued"].contains(&self.state.as_str())
    }

    /// The envelope recipients without brackets.
    pub fn plain_recipients(&self) -> Vec<&str> {
        self.recipients.iter().map(|one| plain(one)).collect()
    }

    /// The envelope sender without brackets.
    pub fn plain_sender(&self) -> &str {
        plain(&self.sender)
    }
}

fn plain(path: &str) -> &str {
    path.trim_start_matches('<').trim_end_matches('>')
}

fn letters(history: &History) -> BTreeMap<&Canary, Letter<'_>> {
    let mut letters: BTreeMap<&Canary, Letter<'_>> = BTreeMap::new();
    for submission in &history.submissions {
        let letter = letters.entry(&submission.canary).or_insert_with(|| Letter {
            canary: &submission.canary,
            submissions: Vec::new(),
            queue_ids: BTreeSet::new(),
        });
        letter.submissions.push(submission);
    }
    letters
}
