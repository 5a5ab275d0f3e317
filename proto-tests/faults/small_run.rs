//! A small run without faults, on servers of its own: nothing is violated, and everything is looked
//! at. What is planted in its record is found.

use std::{path::PathBuf, sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::{
    domain::queue_id::QueueId,
    store::{Role, Settings, Store},
};
use tokio_util::sync::CancellationToken;

use super::{
    checker::{self, Invariant},
    deciders::{self, Deciders},
    ledger::{Act, Heard, History, Ledger, Standing},
    load::{self, Doors, Load, People},
    snapshot::{self, Snapshot, Sources},
};
use crate::{
    lab::{
        Lab,
        desk::{Desk, REVIEWERS, Servers},
        eventually::eventually,
        place::random_text,
        postfix::Postfix,
        program::text,
        sink::Sink,
    },
    trials::{Trials, tests},
};

const QUIET_BOUND: Duration = Duration::from_secs(60);
const SEED: u64 = 20_260_601;
const LOAD: Load = Load {
    seed: SEED,
    n_clients: 6,
    n_mails: 90,
    largest_bytes: 3 * 1_024 * 1_024,
    all_bytes: 12 * 1_024 * 1_024,
    span: Duration::from_secs(40),
    longest_pause: Duration::from_millis(200),
};
const REVIEWS: &str = "mailhold_reviews";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared: a_small_run_without_faults_has_no_violation]
}

async fn a_small_run_without_faults_has_no_violation(lab: &Lab) {
    let sink = Sink::start().await;
    let name = format!("small{}", &random_text()[..4]);
    let postfix = Postfix::start(&lab.tools, &name, sink.address).await;
    let servers = Servers {
        postfix: &postfix,
        ..lab.servers()
    };
    let desk = Desk::start(servers, |_| {}).await;
    let (history, found) = record(lab, &postfix, &desk, &sink).await;

    let report = checker::check(&history, &found);
    println!("{report}");
    assert!(report.is_clean(), "\n{report}");
    assert!(report.unexamined().is_empty(), "\n{report}");
    for (invariant, plant) in PLANTS {
        let (mut history, mut found) = (history.clone(), found.clone());
        plant(&mut history, &mut found);
        let report = checker::check(&history, &found);
        assert_eq!(report.violated(), [invariant], "\n{report}");
    }
}

async fn record(lab: &Lab, postfix: &Postfix, desk: &Desk, sink: &Sink) -> (History, Snapshot) {
    let people = People::add(&lab.slapd, postfix, 3, 1).await;
    let store = store(desk);
    let deciders = Deciders {
        seed: SEED + 1,
        n_deciders: 3,
        reviewers: REVIEWERS.map(str::to_owned).to_vec(),
        instance: postfix.name.parse().unwrap(),
    };
    let doors = Doors {
        smtp: postfix.smtp,
        submission: postfix.submission,
        postfix,
    };
    let ledger = Ledger::default();
    let (never, done) = (CancellationToken::new(), CancellationToken::new());
    let sending = async {
        let sent = load::run(&LOAD, doors, &people, &ledger, &never).await;
        assert!(sent.n_mails == LOAD.n_mails && sent.n_submissions >= sent.n_mails);
        quiet(postfix, desk, &store, &deciders).await;
        done.cancel();
    };
    let deciding = deciders::run(&deciders, &store, &ledger, &done);
    tokio::join!(sending, deciding, flag_somebody(lab, &people, &ledger));
    // Some stay on hold, whatever the deciders left alone.
    let load = Load {
        n_clients: 1,
        n_mails: 12,
        ..LOAD
    };
    load::run(&load, doors, &people, &ledger, &never).await;
    at_rest(postfix, desk).await;
    expire(postfix, &ledger, desk).await;

    let spool = desk.settings.text("spool.directory");
    let sources = Sources {
        sink,
        postfix,
        database: &desk.database,
        spool: spool.as_ref(),
        roles: &[("milter", &desk.milter), ("worker", &desk.worker)],
        logs: &[],
    };
    let found = snapshot::take(&sources).await;
    (ledger.history(), found)
}

fn store(desk: &Desk) -> Store {
    let settings = Settings {
        url: desk.database.url(REVIEWS),
        password: Some(desk.database.login(REVIEWS).password.clone().into()),
        max_connections: 4,
    };
    Store::connect_lazy(&settings, Role::Reviews).unwrap()
}

/// In the middle of the load the directory flags one more person.
async fn flag_somebody(lab: &Lab, people: &People, ledger: &Ledger) {
    let half = LOAD.n_mails / 2;
    eventually("half of the mail is sent", LOAD.span, async || {
        let n_sent = ledger.history().submissions.len();
        if n_sent >= half { Ok(()) } else { Err(n_sent) }
    })
    .await;
    let mut all = people.all().iter();
    let person = all.find(|person| person.may_change()).unwrap();
    person.set_standing(Standing::Changing);
    lab.slapd.set_flags(&person.login, &["TRUE"]).await;
    person.set_standing(Standing::Flagged);
}

/// An operator marks the newest held message as expired: it stays on hold.
async fn expire(postfix: &Postfix, ledger: &Ledger, desk: &Desk) {
    let sql = "select queue_id from capture where state = 'held' order by capture_id desc limit 1";
    let id: QueueId = desk.database.execute(sql).await.parse().unwrap();
    let number = ledger.by_hand(&id, Act::Expire);
    let command = postfix.command("postsuper");
    let command = command.arguments([Act::Expire.option(), "-", "hold"]);
    let output = command.output(id.as_str().as_bytes()).await;
    let said = text(&output.stderr);
    assert!(said.contains(id.as_str()), "{said}");
    ledger.was_done_by_hand(number, true);
}

async fn quiet(postfix: &Postfix, desk: &Desk, store: &Store, deciders: &Deciders) {
    at_rest(postfix, desk).await;
    eventually("all is decided", QUIET_BOUND, async || {
        let open = deciders::open(store, &deciders.instance).await.unwrap();
        if open.is_empty() { Ok(()) } else { Err(open) }
    })
    .await;
    at_rest(postfix, desk).await;
}

/// Nothing moves any more, but for what somebody decides.
async fn at_rest(postfix: &Postfix, desk: &Desk) {
    let maildrop = postfix.queue_directory.join("maildrop");
    let spool = PathBuf::from(desk.settings.text("spool.directory"));
    eventually("all is at rest", QUIET_BOUND, async || {
        let dropped = std::fs::read_dir(&maildrop).unwrap().count();
        let queued = postfix.queued();
        let held = postfix.held();
        let moving: Vec<_> = queued.iter().filter(|id| !held.contains(id)).collect();
        let waiting = desk.milter.metric("mailhold_spool_waiting").await;
        // What is recorded is removed a moment later; until then a snapshot finds it waiting.
        let n_spooled: usize = ["segments", "large"]
            .map(|part| std::fs::read_dir(spool.join(part)).unwrap().count())
            .iter()
            .sum();
        let sql = "select count(*) from capture where state in ('captured', 'decided')";
        let underway = desk.database.execute(sql).await;
        let is_recorded = waiting == 0.0 && n_spooled == 0 && underway == "0";
        if moving.is_empty() && dropped == 0 && is_recorded {
            Ok(())
        } else {
            Err(format!(
                "{moving:?} {dropped} {waiting} {n_spooled} {underway}"
            ))
        }
    })
    .await;
}

type Plant = fn(&mut History, &mut Snapshot);

/// One of each kind, in a record of real servers.
const PLANTS: [(Invariant, Plant); 10] = [
    (Invariant::NoEscape, |history, found| {
        let held = in_state(history, found, "held");
        let mut escaped = found.deliveries[0].clone();
        let submission = history
            .submissions
            .iter()
            .find(|one| held.canaries.contains(&one.canary));
        let submission = submission.unwrap();
        escaped.queue_ids = vec![held.queue_id];
        escaped.sender = submission.sender.clone();
        escaped.recipients = submission.recipients.clone();
        escaped.canaries = held.canaries;
        escaped.imprint = submission.imprint.clone();
        escaped.returns = None;
        found.deliveries.push(escaped);
    }),
    (Invariant::NoLoss, |history, found| {
        let released = in_state(history, found, "released").queue_id;
        found
            .deliveries
            .retain(|one| !one.queue_ids.contains(&released));
    }),
    (Invariant::Durable, |history, found| {
        let held = in_state(history, found, "held");
        found
            .captures
            .retain(|one| one.capture_id != held.capture_id);
        found.strays.insert(held.queue_id);
    }),
    (Invariant::NoGhosts, |history, found| {
        let held = in_state(history, found, "held").queue_id;
        let mut files = found.queue_files.iter_mut();
        files.find(|file| file.name == held).unwrap().queue = "deferred".to_owned();
    }),
    (Invariant::OneDecision, |history, _| {
        let mut ballots = history.ballots.iter_mut();
        let lost = ballots.find(|one| matches!(one.heard, Heard::LostTo { .. }));
        lost.unwrap().heard = Heard::Acknowledged;
    }),
    (Invariant::ApplyOnce, |history, found| {
        let released = in_state(history, found, "released").queue_id;
        let mut deliveries = found.deliveries.iter();
        let first = deliveries
            .find(|one| one.queue_ids.contains(&released))
            .unwrap();
        let second = first.clone();
        found.deliveries.push(second);
    }),
    (Invariant::RightMessage, |history, found| {
        let queue_id = in_state(history, found, "held").queue_id;
        let act = Act::Remove;
        found.moved.push(snapshot::Moved { queue_id, act });
    }),
    (Invariant::SameBytes, |history, found| {
        let released = in_state(history, found, "released").queue_id;
        let mut deliveries = found.deliveries.iter_mut();
        let delivery = deliveries.find(|one| one.queue_ids.contains(&released));
        delivery.unwrap().imprint.body = "00".to_owned();
    }),
    (Invariant::Bystanders, |history, found| {
        let is_other = |standing| standing == Standing::Unflagged;
        let mut submissions = history.submissions.iter();
        let other = submissions.find(|one| is_other(one.standing)).unwrap();
        found
            .deliveries
            .retain(|one| !one.canaries.contains(&other.canary));
    }),
    (Invariant::NoLeak, |history, found| {
        let is_flagged = |standing| standing == Standing::Flagged;
        let mut submissions = history.submissions.iter();
        let flagged = submissions.find(|one| is_flagged(one.standing)).unwrap();
        let line = found.log_lines.last_mut().unwrap();
        line.text.push_str(&flagged.recipients[0]);
    }),
];

/// A flagged person's message whose queue ID a client was told.
fn in_state(history: &History, found: &Snapshot, state: &str) -> snapshot::Capture {
    let is_told = |capture: &&snapshot::Capture| {
        let mut submissions = history.submissions.iter();
        let told = submissions.find(|one| one.outcome.queue_id() == Some(&capture.queue_id));
        told.is_some_and(|one| one.standing == Standing::Flagged)
    };
    let mut captures = found.captures.iter().filter(is_told);
    let capture = captures.find(|one| one.state == state);
    let capture = capture.unwrap_or_else(|| panic!("nothing is {state}"));
    capture.clone()
}
