//! What waits to be outlined: it has no row to search yet, and a reviewer is to see it nevertheless.

use chrono::{DateTime, Utc};
use sqlx::types::Uuid;

use crate::domain::{capture_id::CaptureId, person::folded_entry, scope::Scope};

use super::super::{
    Cause, Store, StoreError,
    reviews::{Order, Position},
    within,
};
use super::{COUNTED, Count, Search, conditions::words};

/// Messages that are looked through at most, for a page and for their number alike: two bounds would let
/// the list and its heading contradict each other. Behind a longer backlog some are seen later.
const LOOKED_THROUGH: usize = 20_000;

struct Unlisted {
    capture_id: Uuid,
    captured_at: DateTime<Utc>,
    matched_entry: String,
}

/// What was found among so many that wait to be outlined.
pub(super) struct Looked {
    pub(super) places: Vec<Position>,
    /// Whether more wait than were looked through.
    pub(super) is_cut: bool,
}

impl Store {
    /// How many messages, of those that a search could find, cannot be searched yet: they wait to be outlined.
    pub async fn n_unlisted(&self, search: &Search) -> Result<Count, StoreError> {
        let counted = match search.scope {
            Scope::All => self.n_without_row(search).await,
            Scope::Unit { .. } | Scope::Entries(_) => self.n_unlisted_of(search).await,
        };
        counted.map_err(|cause| StoreError::Search { cause })
    }

    /// Messages in the states and the scope of a search without terms that are not outlined yet, behind its
    /// last page.
    pub(super) async fn unlisted(&self, search: &Search) -> Result<Looked, Cause> {
        let mut looked = self.without_row(search).await?;
        looked.places.retain(|place| is_beyond(place, search));
        Ok(looked)
    }

    /// How many there are on all pages.
    pub(super) async fn n_unlisted_of(&self, search: &Search) -> Result<Count, Cause> {
        let looked = self.without_row(search).await?;
        let found = Count::of(i64::try_from(looked.places.len()).unwrap_or(i64::MAX));
        Ok(match looked.is_cut {
            true => found.and(Count::AtLeast(0)),
            false => found,
        })
    }

    /// Scopes are compared here: PostgreSQL does not fold the names of entries.
    async fn without_row(&self, search: &Search) -> Result<Looked, Cause> {
        let most = i64::try_from(LOOKED_THROUGH).unwrap_or(i64::MAX);
        let asked = sqlx::query_as!(
            Unlisted,
            "select c.capture_id, c.captured_at, c.matched_entry
            from (
                select d.capture_id, d.due_at
                from outline_due d
                join capture on capture.capture_id = d.capture_id
                where capture.state = any($2)
                    and not exists (select from listing l where l.capture_id = d.capture_id)
                order by d.due_at
                limit $1
            ) as due
            join capture c on c.capture_id = due.capture_id
            -- What is one too many is the last one.
            order by due.due_at",
            most + 1,
            &words(&search.query.states()),
        )
        .fetch_all(&self.pool);
        let found = within(asked).await?;
        let is_cut = found.len() > LOOKED_THROUGH;
        let mine = found
            .into_iter()
            .take(LOOKED_THROUGH)
            .filter(|one| search.scope.covers_entry(&folded_entry(&one.matched_entry)));
        let places = mine.map(|one| Position {
            captured_at: one.captured_at,
            capture_id: CaptureId::new(one.capture_id),
        });
        Ok(Looked {
            places: places.collect(),
            is_cut,
        })
    }

    async fn n_without_row(&self, search: &Search) -> Result<Count, Cause> {
        let most = i64::try_from(COUNTED).unwrap_or(i64::MAX);
        let asked = sqlx::query_scalar!(
            r#"select count(*) as "count!"
            from (
                select
                from outline_due d
                join capture c on c.capture_id = d.capture_id
                where c.state = any($2)
                    and not exists (select from listing l where l.capture_id = d.capture_id)
                limit $1
            ) as found"#,
            most + 1,
            &words(&search.query.states()),
        )
        .fetch_one(&self.pool);
        within(asked).await.map(Count::of)
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
