//! `mailhold outline`: has captured mail taken apart until it is told to stop; and the child that does
//! it. Neither may be root.

use std::{path::Path, process::ExitCode, sync::Arc};

use chrono::Utc;

use super::{Failure, Outcome, args::ReaderArguments, exit, signals};
use crate::{
    config::{ConfigFile, desk, desk::OutlineConfig},
    outline::{self, Confinement, Desk},
    store::{Role, Store},
    telemetry::{Alarms, Metrics, events, log, serve},
};

/// Has messages taken apart.
pub fn run(config: &Path) -> Outcome {
    super::refuse_root("outline process")?;
    let config = desk::outline(&ConfigFile::read(config)?)?;
    log::start(config.log);
    events::role_started("outline");
    super::runtime()?.block_on(serve(config))
}

/// Takes messages apart for the parent process.
pub fn read(arguments: &ReaderArguments) -> Outcome {
    super::refuse_root("outline process")?;
    let confinement = Confinement {
        memory_bytes: arguments.memory_bytes,
    };
    outline::read_for_parent(confinement).map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: OutlineConfig) -> Outcome {
    let own_fault = |error: std::io::Error| Failure::new(exit::SOFTWARE, error);
    let metrics = Metrics::new();
    metrics.settings_read(Utc::now());
    let alarms = Alarms::new(metrics.clone());
    let store = Store::connect_lazy(&config.database, Role::Outline)?;
    super::check_schema(&store).await?;
    serve::start(config.metrics, metrics.clone(), alarms.clone())
        .map_err(|error| Failure::new(exit::UNAVAILABLE, error))?;
    let stop = signals::stop().map_err(own_fault)?;
    let desk = Desk {
        settings: config.outline,
        store,
        program: std::env::current_exe().map_err(own_fault)?,
        metrics,
        alarms,
    };
    events::role_ready("outline");
    let served = outline::serve(Arc::new(desk), stop).await;
    events::role_stopped("outline");
    served.map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    Ok(ExitCode::SUCCESS)
}
