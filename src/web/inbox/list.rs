//! The list on the left: one page of what matches, within what its reader may see.

use chrono::DateTime;

use super::Asked;
use crate::{
    domain::{audit::AuditKind, query::Query},
    store::{
        listing::{Count, Found, Search},
        reviews::Position,
    },
    web::{Desk, error::WebError, guard::Seat},
};

/// What stands in the list.
pub(super) struct Listed {
    pub(super) found: Found,
    pub(super) count: Count,
    /// How many are not searched yet, where that matters.
    pub(super) n_unlisted: Option<Count>,
}

impl Default for Listed {
    fn default() -> Self {
        Self {
            found: Found::none(),
            count: Count::Exact(0),
            n_unlisted: None,
        }
    }
}

/// Finds it, and puts the search on record.
pub(super) async fn list(
    desk: &Desk,
    seat: &Seat,
    asked: &Asked,
    query: Option<Query>,
) -> Result<Listed, WebError> {
    let Some(query) = query else {
        return Ok(Listed::default());
    };
    // With a message open, the entry of its view tells the search.
    if asked.at.is_none() {
        seat.record(desk, AuditKind::Searched, None, &query.to_string())
            .await?;
    }
    let mut search = Search::new(query, seat.principal().scope.clone());
    search.after = asked.after.as_deref().and_then(place);
    let page = async {
        let mut found = desk.store.search(&search).await?;
        found.lines = seat.visible(desk, found.lines).await?;
        Ok::<_, WebError>(found)
    };
    let count = async { Ok(desk.store.count(&search).await?) };
    let (found, count, n_unlisted) = tokio::try_join!(page, count, n_unlisted(desk, &search))?;
    Ok(Listed {
        found,
        count,
        n_unlisted,
    })
}

/// How many are not searched yet, unless it is sure that there are none. A list without terms has them.
async fn n_unlisted(desk: &Desk, search: &Search) -> Result<Option<Count>, WebError> {
    if !search.query.has_terms() {
        return Ok(None);
    }
    let count = desk.store.n_unlisted(search).await?;
    Ok(Some(count).filter(|count| *count != Count::Exact(0)))
}

/// A place in the list as it stands in an address.
pub(super) fn spelt(place: Position) -> String {
    let micros = place.captured_at.timestamp_micros();
    format!("{micros}.{}", place.capture_id)
}

/// The place that an address names; what is none is the beginning.
fn place(text: &str) -> Option<Position> {
    let (micros, id) = text.split_once('.')?;
    Some(Position {
        captured_at: DateTime::from_timestamp_micros(micros.parse().ok()?)?,
        capture_id: id.parse().ok()?,
    })
}
