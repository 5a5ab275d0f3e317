//! A message as Postfix hands it to a milter, and the bytes that it stands for.

use bytes::Bytes;

/// A long queue ID.
pub const QUEUE_ID: &str = "4jWkMG56f7z1j";

/// One message with its envelope. Most parts have a small default.
#[derive(Clone, Debug)]
pub struct Mail {
    pub login: Option<Vec<u8>>,
    /// The argument of MAIL, then its ESMTP arguments.
    pub sender: Vec<Vec<u8>>,
    /// What Postfix makes of the sender, where that is another address.
    pub rewritten: Option<Vec<u8>>,
    /// The same for each RCPT.
    pub recipients: Vec<Vec<Vec<u8>>>,
    /// Names and values; a value is all that follows the colon.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub chunks: Vec<Bytes>,
    /// From which stage on Postfix names the queue file: MAIL for `sendmail`, DATA over SMTP.
    pub queue_id_at_mail: Option<String>,
    pub queue_id_at_data: Option<String>,
    pub queue_id_at_end: Option<String>,
}

impl Mail {
    /// A small message without recipients.
    pub fn from(sender: impl AsRef<[u8]>) -> Self {
        Self {
            login: None,
            sender: vec![sender.as_ref().to_vec()],
            rewritten: None,
            recipients: Vec::new(),
            fields: vec![(b"Subject".to_vec(), b" hello".to_vec())],
            chunks: vec![Bytes::from_static(b"Hello\r\n")],
            queue_id_at_mail: None,
            queue_id_at_data: Some(QUEUE_ID.to_owned()),
            queue_id_at_end: Some(QUEUE_ID.to_owned()),
        }
    }

    /// A message that is held: from a flagged person out of the house.
    pub fn flagged() -> Self {
        Self::from("<anna@corp.test>").to("<bob@elsewhere.test>")
    }

    /// A message that nobody looks at.
    pub fn unflagged() -> Self {
        Self::from("<ben@corp.test>").to("<bob@elsewhere.test>")
    }

    pub fn to(mut self, recipient: impl AsRef<[u8]>) -> Self {
        self.recipients.push(vec![recipient.as_ref().to_vec()]);
        self
    }

    pub fn login(mut self, login: impl AsRef<[u8]>) -> Self {
        self.login = Some(login.as_ref().to_vec());
        self
    }

    /// Postfix makes another sender of the one that was named.
    pub fn rewritten(mut self, sender: &str) -> Self {
        self.rewritten = Some(sender.into());
        self
    }

    /// Takes the place of the header section.
    pub fn fields(mut self, fields: &[(&str, &str)]) -> Self {
        let bytes =
            |(name, value): &(&str, &str)| (name.as_bytes().into(), value.as_bytes().into());
        self.fields = fields.iter().map(bytes).collect();
        self
    }

    /// Takes the place of the body, in the chunks given.
    pub fn body<C: AsRef<[u8]>>(mut self, chunks: impl IntoIterator<Item = C>) -> Self {
        let bytes = |chunk: C| Bytes::copy_from_slice(chunk.as_ref());
        self.chunks = chunks.into_iter().map(bytes).collect();
        self
    }

    /// Another queue ID, from DATA on.
    pub fn queue_id(mut self, queue_id: &str) -> Self {
        self.queue_id_at_data = Some(queue_id.to_owned());
        self.queue_id_at_end = Some(queue_id.to_owned());
        self
    }

    /// The bytes of the message, spelled here anew: not by the code under test.
    pub fn content(&self) -> Vec<u8> {
        let mut content = Vec::new();
        for (name, value) in &self.fields {
            content.extend_from_slice(name);
            content.push(b':');
            for byte in value {
                match byte {
                    b'\n' => content.extend_from_slice(b"\r\n"),
                    other => content.push(*other),
                }
            }
            content.extend_from_slice(b"\r\n");
        }
        content.extend_from_slice(b"\r\n");
        content.extend(self.chunks.iter().flatten());
        content
    }
}
