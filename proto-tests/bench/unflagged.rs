//! What the mail of everybody else costs: beside no milter at all.

use std::{net::SocketAddr, time::Instant};

use super::{
    contest::{self, Contender, USUAL},
    ground::Ground,
    held::Sizes,
    peers::{Mode, Peer, Socket},
    report::Report,
    statistics::Figure,
    verdict::{Row, Target},
};
use crate::lab::smtp::{Smtp, small_mail};

const NONE: &str = "no milter";
const MIRROR: &str = "unflagged, mirror";
const LIVE: &str = "unflagged, live look-ups";
const EQUAL: &str = "unflagged, a C milter with the same steps";

/// Messages of a block of single ones, and blocks.
const BLOCK: usize = 150;
const BLOCKS: usize = 20;

/// Measures.
pub async fn measure(ground: &Ground<'_>, sizes: Sizes, report: &mut Report) {
    let postfix = &ground.lab.postfix;
    let equal = Peer::libmilter(ground.servers(postfix), Mode::Pass, Socket::Unix).await;
    let entrances = [
        "unix:mailhold/smtp.sock",
        "unix:mailhold/live.sock",
        &equal.address,
    ]
    .map(|milter| ground.entrance(postfix, milter));
    ground.open(&entrances).await;
    let [mirror, live, bare] = entrances;
    let ways = [
        (NONE, postfix.plain_smtp, None),
        (MIRROR, mirror, Some(ground.desk.milter.id())),
        (LIVE, live, Some(ground.live.id())),
        (EQUAL, bare, Some(equal.id())),
    ];
    let contenders = ways.map(|(name, smtp, milter)| Contender {
        milter,
        ..ground.let_go(name, smtp, sizes.n_messages)
    });
    let results = contest::run(&contenders, USUAL, sizes.n_rounds).await;
    for (name, target) in [
        (MIRROR, Target::AtLeast(0.97)),
        (LIVE, Target::AtLeast(0.92)),
        (EQUAL, Target::None),
    ] {
        report.add(results.rates((name, NONE), target));
    }
    for (name, target) in [(MIRROR, 1.3), (LIVE, 2.5)] {
        let spent = results.ratio(name, EQUAL, |round| round.milter_ms);
        let each = [name, EQUAL].map(|name| results.median(name, |round| round.milter_ms) * 1e3);
        let name = format!("milter's CPU time: {name} ÷ an equal C milter's");
        let row = Row::new(name, spent, Target::AtMost(target));
        report.add(row.fact(format!("{:.1} and {:.1} µs", each[0], each[1])));
    }
    for (name, smtp) in [(MIRROR, mirror), (LIVE, live)] {
        report.add(added_latency(ground, name, smtp).await);
    }
}

/// One session with the milter and one without, in turns.
async fn added_latency(ground: &Ground<'_>, name: &str, smtp: SocketAddr) -> Row {
    let sender = &ground.unflagged;
    let mail = small_mail(sender, "bob@elsewhere.test", "one at a time");
    let (mut added, mut with, mut without) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..BLOCKS {
        let mut ours = Session::open(smtp).await;
        let mut theirs = Session::open(ground.lab.postfix.plain_smtp).await;
        for number in 0..BLOCK {
            // Whoever goes second may find the caches warmer.
            if number % 2 == 0 {
                ours.send(sender, &mail).await;
                theirs.send(sender, &mail).await;
            } else {
                theirs.send(sender, &mail).await;
                ours.send(sender, &mail).await;
            }
        }
        let [ours, theirs] = [ours.times_ms, theirs.times_ms];
        added.push(Figure::quantile(&ours, 0.99).value - Figure::quantile(&theirs, 0.99).value);
        with.extend(ours);
        without.extend(theirs);
    }
    let [with, without] = [with, without].map(|times| {
        let at = |part| Figure::quantile(&times, part).value;
        format!("p50 {:.2}, p99 {:.2} ms", at(0.5), at(0.99))
    });
    Row::new(
        format!("{name}: added to the p99 of a single message's time"),
        Figure::median(&added),
        Target::AtMost(1.0),
    )
    .unit("ms")
    .fact(format!(
        "with {with}; without {without}; {BLOCKS} blocks of {BLOCK}"
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
