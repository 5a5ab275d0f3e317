//! A small history in which all is well, made in memory: one message of each fate. Tests plant their
//! violations in it.

mod making;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    checker::{self, Report},
    ledger::{Act, Alone, Heard, History, Outcome, Standing, Way},
    snapshot::Snapshot,
};
use crate::lab::chance::Chance;

/// Flagged, released, delivered to both recipients.
pub const RELEASED: &str = "4jWkMG0001z1s";
/// Flagged, discarded.
pub const DISCARDED: &str = "4jWkMG0002z1b";
/// Flagged, returned.
pub const RETURNED: &str = "4jWkMG0003z1c";
/// Flagged, on hold, undecided.
pub const HELD: &str = "4jWkMG0004z1d";
/// Flagged, removed by hand.
pub const REMOVED: &str = "4jWkMG0005z1f";
/// Flagged, released; its client hung up and sent [`TWIN`] again.
pub const UNHEARD: &str = "4jWkMG0006z1g";
/// The same message as [`UNHEARD`], on hold.
pub const TWIN: &str = "4jWkMG0007z1h";
/// Flagged, by sendmail, released.
pub const LOCAL: &str = "4jWkMG0008z1j";
/// Flagged, refused after it was captured.
pub const REFUSED: &str = "4jWkMG0009z1k";
/// Flagged, released by a requeue, and its new name.
pub const REQUEUED: [&str; 2] = ["4jWkMG0010z1m", "4jWkMG0011z1n"];
/// Not flagged, delivered.
pub const OTHERS: &str = "4jWkMG0012z1p";
/// Not flagged, by sendmail, delivered.
pub const OTHERS_LOCAL: &str = "4jWkMG0013z1q";
/// Not flagged, put on hold by hand, recorded as a stray.
pub const STRAY: &str = "4jWkMG0014z1r";

const FIRST: &str = "rita";
const SECOND: &str = "robert";

/// A history in which all is well.
pub struct Truth {
    pub history: History,
    pub found: Snapshot,
    chance: Chance,
    clock: DateTime<Utc>,
}

impl Truth {
    /// Makes it.
    pub fn new() -> Self {
        let begin = DateTime::from_timestamp(1_795_246_089, 0).unwrap();
        let mut truth = Self {
            history: History::default(),
            found: Snapshot::default(),
            chance: Chance::new(1),
            clock: begin,
        };
        truth.found.spool_waiting = Some(0);
        truth.reviewed();
        truth.unusual();
        truth.others();
        truth.faults();
        for role in ["milter", "worker"] {
            truth.log_line(role, "INFO", "something happened");
            let figures = "mailhold_spool_waiting 0\n".to_owned();
            truth.found.figures.insert(role.to_owned(), figures);
        }
        truth
    }

    fn reviewed(&mut self) {
        self.send(RELEASED, Standing::Flagged, Way::Smtp, 2);
        self.capture(RELEASED, "held");
        self.settle(RELEASED, "release", "unhold", Heard::Acknowledged);
        self.deliver(&[RELEASED], 2);
        let lost = Heard::LostTo {
            decision: "release".to_owned(),
            reviewer: FIRST.to_owned(),
        };
        self.ballot(RELEASED, "discard", SECOND, lost);

        self.send(DISCARDED, Standing::Flagged, Way::Login, 1);
        self.capture(DISCARDED, "held");
        self.settle(DISCARDED, "discard", "delete", Heard::Acknowledged);

        self.send(RETURNED, Standing::Flagged, Way::Smtp, 1);
        self.capture(RETURNED, "held");
        self.settle(RETURNED, "return", "expire", Heard::Acknowledged);
        self.bounce(RETURNED);

        self.send(HELD, Standing::Flagged, Way::Smtp, 3);
        self.capture(HELD, "held");
        self.queue(HELD, "hold");
    }

    fn unusual(&mut self) {
        self.send(REMOVED, Standing::Flagged, Way::Smtp, 1);
        self.capture(REMOVED, "held");
        self.by_hand(REMOVED, Act::Remove);
        self.end(REMOVED, "gone", "none");

        let outcome = Outcome::Unknown("the client hung up".to_owned());
        let canary = self.send(UNHEARD, Standing::Flagged, Way::Smtp, 1);
        self.submission(UNHEARD).outcome = outcome;
        self.found.messages.insert(UNHEARD.to_owned(), canary);
        self.capture(UNHEARD, "held");
        self.settle(UNHEARD, "release", "unhold", Heard::Acknowledged);
        self.deliver(&[UNHEARD], 1);
        self.send_again(UNHEARD, TWIN);
        self.capture(TWIN, "held");
        self.queue(TWIN, "hold");

        let canary = self.send(LOCAL, Standing::Flagged, Way::Sendmail, 1);
        self.found.messages.insert(LOCAL.to_owned(), canary);
        self.capture(LOCAL, "held");
        self.settle(LOCAL, "release", "unhold", Heard::Unknown("cut".to_owned()));
        self.deliver(&[LOCAL], 1);

        let canary = self.send(REFUSED, Standing::Flagged, Way::Smtp, 1);
        self.found.messages.insert(REFUSED.to_owned(), canary);
        self.submission(REFUSED).outcome = Outcome::Refused {
            code: 451,
            text: "4.7.1 try again".to_owned(),
        };
        self.capture(REFUSED, "captured");
        self.end(REFUSED, "never_queued", "none");

        let [old, new] = REQUEUED;
        self.send(old, Standing::Flagged, Way::Smtp, 1);
        self.capture(old, "held");
        self.settle(old, "release", "requeue", Heard::Acknowledged);
        self.found.requeued.insert(new.to_owned(), old.to_owned());
        self.deliver(&[new, old], 1);
    }

    fn others(&mut self) {
        self.send(OTHERS, Standing::Unflagged, Way::Smtp, 1);
        self.deliver(&[OTHERS], 1);
        let canary = self.send(OTHERS_LOCAL, Standing::Unflagged, Way::Sendmail, 1);
        self.found.messages.insert(OTHERS_LOCAL.to_owned(), canary);
        self.deliver(&[OTHERS_LOCAL], 1);
        self.send(STRAY, Standing::Unflagged, Way::Smtp, 1);
        self.by_hand(STRAY, Act::Hold);
        self.queue(STRAY, "hold");
        self.found.strays.insert(STRAY.to_owned());
    }

    /// Two faults that were alone and were seen in time.
    fn faults(&mut self) {
        let begin = self.tick();
        self.look(begin, 600);
        for (fault, sign, after) in [
            ("PostgreSQL stopped", "milter store_unreachable", 60),
            ("disk full", "milter spool_full", 300),
        ] {
            let from = begin + TimeDelta::seconds(after);
            self.history.alone.push(Alone {
                fault: fault.to_owned(),
                signs: vec![sign.to_owned()],
                from,
                to: from + TimeDelta::seconds(33),
            });
            self.seen(self.history.alone.len() - 1, sign, 5..40);
        }
    }

    /// What the checker says now.
    pub fn report(&self) -> Report {
        checker::check(&self.history, &self.found)
    }

    /// The next moment.
    pub fn tick(&mut self) -> DateTime<Utc> {
        self.clock += TimeDelta::seconds(1);
        self.clock
    }
}
