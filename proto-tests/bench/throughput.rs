//! Flagged messages per second, beside a bare milter that captures nothing.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use super::bare::Bare;
use tokio::net::TcpStream;

use crate::lab::{Lab, desk::Desk, eventually::eventually, ports::free_port, program::Program};

/// Messages of one round.
const MESSAGES: usize = 1_000;
/// Sessions at once.
const SESSIONS: &str = "10";
/// Bytes of one message.
const SIZE: &str = "4096";

/// How long the recorder and the worker may take after a round.
const RECORD_BOUND: Duration = Duration::from_secs(60);

/// Postfix reads its services again within moments.
const START_BOUND: Duration = Duration::from_secs(10);

/// One kind of milter behind an smtpd of its own.
struct Kind {
    name: &'static str,
    smtp: SocketAddr,
    rates: Vec<f64>,
}

/// Runs the rounds in the order A B C D D C B A, so that a slow drift hits all alike.
pub async fn measure(lab: &Lab, desk: &Desk, sender: &str, (inet, rounds): (SocketAddr, usize)) {
    let bare = [Bare::unix(&lab.postfix.queue_directory), Bare::inet().await];
    let ours = [
        "unix:mailhold/smtp.sock".to_owned(),
        format!("inet:{}:{}", inet.ip(), inet.port()),
    ];
    let names = ["bare, UNIX", "mailhold, UNIX", "bare, TCP", "mailhold, TCP"];
    let milters = [&bare[0].address, &ours[0], &bare[1].address, &ours[1]];
    let mut kinds: Vec<Kind> = names
        .into_iter()
        .zip(milters)
        .map(|(name, milter)| Kind {
            name,
            smtp: add_smtpd(lab, milter),
            rates: Vec::new(),
        })
        .collect();
    lab.postfix.reload();
    for kind in &kinds {
        let listens = async || TcpStream::connect(kind.smtp).await.map(drop);
        eventually("the new smtpd listens", START_BOUND, listens).await;
    }
    empty_hold(lab).await;
    for number in 0..=rounds {
        let order: Vec<usize> = if number % 2 == 0 {
            (0..4).collect()
        } else {
            (0..4).rev().collect()
        };
        for index in order {
            let rate = round(lab, kinds[index].smtp, sender).await;
            // The first round warms everything up.
            if number > 0 {
                kinds[index].rates.push(rate);
            }
            wait_until_recorded(desk).await;
            empty_hold(lab).await;
        }
    }
    report(&kinds, rounds);
}

fn report(kinds: &[Kind], rounds: usize) {
    for kind in kinds {
        let rate = median(&kind.rates);
        println!(
            "{:<16} {rate:>6.0} messages/s held (median of {rounds} rounds)",
            kind.name
        );
    }
    for pair in kinds.chunks(2) {
        let [bare, ours] = pair else { continue };
        let ratios: Vec<f64> = ours
            .rates
            .iter()
            .zip(&bare.rates)
            .map(|(ours, bare)| ours / bare)
            .collect();
        println!("{} / {}: {:.2}", ours.name, bare.name, median(&ratios));
    }
}

/// Adds an smtpd with one milter to the instance's services.
fn add_smtpd(lab: &Lab, milter: &str) -> SocketAddr {
    let port = free_port();
    let master_cf = lab.postfix.config_directory.join("master.cf");
    let mut services = fs::read_to_string(&master_cf).unwrap();
    services.push_str(&format!(
        "127.0.0.1:{port} inet n - y - - smtpd\n  -o {{ smtpd_milters = {{ {milter}, default_action=tempfail }} }}\n"
    ));
    fs::write(&master_cf, services).unwrap();
    SocketAddr::from(([127, 0, 0, 1], port))
}

async fn round(lab: &Lab, smtp: SocketAddr, sender: &str) -> f64 {
    let source = Program::new("smtp-source", Path::new("/usr/sbin/smtp-source"))
        .arguments([
            "-d",
            "-s",
            SESSIONS,
            "-m",
            &MESSAGES.to_string(),
            "-l",
            SIZE,
        ])
        .arguments(["-f", sender, "-t", "bob@elsewhere.test", &smtp.to_string()]);
    let began = Instant::now();
    source.run(b"").await;
    let time = began.elapsed();
    let held = lab.postfix.held().len();
    assert_eq!(held, MESSAGES, "every message of a round is held");
    MESSAGES as f64 / time.as_secs_f64()
}

/// What one round left to be recorded must not burden the next one.
async fn wait_until_recorded(desk: &Desk) {
    eventually(
        "all captures are recorded and confirmed",
        RECORD_BOUND,
        async || {
            let held = desk
                .milter
                .metric("mailhold_milter_verdicts_total{verdict=\"hold\"}")
                .await;
            let recorded = desk.milter.metric("mailhold_recorded_total").await;
            let confirmed = desk.worker.metric("mailhold_confirmed_total").await;
            if recorded >= held && confirmed >= held {
                Ok(())
            } else {
                Err((held, recorded, confirmed))
            }
        },
    )
    .await;
}

async fn empty_hold(lab: &Lab) {
    lab.postfix
        .command("postsuper")
        .arguments(["-d", "ALL", "hold"])
        .run(b"")
        .await;
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
