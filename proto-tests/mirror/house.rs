//! A slapd that tells its changes, and a mirror that follows it.

use std::{sync::Arc, time::Duration};

use mailhold::{
    directory::{
        ldap,
        ldap::Ldap,
        mirror::{self, Mirror, Wanted},
        reading::{self, Answered},
    },
    domain::{folding::Folding, person::Entry},
    telemetry::{Alarms, Metrics},
};

use crate::{
    directory::asking,
    lab::{
        Lab,
        eventually::eventually,
        slapd::{FLAG, PEOPLE, SERVICE, Setup, Slapd},
    },
};

/// More than any of it takes.
pub const BOUND: Duration = Duration::from_secs(20);

/// Whether slapd keeps a list of its last changes, with which it can resume without naming all
/// entries that are there.
#[derive(Clone, Copy)]
pub enum Sessions {
    Logged,
    NotLogged,
}

/// The lines of docs/mirror.md.
pub fn database_lines(sessions: Sessions) -> String {
    let log = match sessions {
        Sessions::Logged => "syncprov-sessionlog 1000\n",
        Sessions::NotLogged => "",
    };
    format!(
        "index entryUUID,entryCSN eq\n\
         limits dn.exact=\"{SERVICE}\" size=unlimited time=unlimited\n\
         overlay syncprov\n\
         syncprov-checkpoint 100 10\n\
         {log}"
    )
}

/// A slapd of this name that tells its changes; it knows nobody yet.
pub async fn slapd(lab: &Lab, name: &str, sessions: Sessions) -> Slapd {
    let more = Setup {
        global: "moduleload syncprov\n".to_owned(),
        database: database_lines(sessions),
        ..Setup::default()
    };
    Slapd::start_setup(&lab.tools, name, &more).await
}

/// The settings of the sample file for this slapd.
pub fn settings(slapd: &Slapd) -> ldap::Settings {
    let mut settings = asking::settings(slapd);
    settings.mirror = mirror::Settings {
        wanted: Wanted::On,
        max_age: Duration::from_secs(60),
    };
    settings.timeout = Duration::from_secs(2);
    settings
}

/// A mirror with its figures and alarms.
pub struct Mirrored {
    pub mirror: Mirror,
    pub metrics: Metrics,
    pub alarms: Alarms,
}

/// Begins to follow.
pub fn follow(settings: ldap::Settings) -> Mirrored {
    let metrics = Metrics::new();
    let alarms = Alarms::new(metrics.clone());
    let live = Arc::new(Ldap::new(settings, Folding::default()));
    let plan = Mirror::plan(&live).unwrap();
    let mirror = Mirror::start(live, plan, metrics.clone(), alarms.clone());
    Mirrored {
        mirror,
        metrics,
        alarms,
    }
}

/// Follows, and waits for the first refresh.
pub async fn mirror(settings: ldap::Settings) -> Mirrored {
    let mirrored = follow(settings);
    mirrored.ready().await;
    mirrored
}

impl Mirrored {
    /// Waits until memory answers.
    pub async fn ready(&self) {
        eventually("memory answers", BOUND, async || {
            self.mirror.entries().ok_or(())
        })
        .await;
    }

    /// How often it was brought up to date: `full` or `resumed`.
    pub fn n_refreshes(&self, kind: &str) -> usize {
        let figure = format!("mailhold_directory_mirror_refreshes_total{{kind=\"{kind}\"}} ");
        let text = self.metrics.to_text();
        let line = text.lines().find_map(|line| line.strip_prefix(&figure));
        line.unwrap().parse().unwrap()
    }

    /// Whether an alarm stands.
    pub fn alarm(&self, kind: &str) -> bool {
        let line = format!("mailhold_alarm{{kind=\"{kind}\"}} 1");
        self.metrics.to_text().contains(&line)
    }

    /// Waits until memory has exactly what a search finds.
    pub async fn is_like(&self, slapd: &Slapd) {
        let found = searched(slapd).await;
        eventually("memory is like a search", BOUND, async || {
            let entries = self.mirror.entries();
            match entries.map(sorted) {
                Some(entries) if entries == found => Ok(()),
                entries => Err(difference(&found, &entries.unwrap_or_default())),
            }
        })
        .await;
    }
}

fn difference(found: &[Entry], entries: &[Entry]) -> String {
    let lacks: Vec<_> = found.iter().filter(|one| !entries.contains(one)).collect();
    let has: Vec<_> = entries.iter().filter(|one| !found.contains(one)).collect();
    format!("memory lacks {lacks:?} and has {has:?}")
}

/// What a plain search finds, read as the milter reads it.
async fn searched(slapd: &Slapd) -> Vec<Entry> {
    let ldif = slapd.search(PEOPLE, &format!("({FLAG}=*)"), &[FLAG]).await;
    let marks = asking::settings(slapd).marks;
    let entries = ldif.split("\n\n").filter_map(|block| {
        let mut lines = block.lines().filter_map(|line| line.split_once(": "));
        let (_, name) = lines.next()?;
        let values = lines.map(|(name, value)| (name.to_owned(), value.into()));
        let answered = Answered {
            name: name.to_owned(),
            values: values.collect(),
        };
        Some(reading::entry(&marks, answered, chrono::Utc::now()))
    });
    sorted(entries.collect())
}

fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    entries
}
