//! Does what a plan says, and cures it in time. Never judges what comes of it.

mod clock;
mod hands;
mod people;
pub mod seats;
mod servers;

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use nix::sys::signal::Signal;
use tokio::{sync::Mutex, time::sleep};

use super::{
    fault::{Fault, Pair},
    house::House,
    ledger::{Alone, Ledger, Trouble},
    load::People,
    plan::{Plan, Planned},
    proxy::{Proxy, Weather},
    visible::Lookout,
};
use crate::lab::chance::Chance;

use self::clock::Clock;
pub use self::hands::Hands;

/// What the faults of one run are done to and with.
pub struct Scene {
    /// The servers.
    pub house: House,
    /// Where an operator's acts and Postfix's disturbances are noted.
    pub ledger: Ledger,
    /// Whose flags change.
    pub people: People,
    /// The operator.
    pub hands: Hands,
    /// Held while a server is stopped: on a slow machine it may take longer to come back than the
    /// next fault of a server waits.
    pub turn: Mutex<()>,
}

/// A fault as it was.
#[derive(Clone, Copy, Debug)]
pub struct Injected {
    /// What was planned.
    pub planned: Planned,
    /// When it began.
    pub from: DateTime<Utc>,
    /// When it was cured.
    pub to: DateTime<Utc>,
}

/// Runs a plan to its end, and gives what was done.
pub async fn run(scene: &Scene, plan: &Plan, lookout: &Lookout) -> Vec<Injected> {
    let clock = &Clock::begin();
    let faults = plan.faults.iter().copied().enumerate();
    let running = faults.map(|(number, planned)| async move {
        let chance = Chance::new(plan.seed.wrapping_add(number as u64));
        clock.reach(planned.at).await;
        if planned.alone {
            alone(scene, clock, lookout, planned, chance).await
        } else {
            let _turn = if planned.fault.stops_a_server() {
                Some(scene.turn.lock().await)
            } else {
                None
            };
            inject(scene, planned, chance).await
        }
    });
    let mut injected = join_all(running).await;
    injected.sort_by_key(|one| one.from);
    injected
}

/// Begins when all is green, and lets nothing else begin before all is green again: otherwise what is
/// seen would be another fault's. Both have their bound.
async fn alone(
    scene: &Scene,
    clock: &Clock,
    lookout: &Lookout,
    planned: Planned,
    chance: Chance,
) -> Injected {
    let _turn = {
        let _pause = clock.pause();
        let turn = scene.turn.lock().await;
        scene.hands.tidy(&scene.house, &scene.ledger).await;
        lookout.green(PATIENCE).await;
        turn
    };
    let injected = inject(scene, planned, chance).await;
    let Injected { from, to, .. } = injected;
    scene.ledger.came_alone(Alone {
        fault: planned.fault.kind(),
        signs: planned
            .fault
            .signs()
            .iter()
            .map(ToString::to_string)
            .collect(),
        from,
        to,
    });
    let _pause = clock.pause();
    lookout.green(PATIENCE).await;
    injected
}

async fn inject(scene: &Scene, planned: Planned, mut chance: Chance) -> Injected {
    let house = &scene.house;
    let from = Utc::now();
    let meanwhile = sleep(planned.lasts);
    match planned.fault {
        Fault::MilterKilled => house.milter.kill(),
        Fault::WorkerKilled(number) => house.workers[number].kill(),
        Fault::WorkerFrozen(number) => {
            house.workers[number].signal(Signal::SIGSTOP);
            meanwhile.await;
            house.workers[number].signal(Signal::SIGCONT);
        }
        Fault::MilterFrozen => {
            house.milter.signal(Signal::SIGSTOP);
            meanwhile.await;
            house.milter.signal(Signal::SIGCONT);
        }
        Fault::PostgresStopped => servers::without_postgres(house, meanwhile).await,
        Fault::PostgresFrozen => servers::with_frozen_postgres(house, meanwhile).await,
        Fault::PostgresTaken => seats::of_postgres(house, meanwhile).await,
        Fault::PostgresLocked => servers::with_locked_tables(house, planned.lasts).await,
        Fault::DirectoryStopped => servers::without_directory(house, meanwhile).await,
        Fault::DirectoryFrozen => servers::with_frozen_directory(house, meanwhile).await,
        Fault::DirectoryForged => servers::with_forged_directory(house, meanwhile).await,
        Fault::DiskFull => {
            house.disk.fill();
            meanwhile.await;
            house.disk.free();
        }
        Fault::InodesUsedUp => {
            house.disk.fill_with_names();
            meanwhile.await;
            house.disk.free();
        }
        Fault::SpoolReadOnly => servers::with_read_only_spool(house, meanwhile).await,
        Fault::MilterTaken => seats::of_milter(house, meanwhile).await,
        Fault::PostfixStopped => {
            servers::without_postfix(house, meanwhile).await;
            disturbed(scene, Trouble::PostfixStopped, from);
        }
        Fault::PostfixReloaded => house.postfix.reload(),
        Fault::MirrorOff => servers::switch_mirror_off(house),
        Fault::ByHand(act) => scene.hands.act(scene, act, &mut chance).await,
        Fault::FlagChanged => people::change_a_flag(scene, &mut chance).await,
        Fault::Weather(pair, weather) => {
            proxy(house, pair).set(weather);
            meanwhile.await;
            proxy(house, pair).set(Weather::Fair);
            if pair == Pair::Relay {
                disturbed(scene, Trouble::SinkCut, from);
            }
        }
    }
    Injected {
        planned,
        from,
        to: Utc::now(),
    }
}

fn disturbed(scene: &Scene, trouble: Trouble, from: DateTime<Utc>) {
    // What was on its way then is heard of a little later.
    scene.ledger.disturb(trouble, from, Utc::now() + LATE);
}

/// More than a cure may take to be seen.
const PATIENCE: Duration = Duration::from_secs(70);

/// Longer than Postfix waits for the sink's last answer.
const LATE: chrono::TimeDelta = chrono::TimeDelta::seconds(25);

fn proxy(house: &House, pair: Pair) -> &Proxy {
    match pair {
        Pair::Smtp => &house.proxies.smtp,
        Pair::Local => &house.proxies.local,
        Pair::Directory => &house.proxies.directory,
        Pair::Recorder => &house.proxies.recorder,
        Pair::Worker(number) => &house.proxies.workers[number],
        Pair::Relay => &house.proxies.relay,
    }
}
