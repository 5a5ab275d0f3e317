//! What the mail of everybody else costs: beside no milter at all.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    contest::{self, Contender, USUAL},
    ground::Ground,
    held::Sizes,
    peers::{Mode, Peer, Socket},
    report::Report,
    statistics::Figure,
    verdict::{Row, Target},
};
use crate::lab::{
    eventually::eventually,
    smtp::{Smtp, small_mail},
};

const NONE: &str = "no milter";
const MIRROR: &str = "unflagged, mirror";
const LIVE: &str = "unflagged, live look-ups";
const EQUAL: &str = "unflagged, a C milter with the same steps";

/// Single messages with the milter, and as many without.
const SINGLE: usize = 1_000;
const BOUND: Duration = Duration::from_secs(20);

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
    for (name, smtp, target) in [
        (MIRROR, mirror, Target::AtMost(1.0)),
        (LIVE, live, Target::AtMost(1.0)),
        (EQUAL, bare, Target::None),
    ] {
        report.add(added_latency(ground, (name, smtp), target).await);
    }
}

/// One session with the milter and one without, in turns; each message alone on an idle machine.
async fn added_latency(
    ground: &Ground<'_>,
    (name, smtp): (&str, SocketAddr),
    target: Target,
) -> Row {
    let (sender, postfix) = (&ground.unflagged, &ground.lab.postfix);
    let mail = small_mail(sender, "bob@elsewhere.test", "one at a time");
    let mut ours = Session::open(smtp).await;
    let mut theirs = Session::open(postfix.plain_smtp).await;
    for number in 0..2 * SINGLE {
        // Pairs of either order: whoever goes second may find the caches warmer.
        let session = match number % 4 {
            0 | 3 => &mut ours,
            _ => &mut theirs,
        };
        session.send(sender, &mail).await;
        eventually("the message is delivered", BOUND, async || {
            match postfix.n_on_the_way() {
                0 => Ok(()),
                n => Err(n),
            }
        })
        .await;
    }
    let at = |session: &Session, part| Figure::quantile(&session.times_ms, part);
    let (with, without) = (at(&ours, 0.99), at(&theirs, 0.99));
    let added = Figure {
        value: with.value - without.value,
        low: with.low - without.high,
        high: with.high - without.low,
    };
    Row::new(
        format!("{name}: added to the p99 of a single message's time"),
        added,
        target,
    )
    .unit("ms")
    .fact(format!(
        "{SINGLE} messages each: with p50 {:.2}, p99 {:.2} ms; without p50 {:.2}, p99 {:.2} ms",
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
