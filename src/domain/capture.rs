//! Our copy of a held message: all facts but the content itself.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;

use super::{
    capture_id::CaptureId, envelope::Envelope, instance::Instance, queue_id::QueueId,
    verdict::Grounds,
};

/// The facts of one capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Our own name of it.
    pub id: CaptureId,
    /// The Postfix instance that holds the message.
    pub instance: Instance,
    /// Postfix's name of it; with `instance` the key towards Postfix.
    pub queue_id: QueueId,
    /// When the end of the message was seen.
    pub captured_at: DateTime<Utc>,
    /// Sender and recipients as the client sent them.
    pub envelope: Envelope,
    /// Who sent it, as far as Postfix knows.
    pub client: Client,
    /// Why it is held.
    pub grounds: Grounds,
    /// Length of the content in bytes, lines ending in CRLF.
    pub size_bytes: u64,
    /// SHA-256 of the content; see [`ContentDigest`].
    pub digest: ContentDigest,
}

/// The client that submitted a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The SASL login (`{auth_authen}`), if the client signed in.
    pub login: Option<Vec<u8>>,
    /// The client's address (`{client_addr}`); loopback for `sendmail` submissions.
    pub address: Option<IpAddr>,
    /// The client's name (`{client_name}`), `unknown` if it has none.
    pub name: Option<Vec<u8>>,
    /// The Postfix service that took the mail (`{daemon_name}`).
    pub daemon: Option<Vec<u8>>,
}

/// SHA-256 over each header field as `name ":" value CRLF` (folds as CRLF), one CRLF always, then
/// the body with CRLF line ends. The same for what the milter saw and for what the queue file holds
/// without the Received field that Postfix put on top.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentDigest(pub [u8; 32]);

impl std::fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl std::fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ContentDigest({self})")
    }
}
