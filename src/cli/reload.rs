//! Reads the settings again at each SIGHUP. A file with a fault changes nothing.

use std::{
    convert::Infallible,
    future::pending,
    path::{Path, PathBuf},
};

use chrono::Utc;
use tokio::{runtime::Runtime, signal::unix::Signal};

use super::{Failure, exit, signals};
use crate::{
    config::{ConfigFile, Faults, changes},
    telemetry::{AlarmKind, Alarms, Metrics, events},
};

/// A process that reads its settings again when it is told to.
pub struct Reload {
    role: &'static str,
    hangups: Signal,
    path: PathBuf,
    /// What the settings that a running process keeps are compared with.
    started_with: ConfigFile,
    keeps: &'static [&'static str],
}

impl Reload {
    /// Reads the file for the first time. `keeps` are the settings that only a restart takes up.
    ///
    /// # Errors
    /// A file that cannot be read or is not TOML.
    pub fn begin(
        role: &'static str,
        runtime: &Runtime,
        path: &Path,
        keeps: &'static [&'static str],
    ) -> Result<Self, Failure> {
        let hangups = signals::hangups(runtime);
        let hangups = hangups.map_err(|error| Failure::new(exit::SOFTWARE, error))?;
        Ok(Self {
            role,
            hangups,
            path: path.to_owned(),
            started_with: ConfigFile::read(path)?,
            keeps,
        })
    }

    /// The settings of the start.
    pub fn first<C>(
        &self,
        read: impl FnOnce(&ConfigFile) -> Result<C, Faults>,
    ) -> Result<C, Failure> {
        Ok(read(&self.started_with)?)
    }

    /// Lets `take` read the file and put it into force at each SIGHUP, as a whole or not at all.
    pub async fn at_each_hangup(
        mut self,
        metrics: &Metrics,
        alarms: &Alarms,
        take: impl Fn(&ConfigFile) -> Result<(), anyhow::Error>,
    ) -> Infallible {
        while self.hangups.recv().await.is_some() {
            match self.again(&take) {
                Ok(need_restart) => {
                    metrics.settings_read(Utc::now());
                    alarms.clear(AlarmKind::ConfigRefused);
                    events::config_reloaded(self.role, &need_restart);
                }
                Err(error) => {
                    // All faults are in one event, and an event is one line.
                    let faults = format!("{error:#}").replace('\n', "; ");
                    metrics.settings_refused();
                    alarms.raise(AlarmKind::ConfigRefused, &faults);
                    events::config_kept(self.role, &faults);
                }
            }
        }
        pending().await
    }

    fn again(
        &self,
        take: impl Fn(&ConfigFile) -> Result<(), anyhow::Error>,
    ) -> Result<Vec<String>, anyhow::Error> {
        let file = ConfigFile::read(&self.path)?;
        take(&file)?;
        Ok(changes::among(self.keeps, &self.started_with, &file))
    }
}
