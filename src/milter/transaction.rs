//! One message between MAIL and end of message, in two stages that consume each other.

use chrono::{DateTime, Utc};

use super::OnItsWay;
use crate::{
    domain::{
        capture::{Capture, Client},
        capture_id::CaptureId,
        envelope::{Envelope, Path},
        instance::Instance,
        person::Suspicion,
        queue_id::QueueId,
        verdict::Grounds,
    },
    mail::digest,
    spool::{Draft, SpoolError},
};

/// A suspected message on its way. Dropping it leaves no trace.
pub enum Transaction {
    /// MAIL seen, recipients arriving.
    Addressing(Box<Addressing>),
    /// Recipients final, the policy holds the message; header fields and body arriving.
    Reading(Box<Reading>),
    /// The content could not be kept: the end of the message is a temporary failure.
    Failed(SpoolError),
}

/// MAIL seen, recipients arriving.
pub struct Addressing {
    /// Why the message is looked at.
    pub suspicion: Suspicion,
    /// Who sends it.
    pub client: Client,
    /// Sender and recipients so far.
    pub envelope: Envelope,
    /// Counts as a message on its way.
    pub on_its_way: OnItsWay,
}

/// Header fields and body arriving.
pub struct Reading {
    grounds: Grounds,
    client: Client,
    envelope: Envelope,
    draft: Draft,
    fields: Vec<u8>,
    queue_id_at_data: Option<String>,
    on_its_way: OnItsWay,
}

/// The header section is handed over to the draft in pieces of this size.
const FIELDS_PIECE_BYTES: usize = 16 * 1_024;

impl Addressing {
    /// Adds a recipient that Postfix has accepted.
    pub fn add_recipient(&mut self, recipient: Path) {
        self.envelope.recipients.push(recipient);
    }

    /// The recipients are final, and the message is to be held.
    pub fn begin_content(
        self,
        grounds: Grounds,
        draft: Draft,
        queue_id: Option<String>,
    ) -> Reading {
        Reading {
            grounds,
            client: self.client,
            envelope: self.envelope,
            draft,
            fields: Vec::with_capacity(FIELDS_PIECE_BYTES),
            queue_id_at_data: queue_id,
            on_its_way: self.on_its_way,
        }
    }
}

impl Reading {
    /// Adds a header field as Postfix gave it.
    pub async fn add_field(&mut self, name: &[u8], value: &[u8]) -> Result<(), SpoolError> {
        digest::render_header(name, value, &mut self.fields);
        if self.fields.len() < FIELDS_PIECE_BYTES {
            return Ok(());
        }
        self.flush_fields().await
    }

    /// The header section is complete: one empty line, whether a body follows or not.
    pub async fn end_header(&mut self) -> Result<(), SpoolError> {
        self.fields.extend_from_slice(b"\r\n");
        self.flush_fields().await
    }

    /// Adds a piece of the body.
    pub async fn add_body(&mut self, chunk: &[u8]) -> Result<(), SpoolError> {
        self.draft.write(chunk).await
    }

    /// The queue ID that was known at DATA.
    pub fn queue_id_at_data(&self) -> Option<&str> {
        self.queue_id_at_data.as_deref()
    }

    /// The queue ID is final only now, and so is the capture.
    pub fn finish(self, at: EndOfMessage) -> (Capture, Draft, OnItsWay) {
        let capture = Capture {
            id: at.capture_id,
            instance: at.instance,
            queue_id: at.queue_id,
            captured_at: at.now,
            envelope: self.envelope,
            client: self.client,
            grounds: self.grounds,
            size_bytes: self.draft.size_bytes(),
            digest: self.draft.digest(),
        };
        (capture, self.draft, self.on_its_way)
    }

    async fn flush_fields(&mut self) -> Result<(), SpoolError> {
        let written = self.draft.write(&self.fields).await;
        self.fields.clear();
        written
    }
}

/// What is known only at the end of a message.
pub struct EndOfMessage {
    /// Our name of the capture.
    pub capture_id: CaptureId,
    /// The Postfix instance.
    pub instance: Instance,
    /// Postfix's name of the message.
    pub queue_id: QueueId,
    /// The time.
    pub now: DateTime<Utc>,
}
