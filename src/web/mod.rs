//! The review desk in a browser: people read held mail and decide on it, on the record. Never parses
//! mail, never reaches Postfix, and changes nothing by GET.
//!
//! Read in this order: router, visitor, guard, page, sign_in, inbox, pane, decide, content.

mod address_book;
mod assets;
mod clock;
mod content;
mod decide;
mod error;
pub mod escape;
mod fields;
mod guard;
mod headers;
mod health;
mod inbox;
mod language;
mod lines;
pub mod listen;
mod log;
mod look;
mod page;
mod pane;
mod paths;
mod preferences;
mod preferences_page;
pub mod router;
mod sign_in;
mod sizes;
mod tables;
mod tried;
mod view;
mod visitor;
mod words;

#[cfg(test)]
mod catalogues;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use tokio::sync::watch;

pub use self::{
    address_book::House,
    listen::{Bound, Listen, ListenError},
    words::Catalogues,
};
use crate::{
    directory::sign_in::SignIn,
    domain::{attempts::Attempts, folding::Folding},
    store::{Store, audit::AuditKey, sessions::Limits},
    telemetry::{Alarms, Metrics},
};

/// The `[web]` section.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens.
    pub listen: Listen,
    /// The names by which browsers may call it, with the port where it is not the usual one.
    pub hosts: Vec<String>,
    /// How long a session lasts.
    pub session: Limits,
    /// How long a message may wait until it is late.
    pub due_after: TimeDelta,
    /// Whose addresses are ours.
    pub house: House,
    /// The settings as they are shown to an administrator: names and values, no secrets.
    pub shown: Vec<(String, String)>,
}

/// What the web works with.
pub struct Desk {
    /// How it works.
    pub settings: Settings,
    /// Reviews, sessions, the record.
    pub store: Store,
    /// Who may come in.
    pub sign_in: SignIn,
    /// What seals the record.
    pub audit_key: AuditKey,
    /// Which spellings are one person's.
    pub folding: Folding,
    /// What the pages say.
    pub catalogues: Catalogues,
    /// Figures.
    pub metrics: Metrics,
    /// Alarms.
    pub alarms: Alarms,
    attempts: Mutex<Attempts>,
    begun: Instant,
}

/// What a desk is made of.
pub struct Parts {
    /// How it works.
    pub settings: Settings,
    /// Reviews, sessions, the record.
    pub store: Store,
    /// Who may come in.
    pub sign_in: SignIn,
    /// What seals the record.
    pub audit_key: AuditKey,
    /// Which spellings are one person's.
    pub folding: Folding,
    /// Figures.
    pub metrics: Metrics,
    /// Alarms.
    pub alarms: Alarms,
}

impl Desk {
    /// A desk at which nobody sits yet.
    pub fn new(parts: Parts) -> Self {
        Self {
            settings: parts.settings,
            store: parts.store,
            sign_in: parts.sign_in,
            audit_key: parts.audit_key,
            folding: parts.folding,
            catalogues: Catalogues::new(),
            metrics: parts.metrics,
            alarms: parts.alarms,
            attempts: Mutex::default(),
            begun: Instant::now(),
        }
    }

    /// Counts tries to sign in.
    fn attempts<T>(&self, ask: impl FnOnce(&mut Attempts, Duration) -> T) -> T {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        ask(&mut attempts, self.begun.elapsed())
    }
}

/// Where a request came from; a client on a UNIX socket is this host.
const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// How often old sessions are removed, and what waits is counted.
const ROUND: Duration = Duration::from_secs(10);

/// Serves browsers until `stop` turns true.
///
/// # Errors
/// It cannot serve any more.
pub async fn serve(
    desk: Arc<Desk>,
    place: Bound,
    stop: watch::Receiver<bool>,
) -> Result<(), ListenError> {
    let tidying = tokio::spawn(tidy(Arc::clone(&desk)));
    let router = router::router(Arc::clone(&desk));
    let served = place.serve(router, stop).await;
    tidying.abort();
    served
}

/// Removes sessions that are over. What fails is told by the requests that fail for the same reason.
async fn tidy(desk: Arc<Desk>) {
    loop {
        let _removed = desk.store.remove_old_sessions(desk.settings.session).await;
        health::look_for_late(&desk).await;
        health::look_for_directory(&desk).await;
        tokio::time::sleep(ROUND).await;
    }
}
