//! The key that seals the audit record, and the seal. Never in the database, never shown.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use crate::domain::audit::{Entry, Seal};

/// A shorter key could be guessed.
const SHORTEST_BYTES: usize = 32;

/// The key of the settings.
#[derive(Clone)]
pub struct AuditKey(SecretString);

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("holds less than {SHORTEST_BYTES} bytes (try `openssl rand -hex 32`)")]
pub struct ShortKey;

impl AuditKey {
    /// Takes any text of at least 32 bytes, as it is.
    pub fn new(text: SecretString) -> Result<Self, ShortKey> {
        if text.expose_secret().len() < SHORTEST_BYTES {
            return Err(ShortKey);
        }
        Ok(Self(text))
    }

    /// The seal of an entry (HMAC-SHA-256, RFC 2104).
    pub fn seal(&self, entry: &Entry) -> Seal {
        self.mac(entry).finalize().into_bytes().into()
    }

    /// Whether an entry has this seal, compared in constant time.
    pub fn has_sealed(&self, entry: &Entry, seal: &Seal) -> bool {
        self.mac(entry).verify_slice(seal).is_ok()
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn mac(&self, entry: &Entry) -> Hmac<Sha256> {
        let key = self.0.expose_secret().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
        mac.update(&entry.spelt());
        mac
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey")
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::audit::{AuditKind, AuditVia, Event};

    fn key(text: &str) -> AuditKey {
        AuditKey::new(text.to_owned().into()).unwrap()
    }

    #[test]
    fn a_short_key_is_refused() {
        for text in ["", &"k".repeat(31)] {
            assert_eq!(AuditKey::new(text.to_owned().into()).unwrap_err(), ShortKey);
        }
        assert_eq!(format!("{:?}", key(&"k".repeat(32))), "AuditKey");
    }

    #[test]
    fn a_seal_is_of_one_key_and_one_entry() {
        let entry = Entry {
            seq: 1,
            at: DateTime::UNIX_EPOCH,
            event: Event {
                actor: "rita".to_owned(),
                os_user: None,
                via: AuditVia::Cli,
                kind: AuditKind::Viewed,
                capture_id: None,
                client: None,
                detail: String::new(),
            },
            previous: [0; 32],
        };
        let (one, other) = (key(&"k".repeat(32)), key(&"j".repeat(32)));
        let seal = one.seal(&entry);
        assert!(one.has_sealed(&entry, &seal));
        assert!(!other.has_sealed(&entry, &seal));
        let changed = Entry { seq: 2, ..entry };
        assert!(!one.has_sealed(&changed, &seal));
    }
}
