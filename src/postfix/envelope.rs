//! Gathers the envelope of a queue file from its records, within a bound.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use super::{
    content::Digests,
    queue_file::QueueFile,
    record::{QueueFileError, Record, kind},
};

/// What one file may keep in memory, recipients and their attributes included.
const ENVELOPE_LIMIT_BYTES: usize = 16 * 1_024 * 1_024;

/// The most recipients of one file.
const RECIPIENT_LIMIT: usize = 100_000;

/// One recipient of a queue file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipient {
    /// The address after rewriting and alias expansion.
    pub address: Vec<u8>,
    /// The address before that, if it was recorded.
    pub original: Option<Vec<u8>>,
    /// The `ORCPT` argument or what Postfix made of it, such as `rfc822;a@b.test`.
    pub dsn_original: Option<Vec<u8>>,
    /// The bits of `NOTIFY`: 1 never, 2 success, 4 failure, 8 delay (`src/global/dsn_mask.h`).
    pub notify: Option<u8>,
}

/// The envelope as it is read, before and behind the message.
#[derive(Default)]
pub(super) struct Envelope {
    sender: Option<Vec<u8>>,
    recipients: Vec<Recipient>,
    redirect: Option<Vec<u8>>,
    /// Attributes stand before the recipient that they belong to.
    next: Recipient,
    n_delivered: usize,
    arrived_at: Option<DateTime<Utc>>,
    created_second: Option<u64>,
    size_bytes: Option<u64>,
    login: Option<Vec<u8>>,
    client_address: Option<IpAddr>,
    kept_bytes: usize,
}

impl Envelope {
    /// Takes the next record that is not of the message itself.
    pub fn add(&mut self, record: &Record<'_>) -> Result<(), QueueFileError> {
        let bytes = record.bytes;
        match record.kind {
            kind::SIZE => self.size_bytes = numbers(bytes).next().flatten(),
            kind::TIME => self.arrived_at = read_time(bytes),
            kind::SENDER => self.sender = Some(self.keep(bytes)?),
            kind::ORIGINAL_RECIPIENT => self.next.original = Some(self.keep(bytes)?),
            kind::RECIPIENT => self.add_recipient(bytes)?,
            kind::REDIRECT => self.redirect = Some(self.keep(bytes)?),
            kind::DELIVERED => {
                self.n_delivered += 1;
                self.next = Recipient::default();
            }
            kind::CANCELLED_RECIPIENT => self.next = Recipient::default(),
            kind::ATTRIBUTE => self.add_attribute(bytes)?,
            // Later versions add types; none of them changes what the others mean.
            _ => {}
        }
        Ok(())
    }

    fn add_recipient(&mut self, address: &[u8]) -> Result<(), QueueFileError> {
        if self.recipients.len() >= RECIPIENT_LIMIT {
            return Err(QueueFileError::TooMuch { what: "recipients" });
        }
        self.next.address = self.keep(address)?;
        self.recipients.push(std::mem::take(&mut self.next));
        Ok(())
    }

    fn add_attribute(&mut self, attribute: &[u8]) -> Result<(), QueueFileError> {
        let mut parts = attribute.splitn(2, |byte| *byte == b'=');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
            return Ok(());
        };
        match name {
            b"create_time" => self.created_second = numbers(value).next().flatten(),
            b"sasl_username" => self.login = Some(self.keep(value)?),
            b"client_address" => self.client_address = read_text(value),
            b"dsn_orig_rcpt" => self.next.dsn_original = Some(self.keep(value)?),
            b"notify_flags" => self.next.notify = read_text(value),
            _ => {}
        }
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<Vec<u8>, QueueFileError> {
        self.kept_bytes = self.kept_bytes.saturating_add(bytes.len());
        if self.kept_bytes > ENVELOPE_LIMIT_BYTES {
            return Err(QueueFileError::TooMuch { what: "addresses" });
        }
        Ok(bytes.to_vec())
    }

    /// The envelope and the digests as one; or what is missing.
    pub fn finish(self, digests: Digests) -> Result<QueueFile, &'static str> {
        Ok(QueueFile {
            sender: self.sender.ok_or("there is no sender")?,
            recipients: self.recipients,
            redirect: self.redirect,
            n_delivered: self.n_delivered,
            arrived_at: self.arrived_at.ok_or("there is no arrival time")?,
            created_second: self.created_second,
            size_bytes: self.size_bytes.ok_or("there is no size")?,
            login: self.login,
            client_address: self.client_address,
            digest: digests.content,
            digest_without_received: digests.without_received,
        })
    }
}

fn read_time(bytes: &[u8]) -> Option<DateTime<Utc>> {
    let mut fields = numbers(bytes);
    let seconds = i64::try_from(fields.next()??).ok()?;
    let micros = fields.next().flatten().unwrap_or(0);
    let nanos = u32::try_from(micros.checked_mul(1_000)?).ok()?;
    DateTime::from_timestamp(seconds, nanos)
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = Option<u64>> {
    bytes
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
        .map(read_text)
}

fn read_text<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_limited() {
        let mut envelope = Envelope::default();
        let recipient = Record {
            kind: kind::RECIPIENT,
            bytes: b"a@b.test",
        };
        for _ in 0..RECIPIENT_LIMIT {
            envelope.add(&recipient).unwrap();
        }
        let fault = envelope.add(&recipient).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "the queue file has too many or too long recipients"
        );
    }

    #[test]
    fn memory_is_limited() {
        let mut envelope = Envelope::default();
        let bytes = vec![b'a'; ENVELOPE_LIMIT_BYTES / 2];
        let mut add = |kind| {
            envelope.add(&Record {
                kind,
                bytes: &bytes,
            })
        };
        add(kind::SENDER).unwrap();
        add(kind::ORIGINAL_RECIPIENT).unwrap();
        assert!(add(kind::ORIGINAL_RECIPIENT).is_err());
    }

    #[test]
    fn times_are_read_to_the_microsecond() {
        let time = read_time(b"1795246089 592294").unwrap();
        assert_eq!(time.timestamp_micros(), 1_795_246_089_592_294);
        assert_eq!(
            read_time(b"1795246089").unwrap().timestamp_subsec_micros(),
            0
        );
        assert_eq!(read_time(b""), None);
        assert_eq!(read_time(b"x 1"), None);
        assert_eq!(read_time(b"99999999999999999 1"), None);
        assert_eq!(
            read_time(b"1 99999999999999999999"),
            DateTime::from_timestamp(1, 0)
        );
    }
}
