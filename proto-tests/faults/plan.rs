//! Which fault begins when, and for how long: made from a seed, so that a run can be played again.
//! Every fault is cured within the plan. Never looks at a clock.

use std::time::Duration;

use crate::lab::chance::Chance;

use super::{
    fault::{Fault, Pair},
    ledger::Act,
    proxy::Weather,
    settings,
};

/// A fault with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// After the begin of the run.
    pub at: Duration,
    /// Until it is cured.
    pub lasts: Duration,
    /// What.
    pub fault: Fault,
    /// Whether nothing else is at fault meanwhile, so that its effect can be told.
    pub alone: bool,
}

impl Planned {
    /// When it is cured.
    fn end(&self) -> Duration {
        self.at + self.lasts
    }

    /// Whether a fault that is alone is so beside another one.
    fn is_apart(&self, other: &Self) -> bool {
        other.end() + Duration::from_secs(2) < self.at || other.at > self.end() + SILENCE
    }
}

/// All faults of a run, by their begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What it is made from.
    pub seed: u64,
    /// How long it is.
    pub length: Duration,
    /// The faults.
    pub faults: Vec<Planned>,
}

/// A run of this length shows faults alone, each once as far as there is time.
const LONG_RUN: Duration = Duration::from_secs(8 * 60);
const ALONE: Duration = Duration::from_secs(33);
/// A worker that is frozen for so long has lost what it had claimed.
const BEYOND_THE_LEASE: Duration = Duration::from_secs(settings::LEASE_SECONDS + 3);
/// No operation on the database waits longer; in a short run no connection.
const BEYOND_THE_DEADLINE: [Duration; 2] = [Duration::from_secs(6), Duration::from_secs(23)];
/// Before and after a fault that is alone. The time of the plan stands still until all is green.
const SILENCE: Duration = Duration::from_secs(5);

impl Plan {
    /// Makes the plan of a seed.
    pub fn new(seed: u64, length: Duration) -> Self {
        let mut chance = Chance::new(seed);
        let mut faults = servers(&mut chance.branch(), length);
        let quiet: Vec<Planned> = faults.iter().filter(|one| one.alone).copied().collect();
        let mut others = Vec::new();
        for lane in [MILTER_KILLS, WORKER_KILLS, HANDS, CHANGES] {
            others.extend(lane.fill(&mut chance.branch(), length));
        }
        others.extend(weather(&mut chance.branch(), length));
        others.retain(|one| quiet.iter().all(|alone| alone.is_apart(one)));
        faults.extend(others);
        let mut mirror_off = Planned {
            at: length / 2,
            lasts: Duration::ZERO,
            fault: Fault::MirrorOff,
            alone: false,
        };
        for alone in &quiet {
            if !alone.is_apart(&mirror_off) {
                mirror_off.at = alone.end() + 2 * SILENCE;
            }
        }
        faults.push(mirror_off);
        faults.retain(|one| one.end() <= length);
        faults.sort_by_key(|one| one.at);
        Self {
            seed,
            length,
            faults,
        }
    }
}

/// Faults that come one after the other, in an order that has each of them before one comes again.
struct Lane {
    deck: &'static [Fault],
    /// Between the end of one and the begin of the next, in milliseconds.
    pause: (u64, u64),
    /// In milliseconds.
    lasts: (u64, u64),
}

const MILTER_KILLS: Lane = Lane {
    deck: &[Fault::MilterKilled],
    pause: (1_500, 5_000),
    lasts: (0, 1),
};

const WORKER_KILLS: Lane = Lane {
    deck: &[Fault::WorkerKilled(0), Fault::WorkerKilled(1)],
    pause: (1_500, 5_000),
    lasts: (0, 1),
};

const HANDS: Lane = Lane {
    deck: &[
        Fault::ByHand(Act::Release),
        Fault::ByHand(Act::Remove),
        Fault::ByHand(Act::Requeue),
        Fault::ByHand(Act::Hold),
        Fault::ByHand(Act::Expire),
    ],
    pause: (3_000, 7_000),
    lasts: (0, 1),
};

const CHANGES: Lane = Lane {
    deck: &[
        Fault::FlagChanged,
        Fault::PostfixReloaded,
        Fault::FlagChanged,
        Fault::MilterFrozen,
    ],
    pause: (5_000, 12_000),
    lasts: (1_000, 4_000),
};

const SERVERS: [Fault; 13] = [
    Fault::PostgresStopped,
    Fault::DiskFull,
    Fault::InodesUsedUp,
    Fault::DirectoryStopped,
    Fault::PostfixStopped,
    Fault::WorkerFrozen(0),
    Fault::DirectoryForged,
    Fault::PostgresLocked,
    Fault::DirectoryFrozen,
    Fault::PostgresFrozen,
    Fault::SpoolReadOnly,
    Fault::PostgresTaken,
    Fault::MilterTaken,
];

const PAIRS: [Pair; 7] = [
    Pair::Smtp,
    Pair::Local,
    Pair::Directory,
    Pair::Recorder,
    Pair::Worker(0),
    Pair::Worker(1),
    Pair::Relay,
];

const WEATHERS: [Weather; 8] = [
    Weather::Late(Duration::from_millis(300)),
    Weather::Late(Duration::from_millis(2_500)),
    Weather::Slow(1_000),
    Weather::Sliced,
    Weather::Cut,
    Weather::HalfClosed,
    Weather::Stalled,
    Weather::Refused,
];

impl Lane {
    fn fill(&self, chance: &mut Chance, length: Duration) -> Vec<Planned> {
        let mut faults = Vec::new();
        let mut at = between(chance, self.pause);
        let mut deck = Vec::new();
        while at < length {
            if deck.is_empty() {
                deck = shuffled(chance, self.deck);
            }
            let lasts = between(chance, self.lasts);
            faults.extend(deck.pop().map(|fault| Planned {
                at,
                lasts,
                fault,
                alone: false,
            }));
            at += lasts + between(chance, self.pause);
        }
        faults
    }
}

/// What the servers suffer, one after the other. In the middle PostgreSQL is away for long.
fn servers(chance: &mut Chance, length: Duration) -> Vec<Planned> {
    let is_long = length >= LONG_RUN;
    let (outage_at, outage) = (length * 35 / 100, length * 12 / 100);
    let lasts = if is_long {
        (4_000, 20_000)
    } else {
        (2_000, 4_500)
    };
    let mut faults = vec![Planned {
        at: outage_at,
        lasts: outage,
        fault: Fault::PostgresStopped,
        alone: false,
    }];
    let mut deck = Vec::new();
    let mut to_be_alone = if is_long {
        SERVERS.to_vec()
    } else {
        Vec::new()
    };
    let mut at = between(chance, (2_000, 4_000));
    while at < length {
        if deck.is_empty() {
            deck = shuffled(chance, &SERVERS);
        }
        let alone = !to_be_alone.is_empty() && chance.percent(60);
        let fault = if alone { to_be_alone.pop() } else { deck.pop() };
        let Some(fault) = fault else { continue };
        let least = if matches!(fault, Fault::WorkerFrozen(_)) {
            BEYOND_THE_LEASE
        } else if fault == Fault::PostgresFrozen {
            BEYOND_THE_DEADLINE[usize::from(is_long)]
        } else {
            Duration::ZERO
        };
        let lasts = if alone { ALONE } else { between(chance, lasts) };
        let lasts = lasts.max(least);
        let silence = if alone { SILENCE } else { Duration::ZERO };
        if at < outage_at + outage && at + silence + lasts + silence > outage_at {
            at = outage_at + outage + Duration::from_secs(2);
        }
        at += silence;
        faults.push(Planned {
            at,
            lasts,
            fault,
            alone,
        });
        at += lasts + silence + between(chance, (1_000, 2_500));
    }
    faults
}

/// One pair after the other hears badly, in every way.
fn weather(chance: &mut Chance, length: Duration) -> Vec<Planned> {
    let all: Vec<Fault> = PAIRS
        .iter()
        .flat_map(|pair| WEATHERS.map(|weather| Fault::Weather(*pair, weather)))
        .collect();
    let (mut faults, mut deck) = (Vec::new(), Vec::new());
    let mut at = between(chance, (1_000, 3_000));
    while at < length {
        if deck.is_empty() {
            deck = shuffled(chance, &all);
        }
        let lasts = between(chance, (2_000, 6_000));
        faults.extend(deck.pop().map(|fault| Planned {
            at,
            lasts,
            fault,
            alone: false,
        }));
        at += lasts + between(chance, (500, 2_000));
    }
    faults
}

fn between(chance: &mut Chance, (from, to): (u64, u64)) -> Duration {
    let span = usize::try_from(to - from).unwrap_or(1).max(1);
    Duration::from_millis(from + chance.below(span) as u64)
}

fn shuffled<T: Copy>(chance: &mut Chance, from: &[T]) -> Vec<T> {
    let mut all = from.to_vec();
    for end in (1..all.len()).rev() {
        all.swap(end, chance.below(end + 1));
    }
    all
}

pub mod tests {
    //! Plans of several seeds and lengths.

    use std::{collections::BTreeSet, sync::Arc, time::Duration};

    use libtest_mimic::Trial;

    use super::{super::fault::Fault, Plan, SERVERS};
    use crate::trials::{Trials, tests};

    const SHORT: Duration = Duration::from_secs(120);
    /// For each fault to be alone once.
    const ENOUGH: Duration = Duration::from_secs(1_200);
    const LONG: Duration = Duration::from_secs(1_800);

    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone:
            the_same_seed_gives_the_same_plan,
            every_fault_is_cured_within_the_plan,
            a_short_run_has_every_fault_of_a_server,
            a_long_run_has_each_fault_of_a_server_alone_and_a_long_outage,
            a_fault_that_is_alone_is_alone,
        ]
    }

    async fn the_same_seed_gives_the_same_plan() {
        assert_eq!(Plan::new(7, SHORT), Plan::new(7, SHORT));
        assert_ne!(Plan::new(7, SHORT).faults, Plan::new(8, SHORT).faults);
    }

    async fn every_fault_is_cured_within_the_plan() {
        for seed in 0..50 {
            for length in [SHORT, LONG] {
                let plan = Plan::new(seed, length);
                assert!(plan.faults.iter().all(|one| one.at + one.lasts <= length));
                assert!(plan.faults.is_sorted_by_key(|one| one.at));
            }
        }
    }

    async fn a_short_run_has_every_fault_of_a_server() {
        for seed in 0..50 {
            let faults = Plan::new(seed, SHORT).faults;
            let kinds: BTreeSet<String> = faults.iter().map(|one| one.fault.kind()).collect();
            let missed: Vec<_> = SERVERS
                .iter()
                .map(|fault| fault.kind())
                .filter(|kind| !kinds.contains(kind))
                .collect();
            assert!(missed.is_empty(), "{seed}: {missed:?}");
            let n_kills = |wanted| faults.iter().filter(|one| one.fault == wanted).count();
            assert!(n_kills(Fault::MilterKilled) > 15, "{seed}");
        }
    }

    async fn a_fault_that_is_alone_is_alone() {
        for seed in 0..50 {
            let faults = Plan::new(seed, LONG).faults;
            for alone in faults.iter().filter(|one| one.alone) {
                let mut others = faults.iter().filter(|one| *one != alone);
                assert!(
                    others.all(|other| alone.is_apart(other)),
                    "{seed}: {alone:?}"
                );
            }
        }
    }

    async fn a_long_run_has_each_fault_of_a_server_alone_and_a_long_outage() {
        for seed in 0..20 {
            for length in [ENOUGH, LONG] {
                let faults = Plan::new(seed, length).faults;
                for fault in SERVERS {
                    let alone = faults.iter().filter(|one| one.alone && one.fault == fault);
                    assert_eq!(alone.count(), 1, "{seed} {length:?}: {fault:?}");
                }
            }
            let faults = Plan::new(seed, LONG).faults;
            let longest = faults.iter().map(|one| one.lasts).max();
            assert_eq!(longest, Some(LONG * 12 / 100), "{seed}");
            let kills = faults.iter().filter(|one| one.fault == Fault::MilterKilled);
            assert!(kills.count() > 200, "{seed}");
        }
    }
}
