//! What holding a message costs, with its copy and its record, beside a milter that captures nothing.

use std::time::Duration;

use super::{
    contest::{self, Contender, Ends, Results, Round, USUAL},
    ground::Ground,
    peers::{Mode, Peer, Socket, access::ldap_access},
    report::Report,
    statistics::Figure,
    verdict::{Row, Target},
};

/// A C program that asks for the quarantine and keeps nothing.
pub const BARE: &str = "C milter that captures nothing";
/// The same by TCP: what that costs any milter.
const BARE_TCP: &str = "C milter that captures nothing, TCP";
/// The same with a copy of each message, written and synced by the thread that answers.
const COPYING: &str = "C milter with a durable copy";
/// And with rows of each in PostgreSQL.
const RECORDING: &str = "C milter with a durable copy and a plain record";
const SPOOL: &str = "milter + durable spool";
const WHOLE: &str = "whole job, mirror";
const LIVE: &str = "whole job, live look-ups";
const TCP: &str = "whole job, mirror, TCP";
const PYTHON: &str = "pymilter";
const PYTHON_TCP: &str = "pymilter, TCP";
const STATIC: &str = "Postfix's static HOLD";
const MAP: &str = "Postfix's LDAP access map";

/// How long all may take that is to be done after the last message of a round was taken.
const OVERHANG: Duration = Duration::from_secs(5);

/// Messages in a round.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub n_rounds: usize,
    pub n_messages: usize,
    /// For what is several times slower.
    pub n_slow: usize,
    /// For what is slower by far.
    pub n_slowest: usize,
    /// Messages that are sent alone.
    pub n_alone: usize,
}

/// Measures.
pub async fn measure(ground: &Ground<'_>, sizes: Sizes, report: &mut Report) {
    let (plain, desk) = (&ground.plain, &ground.lab.postfix);
    let servers = ground.servers(plain);
    let bare = Peer::libmilter(servers, Mode::Hold, Socket::Unix).await;
    let bare_tcp = Peer::libmilter(servers, Mode::Hold, Socket::Inet).await;
    let copying = Peer::libmilter(servers, Mode::Copy, Socket::Unix).await;
    let recording = Peer::libmilter(servers, Mode::Record, Socket::Unix).await;
    let python = Peer::pymilter(servers, Socket::Unix).await;
    let python_tcp = Peer::pymilter(servers, Socket::Inet).await;
    let inet = format!("inet:{}:{}", ground.inet.ip(), ground.inet.port());
    let map = ldap_access(servers);
    let n = sizes.n_messages;
    let whole = |name, milter: &str| ground.whole_job(name, ground.entrance(desk, milter), n);
    let held = |name, milter: &str, n| ground.held(name, ground.entrance(plain, milter), n);
    let mut live = whole(LIVE, "unix:mailhold/live.sock");
    live.milter = Some(ground.live.id());
    live.ends = Ends::Recorded {
        milter: &ground.live,
        worker: &ground.desk.worker,
    };
    let contenders = [
        Contender {
            milter: Some(bare.id()),
            ..held(BARE, &bare.address, n)
        },
        held(BARE_TCP, &bare_tcp.address, n),
        held(COPYING, &copying.address, n),
        Contender {
            ends: Ends::Marked(recording.marked.as_deref().unwrap()),
            ..held(RECORDING, &recording.address, n)
        },
        Contender {
            milter: Some(ground.spooling.id()),
            ..held(SPOOL, "unix:mailhold/spool.sock", n)
        },
        whole(WHOLE, "unix:mailhold/smtp.sock"),
        live,
        whole(TCP, &inet),
        ground.held(STATIC, plain.holding_smtp, n),
        ground.held(MAP, plain.add_smtpd(&map), n),
        held(PYTHON, &python.address, sizes.n_slow),
        held(PYTHON_TCP, &python_tcp.address, sizes.n_slowest),
    ];
    ground.open(&contenders.clone().map(|one| one.smtp)).await;
    let results = contest::run(&contenders, USUAL, sizes.n_rounds).await;
    judge(&results, report);
}

fn judge(results: &Results, report: &mut Report) {
    for (pair, target) in [
        ((SPOOL, BARE), Target::AtLeast(0.95)),
        ((WHOLE, BARE), Target::AtLeast(0.85)),
        ((LIVE, BARE), Target::AtLeast(0.78)),
        ((TCP, WHOLE), Target::AtLeast(0.92)),
        ((WHOLE, PYTHON), Target::AtLeast(2.5)),
        ((TCP, PYTHON_TCP), Target::AtLeast(8.0)),
        ((COPYING, BARE), Target::None),
        ((SPOOL, COPYING), Target::None),
        ((RECORDING, BARE), Target::None),
        ((WHOLE, RECORDING), Target::None),
        ((BARE_TCP, BARE), Target::None),
        ((BARE, PYTHON), Target::None),
        ((BARE, STATIC), Target::None),
        ((WHOLE, STATIC), Target::None),
        ((WHOLE, MAP), Target::None),
    ] {
        report.add(results.rates(pair, target));
    }
    let spent = results.ratio(WHOLE, BARE, |round: &Round| round.milter_ms);
    let each = [WHOLE, BARE].map(|name| results.median(name, |round| round.milter_ms) * 1_000.0);
    report.add(
        Row::new(
            "milter's CPU time for a flagged message ÷ the C milter's",
            spent,
            Target::AtMost(2.0),
        )
        .fact(format!("{:.0} and {:.0} µs", each[0], each[1])),
    );
    for name in [WHOLE, LIVE, TCP] {
        let longest = results.longest_overhang(name).as_secs_f64();
        report.add(
            Row::new(
                format!("{name}: nothing waits any more after the last 250, the longest"),
                Figure::plain(longest),
                Target::AtMost(OVERHANG.as_secs_f64()),
            )
            .unit("s"),
        );
    }
}
