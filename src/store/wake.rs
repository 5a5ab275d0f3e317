//! Wakes a role when the database has something for it. A hint only: what is not told is found by
//! polling, and nothing is decided here.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{
    Executor as _,
    postgres::{PgConnectOptions, PgListener},
};
use tokio::{sync::Notify, task::AbortHandle, time::timeout};

use crate::domain::instance::Instance;

use super::{Store, pool_options};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// After so long without a word the server is asked whether it is there: a connection that a firewall
/// has forgotten is silent for ever.
const SILENCE: Duration = Duration::from_secs(10);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A reason to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wake {
    /// Something may have been missed: look at everything.
    Rescan,
    /// Captures were recorded.
    Captured,
    /// Something was decided.
    Decided,
    /// A stray was adopted.
    Adopted,
}

/// Hears what concerns one instance, on a connection of its own, until it is dropped.
#[derive(Debug)]
pub struct Wakes {
    pending: Arc<Pending>,
    listener: AbortHandle,
}

/// Equal reasons that come while nobody asks are one: a burst never piles up.
#[derive(Debug, Default)]
struct Pending {
    wakes: Mutex<BTreeSet<Wake>>,
    more: Notify,
}

impl Store {
    /// Listens for what concerns any instance.
    pub fn listen_to_all(&self) -> Wakes {
        self.listen_for(None)
    }

    /// Listens for what concerns one instance. The first answer is [`Wake::Rescan`], once the
    /// connection stands; another one follows each time it was lost and is back.
    pub fn listen(&self, instance: &Instance) -> Wakes {
        self.listen_for(Some(instance.clone()))
    }

    fn listen_for(&self, instance: Option<Instance>) -> Wakes {
        let pending = Arc::new(Pending::default());
        let task = tokio::spawn(listen_forever(
            self.options.clone(),
            instance,
            Arc::clone(&pending),
        ));
        Wakes {
            pending,
            listener: task.abort_handle(),
        }
    }
}

impl Wakes {
    /// Waits for the next reason to look. May be dropped and asked again without losing one.
    pub async fn next(&mut self) -> Wake {
        loop {
            let more = self.pending.more.notified();
            if let Some(wake) = self.pending.take() {
                return wake;
            }
            more.await;
        }
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Pending {
    fn add(&self, wake: Wake) {
        self.wakes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(wake);
        self.more.notify_one();
    }

    fn take(&self) -> Option<Wake> {
        self.wakes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_first()
    }
}

/// The store's other operations report that PostgreSQL is away; here it only means to try again.
async fn listen_forever(
    options: PgConnectOptions,
    instance: Option<Instance>,
    pending: Arc<Pending>,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        if let Ok(Ok(mut listener)) = timeout(PATIENCE, connect(&options)).await {
            pause = FIRST_PAUSE;
            pending.add(Wake::Rescan);
            pass_on(&mut listener, instance.as_ref(), &pending).await;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// With a pool of its own: a connection that is silent keeps its seat for as long as TCP tries.
async fn connect(options: &PgConnectOptions) -> Result<PgListener, sqlx::Error> {
    let pool = pool_options(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener
        .listen_all(["mailhold_captured", "mailhold_decided", "mailhold_adopted"])
        .await?;
    Ok(listener)
}

/// Returns when the connection is lost or silent. It is made anew by the caller, who tells of the gap.
async fn pass_on(listener: &mut PgListener, instance: Option<&Instance>, pending: &Pending) {
    loop {
        let Ok(received) = timeout(SILENCE, listener.try_recv()).await else {
            match timeout(PATIENCE, listener.execute("select 1")).await {
                Ok(Ok(_)) => continue,
                Ok(Err(_)) | Err(_) => return,
            }
        };
        let Ok(Some(notification)) = received else {
            return;
        };
        if instance.is_some_and(|instance| notification.payload() != instance.as_str()) {
            continue;
        }
        match notification.channel() {
            "mailhold_captured" => pending.add(Wake::Captured),
            "mailhold_decided" => pending.add(Wake::Decided),
            "mailhold_adopted" => pending.add(Wake::Adopted),
            _ => pending.add(Wake::Rescan),
        }
    }
}
