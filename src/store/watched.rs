//! Records what would have been held, and counts it for whoever plans the reviewers' work. Never
//! holds a recipient, a subject or content.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::types::Uuid;

use crate::domain::{queue_id::QueueId, watched::Watched};

use super::{Cause, Store, StoreError, row, within};

/// How much was watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages.
    pub messages: u64,
    /// Different senders: directory entries, or identities where there is no entry.
    pub senders: u64,
    /// Recipients of all messages, whoever has several counted as often.
    pub recipients: u64,
}

/// How much was watched, and between which times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Course {
    /// How much.
    pub tally: Tally,
    /// When the first message was watched.
    pub first: DateTime<Utc>,
    /// When the last one was.
    pub last: DateTime<Utc>,
}

/// The page of figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Everything, or `None` if nothing was watched.
    pub total: Option<Course>,
    /// By rule.
    pub rules: BTreeMap<String, Course>,
    /// By span: the number of its beginning among those that were asked for, from 0 on. Spans without
    /// a message are left out.
    pub spans: BTreeMap<usize, Course>,
    /// By hour of the clock in UTC, each named by its beginning.
    pub hours: BTreeMap<DateTime<Utc>, Course>,
}

/// One sender whose mail was watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The identity that matched last; empty if none was known.
    pub identity: String,
    /// Its directory entry; empty if none matters.
    pub entry: String,
    /// How much.
    pub course: Course,
}

impl Store {
    /// Records watched messages in one statement; those that are recorded already stay as they are.
    ///
    /// # Errors
    /// Nothing is recorded then. A permanent error means that one of the messages is to blame.
    pub async fn record_watched(&self, batch: &[Watched]) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let count = batch.len();
        within(Columns::of(batch).insert(self))
            .await
            .map_err(|cause| StoreError::RecordWatched { count, cause })
    }

    /// Counts what was watched since the first of `begins`, by rule, by hour, and by the spans that
    /// begin at these times, which must be in order.
    pub async fn watched(&self, begins: &[DateTime<Utc>]) -> Result<Figures, StoreError> {
        let asked = sqlx::query_as!(
            GroupRow,
            r#"select
                grouping(rule, span, hour) as "left_out!",
                rule as "rule?", span as "span?", hour as "hour?",
                count(*) as "messages!", count(distinct sender) as "senders!",
                sum(n_recipients) as "recipients!", min(watched_at) as "first!",
                max(watched_at) as "last!"
            from (
                select rule, n_recipients, watched_at,
                    coalesce(nullif(entry, ''), nullif(identity, '')) as sender,
                    width_bucket(watched_at, $1::timestamptz[]) as span,
                    date_trunc('hour', watched_at, 'UTC') as hour
                from watched
                where watched_at >= ($1::timestamptz[])[1]
            ) as counted
            group by grouping sets ((), (rule), (span), (hour))
            having count(*) > 0"#,
            begins,
        )
        .fetch_all(&self.pool);
        let rows = within(asked).await;
        let figures = rows.and_then(|rows| rows.into_iter().try_fold(Figures::default(), add));
        figures.map_err(|cause| StoreError::CountWatched { cause })
    }

    /// Those whose mail was watched most since a time, busiest first, `limit` at most.
    pub async fn watched_senders(
        &self,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Sender>, StoreError> {
        let asked = sqlx::query!(
            r#"select
                (array_agg(identity order by watched_at desc))[1] as "identity!",
                max(entry) as "entry!", count(*) as "messages!",
                sum(n_recipients) as "recipients!", min(watched_at) as "first!",
                max(watched_at) as "last!"
            from watched
            where watched_at >= $1
            group by coalesce(nullif(entry, ''), identity)
            order by count(*) desc, max(watched_at) desc
            limit $2"#,
            since,
            i64::from(limit),
        )
        .fetch_all(&self.pool);
        let rows = within(asked)
            .await
            .map_err(|cause| StoreError::CountWatched { cause })?;
        let senders = rows.into_iter().map(|one| Sender {
            identity: one.identity,
            entry: one.entry,
            course: Course {
                tally: Tally {
                    messages: row::size(one.messages),
                    senders: 1,
                    recipients: row::size(one.recipients),
                },
                first: one.first,
                last: one.last,
            },
        });
        Ok(senders.collect())
    }
}

struct GroupRow {
    left_out: i32,
    rule: Option<String>,
    span: Option<i32>,
    hour: Option<DateTime<Utc>>,
    messages: i64,
    senders: i64,
    recipients: i64,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
}

/// Puts one group where it belongs: `left_out` has a bit for each column that does not count in it.
fn add(mut figures: Figures, group: GroupRow) -> Result<Figures, Cause> {
    let course = Course {
        tally: Tally {
            messages: row::size(group.messages),
            senders: row::size(group.senders),
            recipients: row::size(group.recipients),
        },
        first: group.first,
        last: group.last,
    };
    match (group.left_out, group.rule, group.span, group.hour) {
        (0b111, ..) => figures.total = Some(course),
        (0b011, Some(rule), ..) => drop(figures.rules.insert(rule, course)),
        // PostgreSQL counts from 1.
        (0b101, _, Some(span), _) => {
            let span = usize::try_from(span).unwrap_or_default().saturating_sub(1);
            figures.spans.insert(span, course);
        }
        (0b110, _, _, Some(hour)) => drop(figures.hours.insert(hour, course)),
        (left_out, ..) => {
            let text = format!("column left_out: {left_out} is no group that was asked for");
            return Err(Cause::Unreadable(text));
        }
    }
    Ok(figures)
}

/// A batch as columns, one bound array each.
#[derive(Default)]
struct Columns {
    watched_id: Vec<Uuid>,
    instance: Vec<String>,
    queue_id: Vec<Option<String>>,
    watched_at: Vec<DateTime<Utc>>,
    rule: Vec<String>,
    identity_kind: Vec<String>,
    identity: Vec<String>,
    entry: Vec<String>,
    flag: Vec<String>,
    n_recipients: Vec<i32>,
}

impl Columns {
    fn of(batch: &[Watched]) -> Self {
        let mut columns = Self::default();
        for watched in batch {
            columns.push(watched);
        }
        columns
    }

    fn push(&mut self, watched: &Watched) {
        let matched = &watched.grounds.matched;
        let queue_id = watched.queue_id.as_ref().map(QueueId::as_str);
        self.watched_id.push(watched.id);
        self.instance.push(watched.instance.as_str().to_owned());
        self.queue_id.push(queue_id.map(str::to_owned));
        self.watched_at.push(watched.watched_at);
        self.rule.push(row::text(&watched.grounds.rule));
        self.identity_kind.push(row::text(&matched.identity_kind));
        self.identity.push(row::text(&matched.identity));
        self.entry.push(row::text(&matched.entry));
        self.flag.push(row::text(&matched.flag));
        let n_recipients = i32::try_from(watched.n_recipients);
        self.n_recipients.push(n_recipients.unwrap_or(i32::MAX));
    }

    async fn insert(self, store: &Store) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into watched (
                watched_id, instance, queue_id, watched_at,
                rule, identity_kind, identity, entry, flag, n_recipients
            )
            select *
            from unnest(
                $1::uuid[], $2::text[], $3::text[], $4::timestamptz[],
                $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::int[]
            )
            on conflict do nothing",
            &self.watched_id,
            &self.instance,
            &self.queue_id as _,
            &self.watched_at,
            &self.rule,
            &self.identity_kind,
            &self.identity,
            &self.entry,
            &self.flag,
            &self.n_recipients,
        )
        .execute(&store.pool)
        .await
        .map(drop)
    }
}
