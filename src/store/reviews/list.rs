//! The list of reviews, page by page.

use chrono::{DateTime, Utc};
use sqlx::types::Uuid;

use crate::domain::{
    capture_id::CaptureId, instance::Instance, lifecycle::State, queue_id::QueueId,
};

use super::super::{Cause, Store, StoreError, row, within};
use super::TWINS;

/// Which reviews are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Those in any of these states.
    pub states: Vec<State>,
    /// Those of this instance, or of all.
    pub instance: Option<Instance>,
    /// Which come first.
    pub order: Order,
    /// The last one of the page before.
    pub after: Option<Position>,
    /// The longest page.
    pub limit: u32,
}

/// The order of a list, by the time of capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Whoever waits longest comes first.
    OldestFirst,
    /// The latest comes first.
    NewestFirst,
}

/// A place in the list: it stays right while others come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// When the message there was captured.
    pub captured_at: DateTime<Utc>,
    /// Which it is.
    pub capture_id: CaptureId,
}

/// Recipients that a line names.
pub const RECIPIENTS: usize = 3;

/// One review in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Our name of it.
    pub capture_id: CaptureId,
    /// Where it is held.
    pub instance: Instance,
    /// Postfix's name of it.
    pub queue_id: QueueId,
    /// Where it stands.
    pub state: State,
    /// When it was captured.
    pub captured_at: DateTime<Utc>,
    /// The envelope sender for people.
    pub sender: String,
    /// The first envelope recipients for people, at most [`RECIPIENTS`].
    pub recipients: Vec<String>,
    /// Of the recipients that are not among these, one of each domain.
    pub further_recipients: Vec<String>,
    /// How many recipients there are.
    pub n_recipients: u32,
    /// The header's Subject, cut after 200 characters.
    pub subject: Option<String>,
    /// The header's From, cut after 200 characters.
    pub from: Option<String>,
    /// Length of the content.
    pub size_bytes: u64,
    /// The rule that held it.
    pub rule: String,
    /// Whether its queue file is, by the last look at it, not the captured message.
    pub is_doubted: bool,
    /// How many twins it has; [`TWINS`] stands for that many or more.
    pub n_twins: usize,
    /// What its outline tells at a glance, once there is one.
    pub glance: Option<Glance>,
}

/// What the list shows of an outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// How many files there are.
    pub n_attachments: u32,
    /// Whether programs may read the message in different ways.
    pub is_doubtful: bool,
    /// The first words of the text.
    pub snippet: String,
    /// The language of the text (BCP 47), as far as its script tells.
    pub language: Option<String>,
}

impl Line {
    /// Where the next page begins, if this is the last line of a page.
    pub fn position(&self) -> Position {
        Position {
            captured_at: self.captured_at,
            capture_id: self.capture_id,
        }
    }
}

struct LineRow {
    capture_id: Uuid,
    instance: String,
    queue_id: String,
    state: String,
    captured_at: DateTime<Utc>,
    sender: String,
    recipients: Vec<String>,
    further_recipients: Vec<String>,
    n_recipients: i32,
    subject: Option<String>,
    header_from: Option<String>,
    size_bytes: i64,
    rule: String,
    is_doubted: bool,
    n_twins: i64,
    n_attachments: Option<i32>,
    is_doubtful: Option<bool>,
    snippet: Option<String>,
    language: Option<String>,
}

/// The lines of some captures `c` in an order; the last argument says how many twins are counted.
macro_rules! lines {
    (
        [$($captures:literal)+], [$($order:literal)+], $twins:literal,
        $($argument:expr),+ $(,)?
    ) => {
        sqlx::query_as!(
            LineRow,
            r#"select
                c.capture_id as "capture_id!", c.instance as "instance!",
                c.queue_id as "queue_id!", c.state as "state!",
                c.captured_at as "captured_at!", c.sender as "sender!",
                array(
                    select r.recipient
                    from capture_recipient r
                    where r.capture_id = c.capture_id and r.ordinal < 3
                    order by r.ordinal
                ) as "recipients!",
                array(
                    select distinct on (split_part(r.recipient, '@', -1)) r.recipient
                    from capture_recipient r
                    where r.capture_id = c.capture_id and r.ordinal >= 3
                ) as "further_recipients!",
                c.n_recipients as "n_recipients!",
                left(c.subject, 200) as subject, left(c.header_from, 200) as header_from,
                c.size_bytes as "size_bytes!", c.rule as "rule!",
                exists (
                    select from doubt d where d.capture_id = c.capture_id and d.cleared_at is null
                ) as "is_doubted!",
                twins.count as "n_twins!",
                l.n_attachments as "n_attachments?", l.is_doubtful as "is_doubtful?",
                l.snippet as "snippet?", l.language as "language?"
            from "#
                $(+ $captures)+
                + r#"
            left join listing l on l.capture_id = c.capture_id
            cross join lateral (
                select count(*) as count
                from (
                    (
                        select t.capture_id
                        from capture t
                        where t.twin_by_message_id = c.twin_by_message_id
                            and t.capture_id <> c.capture_id
                        limit "#
                + $twins
                + r#"
                    )
                    union
                    (
                        select t.capture_id
                        from capture t
                        where t.twin_by_digest = c.twin_by_digest
                            and t.capture_id <> c.capture_id
                        limit "#
                + $twins
                + r#"
                    )
                ) as twin
            ) as twins
            order by "#
                $(+ $order)+,
            $($argument),+
        )
    };
}

/// One page in one direction. Each state is read along its own index and the pages are merged, so
/// the cost is that of one page, however long the list is.
macro_rules! page {
    ($store:expr, $filter:expr, $start:expr, $compare:literal, $direction:literal) => {
        lines!(
            [
                r#"(
                select page.*
                from unnest($1::text[]) as wanted (state)
                cross join lateral (
                    select *
                    from capture
                    where capture.state = wanted.state
                        and ($2::text is null or capture.instance = $2)
                        and (capture.captured_at, capture.capture_id) "#
                $compare
                r#" ($3, $4)
                    order by captured_at "#
                $direction
                r#", capture_id "#
                $direction
                r#"
                    limit $5
                ) as page
                order by captured_at "#
                $direction
                r#", capture_id "#
                $direction
                r#"
                limit $5
            ) as c"#
            ],
            ["c.captured_at " $direction ", c.capture_id " $direction],
            "$6",
            &$filter
                .states
                .iter()
                .map(|state| state.as_str().to_owned())
                .collect::<Vec<_>>(),
            $filter.instance.as_ref().map(Instance::as_str),
            $start.captured_at,
            $start.capture_id.uuid(),
            i64::from($filter.limit),
            i64::try_from(TWINS).unwrap_or(i64::MAX),
        )
        .fetch_all(&$store.pool)
    };
}

impl Store {
    /// One page of reviews.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Line>, StoreError> {
        let start = filter.after.unwrap_or_else(|| beginning(filter.order));
        let rows = match filter.order {
            Order::OldestFirst => within(page!(self, filter, start, ">", "asc")).await,
            Order::NewestFirst => within(page!(self, filter, start, "<", "desc")).await,
        };
        let lines = rows.and_then(|rows| rows.into_iter().map(LineRow::read).collect());
        lines.map_err(|cause| StoreError::Review { cause })
    }

    /// The lines of these places, in their order.
    pub(in crate::store) async fn lines(&self, places: &[Position]) -> Result<Vec<Line>, Cause> {
        let ids: Vec<CaptureId> = places.iter().map(|place| place.capture_id).collect();
        let asked = lines!(
            ["unnest($1::uuid[]) with ordinality as wanted (id, ordinal)
                join capture c on c.capture_id = wanted.id"],
            ["wanted.ordinal"],
            "$2",
            &row::uuids(&ids),
            i64::try_from(TWINS).unwrap_or(i64::MAX),
        )
        .fetch_all(&self.pool);
        within(asked)
            .await?
            .into_iter()
            .map(LineRow::read)
            .collect()
    }
}

fn beginning(order: Order) -> Position {
    // Years 0001 and 9999: PostgreSQL and chrono both have them.
    let (second, uuid) = match order {
        Order::OldestFirst => (-62_135_596_800, Uuid::nil()),
        Order::NewestFirst => (253_370_764_800, Uuid::max()),
    };
    Position {
        captured_at: DateTime::from_timestamp(second, 0).unwrap_or_default(),
        capture_id: CaptureId::new(uuid),
    }
}

impl LineRow {
    fn read(self) -> Result<Line, Cause> {
        let glance = self.glance();
        Ok(Line {
            glance,
            capture_id: CaptureId::new(self.capture_id),
            instance: row::parsed(&self.instance, "instance")?,
            queue_id: row::parsed(&self.queue_id, "queue_id")?,
            state: row::parsed(&self.state, "state")?,
            captured_at: self.captured_at,
            sender: self.sender,
            recipients: self.recipients,
            further_recipients: self.further_recipients,
            n_recipients: u32::try_from(self.n_recipients).unwrap_or_default(),
            subject: self.subject,
            from: self.header_from,
            size_bytes: row::size(self.size_bytes),
            rule: self.rule,
            is_doubted: self.is_doubted,
            n_twins: usize::try_from(self.n_twins).unwrap_or_default().min(TWINS),
        })
    }

    fn glance(&self) -> Option<Glance> {
        Some(Glance {
            n_attachments: u32::try_from(self.n_attachments?).unwrap_or_default(),
            is_doubtful: self.is_doubtful?,
            snippet: self.snippet.clone()?,
            language: self.language.clone(),
        })
    }
}
