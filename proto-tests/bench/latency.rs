//! What a milter adds to the time of a single message, on a machine that does nothing else.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    ground::Ground,
    report::Report,
    statistics::Figure,
    verdict::{Row, Target},
};
use crate::lab::{
    chance::Chance,
    eventually::eventually,
    smtp::{Smtp, small_mail},
};

const BOUND: Duration = Duration::from_secs(20);

/// Postfix starts a new cleanup after 100 messages, with a milter and without: one message of a hundred
/// waits some milliseconds for it, so that a p99 would show by chance either that start or what the
/// milter adds.
const LONG_LIVED: &str = "max_use=1000000";
/// Postfix's own setting.
const SHORT_LIVED: &str = "max_use=100";

/// Measures each of these milters, by the smtpd that has it.
pub async fn measure(
    ground: &Ground<'_>,
    milters: &[(&str, SocketAddr, Target)],
    n_alone: usize,
    report: &mut Report,
) {
    let postfix = &ground.lab.postfix;
    postfix.set(&[LONG_LIVED]).await;
    for milter in milters {
        report.add(added(ground, *milter, n_alone).await);
    }
    postfix.set(&[SHORT_LIVED]).await;
}

/// One session with the milter and one without, in turns; each message alone on an idle machine.
async fn added(
    ground: &Ground<'_>,
    (name, smtp, target): (&str, SocketAddr, Target),
    n_alone: usize,
) -> Row {
    let (sender, postfix) = (&ground.unflagged, &ground.lab.postfix);
    let mail = small_mail(sender, "bob@elsewhere.test", "one at a time");
    let mut ours = Session::open(smtp).await;
    let mut theirs = Session::open(postfix.plain_smtp).await;
    let mut chance = Chance::new(1);
    for _ in 0..n_alone {
        let mut pair = [&mut ours, &mut theirs];
        // Whoever goes second may find the caches warmer; and what Postfix does now and then is to meet both.
        if chance.percent(50) {
            pair.reverse();
        }
        for session in pair {
            session.send(sender, &mail).await;
            eventually("the message is delivered", BOUND, async || {
                match postfix.n_on_the_way() {
                    0 => Ok(()),
                    n => Err(n),
                }
            })
            .await;
        }
    }
    let at = |session: &Session, part| Figure::quantile(&session.times_ms, part);
    let (with, without) = (at(&ours, 0.99), at(&theirs, 0.99));
    let added = Figure::added(&ours.times_ms, &theirs.times_ms, 0.99);
    Row::new(
        format!("{name}: added to the p99 of a single message's time"),
        added,
        target,
    )
    .unit("ms")
    .fact(format!(
        "{n_alone} messages each: with p50 {:.2}, p99 {:.2} ms; without p50 {:.2}, p99 {:.2} ms",
        at(&ours, 0.5).value,
        with.value,
        at(&theirs, 0.5).value,
        without.value
    ))
}

/// An open session, and how long its messages took.
struct Session {
    smtp: Smtp,
    times_ms: Vec<f64>,
}

impl Session {
    async fn open(server: SocketAddr) -> Self {
        Self {
            smtp: Smtp::connect(server).await,
            times_ms: Vec::new(),
        }
    }

    async fn send(&mut self, sender: &str, mail: &[u8]) {
        let began = Instant::now();
        self.smtp
            .send(sender, &["bob@elsewhere.test"], mail)
            .await
            .ok();
        self.times_ms.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
}
