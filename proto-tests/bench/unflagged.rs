//! What the mail of everybody else costs: beside no milter at all.

use super::{
    contest::{self, Contender, USUAL},
    ground::{self, Ground},
    held::Sizes,
    latency,
    peers::{Mode, Peer, Socket},
    report::Report,
    verdict::{Row, Target},
};

const NONE: &str = "no milter";
const MIRROR: &str = "unflagged, mirror";
const LIVE: &str = "unflagged, live look-ups";
const EQUAL: &str = "unflagged, a C milter with the same steps";

/// What has a login, or where the header field From does not count.
const AT_MAIL: &str = "unflagged, let go at MAIL";
const EQUAL_AT_MAIL: &str = "unflagged, a C milter that lets go at MAIL";

/// Measures.
pub async fn measure(ground: &Ground<'_>, sizes: Sizes, report: &mut Report) {
    let (lab, postfix) = (ground.lab, &ground.lab.postfix);
    let servers = ground.servers(postfix);
    let peer = Peer::libmilter(servers, Mode::Pass, Socket::Unix).await;
    let peer_at_mail = Peer::libmilter(servers, Mode::PassAtMail, Socket::Unix).await;
    // smtp-source has no login.
    let at_mail = ground::beside(lab, &ground.desk, "at-mail", |settings| {
        settings.set("policy.header_from", "never");
    })
    .await;
    let entrances = [
        "unix:mailhold/smtp.sock",
        "unix:mailhold/live.sock",
        &peer.address,
        "unix:mailhold/at-mail.sock",
        &peer_at_mail.address,
    ]
    .map(|milter| ground.entrance(postfix, milter));
    ground.open(&entrances).await;
    let [mirror, live, equal, early, equal_early] = entrances;
    let ways = [
        (NONE, postfix.plain_smtp, None),
        (MIRROR, mirror, Some(ground.desk.milter.id())),
        (LIVE, live, Some(ground.live.id())),
        (EQUAL, equal, Some(peer.id())),
        (AT_MAIL, early, Some(at_mail.id())),
        (EQUAL_AT_MAIL, equal_early, Some(peer_at_mail.id())),
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
        (AT_MAIL, Target::None),
        (EQUAL_AT_MAIL, Target::None),
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
    let single = [
        (MIRROR, mirror, Target::AtMost(1.0)),
        (LIVE, live, Target::AtMost(1.0)),
        (EQUAL, equal, Target::None),
    ];
    latency::measure(ground, &single, sizes.n_alone, report).await;
    at_mail.stop().await;
}
