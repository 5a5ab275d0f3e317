//! What waits to be outlined: it has no row to search yet, and a reviewer is to see it nevertheless.

use chrono::{DateTime, Utc};
use sqlx::types::Uuid;

use crate::domain::{capture_id::CaptureId, person::folded_entry};

use super::super::{
    Cause, Store,
    reviews::{Order, Position},
    within,
};
use super::{Search, conditions::words};

/// Messages that are looked through at most. Behind a longer backlog some are seen later.
const LOOKED_THROUGH: i64 = 1_000;

struct Unlisted {
    capture_id: Uuid,
    captured_at: DateTime<Utc>,
    matched_entry: String,
}

impl Store {
    /// Messages in the states and the scope of a search without terms that are not outlined yet.
    pub(super) async fn unlisted(&self, search: &Search) -> Result<Vec<Position>, Cause> {
        let asked = sqlx::query_as!(
            Unlisted,
            "select c.capture_id, c.captured_at, c.matched_entry
            from (
                select d.capture_id
                from outline_due d
                where not exists (select from listing l where l.capture_id = d.capture_id)
                order by d.due_at
                limit $1
            ) as due
            join capture c on c.capture_id = due.capture_id
            where c.state = any($2)",
            LOOKED_THROUGH,
            &words(&search.query.states()),
        )
        .fetch_all(&self.pool);
        let found = within(asked).await?.into_iter();
        let mine = found.filter(|one| search.scope.covers_entry(&folded_entry(&one.matched_entry)));
        let places = mine.map(|one| Position {
            captured_at: one.captured_at,
            capture_id: CaptureId::new(one.capture_id),
        });
        Ok(places.filter(|place| is_beyond(place, search)).collect())
    }
}

fn is_beyond(place: &Position, search: &Search) -> bool {
    let Some(after) = search.after else {
        return true;
    };
    let key = |place: &Position| (place.captured_at, place.capture_id.uuid());
    match search.order {
        Order::OldestFirst => key(place) > key(&after),
        Order::NewestFirst => key(place) < key(&after),
    }
}
