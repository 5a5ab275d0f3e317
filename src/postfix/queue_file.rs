//! Understands one Postfix queue file: envelope and content digest. Read-only, bounded, no panic.

use std::{
    io::{Read, Seek},
    net::IpAddr,
};

use chrono::{DateTime, Utc};

use super::{
    content::{Content, Digests, Ending},
    record::{QueueFileError, Record, RecordReader, kind},
};
use crate::domain::{capture::ContentDigest, queue_id::QueueId};

/// What one file may keep in memory, recipients and their attributes included.
const ENVELOPE_LIMIT_BYTES: usize = 16 * 1_024 * 1_024;

/// The most recipients of one file.
const RECIPIENT_LIMIT: usize = 100_000;

/// How far the creation time in a file may be from the one in its name, in seconds.
const CREATION_SLACK: u64 = 600;

/// What a queue file says of its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueFile {
    /// The envelope sender after rewriting; empty for the null sender.
    pub sender: Vec<u8>,
    /// The recipients still to be served, aliases and copies included.
    pub recipients: Vec<Recipient>,
    /// Recipients that were served already.
    pub n_delivered: usize,
    /// When the sender was named (`MAIL FROM`).
    pub arrived_at: DateTime<Utc>,
    /// When the queue file was made, in seconds since 1970: the age that expiry counts from.
    pub created_second: Option<u64>,
    /// The length of the content as Postfix counts it.
    pub size_bytes: u64,
    /// The SASL login.
    pub login: Option<Vec<u8>>,
    /// The client's address; none for mail from `sendmail`.
    pub client_address: Option<IpAddr>,
    /// The digest of what the last milter was shown.
    pub digest: ContentDigest,
    /// The digest that it is instead if `header_checks` rewrote Postfix's own Received field.
    pub digest_without_received: Option<ContentDigest>,
}

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

impl QueueFile {
    /// Reads a queue file from its beginning. It blocks: not for an async task.
    ///
    /// `field_limit` is the length at which Postfix cuts a header field for its milters.
    pub fn read<R: Read + Seek>(
        file: R,
        id: &QueueId,
        field_limit: usize,
    ) -> Result<Self, QueueFileError> {
        let mut records = RecordReader::new(file)?;
        let mut envelope = Envelope::default();
        loop {
            let record = records.next_record()?;
            match record.kind {
                kind::MESSAGE => break,
                kind::END | kind::EXTRACTED => {
                    return Err(records.malformed("there is no message"));
                }
                _ => envelope.add(&record)?,
            }
        }
        let digests = read_content(&mut records, Content::new(id, field_limit))?;
        loop {
            let record = records.next_record()?;
            match record.kind {
                kind::END => break,
                kind::MESSAGE | kind::EXTRACTED => {
                    return Err(records.malformed("its sections are out of order"));
                }
                _ => envelope.add(&record)?,
            }
        }
        envelope
            .finish(digests)
            .map_err(|fault| records.malformed(fault))
    }

    /// Whether the content is the one that was captured.
    pub fn holds(&self, captured: &ContentDigest) -> bool {
        self.digest == *captured || self.digest_without_received.as_ref() == Some(captured)
    }

    /// Whether the file is the one that Postfix made under this queue ID: same inode, same time.
    ///
    /// A queue restored from a backup keeps its names and gets new inodes (Postfix leaves long names
    /// alone), so a misfit means "ask a person", not "another message".
    pub fn was_made_as(&self, id: &QueueId, inode: u64) -> bool {
        let same_time = id
            .second()
            .zip(self.created_second)
            .is_some_and(|(named, created)| named.abs_diff(created) <= CREATION_SLACK);
        same_time && id.inode() == Some(inode)
    }
}

fn read_content<R: Read + Seek>(
    records: &mut RecordReader<R>,
    mut content: Content,
) -> Result<Digests, QueueFileError> {
    loop {
        let record = records.next_record()?;
        match record.kind {
            kind::LINE => content.add(Ending::Line, record.bytes),
            kind::PARTIAL_LINE => content.add(Ending::Partial, record.bytes),
            kind::EXTRACTED => return Ok(content.finish()),
            _ => return Err(records.malformed("a stranger stands in the message")),
        }
    }
}

/// The envelope as it is read, before and behind the message.
#[derive(Default)]
struct Envelope {
    sender: Option<Vec<u8>>,
    recipients: Vec<Recipient>,
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
    fn add(&mut self, record: &Record<'_>) -> Result<(), QueueFileError> {
        let bytes = record.bytes;
        match record.kind {
            kind::SIZE => self.size_bytes = numbers(bytes).next().flatten(),
            kind::TIME => self.arrived_at = read_time(bytes),
            kind::SENDER => self.sender = Some(self.keep(bytes)?),
            kind::ORIGINAL_RECIPIENT => self.next.original = Some(self.keep(bytes)?),
            kind::RECIPIENT => self.add_recipient(bytes)?,
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

    fn finish(self, digests: Digests) -> Result<QueueFile, &'static str> {
        Ok(QueueFile {
            sender: self.sender.ok_or("there is no sender")?,
            recipients: self.recipients,
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
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        mail::digest::ContentHasher,
        postfix::sample::{ID, SECOND, Sample},
    };

    fn id() -> QueueId {
        ID.parse().unwrap()
    }

    fn read(sample: &Sample) -> Result<QueueFile, QueueFileError> {
        QueueFile::read(Cursor::new(&sample.bytes), &id(), 60_000)
    }

    fn digest(content: &str) -> ContentDigest {
        let mut hasher = ContentHasher::new();
        hasher.update(content.as_bytes());
        hasher.finish()
    }

    #[test]
    fn envelope_and_content_are_understood() {
        let message = read(&Sample::message(&[b"Subject: a", b"", b"body"])).unwrap();
        assert_eq!(message.sender, b"anna@corp.test");
        assert_eq!(message.size_bytes, 391);
        assert_eq!(message.arrived_at.timestamp_micros(), 1_795_246_089_592_294);
        assert_eq!(message.client_address, "192.0.2.7".parse().ok());
        assert_eq!(message.login, None);
        let recipient = Recipient {
            address: b"bob@out.test".to_vec(),
            original: Some(b"bob@out.test".to_vec()),
            dsn_original: Some(b"rfc822;bob@out.test".to_vec()),
            notify: None,
        };
        assert_eq!(message.recipients, [recipient]);
        assert!(message.holds(&digest("Subject: a\r\n\r\nbody\r\n")));
        assert!(!message.holds(&digest("Subject: a\r\n\r\nbodY\r\n")));
    }

    #[test]
    fn recipients_behind_the_message_are_read_too() {
        let sample = Sample::with_envelope()
            .received()
            .record(kind::EXTRACTED, b"")
            .record(kind::ATTRIBUTE, b"notify_flags=1")
            .record(kind::RECIPIENT, b"copy@out.test")
            .record(kind::ORIGINAL_RECIPIENT, b"gone@out.test")
            .record(kind::CANCELLED_RECIPIENT, b"gone@out.test")
            .record(kind::DELIVERED, b"served@out.test")
            .record(kind::RECIPIENT, b"last@out.test")
            .record(kind::END, b"");
        let message = read(&sample).unwrap();
        let last: Vec<_> = message.recipients.iter().skip(1).collect();
        assert_eq!(last[0].notify, Some(1));
        assert_eq!(last[1].address, b"last@out.test");
        assert_eq!(last[1].original, None);
        assert_eq!(message.n_delivered, 1);
    }

    #[test]
    fn a_file_knows_the_name_it_was_made_under() {
        let message = read(&Sample::message(&[])).unwrap();
        assert_eq!(message.created_second, Some(SECOND));
        assert!(message.was_made_as(&id(), 88));
        assert!(!message.was_made_as(&id(), 89));
        let later: QueueId = "4jXkMG56f7z1j".parse().unwrap();
        assert!(!message.was_made_as(&later, 88));
    }

    #[test]
    fn an_earlier_milters_edits_are_followed() {
        let start = Sample::with_envelope().received();
        let header = start.bytes.len();
        // The pointer takes the place of "Subject: a" and its padding; the new field comes last.
        let body = Sample::default().pointer(0).bytes.len() + header;
        let rest = start.clone().pointer(0).line(b"").line(b"body").end();
        let new = rest.bytes.len();
        let mut edited = rest.line(b"Subject: new").pointer(body);
        let pointer = start.pointer(new).bytes;
        edited.bytes.splice(..pointer.len(), pointer);
        let message = read(&edited).unwrap();
        assert_eq!(message.digest, digest("Subject: new\r\n\r\nbody\r\n"));
    }

    #[test]
    fn pointers_in_a_circle_end() {
        let start = Sample::with_envelope();
        let circle = start.bytes.len();
        let fault = read(&start.line(b"X: 1").pointer(circle).end()).unwrap_err();
        assert!(!fault.is_transient(), "{fault}");
    }

    #[test]
    fn pointers_to_nowhere_are_an_error() {
        for target in [1, 999_999, usize::MAX] {
            let sample = Sample::with_envelope().pointer(target).end();
            assert!(read(&sample).is_err(), "{target}");
        }
        for text in ["", "-5", "x", "99999999999999999999999"] {
            let sample = Sample::with_envelope().record(kind::POINTER, text.as_bytes());
            assert!(read(&sample.end()).is_err(), "{text}");
        }
    }

    #[test]
    fn every_part_of_a_file_is_no_file() {
        let whole = Sample::message(&[b"Subject: a", b"", b"body"]);
        for length in 0..whole.bytes.len() {
            let bytes = whole.bytes[..length].to_vec();
            assert!(read(&Sample { bytes }).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn sections_out_of_order_are_an_error() {
        let message = Sample::with_envelope();
        assert!(read(&Sample::default().record(kind::EXTRACTED, b"")).is_err());
        assert!(read(&message.clone().record(kind::RECIPIENT, b"x")).is_err());
        let twice = message.record(kind::EXTRACTED, b"");
        assert!(read(&twice.clone().record(kind::EXTRACTED, b"").end()).is_err());
        assert!(read(&twice.record(kind::MESSAGE, b"").end()).is_err());
    }

    #[test]
    fn recipients_are_limited() {
        let many = (0..=RECIPIENT_LIMIT).fold(Sample::default(), |sample, _| {
            sample.record(kind::RECIPIENT, b"a@b.test")
        });
        let fault = read(&many).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "the queue file has too many or too long recipients"
        );
    }

    #[test]
    fn a_record_longer_than_memory_is_an_error() {
        let bytes = b"N\xff\xff\xff\xff\x0f".to_vec();
        assert!(read(&Sample { bytes }).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            prop_assert!(read(&Sample { bytes }).is_err());
        }

        #[test]
        fn any_change_to_a_file_is_read_without_harm(
            changes in prop::collection::vec((0..800_usize, any::<u8>()), 1..20),
        ) {
            let mut sample = Sample::message(&[b"Subject: a", b"X: y", b"", b"body"]);
            let length = sample.bytes.len();
            for (at, byte) in changes {
                sample.bytes[at % length] = byte;
            }
            // The answer is open; that there is one is the point.
            drop(read(&sample));
        }

        #[test]
        fn any_body_line_is_told_from_another(line in "[a-z\0-\x1f]{0,80}", at in 0..80_usize) {
            let first = read(&Sample::message(&[b"", line.as_bytes()])).unwrap();
            let mut other = line.into_bytes();
            other.insert(at.min(other.len()), b'X');
            let second = read(&Sample::message(&[b"", &other])).unwrap();
            prop_assert_ne!(first.digest, second.digest);
        }
    }
}
