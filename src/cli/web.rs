//! `mailhold web`: reads the settings, serves browsers until told to stop. May not be root.

use std::{path::Path, process::ExitCode, sync::Arc};

use chrono::Utc;

use super::{Failure, Outcome, exit, record, signals};
use crate::{
    config::{ConfigFile, desk, desk::WebConfig},
    directory::sign_in::SignIn,
    store::{Role, Store, audit::AuditKey},
    telemetry::{Alarms, Metrics, events, log, serve},
    web::{self, Desk, Parts},
};

/// Serves the review desk.
pub fn run(config: &Path) -> Outcome {
    super::refuse_root("web")?;
    let file = ConfigFile::read(config)?;
    let config = desk::web(&file)?;
    let audit_key = record::key(&file)?;
    log::start(config.log);
    events::role_started("web");
    super::runtime()?.block_on(serve(config, audit_key))
}

async fn serve(config: WebConfig, audit_key: AuditKey) -> Outcome {
    let metrics = Metrics::new();
    metrics.settings_read(Utc::now());
    let alarms = Alarms::new(metrics.clone());
    let store = Store::connect_lazy(&config.database, Role::Web)?;
    super::check_schema(&store).await?;
    // Ready means that a browser is answered.
    let place = web::listen::bind(&config.web.listen)
        .map_err(|error| Failure::new(exit::UNAVAILABLE, error))?;
    serve::start(config.metrics, metrics.clone(), alarms.clone())
        .map_err(|error| Failure::new(exit::UNAVAILABLE, error))?;
    let stop = signals::stop().map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    let desk = Desk::new(Parts {
        sign_in: SignIn::new(&config.sign_in, config.folding.clone()),
        settings: config.web,
        store,
        audit_key,
        folding: config.folding,
        metrics,
        alarms,
    });
    events::role_ready("web");
    let served = web::serve(Arc::new(desk), place, stop).await;
    events::role_stopped("web");
    served.map_err(|error| Failure::new(exit::UNAVAILABLE, error))?;
    Ok(ExitCode::SUCCESS)
}
