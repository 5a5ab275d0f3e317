//! The message on the right: opened on record, as much of it as the tab shows.

use chrono::{DateTime, Utc};

use super::Asked;
use crate::{
    domain::{capture_id::CaptureId, rights::Act},
    store::{audit::Sealed, outlines::Standing, reviews::Review},
    web::{
        Desk, decide,
        error::WebError,
        guard::{Seat, Subject},
        look::Look,
        pane::{Known, Pane, Place, Raw, Tab},
        words::Words,
    },
};

/// As much of a message is shown as it was captured.
const RAW_SHOWN_BYTES: usize = 1_024 * 1_024;

/// A message that is open.
pub(super) struct Open {
    review: Review,
    outline: Standing,
    raw: Option<Raw>,
    entries: Vec<Sealed>,
}

/// Opens a message, and puts it on record before anything of it is shown.
pub(super) async fn open(
    desk: &Desk,
    seat: &Seat,
    asked: &Asked,
    look: &Look,
    known: Option<Subject>,
) -> Result<Option<Open>, WebError> {
    let Some(id) = asked.at.as_deref() else {
        return Ok(None);
    };
    let id: CaptureId = id.parse().map_err(|_| WebError::NotFound)?;
    let asked_tab = asked.tab.as_deref().and_then(Tab::named);
    let (review, subject) = seat.message(desk, act(asked_tab), id, known).await?;
    let tab = asked_tab.unwrap_or_else(|| Tab::first(&subject.outline));
    if act(Some(tab)) != act(asked_tab) {
        seat.allow_with(desk, act(Some(tab)), &subject).await?;
    }
    seat.look(desk, look, Some(id)).await?;
    let entries = desk.store.audit_of(id).await?;
    let raw = match tab {
        Tab::Raw => Some(beginning(desk, id).await?),
        Tab::Text | Tab::Html | Tab::Header | Tab::Structure => None,
    };
    Ok(Some(Open {
        raw,
        review,
        outline: subject.outline,
        entries,
    }))
}

/// What one must be allowed for a tab.
fn act(tab: Option<Tab>) -> Act {
    match tab {
        Some(Tab::Raw) => Act::ViewRaw,
        Some(Tab::Text | Tab::Html | Tab::Header | Tab::Structure) | None => Act::View,
    }
}

async fn beginning(desk: &Desk, id: CaptureId) -> Result<Raw, WebError> {
    let mut content = desk.store.content(id);
    let first = content.next_chunk().await?.unwrap_or_default();
    let is_cut = first.len() >= RAW_SHOWN_BYTES && content.next_chunk().await?.is_some();
    Ok(Raw {
        bytes: first.to_vec(),
        is_cut,
    })
}

impl Open {
    /// What the page shows of it.
    pub(super) fn pane(
        &self,
        desk: &Desk,
        seat: &Seat,
        words: &Words,
        asked: &Asked,
        now: DateTime<Utc>,
    ) -> Pane {
        let id = self.review.capture.id;
        let known = Known {
            review: &self.review,
            outline: &self.outline,
            entries: &self.entries,
            raw: self.raw.as_ref(),
            house: &desk.settings.house,
            due_after: desk.settings.due_after,
        };
        let place = Place {
            query: &asked.q,
            after: asked.after.as_deref(),
            tab: asked.tab.as_deref().and_then(Tab::named),
            token: Some(seat.session.form_token(&decide::act(id))),
            now,
        };
        Pane::new(words, &seat.visitor.taste.preferences, &known, &place)
    }
}
