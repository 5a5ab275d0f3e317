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

/// Messages that are looked through at most. Behind a longer backlog some are seen later.
const LOOKED_THROUGH: i64 = 20_000;

struct Unlisted {
    capture_id: Uuid,
    captured_at: DateTime<Utc>,
    matched_entry: String,
}

impl Store {
    /// How many messages, of those that a search could find, cannot be searched yet: they wait to be outlined.
    pub async fn n_unlisted(&self, search: &Search) -> Result<Count, StoreError> {
        let counted = match search.scope {
            Scope::All => self.n_without_row().await,
            Scope::Unit { .. } | Scope::Entries(_) => self.n_unlisted_of(search).await,
        };
        counted
            .map(Count::of)
            .map_err(|cause| StoreError::Search { cause })
    }

    /// Messages in the states and the scope of a search without terms that are not outlined yet, behind its
    /// last page.
    pub(super) async fn unlisted(&self, search: &Search) -> Result<Vec<Position>, Cause> {
        let mut places = self.without_row(search).await?;
        places.retain(|place| is_beyond(place, search));
        Ok(places)
    }

    /// How many there are on all pages.
    pub(super) async fn n_unlisted_of(&self, search: &Search) -> Result<i64, Cause> {
        let found = self.without_row(search).await?;
        Ok(i64::try_from(found.len()).unwrap_or(i64::MAX))
    }

    async fn without_row(&self, search: &Search) -> Result<Vec<Position>, Cause> {
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
        Ok(places.collect())
    }

    async fn n_without_row(&self) -> Result<i64, Cause> {
        let most = i64::try_from(COUNTED).unwrap_or(i64::MAX);
        let asked = sqlx::query_scalar!(
            r#"select count(*) as "count!"
            from (
                select from outline_due d
                where not exists (select from listing l where l.capture_id = d.capture_id)
                limit $1
            ) as found"#,
            most + 1,
        )
        .fetch_one(&self.pool);
        within(asked).await
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
