//! One message between MAIL and end of message, in two stages that consume each other.

use chrono::{DateTime, Utc};

use super::{OnItsWay, answer::IntakeError, tally::Sender};
use crate::{
    domain::{
        address::Address,
        capture::{Capture, Client},
        capture_id::CaptureId,
        envelope::{Envelope, Path},
        instance::Instance,
        policy::Evidence,
        queue_id::QueueId,
        verdict::Grounds,
    },
    mail::{
        author, digest,
        header::{FROM_LIMIT_BYTES, n_from_bytes},
    },
    spool::{Draft, SpoolError},
};

/// A message on its way that a rule may hold. Dropping it leaves no trace.
pub enum Transaction {
    /// MAIL seen, recipients arriving.
    Addressing(Box<Addressing>),
    /// Recipients final; the header field From decides, and is arriving.
    Heading(Box<Heading>),
    /// Recipients final, the policy holds the message; header fields and body arriving.
    Reading(Box<Reading>),
    /// The content could not be kept: the end of the message is a temporary failure.
    Failed(IntakeError),
}

/// MAIL seen, recipients arriving.
pub struct Addressing {
    /// What is known of who sends it.
    pub evidence: Evidence,
    /// Who sends it.
    pub client: Client,
    /// Sender and recipients so far.
    pub envelope: Envelope,
    /// What the recipients so far take up.
    pub n_envelope_bytes: usize,
    /// Counts as a message on its way.
    pub on_its_way: OnItsWay,
}

/// Recipients final, header fields arriving. They are kept in memory alone, because the message may
/// be none of our business.
pub struct Heading {
    /// What is known so far.
    pub addressing: Addressing,
    /// The queue ID that was known at DATA.
    pub queue_id: Option<String>,
    fields: Vec<u8>,
    from: Vec<Vec<u8>>,
    n_from_bytes: usize,
}

/// Header fields and body arriving.
pub struct Reading {
    grounds: Grounds,
    client: Client,
    envelope: Envelope,
    kept: Kept,
    fields: Vec<u8>,
    n_from_bytes: usize,
    queue_id_at_data: Option<String>,
    on_its_way: OnItsWay,
}

/// Where the content of a held message goes, and on whose account.
pub struct Kept {
    /// The content so far.
    pub draft: Draft,
    /// The name under which the capture counts.
    pub sender: Sender,
}

/// A whole message.
pub struct Finished {
    /// The facts.
    pub capture: Capture,
    /// The content.
    pub kept: Kept,
    /// Counts as a message on its way.
    pub on_its_way: OnItsWay,
}

/// The longest list of recipients: tens of thousands. Postfix takes 1,000 over SMTP
/// (`smtpd_recipient_limit`), and any number from `sendmail`.
const ENVELOPE_LIMIT_BYTES: usize = 8 * 1_024 * 1_024;

/// The longest header section that is read for its From fields. Postfix limits each field, but not
/// their number.
const HEADER_LIMIT_BYTES: usize = 1_024 * 1_024;

/// The header section is handed over to the draft in pieces of this size.
const FIELDS_PIECE_BYTES: usize = 16 * 1_024;

impl Addressing {
    /// Adds a recipient that Postfix has accepted.
    pub fn add_recipient(&mut self, recipient: Path) -> Result<(), IntakeError> {
        self.n_envelope_bytes = self.n_envelope_bytes.saturating_add(recipient.n_bytes());
        if self.n_envelope_bytes > ENVELOPE_LIMIT_BYTES {
            return Err(IntakeError::EnvelopeTooLong(ENVELOPE_LIMIT_BYTES));
        }
        self.envelope.recipients.push(recipient);
        Ok(())
    }

    /// The recipients are final, and the header field From decides.
    pub fn await_author(self, queue_id: Option<String>) -> Heading {
        Heading {
            addressing: self,
            queue_id,
            fields: Vec::new(),
            from: Vec::new(),
            n_from_bytes: 0,
        }
    }

    /// The recipients are final, and the message is to be held.
    pub fn begin_content(self, grounds: Grounds, kept: Kept, queue_id: Option<String>) -> Reading {
        Reading {
            grounds,
            client: self.client,
            envelope: self.envelope,
            kept,
            fields: Vec::with_capacity(FIELDS_PIECE_BYTES),
            n_from_bytes: 0,
            queue_id_at_data: queue_id,
            on_its_way: self.on_its_way,
        }
    }
}

impl Heading {
    /// Adds a header field as Postfix gave it.
    pub fn add_field(&mut self, name: &[u8], value: &[u8]) -> Result<(), IntakeError> {
        if self.fields.len() + name.len() + value.len() > HEADER_LIMIT_BYTES {
            return Err(IntakeError::HeaderTooLong(HEADER_LIMIT_BYTES));
        }
        digest::render_header(name, value, &mut self.fields);
        count_from(&mut self.n_from_bytes, name, value)?;
        if author::is_from(name) {
            self.from.push(value.to_vec());
        }
        Ok(())
    }

    /// The mailboxes of its From fields; one more than `most` if there are more.
    pub fn authors(&self, most: usize) -> Vec<Address> {
        author::authors(&self.from, most)
    }

    /// The message is to be held: all fields so far belong to its content.
    pub fn begin_content(self, grounds: Grounds, kept: Kept) -> Reading {
        let mut reading = self.addressing.begin_content(grounds, kept, self.queue_id);
        reading.fields = self.fields;
        reading.n_from_bytes = self.n_from_bytes;
        reading
    }
}

impl Reading {
    /// Adds a header field as Postfix gave it.
    pub async fn add_field(&mut self, name: &[u8], value: &[u8]) -> Result<(), IntakeError> {
        count_from(&mut self.n_from_bytes, name, value)?;
        digest::render_header(name, value, &mut self.fields);
        if self.fields.len() < FIELDS_PIECE_BYTES {
            return Ok(());
        }
        self.flush_fields().await.map_err(IntakeError::Capture)
    }

    /// The header section is complete: one empty line, whether a body follows or not.
    pub async fn end_header(&mut self) -> Result<(), SpoolError> {
        self.fields.extend_from_slice(b"\r\n");
        self.flush_fields().await
    }

    /// Adds a piece of the body.
    pub async fn add_body(&mut self, chunk: &[u8]) -> Result<(), SpoolError> {
        self.kept.draft.write(chunk).await
    }

    /// The queue ID that was known at DATA.
    pub fn queue_id_at_data(&self) -> Option<&str> {
        self.queue_id_at_data.as_deref()
    }

    /// The queue ID is final only now, and so is the capture.
    pub fn finish(self, at: EndOfMessage) -> Finished {
        let capture = Capture {
            id: at.capture_id,
            instance: at.instance,
            queue_id: at.queue_id,
            captured_at: at.now,
            envelope: self.envelope,
            client: self.client,
            grounds: self.grounds,
            size_bytes: self.kept.draft.size_bytes(),
            digest: self.kept.draft.digest(),
        };
        Finished {
            capture,
            kept: self.kept,
            on_its_way: self.on_its_way,
        }
    }

    async fn flush_fields(&mut self) -> Result<(), SpoolError> {
        let written = self.kept.draft.write(&self.fields).await;
        self.fields.clear();
        written
    }
}

/// Rights over a captured message depend on all its authors, so there are no more than are read.
fn count_from(n_bytes: &mut usize, name: &[u8], value: &[u8]) -> Result<(), IntakeError> {
    *n_bytes += n_from_bytes(name, value);
    if *n_bytes > FROM_LIMIT_BYTES {
        return Err(IntakeError::HeaderTooLong(FROM_LIMIT_BYTES));
    }
    Ok(())
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
