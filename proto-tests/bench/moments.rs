//! How soon a held message is on record, can be decided, and leaves once it is.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mailhold::{
    domain::{capture_id::CaptureId, decision::Decision},
    store::{
        Role, Settings, Store,
        decisions::{Answer, Ballot, Via},
    },
};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::task::JoinSet;

use super::{
    ground::Ground,
    report::Report,
    statistics::Figure,
    verdict::{Row, Target},
};
use crate::{
    lab::{
        desk::{Desk, REVIEWERS},
        eventually::eventually,
        smtp::Smtp,
    },
    store::fixture::Deciding,
};

const SESSIONS: usize = 10;
const BOUND: Duration = Duration::from_secs(60);

/// From the acceptance of a message to its record, and to its confirmation, under full load.
pub async fn of_captures(ground: &Ground<'_>, n_messages: usize, report: &mut Report) {
    let smtp = ground.lab.postfix.smtp;
    let accepted = accepted(smtp, &ground.flagged, n_messages).await;
    let committed = committed(&ground.desk, accepted.len()).await;
    let mut recorded_ms = Vec::new();
    let mut held_ms = Vec::new();
    for (id, at) in &accepted {
        let (recorded, held) = committed[id];
        recorded_ms.push((recorded - at) * 1_000.0);
        held_ms.push((held - at) * 1_000.0);
    }
    let fact = format!("{n_messages} messages over {SESSIONS} sessions at once");
    for (name, times, part, most) in [
        (
            "captured row committed after the 250, p50",
            &recorded_ms,
            0.5,
            20.0,
        ),
        (
            "captured row committed after the 250, p99",
            &recorded_ms,
            0.99,
            100.0,
        ),
        ("decidable after the 250, p99", &held_ms, 0.99, 250.0),
    ] {
        let figure = Figure::quantile(times, part);
        let row = Row::new(name, figure, Target::AtMost(most)).unit("ms");
        report.add(row.fact(&fact));
    }
}

/// Sends over several sessions at once, and gives the second of each acceptance by its queue ID.
async fn accepted(
    smtp: std::net::SocketAddr,
    sender: &str,
    n_messages: usize,
) -> HashMap<String, f64> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut sessions = JoinSet::new();
    for _ in 0..SESSIONS {
        let (next, sender) = (Arc::clone(&next), sender.to_owned());
        sessions.spawn(async move {
            let mut session = Smtp::connect(smtp).await;
            let mut accepted = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= n_messages {
                    return accepted;
                }
                let mail = mail_of(number, &sender);
                let reply = session.send(&sender, &["bob@elsewhere.test"], &mail).await;
                let now = second(SystemTime::now());
                accepted.push((reply.ok().queue_id().as_str().to_owned(), now));
            }
        });
    }
    sessions.join_all().await.concat().into_iter().collect()
}

fn mail_of(number: usize, sender: &str) -> Vec<u8> {
    let mut mail = format!(
        "From: <{sender}>\r\nTo: <bob@elsewhere.test>\r\nSubject: message {number}\r\n\
         Message-ID: <{number}.{}@client.test>\r\n\r\n",
        second(SystemTime::now())
    )
    .into_bytes();
    while mail.len() < 4_096 {
        mail.extend_from_slice(b"the same line again, as in the messages of smtp-source\r\n");
    }
    mail
}

fn second(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// When the transactions of each record were committed: its content is written once, and its row for
/// the last time when it is confirmed.
async fn committed(desk: &Desk, at_least: usize) -> HashMap<String, (f64, f64)> {
    eventually("all is confirmed", BOUND, async || {
        let sql = "select count(*) from capture where state = 'captured'";
        match desk.database.execute(sql).await.trim() {
            "0" => Ok(()),
            n => Err(n.to_owned()),
        }
    })
    .await;
    let sql = "select c.queue_id,
            extract(epoch from pg_xact_commit_timestamp(content.xmin)),
            extract(epoch from pg_xact_commit_timestamp(c.xmin))
        from capture c join capture_content content using (capture_id)
        where ordinal = 0 and c.captured_at > now() - interval '10 minutes'";
    let text = desk.database.execute(sql).await;
    let rows = text.lines().map(|line| {
        let fields: Vec<&str> = line.split('|').collect();
        let second = |index: usize| fields[index].parse().unwrap();
        (fields[0].to_owned(), (second(1), second(2)))
    });
    let rows: HashMap<_, _> = rows.collect();
    assert!(rows.len() >= at_least, "{} of {at_least}", rows.len());
    rows
}

/// From the commit of a decision until the file has left the hold queue, one at a time.
pub async fn of_decisions(ground: &Ground<'_>, n_decisions: usize, report: &mut Report) {
    let desk = &ground.desk;
    let store = reviews(desk);
    accepted(ground.lab.postfix.smtp, &ground.flagged, n_decisions).await;
    committed(desk, n_decisions).await;
    let sql = format!(
        "select capture_id, queue_id from capture where state = 'held'
        order by captured_at desc limit {n_decisions}"
    );
    let text = desk.database.execute(&sql).await;
    let hold = ground.lab.postfix.queue_directory.join("hold");
    let mut times_ms = Vec::new();
    for line in text.lines() {
        let (capture_id, queue_id) = line.split_once('|').unwrap();
        let leaves = watch(&hold, queue_id);
        decide(&store, capture_id.parse().unwrap()).await;
        let left = second(leaves.await.unwrap());
        let sql = format!(
            "select extract(epoch from pg_xact_commit_timestamp(xmin)) from decision
            where capture_id = '{capture_id}'"
        );
        let decided: f64 = desk.database.execute(&sql).await.trim().parse().unwrap();
        times_ms.push((left - decided) * 1_000.0);
    }
    let p50 = Figure::median(&times_ms).value;
    let row = Row::new(
        "decision committed → left hold/, one at a time, p99",
        Figure::quantile(&times_ms, 0.99),
        Target::AtMost(50.0),
    );
    report.add(
        row.unit("ms")
            .fact(format!("{n_decisions} decisions, p50 {p50:.1} ms")),
    );
}

fn reviews(desk: &Desk) -> Store {
    let login = desk.database.login("mailhold_reviews");
    let settings = Settings {
        url: desk.database.url(login.name),
        password: Some(login.password.clone().into()),
        max_connections: 1,
    };
    Store::connect_lazy(&settings, Role::Reviews).unwrap()
}

async fn decide(store: &Store, capture_id: CaptureId) {
    let ballot = Ballot {
        capture_id,
        decision: Decision::Release,
        reviewer: REVIEWERS[0].to_owned(),
        os_user: None,
        via: Via::Cli,
        note: None,
    };
    let answer = store.decide(&ballot).await.unwrap();
    assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}");
}

/// The moment at which a name leaves a directory.
fn watch(directory: &Path, name: &str) -> tokio::task::JoinHandle<SystemTime> {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC).unwrap();
    let leaving = AddWatchFlags::IN_MOVED_FROM | AddWatchFlags::IN_DELETE;
    inotify.add_watch(directory, leaving).unwrap();
    let name = name.to_owned();
    tokio::task::spawn_blocking(move || {
        loop {
            let events = inotify.read_events().unwrap();
            let now = SystemTime::now();
            let is_it = |found: Option<&std::ffi::OsString>| found.is_some_and(|it| *it == *name);
            if events.iter().any(|event| is_it(event.name.as_ref())) {
                return now;
            }
        }
    })
}
