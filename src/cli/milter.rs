//! `mailhold milter`: reads the settings, builds the desk, serves until it is told to stop. At each
//! SIGHUP it makes another desk, for the connections to come.

use std::{io, path::Path, process::ExitCode, sync::Arc, time::Instant};

use anyhow::Context;
use chrono::Utc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{sync::watch, task::JoinSet};

use super::{Failure, Outcome, exit, reload::Reload, signals};
use crate::{
    config::{ConfigFile, changes, roles, roles::MilterConfig},
    directory::{self, DirectoryError, Outage},
    domain::policy::Mode,
    milter::{
        self, Desk, Entrance, Traffic,
        listener::Listener,
        lookout, recorder,
        recorder::Recorder,
        tally::Tally,
        watch_book::{self, Clerk, WatchBook},
    },
    spool::Spool,
    store::{Role, Store},
    telemetry::{AlarmKind, Alarms, Metrics, events, log, serve},
};

/// Handles that a milter needs beside its connections: spool, database, directory, figures.
const OTHER_HANDLES: u64 = 128;

/// Serves Postfix.
pub fn run(config: &Path) -> Outcome {
    super::refuse_root("milter")?;
    let runtime = super::runtime()?;
    let reload = Reload::begin("milter", &runtime, config, &changes::MILTER_KEEPS)?;
    let config = reload.first(roles::milter)?;
    log::start(config.log);
    events::role_started("milter");
    raise_handle_limit(config.milter.max_connections)?;
    runtime.block_on(serve(config, reload))
}

async fn serve(config: MilterConfig, reload: Reload) -> Outcome {
    let metrics = Metrics::new();
    metrics.settings_read(Utc::now());
    let alarms = Alarms::new(metrics.clone());
    let store = Store::connect_lazy(&config.database, Role::Milter)?;
    super::check_schema(&store).await?;
    let spool = Spool::open(&config.spool).map_err(|error| Failure::new(exit::CONFIG, error))?;
    note_recovered(&spool, &alarms);
    let (watch_book, notes) = WatchBook::new(metrics.clone());
    let lasting = Lasting {
        watch_book,
        spool: spool.clone(),
        tally: Arc::new(Tally::new(Instant::now())),
        metrics: metrics.clone(),
        alarms: alarms.clone(),
        traffic: Arc::default(),
    };
    let first = desk(&config, &lasting).map_err(|error| Failure::new(exit::CONFIG, error))?;
    let (desks, current) = watch::channel(first);
    let listeners = bind(&config.milter).await?;
    serve::start(config.metrics, metrics.clone(), alarms.clone())
        .map_err(|error| Failure::new(exit::UNAVAILABLE, error))?;

    let stop = signals::stop().map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    // What is captured while the milter drains is recorded still.
    let (all_served, end) = watch::channel(false);
    let settings = config.recorder;
    let recorder = Recorder {
        spool,
        store: store.clone(),
        settings,
        metrics: metrics.clone(),
        alarms: alarms.clone(),
    };
    let take = |file: &ConfigFile| {
        desks.send_replace(desk(&roles::milter(file)?, &lasting)?);
        Ok(())
    };
    let clerk = Clerk::beside(&recorder, notes);
    let mut beside = JoinSet::new();
    beside.spawn(watch_book::run(clerk, end.clone()));
    beside.spawn(recorder::run(recorder, end.clone()));
    beside.spawn(lookout::run(current.clone(), store, end));
    events::role_ready("milter");
    let served = tokio::select! {
        served = milter::serve(current, &config.milter, listeners, stop) => served,
        // Neither ends before it is told to: captures would pile up, or faults stay unseen.
        Some(ended) = beside.join_next() => Err(io::Error::other(match ended {
            Ok(()) => "the recorder, the lookout or the watch book has ended".to_owned(),
            Err(panic) => panic.to_string(),
        })),
        never = reload.at_each_hangup(&metrics, &alarms, take) => match never {},
    };
    all_served.send_replace(true);
    while beside.join_next().await.is_some() {}
    events::role_stopped("milter");
    let served = served.context("the milter cannot serve");
    served.map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    Ok(ExitCode::SUCCESS)
}

/// Settings that are valid and weaken a promise.
fn warn(config: &MilterConfig) {
    if config.outage == Outage::Pass {
        let text = "\"pass\": while the directory is away, nothing is reviewed";
        events::config_warned("directory.outage", text);
    }
    if config.policy.mode == Mode::Watch {
        events::config_warned("policy.mode", "\"watch\": nothing is held");
    }
}

/// What one desk hands on to the next.
struct Lasting {
    watch_book: WatchBook,
    spool: Spool,
    tally: Arc<Tally>,
    metrics: Metrics,
    alarms: Alarms,
    traffic: Arc<Traffic>,
}

/// Makes the desk of these settings, at the start and at each reload.
fn desk(config: &MilterConfig, lasting: &Lasting) -> Result<Arc<Desk>, DirectoryError> {
    let directory = directory::open_mirrored(
        &config.directory,
        config.policy.folding.clone(),
        &lasting.metrics,
        &lasting.alarms,
    )?;
    warn(config);
    Ok(Arc::new(Desk {
        directory,
        outage: config.outage,
        policy: config.policy.clone(),
        watch_book: lasting.watch_book.clone(),
        spool: lasting.spool.clone(),
        mail_deadline: config.milter.mail_deadline,
        end_of_message_deadline: config.milter.end_of_message_deadline,
        sender_cap: config.milter.sender_cap,
        tally: Arc::clone(&lasting.tally),
        drain: config.milter.drain,
        metrics: lasting.metrics.clone(),
        alarms: lasting.alarms.clone(),
        traffic: Arc::clone(&lasting.traffic),
    }))
}

async fn bind(settings: &milter::Settings) -> Result<Vec<(Listener, Entrance)>, Failure> {
    let mut listeners = Vec::new();
    for one in &settings.listeners {
        let listener = Listener::bind(&one.socket).await;
        let listener = listener.map_err(|error| Failure::new(exit::UNAVAILABLE, error))?;
        let instance = one.entrance.instance.as_str();
        events::listening(&one.socket.to_string(), instance);
        listeners.push((listener, one.entrance.clone()));
    }
    Ok(listeners)
}

/// What an earlier process left unfinished. Only a confirmed capture that lost its content is a
/// matter for a person: of the half-written ones the sender was never told that they are safe.
fn note_recovered(spool: &Spool, alarms: &Alarms) {
    let recovered = spool.recovered();
    if recovered.n_half_written > 0 {
        let text = format!("{} half-written at the last stop", recovered.n_half_written);
        events::capture_set_aside("(several)", &text);
    }
    if recovered.n_lost > 0 {
        let text = format!(
            "{} confirmed captures have lost their content",
            recovered.n_lost
        );
        alarms.raise(AlarmKind::CaptureSetAside, &text);
    }
}

/// Every connection needs a handle, and a second one for the spool file of a large message. The
/// soft limit of most systems is 1024.
fn raise_handle_limit(max_connections: usize) -> Result<(), Failure> {
    let failed = |error: nix::Error| {
        let error = anyhow::Error::new(error).context("cannot set the limit of open files");
        Failure::new(exit::SOFTWARE, error)
    };
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(failed)?;
    let needed = (max_connections as u64)
        .saturating_mul(2)
        .saturating_add(OTHER_HANDLES);
    if hard < needed {
        let text = format!(
            "milter.max_connections needs {needed} open files, the limit is {hard}: lower it, or \
             raise LimitNOFILE= of the unit"
        );
        return Err(Failure::new(exit::CONFIG, anyhow::Error::msg(text)));
    }
    Ok(())
}
