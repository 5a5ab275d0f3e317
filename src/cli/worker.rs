//! `mailhold worker`: reads the settings, opens the Postfix instance, works until told to stop. At
//! each SIGHUP it reads them again.

use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

use chrono::Utc;
use tokio::sync::watch;

use super::{Failure, Outcome, exit, reload::Reload, signals};
use crate::{
    config::{ConfigFile, changes, roles, roles::WorkerConfig},
    postfix::Postfix,
    store::{Role, Store},
    telemetry::{Alarms, Metrics, events, log, serve},
    worker::{self, Desk, Rounds, Settings, Sightings, Troubles},
};

/// Carries decisions out.
pub fn run(config: &Path) -> Outcome {
    let runtime = super::runtime()?;
    let reload = Reload::begin("worker", &runtime, config, &changes::WORKER_KEEPS)?;
    let config = reload.first(roles::worker)?;
    log::start(config.log);
    events::role_started("worker");
    if nix::unistd::geteuid().is_root() {
        let text = "as root: run it as user postfix with the lines of config/sudoers";
        events::config_warned("worker", text);
    }
    runtime.block_on(serve(config, reload))
}

async fn serve(config: WorkerConfig, reload: Reload) -> Outcome {
    let metrics = Metrics::new();
    metrics.settings_read(Utc::now());
    let alarms = Alarms::new(metrics.clone());
    let store = Store::connect_lazy(&config.database, Role::Worker)?;
    super::check_schema(&store).await?;
    let postfix = Postfix::open(&config.postfix).await.map_err(|error| {
        let code = if error.is_transient() {
            exit::UNAVAILABLE
        } else {
            exit::CONFIG
        };
        Failure::new(code, error)
    })?;
    serve::start(config.metrics, metrics.clone(), alarms.clone())
        .map_err(|error| Failure::new(exit::UNAVAILABLE, error))?;
    let stop = signals::stop().map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    let (settings, current) = watch::channel(config.worker);
    let desk = Desk {
        name: own_name(),
        current,
        store,
        postfix,
        metrics: metrics.clone(),
        alarms: alarms.clone(),
        troubles: Troubles::default(),
        sightings: Sightings::default(),
        rounds: Rounds::default(),
    };
    events::role_ready("worker");
    let command_timeout = config.postfix.command_timeout;
    let take = |file: &ConfigFile| renew(&settings, roles::worker(file)?, command_timeout);
    let served = tokio::select! {
        served = worker::serve(Arc::new(desk), stop) => served,
        never = reload.at_each_hangup(&metrics, &alarms, take) => match never {},
    };
    events::role_stopped("worker");
    served.map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    Ok(ExitCode::SUCCESS)
}

/// Puts other settings into force, but for what a running worker keeps.
fn renew(
    settings: &watch::Sender<Settings>,
    config: WorkerConfig,
    command_timeout: Duration,
) -> Result<(), anyhow::Error> {
    // The file was compared with its own postfix.command_timeout, which is not in force yet.
    anyhow::ensure!(
        config.worker.lease >= command_timeout * 2,
        "worker.lease: must be at least twice the postfix.command_timeout in force, {} s: restart \
         the worker to change both",
        command_timeout.as_secs()
    );
    settings.send_modify(|current| {
        *current = Settings {
            instance: current.instance.clone(),
            ..config.worker
        };
    });
    Ok(())
}

/// Host and process ID, so that a record tells which worker made it.
fn own_name() -> String {
    let host = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok());
    format!(
        "{}:{}",
        host.as_deref().unwrap_or("localhost"),
        std::process::id()
    )
}
