//! Sits before Postfix's queue: captures what the policy holds and asks for its quarantine.
//!
//! It never reaches Postfix's queue, never asks PostgreSQL before it answers, and never answers
//! *accept* because something failed. Read in this order: callbacks, session, transaction, intake.

pub mod answer;
mod callbacks;
mod deadlines;
mod door;
pub mod intake;
pub mod listener;
pub mod lookout;
mod macros;
mod negotiate;
mod packets;
pub mod recorder;
mod replies;
mod session;
mod stream;
pub mod tally;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod targets;
mod transaction;
pub mod watch_book;

use std::{
    io,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::Instant,
};

use self::{
    door::Door,
    listener::{Listener, Socket},
    tally::Tally,
    watch_book::WatchBook,
};
use crate::{
    directory::{Directory, Outage},
    domain::{
        instance::Instance,
        policy::{self, Policy},
    },
    spool::Spool,
    telemetry::{Alarms, Metrics, events},
};

/// The `[milter]` section, but for its database.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where Postfix connects to.
    pub listeners: Vec<ListenerSettings>,
    /// Connections at once, over all listeners.
    pub max_connections: usize,
    /// A connection that is idle for this long is closed.
    pub connection_timeout: Duration,
    /// All that the MAIL command waits for.
    pub mail_deadline: Duration,
    /// All that the end of a message waits for.
    pub end_of_message_deadline: Duration,
    /// Captures per sender and hour; `None`: any number.
    pub sender_cap: Option<NonZeroU32>,
    /// How long a stop waits for messages on their way.
    pub drain: Duration,
}

/// One entry of `[[milter.listen]]`.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Where to listen.
    pub socket: Socket,
    /// Who connects there.
    pub entrance: Entrance,
}

/// Where a message comes in.
#[derive(Clone, Debug, Default)]
pub struct Entrance {
    /// The Postfix instance.
    pub instance: Instance,
    /// How its own people's mail is told from mail that comes in.
    pub submitters: policy::Submitters,
}

/// What a session works with. A connection takes the current one when it is opened, and keeps it to
/// its end; a reload puts another one in its place, with the same spool, tally, figures, alarms and
/// traffic.
#[derive(Clone)]
pub struct Desk {
    /// Who is flagged.
    pub directory: Arc<dyn Directory>,
    /// What happens while the directory cannot be asked.
    pub outage: Outage,
    /// What is held.
    pub policy: Policy,
    /// Where watched messages are noted.
    pub watch_book: WatchBook,
    /// Where captures become durable.
    pub spool: Spool,
    /// All that MAIL waits for.
    pub mail_deadline: Duration,
    /// All that the end of a message waits for.
    pub end_of_message_deadline: Duration,
    /// Captures per sender and hour; `None`: any number.
    pub sender_cap: Option<NonZeroU32>,
    /// The captures of the last hour, by sender.
    pub tally: Arc<Tally>,
    /// How long a stop waits for messages on their way.
    pub drain: Duration,
    /// Figures.
    pub metrics: Metrics,
    /// Alarms.
    pub alarms: Alarms,
    /// What is on its way, for a stop without loss.
    pub traffic: Arc<Traffic>,
}

/// The messages between MAIL and their answer, and whether new ones are taken.
#[derive(Debug, Default)]
pub struct Traffic {
    open: AtomicUsize,
    draining: AtomicBool,
    kept_waiting: AtomicUsize,
}

/// One connection that was accepted and has no seat yet.
#[derive(Debug)]
pub struct KeptWaiting(Arc<Traffic>);

/// One message on its way; ends when it is dropped, after a panic too.
#[derive(Debug)]
pub struct OnItsWay(Arc<Traffic>);

impl Traffic {
    /// Notes a message that begins; `None` once the milter is draining.
    pub fn enter(self: &Arc<Self>) -> Option<OnItsWay> {
        self.open.fetch_add(1, Ordering::SeqCst);
        let entered = OnItsWay(Arc::clone(self));
        (!self.draining.load(Ordering::SeqCst)).then_some(entered)
    }

    /// The messages on their way.
    pub fn n_open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// The connections that wait for a seat: more than one for each listener wait unaccepted.
    pub fn n_kept_waiting(&self) -> usize {
        self.kept_waiting.load(Ordering::SeqCst)
    }

    fn keep_waiting(self: &Arc<Self>) -> KeptWaiting {
        self.kept_waiting.fetch_add(1, Ordering::SeqCst);
        KeptWaiting(Arc::clone(self))
    }

    fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for KeptWaiting {
    fn drop(&mut self) {
        self.0.kept_waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The desk that the next connection takes.
pub type CurrentDesk = watch::Receiver<Arc<Desk>>;

/// Serves all listeners until `stop` turns true, then waits for the messages on their way.
///
/// # Errors
/// A listener that could not serve any longer.
pub async fn serve(
    current: CurrentDesk,
    settings: &Settings,
    listeners: Vec<(Listener, Entrance)>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let (cut, cut_here) = watch::channel(false);
    let seats = settings.max_connections.min(Semaphore::MAX_PERMITS);
    let seats = Arc::new(Semaphore::new(seats));
    let Desk {
        alarms,
        traffic,
        metrics,
        ..
    } = Desk::clone(&current.borrow());
    metrics.seats(settings.max_connections);
    let mut serving = JoinSet::new();
    for (listener, entrance) in listeners {
        let callbacks = callbacks::callbacks(current.clone(), entrance);
        let config = indymilter::Config {
            // indymilter counts for each listener; the seats count for all of them.
            max_connections: Semaphore::MAX_PERMITS,
            connection_timeout: settings.connection_timeout,
            ..Default::default()
        };
        let seats = Arc::clone(&seats);
        let door = Door::open(
            listener,
            (seats, Arc::clone(&traffic)),
            stop.clone(),
            alarms.clone(),
        );
        let mut cut = cut_here.clone();
        serving.spawn(indymilter::run(door, callbacks, config, async move {
            // An error means that the sender is gone, which is a stop as well.
            let _stopped = cut.wait_for(|cut| *cut).await;
        }));
    }
    tokio::select! {
        // An error means that the sender is gone, which is a stop as well.
        _stopped = stop.wait_for(|stop| *stop) => {}
        Some(ended) = serving.join_next() => ended.map_err(io::Error::other)??,
    }
    let patience = current.borrow().drain;
    drain(&traffic, patience).await;
    cut.send_replace(true);
    let patience = Duration::from_secs(1);
    // A callback that still runs has had its time: Postfix answers with its default action.
    let _timeout = tokio::time::timeout(patience, async {
        while serving.join_next().await.is_some() {}
    })
    .await;
    Ok(())
}

/// Waits until no message is on its way, at most for `patience`.
async fn drain(traffic: &Traffic, patience: Duration) {
    traffic.drain();
    events::role_draining("milter", traffic.n_open());
    let end = Instant::now() + patience;
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    while traffic.n_open() > 0 && Instant::now() < end {
        tick.tick().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_on_its_way_until_it_is_dropped() {
        let traffic = Arc::new(Traffic::default());
        let message = traffic.enter().unwrap();
        assert_eq!(traffic.n_open(), 1);
        drop(message);
        assert_eq!(traffic.n_open(), 0);
    }

    #[test]
    fn a_connection_is_kept_waiting_until_it_is_seated_or_given_up() {
        let traffic = Arc::new(Traffic::default());
        let waiting = traffic.keep_waiting();
        assert_eq!(traffic.n_kept_waiting(), 1);
        drop(waiting);
        assert_eq!(traffic.n_kept_waiting(), 0);
    }

    #[test]
    fn no_message_begins_while_the_milter_drains() {
        let traffic = Arc::new(Traffic::default());
        let before = traffic.enter();
        traffic.drain();
        assert!(traffic.enter().is_none());
        assert_eq!(traffic.n_open(), 1, "only the one from before");
        drop(before);
    }
}
