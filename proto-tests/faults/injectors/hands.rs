//! An operator who does things to messages by hand. Never without a note in the ledger before.

use std::{collections::HashSet, sync::Mutex};

use mailhold::domain::queue_id::QueueId;

use super::{
    super::{
        house::House,
        ledger::{Act, Ledger},
    },
    Scene,
};
use crate::lab::{chance::Chance, program::text};

/// What the operator did.
#[derive(Default)]
pub struct Hands {
    expired: Mutex<HashSet<QueueId>>,
    held: Mutex<HashSet<QueueId>>,
}

impl Hands {
    /// Does something to a message, if there is one for it.
    pub async fn act(&self, scene: &Scene, act: Act, chance: &mut Chance) {
        let postfix = &scene.house.postfix;
        let held = postfix.held();
        let ids: Vec<QueueId> = match act {
            Act::Hold => {
                let held: HashSet<_> = held.into_iter().collect();
                let queued = postfix.queued().into_iter();
                queued.filter(|id| !held.contains(id)).collect()
            }
            Act::Release | Act::Remove | Act::Requeue | Act::Expire | Act::Return => held,
        };
        if ids.is_empty() {
            return;
        }
        let id = chance.pick(&ids);
        let noted = match act {
            Act::Hold => Some(&self.held),
            Act::Expire => Some(&self.expired),
            Act::Release | Act::Remove | Act::Requeue | Act::Return => None,
        };
        if let Some(noted) = noted {
            noted.lock().unwrap().insert(id.clone());
        }
        one(&scene.house, &scene.ledger, id, act).await;
    }

    /// Puts in order what nobody else may: messages that were put on hold by hand go on, and those
    /// that would bounce when they are released are removed.
    pub async fn tidy(&self, house: &House, ledger: &Ledger) {
        let on_hold: HashSet<_> = house.postfix.held().into_iter().collect();
        let take = |noted: &Mutex<HashSet<QueueId>>| {
            let all = std::mem::take(&mut *noted.lock().unwrap());
            all.into_iter().filter(|id| on_hold.contains(id))
        };
        let expired: Vec<_> = take(&self.expired).collect();
        for id in &expired {
            one(house, ledger, id, Act::Remove).await;
        }
        for id in take(&self.held).filter(|id| !expired.contains(id)) {
            one(house, ledger, &id, Act::Release).await;
        }
    }
}

async fn one(house: &House, ledger: &Ledger, id: &QueueId, act: Act) {
    let number = ledger.by_hand(id, act);
    let mut arguments = vec![act.option(), "-"];
    // Only what is on hold may be released, removed or submitted anew.
    if act != Act::Hold {
        arguments.push("hold");
    }
    let command = house.postfix.command("postsuper").arguments(arguments);
    let output = command.output(id.as_str().as_bytes()).await;
    // It tells each message that it did something to, and ends with 0 where it found none.
    let was_done = text(&output.stderr).contains(id.as_str());
    ledger.was_done_by_hand(number, was_done);
}
