//! Understands one Postfix queue file: envelope and content digest. Read-only, bounded, no panic.

use std::{
    io::{Read, Seek},
    net::IpAddr,
};

use chrono::{DateTime, Utc};

use super::{
    content::{Content, Digests, Ending, Kept},
    envelope::Envelope,
    record::{RecordReader, kind},
};
pub use super::{envelope::Recipient, record::QueueFileError};
use crate::domain::{capture::ContentDigest, queue_id::QueueId};

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

impl QueueFile {
    /// Reads a queue file from its beginning. It blocks: not for an async task.
    ///
    /// `field_limit` is the length at which Postfix cuts a header field for its milters.
    pub fn read<R: Read + Seek>(
        file: R,
        id: &QueueId,
        field_limit: usize,
    ) -> Result<Self, QueueFileError> {
        Self::read_into(file, Content::new(id, field_limit)).map(|(message, _)| message)
    }

    /// The same with the content that [`QueueFile::digest`] is of.
    ///
    /// # Errors
    /// [`QueueFileError::TooMuch`] if it is longer than `limit` bytes.
    pub fn read_content<R: Read + Seek>(
        file: R,
        id: &QueueId,
        field_limit: usize,
        limit: usize,
    ) -> Result<(Self, Vec<u8>), QueueFileError> {
        let content = Content::keeping(id, field_limit, limit);
        match Self::read_into(file, content)? {
            (message, Kept::Text(text, _)) => Ok((message, text)),
            (_, Kept::Nothing | Kept::TooMuch) => Err(QueueFileError::TooMuch { what: "lines" }),
        }
    }

    fn read_into<R: Read + Seek>(
        file: R,
        content: Content,
    ) -> Result<(Self, Kept), QueueFileError> {
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
        let mut digests = read_content(&mut records, content)?;
        let kept = std::mem::replace(&mut digests.kept, Kept::Nothing);
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
        let message = envelope.finish(digests);
        message
            .map(|message| (message, kept))
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
    fn the_content_of_an_adopted_message_is_what_its_digest_is_of() {
        let samples = [
            Sample::message(&[b"Subject: a", b"", b"body"]),
            Sample::with_envelope()
                .line(b"Received: private")
                .line(b"")
                .line(b"b")
                .end(),
        ];
        for sample in samples {
            let content =
                |limit| QueueFile::read_content(Cursor::new(&sample.bytes), &id(), 60_000, limit);
            let (message, text) = content(1_000).unwrap();
            let mut hasher = ContentHasher::new();
            hasher.update(&text);
            assert_eq!(message.digest, hasher.finish());
            assert_eq!(message, read(&sample).unwrap());
            assert!(content(text.len()).is_ok());
            assert!(!content(text.len() - 1).unwrap_err().is_transient());
        }
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
    fn sections_out_of_order_are_an_error() {
        let message = Sample::with_envelope();
        assert!(read(&Sample::default().record(kind::EXTRACTED, b"")).is_err());
        assert!(read(&message.clone().record(kind::RECIPIENT, b"x")).is_err());
        let twice = message.record(kind::EXTRACTED, b"");
        assert!(read(&twice.clone().record(kind::EXTRACTED, b"").end()).is_err());
        assert!(read(&twice.record(kind::MESSAGE, b"").end()).is_err());
    }

    proptest! {
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
