//! Throughput against what grows: messages on hold, sessions, and the size of a message.

use std::path::Path;

use super::{
    contest::{self, Contender, Load, USUAL},
    full::House,
    ground::Ground,
    held::BARE,
    peers::{Mode, Peer, Socket},
    plot::{Plot, Series},
};

const OURS: &str = "mailhold, whole job";
/// Rounds of each point.
const ROUNDS: usize = 5;
const HELD: [usize; 4] = [100, 1_000, 10_000, 100_000];
const SESSIONS: [usize; 6] = [1, 2, 5, 10, 20, 50];
const BYTES: [usize; 6] = [1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576];
/// Messages in a round of 4 kB; fewer where they are larger.
const MESSAGES: usize = 500;
const ROUND_BYTES: usize = 64 * 1_024 * 1_024;

/// Measures, and draws into a directory.
pub async fn draw(ground: &Ground<'_>, into: &Path) {
    let bare = Peer::libmilter(ground.servers(&ground.plain), Mode::Hold, Socket::Unix).await;
    let entrance = ground.entrance(&ground.plain, &bare.address);
    ground.open(&[entrance]).await;
    let both = |n_messages| {
        [
            ground.whole_job(OURS, ground.lab.postfix.smtp, n_messages),
            ground.held(BARE, entrance, n_messages),
        ]
    };
    let mut by_sessions = Vec::new();
    for sessions in SESSIONS {
        let load = Load { sessions, ..USUAL };
        by_sessions.push((sessions, rates(&both(MESSAGES), load).await));
    }
    write(into, "sessions", "Sessions at once", by_sessions);
    let mut by_bytes = Vec::new();
    for bytes in BYTES {
        let n_messages = (ROUND_BYTES / bytes).min(MESSAGES);
        let load = Load { bytes, ..USUAL };
        by_bytes.push((bytes, rates(&both(n_messages), load).await));
    }
    write(into, "size", "Bytes of a message", by_bytes);
    let mut by_held = Vec::new();
    for n_held in HELD {
        let house = House::start(ground, &format!("held-{n_held}"), n_held).await;
        let contenders = [
            house.contender(ground, OURS, MESSAGES / 5),
            ground.held(BARE, entrance, MESSAGES / 5),
        ];
        by_held.push((n_held, rates(&contenders, USUAL).await));
        house.stop().await;
    }
    write(into, "held", "Messages on hold", by_held);
}

async fn rates(contenders: &[Contender<'_>; 2], load: Load) -> [f64; 2] {
    let results = contest::run(contenders, load, ROUNDS).await;
    [OURS, BARE].map(|name| results.median(name, |round| round.rate))
}

fn write(into: &Path, name: &str, across: &str, points: Vec<(usize, [f64; 2])>) {
    let series = |index: usize, name: &str| Series {
        name: name.to_owned(),
        points: points
            .iter()
            .map(|(across, rates)| (*across as f64, rates[index]))
            .collect(),
    };
    for (across, [ours, bare]) in &points {
        println!("{name} {across}: {ours:.0} and {bare:.0} messages/s");
    }
    let plot = Plot {
        title: "Flagged messages held in a second",
        across,
        up: "messages/s",
        series: vec![series(0, OURS), series(1, BARE)],
    };
    let file = into.join(format!("{name}.svg"));
    std::fs::write(&file, plot.to_svg()).unwrap();
    println!("written: {}", file.display());
}
