//! Any order of packets, thousands of them: a flagged message is never accepted without a capture.

use std::sync::Arc;

use indymilter::{
    MacroStage,
    message::{Message, command::Command, reply::Reply},
};
use libtest_mimic::Trial;

use super::{
    desk::Desk,
    mail::{Mail, QUEUE_ID},
    raw::Raw,
};
use crate::trials::{Trials, tests};

/// Connections, and packets on each.
const ROUNDS: u64 = 150;
const PACKETS: usize = 40;

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        no_order_of_commands_gets_a_flagged_message_accepted_unseen,
        random_bytes_stop_nobody_else,
    ]
}

/// Always the same numbers, so that a failure comes again (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, n_sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n_sides
    }
}

async fn no_order_of_commands_gets_a_flagged_message_accepted_unseen() {
    let desk = Desk::start().await;
    let (mut n_quarantines, mut n_refusals) = (0, 0);
    for round in 1..=ROUNDS {
        let mut dice = Dice(round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut raw = Raw::open(desk.place()).await;
        for _ in 0..PACKETS {
            send_some_step(&mut raw, &mut dice).await;
        }
        raw.half_close().await;
        let mut before = None;
        while let Some(reply) = raw.reply().await {
            if reply == Reply::Accept {
                let asked = matches!(before, Some(Reply::Quarantine { .. }));
                assert!(asked, "round {round}: accepted after {before:?}");
            }
            n_quarantines += usize::from(matches!(reply, Reply::Quarantine { .. }));
            n_refusals += usize::from(matches!(reply, Reply::ReplyCode { .. }));
            before = Some(reply);
        }
    }
    assert!(n_quarantines > 0 && n_refusals > 0, "the dice are loaded");
    assert!(desk.spool.n_waiting() >= n_quarantines);
    desk.shows("milter_connections", 0).await;
}

/// Mostly what comes next in a message, sometimes anything else. All mail is flagged.
async fn send_some_step(raw: &mut Raw, dice: &mut Dice) {
    match dice.roll(12) {
        0 => send_message(raw, dice).await,
        1 => mail(raw).await,
        2 => raw.rcpt("<bob@elsewhere.test>").await,
        3 => raw.command(Command::Data).await,
        4 => raw.header("Subject", " x").await,
        5 => raw.command(Command::Eoh).await,
        6 => raw.command(Command::BodyChunk("Hello\r\n".into())).await,
        7 => raw.command(Command::BodyEnd("".into())).await,
        8 => raw.command(Command::Abort).await,
        9 => raw.macros(MacroStage::Data, &[("i", QUEUE_ID)]).await,
        10 => raw.packet(Message::new(b'U', &b"NOOP\0"[..])).await,
        _ => raw.macros(MacroStage::Eom, &[("i", QUEUE_ID)]).await,
    }
}

async fn mail(raw: &mut Raw) {
    raw.macros(MacroStage::Mail, &[("{mail_addr}", "anna@corp.test")])
        .await;
    raw.send_mail("<anna@corp.test>").await;
}

/// A whole message, each step of which is left out now and then.
async fn send_message(raw: &mut Raw, dice: &mut Dice) {
    mail(raw).await;
    for step in [2, 9, 3, 4, 5, 6, 11, 7] {
        if dice.roll(12) > 0 {
            Box::pin(send_some_step(raw, &mut Dice(fixed(step)))).await;
        }
    }
}

/// A state of the dice whose next roll of twelve is `side`.
fn fixed(side: u64) -> u64 {
    (1..).find(|state| Dice(*state).roll(12) == side).unwrap()
}

async fn random_bytes_stop_nobody_else() {
    let desk = Desk::start().await;
    for round in 1..=ROUNDS {
        let mut dice = Dice(round);
        let length = usize::try_from(dice.roll(200)).unwrap();
        let bytes: Vec<u8> = std::iter::repeat_with(|| dice.roll(256).to_be_bytes()[7])
            .take(length)
            .collect();
        let mut raw = match round % 2 {
            0 => Raw::open(desk.place()).await,
            _ => Raw::connect(desk.place()).await,
        };
        raw.bytes(&bytes).await;
        raw.half_close().await;
        while raw.reply().await.is_some() {}
    }
    desk.mta().await.send(&Mail::flagged()).await.held();
}
