//! Flags that are raised and removed while mail comes in.

use std::time::Duration;

use tokio::time::sleep;

use super::{super::ledger::Standing, Scene};
use crate::lab::chance::Chance;

/// For so long a milter that hears its server badly may rely on what was before: a sign of life that
/// is missed, `mirror_max_age`, and the refresh after it.
const DOUBT: Duration = Duration::from_secs(30);
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_secs(2);

/// Turns the flag of somebody who is not in doubt just now.
pub async fn change_a_flag(scene: &Scene, chance: &mut Chance) {
    let all = scene.people.all().iter();
    let firm = all.filter(|one| one.may_change() && one.standing() != Standing::Changing);
    let firm: Vec<_> = firm.collect();
    if firm.is_empty() {
        return;
    }
    let person = *chance.pick(&firm);
    let (flags, next) = match person.standing() {
        Standing::Flagged => (&[][..], Standing::Unflagged),
        Standing::Unflagged | Standing::Changing => (&["TRUE"][..], Standing::Flagged),
    };
    person.set_standing(Standing::Changing);
    for _ in 0..TRIES {
        if scene.house.slapd.try_set_flags(&person.login, flags).await {
            sleep(DOUBT).await;
            person.set_standing(next);
            return;
        }
        sleep(PAUSE).await;
    }
}
