//! Records what became of messages. The state moves with it, in the same statement.

use sqlx::types::Uuid;

use crate::domain::{capture_id::CaptureId, decision::Disposition, queue_id::QueueId};

use super::{Store, StoreError, row, within, work::Lease};

/// How a message left the hold queue, as far as this worker had a hand in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// Nothing was done: another hand was faster, or there never was a queue file.
    None,
    /// `postsuper -H`.
    Unhold,
    /// `postsuper -r`.
    Requeue {
        /// Its new name, if Postfix's log told it.
        new_queue_id: Option<QueueId>,
    },
    /// `postsuper -d`.
    Delete,
    /// `postsuper -f`.
    Expire,
}

/// What became of a decision that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The claim.
    pub lease: Lease,
    /// The message.
    pub capture_id: CaptureId,
    /// What became of it: what was decided, or [`Disposition::Gone`].
    pub disposition: Disposition,
    /// How.
    pub method: Method,
    /// What proves it, in a few words for people.
    pub evidence: String,
}

/// What became of a message that nobody had decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The message.
    pub capture_id: CaptureId,
    /// What became of it.
    pub end: Undecided,
    /// What proves it, in a few words for people.
    pub evidence: String,
}

/// How a message can leave review without a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// Another hand moved it.
    Gone,
    /// Postfix never took it into its queue; only an unconfirmed capture can end so.
    NeverQueued,
}

impl Undecided {
    fn disposition(self) -> Disposition {
        match self {
            Self::Gone => Disposition::Gone,
            Self::NeverQueued => Disposition::NeverQueued,
        }
    }
}

impl Method {
    /// The word used in the database.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Unhold => "unhold",
            Self::Requeue { .. } => "requeue",
            Self::Delete => "delete",
            Self::Expire => "expire",
        }
    }

    /// The new queue ID, if there is one and it is known.
    pub fn new_queue_id(&self) -> Option<&QueueId> {
        match self {
            Self::Requeue { new_queue_id } => new_queue_id.as_ref(),
            Self::None | Self::Unhold | Self::Delete | Self::Expire => None,
        }
    }

    /// Reads it back from its columns.
    pub(super) fn from_columns(word: &str, new_queue_id: Option<QueueId>) -> Option<Self> {
        match word {
            "none" => Some(Self::None),
            "unhold" => Some(Self::Unhold),
            "requeue" => Some(Self::Requeue { new_queue_id }),
            "delete" => Some(Self::Delete),
            "expire" => Some(Self::Expire),
            _ => None,
        }
    }
}

#[derive(Default)]
struct Columns {
    capture_ids: Vec<Uuid>,
    decision_ids: Vec<Uuid>,
    fences: Vec<i32>,
    dispositions: Vec<String>,
    methods: Vec<String>,
    new_queue_ids: Vec<Option<String>>,
    evidence: Vec<String>,
}

impl Columns {
    fn of(settlements: &[Settlement]) -> Self {
        let mut columns = Self::default();
        for settlement in settlements {
            columns.push(settlement);
        }
        columns
    }

    fn push(&mut self, settlement: &Settlement) {
        let new_queue_id = settlement.method.new_queue_id();
        self.capture_ids.push(settlement.capture_id.uuid());
        self.decision_ids.push(settlement.lease.decision_id());
        self.fences.push(settlement.lease.fence());
        self.dispositions
            .push(settlement.disposition.as_str().to_owned());
        self.methods.push(settlement.method.as_str().to_owned());
        self.new_queue_ids
            .push(new_queue_id.map(|id| id.as_str().to_owned()));
        self.evidence.push(row::text(&settlement.evidence));
    }
}

impl Store {
    /// Settles claimed decisions, all or none, and returns those that are settled now, or were by an
    /// earlier call of this worker whose answer was lost. A missing one is not: its lease was lost to
    /// another worker, who knows better.
    ///
    /// # Errors
    /// None is settled then. The database refuses a disposition that is not what was decided.
    pub async fn settle(
        &self,
        worker: &str,
        settlements: &[Settlement],
    ) -> Result<Vec<CaptureId>, StoreError> {
        let columns = Columns::of(settlements);
        // The guard on capture.state looks for the settlement: a trigger function sees what the
        // statement has done so far, and `moved` takes its rows from `inserted`. What an earlier call
        // settled is asked for one by one: a join that was planned while the table was small reads
        // all of it for each batch.
        let asked = sqlx::query_scalar!(
            "with fenced as (
                select work.decision_id, work.capture_id,
                    report.disposition, report.method, report.new_queue_id, report.evidence
                from unnest(
                    $1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[]
                ) as report (
                    capture_id, decision_id, attempt, disposition, method, new_queue_id, evidence
                )
                join work using (capture_id, decision_id, attempt)
                order by work.decision_id
                for update of work
            ),
            inserted as (
                insert into settlement (
                    capture_id, decision_id, disposition, method, new_queue_id, worker, evidence
                )
                select capture_id, decision_id, disposition, method, new_queue_id, $8, evidence
                from fenced
                returning capture_id, decision_id, disposition
            ),
            moved as (
                update capture
                set state = inserted.disposition
                from inserted
                where capture.capture_id = inserted.capture_id
                returning capture.capture_id
            ),
            removed as (
                delete from work
                using inserted
                where work.decision_id = inserted.decision_id
            )
            select capture_id as \"capture_id!\" from moved
            union all
            select report.capture_id
            from unnest($1::uuid[], $2::uuid[]) as report (capture_id, decision_id)
            where (
                select s.decision_id = report.decision_id and s.worker = $8
                from settlement s
                where s.capture_id = report.capture_id
            )",
            &columns.capture_ids,
            &columns.decision_ids,
            &columns.fences,
            &columns.dispositions,
            &columns.methods,
            &columns.new_queue_ids as _,
            &columns.evidence,
            row::text(worker),
        )
        .fetch_all(&self.pool);
        let settled = within(asked)
            .await
            .map_err(|cause| StoreError::Settle { cause })?;
        Ok(settled.into_iter().map(CaptureId::new).collect())
    }

    /// Settles messages that nobody had decided, and returns those that are settled now. A missing
    /// one was confirmed, decided or settled meanwhile: look again.
    pub async fn settle_undecided(
        &self,
        worker: &str,
        closings: &[Closing],
    ) -> Result<Vec<CaptureId>, StoreError> {
        let ids: Vec<Uuid> = closings
            .iter()
            .map(|closing| closing.capture_id.uuid())
            .collect();
        let dispositions: Vec<String> = closings
            .iter()
            .map(|closing| closing.end.disposition().as_str().to_owned())
            .collect();
        let evidence: Vec<String> = closings
            .iter()
            .map(|closing| row::text(&closing.evidence))
            .collect();
        // The lock comes first: a decision that is on its way is waited for, and wins.
        let asked = sqlx::query_scalar!(
            "with standing as (
                select c.capture_id, report.disposition, report.evidence
                from unnest($1::uuid[], $2::text[], $3::text[])
                    as report (capture_id, disposition, evidence)
                join capture c using (capture_id)
                where state_follows(c.state, report.disposition)
                    and c.state in ('captured', 'held')
                order by c.capture_id
                for no key update of c
            ),
            inserted as (
                insert into settlement (capture_id, disposition, method, worker, evidence)
                select capture_id, disposition, 'none', $4, evidence
                from standing
                returning capture_id, disposition
            )
            update capture
            set state = inserted.disposition
            from inserted
            where capture.capture_id = inserted.capture_id
            returning capture.capture_id",
            &ids,
            &dispositions,
            &evidence,
            row::text(worker),
        )
        .fetch_all(&self.pool);
        let settled = within(asked)
            .await
            .map_err(|cause| StoreError::Settle { cause })?;
        Ok(settled.into_iter().map(CaptureId::new).collect())
    }
}
