//! Holds the flagged people in memory, as the server tells them by RFC 4533: no look-up for each
//! message, and an outage is not felt before the memory is too old. What memory cannot say, the
//! server is asked.

mod follow;
pub mod keys;
mod memory;
mod packed;
pub(super) mod refresh;
mod report;
mod set;
pub(super) mod source;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::Utc;
use tokio::{task::JoinHandle, time::Instant};

use self::{
    follow::Follower,
    keys::{NotMirrored, Plan},
    memory::{Memory, Oldest, Reliance},
    report::{Display, Report},
    source::Content,
};
use super::{
    Directory, DirectoryError,
    ldap::Ldap,
    reading::{self, Answered, Marks},
};
use crate::{
    domain::{
        identity::Identity,
        person::{Entry, Standing},
    },
    telemetry::{Alarms, Metrics, chain::Chain},
};

/// Whether there is a mirror, and how long it is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether there is one.
    pub wanted: Wanted,
    /// How long answers are given from memory while the server is away.
    pub max_age: Duration,
}

/// Whether a mirror is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Where the server offers it.
    Auto,
    /// It is a fault if the server does not offer it.
    On,
    /// Every message is looked up.
    Off,
}

impl Default for Settings {
    /// Where the server offers it, and good for five minutes.
    fn default() -> Self {
        Self {
            wanted: Wanted::Auto,
            max_age: Duration::from_secs(5 * 60),
        }
    }
}

/// Why the settings allow no mirror.
#[derive(Debug, thiserror::Error)]
pub enum Impossible {
    /// A filter only a server can answer.
    #[error("the live mirror cannot answer these filters: {0}")]
    Filter(#[from] NotMirrored),
    /// Groups are not followed.
    #[error("the live mirror does not follow groups")]
    Groups,
}

/// What the alarm of a mirror that is wanted says where the server offers none at `base`.
pub fn absence(base: &str) -> String {
    let base = base.to_owned();
    Chain(&source::Loss::Unsupported { base }).to_string()
}

/// A directory in memory, with the server behind it.
pub struct Mirror {
    live: Arc<Ldap>,
    memory: Arc<Memory>,
    max_age: Duration,
    display: Display,
    task: JoinHandle<()>,
}

impl Mirror {
    /// Whether the settings of a directory allow a mirror.
    pub fn plan(live: &Ldap) -> Result<Plan, Impossible> {
        let settings = live.settings();
        if settings.marks.all_groups().next().is_some() {
            return Err(Impossible::Groups);
        }
        let login_filter = settings.login_filter.as_ref();
        Ok(Plan::of(&settings.filter, login_filter)?)
    }

    /// Begins to follow the server, in a task that ends when the mirror is dropped. Until the first
    /// refresh is whole, the server is asked.
    pub fn start(live: Arc<Ldap>, plan: Plan, metrics: Metrics, alarms: Alarms) -> Self {
        let settings = live.settings().mirror;
        let memory = Arc::new(Memory::default());
        let display = Display::new(metrics, alarms);
        let follower = Follower {
            content: content(&plan, &live.settings().marks),
            plan,
            live: Arc::clone(&live),
            settings,
            memory: Arc::clone(&memory),
            report: Report::new(display.clone()),
        };
        Self {
            live,
            memory,
            max_age: settings.max_age,
            display,
            task: tokio::spawn(follower.run()),
        }
    }

    /// Everyone in memory; `None` while it does not answer.
    pub fn entries(&self) -> Option<Vec<Entry>> {
        let entries = self.memory.entries(self.oldest())?;
        Some(entries.into_iter().map(|entry| self.read(entry)).collect())
    }

    fn oldest(&self) -> Oldest {
        Oldest {
            now: Instant::now(),
            max_age: self.max_age,
        }
    }

    fn read(&self, entry: Answered) -> Entry {
        reading::entry(&self.live.settings().marks, entry, Utc::now())
    }

    /// What memory says; `None` if the server must be asked.
    fn remembered(&self, identity: &Identity) -> Option<Standing> {
        let keys = keys::keys_of(identity, self.live.folding());
        let found = self.memory.find(&keys, self.oldest())?;
        let read = |entry| Arc::new(self.read(entry));
        let standing = Standing {
            entries: found.entries.into_iter().map(read).collect(),
        };
        // Who is flagged under a name is flagged, whoever else may have it.
        let is_sure =
            found.reliance == Reliance::Everything && keys.iter().all(|key| keys::is_plain(key));
        (is_sure || standing.flagged().is_some()).then_some(standing)
    }
}

fn content(plan: &Plan, marks: &Marks) -> Content {
    Content {
        filter: plan.filter(&marks.attribute),
        flag: marks.attribute.clone(),
        names: plan.attributes().into_iter().map(str::to_owned).collect(),
        others: marks.until.iter().cloned().collect(),
    }
}

#[async_trait]
impl Directory for Mirror {
    async fn standing(
        &self,
        identity: &Identity,
        deadline: Instant,
    ) -> Result<Standing, DirectoryError> {
        match self.remembered(identity) {
            Some(standing) => Ok(standing),
            None => self.live.standing(identity, deadline).await,
        }
    }

    /// While memory answers everything, mail does not feel an outage: that the server is away has an alarm of
    /// its own.
    async fn probe(&self, deadline: Instant) -> Result<(), DirectoryError> {
        if self.memory.answers(self.oldest()) {
            return Ok(());
        }
        self.live.probe(deadline).await
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.task.abort();
        self.display.end();
    }
}
