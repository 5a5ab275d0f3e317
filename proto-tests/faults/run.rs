//! One run: mail and decisions while a plan of faults is played, then quiet, then the count of what
//! went wrong. Never judges by itself: the checker does.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use mailhold::{
    domain::instance::Instance,
    store::{Role as StoreRole, Settings as StoreSettings, Store},
};
use tokio::{runtime::Handle, sync::Mutex, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    checker::{self, Report},
    deciders::{self, Deciders},
    house::House,
    injectors::{self, Hands, Scene},
    ledger::{History, Ledger},
    load::{self, Doors, Load, People, Sent},
    plan::Plan,
    points, quiet,
    snapshot::{self, Snapshot, Sources},
    told::Told,
    visible::Lookout,
};
use crate::lab::{Tools, desk::REVIEWERS};

/// Flagged people, and as many who are not.
const PAIRS: usize = 8;
/// People whose flag changes.
const CHANGING: usize = 6;

/// What a run is to be like.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// What all of it follows from.
    pub seed: u64,
    /// How long faults are injected.
    pub length: Duration,
}

/// What came of it.
pub struct Outcomes {
    /// What was checked.
    pub report: Report,
    /// All figures, for a person.
    pub told: String,
    /// What was not over when the time for it was.
    pub unrest: Option<String>,
}

impl Outcomes {
    /// Whether nothing went wrong.
    pub fn is_clean(&self) -> bool {
        self.report.is_clean() && self.report.unexamined().is_empty() && self.unrest.is_none()
    }
}

/// Plays a run in the directory of a lab.
pub async fn play(tools: &Tools, order: Order) -> Outcomes {
    let begin = Instant::now();
    let house = House::start(tools, |role, name| points::of(role, name, order.seed)).await;
    let people = People::add(&house.slapd, &house.postfix, PAIRS, CHANGING).await;
    let scene = Arc::new(Scene {
        house,
        ledger: Ledger::default(),
        people,
        hands: Hands::default(),
        turn: Mutex::default(),
    });
    let plan = Plan::new(order.seed, order.length);
    eprintln!(
        "faults: house ready after {} s; {} faults in {} s from seed {}",
        begin.elapsed().as_secs(),
        plan.faults.len(),
        order.length.as_secs(),
        order.seed,
    );
    let lookout = Lookout::begin(&scene.house);
    let stop = CancellationToken::new();
    let mailing = aside({
        let (scene, stop) = (scene.clone(), stop.clone());
        move || async move { send(&scene, order, &stop).await }
    });
    let deciding = aside({
        let (scene, stop) = (scene.clone(), stop.clone());
        move || async move { decide(&scene, order, &stop).await }
    });
    let injected = injectors::run(&scene, &plan, &lookout).await;
    stop.cancel();
    let sent = mailing.await.unwrap();
    deciding.await.unwrap();
    let unrest = quiet::wait(&scene, &lookout).await;

    let mut snapshot = take(&scene.house).await;
    snapshot.looks = lookout.looks();
    let history = scene.ledger.history();
    let report = checker::check(&history, &snapshot);
    let told = Told {
        plan: &plan,
        house: &scene.house,
        sent,
        history: &history,
        injected: &injected,
        looks: &snapshot.looks,
        report: &report,
        unrest: unrest.as_deref(),
    };
    let told = told.to_string();
    keep(&scene.house, &history, &snapshot, &told);
    scene.house.stop().await;
    Outcomes {
        report,
        told,
        unrest,
    }
}

/// Runs something on a thread of its own: what is done to the servers must not wait for it.
fn aside<T: Send + 'static, W: Future<Output = T>>(
    work: impl FnOnce() -> W + Send + 'static,
) -> JoinHandle<T> {
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(work()))
}

async fn send(scene: &Scene, order: Order, stop: &CancellationToken) -> Sent {
    let minutes = order.length.as_secs().div_ceil(60) as usize;
    // The sink keeps all it gets.
    let megabytes = 80 * minutes.min(3) + 30 * minutes.saturating_sub(3);
    let load = Load {
        seed: order.seed,
        n_clients: 14,
        n_mails: 1_500 * minutes,
        largest_bytes: 25_000_000,
        all_bytes: 1_000_000 * megabytes,
        // It is stopped after the last fault, which may come later than planned.
        span: 2 * order.length,
        longest_pause: Duration::from_millis(600),
    };
    let postfix = &scene.house.postfix;
    let doors = Doors {
        smtp: postfix.smtp,
        submission: postfix.submission,
        postfix,
    };
    load::run(&load, doors, &scene.people, &scene.ledger, stop).await
}

async fn decide(scene: &Scene, order: Order, stop: &CancellationToken) -> usize {
    let database = &scene.house.database;
    let login = database.login("mailhold_reviews");
    let settings = StoreSettings {
        url: database.url("mailhold_reviews"),
        password: Some(login.password.clone().into()),
        max_connections: 6,
    };
    let store = Store::connect_lazy(&settings, StoreRole::Reviews).unwrap();
    let deciders = Deciders {
        seed: order.seed,
        n_deciders: 4,
        reviewers: REVIEWERS.map(str::to_owned).to_vec(),
        instance: scene.house.postfix.name.parse::<Instance>().unwrap(),
    };
    deciders::run(&deciders, &store, &scene.ledger, stop).await
}

async fn take(house: &House) -> Snapshot {
    let logs = house.roles().map(|role| (role.name.as_str(), role.log()));
    let sources = Sources {
        sink: &house.sink,
        postfix: &house.postfix,
        database: &house.database,
        spool: &house.disk.spool_seen(),
        roles: &[],
        logs: &logs,
    };
    let mut snapshot = snapshot::take(&sources).await;
    for role in house.roles() {
        snapshot.add_figures(&role.name, role.metrics).await;
    }
    snapshot
}

/// What a person needs to look into a run that went wrong, beside the logs.
fn keep(house: &House, history: &History, snapshot: &Snapshot, told: &str) {
    let home: PathBuf = house.tools.place.path().to_owned();
    history.write(&home.join("ledger.jsonl")).unwrap();
    snapshot.write(&home.join("snapshot.json")).unwrap();
    fs::write(home.join("report.txt"), told).unwrap();
    house.disk.copy_to(&home.join("spool-at-the-end"));
}
