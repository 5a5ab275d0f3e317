//! What of Postfix does not work just now, part by part: one alarm for all, which ends when the last
//! part works again. Never ends it on the word of another part.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use chrono::Utc;

use super::Desk;
use crate::{
    domain::queue_id::QueueId,
    postfix::{error::PostfixError, postsuper::Action},
    telemetry::{AlarmKind, chain::Chain, events},
};

/// Well-formed, and no message's: of the year 1970 and inode 0.
const NOBODY: &str = "0000000000z0";

/// A part of Postfix that can fail by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `postsuper`.
    Commands,
    /// The hold queue as a whole.
    Listing,
    /// Single directories and files of the queue. Where one is at fault, others are not.
    Queue,
    /// The watch on the hold queue.
    Watch,
    /// The log.
    Log,
    /// What Postfix said of itself when the worker started.
    Settings,
    /// Postfix as a whole: nobody delivers what is released.
    Running,
    /// That the messages under review are there, but for a few.
    Stock,
}

impl Part {
    fn as_str(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Listing => "listing",
            Self::Queue => "queue",
            Self::Watch => "watch",
            Self::Log => "log",
            Self::Settings => "settings",
            Self::Running => "running",
            Self::Stock => "stock",
        }
    }
}

/// The parts that do not work.
#[derive(Debug, Default)]
pub struct Troubles(Mutex<BTreeSet<Part>>);

impl Troubles {
    /// Begins the alarm, or goes on with it; tells of a part's first fault.
    pub(super) fn note(desk: &Desk, part: Part, error: &PostfixError) {
        let mut parts = desk.troubles.parts();
        desk.alarms.raise_part(
            AlarmKind::PostfixRefused,
            part.as_str(),
            &Chain(error).to_string(),
        );
        if parts.insert(part) {
            events::postfix_refused(error);
        }
    }

    /// A part was seen to work; the last one ends the alarm.
    pub(super) fn over(desk: &Desk, part: Part) {
        let mut parts = desk.troubles.parts();
        parts.remove(&part);
        desk.alarms
            .clear_part(AlarmKind::PostfixRefused, part.as_str());
    }

    /// A part that is at fault for some messages and not for others was not seen at fault for a while.
    pub(super) fn over_if_quiet(desk: &Desk, part: Part) {
        let mut parts = desk.troubles.parts();
        let (kind, name) = (AlarmKind::PostfixRefused, part.as_str());
        if desk.alarms.clear_quiet_part(kind, name, Instant::now()) {
            parts.remove(&part);
        }
    }

    /// Tries again what failed and what nobody may ask for in a long time.
    pub(super) async fn try_again(desk: &Desk) {
        if desk.troubles.has(Part::Commands)
            && let Ok(nobody) = NOBODY.parse::<QueueId>()
            && desk
                .postfix
                .carry_out(Action::Release, &[nobody])
                .await
                .is_ok()
        {
            Self::over(desk, Part::Commands);
        }
        if desk.troubles.has(Part::Log) {
            let end = desk.postfix.mark_log(Utc::now());
            if desk.postfix.read_log(end, &[]).await.is_ok() {
                Self::over(desk, Part::Log);
            }
        }
        if desk.troubles.has(Part::Settings) && desk.postfix.check_queues().await.is_ok() {
            Self::over(desk, Part::Settings);
        }
    }

    fn has(&self, part: Part) -> bool {
        self.parts().contains(&part)
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, BTreeSet<Part>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
