//! `mailhold worker`: reads the settings, opens the Postfix instance, works until told to stop.

use std::{path::Path, process::ExitCode, sync::Arc};

use super::{Failure, Outcome, exit, signals};
use crate::{
    config::{ConfigFile, roles, roles::WorkerConfig},
    postfix::Postfix,
    store::{Role, Store},
    telemetry::{Alarms, Metrics, events, log, serve},
    worker::{self, Desk, Troubles},
};

/// Carries decisions out.
pub fn run(config: &Path) -> Outcome {
    let config = roles::worker(&ConfigFile::read(config)?)?;
    log::start(config.log);
    events::role_started("worker");
    if nix::unistd::geteuid().is_root() {
        let text = "as root: run it as user postfix with the lines of config/sudoers";
        events::config_warned("worker", text);
    }
    super::runtime()?.block_on(serve(config))
}

async fn serve(config: WorkerConfig) -> Outcome {
    let metrics = Metrics::new();
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
    let desk = Desk {
        name: own_name(),
        settings: config.worker,
        store,
        postfix,
        metrics,
        alarms,
        troubles: Troubles::default(),
    };
    events::role_ready("worker");
    let served = worker::serve(Arc::new(desk), stop).await;
    events::role_stopped("worker");
    served.map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    Ok(ExitCode::SUCCESS)
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
