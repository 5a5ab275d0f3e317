//! A batch of captures turned into columns, one bound array each: the statement stays the same
//! whatever the batch, and costs one round trip.

use chrono::{DateTime, Utc};
use sqlx::types::Uuid;
use sqlx::{Postgres, Transaction};

use crate::domain::{capture::Capture, envelope::Path};

use super::{HeaderFields, Record, row};

#[derive(Default)]
pub(super) struct CaptureColumns {
    capture_id: Vec<Uuid>,
    instance: Vec<String>,
    queue_id: Vec<String>,
    captured_at: Vec<DateTime<Utc>>,
    sender: PathColumns,
    n_recipients: Vec<i32>,
    client: ClientColumns,
    grounds: GroundsColumns,
    size_bytes: Vec<i64>,
    digest: Vec<Vec<u8>>,
    header: HeaderColumns,
}

#[derive(Default)]
struct PathColumns {
    shown: Vec<String>,
    argument: Vec<Vec<u8>>,
    parameters: Vec<String>,
    rewritten: Vec<Option<Vec<u8>>>,
}

#[derive(Default)]
struct ClientColumns {
    login: Vec<Option<Vec<u8>>>,
    address: Vec<Option<String>>,
    name: Vec<Option<Vec<u8>>>,
    daemon: Vec<Option<Vec<u8>>>,
}

#[derive(Default)]
struct GroundsColumns {
    rule: Vec<String>,
    identity_kind: Vec<String>,
    identity: Vec<String>,
    entry: Vec<String>,
    flag: Vec<String>,
    recipient: Vec<String>,
}

#[derive(Default)]
struct HeaderColumns {
    subject: Vec<Option<String>>,
    from: Vec<Option<String>>,
    to: Vec<Option<String>>,
    date: Vec<Option<String>>,
    message_id: Vec<Option<String>>,
}

impl CaptureColumns {
    pub(super) fn of<C>(records: &[Record<C>]) -> Self {
        let mut columns = Self::default();
        for record in records {
            columns.push(&record.capture, &record.header);
        }
        columns
    }

    fn push(&mut self, capture: &Capture, header: &HeaderFields) {
        self.capture_id.push(capture.id.uuid());
        self.instance.push(capture.instance.as_str().to_owned());
        self.queue_id.push(capture.queue_id.as_str().to_owned());
        self.captured_at.push(capture.captured_at);
        self.sender.push(&capture.envelope.sender);
        let n_recipients = i32::try_from(capture.envelope.recipients.len());
        self.n_recipients.push(n_recipients.unwrap_or(i32::MAX));
        self.client.push(capture);
        self.grounds.push(capture);
        self.size_bytes
            .push(i64::try_from(capture.size_bytes).unwrap_or(i64::MAX));
        self.digest.push(capture.digest.0.to_vec());
        self.header.push(header);
    }

    pub(super) async fn insert(
        self,
        transaction: &mut Transaction<'static, Postgres>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query_file!(
            "src/store/captures/insert_capture.sql",
            &self.capture_id,
            &self.instance,
            &self.queue_id,
            &self.captured_at,
            &self.sender.shown,
            &self.sender.argument,
            &self.sender.parameters,
            &self.sender.rewritten as _,
            &self.n_recipients,
            &self.client.login as _,
            &self.client.address as _,
            &self.client.name as _,
            &self.client.daemon as _,
            &self.grounds.rule,
            &self.grounds.identity_kind,
            &self.grounds.identity,
            &self.grounds.entry,
            &self.grounds.flag,
            &self.grounds.recipient,
            &self.size_bytes,
            &self.digest,
            &self.header.subject as _,
            &self.header.from as _,
            &self.header.to as _,
            &self.header.date as _,
            &self.header.message_id as _,
        )
        .execute(&mut **transaction)
        .await
        .map(drop)
    }
}

impl PathColumns {
    fn push(&mut self, path: &Path) {
        self.shown.push(row::text(&path.to_display()));
        self.argument.push(path.argument.clone());
        self.parameters.push(row::bytea_array(&path.parameters));
        self.rewritten.push(path.rewritten.clone());
    }
}

impl ClientColumns {
    fn push(&mut self, capture: &Capture) {
        let client = &capture.client;
        self.login.push(client.login.clone());
        self.address
            .push(client.address.map(|address| address.to_string()));
        self.name.push(client.name.clone());
        self.daemon.push(client.daemon.clone());
    }
}

impl GroundsColumns {
    fn push(&mut self, capture: &Capture) {
        let matched = &capture.grounds.matched;
        self.rule.push(row::text(&capture.grounds.rule));
        self.identity_kind.push(row::text(&matched.identity_kind));
        self.identity.push(row::text(&matched.identity));
        self.entry.push(row::text(&matched.entry));
        self.flag.push(row::text(&matched.flag));
        self.recipient.push(row::text(&matched.recipient));
    }
}

impl HeaderColumns {
    fn push(&mut self, header: &HeaderFields) {
        self.subject
            .push(row::optional_text(header.subject.as_deref()));
        self.from.push(row::optional_text(header.from.as_deref()));
        self.to.push(row::optional_text(header.to.as_deref()));
        self.date.push(row::optional_text(header.date.as_deref()));
        self.message_id
            .push(row::optional_text(header.message_id.as_deref()));
    }
}

#[derive(Default)]
pub(super) struct RecipientColumns {
    capture_id: Vec<Uuid>,
    ordinal: Vec<i32>,
    path: PathColumns,
}

impl RecipientColumns {
    pub(super) fn of<C>(records: &[Record<C>]) -> Self {
        let mut columns = Self::default();
        for record in records {
            let recipients = &record.capture.envelope.recipients;
            for (ordinal, recipient) in (0..).zip(recipients) {
                columns.capture_id.push(record.capture.id.uuid());
                columns.ordinal.push(ordinal);
                columns.path.push(recipient);
            }
        }
        columns
    }

    pub(super) async fn insert(
        self,
        transaction: &mut Transaction<'static, Postgres>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into capture_recipient (
                capture_id, ordinal, recipient, argument, parameters, rewritten
            )
            select capture_id, ordinal, recipient, argument, parameters::bytea[], rewritten
            from unnest($1::uuid[], $2::int[], $3::text[], $4::bytea[], $5::text[], $6::bytea[])
                as fresh (capture_id, ordinal, recipient, argument, parameters, rewritten)
            on conflict do nothing",
            &self.capture_id,
            &self.ordinal,
            &self.path.shown,
            &self.path.argument,
            &self.path.parameters,
            &self.path.rewritten as _,
        )
        .execute(&mut **transaction)
        .await
        .map(drop)
    }
}
